"""How much memory stylizing and training take at a given size, from measurements on a CPU."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import Protocol

import psutil

from videostyle.errors import BadOption
from videostyle.frames import Size
from videostyle.losses.tiles import WHOLE

MIB = 2**20


class MemoryModel(Protocol):
    """Memory as a function of the frame size."""

    def needed(self, size: Size) -> int:
        """Bytes that frames of (height, width) take."""
        ...

    def pixels_within(self, available: int) -> float:
        """The largest frame, in pixels, that fits into so many bytes."""
        ...


@dataclass(frozen=True)
class LinearMemory:
    """Memory that grows in proportion to the frame."""

    base: int
    """Bytes taken at any size."""
    per_pixel: int
    """Bytes taken by each pixel."""

    def needed(self, size: Size) -> int:
        return self.base + self.per_pixel * size[0] * size[1]

    def pixels_within(self, available: int) -> float:
        return max(0, available - self.base) / self.per_pixel


@dataclass(frozen=True)
class TiledMemory:
    """Memory that grows less above a size, from which on the network works in tiles."""

    whole: LinearMemory
    """For frames of up to `largest_whole` pixels."""
    tiled: LinearMemory
    """For larger frames."""
    largest_whole: int = WHOLE
    """Pixels of the largest frame that the network takes whole."""

    def needed(self, size: Size) -> int:
        if size[0] * size[1] <= self.largest_whole:
            return self.whole.needed(size)
        # never less than the largest whole frame takes: otherwise a frame would be refused where a larger one is not
        return max(self.whole.needed((self.largest_whole, 1)), self.tiled.needed(size))

    def pixels_within(self, available: int) -> float:
        pixels = self.whole.pixels_within(available)
        if pixels < self.largest_whole:
            return pixels
        return max(self.largest_whole, (available - self.tiled.base) / self.tiled.per_pixel)


OPTIMIZE = TiledMemory(
    # Measured with ten curvature pairs: 2480 MiB at 1280x720, 4890 at 1920x1080; an earlier run of preset standard took
    # 3000 at 1280x720.
    whole=LinearMemory(1150 * MIB, 2050),
    # One tile and what every run takes; then per pixel the curvature pairs (120), the content's activations (32), pictures
    # and flows. Measured: 5360 to 5930 MiB at 3840x2160.
    tiled=LinearMemory(2000 * MIB, 500),
)

FEEDFORWARD = LinearMemory(700 * MIB, 200)  # measured: 623 MiB at 320x180, 722 at 1280x720, 1045 at 2560x1440

TRAINING = LinearMemory(
    1300 * MIB, 9300
)  # for 100 pairs of frames, kept in memory; measured: 1538 MiB at 320x240 with 36


def check_memory(size: Size, model: MemoryModel, task: str = "stylizing", available: int | None = None) -> None:
    """Raises BadOption, with a size that would fit, where frames of (height, width) need more than the free memory.

    task: named in the message. available: bytes; None asks the system.
    """
    available = psutil.virtual_memory().available if available is None else available
    needed = model.needed(size)
    if needed <= available:
        return
    pixels, ratio = model.pixels_within(available), min(size) / max(size)
    # the largest for which longer * (longer * ratio + 1) fits: the shorter side may be rounded up by one
    longer = int(((1 + 4 * ratio * pixels) ** 0.5 - 1) / (2 * ratio))
    raise BadOption(
        f"{task} at {size[1]}x{size[0]} needs about {needed / 2**30:.1f} GB of memory and {available / 2**30:.1f} GB are free",
        todo=f"choose --size {longer // 16 * 16} or smaller" if longer >= 32 else "free some memory first",
    )


def peak_memory() -> int:
    """Largest resident memory of this process so far, in bytes."""
    if sys.platform == "win32":
        return psutil.Process().memory_info().peak_wset
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024
