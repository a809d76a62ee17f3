"""Paints the frames of a clip one after another, a stylizer for each shot, and says how far it is."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from videostyle.analysis import ShotList
from videostyle.config import Job
from videostyle.events import Estimate, Event, Rendering
from videostyle.frames import Frame, Size
from videostyle.losses.style_targets import StyleTargets
from videostyle.losses.terms import Weights
from videostyle.media.resize import resize_alpha, resize_float
from videostyle.media.sinks import Sink
from videostyle.media.sources import Source
from videostyle.models.features import load_features
from videostyle.models.transformer_net import load_network
from videostyle.rendering.estimate import Workload
from videostyle.rendering.inputs import Before, Task, tasks
from videostyle.rendering.plan import schedule_of
from videostyle.reports.records import FrameRecord
from videostyle.stylizers.base import FrameInput, Iteration, State, StylizedFrame, Stylizer
from videostyle.stylizers.colors import luminance, with_colors_of
from videostyle.stylizers.feedforward import FeedForward, first_picture_by
from videostyle.stylizers.optimize import Optimize
from videostyle.stylizers.schedule import work, work_of_first, work_of_later
from videostyle.temporal.flow import FLOWS
from videostyle.tensors import to_tensor


class Renderer:
    """Everything that one run paints with. styles: uint8 or uint16 (H, W, 3) pictures; size: (height, width) painted at.

    tell: hears how far it is; what it raises (Cancelled) ends the painting. Raises MissingModel.
    """

    def __init__(
        self, job: Job, styles: list[np.ndarray], size: Size, device: str, clip: ShotList, tell: Callable[[Event], None]
    ):
        self.job, self.size, self.device, self.clip, self.tell = job, size, device, clip, tell
        # a network has learned to be steady: it needs no flow to paint
        self.flow = None if job.style_model or job.flow == "none" else FLOWS[job.flow](device)
        self.schedule = schedule_of(job, alone=self.flow is None or clip.count == 1)
        self._new_stylizer = self._learned(job.style_model) if job.style_model else self._optimizers(styles)
        expected = work_of_later(size, self.schedule.expected(clip.change))  # a guess until the first frames are done
        first = work(size) if job.style_model else work_of_first(size, self.schedule.first, job.begin_with is not None)
        firsts = clip.count if self.flow is None else len(clip.starts)
        self.workload = Workload(first, expected, firsts, clip.count)
        self.estimated = False
        self.current: Task | None = None  # being stylized
        self.stylizer = self._new_stylizer()
        self.waiting: deque[Task] = deque()  # given to the stylizer and not finished yet
        self.before: Before | None = None
        self.done = 0  # frames painted by the run that this one goes on from

    def continue_from(self, before: Before) -> None:
        """Begin from a frame painted before the clip's first one."""
        self.before = before
        if self.flow:
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
                self.current = task
                frame = task.frame
                given = FrameInput(self._seen(frame), task.motion, frame.index, frame.time)
                yield from self._deliver(self.stylizer.step(given), sink, out_size)
            yield from self._deliver(self.stylizer.finish(), sink, out_size)

    def _deliver(self, finished: list[StylizedFrame], sink: Sink, out_size: Size) -> Iterator[FrameRecord]:
        for painted in finished:
            task = self.waiting.popleft()
            sink.write(self._on_canvas(task.frame, painted, out_size, sink.bits))
            yield self._record(task, painted)

    def _optimizers(self, styles: list[np.ndarray]) -> Callable[[], Stylizer]:
        """What makes a stylizer for each shot that optimizes its frames."""
        job = self.job
        pictures = [to_tensor(luminance(each) if job.keep_colors else each, self.device) for each in styles]
        targets = StyleTargets(load_features(job.features, self.device), pictures, job.style_scale)
        weights = Weights.of(job)
        begin = first_picture_by(load_network(job.begin_with, self.device), job.keep_colors) if job.begin_with else None
        return lambda: Optimize(targets, weights, self.schedule, self.device, job.seed, self._watch, begin)

    def _learned(self, path: Path) -> Callable[[], Stylizer]:
        """What makes a stylizer for each shot that paints with a learned network. Raises BadInput."""
        network = load_network(path, self.device)
        return lambda: FeedForward(network, self.device, self._watch)

    def _seen(self, frame: Frame) -> np.ndarray:
        """What the stylizer sees of a frame. Networks have learned on colors, and only their picture's light is taken."""
        return luminance(frame.image) if self.job.keep_colors and not self.job.style_model else frame.image

    def _on_canvas(self, frame: Frame, painted: StylizedFrame, size: Size, bits: int) -> Frame:
        """The painted picture as a frame of the output: colors, size and depth as asked for, the source's time and alpha."""
        picture = painted.picture
        if self.job.keep_colors:
            picture = with_colors_of(picture, frame.image / np.float32(np.iinfo(frame.image.dtype).max))
        picture, alpha = resize_float(picture, size), frame.alpha
        top = np.iinfo(np.uint8 if bits == 8 or frame.image.dtype == np.uint8 else np.uint16)
        image = np.clip(picture * top.max + 0.5, 0, top.max).astype(top.dtype)
        return replace(frame, image=image, alpha=None if alpha is None else resize_alpha(alpha, size, image.dtype))

    def _watch(self, iteration: Iteration) -> None:
        """Reports an iteration of the current frame."""
        assert self.current is not None
        load, frame = self.workload, self.current.frame
        load.advance(self.current.motion is None, iteration.fraction)
        if not self.estimated and load.remaining is not None:
            self.estimated = True
            self.tell(Estimate(load.spent + load.remaining))
        number, shot = frame.index - self.clip.first + 1, self.clip.shot_of(frame.index)
        shots = len(self.clip.starts)
        self.tell(Rendering(number, self.clip.count, shot, shots, iteration.loss, load.fraction, load.remaining))

    def _work_of(self, first: bool, iterations: int) -> float:
        if first:
            return self.workload.first
        return work_of_later(self.size, iterations) if iterations else 0.0  # a repeated frame is not even looked at

    def _record(self, task: Task, painted: StylizedFrame) -> FrameRecord:
        first = task.motion is None
        self.workload.finish_frame(first, self._work_of(first, painted.iterations))
        return FrameRecord(
            index=task.frame.index,
            time=task.frame.time,
            shot=self.clip.shot_of(task.frame.index),
            iterations=painted.iterations,
            loss=painted.loss,
            spatial_loss=painted.spatial_loss,
            new_share=painted.new_share,
            seconds=painted.seconds,
        )
