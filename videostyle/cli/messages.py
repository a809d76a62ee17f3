"""The words of everything the program tells: events, times, tables. Nothing is printed here."""

from __future__ import annotations

import contextlib
import errno
import math
import os
import sys
import traceback
from pathlib import Path
from typing import TYPE_CHECKING

from videostyle.errors import BadOption, BadOutput, VideoStyleError

if TYPE_CHECKING:
    from videostyle.events import Event, RunStarted, TrainingStarted
    from videostyle.reports.records import Measurement


def one_line(text: str) -> str:
    return " ".join(text.split())


def spoken(seconds: float) -> str:
    """A length of time for people: "8 s", "3 min 20 s", "2 h 5 min"."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


def counted(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def plan_lines(plan: RunStarted) -> list[str]:
    source, painted = (f"{width}x{height}" for height, width in (plan.source_size, plan.size))
    return [
        f"{plan.input}: {source}, {counted(plan.frames, 'frame')} in {counted(plan.shots, 'shot')} -> {plan.output}",
        f"painting at {painted} on {plan.device}; the newest frame is always in {plan.preview}",
    ]


def training_lines(training: TrainingStarted) -> list[str]:
    height, width = training.size
    chosen = f"{counted(training.pairs, 'pair')} of frames from {counted(training.clips, 'clip')}"
    return [
        f"training on {chosen} at {width}x{height} on {training.device} -> {training.output}",
        f"a preview of the style model so far is always in {training.preview}",
    ]


def lines_of(event: Event) -> list[str]:
    """What is worth a line of its own; nothing for the many small steps."""
    from videostyle.events import Estimate, Notice, RunStarted, TrainingStarted

    match event:
        case Notice(text):
            return [f"note: {text}"]
        case RunStarted():
            return plan_lines(event)
        case TrainingStarted():
            return training_lines(event)
        case Estimate(seconds):
            return [f"this will take about {spoken(seconds)}"]
    return []


def step_of(event: Event) -> str:
    """A small step in a few words, without the time left."""
    from videostyle.events import Analyzing, Measuring, Rendering, TrainingProgress

    match event:
        case Analyzing(frame):
            return f"counting frames and finding cuts: {frame}"
        case Rendering():
            loss = "" if math.isnan(event.loss) else f", loss {event.loss:.3f}"
            return f"frame {event.frame}/{event.frames}, shot {event.shot}/{event.shots}{loss}"
        case Measuring():
            return f"measuring frame {event.frame}/{event.frames}"
        case TrainingProgress():
            validation = "" if event.validation_loss is None else f", validation loss {event.validation_loss:.3f}"
            return f"training, step {event.step}, loss {event.loss:.3f}{validation}"
    return ""


def time_left(event: Event) -> str:
    remaining = getattr(event, "remaining", None)
    return "" if remaining is None else f"{spoken(remaining)} left"


def table_lines(measurement: Measurement) -> list[str]:
    """Each metric's mean over the frames: of the output, and of the source itself."""
    width = max(map(len, measurement.summary))
    rows = [("", "output", "source")] + [
        (name, *("-" if each is None else f"{each:.4g}" for each in (value, measurement.floor.get(name))))
        for name, value in measurement.summary.items()
    ]
    return [f"{name:<{width}}  {output:>9}  {source:>9}" for name, output, source in rows]


DEBUG = "VIDEOSTYLE_DEBUG"


def say(line: str) -> None:
    """Prints to stderr. A closed terminal is no reason to lose hours of painting, so that failure is ignored."""
    with contextlib.suppress(OSError):
        print(line, file=sys.stderr, flush=True)


def failure(error: BaseException) -> tuple[str, int]:
    """The line a user reads about an error, and the exit code."""
    from videostyle.cli.doctor import missing_library

    if isinstance(error, VideoStyleError):
        return str(error), error.exit_code
    if isinstance(error, MemoryError) or _torch_ran_out_of_memory(error):
        return "not enough memory; a smaller --size needs less", 1
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        return f"the disk is full{_at(error)}; make room and run again", 1
    if isinstance(error, OSError) and error.errno is not None:
        return f"{error.strerror}{_at(error)}", 1
    if isinstance(error, ImportError) and not str(error.name).startswith("videostyle"):
        return f"{missing_library(error)}; `videostyle doctor` checks the rest", 2
    return f"{type(error).__name__}: {error}; this is a bug; run with {DEBUG}=1 for the traceback", 1


def _at(error: OSError) -> str:
    return f": {error.filename}" if error.filename else ""


def _torch_ran_out_of_memory(error: BaseException) -> bool:
    """On a GPU torch raises its own type, on a CPU a RuntimeError known by its text only."""
    return type(error).__name__ == "OutOfMemoryError" or "DefaultCPUAllocator: can't allocate memory" in str(error)


def say_failure(error: BaseException, what: str = "error") -> int:
    text, code = failure(error)
    if os.environ.get(DEBUG):
        say("".join(traceback.format_exception(error)).rstrip())
    say(f"{what}: {one_line(text)}")
    return code


def check_report(flag: str, path: Path, suffixes: tuple[str, ...], overwrite: bool) -> None:
    """Refuses what would only fail when hours of work are done."""
    if path.suffix.lower() not in suffixes:
        raise BadOption(f"{flag} {path}", f"a name ending in {' or '.join(suffixes)}")
    if not path.parent.is_dir():
        raise BadOutput(f"{flag} {path}: there is no folder {path.parent}", todo="make the folder first")
    if path.is_dir() or (path.exists() and not overwrite):
        raise BadOutput(f"{flag} {path} exists", todo="choose another name or give --overwrite")
