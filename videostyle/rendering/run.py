"""`run(job)`: open, look through, paint, write. The one place where media and torch meet."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from importlib.metadata import version

import numpy as np
import torch

from videostyle.analysis import ShotList, analyze
from videostyle.config import Job, parse_frames
from videostyle.errors import RunFailed
from videostyle.events import Analyzing, Event, Progress, RunStarted
from videostyle.frames import Size
from videostyle.media.image_sinks import output_name
from videostyle.media.images import read_picture
from videostyle.media.resize import resize_float
from videostyle.media.sinks import Sink, open_sink
from videostyle.media.sources import Source, open_source, skipped_lines
from videostyle.media.workdir import WorkFolder, writing
from videostyle.provenance import LIBRARIES, plain_options
from videostyle.rendering.checkpoint import Checkpoint, Checkpoints
from videostyle.rendering.identity import identity
from videostyle.rendering.inputs import Before
from videostyle.rendering.plan import RunPlan, choose
from videostyle.rendering.render import Renderer
from videostyle.reports.records import FrameRecord, RunReport
from videostyle.style_images import check_styles, style_pictures
from videostyle.stylizers.memory import peak_memory


def run(job: Job, progress: Callable[[Event], None] | None = None, cancel: threading.Event | None = None) -> RunReport:
    """Paint a clip, a still or a folder of frames as `job` says; the output appears, whole, when all of it is done.

    progress: called with each Event of videostyle.report, from this thread. cancel: set it from anywhere to stop; the run
    then raises Cancelled. Raises a child of VideoStyleError for everything a user can mend. A refused run leaves nothing
    behind; one that breaks off later leaves no half output, only its work folder, from which the same job goes on.
    """
    began = time.monotonic()
    tell = Progress(progress, cancel)
    if job.threads:
        torch.set_num_threads(job.threads)
    check_styles(job.styles, job.begin_with)
    with closing(open_source(job.input)) as source:
        chosen = choose(job, source.info, tell.notice)
        styles = [picture for path in job.styles for picture in style_pictures(path)]
        with WorkFolder(chosen.output) as work:
            session = prepare(job, source, styles, chosen, work, tell)
            session.paint()
        for line in (*session.sink.notices, *skipped_lines(source)):
            tell.notice(line)
    return RunReport(
        output=chosen.output,
        size=chosen.out_size,
        frames=tuple(session.records),
        shots=len(session.painter.clip.starts),
        seconds=time.monotonic() - began + sum(each.seconds for each in session.records[: session.painter.done]),
        peak_memory=peak_memory(),
        device=chosen.device,
        options=plain_options(job),
        versions={name: version(name) for name in LIBRARIES},
        notices=tuple(tell.notices),
        skipped=source.skipped,
        stylized_size=chosen.size,
    )


@dataclass(frozen=True)
class Session:
    """A run that is ready to paint. records: of the frames that are done."""

    source: Source
    painter: Renderer
    sink: Sink
    out_size: Size
    work: WorkFolder
    saved: Checkpoints
    records: list[FrameRecord]

    def paint(self) -> None:
        """Paints what is left and completes the output. What was painted before a failure stays in the work folder."""
        count = self.painter.clip.count
        try:
            for record in self.painter.paint(self.source, self.sink, self.out_size):
                self.records.append(record)
                if self.saved.due() or len(self.records) == count:
                    self.save()
            if len(self.records) < count:
                problem = f"{self.source.path} ended after {len(self.records)} of {count} frames: it has changed"
                raise RunFailed(problem, todo="bring the file back and repeat the command to go on")
            self.sink.finish()
        except BaseException:
            self.sink.abort()
            if not self.records:
                self.work.remove()
            raise
        self.work.remove()

    def save(self) -> None:
        # where no frame follows, the stylizer's state is not needed, and it may be a hundred times as large as the image
        state = self.painter.state if self.sink.continues else {}
        if state is not None:
            with writing(self.work.output):
                self.saved.save(self.records, self.sink.files(), state)

    def resume(self, done: Checkpoint, notice: Callable[[str], None]) -> None:
        """Takes up an interrupted run after the frames it has painted."""
        self.sink.resume([self.work.parts / name for name in done.files], [record.time for record in done.records])
        self.painter.resume(done.records, done.state)
        self.records.extend(done.records)
        notice(f"an earlier run was interrupted: going on after its first {len(done.records)} frames")


def prepare(
    job: Job, source: Source, styles: list[np.ndarray], chosen: RunPlan, work: WorkFolder, tell: Progress
) -> Session:
    """Looks through the source and opens everything. A refused run leaves what an earlier one saved as it was."""
    size, info = chosen.size, source.info
    try:
        clip = analyze(source, job, lambda count: tell(Analyzing(count)))
        painter = Renderer(job, styles, size, chosen.device, clip, tell)
        saved = Checkpoints(work, identity(job, info, chosen, clip), clip, tell.notice)
        done = None if job.restart else saved.newest()
        how = chosen.rate, chosen.pixels, job.audio
        sink = open_sink(chosen.output, work, job.input, info, chosen.out_size, clip.trim, *how)
        session = Session(source, painter, sink, chosen.out_size, work, saved, [])
        if done is not None:
            session.resume(done, tell.notice)
        elif before := painted_before(job, source, clip, chosen):
            painter.continue_from(before)
        for line in (*source.info.notices, *sink.notices):  # which the first pass may have added to
            tell.notice(line)
        starts, device = len(clip.starts), chosen.device
        tell(RunStarted(job.input, chosen.output, info.size, size, clip.count, starts, device, work.preview))
        if done is None:
            work.keep_only(set())  # here, where nothing is refused any more
    except BaseException:
        if not work.begun:
            work.remove()
        raise
    return session


def painted_before(job: Job, source: Source, clip: ShotList, chosen: RunPlan) -> Before | None:
    """The frame before a range `--frames A:B` where the output folder holds it painted, at the output's size; else None."""
    low, _ = parse_frames(job.frames)
    if low is None or clip.first == 0 or not chosen.output.is_dir():
        return None
    with closing(source.frames(chosen.size, clip.first - 1)) as frames:
        frame = next(frames)
    path = chosen.output / output_name(frame)
    if not path.is_file():
        return None
    image = read_picture(path).image
    if image.shape[:2] != chosen.out_size:
        return None
    painted = image / np.float32(np.iinfo(image.dtype).max)
    return Before(resize_float(painted, chosen.size), frame)
