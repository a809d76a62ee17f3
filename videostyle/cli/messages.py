"""The wording of everything that the program says: events, times, tables, failures."""

from __future__ import annotations

import contextlib
import errno
import math
import sys
import traceback
from typing import TYPE_CHECKING

from videostyle.errors import VideoStyleError
from videostyle.options import switch

if TYPE_CHECKING:
    from videostyle.events import Event, RunStarted, TrainingStarted
    from videostyle.reports.records import Measurement

DEBUG = "VIDEOSTYLE_DEBUG"
"""The environment variable that switches tracebacks on."""


def say(line: str) -> None:
    """Prints to stderr. Failures are ignored: a closed terminal must not end hours of work."""
    with contextlib.suppress(OSError):
        print(line, file=sys.stderr, flush=True)


def one_line(text: str) -> str:
    """The text with every run of white space as one blank."""
    return " ".join(text.split())


def spoken(seconds: float) -> str:
    """A duration in words: "8 s", "3 min 20 s", "2 h 5 min"."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


def counted(number: int, noun: str) -> str:
    """The number with its noun: "1 frame", "2 frames"."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def lines_of(event: Event) -> list[str]:
    """An event as lines of its own; nothing for the many small steps."""
    from videostyle.events import Estimate, Notice, RunStarted, TrainingStarted

    match event:
        case Notice(text):
            return [f"note: {text}"]
        case RunStarted():
            return run_lines(event)
        case TrainingStarted():
            return training_lines(event)
        case Estimate(seconds):
            return [f"this will take about {spoken(seconds)}"]
    return []


def run_lines(run: RunStarted) -> list[str]:
    """What is about to be rendered."""
    source, size = (f"{width}x{height}" for height, width in (run.source_size, run.size))
    shots = counted(run.shots, "shot") if run.first_shot == 1 else numbered_shots(run.first_shot, run.shots)
    return [
        f"{run.input}: {source}, {counted(run.frames, 'frame')} in {shots} -> {run.output}",
        f"stylizing at {size} on {run.device}; the newest frame is always in {run.preview}",
    ]


def numbered_shots(first: int, count: int) -> str:
    """Shots by their numbers: "shot 5", "shots 5 to 7"."""
    return f"shot {first}" if count == 1 else f"shots {first} to {first + count - 1}"


def training_lines(training: TrainingStarted) -> list[str]:
    """What is about to be trained."""
    height, width = training.size
    data = f"{counted(training.pairs, 'pair')} of frames from {counted(training.clips, 'clip')}"
    return [
        f"training on {data} at {width}x{height} on {training.device} -> {training.output}",
        f"a frame in the model's newest state is always in {training.preview}",
    ]


def step_of(event: Event) -> str:
    """A small step in a few words, without the time left; nothing for other events."""
    from videostyle.events import Analyzing, Comparing, Measuring, Rendering, SheetProgress, TrainingProgress

    match event:
        case Analyzing(frame):
            return f"counting frames and finding cuts: {frame}"
        case Rendering():
            loss = "" if math.isnan(event.loss) else f", loss {event.loss:.3f}"
            return f"frame {event.frame}/{event.frames}, shot {event.shot}/{event.shots}{loss}"
        case SheetProgress():
            return f"picture {event.picture}/{event.pictures}"
        case Measuring():
            return f"measuring frame {event.frame}/{event.frames}"
        case Comparing():
            return f"comparing frame {event.frame}/{event.frames}"
        case TrainingProgress():
            validation = "" if event.validation_loss is None else f", validation loss {event.validation_loss:.3f}"
            return f"training, step {event.step}, loss {event.loss:.3f}{validation}"
    return ""


def time_left(event: Event) -> str:
    """The remaining time in words, where an event has one."""
    remaining = getattr(event, "remaining", None)
    return "" if remaining is None else f"{spoken(remaining)} left"


def table_lines(measurement: Measurement) -> list[str]:
    """Each metric's mean over the frames, of the output and of the source itself."""
    width = max(map(len, measurement.summary))
    rows = [("", "output", "source")] + [
        (name, *("-" if value is None else f"{value:.4g}" for value in (mean, measurement.floor.get(name))))
        for name, mean in measurement.summary.items()
    ]
    return [f"{name:<{width}}  {output:>9}  {source:>9}" for name, output, source in rows]


def failure(error: BaseException) -> tuple[str, int]:
    """An error as the line that the user reads, and the exit code."""
    from videostyle.cli.doctor import missing_library

    if isinstance(error, VideoStyleError):
        return str(error), error.exit_code
    if isinstance(error, MemoryError) or _torch_ran_out_of_memory(error):
        return "not enough memory; a smaller --size needs less", 1
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        return f"the disk is full{_at(error)}; make room and repeat the command", 1
    if isinstance(error, OSError) and error.errno is not None:
        return f"{error.strerror}{_at(error)}", 1
    if isinstance(error, ImportError) and not str(error.name).startswith("videostyle"):
        return f"{missing_library(error)}; `videostyle doctor` checks the rest", 2
    return f"{type(error).__name__}: {error}; this is a bug; run with {DEBUG}=1 for the traceback", 1


def _at(error: OSError) -> str:
    return f": {error.filename}" if error.filename else ""


def _torch_ran_out_of_memory(error: BaseException) -> bool:
    """On a GPU torch raises a type of its own, on a CPU a RuntimeError that only its text tells apart."""
    return type(error).__name__ == "OutOfMemoryError" or "DefaultCPUAllocator: can't allocate memory" in str(error)


def say_failure(error: BaseException, what: str = "error") -> int:
    """Prints an error in one line, after its traceback if VIDEOSTYLE_DEBUG is on. Returns the exit code."""
    text, code = failure(error)
    if switch(DEBUG, default=False):
        say("".join(traceback.format_exception(error)).rstrip())
    say(f"{what}: {one_line(text)}")
    return code
