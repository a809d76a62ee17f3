"""How fast it is: shown frames a second, and the time from the camera to the screen."""

from __future__ import annotations

import time
from collections import deque
from statistics import median

SPAN = 3.0  # seconds that figures are taken over


class Figures:
    """Keeps when the last frames were shown and how old they were. Times are seconds on the monotonic clock."""

    def __init__(self) -> None:
        self._shown: deque[tuple[float, float]] = deque()

    def shown(self, captured: float) -> None:
        """A new camera frame, captured then, has just been shown."""
        now = time.monotonic()
        self._shown.append((now, now - captured))
        while self._shown[0][0] < now - SPAN:
            self._shown.popleft()

    @property
    def rate(self) -> float:
        """New frames shown a second."""
        if len(self._shown) < 2:
            return 0.0
        return (len(self._shown) - 1) / max(1e-6, self._shown[-1][0] - self._shown[0][0])

    @property
    def latency(self) -> float:
        """Seconds from capture to display, median."""
        return median(age for _, age in self._shown) if self._shown else 0.0
