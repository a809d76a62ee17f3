"""Render a job: resolve it, find its shots, resume or begin, write every frame, publish the output."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field, replace
from importlib.metadata import version

import numpy as np
import torch

from videostyle.analysis import ShotList, analyze
from videostyle.config import Job, TrainJob
from videostyle.errors import RunFailed
from videostyle.events import Analyzing, Progress, RunStarted, Saved
from videostyle.media.description import described
from videostyle.media.image_sinks import output_name
from videostyle.media.images import read_picture
from videostyle.media.resize import resize_float
from videostyle.media.sinks import Sink, open_sink
from videostyle.media.sources import Source, open_source, skipped_lines
from videostyle.media.workdir import WorkFolder, writing
from videostyle.provenance import LIBRARIES
from videostyle.rendering.checkpoint import (
    EVERY_HALF_MINUTE,
    Checkpoint,
    Checkpoints,
    Interval,
    frames_saved,
    mixed_line,
)
from videostyle.rendering.dry_run import DryRun
from videostyle.rendering.identity import identity
from videostyle.rendering.inputs import PreviousFrame
from videostyle.rendering.notices import lines_on_alpha, lines_on_depth
from videostyle.rendering.plan import RunPlan, resolve
from videostyle.rendering.render import Renderer
from videostyle.reports.records import FrameRecord, RunReport
from videostyle.shot_files import GivenCuts
from videostyle.stylizers.memory import peak_memory


def render(job: Job, progress: Progress, interval: Interval = EVERY_HALF_MINUTE) -> RunReport:
    """Stylize a clip, a still or a folder of frames as `job` says; the output appears, complete, when all of it is done.

    progress: receives each event, from this thread, and ends the run with Cancelled once its `cancel` is set. interval:
    between checkpoints. Raises a child of VideoStyleError for everything that a user can mend. A refused run leaves nothing
    behind; one that fails later leaves no half output, only its work folder, from which the same job resumes.
    """
    began = time.monotonic()
    with closing(open_source(job.input, job)) as source:
        plan = resolve(job, source.info, progress.notice)
        with WorkFolder(plan.output) as work:
            run = open_run(plan, source, work, progress, interval)
            run.render()
        for line in (*run.sink.notices, *skipped_lines(source)):
            progress.notice(line)
    earlier = sum(record.seconds for record in run.records[: run.renderer.done])
    return RunReport(
        output=plan.output,
        size=plan.out_size,
        frames=tuple(run.records),
        shots=len(run.renderer.shots.starts),
        seconds=time.monotonic() - began + earlier,
        peak_memory=peak_memory(),
        device=plan.device,
        options=plan.options,
        origins=plan.origins,
        shot_options={number: own for number in run.renderer.shots.numbers if (own := plan.own_options(number))},
        versions={name: version(name) for name in LIBRARIES},
        notices=tuple(progress.notices),
        skipped=source.skipped,
        stylized_size=plan.size,
        values=values_of(run),
        trim=run.renderer.shots.trim,
        mixed=run.checkpoints.mixed,
    )


def dry_run(job: Job, progress: Progress, training: TrainJob | None = None) -> DryRun:
    """Resolve a job, find its shots and open everything, stylize nothing, and leave nothing behind.

    training: what comes first. An interrupted run of the same output is left as it is. Raises as `render` does before the
    first frame.
    """
    with closing(open_source(job.input, job)) as source:
        about = tuple(described(source))
        plan = resolve(job, source.info, progress.notice)
        with WorkFolder(plan.output) as work:
            try:
                run = prepared_run(plan, source, work, progress, EVERY_HALF_MINUTE)
                run.sink.abort()
            finally:
                if not work.begun:
                    work.remove()
    done, notices = len(run.records), tuple(progress.notices)
    return DryRun(run.renderer.plan, run.renderer.shots, about, done, notices, training)


def values_of(run: Run) -> dict[str, tuple[tuple[float, ...], ...]]:
    """What the options that change over time were at each frame; () in a shot in which an option does not."""
    origin, values_at = run.renderer.shots.origin, run.renderer.plan.values_at
    values = [values_at(record.shot, record.time - origin) for record in run.records]
    return {name: tuple(each.get(name, ()) for each in values) for name in sorted(set().union(*values))}


@dataclass(frozen=True)
class Run:
    """A run that is ready to render."""

    source: Source
    sink: Sink
    renderer: Renderer
    work: WorkFolder
    checkpoints: Checkpoints
    records: list[FrameRecord] = field(default_factory=list)
    """Of the frames that are done."""

    def render(self) -> None:
        """Render what is left and publish the output. After a failure the work folder keeps what was finished."""
        count = self.renderer.shots.count
        try:
            for record in self.renderer.render(self.source):
                self.records.append(record)
                if self.checkpoints.due() or len(self.records) == count:
                    self.save()
            if len(self.records) < count:
                problem = f"{self.source.path} ended after {len(self.records)} of {count} frames: the file has changed"
                raise RunFailed(problem, todo="restore the file and repeat the command to resume")
            self.sink.finish()
        except BaseException:
            self.sink.abort()
            if not self.records:
                self.work.remove()
            raise
        self.work.remove()

    def save(self) -> None:
        """Write a checkpoint, unless the stylizer holds frames back."""
        # where no frame follows, the stylizer's state is not needed, and it may be a hundred times as large as the image
        state = self.renderer.state if self.sink.continues else {}
        if state is not None:
            with writing(self.work.output):
                self.checkpoints.save(self.records, self.sink.files(), state)
            self.renderer.progress(Saved(len(self.records)))

    def resume(self, checkpoint: Checkpoint, notice: Callable[[str], None]) -> None:
        """Continue an interrupted run after the frames that it has rendered."""
        files = [self.work.parts / name for name in checkpoint.files]
        self.sink.resume(files, [record.time for record in checkpoint.records])
        self.renderer.resume(checkpoint.records, checkpoint.state)
        self.records.extend(checkpoint.records)
        notice(f"resuming an interrupted run after its first {len(checkpoint.records)} frames")
        for place in checkpoint.mixed:
            notice(mixed_line(place))


def open_run(plan: RunPlan, source: Source, work: WorkFolder, progress: Progress, interval: Interval) -> Run:
    """Find the shots and open everything. A refused run leaves what an earlier one saved as it was."""
    try:
        run = prepared_run(plan, source, work, progress, interval)
        sizes, numbers = (source.info.size, plan.size), run.renderer.shots.numbers
        counts = run.renderer.shots.count, len(numbers)
        progress(RunStarted(plan.input, plan.output, *sizes, *counts, plan.device, work.preview, numbers[0]))
        run.checkpoints.discard_others()  # not before: nothing is refused any more
        progress(Saved(len(run.records)))
    except BaseException:
        if not work.begun:
            work.remove()
        raise
    return run


def prepared_run(plan: RunPlan, source: Source, work: WorkFolder, progress: Progress, interval: Interval) -> Run:
    """Find the shots, open everything, and tell what the user should know. What an earlier run saved stays as it is."""
    if plan.threads:
        torch.set_num_threads(plan.threads)
    progress(Saved(frames_saved(work.parts)))
    given = GivenCuts(plan.tables, plan.input) if plan.tables else None
    shots = analyze(
        source,
        plan.selection,
        lambda count: progress(Analyzing(count)),
        plan.needs_palettes,
        given,
        plan.all_schedules,
    )
    shots = plan.with_palettes_used(shots)
    plan = plan.for_shots(shots)
    plan.masks_of(source.info, shots).check()
    run = _opened(plan, shots, source, work, progress, interval)
    for line in (
        *source.info.notices,  # the first pass may have added to them
        *lines_on_depth(plan, source.info),
        *run.sink.notices,
        *lines_on_alpha(plan, source.info, shots, run.sink.alpha),
    ):
        progress.notice(line)
    return run


def _opened(
    plan: RunPlan, shots: ShotList, source: Source, work: WorkFolder, progress: Progress, interval: Interval
) -> Run:
    checkpoints = Checkpoints(work, identity(plan, source.info, shots), shots, progress.notice, interval)
    checkpoint = None if plan.restart else checkpoints.newest(plan.mixed)
    if checkpoint is not None:
        shots = checkpoints.shots = resumed_shots(shots, checkpoint)
    sink = open_sink(
        plan.output, work, plan.input, source.info, plan.out_size, shots.trim, plan.rate, plan.encoder, plan.tracks
    )
    sink.rehearse(shots.times, progress.stop_if_cancelled)
    run = Run(source, sink, Renderer(plan, shots, sink, progress), work, checkpoints)
    if checkpoint is not None:
        run.resume(checkpoint, progress.notice)
    elif plan.continues_range and (previous := frame_before(plan, shots, source)):
        run.renderer.continue_from(previous)
    return run


def resumed_shots(shots: ShotList, checkpoint: Checkpoint) -> ShotList:
    """The shots with those of the finished frames as they were found then: with --mixed another library finds other cuts."""
    first = shots.first + len(checkpoint.records)
    return replace(shots, starts=frozenset((*checkpoint.starts, *(start for start in shots.starts if start >= first))))


def frame_before(plan: RunPlan, shots: ShotList, source: Source) -> PreviousFrame | None:
    """The stylized frame before a range `--frames A:B`, where the output folder holds it at the output's size; else None."""
    blends = plan.of_shot(shots.numbers[0]).finishing.blend != 1  # the stylized frame itself is not there
    if shots.first == 0 or not plan.output.is_dir() or blends:
        return None
    with closing(plan.masks_of(source.info, shots).frames(source, shots.first - 1)) as frames:
        frame = next(frames)
    path = plan.output / output_name(frame.frame)
    if not path.is_file():
        return None
    image = read_picture(path).image
    if image.shape[:2] != plan.out_size:
        return None
    stylized = image / np.float32(np.iinfo(image.dtype).max)
    return PreviousFrame(resize_float(stylized, plan.size), frame)
