"""Remaining time: the arithmetic, with a clock that only moves when the test moves it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from videostyle.rendering.estimate import MEASURED_FIRST, Workload


class Clock:
    def __init__(self):
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def test_a_runs_work_is_its_first_frames_and_its_later_ones(clock):
    workload = Workload(100.0, 10.0, shots=2, frames=12, clock=clock)
    assert workload.total == 2 * 100 + 10 * 10
    assert workload.fraction == 0
    workload.advance(True, 0.5)
    assert workload.fraction == pytest.approx(50 / 300)
    workload.finish_frame(True, 100.0)
    assert workload.fraction == pytest.approx(100 / 300)
    workload.advance(False, 0.5)
    assert workload.fraction == pytest.approx(105 / 300)


def test_later_frames_are_expected_to_take_what_those_before_took(clock):
    workload = Workload(100.0, 10.0, shots=1, frames=5, clock=clock)
    workload.finish_frame(True, 100.0)
    workload.finish_frame(False, 30.0)
    workload.finish_frame(False, 50.0)
    assert workload.total == 100 + 30 + 50 + 2 * 40
    assert workload.fraction == pytest.approx(180 / 260)


def test_the_time_left_is_named_once_enough_was_measured(clock):
    workload = Workload(100.0, 10.0, shots=1, frames=11, clock=clock)
    assert workload.remaining is None
    clock.now += 500  # looking for cuts is no painting
    workload.advance(True, 0.0)
    assert workload.remaining is None
    clock.now += MEASURED_FIRST - 0.5
    workload.advance(True, 0.25)
    assert workload.remaining is None
    clock.now += 0.5
    assert workload.spent == MEASURED_FIRST
    assert workload.remaining == pytest.approx(MEASURED_FIRST * 175 / 25)


def test_nothing_done_leaves_the_time_open(clock):
    workload = Workload(100.0, 10.0, shots=1, frames=2, clock=clock)
    workload.advance(True, 0.0)
    clock.now += 60
    assert workload.remaining is None


@given(st.lists(st.floats(1, 1000), min_size=1, max_size=20), st.integers(1, 5))
def test_at_the_end_all_is_done_and_no_time_is_left(works, shots):
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
