"""The painter's thread: it paints the newest frame whenever it is free, and hands over styles as they come."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import numpy as np

from videostyle.webcam.interfaces import LiveStylizer, Request


class _BrokenOff(Exception):
    """The painting of a frame is not wanted any more."""


class Background(threading.Thread):
    """make: builds the painter, in this thread, as that takes seconds. A frame comes with a mark, its styles go with it."""

    def __init__(self, make: Callable[[], LiveStylizer]):
        super().__init__(daemon=True)
        self.make = make
        self.news = threading.Condition()
        self.waiting: tuple[Any, Request] | None = None
        self.painted: dict[int, tuple[Any, np.ndarray]] = {}  # by the mark's identity: the newest one only
        self.busy = True  # until the painter is there
        self.broken_off = self.ending = False
        self.error: BaseException | None = None
        self.pictures = 0
        self.seconds = 0.0  # that the last frame took

    def run(self) -> None:
        try:
            painter = self.make()
            while (given := self._next()) is not None:
                began = time.monotonic()
                self._paint(painter, *given)
                self.seconds = time.monotonic() - began
        except BaseException as error:
            self.error = error

    def _next(self) -> tuple[Any, Request] | None:
        with self.news:
            self.busy = False
            self.news.notify_all()
            self.news.wait_for(lambda: self.waiting or self.ending)
            given, self.waiting = self.waiting, None
            self.busy, self.broken_off = given is not None, False
            return None if self.ending else given

    def _paint(self, painter: LiveStylizer, mark: Any, request: Request) -> None:
        def publish(picture: np.ndarray) -> None:
            with self.news:
                if self.broken_off or self.ending:
                    raise _BrokenOff
                self.painted[id(mark)] = mark, picture
                self.pictures += 1

        with suppress(_BrokenOff):
            painter.stylize(request, publish)

    @property
    def free(self) -> bool:
        """Whether a frame given now is painted at once."""
        with self.news:
            return not self.busy and self.waiting is None

    def give(self, mark: Any, request: Request) -> None:
        """A frame to be painted. Raises what ended the painter."""
        with self.news:
            self.waiting = mark, request
            self.news.notify_all()

    def take(self) -> list[tuple[Any, np.ndarray]]:
        """The newest painting of each frame since it was asked last, with the frame's mark. Raises what ended the painter."""
        with self.news:
            if self.error is not None:
                raise self.error
            taken, self.painted = list(self.painted.values()), {}
            return taken

    def break_off(self) -> None:
        """The frame that is being painted is not wanted any more."""
        with self.news:
            self.broken_off, self.waiting = True, None
            self.painted.clear()

    def close(self, seconds: float = 3.0) -> None:
        """Ends the thread, after the iteration that it is in; one that takes longer is left behind."""
        with self.news:
            self.ending = True
            self.news.notify_all()
        self.join(seconds)
