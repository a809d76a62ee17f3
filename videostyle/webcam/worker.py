"""The stylizer's thread: it stylizes the newest camera frame whenever it is idle and hands over pictures as they come."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import numpy as np

from videostyle.webcam.interfaces import LiveStylizer, Request


class _Canceled(Exception):
    """The frame that is being stylized is not wanted any more."""


class StylizerWorker(threading.Thread):
    """Runs a live stylizer in a thread of its own.

    Every request comes with a tag, which can be any object, and its pictures are returned with the same tag.
    """

    def __init__(self, make: Callable[[], LiveStylizer]):
        """make: builds the stylizer; called in this thread, because loading torch takes seconds."""
        super().__init__(daemon=True)
        self._make = make
        self._changed = threading.Condition()
        self._waiting: tuple[Any, Request] | None = None
        self._results: dict[int, tuple[Any, np.ndarray]] = {}  # by the tag's identity: only the newest picture
        self._busy = True  # until the stylizer is there
        self._canceled = self._ending = False
        self._error: BaseException | None = None
        self.pictures = 0  # published so far
        self.seconds = 0.0  # that the last request took

    def run(self) -> None:
        """Stylize requests until the end; what ends the stylizer is raised by `results`."""
        try:
            stylizer = self._make()
            while (item := self._next()) is not None:
                began = time.monotonic()
                self._stylize(stylizer, *item)
                self.seconds = time.monotonic() - began
        except BaseException as error:
            self._error = error

    def _next(self) -> tuple[Any, Request] | None:
        """Wait for a request; None at the end."""
        with self._changed:
            self._busy = False
            self._changed.notify_all()
            self._changed.wait_for(lambda: self._waiting or self._ending)
            item, self._waiting = self._waiting, None
            self._busy, self._canceled = item is not None, False
            return None if self._ending else item

    def _stylize(self, stylizer: LiveStylizer, tag: Any, request: Request) -> None:
        def publish(picture: np.ndarray) -> None:
            with self._changed:
                if self._canceled or self._ending:
                    raise _Canceled
                self._results[id(tag)] = tag, picture
                self.pictures += 1

        with suppress(_Canceled):
            stylizer.stylize(request, publish)

    @property
    def idle(self) -> bool:
        """Whether a request would be worked on at once."""
        with self._changed:
            return not self._busy and self._waiting is None

    def wait_until_idle(self, seconds: float) -> bool:
        """Wait until no frame is being stylized, at most this long; whether that is so."""
        with self._changed:
            return self._changed.wait_for(lambda: not self._busy, seconds)

    def submit(self, tag: Any, request: Request) -> None:
        """Hand over a camera frame. It replaces one that has not been begun."""
        with self._changed:
            self._waiting = tag, request
            self._changed.notify_all()

    def results(self) -> list[tuple[Any, np.ndarray]]:
        """The newest picture for each tag since the last call. Raises the exception that ended the stylizer."""
        with self._changed:
            if self._error is not None:
                raise self._error
            results, self._results = list(self._results.values()), {}
            return results

    def cancel(self) -> None:
        """Drop the request that is being worked on, the one that waits, and all pictures."""
        with self._changed:
            self._canceled, self._waiting = True, None
            self._results.clear()

    def close(self, seconds: float = 3.0) -> None:
        """End the thread after its current iteration. If that takes longer than this, the thread is left behind."""
        with self._changed:
            self._ending = True
            self._changed.notify_all()
        self.join(seconds)
