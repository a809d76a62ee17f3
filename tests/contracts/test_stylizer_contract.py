"""What every stylizer keeps, whichever it is: it can be stopped at any frame and goes on to the same bits."""

from __future__ import annotations

import io
from dataclasses import replace
from itertools import pairwise

import cv2
import numpy as np
import pytest
import torch

from tests.support.thin_vgg import picture, thin_vgg
from videostyle.frames import Motion
from videostyle.losses.style_targets import StyleTargets
from videostyle.losses.terms import Weights
from videostyle.models.transformer_net import Shape, new_network
from videostyle.stylizers.base import FrameInput, State, StylizedFrame
from videostyle.stylizers.feedforward import FeedForward
from videostyle.stylizers.optimize import Optimize
from videostyle.stylizers.schedule import Schedule
from videostyle.temporal.consistency import motion
from videostyle.temporal.flow import FLOWS

SIZE = (32, 48)
COUNT = 6  # the last one repeats the one before


def make_optimize() -> Optimize:
    styles = StyleTargets(thin_vgg(), [picture(30, 40, 9)])
    return Optimize(styles, Weights(), Schedule(first=6, least=1, most=7, for_new=3))


def make_optimize_with_large_pairs() -> Optimize:
    stylizer = make_optimize()
    stylizer.optimizer.large = 0
    return stylizer


def make_learned() -> FeedForward:
    return FeedForward(new_network(Shape(width=8, blocks=2, dilated=1, half=6), 0, "cpu"))


STYLIZERS = {
    "optimize": make_optimize,
    "optimize, large pairs": make_optimize_with_large_pairs,
    "learned": make_learned,
}


@pytest.fixture(scope="module")
def frames() -> list[np.ndarray]:
    """A textured ground that drifts to the left, and a disc that crosses it to the right; the last frame stands still."""
    random = np.random.default_rng(0)
    ground = cv2.GaussianBlur(random.integers(0, 256, (SIZE[0], 80, 3), np.uint8), (0, 0), 2)
    ground = cv2.normalize(ground, None, 20, 235, cv2.NORM_MINMAX)
    found = []
    for index in range(COUNT - 1):
        image = np.ascontiguousarray(ground[:, 2 * index : 2 * index + SIZE[1]])
        found.append(cv2.circle(image, (12 + 3 * index, 16), 7, (230, 40, 30), -1))
    return [*found, found[-1].copy()]


@pytest.fixture(scope="module")
def motions(frames) -> list[Motion | None]:
    """From the third frame on with the keyframe's too: the first frame, and the third from then on."""
    flow = FLOWS["dis"]("cpu")
    found = [motion(before, now, flow) for before, now in pairwise(frames)]
    for index, keyframe in ((2, 0), (4, 2)):
        long = motion(frames[keyframe], frames[index], flow)
        found[index - 1] = replace(found[index - 1], to_keyframe=long, is_keyframe=index == 2)
    return [None, *found]


@pytest.fixture(scope="module", params=STYLIZERS)
def make(request):
    return STYLIZERS[request.param]


@pytest.fixture(scope="module")
def uninterrupted(make, frames, motions) -> list[list[StylizedFrame]]:
    """What each step returns, and `finish` last, of a stylizer that is left in peace."""
    stylizer = make()
    steps = [stylizer.step(FrameInput(*pair)) for pair in zip(frames, motions, strict=True)]
    return [*steps, stylizer.finish()]


def through_a_file(state: State) -> State:
    file = io.BytesIO()
    np.savez(file, **state)
    file.seek(0)
    with np.load(file, allow_pickle=False) as stored:
        return {name: stored[name] for name in stored.files}


def same(one: list[StylizedFrame], other: list[StylizedFrame]) -> bool:
    def told(each: StylizedFrame) -> tuple:  # a loss as text: one that is not known (NaN) does not equal itself
        return each.picture.tobytes(), str((each.loss, each.spatial_loss)), each.iterations, each.new_share

    return [told(each) for each in one] == [told(each) for each in other]


def test_the_clip_moves_and_something_is_new_in_it(motions):
    for each in motions[1:-1]:
        assert np.abs(each.flow).max() > 1
        assert 0.02 < each.new_share < 0.98


@pytest.mark.parametrize("done", range(COUNT + 1))
def test_stopped_after_any_frame_another_object_goes_on_to_the_same_bits(make, frames, motions, uninterrupted, done):
    first = make()
    for pair in zip(frames[:done], motions[:done], strict=True):
        first.step(FrameInput(*pair))
    state = through_a_file(first.state())
    torch.rand(1)  # no global source of chance may matter
    second = make()
    second.restore(state)
    rest = [second.step(FrameInput(*pair)) for pair in zip(frames[done:], motions[done:], strict=True)]
    rest.append(second.finish())
    for found, expected in zip(rest, uninterrupted[done:], strict=True):
        assert same(found, expected)


def test_taking_the_state_changes_nothing_and_the_state_does_not_change_later(make, frames, motions, uninterrupted):
    stylizer, taken = make(), []
    for index, pair in enumerate(zip(frames, motions, strict=True)):
        assert same(stylizer.step(FrameInput(*pair)), uninterrupted[index])
        state = stylizer.state()
        taken.append((state, {name: array.copy() for name, array in state.items()}))
    for state, copy in taken:
        for name, array in state.items():
            np.testing.assert_array_equal(array, copy[name])


def test_the_state_is_arrays_and_nothing_else(make, frames, motions):
    stylizer = make()
    for state in (stylizer.state(), stylizer.step(FrameInput(frames[0])) and stylizer.state()):
        for name, array in state.items():
            assert isinstance(name, str)
            assert isinstance(array, np.ndarray)
            assert array.dtype != object


def test_what_is_carried_from_frame_to_frame_is_in_the_state(make, frames, motions):
    """A state may be empty only where a frame's picture does not depend on the ones before it."""
    first, alone = make(), make()
    first.step(FrameInput(frames[0]))
    (carried,), (fresh,) = first.step(FrameInput(frames[1], motions[1])), alone.step(FrameInput(frames[1]))
    assert bool(first.state()) is (carried.picture.tobytes() != fresh.picture.tobytes())


def test_every_frame_comes_out_once_and_no_later_than_the_lookahead_says(make, uninterrupted):
    lookahead = make().lookahead
    out = 0
    for taken, finished in enumerate(uninterrupted[:-1], 1):
        out += len(finished)
        assert taken - lookahead <= out <= taken
    assert out + len(uninterrupted[-1]) == COUNT


def test_pictures_are_float32_from_0_to_1_with_numbers_that_fit(uninterrupted, motions):
    painted = [each for step in uninterrupted for each in step]
    for each, motion_ in zip(painted, motions, strict=True):
        assert each.picture.shape == (*SIZE, 3)
        assert each.picture.dtype == np.float32
        assert each.picture.min() >= 0
        assert each.picture.max() <= 1
        assert each.picture.std() > 0.02
        known = 0 < each.spatial_loss <= each.loss < np.inf
        assert known or (each.iterations == 0 and np.isnan((each.loss, each.spatial_loss)).all())
        assert each.iterations >= 0
        assert each.new_share == (1 if motion_ is None else motion_.new_share)


def test_the_frames_given_are_left_as_they_were(make, frames):
    image = frames[0].copy()
    make().step(FrameInput(image))
    assert np.array_equal(image, frames[0])


def test_16_bit_frames_are_painted_like_8_bit_ones(make, frames, motions, uninterrupted):
    stylizer = make()
    for index in range(2):
        (found,) = stylizer.step(FrameInput(frames[index].astype(np.uint16) * 257, motions[index])) or stylizer.finish()
        np.testing.assert_allclose(found.picture, uninterrupted[index][0].picture, atol=0.02)
