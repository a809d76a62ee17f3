"""The keyframe takes back what the flow from frame to frame adds up to; known flows, known drift."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from videostyle.frames import Motion
from videostyle.temporal.motion import KEYFRAME_INTERVAL, MOST_DRIFT, PULL, composed, held, keyframe_before

SIZE = (24, 32)


def uniform(x: float, y: float = 0.0) -> np.ndarray:
    return np.full((*SIZE, 2), (x, y), np.float32)


def trusted(flow: np.ndarray, consistency: float = 1.0) -> Motion:
    return Motion(flow, np.full(SIZE, consistency, np.float32))


def turned(degrees: float) -> np.ndarray:
    """The flow of a turn about the middle of the picture."""
    y, x = np.mgrid[: SIZE[0], : SIZE[1]].astype(np.float64)
    place = (x - SIZE[1] / 2) + 1j * (y - SIZE[0] / 2)
    way = place * np.exp(1j * np.radians(degrees)) - place
    return np.stack((way.real, way.imag), axis=2).astype(np.float32)


def test_two_turns_make_one_of_twice_the_angle():
    np.testing.assert_allclose(composed(turned(4), turned(4))[6:-6, 6:-6], turned(8)[6:-6, 6:-6], atol=0.01)


def test_the_way_to_the_anchor_begins_with_the_flow_to_it():
    assert np.array_equal(composed(turned(4), None), turned(4))


@pytest.mark.parametrize("consistency", [0.0, 0.5, 1.0])
def test_a_part_of_the_drift_is_taken_back_as_far_as_the_anchor_is_trusted(consistency):
    found = held(uniform(2, 1), trusted(uniform(7.2, 2.6), consistency), since=uniform(4, 2))
    np.testing.assert_allclose(found, uniform(2 + PULL * consistency * 1.2, 1 - PULL * consistency * 0.4), atol=1e-5)


def test_ways_that_lie_far_apart_follow_two_things_and_nothing_is_taken_back():
    away = MOST_DRIFT + 0.1
    assert np.array_equal(held(uniform(2), trusted(uniform(6 + away)), uniform(4)), uniform(2))


def test_what_stands_still_is_left_alone():
    noise = uniform(0.1, -0.1)
    assert np.array_equal(held(noise, trusted(uniform(1)), uniform(0)), noise)


@given(st.floats(-0.3, 0.3), st.integers(1, KEYFRAME_INTERVAL))
def test_a_flow_that_is_always_wrong_by_as_much_drifts_no_further_than_a_few_frames_of_it(wrong, frames):
    since = None
    for number in range(1, frames + 1):
        flow = uniform(1 + wrong)
        if since is not None:
            flow = held(flow, trusted(uniform(number)), since)
        since = composed(flow, since)
    assert np.abs(since - uniform(frames)).max() <= abs(wrong) / PULL + 1e-4


def test_an_anchor_serves_a_number_of_frames_and_the_last_of_them_follows_it():
    anchors = [keyframe_before(ordinal, 7) for ordinal in range(8, 8 + 2 * KEYFRAME_INTERVAL)]
    assert anchors == [7] * KEYFRAME_INTERVAL + [7 + KEYFRAME_INTERVAL] * KEYFRAME_INTERVAL
