"""`run(job)`: open, look through, paint, write. The one place where media and torch meet."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path

import numpy as np
import torch

from videostyle.choices import check_styles, choose_device, choose_output, choose_size
from videostyle.config import Job, parse_frames
from videostyle.errors import Cancelled
from videostyle.estimate import peak_memory
from videostyle.frames import Size
from videostyle.media.images import load_style, read_picture
from videostyle.media.sinks import Sink, open_sink, painted_name
from videostyle.media.sources import Source, open_source
from videostyle.media.work import WorkFolder
from videostyle.painter import Before, Painter
from videostyle.report import Counting, Event, FrameRecord, Notice, Plan, RunReport
from videostyle.scan import Clip, scan

LIBRARIES = ("videostyle", "torch", "torchvision", "opencv-python", "av", "numpy")


class Telling:
    """Passes events on, keeps the notices, and stops the run from inside where it was cancelled."""

    def __init__(self, progress: Callable[[Event], None] | None, cancel: threading.Event | None):
        self.progress, self.cancel = progress, cancel
        self.notices: list[str] = []

    def __call__(self, event: Event) -> None:
        """Raises Cancelled where the caller has asked to stop."""
        if self.cancel is not None and self.cancel.is_set():
            raise Cancelled("cancelled before the end")
        if isinstance(event, Notice):
            self.notices.append(event.text)
        if self.progress is not None:
            self.progress(event)

    def notice(self, text: str) -> None:
        """Tell a line the user should read, once."""
        if text not in self.notices:
            self(Notice(text))


def run(job: Job, progress: Callable[[Event], None] | None = None, cancel: threading.Event | None = None) -> RunReport:
    """Paint a clip, a still or a folder of frames as `job` says; the output appears, whole, when all of it is done.

    progress: called with each Event of videostyle.report, from this thread. cancel: set it from anywhere to stop; the run
    then raises Cancelled. Raises a child of VideoStyleError for everything a user can mend. A refused run leaves nothing
    behind; one that breaks off later leaves no half output, only its work folder with what was painted.
    """
    began = time.monotonic()
    tell = Telling(progress, cancel)
    if job.threads:
        torch.set_num_threads(job.threads)
    check_styles(job)
    with closing(open_source(job.input)) as source:
        output, device = choose_output(job, source.info), choose_device(job)
        styles = [load_style(path) for path in job.styles]
        size = choose_size(job, source.info, output, device, tell.notice)
        out_size = source.info.size if job.output_size == "source" else size
        with WorkFolder(output) as work:
            try:
                clip = scan(source, job, lambda count: tell(Counting(count)))
                painter = Painter(job, styles, size, device, clip, tell)
                sink = open_sink(output, work, job.input, source.info, out_size, clip.trim, None)
                before = painted_before(job, source, clip, size, output)
                for line in (*source.info.notices, *sink.notices):
                    tell.notice(line)
                tell(Plan(job.input, output, source.info.size, size, clip.count, len(clip.starts), device, work.look))
            except BaseException:
                work.remove()
                raise
            records = _painted(painter, source, sink, out_size, before, work)
        for line in (*sink.notices, *skipped_lines(source)):
            tell.notice(line)
    return RunReport(
        output=output,
        size=out_size,
        frames=tuple(records),
        shots=len(clip.starts),
        seconds=time.monotonic() - began,
        peak_memory=peak_memory(),
        device=device,
        options={name: _plain(value) for name, value in asdict(job).items()},
        versions={name: version(name) for name in LIBRARIES},
        notices=tuple(tell.notices),
    )


def _painted(
    painter: Painter, source: Source, sink: Sink, out_size: Size, before: Before | None, work: WorkFolder
) -> list[FrameRecord]:
    """Paints everything and completes the output. What was painted before a failure stays in the work folder."""
    records = []
    try:
        for record in painter.paint(source, sink, out_size, before):
            records.append(record)
        sink.finish()
    except BaseException:
        sink.abort()
        if not records:
            work.remove()
        raise
    work.remove()
    return records


def painted_before(job: Job, source: Source, clip: Clip, size: Size, output: Path) -> Before | None:
    """The frame before a range `--frames A:B` where the output folder holds it painted, at this size; else None."""
    low, _ = parse_frames(job.frames)
    if low is None or clip.first == 0 or not output.is_dir():
        return None
    with closing(source.frames(size, clip.first - 1)) as frames:
        frame = next(frames)
    path = output / painted_name(frame)
    if not path.is_file():
        return None
    image = read_picture(path).image
    if image.shape[:2] != size:
        return None
    return Before(image / np.float32(np.iinfo(image.dtype).max), frame)


def skipped_lines(source: Source) -> list[str]:
    """A line for the user where parts of the source were damaged."""
    if not source.skipped:
        return []
    return [
        f"{source.skipped} damaged packets of {source.path} were left out; the frame before each lasts until the next"
    ]


def _plain(value: object) -> object:
    """An option as JSON has it."""
    if isinstance(value, tuple):
        return [str(each) for each in value]
    return str(value) if isinstance(value, Path) else value
