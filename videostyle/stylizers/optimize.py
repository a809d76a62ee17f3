"""The reference stylizer: minimizes L over the pixels of each frame, starting from the last stylized picture.

Ruder et al. 2016 (arXiv:1604.08610), with one departure that replaces hundreds of iterations by a few: the optimizer's
curvature pairs are carried from frame to frame, warped along the flow with the picture (docs/how-it-works.md).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from math import inf, isnan, nan
from statistics import mean
from typing import Any

import numpy as np
import torch
from torch import Tensor

from videostyle.frames import Motion, Size
from videostyle.losses.frame_targets import (
    NEW,
    FrameTargets,
    StyleStatistics,
    nothing_painted,
    painted_mean,
    region_name,
)
from videostyle.losses.objective import Objective, Value
from videostyle.losses.objectives import OBJECTIVES
from videostyle.losses.style_targets import StyleTargets
from videostyle.losses.terms import Weights
from videostyle.models.features import load_features
from videostyle.models.transformer_net import load_network
from videostyle.palettes import Palette
from videostyle.stylizers.base import FrameInput, Iteration, OnIteration, State, StylizedFrame, ignore
from videostyle.stylizers.color_memory import RegionColors, moved_to
from videostyle.stylizers.colors import luminance
from videostyle.stylizers.feedforward import first_picture_by
from videostyle.stylizers.fill import DIFFERS, Carried, Fill, fill_by_lookup, fill_from, mismatch, wrong_content
from videostyle.stylizers.lbfgs import LBFGS
from videostyle.stylizers.newly_visible import MARGIN, NewlyVisible, hold, widened_by
from videostyle.stylizers.schedule import IterationSchedule, steps_of_first, work
from videostyle.stylizers.settings import StylizerSettings
from videostyle.stylizers.shared import Shared
from videostyle.temporal.motion import MotionTracker
from videostyle.temporal.warp import warp
from videostyle.tensors import from_array, resize, to_array, to_tensor

PAIR, VALUE = "pair_", "value_"
"""Prefixes of the curvature pairs, and of the values of options that change over time, in a state."""

LARGEST_MOVE = 0.1
"""Of the style's statistics from frame to frame, as `_style_moves` has it, with which curvature pairs are still carried."""

STYLE_VALUES = ("mix", "style_scale", "strength")
"""The options that say which style is aimed at."""

SPATIAL_VALUES = ("style_weight", "content_weight", *STYLE_VALUES)
"""The options that the spatial loss of a picture depends on."""

START_NOISE = 0.02
"""Standard deviation of the noise in a first frame's start, which makes the seed matter."""


def prepare(settings: StylizerSettings, shared: Shared) -> Callable[[OnIteration], Optimize]:
    """Loads the feature network, the style targets, and the model that `begin_with` names; see StylizerKind.prepare."""
    device, grayscale, objective = settings.device, settings.grayscale, settings.optimizer.objective
    name, model = settings.style.features, settings.optimizer.begin_with
    features = shared.network(name, lambda: load_features(name, device))

    def targets_of(styles: Sequence[np.ndarray], counts: Sequence[int] = ()) -> StyleTargets:
        pictures = [to_tensor(luminance(style) if grayscale else style, device) for style in styles]
        known = [shared.statistics(style, grayscale, objective, name) for style in styles]
        return StyleTargets(features, pictures, settings.style, OBJECTIVES[objective].terms, known, counts=counts)

    targets, regions = targets_of(settings.styles, settings.style_counts), [*map(targets_of, settings.region_styles)]
    start = first_picture_by(shared.network(model, lambda: load_network(model, device)), grayscale) if model else None
    return lambda on_iteration: Optimize(targets, settings, on_iteration, regions=regions, first_picture=start)


@dataclass(frozen=True)
class LastFrame:
    """The frame that the next one continues."""

    picture: Tensor
    """Stylized, float32 (1, 3, H, W) in [0, 1], channels_last."""
    source: np.ndarray
    """uint8 or uint16 (H, W, 3), as the stylizer took it."""
    spatial_loss: float = nan
    """NaN where the picture is not the result of iterations at this size."""
    values: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    """As in FrameInput, of SPATIAL_VALUES."""


def spatial_values(frame: FrameInput) -> dict[str, tuple[float, ...]]:
    """What the spatial loss of a frame depends on of the options that change over time."""
    return {name: value for name, value in frame.values.items() if name in SPATIAL_VALUES}


class Optimize:
    """Stylizes the frames of a shot by optimization. See `Stylizer` for the contract.

    regions: the styles of the parts that have one of their own, whose masks are the guides "region 1" and so on.
    first_picture: makes the start of a shot's first frame from the frame, both float32 (1, 3, H, W) in [0, 1]; None starts
    from the frame with a little noise, coarse to fine. fill: makes the start of newly visible regions; None takes it from
    `first_picture`, too, or looks up the last picture's colors. optimizer: one of another configuration than the default, with
    bounds (0, 1).
    """

    lookahead = 0

    def __init__(
        self,
        styles: StyleTargets,
        settings: StylizerSettings,
        on_iteration: OnIteration = ignore,
        *,
        regions: Sequence[StyleTargets] = (),
        first_picture: Callable[[Tensor], Tensor] | None = None,
        fill: Fill | None = None,
        optimizer: LBFGS | None = None,
    ):
        self.styles, self.settings, self.on_iteration = styles, settings, on_iteration
        self.regions = {region_name(number): own for number, own in enumerate(regions, 1)}
        self.objective = OBJECTIVES[settings.optimizer.objective]
        self.first_picture, self.device = first_picture, settings.device
        self.fill = fill or (fill_by_lookup if first_picture is None else fill_from(first_picture))
        self.optimizer = optimizer or LBFGS(bounds=(0.0, 1.0))  # clipping afterwards would change the loss
        self.tracker = MotionTracker(self.device)
        self.new = NewlyVisible(self.device)
        self.colors = RegionColors(self.regions, self.device)
        self.last: LastFrame | None = None
        self.first_spatial_loss = nan

    def step(self, frame: FrameInput) -> list[StylizedFrame]:
        began = time.perf_counter()
        source, motion, last = self._gray(frame.image), frame.motion, self.last
        changes = last is not None and self._follow_values(frame, last)
        if nothing_painted(frame.guides) or frame.value("strength", self.settings.strength) == 0:
            return self._unpainted(frame)
        if motion is None or last is None:
            picture, value, iterations = self._first(to_tensor(source, self.device), frame)
        elif not changes and self._repeats(source, frame, last):
            picture, value, iterations = self._repeated(last)
        else:
            picture, value, iterations = self._later(source, frame, motion, last)
        self.styles.features.release()  # flow and warps between frames have large arrays of their own
        result = to_array(picture)
        # as `restore` does it: in another memory layout, kernels sum in another order and round differently
        self.last = LastFrame(from_array(result, self.device), source, value.spatial, spatial_values(frame))
        if changes:
            self.colors.reset()
        self._remember_colors(frame.guides)
        if motion is None or motion.is_keyframe:
            self.tracker.set_keyframe(self.last.picture)
        new_share = 1.0 if motion is None else motion.new_share
        seconds = time.perf_counter() - began
        return [StylizedFrame(result, value.total, value.spatial, iterations, new_share, seconds)]

    def finish(self) -> list[StylizedFrame]:
        return []

    def continue_from(self, picture: np.ndarray, source: np.ndarray) -> None:
        self.last = LastFrame(from_array(self._gray(picture), self.device), self._gray(source))
        if not self.regions:  # where they were in that frame is not known
            self._remember_colors({})

    def _follow_values(self, frame: FrameInput, last: LastFrame) -> bool:
        """Forget what belongs to other values of the options that change over time; returns whether there is any."""
        if spatial_values(frame) == last.values:
            return False
        self.first_spatial_loss = nan  # that of other values says nothing about this frame
        if any(frame.values.get(name) != last.values.get(name) for name in STYLE_VALUES):
            self.tracker.keyframe = None  # stylized otherwise
            if self._style_moves(frame, last) > LARGEST_MOVE:
                self.optimizer.forget()
                self.colors.reset()
        return True

    def _style(
        self, targets: StyleTargets, size: Size, values: Mapping[str, tuple[float, ...]], palette: Palette | None
    ) -> StyleStatistics:
        """One of the styles at a size, mixed and scaled as the values of a frame say; regions are not mixed."""
        mix, scale = values.get("mix", ()) if targets is self.styles else (), values.get("style_scale")
        return targets.at(size, mix, scale[0] if scale else None, palette)

    def _style_moves(self, frame: FrameInput, last: LastFrame) -> float:
        """How far the style's statistics moved since the last frame: |S G - S' G'|^2 / |G|^2, the mean of the layers, with the
        strengths S."""
        size = last.picture.shape[2], last.picture.shape[3]
        now, before = (
            [
                each.get("strength", (self.settings.strength,))[0] * gram
                for gram in self._style(self.styles, size, each, frame.palette)["style"].values()
            ]
            for each in (frame.values, last.values)
        )
        return mean(float((a - b).square().sum() / a.square().sum()) for a, b in zip(now, before, strict=True))

    def _remember_colors(self, guides: Mapping[str, np.ndarray]) -> None:
        """Take the last frame's colors into the memory, but for what has only come into view in it."""
        if self.last is not None and self.settings.weights["color"]:
            source, new = to_tensor(self.last.source, self.device), self.new.map
            settled = torch.ones_like(source[:, :1]) if new is None else 1 - new
            masks = self._masks(guides, (source.shape[2], source.shape[3]))
            self.colors.add(source, self.last.picture, settled, masks)

    def _unpainted(self, frame: FrameInput) -> list[StylizedFrame]:
        """A frame of which nothing is stylized: its own picture. The next one is stylized like a shot's first."""
        self.last = None
        picture = to_tensor(frame.image, "cpu")
        self.on_iteration(Iteration(nan, nan, 1.0, picture))
        return [StylizedFrame(to_array(picture), nan, nan, 0, 0.0, 0.0)]

    def _repeats(self, source: np.ndarray, frame: FrameInput, last: LastFrame) -> bool:
        """Whether a frame is given the last picture again."""
        same = frame.same_guides and not isnan(last.spatial_loss) and np.array_equal(source, last.source)
        return self.settings.schedule.repeats and same

    def configure(self, schedule: IterationSchedule, weights: Weights) -> None:
        """Use another schedule and other weights from the next frame on."""
        self.settings = replace(self.settings, schedule=schedule, weights=weights)

    def resize(self, size: Size, source: np.ndarray) -> None:
        """Continue at another (height, width), with the curvature pairs. source: the last frame at that size.

        A step is the same picture at any size. A gradient shrinks as the number of pixels grows, since each term of L is a
        mean over places.
        """
        assert self.last is not None, "there is no frame yet"
        old = self.last.picture.shape[2:]
        if tuple(old) == size:
            return
        self.optimizer.carry(
            lambda stack: torch.nn.functional.interpolate(stack, size, mode="bilinear", align_corners=False),
            gradient_scale=old[0] * old[1] / (size[0] * size[1]),
        )
        self.tracker.reset()
        self.new.reset()
        picture = to_array(resize(self.last.picture, size))
        self.last = LastFrame(from_array(picture, self.device), self._gray(source))

    def state(self) -> State:
        if self.last is None:
            return {}
        return {
            "picture": to_array(self.last.picture),
            "source": self.last.source,
            "last_spatial_loss": np.array(self.last.spatial_loss),
            "first_spatial_loss": np.array(self.first_spatial_loss),
            **self.tracker.state(),
            **self.new.state(),
            **self.colors.state(),
            **{f"{VALUE}{name}": np.array(numbers) for name, numbers in self.last.values.items()},
            **{f"{PAIR}{name}": tensor.cpu().numpy() for name, tensor in self.optimizer.state().items()},
        }

    def restore(self, state: State) -> None:
        if not state:
            return
        picture = from_array(state["picture"], self.device)
        arrays = {name.removeprefix(VALUE): array for name, array in state.items() if name.startswith(VALUE)}
        values = {name: tuple(array.tolist()) for name, array in arrays.items()}
        self.last = LastFrame(picture, state["source"], float(state["last_spatial_loss"]), values)
        self.first_spatial_loss = float(state["first_spatial_loss"])
        self.tracker.restore(state)
        self.new.restore(state)
        self.colors.restore(state)
        pairs = {name.removeprefix(PAIR): array for name, array in state.items() if name.startswith(PAIR)}
        self.optimizer.restore({name: torch.from_numpy(array).to(self.device) for name, array in pairs.items()})

    def _gray(self, picture: np.ndarray) -> np.ndarray:
        return luminance(picture) if self.settings.grayscale else picture

    def _report(self, picture: Tensor, value: Value, fraction: float) -> None:
        self.on_iteration(Iteration(value.total, value.spatial, fraction, picture))

    def _objective(self, content: Tensor, frame: FrameInput, start: Tensor, begun: bool, **later: Any) -> Objective:
        """L for a frame. start: what its iterations start from; begun: whether that is stylized at this size already; later:
        the fields of FrameTargets that only a later frame has."""
        size = content.shape[2], content.shape[3]
        guides = self._masks(frame.guides, size)
        style, *own = (
            self._style(targets, size, frame.values, frame.palette) for targets in (self.styles, *self.regions.values())
        )
        matches = self.objective.match(self.styles.features, content, start, style, begun)
        targets = FrameTargets(
            self.styles.features,
            content,
            style,
            guides=guides,
            matches=matches,
            strength=frame.value("strength", self.settings.strength),
            region_styles=dict(zip(self.regions, own, strict=True)),
        )
        weights = self.settings.weights.at(frame.values)
        return Objective(replace(targets, **later), weights, self.objective.terms)

    def _masks(self, guides: Mapping[str, np.ndarray], size: Size) -> dict[str, Tensor]:
        """Masks (1, 1, H, W) at a size."""
        masks = {name: torch.from_numpy(mask).to(self.device)[None, None] for name, mask in guides.items()}
        return {name: resize(mask, size) for name, mask in masks.items()}

    def _first(self, content: Tensor, frame: FrameInput) -> tuple[Tensor, Value, int]:
        """Coarse to fine, at each scale from an empty history; the finest scale's pairs are kept for the next frame."""
        for memory in (self.tracker, self.new, self.colors):
            memory.reset()
        height, width = content.shape[2:]
        begun, schedule = self.first_picture is not None, self.settings.schedule
        steps = steps_of_first((height, width), schedule.first, begun, self.objective.rounds)
        picture = (
            self._noisy(resize(content, steps[0][0])) if self.first_picture is None else self.first_picture(content)
        )
        total = sum(count * work(size) for size, count in steps)
        done = iterations = 0
        for size, count in steps:
            self.optimizer.forget()
            begun = iterations > 0 and tuple(picture.shape[2:]) == size
            start = resize(picture, size)
            objective = self._objective(resize(content, size), frame, start, begun)
            for iteration, (picture, value) in enumerate(islice(self.optimizer.minimize(objective, start), count + 1)):
                self._report(picture, value, (done + iteration * work(size)) / total)
            done, iterations = done + iteration * work(size), iterations + iteration
        self.first_spatial_loss = value.spatial
        return picture, value, iterations

    def _noisy(self, picture: Tensor) -> Tensor:
        noise = torch.Generator().manual_seed(self.settings.seed)
        return picture + START_NOISE * torch.randn(picture.shape, generator=noise).to(picture)

    def _repeated(self, last: LastFrame) -> tuple[Tensor, Value, int]:
        """The last picture again, for a frame equal to the last."""
        value = Value(last.spatial_loss, last.spatial_loss, torch.zeros(0))
        self._report(last.picture, value, 1.0)
        return last.picture, value, 0

    def _later(
        self, source: np.ndarray, frame: FrameInput, motion: Motion, last: LastFrame
    ) -> tuple[Tensor, Value, int]:
        """From the last picture warped along the flow, with the last frame's curvature pairs warped too."""
        collecting = not self.optimizer.pairs
        carried, new = self._carried(to_tensor(source, self.device), motion, last)
        start, objective = self._begin(frame, carried, new)
        schedule = self.settings.schedule
        planned = schedule.least + round(schedule.for_new * (1 - painted_mean(carried.consistency, frame.guides)))
        planned = max(planned, schedule.collect) if collecting else planned
        path = self.optimizer.minimize(objective, start)
        del start, carried, new  # frees memory that the network needs
        previous = inf
        for iterations, (picture, value) in enumerate(path):
            self._report(picture, value, min(1.0, iterations / max(1, planned)))
            if iterations >= planned and self._converged(iterations, previous, value):
                break
            previous = value.total
        if isnan(self.first_spatial_loss):
            self.first_spatial_loss = value.spatial
        return picture, value, iterations

    def _carried(self, content: Tensor, motion: Motion, last: LastFrame) -> tuple[Carried, Tensor]:
        """The last frame warped to this one, with the curvature pairs; and the map of what has only come into view."""
        consistency = torch.from_numpy(motion.consistency).to(self.device)[None, None]
        flow = self.tracker.next_flow(motion)
        last_source = to_tensor(last.source, self.device)
        both = warp(torch.cat([last_source, last.picture]), flow)
        warped_source, picture = (part.clone() for part in both.split(1))  # held for different times
        del both
        difference = mismatch(warped_source, content)
        if motion.changed is not None:  # the content is right, its style is not
            difference = torch.maximum(difference, DIFFERS * torch.from_numpy(motion.changed).to(difference))
        self.optimizer.carry(lambda stack: warp(stack, flow).mul_(consistency))
        wrong = wrong_content(consistency, difference)
        picture, consistency = self.tracker.with_keyframe(picture, consistency, wrong, motion.to_keyframe)
        new = self.new.follow(flow, consistency)
        return Carried(picture, consistency, difference, last.picture, last_source, content), new

    def _begin(self, frame: FrameInput, carried: Carried, new: Tensor) -> tuple[Tensor, Objective]:
        """The picture that a later frame's iterations start from, and its objective. new: the map of newly visible places."""
        start, content = self.fill(carried), carried.source
        colors = self.colors.colors_of(content, new, self._masks(frame.guides, (content.shape[2], content.shape[3])))
        if colors is not None:
            start = moved_to(start, replace(colors, weights=colors.weights * (1 - carried.consistency)))
        guided = replace(frame, guides={**frame.guides, NEW: widened_by(new, MARGIN)[0, 0].cpu().numpy()})
        assert frame.motion is not None
        firmly = hold(carried.consistency, new, frame.motion.flow)
        later = {"warped": carried.picture, "hold": firmly, "local_colors": colors}
        return start, self._objective(content, guided, start, True, **later)

    def _converged(self, iterations: int, previous: float, value: Value) -> bool:
        """Whether a frame that had its planned iterations needs no more. previous: L one iteration ago."""
        schedule = self.settings.schedule
        pays = value.total < (1 - schedule.pays) * previous
        return iterations >= schedule.most or not (pays or value.spatial > self.first_spatial_loss)
