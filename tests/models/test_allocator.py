"""Freed memory: where it is asked for, blocks of some megabytes go back to the system at once."""

from __future__ import annotations

import subprocess
import sys

import pytest

CODE = """
import ctypes, psutil, torch
from videostyle.models.allocator import return_freed_memory
warm = torch.ones(8_000_000)  # 32 MB: freeing it would raise glibc's threshold
del warm
if {asked}:
    return_freed_memory()
blocks = [torch.ones(2_000_000) for _ in range(32)]
held = psutil.Process().memory_info().rss
del blocks[:-1]  # the last one keeps the heap from shrinking
print((held - psutil.Process().memory_info().rss) >> 20)
"""


def freed(asked: bool) -> int:
    """Megabytes that come back of 31 freed blocks of 8 MB."""
    done = subprocess.run([sys.executable, "-c", CODE.format(asked=asked)], capture_output=True, text=True, check=True)
    return int(done.stdout)


@pytest.mark.skipif(sys.platform != "linux", reason="a setting of glibc")
def test_freed_blocks_go_back_to_the_system_where_it_is_asked_for():
    assert freed(asked=True) > 200 > freed(asked=False)
