"""What the C library does with freed memory: the network's passes take and give back blocks of megabytes by the thousand."""

from __future__ import annotations

import ctypes
import sys

LARGEST = 32 << 20  # bytes of a block that may be kept: glibc allows no more

KEPT = 128 << 20  # bytes that may be kept at the end of the heap

_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3  # malloc.h


def keep_freed_memory() -> None:
    """Lets glibc keep freed blocks for the next, where it would give many back to the system and have their pages made anew.

    An evaluation at 320x180 takes 0.175 s for 0.222, and a run at 1280x720 holds a quarter of a gigabyte more than where
    everything from 4 MB on goes back at once. Other C libraries stay as they are.
    """
    if sys.platform == "linux" and hasattr(library := ctypes.CDLL(None), "mallopt"):
        library.mallopt(_M_MMAP_THRESHOLD, LARGEST)
        library.mallopt(_M_TRIM_THRESHOLD, KEPT)
