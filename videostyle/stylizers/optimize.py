"""The reference stylizer: minimise L over the pixels of each frame, starting from the last painted picture.

Ruder et al. 2016 (arXiv:1604.08610) with one departure that replaces hundreds of iterations by a few: the optimizer's
curvature pairs are carried from frame to frame, warped along the flow with the picture (docs/decisions.md).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import accumulate, islice, pairwise
from math import ceil

import numpy as np
import torch
from torch import Tensor

from videostyle.frames import Motion, Size
from videostyle.stylizers.base import Painted, State
from videostyle.stylizers.lbfgs import LBFGS
from videostyle.stylizers.losses import Objective, StyleTargets, Value, Weights, resize
from videostyle.stylizers.regions import fill_new, inside, mismatch, replaced
from videostyle.temporal.anchor import composed, held
from videostyle.temporal.warp import saved_up, warp

COARSEST = 128  # longer side of the first frame's first scale
BEGUN = 0.5  # share of a first frame's iterations where it goes on from a picture that is there
FINER = 1.5  # times as many iterations at each finer scale
FIXED_WORK = 9_000  # what an iteration costs besides its pixels, in pixels
PAIR = "pair_"  # begins the names of the curvature pairs in a state
START_NOISE = 0.02  # standard deviation added to the first frame's start, so that another seed gives another painting


@dataclass(frozen=True)
class Effort:
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

    def exactly(self, iterations: int) -> Effort:
        """The same first frame, then this many iterations for every frame."""
        return Effort(self.first, iterations, iterations, for_new=0, collect=0, repeats=False)


EFFORTS = {"draft": Effort(40, 1, 1, for_new=5), "standard": Effort(160, 3, 12), "high": Effort(400, 8, 30)}


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


def to_tensor(image: np.ndarray, device: str) -> Tensor:
    """uint8 or uint16 (H, W, 3) as float32 (1, 3, H, W) in [0, 1], channels_last."""
    largest = float(np.iinfo(image.dtype).max)
    picture = torch.from_numpy(image.astype(np.float32) / largest).permute(2, 0, 1).unsqueeze(0)
    return picture.contiguous(memory_format=torch.channels_last).to(device)


def to_array(picture: Tensor) -> np.ndarray:
    """float32 (1, 3, H, W) as float32 (H, W, 3)."""
    return picture[0].permute(1, 2, 0).contiguous().cpu().numpy()


class Optimize:
    """Paints one shot frame by frame. See `Stylizer` for what its methods promise.

    watch: called after every iteration with L's value and the share of this frame's iterations done, in [0, 1]; an
    exception it raises (Cancelled) ends the step. begin: paints a shot's first frame, float32 (1, 3, H, W) in [0, 1], in a
    quick way; the iterations go on from there. Without it they begin with the frame itself, coarse to fine.
    """

    lookahead = 0

    def __init__(
        self,
        styles: StyleTargets,
        weights: Weights,
        effort: Effort,
        device: str = "cpu",
        seed: int = 0,
        watch: Callable[[Value, float], None] = lambda value, done: None,
        begin: Callable[[Tensor], Tensor] | None = None,
    ):
        self.styles, self.weights, self.effort = styles, weights, effort
        self.device, self.seed, self.watch, self.begin = device, seed, watch, begin
        self.optimizer = LBFGS(within=(0.0, 1.0))  # or what is seen, cut to that, would not be what was optimised
        self.picture: Tensor | None = None
        self.source: np.ndarray | None = None
        self.owed: np.ndarray | None = None
        self.anchor: Tensor | None = None
        self.since: np.ndarray | None = None
        self.first_star = self.last_star = float("nan")

    def step(self, image: np.ndarray, motion: Motion | None) -> list[Painted]:
        began = time.perf_counter()
        if motion is None or self.picture is None or self.source is None:
            picture, value, iterations = self._paint_first(to_tensor(image, self.device))
        elif self.effort.repeats and not np.isnan(self.last_star) and np.array_equal(image, self.source):
            picture, value, iterations = self._last_again(self.picture)
        else:
            picture, value, iterations = self._paint_next(image, motion)
        self.styles.extract.passes.release()  # for what is done between frames, flow and warps, has large arrays of its own
        # as `restore` does it: in another memory layout, kernels sum in another order and round otherwise
        painted = to_array(picture)
        self.continue_from(painted, image)
        self.last_star = value.star
        if motion is None or motion.renews:
            self.anchor, self.since = self.picture, None
        untrusted = 1.0 if motion is None else motion.untrusted
        seconds = time.perf_counter() - began
        return [Painted(painted, value.total, value.star, iterations, untrusted, seconds)]

    def finish(self) -> list[Painted]:
        return []

    def _paint_first(self, content: Tensor) -> tuple[Tensor, Value, int]:
        """Coarse to fine, each scale from an empty history; the finest scale's pairs are kept for the next frame."""
        self.owed = None
        height, width = content.shape[2:]
        steps = steps_of_first((height, width), self.effort.first, self.begin is not None)
        picture = self._noisy(resize(content, steps[0][0])) if self.begin is None else self.begin(content)
        total = sum(count * work(size) for size, count in steps)
        done = iterations = 0
        for size, count in steps:
            self.optimizer.forget()
            objective = self._objective(resize(content, size))
            start = resize(picture, size)
            for iteration, (picture, value) in enumerate(islice(self.optimizer.minimize(objective, start), count + 1)):
                self.watch(value, (done + iteration * work(size)) / total)
            done, iterations = done + iteration * work(size), iterations + iteration
        self.first_star = value.star
        return picture, value, iterations

    def _noisy(self, picture: Tensor) -> Tensor:
        noise = torch.Generator().manual_seed(self.seed)
        return picture + START_NOISE * torch.randn(picture.shape, generator=noise).to(picture)

    def _last_again(self, picture: Tensor) -> tuple[Tensor, Value, int]:
        value = Value(self.last_star, self.last_star, torch.zeros(0))
        self.watch(value, 1.0)
        return picture, value, 0

    def _objective(self, content: Tensor, warped: Tensor | None = None, trust: Tensor | None = None) -> Objective:
        height, width = content.shape[2:]
        grams = self.styles.at((height, width))
        return Objective(self.styles.extract, content, grams, self.weights, warped, trust)

    def _paint_next(self, image: np.ndarray, motion: Motion) -> tuple[Tensor, Value, int]:
        """From the last picture carried along the flow, with the curvature pairs of the last frame carried too."""
        collecting = not self.optimizer.pairs
        objective, start, new = self._continued(to_tensor(image, self.device), motion)
        planned = self.effort.least + round(self.effort.for_new * new)
        planned = max(planned, self.effort.collect) if collecting else planned
        path = self.minimized(objective, start)
        del start  # what is not needed while the network is at work is not held then
        before_it = float("inf")
        for iterations, (picture, value) in enumerate(path):
            self.watch(value, min(1.0, iterations / max(1, planned)))
            if iterations >= planned and self._enough(iterations, before_it, value):
                break
            before_it = value.total
        if np.isnan(self.first_star):
            self.first_star = value.star
        return picture, value, iterations

    def _continued(self, content: Tensor, motion: Motion) -> tuple[Objective, Tensor, float]:
        """A later frame's L, the picture that its iterations begin with, and how much of it is new. The pairs are moved."""
        assert self.picture is not None
        assert self.source is not None
        trust = torch.from_numpy(motion.trust).to(self.device)[None, None]
        flow = inside(self._way_back(motion))
        before = to_tensor(self.source, self.device)
        both = warp(torch.cat([before, self.picture]), flow)
        source, picture = (each.clone() for each in both.split(1))  # held for different times
        del both
        wrong = mismatch(source, content)
        self.optimizer.carry(lambda stack: warp(stack, flow).mul_(trust))
        gone = (1 - trust) * replaced(wrong)
        warped, trust = self._with_anchor(picture, trust, gone, motion.long)
        start = self.filled(warped, trust, wrong, before, content)
        return self._objective(content, warped, trust), start, 1 - float(trust.mean())

    def _way_back(self, motion: Motion) -> np.ndarray:
        """The flow that the last picture is moved by: held to the anchor's, small moves saved up."""
        flow = motion.flow
        if motion.long is not None and self.since is not None:
            flow = held(flow, motion.long, self.since)
        self.since = composed(flow, self.since)
        moves, self.owed = saved_up(flow, self.owed)
        return moves

    def _with_anchor(self, warped: Tensor, trust: Tensor, gone: Tensor, long: Motion | None) -> tuple[Tensor, Tensor]:
        """The carried picture and its trust, both the anchor's where it shows what the last frame hid.

        As c_long of Ruder et al. 2016, eq. 9, with a departure: not wherever the last frame is untrusted, but where what it
        brought is another thing too, or each doubt of the flow would make the picture jump. gone: how far that is so.
        """
        if long is None or self.anchor is None:
            return warped, trust
        share = gone * torch.from_numpy(long.trust).to(self.device)[None, None]
        return torch.lerp(warped, warp(self.anchor, inside(long.flow)), share), trust + share

    def filled(self, warped: Tensor, trust: Tensor, wrong: Tensor, before: Tensor, content: Tensor) -> Tensor:
        """What a later frame starts from: the carried picture, and a guess where it shows another thing. See `fill_new`."""
        assert self.picture is not None
        return fill_new(warped, trust, wrong, self.picture, before, content)

    def minimized(self, objective: Objective, start: Tensor) -> Iterator[tuple[Tensor, Value]]:
        """The pictures on the way down from a later frame's start, the first being the start itself."""
        return self.optimizer.minimize(objective, start)

    def _enough(self, iterations: int, before_it: float, value: Value) -> bool:
        """Whether a frame that had its planned iterations needs no more; before_it: L before the last one."""
        pays = value.total < (1 - self.effort.pays) * before_it
        return iterations >= self.effort.most or not (pays or value.star > self.first_star)

    def state(self) -> State:
        if self.picture is None or self.source is None:
            return {}
        state = {"picture": to_array(self.picture), "source": self.source}
        state |= {"first_star": np.array(self.first_star), "last_star": np.array(self.last_star)}
        if self.anchor is not None:
            state["anchor"] = to_array(self.anchor)
        state |= {name: field for name, field in (("owed", self.owed), ("since", self.since)) if field is not None}
        return state | {f"{PAIR}{name}": each.cpu().numpy() for name, each in self.optimizer.state().items()}

    def restore(self, state: State) -> None:
        if not state:
            return
        self.continue_from(state["picture"], state["source"])
        self.owed, self.since = state.get("owed"), state.get("since")
        self.anchor = self._as_picture(state["anchor"]) if "anchor" in state else None
        self.first_star, self.last_star = float(state["first_star"]), float(state["last_star"])
        pairs = {name.removeprefix(PAIR): each for name, each in state.items() if name.startswith(PAIR)}
        self.optimizer.restore({name: torch.from_numpy(each).to(self.device) for name, each in pairs.items()})

    def continue_from(self, picture: np.ndarray, source: np.ndarray) -> None:
        """Take a painted frame, float32 (H, W, 3) in [0, 1], and its source frame as the ones before the next step."""
        self.picture, self.source = self._as_picture(picture), source

    def _as_picture(self, array: np.ndarray) -> Tensor:
        """float32 (H, W, 3) as (1, 3, H, W), channels_last."""
        tensor = torch.from_numpy(array).permute(2, 0, 1).unsqueeze(0)
        return tensor.contiguous(memory_format=torch.channels_last).to(self.device)
