"""The estimate of the remaining time, with a clock that the test moves."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from videostyle.rendering.estimate import MEASURED_FIRST, Workload


class Clock:
    """A clock that stands still."""

    def __init__(self):
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def test_total_and_fraction(clock):
    """The work of a run is that of the shots' first frames and of the later frames."""
    workload = Workload(100.0, 10.0, shots=2, frames=12, clock=clock)
    assert workload.total == 2 * 100 + 10 * 10
    assert workload.fraction == 0
    workload.advance(True, 0.5)
    assert workload.fraction == pytest.approx(50 / 300)
    workload.finish_frame(True, 100.0)
    assert workload.fraction == pytest.approx(100 / 300)
    workload.advance(False, 0.5)
    assert workload.fraction == pytest.approx(105 / 300)


def test_mean_of_later_frames(clock):
    """Later frames are expected to take the mean of those that are done."""
    workload = Workload(100.0, 10.0, shots=1, frames=5, clock=clock)
    workload.finish_frame(True, 100.0)
    workload.finish_frame(False, 30.0)
    workload.finish_frame(False, 50.0)
    assert workload.total == 100 + 30 + 50 + 2 * 40
    assert workload.fraction == pytest.approx(180 / 260)


def test_remaining(clock):
    """There is an estimate once MEASURED_FIRST seconds of iterations were measured."""
    workload = Workload(100.0, 10.0, shots=1, frames=11, clock=clock)
    assert workload.remaining is None
    clock.now += 500  # the analysis before the first iteration does not count
    workload.advance(True, 0.0)
    assert workload.remaining is None
    clock.now += MEASURED_FIRST - 0.5
    workload.advance(True, 0.25)
    assert workload.remaining is None
    clock.now += 0.5
    assert workload.spent == MEASURED_FIRST
    assert workload.remaining == pytest.approx(MEASURED_FIRST * 175 / 25)


def test_remaining_of_no_work(clock):
    """There is no estimate as long as no work is done."""
    workload = Workload(100.0, 10.0, shots=1, frames=2, clock=clock)
    workload.advance(True, 0.0)
    clock.now += 60
    assert workload.remaining is None


@given(st.lists(st.floats(1, 1000), min_size=1, max_size=20), st.integers(1, 5))
def test_end(works, shots):
    """At the end the fraction is 1 and no time remains, whatever the frames took."""
    clock = Clock()
    shots = min(shots, len(works))
    workload = Workload(100.0, 10.0, shots, len(works), clock)
    for index, work in enumerate(works):
        is_first = index < shots
        for step in (0.0, 0.5, 1.0):
            workload.advance(is_first, step)
            clock.now += 2
            assert 0 <= workload.fraction <= 1
        workload.finish_frame(is_first, 100.0 if is_first else work)
    assert workload.fraction == pytest.approx(1)
    assert workload.remaining == pytest.approx(0, abs=1e-6)
