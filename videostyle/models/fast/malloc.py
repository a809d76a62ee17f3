"""What the C library does with freed memory: the passes allocate and free blocks of megabytes by the thousand."""

from __future__ import annotations

import ctypes
import sys

LARGEST = 32 << 20  # bytes of a block that may be kept: glibc allows no more

KEPT = 128 << 20  # bytes that may be kept at the end of the heap

_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3  # malloc.h


def keep_freed_memory() -> None:
    """Lets glibc keep freed blocks for reuse, instead of returning many to the system and mapping fresh pages.

    An evaluation at 320x180 takes 0.175 s instead of 0.222; a run at 1280x720 holds a quarter of a gigabyte more than if
    all blocks from 4 MB on were returned at once. Other C libraries are left alone.
    """
    if sys.platform == "linux" and hasattr(library := ctypes.CDLL(None), "mallopt"):
        library.mallopt(_M_MMAP_THRESHOLD, LARGEST)
        library.mallopt(_M_TRIM_THRESHOLD, KEPT)
