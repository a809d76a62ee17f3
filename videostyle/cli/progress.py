"""Progress on the terminal: a bar that moves, or plain lines."""

from __future__ import annotations

import contextlib
import os
import sys
import time
from collections.abc import Callable, Iterator
from typing import IO, TYPE_CHECKING, Any, cast

from videostyle.cli.messages import lines_of, say, step_of, time_left

if TYPE_CHECKING:
    from videostyle.events import Event

SECONDS_BETWEEN_LINES = 10.0
"""Without a terminal, small steps are shown this often."""

Listener = Callable[["Event"], None] | None
"""Called with every event; None where nothing is shown."""


@contextlib.contextmanager
def plain_lines(clock: Callable[[], float] = time.monotonic) -> Iterator[Callable[[Event], None]]:
    """Shows events as whole lines, and a small step every ten seconds."""
    last = -SECONDS_BETWEEN_LINES

    def show(event: Event) -> None:
        nonlocal last
        lines = lines_of(event)
        if not lines and (step := step_of(event)) and clock() - last >= SECONDS_BETWEEN_LINES:
            lines = [", ".join(filter(None, (step, time_left(event))))]
        for line in lines:
            say(line)
            last = clock()

    yield show


class IgnoringErrors:
    """A text stream whose failures to write are ignored, as the terminal may be closed in the meantime."""

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
    """Shows small steps as a bar that moves, and other events as lines above it."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn

    text, left = TextColumn("{task.description}", markup=False), TextColumn("{task.fields[left]}")
    columns = text, BarColumn(bar_width=None), TaskProgressColumn(), left
    console = Console(file=cast(IO[str], IgnoringErrors(sys.stderr)), emoji=False)
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
    """What shows events: a bar on a terminal, lines elsewhere, nothing where quiet."""
    if quiet:
        return contextlib.nullcontext()
    return moving_bar() if sys.stderr.isatty() and os.environ.get("TERM") != "dumb" else plain_lines()
