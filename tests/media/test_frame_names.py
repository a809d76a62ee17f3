"""The numbers in the names of a folder's images."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from videostyle.errors import BadInput
from videostyle.media.frame_names import by_number, missing, numbers_of, ticks_per_second


@pytest.mark.parametrize(
    ("names", "numbers"),
    [
        (["8.png", "9.png", "10.png"], [8, 9, 10]),
        (["x-7.png", "x-08.png", "x-009.png"], [7, 8, 9]),
        (["shot2_0098.png", "shot2_0099.tif"], [98, 99]),
        (["frame_0001_upscayl_4x_model.png", "frame_0002_upscayl_4x_model.png"], [1, 2]),
        (["frame0001_1920x1080.png", "frame0002_1920x1080.png"], [1, 2]),
        (["shot.1001.v2.png", "shot.1002.v2.png"], [1001, 1002]),
        (["001@2x.png", "002@2x.png", "003@2x.png"], [1, 2, 3]),
        (["a0001_t0.00.png", "a0002_t0.04.png", "a0003_t0.08.png"], [1, 2, 3]),  # a number without gaps, and times
        (["a0001_t0.png", "a0002_t4.png", "a0004_t8.png"], [1, 2, 4]),  # both with gaps: the longer one
        (["t12.960.png", "t13.000.png", "t13.040.png"], [12960, 13000, 13040]),  # neither is unique by itself
        (["take1_10.png", "take1_12.png", "take2_3.png"], [110, 112, 203]),
        (["8123_0001.png", "551_0002.png"], [1, 2]),
        (["frame_0007_4x.png"], [7]),
        (["a1.png", "a2.png", "a3_b4.png"], [1, 2, 4]),
    ],
)
def test_run_of_digits_that_changes(names, numbers):
    assert numbers_of(names) == numbers


@given(st.integers(0, 10**20), st.integers(1, 9), st.text(alphabet="ab_- .", max_size=5))
def test_number_among_others(number, padding, word):
    """Fixed numbers before and after do not matter."""
    names = [f"take3{word}_{n:0{padding}d}{word}x4k.png" for n in (number, number + 1)]
    assert numbers_of(names) == [number, number + 1]


def test_name_without_a_number():
    with pytest.raises(BadInput, match=r"cover\.png"):
        numbers_of(["1.png", "cover.png"])


def test_repeated_number():
    with pytest.raises(BadInput, match=r"01\.png and 1\.png"):
        by_number(Path("f"), ["2.png", "1.png", "01.png"])


def test_missing_numbers():
    assert missing([3, 4, 5]) == ""
    assert missing([1, 2, 4, 10]) == "3, 5 to 9"


@pytest.mark.parametrize(
    ("numbers", "ticks"),
    [
        ([1714550000, 1714550005], 1),
        ([1714550000123, 1714550000163], 1000),
        ([1714550000123456, 1714550000163456], 10**6),
        ([1714550000123456789, 1714550000163456789], 10**9),
        ([1, 3, 5], None),
        ([2026112817, 2026112819], None),  # a date
        ([20261128173000, 20261128173005], None),
    ],
)
def test_clock_times(numbers, ticks):
    assert ticks_per_second(numbers) == ticks
