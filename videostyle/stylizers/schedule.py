"""How many iterations a frame gets, and at which sizes."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import accumulate, pairwise
from math import ceil

import numpy as np

from videostyle.frames import Size

COARSEST = 128  # longer side of the first frame's first scale

BEGUN = 0.5  # share of a first frame's iterations where it goes on from a picture that is there

FINER = 1.5  # times as many iterations at each finer scale

FIXED_WORK = 9_000  # what an iteration costs besides its pixels, in pixels


@dataclass(frozen=True)
class Schedule:
    """How many iterations a frame gets.

    first: a shot's first frame, over all scales. A later frame gets `least` plus `for_new` for the share of its pixels
    that is new, then goes on up to `most` while L* is above that of the shot's first frame or an iteration lowers L by
    the share `pays`. One that continues a picture without curvature pairs gets at least `collect`. One that is equal to
    the last gets none: it is the last picture again, unless it must not be (`repeats`).
    """

    first: int
    least: int
    most: int
    for_new: int = 20
    pays: float = 0.005
    collect: int = 15
    repeats: bool = True

    def expected(self, change: float) -> float:
        """Iterations that a later frame takes, about, where this share of the pixels changes from frame to frame.

        Measured, standard: 3 or 4 where none does (a tripod), 8 to 12 where 0.3 to 0.7 do.
        """
        return self.least + 0.8 * (self.most - self.least) * min(1.0, change / 0.2)

    def exactly(self, iterations: int) -> Schedule:
        """The same first frame, then this many iterations for every frame."""
        return Schedule(self.first, iterations, iterations, for_new=0, collect=0, repeats=False)


SCHEDULES = {"draft": Schedule(40, 1, 1, for_new=5), "standard": Schedule(160, 3, 12), "high": Schedule(400, 8, 30)}


def scales(size: Size) -> list[Size]:
    """Sizes from COARSEST up to `size` in equal steps of about the square root of 2; just `size` if it is smaller."""
    longer = max(size)
    steps = max(0, round(2 * np.log2(longer / COARSEST)))
    longers = [longer * 2 ** (-step / 2) for step in range(steps, -1, -1)]
    return [(round(size[0] * each / longer), round(size[1] * each / longer)) for each in longers]


def shares(total: int, parts: int) -> list[int]:
    """`total` iterations over `parts` scales, each with FINER times as many as the one before, about."""
    finest_first = [FINER**-part for part in range(parts)]
    # rounding the sums up, from the finest scale on, never makes more iterations in all cost less work
    sums = [min(total, ceil(total * each / sum(finest_first) - 1e-9)) for each in accumulate(finest_first)]
    return [more - fewer for fewer, more in pairwise([0, *sums])][::-1]


def work(size: Size) -> int:
    """What an iteration at (height, width) costs, in pixels: its own, and a fixed share for laying out filters.

    Measured on two cores: 0.033 s at 96x54, 0.050 at 128x72, 0.085 at 192x108, 0.19 at 320x180, 0.65 at 640x360.
    """
    return size[0] * size[1] + FIXED_WORK


def steps_of_first(size: Size, iterations: int, begun: bool = False) -> list[tuple[Size, int]]:
    """The sizes at which a shot's first frame is painted, and the iterations at each. begun: from a picture that is there."""
    sizes = [size] if begun else scales(size)
    return list(zip(sizes, shares(iterations, len(sizes)), strict=True))


def work_of_first(size: Size, iterations: int, begun: bool = False) -> int:
    """The work of a shot's first frame, over all its scales."""
    return sum(count * work(each) for each, count in steps_of_first(size, iterations, begun))


def work_of_later(size: Size, iterations: float) -> float:
    """The work of a later frame: its iterations, the evaluation of its start, and its content target, flow and warps, which
    take about as long as one more."""
    return (iterations + 2) * work(size)
