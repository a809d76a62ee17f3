"""Frame rate and latency of the preview, over the last seconds."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from statistics import median

SPAN = 3.0
"""Seconds that the statistics cover."""


class FrameStats:
    """Remembers when the last camera frames were shown, and how old they were. clock: seconds, the camera frames' own."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._shown: deque[tuple[float, float]] = deque()

    def add(self, captured: float) -> None:
        """A camera frame that was captured at this time has just been shown for the first time."""
        now = self._clock()
        self._shown.append((now, now - captured))
        while self._shown[0][0] < now - SPAN:
            self._shown.popleft()

    @property
    def rate(self) -> float:
        """New frames shown in a second."""
        if len(self._shown) < 2:
            return 0.0
        return (len(self._shown) - 1) / max(1e-6, self._shown[-1][0] - self._shown[0][0])

    @property
    def latency(self) -> float:
        """Seconds from capture to display, median."""
        return median(age for _, age in self._shown) if self._shown else 0.0
