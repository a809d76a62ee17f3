"""Frame rate and latency, on a clock that the test sets."""

from __future__ import annotations

import pytest

from videostyle.webcam.stats import SPAN, FrameStats


class FakeClock:
    """Time passes only where the test says so."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_rate_and_latency() -> None:
    clock = FakeClock()
    stats = FrameStats(clock)
    assert (stats.rate, stats.latency) == (0.0, 0.0)
    for latency in (0.1, 0.5, 0.2):
        clock.now += 0.25
        stats.add(clock.now - latency)
    assert stats.rate == pytest.approx(4)
    assert stats.latency == pytest.approx(0.2)


def test_stats_forget_earlier_frames() -> None:
    clock = FakeClock()
    stats = FrameStats(clock)
    for _ in range(100):
        clock.now += 0.01
        stats.add(clock.now - 1.0)
    clock.now += SPAN
    for _ in range(3):
        clock.now += 0.5
        stats.add(clock.now - 0.1)
    assert stats.rate == pytest.approx(2)
    assert stats.latency == pytest.approx(0.1)
