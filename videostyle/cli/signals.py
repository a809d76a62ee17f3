"""SIGINT and SIGTERM: the work is done in a worker thread, so that the main thread answers signals at once."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, Generic, NoReturn, TypeVar, cast

from videostyle.cli.messages import say
from videostyle.cli.progress import Listener, listener

SECONDS_TO_STOP = 1.5
"""What the work is given to stop by itself after a signal."""

Result = TypeVar("Result")


class Worker(threading.Thread, Generic[Result]):
    """A thread that does one task. The task is called with the event that asks it to stop."""

    def __init__(self, task: Callable[[threading.Event], Result]):
        super().__init__(daemon=True)
        self.task = task
        self.cancel = threading.Event()
        self.result: Result | None = None
        """What the task returned; None before, and where it failed."""
        self.error: BaseException | None = None
        """What the task raised."""

    def run(self) -> None:
        try:
            self.result = self.task(self.cancel)
        except BaseException as error:
            self.error = error


@contextlib.contextmanager
def noted_signals() -> Iterator[list[int]]:
    """The numbers of the SIGINT and SIGTERM signals that arrive in the meantime; afterwards the old handlers are back.

    The handler does nothing but note the signal: setting an Event there could wait for a lock that the main thread holds.
    """
    caught: list[int] = []
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    for number, handler in before.items():
        if handler is not signal.SIG_IGN:  # nohup and the background jobs of a script ignore it
            signal.signal(number, lambda number, _: caught.append(number))
    try:
        yield caught
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def signal_name(number: int) -> str:
    """Such as "SIGINT"."""
    return signal.Signals(number).name


def wait_or_stop(worker: Worker[Any], todo: Callable[[], str]) -> int | None:
    """Starts the worker and returns None when it is done, or a signal's number soon after that signal.

    todo: says, after a signal, what is kept and what the user can do. The old handlers are back afterwards, as reports may
    still be written.
    """
    with noted_signals() as caught:
        worker.start()
        while worker.is_alive() and not caught:
            worker.join(0.05)
        if caught:
            say(f"stopped by {signal_name(caught[0])} before the end; {todo()}")
            worker.cancel.set()
            worker.join(SECONDS_TO_STOP)
    return caught[0] if caught else None


def result_of(task: Callable[[Listener, threading.Event], Result], quiet: bool, todo: Callable[[], str]) -> Result:
    """The result of a task, whose progress is shown; see `wait_or_stop`. Raises what it raises, exits after a signal."""
    with listener(quiet) as progress:
        worker = Worker(partial(task, progress))
        stopped_by = wait_or_stop(worker, todo)
    if stopped_by:
        exit_now(128 + stopped_by)
    if worker.error:
        raise worker.error
    return cast(Result, worker.result)


def exit_now(code: int) -> NoReturn:
    """Exits without waiting for other threads."""
    with contextlib.suppress(OSError):
        sys.stdout.flush()
        sys.stderr.flush()
    os._exit(code)
