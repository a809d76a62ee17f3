"""`run(job)`: open, look through, paint, write. The one place where media and torch meet."""

from __future__ import annotations

import platform
import threading
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import asdict, dataclass, fields, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch

from videostyle.checkpoint import Checkpoint, Checkpoints, Identity, fingerprint
from videostyle.choices import Choice, check_styles, choose
from videostyle.config import LEARNED, SETTLED, AnyJob, Job, TrainJob, parse_frames
from videostyle.errors import BadOutput, Cancelled, PaintingFailed
from videostyle.estimate import peak_memory
from videostyle.frames import Size, VideoInfo
from videostyle.media.images import read_picture
from videostyle.media.sinks import ImageSink, Sink, open_sink, painted_name
from videostyle.media.sources import Source, open_source
from videostyle.media.work import WorkFolder, writing
from videostyle.painter import Before, Painter, scaled
from videostyle.report import Counting, Event, FrameRecord, Notice, Plan, RunReport
from videostyle.scan import Clip, scan
from videostyle.stylefile import style_pictures

LIBRARIES = ("videostyle", "torch", "torchvision", "opencv-python", "av", "numpy")


class Telling:
    """Passes events on, keeps the notices, and stops the run from inside where it was cancelled."""

    def __init__(self, progress: Callable[[Event], None] | None, cancel: threading.Event | None):
        self.progress, self.cancel = progress, cancel
        self.notices: list[str] = []

    def __call__(self, event: Event) -> None:
        """Raises Cancelled where the caller has asked to stop."""
        self.stop_if_asked()
        if isinstance(event, Notice):
            self.notices.append(event.text)
        if self.progress is not None:
            self.progress(event)

    def stop_if_asked(self) -> None:
        """Raises Cancelled where the caller has asked to stop."""
        if self.cancel is not None and self.cancel.is_set():
            raise Cancelled("cancelled before the end")

    def notice(self, text: str) -> None:
        """Tell a line the user should read, once."""
        if text not in self.notices:
            self(Notice(text))


def run(job: Job, progress: Callable[[Event], None] | None = None, cancel: threading.Event | None = None) -> RunReport:
    """Paint a clip, a still or a folder of frames as `job` says; the output appears, whole, when all of it is done.

    progress: called with each Event of videostyle.report, from this thread. cancel: set it from anywhere to stop; the run
    then raises Cancelled. Raises a child of VideoStyleError for everything a user can mend. A refused run leaves nothing
    behind; one that breaks off later leaves no half output, only its work folder, from which the same job goes on.
    """
    began = time.monotonic()
    tell = Telling(progress, cancel)
    if job.threads:
        torch.set_num_threads(job.threads)
    check_styles(job.styles, job.begin_with)
    with closing(open_source(job.input)) as source:
        chosen = choose(job, source.info, tell.notice)
        painting = with_learned(job, chosen, tell) if job.learned is None and job.engine == "learned" else job
        styles = [picture for path in painting.styles for picture in style_pictures(path)]
        with WorkFolder(chosen.output) as work:
            session = prepare(painting, source, styles, chosen, work, tell)
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
        painted_size=chosen.size,
    )


def with_learned(job: Job, chosen: Choice, tell: Telling) -> Job:
    """The same job with a painting that a network has learned on its very clip, now or before: it stays beside the output."""
    from videostyle.training import is_begun, is_trained, train  # which imports this module

    output = chosen.output.with_suffix(LEARNED)
    anew = job.restart and job.overwrite  # --overwrite alone means the clip that is painted
    names = {each.name for each in fields(TrainJob)} & {each.name for each in fields(Job)} - {
        "output",
        "size",
        "overwrite",
    }
    same = {name: getattr(job, name) for name in names}
    limits = TrainJob.__dataclass_fields__["size"].metadata
    size = min(max(limits["low"], *chosen.size), limits["high"])
    if size < max(chosen.size):
        tell.notice(
            f"the network learns at {size} pixels, the most it can: at {max(chosen.size)} its strokes are finer"
        )
    training = TrainJob(on=(job.input,), output=output, size=size, overwrite=anew, **same)
    if not job.restart and is_trained(training):
        tell.notice(f"painting with {output}, which was learned before; --restart --overwrite learn it anew")
    elif output.exists() and not anew and not is_begun(training):
        todo = f"`videostyle run {job.input} {output}` paints with it; --restart --overwrite learn it anew; or give another -o"
        raise BadOutput(f"{output} exists, and was learned on other frames or with other options", todo=todo)
    else:
        for line in train(training, tell.progress, tell.cancel).notices:
            tell.notices.append(line)
    settled: dict[str, Any] = {name: Job.__dataclass_fields__[name].default for name in SETTLED}
    return replace(job, styles=(output,), **settled)


@dataclass(frozen=True)
class Session:
    """A run that is ready to paint. records: of the frames that are done."""

    source: Source
    painter: Painter
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
                raise PaintingFailed(problem, todo="bring the file back and repeat the command to go on")
            self.sink.finish()
        except BaseException:
            self.sink.abort()
            if not self.records:
                self.work.remove()
            raise
        self.work.remove()

    def save(self) -> None:
        # no frame follows a picture, and what frames continue from may be a hundred times as large as it
        state = {} if isinstance(self.sink, ImageSink) else self.painter.state
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
    job: Job, source: Source, styles: list[np.ndarray], chosen: Choice, work: WorkFolder, tell: Telling
) -> Session:
    """Looks through the source and opens everything. A refused run leaves what an earlier one saved as it was."""
    size, info = chosen.size, source.info
    try:
        clip = scan(source, job, lambda count: tell(Counting(count)))
        painter = Painter(job, styles, size, chosen.device, clip, tell)
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
        tell(Plan(job.input, chosen.output, info.size, size, clip.count, starts, device, work.look))
        if done is None:
            work.keep_only(set())  # here, where nothing is refused any more
    except BaseException:
        if not work.begun:
            work.remove()
        raise
    return session


# Options that change nothing in the painted bytes, or are told by something else: the files by their fingerprints, the
# part to paint by the frames themselves, so that a run can be made longer.
NOT_IDENTITY = {"input", "styles", "output", "overwrite", "restart", "report", "size", "device", "threads"} | {
    "frames", "duration", "start", "audio", "engine", "minutes", "begin_with",
}  # fmt: skip


def identity(job: Job, info: VideoInfo, chosen: Choice, clip: Clip) -> Identity:
    """Everything that the painted bytes depend on, each under the name a user knows it by."""
    size, out_size, device = chosen.size, chosen.out_size, chosen.device
    options = {
        f"--{name.replace('_', '-')}": str(value)
        for name, value in plain_options(job).items()
        if name not in NOT_IDENTITY
    }
    files = {"the input": job.input} | {f"style {number}": path for number, path in enumerate(job.styles, 1)}
    files |= {"--begin-with": job.begin_with} if job.begin_with else {}
    return {
        **options,
        **{name: fingerprint(path) for name, path in files.items()},
        "the source's size": str(info.size),
        "painted size": f"{size[1]}x{size[0]}, written as {out_size[1]}x{out_size[0]}",
        "first frame": str(clip.first + 1),
        "time 0": str(clip.trim.start if clip.trim else 0),
        "device": f"{device} {torch.cuda.get_device_name(device)}" if device.startswith("cuda") else device,
        "processor": f"{platform.machine()} {torch.backends.cpu.get_cpu_capability()}",
        "threads": f"{torch.get_num_threads()} and {cv2.getNumThreads()}",
        **{name: version(name) for name in LIBRARIES},
    }


def painted_before(job: Job, source: Source, clip: Clip, chosen: Choice) -> Before | None:
    """The frame before a range `--frames A:B` where the output folder holds it painted, at the output's size; else None."""
    low, _ = parse_frames(job.frames)
    if low is None or clip.first == 0 or not chosen.output.is_dir():
        return None
    with closing(source.frames(chosen.size, clip.first - 1)) as frames:
        frame = next(frames)
    path = chosen.output / painted_name(frame)
    if not path.is_file():
        return None
    image = read_picture(path).image
    if image.shape[:2] != chosen.out_size:
        return None
    painted = image / np.float32(np.iinfo(image.dtype).max)
    return Before(scaled(painted, chosen.size), frame)


def skipped_lines(source: Source) -> list[str]:
    """A line for the user where parts of the source were damaged."""
    if not source.skipped:
        return []
    return [
        f"{source.skipped} damaged packets of {source.path} were left out; the frame before each lasts until the next"
    ]


def plain_options(job: AnyJob) -> dict[str, object]:
    """The options of a job as JSON has them."""
    return {name: _plain(value) for name, value in asdict(job).items()}


def _plain(value: object) -> object:
    """An option as JSON has it."""
    if isinstance(value, tuple):
        return [str(each) for each in value]
    return str(value) if isinstance(value, Path) else value
