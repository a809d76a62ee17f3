"""The estimate of the remaining time, with a clock that the test moves."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from videostyle.rendering.estimate import MEASURED_FIRST, ExpectedWork, Workload


class Clock:
    """A clock that stands still."""

    def __init__(self):
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def expected(shots: int, frames: int) -> list[ExpectedWork]:
    """First frames of 100 each and later ones of 10; the shots but the first have one frame."""
    first, later = ExpectedWork(100.0, True), ExpectedWork(10.0, False)
    return [first] + [later] * (frames - shots) + [first] * (shots - 1)


@pytest.fixture
def clock() -> Clock:
    return Clock()


def test_total_and_fraction(clock):
    """The work of a run is that of the shots' first frames and of the later frames."""
    workload = Workload(expected(2, 12), clock)
    assert workload.total == 2 * 100 + 10 * 10
    assert workload.fraction == 0
    workload.advance(0.5)
    assert workload.fraction == pytest.approx(50 / 300)
    workload.finish_frame(100.0)
    assert workload.fraction == pytest.approx(100 / 300)
    workload.advance(0.5)
    assert workload.fraction == pytest.approx(105 / 300)


def test_mean_of_later_frames(clock):
    """Later frames are expected to take the mean of those that are done."""
    workload = Workload(expected(1, 5), clock)
    workload.finish_frame(100.0)
    workload.finish_frame(30.0)
    workload.finish_frame(50.0)
    assert workload.total == 100 + 30 + 50 + 2 * 40
    assert workload.fraction == pytest.approx(180 / 260)


def test_shots_of_different_work(clock):
    """Each shot's frames are expected to take as much more or less than was expected of them as the frames done have taken."""
    first, later = ExpectedWork(100.0, True), ExpectedWork(10.0, False)
    large = ExpectedWork(500.0, True), *[ExpectedWork(60.0, False)] * 3
    workload = Workload([first, later, later, *large], clock)
    assert workload.total == 100 + 2 * 10 + 500 + 3 * 60
    workload.finish_frame(100.0)
    workload.finish_frame(20.0)
    assert workload.total == 100 + 20 + 20 + 500 + 3 * 120
    workload.finish_frame(10.0)
    workload.advance(0.5)
    assert workload.fraction == pytest.approx((130 + 250) / (130 + 500 + 3 * 90))


def test_remaining(clock):
    """There is an estimate once MEASURED_FIRST seconds of iterations were measured."""
    workload = Workload(expected(1, 11), clock)
    assert workload.remaining is None
    clock.now += 500  # the analysis before the first iteration does not count
    workload.advance(0.0)
    assert workload.remaining is None
    clock.now += MEASURED_FIRST - 0.5
    workload.advance(0.25)
    assert workload.remaining is None
    clock.now += 0.5
    assert workload.spent == MEASURED_FIRST
    assert workload.remaining == pytest.approx(MEASURED_FIRST * 175 / 25)


def test_remaining_of_no_work(clock):
    """There is no estimate as long as no work is done."""
    workload = Workload(expected(1, 2), clock)
    workload.advance(0.0)
    clock.now += 60
    assert workload.remaining is None


@given(st.lists(st.floats(1, 1000), min_size=1, max_size=20), st.integers(1, 5))
def test_end(works, shots):
    """At the end the fraction is 1 and no time remains, whatever the frames took."""
    clock = Clock()
    shots = min(shots, len(works))
    workload = Workload(expected(shots, len(works)), clock)
    for work in works:
        for step in (0.0, 0.5, 1.0):
            workload.advance(step)
            clock.now += 2
            assert 0 <= workload.fraction <= 1
        workload.finish_frame(work)
    assert workload.fraction == pytest.approx(1)
    assert workload.remaining == pytest.approx(0, abs=1e-6)
