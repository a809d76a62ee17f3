"""How much of a run's work is done, and how long the rest will take."""

from __future__ import annotations

import time
from collections.abc import Callable

MEASURED_FIRST = 4  # seconds of iterations before a time is named


class Workload:
    """The work of a run in pixel-iterations, done and still to do.

    first: work of a shot's first frame; shots, frames: how many of each (frames counts the first ones too); later: the
    expected work of any other frame, replaced by the mean of those done.
    """

    def __init__(
        self, first: float, later: float, shots: int, frames: int, clock: Callable[[], float] = time.monotonic
    ):
        self.first, self.guess, self.shots, self.frames, self.clock = first, later, shots, frames, clock
        self.firsts_done = self.laters_done = 0
        self.later_work = self.finished = self.current = self.skipped = 0.0
        self.began: float | None = None

    @property
    def later(self) -> float:
        return self.later_work / self.laters_done if self.laters_done else self.guess

    @property
    def total(self) -> float:
        firsts_left = self.shots - self.firsts_done
        laters_left = self.frames - self.shots - self.laters_done
        return self.finished + firsts_left * self.first + laters_left * self.later

    def advance(self, is_first: bool, fraction: float) -> None:
        """This frame's work is done to this fraction."""
        self.began = self.clock() if self.began is None else self.began
        self.current = fraction * (self.first if is_first else self.later)

    def finish_frame(self, is_first: bool, work: float) -> None:
        """A frame is done; it took this much work."""
        self.current = 0.0
        self.finished += work
        if is_first:
            self.firsts_done += 1
        else:
            self.laters_done, self.later_work = self.laters_done + 1, self.later_work + work

    def skip_finished(self) -> None:
        """What is finished now was done by an earlier run: it says nothing of this one's pace."""
        self.skipped = self.finished

    @property
    def fraction(self) -> float:
        """Of the whole run, done; in [0, 1]."""
        return min(1.0, (self.finished + self.current) / self.total)

    @property
    def remaining(self) -> float | None:
        """Seconds still to go at the pace so far; None before there is enough to tell."""
        spent, done = self.spent, self.finished + self.current - self.skipped
        if spent < MEASURED_FIRST or done <= 0:
            return None
        return spent * max(0.0, self.total - self.finished - self.current) / done

    @property
    def spent(self) -> float:
        """Seconds since the first iteration."""
        return 0.0 if self.began is None else self.clock() - self.began
