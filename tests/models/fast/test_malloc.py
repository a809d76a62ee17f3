"""Freed memory: where it is asked for, blocks of some megabytes are kept for the next."""

from __future__ import annotations

import subprocess
import sys

import pytest

CODE = """
import psutil, torch
from videostyle.models.fast.malloc import keep_freed_memory
if {asked}:
    keep_freed_memory()
blocks = [torch.ones(2_500_000) for _ in range(10)]
held = psutil.Process().memory_info().rss
del blocks
print((held - psutil.Process().memory_info().rss) >> 20)
"""


def given_back(asked: bool) -> int:
    """Megabytes that the system gets back of ten freed blocks of 10 MB."""
    done = subprocess.run([sys.executable, "-c", CODE.format(asked=asked)], capture_output=True, text=True, check=True)
    return int(done.stdout)


@pytest.mark.skipif(sys.platform != "linux", reason="a setting of glibc")
def test_freed_blocks_are_kept_where_it_is_asked_for():
    assert given_back(asked=True) < 20 < 60 < given_back(asked=False)
