"""Drift correction, deferred motion and the keyframe; known flows, known drift."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from videostyle.frames import Motion
from videostyle.temporal.motion import (
    DRIFT_CORRECTION,
    KEYFRAME_INTERVAL,
    MAX_DRIFT,
    MIN_MOTION,
    MotionTracker,
    composed,
    drift_corrected,
    keyframe_before,
    moved_inside,
    split_motion,
)
from videostyle.temporal.warp import warp

SIZE = (24, 32)


def uniform(x: float, y: float = 0.0, size: tuple[int, int] = SIZE) -> np.ndarray:
    return np.full((*size, 2), (x, y), np.float32)


def with_consistency(flow: np.ndarray, consistency: float = 1.0) -> Motion:
    return Motion(flow, np.full(SIZE, consistency, np.float32))


def rotation(degrees: float) -> np.ndarray:
    """The flow of a rotation about the middle of the picture."""
    y, x = np.mgrid[: SIZE[0], : SIZE[1]].astype(np.float64)
    place = (x - SIZE[1] / 2) + 1j * (y - SIZE[0] / 2)
    flow = place * np.exp(1j * np.radians(degrees)) - place
    return np.stack((flow.real, flow.imag), axis=2).astype(np.float32)


# --- keyframes and drift ---------------------------------------------------------------------------------------------


def test_composed_rotations():
    np.testing.assert_allclose(composed(rotation(4), rotation(4))[6:-6, 6:-6], rotation(8)[6:-6, 6:-6], atol=0.01)


def test_composed_with_the_keyframe_itself():
    assert np.array_equal(composed(rotation(4), None), rotation(4))


@pytest.mark.parametrize("consistency", [0.0, 0.5, 1.0])
def test_drift_is_corrected_in_proportion_to_consistency(consistency):
    to_keyframe = with_consistency(uniform(7.2, 2.6), consistency)
    corrected = drift_corrected(uniform(2, 1), to_keyframe, uniform(4, 2))
    share = DRIFT_CORRECTION * consistency
    np.testing.assert_allclose(corrected, uniform(2 + share * 1.2, 1 - share * 0.4), atol=1e-5)


def test_outliers_are_not_corrected():
    """Flows that differ by more than MAX_DRIFT follow two different things."""
    to_keyframe = with_consistency(uniform(6 + MAX_DRIFT + 0.1))
    assert np.array_equal(drift_corrected(uniform(2), to_keyframe, uniform(4)), uniform(2))


def test_still_regions_are_not_corrected():
    noise = uniform(0.1, -0.1)
    assert np.array_equal(drift_corrected(noise, with_consistency(uniform(1)), uniform(0)), noise)


@given(st.floats(-0.3, 0.3), st.integers(1, KEYFRAME_INTERVAL))
def test_drift_is_bounded(error, frames):
    """A flow with the same error on every frame drifts by no more than a few frames of it."""
    flow_to_keyframe = None
    for number in range(1, frames + 1):
        flow = uniform(1 + error)
        if flow_to_keyframe is not None:
            flow = drift_corrected(flow, with_consistency(uniform(number)), flow_to_keyframe)
        flow_to_keyframe = composed(flow, flow_to_keyframe)
    assert np.abs(flow_to_keyframe - uniform(frames)).max() <= abs(error) / DRIFT_CORRECTION + 1e-4


def test_keyframe_interval():
    """A keyframe serves KEYFRAME_INTERVAL frames, and the last of them is the next keyframe."""
    keyframes = [keyframe_before(index, 7) for index in range(8, 8 + 2 * KEYFRAME_INTERVAL)]
    assert keyframes == [7] * KEYFRAME_INTERVAL + [7 + KEYFRAME_INTERVAL] * KEYFRAME_INTERVAL


# --- deferred motion -------------------------------------------------------------------------------------------------


def test_slow_motion_is_applied_in_steps():
    """A slow drift is made in steps, none of which is lost."""
    drift = uniform(0.04, 0.02)
    deferred, applied = None, np.zeros_like(drift)
    for frame in range(1, 41):
        flow, deferred = split_motion(drift, deferred)
        applied = applied + flow
        np.testing.assert_allclose(applied + deferred, frame * drift, atol=1e-4)
        assert np.abs(deferred).max() < MIN_MOTION


def test_noise_is_never_applied():
    """Noise without a mean does not move the picture."""
    noise = uniform(0.05, 0.05)
    deferred = None
    for sign in (1, -1) * 10:
        flow, deferred = split_motion(np.float32(sign) * noise, deferred)
        assert not flow.any()


def test_fast_motion_is_applied_at_once():
    """With what was deferred before."""
    flow, deferred = split_motion(uniform(0.1, 0.1), None)
    flow, deferred = split_motion(uniform(2.0, 2.0), deferred)
    np.testing.assert_allclose(flow, 2.1, atol=1e-5)
    assert not deferred.any()


# --- targets outside the picture -------------------------------------------------------------------------------------


def flow_to(targets: list[tuple[float, float]], height: int, width: int) -> np.ndarray:
    """A flow whose first pixels, in reading order, point at these (x, y)."""
    flow = np.zeros((height, width, 2), np.float32)
    for index, (x, y) in enumerate(targets):
        flow[index // width, index % width] = x - index % width, y - index // width
    return flow


def test_targets_outside_are_moved_by_whole_bands():
    """In a picture 40 wide and 20 high a band is an eighth of 40: 5 pixels; the last pixels are 39 and 19."""
    targets = [(-1, 0), (-5, 1), (-5.5, 1), (40, 0), (44.5, 2), (7, -3), (2, 20), (-12, 26)]
    expected = [(4, 0), (0, 1), (4.5, 1), (35, 0), (34.5, 2), (7, 2), (2, 15), (3, 16)]
    np.testing.assert_allclose(moved_inside(flow_to(targets, 20, 40)), flow_to(expected, 20, 40), atol=1e-5)


@given(arrays.arrays(np.float32, (6, 9, 2), elements=st.floats(-40, 40, width=32)))
def test_targets_inside_are_kept(flow):
    """To the bit; and every other target is moved inside."""
    result = moved_inside(flow)
    grid = np.stack(np.meshgrid(np.arange(9), np.arange(6)), axis=-1).astype(np.float32)
    last = np.array([8, 5])
    before, after = grid + flow, grid + result
    assert (after >= -1e-5).all()
    assert (after <= last + 1e-5).all()
    kept = (before >= 0) & (before <= last)
    assert np.array_equal(result[kept], flow[kept])
    assert result.dtype == np.float32


def test_pan_brings_texture_from_further_in():
    """And no streaks of the edge; bands are 2 pixels wide here."""
    columns = torch.arange(16.0).expand(1, 1, 6, 16)
    assert warp(columns, moved_inside(uniform(3, size=(6, 16))))[0, 0, 0].tolist() == [*range(3, 16), 14, 15, 14]


# --- the tracker -----------------------------------------------------------------------------------------------------


def level(value: float) -> torch.Tensor:
    return torch.full((1, 3, *SIZE), value)


def test_tracker_corrects_drift_and_defers():
    """The first flow is taken as it is, the second with a part of its drift taken back; small motion comes later."""
    tracker = MotionTracker()
    tracker.set_keyframe(level(0.5))
    np.testing.assert_allclose(tracker.next_flow(with_consistency(uniform(1)))[:, :-8], uniform(1)[:, :-8], atol=1e-6)
    motion = Motion(uniform(1), np.ones(SIZE, np.float32), to_keyframe=with_consistency(uniform(4)))
    corrected = 1 + DRIFT_CORRECTION * (4 - 2)
    np.testing.assert_allclose(tracker.next_flow(motion)[:, :-8], uniform(corrected)[:, :-8], atol=1e-5)
    assert not tracker.next_flow(with_consistency(uniform(0.1))).any()
    np.testing.assert_allclose(
        tracker.next_flow(with_consistency(uniform(0.1)))[:, :-8], uniform(0.2)[:, :-8], atol=1e-5
    )


def test_tracker_takes_hidden_regions_from_the_keyframe():
    tracker = MotionTracker()
    tracker.set_keyframe(level(0.9))
    wrong = torch.zeros(1, 1, *SIZE)
    wrong[..., 16:] = 1
    consistency = 1 - wrong
    picture, consistency = tracker.with_keyframe(level(0.2), consistency, wrong, with_consistency(uniform(0), 0.5))
    torch.testing.assert_close(picture[..., :16], level(0.2)[..., :16])
    torch.testing.assert_close(picture[..., 16:], level(0.55)[..., 16:])
    assert consistency[..., :16].min() == 1
    assert torch.equal(consistency[..., 16:], torch.full((1, 1, SIZE[0], 16), 0.5))


@pytest.mark.parametrize("keyframe", [False, True])
def test_tracker_without_a_keyframe_changes_nothing(keyframe):
    tracker = MotionTracker()
    if keyframe:
        tracker.set_keyframe(level(0.9))
        tracker.reset()
    everywhere = torch.ones(1, 1, *SIZE)
    picture, consistency = tracker.with_keyframe(level(0.2), 0 * everywhere, everywhere, with_consistency(uniform(0)))
    assert torch.equal(picture, level(0.2))
    assert not consistency.any()


def test_tracker_state():
    """A restored tracker continues with the same flows."""
    first, second = MotionTracker(), MotionTracker()
    first.set_keyframe(level(0.3))
    first.next_flow(with_consistency(uniform(0.1)))
    second.restore(first.state())
    assert torch.equal(second.keyframe, first.keyframe)
    motion = Motion(rotation(2), np.ones(SIZE, np.float32), to_keyframe=with_consistency(rotation(3)))
    assert np.array_equal(second.next_flow(motion), first.next_flow(motion))
    assert MotionTracker().state() == {}
