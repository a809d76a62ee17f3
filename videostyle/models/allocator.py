"""What the C library does with freed memory: tensors come and go by the hundred megabytes."""

from __future__ import annotations

import ctypes
import sys

LARGE = 640 * 480  # pixels of a picture from which on memory counts for more than time
RETURNED = 4 << 20  # bytes
_M_MMAP_THRESHOLD = -3  # malloc.h


def return_freed_memory() -> None:
    """Lets glibc give freed blocks of RETURNED bytes or more back at once, where it would keep those of up to 32 MB.

    What it keeps lies in pieces: a run at 1280x720 took 3.4 GB, and takes 2.8. The pages have to be made anew each time,
    6 % of the time there; at 320x180 it would be 20 %. Other C libraries stay as they are.
    """
    if sys.platform == "linux" and hasattr(library := ctypes.CDLL(None), "mallopt"):
        library.mallopt(_M_MMAP_THRESHOLD, RETURNED)
