"""Scales and iterations of a frame, and what they cost."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from videostyle.stylizers.schedule import (
    FINER,
    FIXED_WORK,
    SCHEDULES,
    scales,
    split_iterations,
    steps_of_first,
    work,
    work_of_first,
    work_of_later,
)

SIZES = st.tuples(st.integers(16, 8192), st.integers(16, 8192))


@given(SIZES)
def test_scales(size):
    """They climb by about the square root of two, from 128 pixels to the size, and keep its proportions."""
    result = scales(size)
    assert result[-1] == size
    longers = [max(scale) for scale in result]
    if max(size) <= 128:
        assert result == [size]
    for small, large in pairwise(longers):
        assert 1.38 < large / small < 1.45
    assert longers[0] == max(size) or 107 <= longers[0] <= 153
    for height, width in result:  # proportions, up to the rounding of each side
        assert abs(height * size[1] - width * size[0]) <= (size[0] + size[1]) / 2 + 1


def test_scales_of_a_usual_size():
    assert scales((180, 320)) == [(64, 113), (90, 160), (127, 226), (180, 320)]


@given(st.integers(0, 10_000), st.integers(1, 14))
def test_split_iterations(total, count):
    """They add up, and grow by half from scale to scale."""
    result = split_iterations(total, count)
    assert sum(result) == total
    exact = [total * FINER**scale * (FINER - 1) / (FINER**count - 1) for scale in range(count)]
    np.testing.assert_allclose(result, exact, atol=1 + 1e-6)


@given(SIZES, st.integers(0, 1000))
def test_rounds_of_the_full_size(size, iterations):
    """The full size in three steps: half of its iterations, and a quarter each; the coarser scales stay as they are."""
    once, thrice = steps_of_first(size, iterations), steps_of_first(size, iterations, rounds=3)
    assert thrice[:-3] == once[:-1]
    assert {step[0] for step in thrice[-3:]} == {size}
    counts = [count for _, count in thrice[-3:]]
    assert sum(counts) == once[-1][1]
    np.testing.assert_allclose(counts, np.array([0.5, 0.25, 0.25]) * once[-1][1], atol=2)


@given(SIZES, st.integers(1, 1000))
def test_work_of_first_is_bounded_and_grows(size, iterations):
    """It is at most that of all iterations at full size, and one iteration more is more work."""
    least = work_of_first(size, iterations)
    assert least <= iterations * work(size)
    assert work_of_first(size, iterations + 1) > least


def test_work_of_first_is_exact():
    assert work_of_first((180, 320), 5) == 5 * FIXED_WORK + 90 * 160 + 127 * 226 + 3 * 180 * 320
    assert work_of_first((180, 320), 3, begun=True) == 3 * work((180, 320))


def test_work_of_later():
    assert work_of_later((90, 160), 3) == 5 * work((90, 160))
    assert work_of_later((90, 160), 0) == 0


def test_expected_iterations():
    """The more changes from frame to frame, the more iterations are expected."""
    standard = SCHEDULES["standard"]
    assert standard.expected(0.0) == standard.least
    assert standard.least < standard.expected(0.1) < standard.expected(0.2) == standard.expected(1.0) < standard.most
    assert standard.exactly(7).expected(0.5) == 7
    assert standard.exactly(7).first == standard.first
