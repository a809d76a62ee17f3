"""The progress of a run and the estimate of its remaining time."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import accumulate

MEASURED_FIRST = 4  # seconds of iterations before there is an estimate


@dataclass(frozen=True)
class ExpectedWork:
    """What a frame is expected to take."""

    work: float
    """In pixel-iterations."""
    is_first: bool
    """Whether it is stylized without the one before it, as a shot's first frame is; its work is then known."""


class Workload:
    """Counts the work of a run in pixel-iterations.

    expected: of each frame, in order. Once some that are not first ones are done, what is expected of the others is multiplied
    by how much more or less than expected they took.
    """

    def __init__(self, expected: Sequence[ExpectedWork], clock: Callable[[], float] = time.monotonic):
        self.expected, self.clock = expected, clock
        self._firsts_left = _sums_of_rest([frame.work if frame.is_first else 0.0 for frame in expected])
        self._laters_left = _sums_of_rest([0.0 if frame.is_first else frame.work for frame in expected])
        self.done = 0
        self._later_work = self._later_expected = 0.0
        self.finished = self.current = self.skipped = 0.0
        self.began: float | None = None

    @property
    def _ratio(self) -> float:
        """Work of a frame that is not a first one, over what was expected of it."""
        return self._later_work / self._later_expected if self._later_expected else 1.0

    @property
    def total(self) -> float:
        """The expected work of the whole run."""
        return self.finished + self._firsts_left[self.done] + self._laters_left[self.done] * self._ratio

    def advance(self, fraction: float) -> None:
        """Set the fraction of the current frame's work that is done, in [0, 1]."""
        self.began = self.clock() if self.began is None else self.began
        frame = self.expected[self.done]
        self.current = fraction * frame.work * (1.0 if frame.is_first else self._ratio)

    def finish_frame(self, work: float) -> None:
        """Count the current frame as finished. work: that it took, where it is not a first one."""
        frame = self.expected[self.done]
        self.current = 0.0
        self.done += 1
        self.finished += frame.work if frame.is_first else work
        if not frame.is_first:
            self._later_work, self._later_expected = self._later_work + work, self._later_expected + frame.work

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


def _sums_of_rest(works: Sequence[float]) -> list[float]:
    """For each place, the end among them, the sum of what is there and of all after it."""
    return [*accumulate(reversed(works), initial=0.0)][::-1]
