"""How many iterations a frame gets, and at which sizes."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import accumulate, pairwise
from math import ceil

import numpy as np

from videostyle.frames import Size

COARSEST = 128
"""Longer side, in pixels, of the first frame's coarsest scale."""

BEGUN = 0.5
"""Share of a first frame's iterations that remains where a style model makes its start (--begin-with)."""

FINER = 1.5
"""Factor on the iterations from one scale to the next finer one."""

FIXED_WORK = 9_000
"""Cost of an iteration besides that of its pixels, in pixels."""


@dataclass(frozen=True)
class IterationSchedule:
    """How many iterations a frame gets. A later frame gets `least`, more the more of it is new, and then goes on up to `most`
    while its spatial loss is above that of the shot's first frame or iterations still lower the loss."""

    first: int
    """Iterations of a shot's first frame, over all scales."""
    least: int
    """Planned iterations of a later frame of which nothing is new."""
    most: int
    """Iterations at which a later frame stops, unless more are planned."""
    for_new: int = 20
    """Iterations planned in addition for a frame that is all new; for others in proportion."""
    pays: float = 0.005
    """Share by which an iteration must lower the loss to be followed by another."""
    collect: int = 15
    """Planned iterations, at least, of a later frame that starts without curvature pairs."""
    repeats: bool = True
    """Whether a frame equal to the previous one is given the same picture, without any iteration."""

    def expected(self, change: float) -> float:
        """About how many iterations a later frame takes if this share of the pixels changes from frame to frame.

        Measured with preset standard: 3 or 4 if nothing changes (a tripod), 8 to 12 if 0.3 to 0.7 do.
        """
        return self.least + 0.8 * (self.most - self.least) * min(1.0, change / 0.2)

    def exactly(self, iterations: int) -> IterationSchedule:
        """The same first frame, then exactly this many iterations for every frame."""
        return replace(self, least=iterations, most=iterations, for_new=0, collect=0, repeats=False)


SCHEDULES = {
    "draft": IterationSchedule(40, 1, 1, for_new=5),
    "standard": IterationSchedule(160, 3, 12),
    "high": IterationSchedule(400, 8, 30),
}
"""By the name of the preset."""


def scales(size: Size) -> list[Size]:
    """Sizes from COARSEST up to `size` in equal steps of about the square root of 2; just `size` if it is smaller."""
    longer = max(size)
    steps = max(0, round(2 * np.log2(longer / COARSEST)))
    sides = [longer * 2 ** (-step / 2) for step in range(steps, -1, -1)]
    return [(round(size[0] * side / longer), round(size[1] * side / longer)) for side in sides]


def split_iterations(total: int, count: int) -> list[int]:
    """`total` iterations over `count` scales, from coarse to fine, each with about FINER times as many as the one before."""
    finest_first = [FINER**-scale for scale in range(count)]
    # sums are rounded up from the finest scale on, so that more iterations in total never cost less work
    sums = [min(total, ceil(total * share / sum(finest_first) - 1e-9)) for share in accumulate(finest_first)]
    return [more - fewer for fewer, more in pairwise([0, *sums])][::-1]


def work(size: Size) -> int:
    """Cost of one iteration at (height, width), in pixels: its own, and a fixed part for laying out filters.

    Measured on two cores: 0.033 s at 96x54, 0.050 at 128x72, 0.085 at 192x108, 0.19 at 320x180, 0.65 at 640x360.
    """
    return size[0] * size[1] + FIXED_WORK


def steps_of_first(size: Size, iterations: int, begun: bool = False, rounds: int = 1) -> list[tuple[Size, int]]:
    """The scales of a shot's first frame and the iterations at each. begun: only the full size, from a given picture.

    rounds: in how many steps the full size is done, of which the first has half of its iterations.
    """
    sizes = [size] if begun else scales(size)
    counts = split_iterations(iterations, len(sizes))
    last = counts.pop()
    later = [last // (2 * (rounds - 1))] * (rounds - 1) if rounds > 1 else []
    return list(zip([*sizes, *[size] * len(later)], [*counts, last - sum(later), *later], strict=True))


def work_of_first(size: Size, iterations: int, begun: bool = False) -> int:
    """Cost of a shot's first frame over all its scales, in pixel-iterations."""
    return sum(count * work(scale) for scale, count in steps_of_first(size, iterations, begun))


def work_of_later(size: Size, iterations: float) -> float:
    """Cost of a later frame, in pixel-iterations: its iterations, the evaluation of its start, and about as much as one more
    for its content target, flow and warps. A repeated frame, without iterations, costs nothing."""
    return (iterations + 2) * work(size) if iterations else 0.0
