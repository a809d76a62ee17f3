"""How much memory stylizing takes at a given size, from measurements."""

from __future__ import annotations

import sys

import psutil

from videostyle.errors import BadOption
from videostyle.frames import Size
from videostyle.losses.tiles import WHOLE

# Measured, runs with ten pairs: 2480 MiB at 1280x720, 4890 at 1920x1080; an earlier one of standard 3000 at 1280x720.
BASE_BYTES = 1150 * 2**20

SEEN_BYTES = 2050  # of each pixel of a picture that is seen at once

# Where a picture is seen in tiles: a tile and what every run takes, then of each pixel curvature pairs (120), the content's
# activations (32), pictures, flows. Measured: 5360 to 5930 MiB at 3840x2160.
TILES_BYTES, HELD_BYTES = 2000 * 2**20, 500

# Where a learned network paints: 623 MiB at 320x180, 722 at 1280x720, 1045 at 2560x1440. Where it learns: 1538 at 320x240 on
# 36 pairs of frames; counted for 100, as all that is known of a pair is kept. In bytes at least, and of each pixel.
IN_PROPORTION = {"learned": (700 * 2**20, 200), "learning": (1300 * 2**20, 9300)}


def memory_needed(size: Size, way: str = "optimize") -> int:
    """Bytes of memory that painting at (height, width) takes on a CPU. way: "optimize"; "learned" where a network paints,
    "learning" where it learns to."""
    pixels = size[0] * size[1]
    if way in IN_PROPORTION:
        base, each = IN_PROPORTION[way]
        return base + each * pixels
    whole = BASE_BYTES + SEEN_BYTES * min(pixels, WHOLE)
    # never less than what is seen at once: or a picture would be refused where a larger one is not
    return whole if pixels <= WHOLE else max(whole, TILES_BYTES + HELD_BYTES * pixels)


def pixels_within(available: int, way: str = "optimize") -> float:
    """How many pixels can be painted in so many bytes, at most."""
    base, each = IN_PROPORTION.get(way, (BASE_BYTES, SEEN_BYTES))
    pixels = max(0, available - base) / each
    if way in IN_PROPORTION or pixels < WHOLE:
        return pixels
    return max(WHOLE, (available - TILES_BYTES) / HELD_BYTES)


def check_memory(size: Size, available: int | None = None, way: str = "optimize") -> None:
    """Raises BadOption where painting at this size would not fit into the free memory, in bytes."""
    available = psutil.virtual_memory().available if available is None else available
    needed = memory_needed(size, way)
    if needed > available:
        pixels, ratio = pixels_within(available, way), min(size) / max(size)
        # the largest for which longer * (longer * ratio + 1) fits: the shorter side may be rounded up by one
        longer = int(((1 + 4 * ratio * pixels) ** 0.5 - 1) / (2 * ratio))
        what = "learning" if way == "learning" else "painting"
        raise BadOption(
            f"{what} at {size[1]}x{size[0]} needs about {needed / 2**30:.1f} GB of memory, {available / 2**30:.1f} are free",
            f"--size up to about {longer // 16 * 16}" if longer >= 32 else "more free memory",
        )


def peak_memory() -> int:
    """Bytes of resident memory that this process has held at its highest."""
    if sys.platform == "win32":
        return psutil.Process().memory_info().peak_wset
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024
