"""Paints the frames of a clip one after another, a stylizer for each shot, and says how far it is."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, closing
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import cv2
import numpy as np

from videostyle.config import Job
from videostyle.errors import BadInput
from videostyle.estimate import Workload
from videostyle.frames import Frame, Motion, Size
from videostyle.media.prefetch import Prefetch
from videostyle.media.sinks import Sink
from videostyle.media.sources import Source
from videostyle.models.features import load_features
from videostyle.models.feedforward import PaintingNetwork, network_of
from videostyle.report import Estimate, Event, FrameRecord, Painting
from videostyle.scan import Clip
from videostyle.stylefile import read_style_file
from videostyle.stylizers.base import Painted, State
from videostyle.stylizers.colors import luminance, with_colors_of
from videostyle.stylizers.learned import Learned, beginning
from videostyle.stylizers.losses import StyleTargets, Value, Weights
from videostyle.stylizers.optimize import (
    BEGUN,
    EFFORTS,
    Effort,
    Optimize,
    to_tensor,
    work,
    work_of_first,
    work_of_later,
)
from videostyle.stylizers.tiles import tiles_of
from videostyle.temporal.anchor import RENEWED_AFTER, anchor_of
from videostyle.temporal.flow import FLOWS, Flow
from videostyle.temporal.trust import motion

AHEAD = 1  # frame decoded, and its flow computed, while one is painted


@dataclass(frozen=True)
class Task:
    """A source frame at the working size, and how it continues the one before; motion is None where it begins a shot."""

    frame: Frame
    motion: Motion | None


@dataclass(frozen=True)
class Step:
    """A source frame with the one before it and its anchor, None at a shot's start. renews: it is the next ones' anchor."""

    anchor: Frame | None
    last: Frame | None
    frame: Frame
    renews: bool


@dataclass(frozen=True)
class Before:
    """A frame painted by an earlier run, which this run continues. painted: float32 (H, W, 3) in [0, 1]."""

    painted: np.ndarray
    frame: Frame


def effort_of(job: Job, alone: bool) -> Effort:
    """The preset's iterations with what the job says of them. alone: every frame is painted without the one before."""
    effort = EFFORTS[job.preset]
    by_preset = effort.first if job.begin_with is None else round(BEGUN * effort.first)
    first = job.first_iterations or (job.iterations if alone else None) or by_preset
    effort = replace(effort, first=first)
    return effort.exactly(job.iterations) if job.iterations else effort


def tasks(
    source: Source, clip: Clip, size: Size, flow: Flow | None, before: Before | None, done: int
) -> AbstractContextManager[Iterator[Task]]:
    """The clip's frames in order but for those that are done, worked out ahead in a thread but for the largest."""
    following = clip.first + done
    start = max(each for each in clip.starts if each <= following)
    # a frame painted by an earlier run is not there when this one is resumed, so that it is never an anchor
    begin = following if following == start else anchor_of(following, start)

    def steps() -> Iterator[Step]:
        anchor, last = None, before.frame if before else None
        for frame in source.frames(size, begin):
            if frame.index not in clip:
                return
            if frame.index in clip.starts and frame.index != clip.first:
                anchor = last = None
            renews = anchor is None or frame.index - anchor.index >= RENEWED_AFTER
            if frame.index >= following:
                yield Step(anchor, last, frame, renews)
            anchor, last = frame if renews else anchor, frame

    def prepare(step: Step) -> Task:
        image, last, anchor = step.frame.image, step.last, step.anchor
        if last is None or flow is None:
            return Task(step.frame, None)
        long = None if anchor is None or anchor is last else motion(anchor.image, image, flow)
        return Task(step.frame, replace(motion(last.image, image, flow), long=long, renews=step.renews))

    if len(tiles_of(size)) > 1:  # a flow takes as much memory as a tile's pass: not both at once
        return closing(prepare(step) for step in steps())
    return Prefetch(steps(), prepare, AHEAD)


class Painter:
    """Everything that one run paints with. styles: uint8 or uint16 (H, W, 3) pictures; size: (height, width) painted at.

    tell: hears how far it is; what it raises (Cancelled) ends the painting. Raises MissingModel.
    """

    def __init__(
        self, job: Job, styles: list[np.ndarray], size: Size, device: str, clip: Clip, tell: Callable[[Event], None]
    ):
        self.job, self.size, self.device, self.clip, self.tell = job, size, device, clip, tell
        # a network has learned to be steady: it needs no flow to paint
        self.flow = None if job.learned or job.flow == "none" else FLOWS[job.flow](device)
        self.effort = effort_of(job, alone=self.flow is None or clip.count == 1)
        self._new_stylizer = self._learned(job.learned) if job.learned else self._optimizers(styles)
        expected = work_of_later(size, self.effort.expected(clip.change))  # a guess until the first frames are done
        first = work(size) if job.learned else work_of_first(size, self.effort.first, job.begin_with is not None)
        firsts = clip.count if self.flow is None else len(clip.starts)
        self.workload = Workload(first, expected, firsts, clip.count)
        self.estimated = False
        self.stylizer = self._new_stylizer()
        self.waiting: deque[Task] = deque()  # given to the stylizer and not finished yet
        self.before: Before | None = None
        self.done = 0  # frames painted by the run that this one goes on from

    def continue_from(self, before: Before) -> None:
        """Begin from a frame painted before the clip's first one."""
        self.before = before
        if self.flow and isinstance(self.stylizer, Optimize):
            painted = luminance(before.painted) if self.job.keep_colors else before.painted
            self.stylizer.continue_from(painted, self._seen(before.frame))
            self.workload.shots -= 1  # the first frame begins none

    def resume(self, records: Sequence[FrameRecord], state: State) -> None:
        """Go on after these frames, with the stylizer's state after the last of them."""
        self.done = len(records)
        self.stylizer.restore(state)
        for record in records:
            first = record.index in self.clip.starts or self.flow is None
            self.workload.finish_frame(first, self._work_of(first, record.iterations))
        self.workload.skip_finished()

    @property
    def state(self) -> State | None:
        """From this and the frames painted so far another run can go on; None while the stylizer holds frames back."""
        return None if self.waiting else self.stylizer.state()

    def paint(self, source: Source, sink: Sink, out_size: Size) -> Iterator[FrameRecord]:
        """Paint what is left of the clip into the sink, frame by frame; yields the record of each."""
        with tasks(source, self.clip, self.size, self.flow, self.before, self.done) as ready:
            for task in ready:
                if task.motion is None and task.frame.index != self.clip.first:
                    yield from self._deliver(self.stylizer.finish(), sink, out_size)
                    self.stylizer = self._new_stylizer()
                    if task.frame.index in self.clip.starts:
                        sink.end_segment()
                self.waiting.append(task)
                self.stylizer.watch = partial(self._watch, task)
                finished = self.stylizer.step(self._seen(task.frame), task.motion)
                yield from self._deliver(finished, sink, out_size)
            yield from self._deliver(self.stylizer.finish(), sink, out_size)

    def _deliver(self, finished: list[Painted], sink: Sink, out_size: Size) -> Iterator[FrameRecord]:
        for painted in finished:
            task = self.waiting.popleft()
            sink.write(self._on_canvas(task.frame, painted, out_size, sink.bits))
            yield self._record(task, painted)

    def _optimizers(self, styles: list[np.ndarray]) -> Callable[[], Optimize | Learned]:
        """What makes a stylizer for each shot that optimises its frames."""
        job = self.job
        pictures = [to_tensor(luminance(each) if job.keep_colors else each, self.device) for each in styles]
        targets = StyleTargets(load_features(job.features, self.device), pictures, job.style_scale)
        weights = Weights(job.content_weight, job.style_weight, job.tv_weight, job.temporal_weight)
        begin = beginning(load_network(job.begin_with, self.device), job.keep_colors) if job.begin_with else None
        return lambda: Optimize(targets, weights, self.effort, self.device, job.seed, begin=begin)

    def _learned(self, path: Path) -> Callable[[], Optimize | Learned]:
        """What makes a stylizer for each shot that paints with a learned network. Raises BadInput."""
        network = load_network(path, self.device)
        return lambda: Learned(network, self.device)

    def _seen(self, frame: Frame) -> np.ndarray:
        """What the stylizer sees of a frame. Networks have learned on colours, and only their picture's light is taken."""
        return luminance(frame.image) if self.job.keep_colors and not self.job.learned else frame.image

    def _on_canvas(self, frame: Frame, painted: Painted, size: Size, bits: int) -> Frame:
        """The painted picture as a frame of the output: colours, size and depth as asked for, the source's time and alpha."""
        picture = painted.picture
        if self.job.keep_colors:
            picture = with_colors_of(picture, frame.image / np.float32(np.iinfo(frame.image.dtype).max))
        picture, alpha = scaled(picture, size), frame.alpha
        top = np.iinfo(np.uint8 if bits == 8 or frame.image.dtype == np.uint8 else np.uint16)
        image = np.clip(picture * top.max + 0.5, 0, top.max).astype(top.dtype)
        return replace(frame, image=image, alpha=None if alpha is None else _plane(alpha, size, image.dtype))

    def _watch(self, task: Task, value: Value, done: float) -> None:
        """An iteration was done: `done` is the share of this frame's work behind it."""
        load, frame = self.workload, task.frame
        load.advance(task.motion is None, done)
        if not self.estimated and load.remaining is not None:
            self.estimated = True
            self.tell(Estimate(load.spent + load.remaining))
        number, shot = frame.index - self.clip.first + 1, self.clip.shot_of(frame.index)
        shots = len(self.clip.starts)
        self.tell(Painting(number, self.clip.count, shot, shots, value.total, load.fraction, load.remaining))

    def _work_of(self, first: bool, iterations: int) -> float:
        if first:
            return self.workload.first
        return work_of_later(self.size, iterations) if iterations else 0.0  # a repeated frame is not even looked at

    def _record(self, task: Task, painted: Painted) -> FrameRecord:
        first = task.motion is None
        self.workload.finish_frame(first, self._work_of(first, painted.iterations))
        return FrameRecord(
            index=task.frame.index,
            time=task.frame.time,
            shot=self.clip.shot_of(task.frame.index),
            iterations=painted.iterations,
            loss=painted.loss,
            loss_star=painted.loss_star,
            untrusted=painted.untrusted,
            seconds=painted.seconds,
        )


def load_network(path: Path, device: str) -> PaintingNetwork:
    """The network of a .vstyle file. Raises BadInput where it is missing, damaged, or another kind of file."""
    file = read_style_file(path)
    try:
        return network_of(file.shape, file.weights, device)
    except BadInput as error:
        raise BadInput(f"{path} is damaged: {error}", "a .vstyle file made by `videostyle train`") from error


def scaled(picture: np.ndarray, size: Size) -> np.ndarray:
    """A float32 picture at another (height, width): a larger one by Lanczos, which keeps strokes crisp, else by areas."""
    if picture.shape[:2] == size:
        return picture
    larger = size[0] >= picture.shape[0]
    return cv2.resize(picture, (size[1], size[0]), interpolation=cv2.INTER_LANCZOS4 if larger else cv2.INTER_AREA)


def _plane(alpha: np.ndarray, size: Size, dtype: np.dtype) -> np.ndarray:
    """An alpha plane at another size and depth."""
    share = scaled(alpha.astype(np.float32) / np.iinfo(alpha.dtype).max, size).clip(0, 1)
    return (share * np.iinfo(dtype).max).round().astype(dtype)
