"""The frame loop: renders a clip shot by shot, writes each frame to the sink, and reports progress."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from itertools import chain, groupby

import numpy as np

from videostyle.analysis import ShotList
from videostyle.events import Estimate, Event, Rendering
from videostyle.frames import Frame
from videostyle.media.fit import black_bars
from videostyle.media.pixels import over, to_bits
from videostyle.media.resize import resize_alpha, resize_float
from videostyle.media.sinks import FrameSink
from videostyle.media.sources import Source
from videostyle.rendering.estimate import ExpectedWork, Workload
from videostyle.rendering.inputs import InputFrames, PreviousFrame, RenderInput
from videostyle.rendering.masks import MaskedFrame, composed_over
from videostyle.rendering.plan import RunPlan
from videostyle.rendering.shots import ShotRenderer
from videostyle.reports.records import FrameRecord
from videostyle.schedules import initial
from videostyle.stylizers.base import Iteration, State, StylizedFrame
from videostyle.stylizers.colors import with_colors_of
from videostyle.stylizers.settings import StylizerSettings
from videostyle.stylizers.shared import Shared
from videostyle.stylizers.table import STYLIZERS
from videostyle.temporal.flow import FLOWS


class Renderer:
    """Renders the shots of a plan into a sink, from the first frame or from where an earlier run stopped.

    progress: called with each event; what it raises (Cancelled) ends the run. shared: what other renderers have loaded
    already. Raises MissingModel, and BadInput for a damaged style model.
    """

    def __init__(
        self,
        plan: RunPlan,
        shots: ShotList,
        sink: FrameSink,
        progress: Callable[[Event], None],
        shared: Shared | None = None,
    ):
        self.plan, self.shots, self.sink, self.progress = plan, shots, sink, progress
        self.flow = None if plan.flow is None else FLOWS[plan.flow](plan.device)
        self.shared = shared or Shared()
        self.settings: StylizerSettings | None = None
        self.shot = self._new_shot(shots.first)
        self.work = FrameWork(plan, shots)
        self.previous: PreviousFrame | None = None
        self.done = 0  # frames rendered by the run that this one resumes
        self._estimated = False

    def continue_from(self, previous: PreviousFrame) -> None:
        """Begin from a frame that was stylized before the clip's first one."""
        if self.flow is None:
            return
        self.previous = previous
        self.shot.stylizer.continue_from(previous.picture, previous.source.frame.image)
        self.work = FrameWork(self.plan, self.shots, continues=True)

    def resume(self, records: Sequence[FrameRecord], state: State) -> None:
        """Continue after these frames, with the stylizer's state after the last of them."""
        self.done = len(records)
        self.shot = self._new_shot(records[-1].index)
        self.shot.stylizer.restore(state)
        for record in records:
            self.work.finish(record.iterations)
        self.work.load.skip_finished()

    @property
    def state(self) -> State | None:
        """With this and the frames rendered so far another run can continue; None while the stylizer holds frames back."""
        return self.shot.state

    def render(self, source: Source) -> Iterator[FrameRecord]:
        """Render what is left of the clip; yields the record of each frame once it is written."""
        masks = self.plan.masks_of(source.info, self.shots)
        frames = InputFrames(source, self.shots, masks, self.flow, values_at=self.plan.values_at)
        with frames.after(self.done, self.previous) as inputs:
            for _, shot in groupby(inputs, lambda given: self.shots.shot_of(given.source.index)):
                yield from self._render_shot(shot)

    def _render_shot(self, inputs: Iterator[RenderInput]) -> Iterator[FrameRecord]:
        first = next(inputs)
        if first.source.index in self.shots.starts and first.source.index != self.shots.first:
            self.sink.end_segment()
            self.shot = self._new_shot(first.source.index)
        yield from self.shot.render(chain([first], inputs))

    def _new_shot(self, ordinal: int) -> ShotRenderer:
        """For the shot of the frame with this ordinal. Shots of the same settings share what is prepared for them."""
        settings = self.plan.of_shot(self.shots.shot_of(ordinal)).stylizer
        if settings is not self.settings:
            self.settings = settings
            self.new_stylizer = STYLIZERS[self.plan.engine].prepare(settings, self.shared)
        return ShotRenderer(self.new_stylizer(self._report), self._deliver)

    def _deliver(self, given: RenderInput, stylized: StylizedFrame) -> FrameRecord:
        """Write a finished frame to the sink."""
        number = self.shots.shot_of(given.source.index)
        plan = self.plan.of_shot(number)
        blend = given.frame.value("blend", initial(plan.finishing.blend))
        frame = output_frame(given.clip, stylized.picture, plan, self.sink.bits, blend)
        color = plan.background(self.sink.alpha)
        self.sink.write(frame if color is None else composed(frame, color))
        self.work.finish(stylized.iterations)
        return FrameRecord(
            index=given.source.index,
            time=given.source.time,
            shot=number,
            iterations=stylized.iterations,
            loss=stylized.loss,
            spatial_loss=stylized.spatial_loss,
            new_share=stylized.new_share,
            seconds=stylized.seconds,
        )

    def _report(self, iteration: Iteration) -> None:
        """Report an iteration on the frame that the stylizer was given last."""
        frame, load = self.shot.pending[-1].frame, self.work.load
        load.advance(iteration.fraction)
        if not self._estimated and load.remaining is not None:
            self._estimated = True
            self.progress(Estimate(load.spent + load.remaining))
        self.progress(
            Rendering(
                frame=frame.index - self.shots.first + 1,
                frames=self.shots.count,
                shot=self.shots.shot_of(frame.index),
                shots=self.shots.numbers[-1],
                loss=iteration.loss,
                fraction=load.fraction,
                remaining=load.remaining,
            )
        )


class FrameWork:
    """The work of a plan's frames, done and still to do. load: in pixel-iterations.

    continues: whether the first frame continues a stylized one.
    """

    def __init__(self, plan: RunPlan, shots: ShotList, continues: bool = False):
        self.kind, self.size = STYLIZERS[plan.engine], plan.size
        ordinals, numbers, expected = range(shots.first, shots.first + shots.count), iter(shots.numbers), []
        for ordinal in ordinals:
            if ordinal in shots.starts:
                settings = plan.of_shot(next(numbers)).stylizer
                first = self.kind.first_work(plan.size, settings)
                later = self.kind.later_work(plan.size, settings.schedule.expected(shots.change))
            starts = ordinal in shots.starts and not (continues and ordinal == shots.first)
            is_first = starts or plan.flow is None
            expected.append(ExpectedWork(first if is_first else later, is_first))
        self.load = Workload(expected)

    def finish(self, iterations: int) -> None:
        """The next frame is done."""
        # a frame that repeats the one before it is not even evaluated
        self.load.finish_frame(self.kind.later_work(self.size, iterations) if iterations else 0.0)


def composed(frame: Frame, color: tuple[int, int, int]) -> Frame:
    """A frame over an RGB color of 8 bits."""
    return frame if frame.alpha is None else replace(frame, image=over(frame.image, frame.alpha, color), alpha=None)


def output_frame(clip: MaskedFrame, picture: np.ndarray, plan: RunPlan, bits: int, blend: float = 1.0) -> Frame:
    """A stylized picture, float32 (H, W, 3) in [0, 1], as a frame of the output: with the colors, size and depth of the plan,
    the source's time and alpha, and the source itself where the mask is black. bits: 8, or 16 where the sink keeps more.
    blend: opacity over the source."""
    source = clip.frame
    own = source.image / np.float32(np.iinfo(source.image.dtype).max)
    if plan.coloring.colors == "clip":
        picture = with_colors_of(picture, own)
    picture = picture if blend == 1 else own + np.float32(blend) * (picture - own)
    picture = resize_float(picture, plan.out_size)
    limits = np.iinfo(np.uint8 if bits == 8 or source.image.dtype == np.uint8 else np.uint16)
    image = np.clip(picture * limits.max + 0.5, 0, limits.max).astype(limits.dtype)
    if clip.original is not None and clip.mask is not None:
        image = composed_over(image, to_bits(clip.original, limits.bits), clip.mask)
    image = black_bars(image, source.covered)
    alpha = None if source.alpha is None else resize_alpha(source.alpha, plan.out_size, image.dtype)
    return replace(source, image=image, alpha=alpha)
