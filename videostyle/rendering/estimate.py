"""The progress of a run and the estimate of its remaining time."""

from __future__ import annotations

import time
from collections.abc import Callable

MEASURED_FIRST = 4  # seconds of iterations before there is an estimate


class Workload:
    """Counts the work of a run in pixel-iterations.

    first: work of a shot's first frame. later: expected work of any other frame; once some are done, their mean replaces it.
    shots, frames: their numbers; frames includes the shots' first ones.
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
        """The expected work of a frame that is not its shot's first."""
        return self.later_work / self.laters_done if self.laters_done else self.guess

    @property
    def total(self) -> float:
        """The expected work of the whole run."""
        firsts_left = self.shots - self.firsts_done
        laters_left = self.frames - self.shots - self.laters_done
        return self.finished + firsts_left * self.first + laters_left * self.later

    def advance(self, is_first: bool, fraction: float) -> None:
        """Set the fraction of the current frame's work that is done, in [0, 1]."""
        self.began = self.clock() if self.began is None else self.began
        self.current = fraction * (self.first if is_first else self.later)

    def finish_frame(self, is_first: bool, work: float) -> None:
        """Count a finished frame and the work that it took."""
        self.current = 0.0
        self.finished += work
        if is_first:
            self.firsts_done += 1
        else:
            self.laters_done, self.later_work = self.laters_done + 1, self.later_work + work

    def skip_finished(self) -> None:
        """Leave the work done so far out of the pace: the run that this one resumes did it."""
        self.skipped = self.finished

    @property
    def fraction(self) -> float:
        """The share of the whole run's work that is done, in [0, 1]."""
        return min(1.0, (self.finished + self.current) / self.total)

    @property
    def remaining(self) -> float | None:
        """Seconds to the end at the pace so far; None until MEASURED_FIRST seconds were measured."""
        spent, done = self.spent, self.finished + self.current - self.skipped
        if spent < MEASURED_FIRST or done <= 0:
            return None
        return spent * max(0.0, self.total - self.finished - self.current) / done

    @property
    def spent(self) -> float:
        """Seconds since the first iteration."""
        return 0.0 if self.began is None else self.clock() - self.began
