"""What a command says while it works, how it stops at a signal, and what it says of a failure. Prints to stderr."""

from __future__ import annotations

import contextlib
import errno
import os
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Generic, NoReturn, TypeVar, cast

from videostyle.errors import BadOption, BadOutput, VideoStyleError
from videostyle.wording import lines_of, one_line, step_of, time_left

if TYPE_CHECKING:
    from videostyle.report import Event

SECONDS_TO_STOP = 1.5
SECONDS_BETWEEN_LINES = 10.0
DEBUG = "VIDEOSTYLE_DEBUG"

Listener = Callable[["Event"], None] | None  # None where nobody listens

Result = TypeVar("Result")


def say(line: str) -> None:
    """Prints to stderr. A closed terminal is no reason to lose hours of painting, so that failure is ignored."""
    with contextlib.suppress(OSError):
        print(line, file=sys.stderr, flush=True)


@contextlib.contextmanager
def plain_lines(clock: Callable[[], float] = time.monotonic) -> Iterator[Callable[[Event], None]]:
    """Shows events as whole lines, and one of the small steps every ten seconds."""
    last = -SECONDS_BETWEEN_LINES

    def show(event: Event) -> None:
        nonlocal last
        lines = lines_of(event)
        if not lines and clock() - last >= SECONDS_BETWEEN_LINES:
            lines = [", ".join(filter(None, (step_of(event), time_left(event))))]
        for line in lines:
            say(line)
            last = clock()

    yield show


class Forgiving:
    """A stream to a terminal that may be closed meanwhile: as with `say`, that is no failure."""

    def __init__(self, stream: IO[str]):
        self.stream = stream

    def __getattr__(self, name: str) -> Any:
        return getattr(self.stream, name)

    def write(self, text: str) -> int:
        with contextlib.suppress(OSError):
            self.stream.write(text)
        return len(text)

    def flush(self) -> None:
        with contextlib.suppress(OSError):
            self.stream.flush()


@contextlib.contextmanager
def moving_bar() -> Iterator[Callable[[Event], None]]:
    """Shows events on a terminal: a bar that moves, and the lines above it."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn

    text, left = TextColumn("{task.description}", markup=False), TextColumn("{task.fields[left]}")
    columns = text, BarColumn(bar_width=None), TaskProgressColumn(), left
    console = Console(file=cast(IO[str], Forgiving(sys.stderr)), emoji=False)
    with Progress(*columns, console=console, transient=True, expand=True) as progress:
        task = progress.add_task("starting", total=None, left="")

        def show(event: Event) -> None:
            for line in lines_of(event):
                console.print(line, markup=False, highlight=False, soft_wrap=True)
            if step := step_of(event):
                fraction = getattr(event, "fraction", None)
                total = None if fraction is None else 1.0
                progress.update(task, description=step, total=total, completed=fraction, left=time_left(event))

        yield show


def listener(quiet: bool) -> contextlib.AbstractContextManager[Listener]:
    if quiet:
        return contextlib.nullcontext()
    return moving_bar() if sys.stderr.isatty() and os.environ.get("TERM") != "dumb" else plain_lines()


def failure(error: BaseException) -> tuple[str, int]:
    """The line a user reads about an error, and the exit code."""
    from videostyle.doctor import missing_library

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


class Worker(threading.Thread, Generic[Result]):
    """Works in a thread of its own, so that the main thread is free to answer signals. task: given what says to stop."""

    def __init__(self, task: Callable[[threading.Event], Result]):
        super().__init__(daemon=True)
        self.task = task
        self.cancel = threading.Event()
        self.report: Result | None = None
        self.error: BaseException | None = None

    def run(self) -> None:
        try:
            self.report = self.task(self.cancel)
        except BaseException as error:
            self.error = error


@contextlib.contextmanager
def noted_signals() -> Iterator[list[int]]:
    """The numbers of the SIGINT and SIGTERM signals that come meanwhile; afterwards they do again what they did before.

    The handler only notes the signal: to set an Event there could wait for a lock that the main thread itself holds.
    """
    caught: list[int] = []
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    for number, handler in before.items():
        if handler is not signal.SIG_IGN:  # as nohup and background jobs of a script ask for
            signal.signal(number, lambda number, _: caught.append(number))
    try:
        yield caught
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def wait_or_stop(worker: Worker[Any], todo: str) -> int | None:
    """Starts the worker and returns when it is done, or soon after a signal, whose number it returns.

    todo: what the user can do after a signal. Afterwards signals do again what they did before: reports may still be
    written for a while.
    """
    with noted_signals() as caught:
        worker.start()
        while worker.is_alive() and not caught:
            worker.join(0.05)
        if caught:
            say(f"stopped by {signal.Signals(caught[0]).name} before the end; {todo}")
            worker.cancel.set()
            worker.join(SECONDS_TO_STOP)
    return caught[0] if caught else None


def result_of(task: Callable[[Listener, threading.Event], Result], quiet: bool, todo: str) -> Result:
    """What the task returns, shown while it works; see `wait_or_stop`. Raises what the task raises, exits after a signal."""
    with listener(quiet) as progress:
        worker = Worker(partial(task, progress))
        stopped_by = wait_or_stop(worker, todo)
    if stopped_by:
        leave_after(stopped_by)
    if worker.error:
        raise worker.error
    return cast(Result, worker.report)


def leave_after(number: int) -> NoReturn:
    """Exits as after this signal, see `leave`."""
    leave(128 + number)


def leave(code: int) -> NoReturn:
    """Exits at once, whatever threads are still in the middle of."""
    with contextlib.suppress(OSError):
        sys.stdout.flush()
        sys.stderr.flush()
    os._exit(code)


def check_report(flag: str, path: Path, suffixes: tuple[str, ...], overwrite: bool) -> None:
    """Refuses what would only fail when hours of work are done."""
    if path.suffix.lower() not in suffixes:
        raise BadOption(f"{flag} {path}", f"a name ending in {' or '.join(suffixes)}")
    if not path.parent.is_dir():
        raise BadOutput(f"{flag} {path}: there is no folder {path.parent}", todo="make the folder first")
    if path.is_dir() or (path.exists() and not overwrite):
        raise BadOutput(f"{flag} {path} exists", todo="choose another name or give --overwrite")
