"""The worker thread, SIGINT and SIGTERM, and exit codes."""

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

Result = TypeVar("Result")


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
