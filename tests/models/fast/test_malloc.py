"""Freed memory: on request, glibc keeps blocks of some megabytes for reuse."""

from __future__ import annotations

import subprocess
import sys

import pytest

CODE = """
import psutil, torch
from videostyle.models.fast.malloc import keep_freed_memory
if {requested}:
    keep_freed_memory()
blocks = [torch.ones(2_500_000) for _ in range(10)]
held = psutil.Process().memory_info().rss
del blocks
print((held - psutil.Process().memory_info().rss) >> 20)
"""


def returned(requested: bool) -> int:
    """Megabytes returned to the system of ten freed blocks of 10 MB."""
    code = CODE.format(requested=requested)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return int(done.stdout)


@pytest.mark.skipif(sys.platform != "linux", reason="a setting of glibc")
def test_freed_blocks_are_kept_on_request():
    assert returned(requested=True) < 20 < 60 < returned(requested=False)
