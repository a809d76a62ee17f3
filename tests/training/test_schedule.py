"""The course of a training: crops grow, the learning rate falls, validations come at even intervals."""

from __future__ import annotations

import pytest

from videostyle.training.schedule import TrainingSchedule


def test_crops_grow_to_whole_frames():
    schedule = TrainingSchedule()
    assert [schedule.crop(done) for done in (0.0, 0.14, 0.15, 1.0)] == [0.5, 0.5, 1.0, 1.0]


def test_rate_falls_from_full_to_slowest():
    schedule = TrainingSchedule()
    rates = [schedule.rate(done / 20) for done in range(25)]
    assert rates[0] == 1
    assert rates == sorted(rates, reverse=True)
    assert rates[10] == pytest.approx(0.5)
    assert rates[-1] == schedule.slowest


def test_validations_are_even():
    schedule, last, due = TrainingSchedule(validations=4), 0.0, []
    for step in range(100):
        if schedule.validation_due(last, step / 100):
            last = step / 100
            due.append(step)
    assert due == [25, 50, 75]
