"""How a frame is painted: scales, iterations, seeds; on a thin network, whose losses behave as the real one's do."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from tests.support.thin_vgg import picture, thin_vgg
from videostyle.errors import Cancelled
from videostyle.frames import Motion
from videostyle.losses.objective import Objective
from videostyle.losses.style_targets import StyleTargets
from videostyle.losses.terms import FrameTargets, Weights
from videostyle.stylizers.base import FrameInput
from videostyle.stylizers.optimize import Optimize
from videostyle.stylizers.schedule import FINER, FIXED_WORK, SCHEDULES, Schedule, scales, shares, work, work_of_first
from videostyle.temporal.motion import PULL
from videostyle.temporal.warp import warp
from videostyle.tensors import to_array, to_tensor

SIZE = (24, 32)
STILL = Motion(np.zeros((*SIZE, 2), np.float32), np.ones(SIZE, np.float32))


def frame(seed: int, size=SIZE) -> np.ndarray:
    return (to_array(picture(*size, seed)) * 255).astype(np.uint8)


def almost(seed: int) -> np.ndarray:
    """The frame but for one level of one pixel: no repetition of it."""
    image = frame(seed)
    image[0, 0, 0] ^= 1
    return image


def targets() -> StyleTargets:
    return StyleTargets(thin_vgg(), [picture(30, 40, 9)])


def painter(schedule: Schedule, seed: int = 0, **options) -> Optimize:
    return Optimize(targets(), Weights(), schedule, seed=seed, **options)


def loss_of(image: np.ndarray, content: np.ndarray) -> float:
    """L of a picture alone, put together anew."""
    objective = Objective(
        FrameTargets(thin_vgg(), to_tensor(content, "cpu"), targets().at(content.shape[:2])), Weights()
    )
    return objective(torch.from_numpy(image).permute(2, 0, 1)[None]).total


# --- scales and shares -----------------------------------------------------------------------------------------------

SIZES = st.tuples(st.integers(16, 8192), st.integers(16, 8192))


@given(SIZES)
def test_scales_climb_by_about_the_root_of_two_from_128_pixels_to_the_size(size):
    found = scales(size)
    assert found[-1] == size
    longers = [max(each) for each in found]
    if max(size) <= 128:
        assert found == [size]
    for small, large in pairwise(longers):
        assert 1.38 < large / small < 1.45
    assert longers[0] == max(size) or 107 <= longers[0] <= 153
    for height, width in found:  # proportions, to the rounding of each side
        assert abs(height * size[1] - width * size[0]) <= (size[0] + size[1]) / 2 + 1


def test_the_scales_of_a_usual_size():
    assert scales((180, 320)) == [(64, 113), (90, 160), (127, 226), (180, 320)]


@given(st.integers(0, 10_000), st.integers(1, 14))
def test_shares_add_up_and_grow_by_half_from_scale_to_scale(total, parts):
    found = shares(total, parts)
    assert sum(found) == total
    exact = [total * FINER**part * (FINER - 1) / (FINER**parts - 1) for part in range(parts)]
    np.testing.assert_allclose(found, exact, atol=1 + 1e-6)


@given(SIZES, st.integers(1, 1000))
def test_the_first_frames_work_is_less_than_all_of_it_at_full_size_and_grows(size, iterations):
    least = work_of_first(size, iterations)
    assert least <= iterations * work(size)
    assert work_of_first(size, iterations + 1) > least


def test_the_first_frames_work_is_pixels_times_iterations_and_a_fixed_share_of_each():
    assert work_of_first((180, 320), 5) == 5 * FIXED_WORK + 90 * 160 + 127 * 226 + 3 * 180 * 320


def test_a_frame_is_expected_to_take_more_iterations_the_more_changes():
    standard = SCHEDULES["standard"]
    assert standard.expected(0.0) == standard.least
    assert standard.least < standard.expected(0.1) < standard.expected(0.2) == standard.expected(1.0) < standard.most
    assert standard.exactly(7).expected(0.5) == 7


# --- pictures in and out ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [np.uint8, np.uint16])
def test_pictures_of_8_and_16_bits_fill_the_range_from_0_to_1(kind):
    top = np.iinfo(kind).max
    image = np.array([[[0, top, top // 5], [top, 0, 1]]], kind)
    tensor = to_tensor(image, "cpu")
    assert tensor.shape == (1, 3, 1, 2)
    assert tensor.dtype == torch.float32
    np.testing.assert_allclose(tensor[0, :, 0, 0].numpy(), [0, 1, top // 5 / top], rtol=1e-6)
    back = to_array(tensor)
    assert back.flags.c_contiguous
    np.testing.assert_allclose(back * top, image, rtol=1e-6)


def test_both_depths_of_one_picture_are_the_same():
    image = frame(0)
    torch.testing.assert_close(to_tensor(image, "cpu"), to_tensor(image.astype(np.uint16) * 257, "cpu"))


# --- the first frame -------------------------------------------------------------------------------------------------


def test_the_first_frame_comes_down_to_a_third_of_where_it_starts():
    (found,) = painter(Schedule(40, 0, 0)).step(FrameInput(frame(1)))
    assert found.loss < loss_of(to_array(to_tensor(frame(1), "cpu")), frame(1)) / 3
    assert found.loss == found.spatial_loss
    assert found.picture.shape == (*SIZE, 3)
    assert found.picture.dtype == np.float32
    assert 0 <= found.picture.min() < found.picture.max() <= 1
    assert found.new_share == 1
    assert found.seconds > 0
    # what is told is L of the picture that is seen
    assert loss_of(found.picture, frame(1)) == pytest.approx(found.loss, rel=1e-4)


@pytest.mark.parametrize(("size", "first"), [(SIZE, 7), ((128, 180), 1), ((128, 180), 5)])
def test_the_first_frame_takes_its_iterations_exactly(size, first):
    seen = []
    (found,) = painter(Schedule(first, 0, 0), on_iteration=lambda now: seen.append(now.fraction)).step(
        FrameInput(frame(1, size))
    )
    assert found.iterations == first
    assert found.picture.shape == (*size, 3)
    assert seen == sorted(seen)
    assert seen[0] == 0
    assert seen[-1] == 1


def test_the_first_frame_goes_from_coarse_to_fine_with_an_empty_history_each():
    sizes, pairs = [], []

    class Watched(Optimize):
        def _objective(self, content, *further):
            sizes.append(tuple(content.shape[2:]))
            pairs.append(len(self.optimizer.pairs))
            return super()._objective(content, *further)

    Watched(targets(), Weights(), Schedule(9, 0, 0)).step(FrameInput(frame(1, (180, 256))))
    assert sizes == [(90, 128), (127, 181), (180, 256)] == scales((180, 256))
    assert pairs == [0, 0, 0]


def test_the_seed_makes_another_painting_and_the_same_seed_the_same_bytes():
    one, same, other = (painter(Schedule(10, 0, 0), seed).step(FrameInput(frame(1)))[0].picture for seed in (3, 3, 4))
    assert one.tobytes() == same.tobytes()
    assert np.abs(one - other).max() > 0.01


# --- the frames after it ---------------------------------------------------------------------------------------------


def started(schedule: Schedule, **options) -> Optimize:
    found = painter(schedule, **options)
    found.step(FrameInput(frame(1)))
    return found


def motion_with(new_share: float) -> Motion:
    consistency = np.ones(SIZE, np.float32)
    consistency[:, : round(SIZE[1] * new_share)] = 0
    return Motion(np.zeros((*SIZE, 2), np.float32), consistency)


@pytest.mark.parametrize("iterations", [1, 2, 6])
def test_exact_iterations_are_exact_however_new_the_frame_is(iterations):
    stylizer = started(Schedule(6, 2, 4).exactly(iterations))
    for new_share in (0.0, 0.5, 1.0):
        (found,) = stylizer.step(FrameInput(frame(5), motion_with(new_share)))
        assert found.iterations == iterations
    assert stylizer.schedule.first == 6


def test_exact_iterations_are_exact_where_an_earlier_run_is_continued():
    stylizer = painter(SCHEDULES["draft"].exactly(2))
    stylizer.continue_from(to_array(picture(*SIZE, 4)), frame(1))
    (found,) = stylizer.step(FrameInput(frame(1), STILL))
    assert found.iterations == 2


@pytest.mark.parametrize("new_share", [0.0, 0.25, 1.0])
def test_a_frame_gets_more_iterations_the_more_of_it_is_new(new_share):
    stylizer = started(Schedule(5, 2, 0, for_new=20))
    (found,) = stylizer.step(FrameInput(almost(1), motion_with(new_share)))
    assert found.iterations == 2 + 20 * new_share
    assert found.new_share == pytest.approx(new_share)


NEVER_PAYS = 1.0


@pytest.mark.parametrize(("first_spatial_loss", "iterations"), [(1e9, 3), (0.0, 9)])
def test_a_frame_gets_more_iterations_while_it_is_worse_than_the_first(first_spatial_loss, iterations):
    stylizer = started(Schedule(20, 3, 9, pays=NEVER_PAYS))
    stylizer.first_spatial_loss = first_spatial_loss
    assert stylizer.step(FrameInput(almost(1), STILL))[0].iterations == iterations


def test_a_frame_stops_once_it_is_as_good_as_the_first():
    values = []
    stylizer = started(Schedule(8, 1, 60, pays=NEVER_PAYS), on_iteration=lambda now: values.append(now.spatial_loss))
    stylizer.first_spatial_loss, values[:] = 0.9 * stylizer.first_spatial_loss, []
    (found,) = stylizer.step(FrameInput(almost(1), STILL))
    assert 1 < found.iterations < 60
    assert values[-1] <= stylizer.first_spatial_loss < min(values[1:-1])


def test_a_frame_better_than_the_first_goes_on_while_its_iterations_pay():
    values = []
    stylizer = started(Schedule(8, 1, 60, pays=0.01), on_iteration=lambda now: values.append(now.loss))
    stylizer.first_spatial_loss, values[:] = 1e9, []
    (found,) = stylizer.step(FrameInput(almost(1), STILL))
    lowered = [1 - now / before for before, now in pairwise(values)]
    assert 1 < found.iterations < 60
    assert lowered[-1] <= 0.01 < min(lowered[:-1])


@pytest.mark.parametrize("consistency", [0.0, 1.0])
def test_a_frame_equal_to_the_last_is_the_last_picture_again_and_costs_no_iteration(consistency):
    seen = []
    stylizer = started(Schedule(6, 3, 9), on_iteration=lambda now: seen.append((now.spatial_loss, now.fraction)))
    (last,) = stylizer.step(FrameInput(frame(2), STILL))
    seen.clear()
    (found,) = stylizer.step(FrameInput(frame(2), Motion(STILL.flow, np.full(SIZE, consistency, np.float32))))
    assert found.picture.tobytes() == last.picture.tobytes()
    assert (found.iterations, found.loss, found.spatial_loss) == (0, last.spatial_loss, last.spatial_loss)
    assert seen == [(last.spatial_loss, 1.0)]  # whoever watches can still stop it
    assert stylizer.step(FrameInput(almost(2), STILL))[0].iterations >= 3


def test_exact_iterations_are_exact_for_a_repeated_frame_too():
    stylizer = started(Schedule(6, 3, 9).exactly(2))
    assert stylizer.step(FrameInput(frame(1), STILL))[0].iterations == 2


def test_a_picture_without_pairs_gets_the_iterations_to_collect_some():
    stylizer = painter(Schedule(5, 2, 0, collect=7))
    stylizer.continue_from(to_array(picture(*SIZE, 4)), frame(1))
    assert stylizer.step(FrameInput(frame(1), STILL))[0].iterations == 7
    assert stylizer.step(FrameInput(almost(1), STILL))[0].iterations == 2


class Noting(Optimize):
    """Keeps the picture that the last frame's iterations started from."""

    def minimized(self, objective, start):
        self.start = to_array(start)
        return super().minimized(objective, start)


def test_a_next_frame_starts_from_the_last_one_carried_along_the_flow():
    """Everything moves two pixels to the right, and two columns on the left are new."""
    stylizer = Noting(targets(), Weights(), Schedule(5, 1, 1))
    (last,) = stylizer.step(FrameInput(frame(1)))
    flow, consistency = np.zeros((*SIZE, 2), np.float32), np.ones(SIZE, np.float32)
    flow[..., 0], consistency[:, :2] = -2, 0
    stylizer.step(FrameInput(np.roll(frame(1), 2, axis=1), Motion(flow, consistency)))
    np.testing.assert_allclose(stylizer.start[:, 2:], last.picture[:, :-2], atol=1e-6)


DARK, LIGHT = np.zeros((*SIZE, 3), np.uint8), np.full((*SIZE, 3), 255, np.uint8)


def test_what_only_the_anchor_shows_starts_from_the_anchor_and_is_held_to_it():
    """The first frame's right half is hidden for a frame, and seen again two pixels further left."""
    stylizer = Noting(targets(), Weights(temporal=1e6), Schedule(5, 4, 4))
    (keyframe,) = stylizer.step(FrameInput(LIGHT))
    half = np.ones(SIZE, np.float32)
    half[:, 16:] = 0
    stylizer.step(FrameInput(DARK, Motion(STILL.flow, half)))
    flow, seen = np.zeros((*SIZE, 2), np.float32), np.ones(SIZE, np.float32)
    flow[..., 0], seen[:, -2:] = 2, 0
    (found,) = stylizer.step(FrameInput(LIGHT, Motion(STILL.flow, half, to_keyframe=Motion(flow, seen))))
    np.testing.assert_allclose(stylizer.start[:, 16:-2], keyframe.picture[:, 18:], atol=1e-6)
    np.testing.assert_allclose(found.picture[:, 16:-2], keyframe.picture[:, 18:], atol=0.02)


def test_what_the_last_frame_shows_too_starts_from_the_last_frame_however_much_its_flow_is_doubted():
    stylizer = Noting(targets(), Weights(), Schedule(5, 4, 4))
    stylizer.step(FrameInput(frame(1)))
    (last,) = stylizer.step(FrameInput(almost(1), STILL))
    doubted = Motion(STILL.flow, np.zeros(SIZE, np.float32), to_keyframe=STILL)
    stylizer.step(FrameInput(frame(1), doubted))
    np.testing.assert_allclose(stylizer.start, last.picture, atol=1e-6)


def test_a_frame_that_renews_the_anchor_is_what_later_ones_are_given_back():
    stylizer = Noting(targets(), Weights(), Schedule(5, 1, 1))
    stylizer.step(FrameInput(LIGHT))
    (keyframe,) = stylizer.step(FrameInput(LIGHT - 1, Motion(STILL.flow, STILL.consistency, is_keyframe=True)))
    stylizer.step(FrameInput(DARK, STILL))
    stylizer.step(FrameInput(LIGHT, Motion(STILL.flow, np.zeros(SIZE, np.float32), to_keyframe=STILL)))
    np.testing.assert_allclose(stylizer.start, keyframe.picture, atol=1e-6)


def test_the_picture_is_moved_by_the_flow_with_a_part_of_the_drift_taken_back():
    stylizer = Noting(targets(), Weights(), Schedule(5, 1, 1))
    stylizer.step(FrameInput(frame(1)))
    by = [np.full((*SIZE, 2), (x, 0), np.float32) for x in (0, 1, 4)]
    (last,) = stylizer.step(FrameInput(almost(1), Motion(by[1], STILL.consistency)))
    stylizer.step(FrameInput(frame(1), Motion(by[1], STILL.consistency, to_keyframe=Motion(by[2], STILL.consistency))))
    expected = warp(torch.from_numpy(last.picture).permute(2, 0, 1)[None], by[1] + PULL * (by[2] - 2 * by[1]))
    np.testing.assert_allclose(stylizer.start[:, :-4], to_array(expected)[:, :-4], atol=1e-5)


def test_curvature_pairs_are_carried_along_the_flow_where_it_is_trusted():
    stylizer = started(Schedule(5, 1, 1, for_new=0))
    before = [pair.s for pair in stylizer.optimizer.pairs]
    flow, consistency = np.zeros((*SIZE, 2), np.float32), np.ones(SIZE, np.float32)
    flow[..., 0], consistency[:, :10] = -2, 0
    stylizer.step(FrameInput(almost(1), Motion(flow, consistency)))
    after = [pair.s for pair in stylizer.optimizer.pairs]
    assert len(after) == 6  # and the one measured since
    for moved, still in zip(after, before, strict=False):
        torch.testing.assert_close(moved[..., 10:], still[..., 8:-2])
        assert not moved[..., :10].any()


def test_the_temporal_weight_holds_a_frame_to_the_last_one():
    away = []
    for weight in (0.0, 3000.0):
        stylizer = Optimize(targets(), Weights(temporal=weight), Schedule(10, 10, 10))
        last = stylizer.step(FrameInput(frame(1)))[0].picture
        (found,) = stylizer.step(FrameInput(frame(2), STILL))
        away.append(float(np.square(found.picture - last).mean()))
        assert (found.loss > found.spatial_loss) is (weight > 0)
    assert away[1] < 0.1 * away[0]


def test_a_frame_of_another_shot_knows_nothing_of_the_last():
    used, fresh = started(Schedule(6, 2, 2)), painter(Schedule(6, 2, 2))
    used.step(FrameInput(frame(3), Motion(STILL.flow + np.float32(0.1), STILL.consistency)))  # which leaves a debt
    for seed, motion in ((2, None), (4, STILL)):
        (again,), (alone,) = used.step(FrameInput(frame(seed), motion)), fresh.step(FrameInput(frame(seed), motion))
        assert again.picture.tobytes() == alone.picture.tobytes()


# --- watching --------------------------------------------------------------------------------------------------------


def test_what_the_watcher_raises_ends_the_frame():
    seen = []

    def stop(now):
        seen.append(now.fraction)
        if len(seen) == 3:
            raise Cancelled("enough")

    with pytest.raises(Cancelled):
        painter(Schedule(50, 0, 0), on_iteration=stop).step(FrameInput(frame(1)))
    assert len(seen) == 3


def test_the_watcher_hears_every_iteration_with_the_share_done():
    seen = []
    stylizer = started(Schedule(4, 4, 6), on_iteration=lambda now: seen.append((now.loss, now.fraction)))
    stylizer.first_spatial_loss = 0.0
    seen.clear()
    stylizer.step(FrameInput(frame(2), STILL))
    assert [done for _, done in seen] == [0, 0.25, 0.5, 0.75, 1, 1, 1]
    assert seen[-1][0] < seen[0][0]


# --- a first frame that is begun by others ---------------------------------------------------------------------------


def test_a_first_frame_goes_on_from_the_picture_it_is_given_at_full_size_only():
    size, seen = (130, 180), []
    begun = picture(*size, 7)
    stylizer = painter(
        Schedule(3, 2, 2), on_iteration=lambda now: seen.append((now.loss, now.fraction)), first_picture=lambda _: begun
    )
    (painted,) = stylizer.step(FrameInput(frame(1, size)))
    assert [done for _, done in seen] == pytest.approx([0, 1 / 3, 2 / 3, 1])
    assert seen[0][0] == pytest.approx(loss_of(to_array(begun), frame(1, size)), rel=1e-4)
    assert painted.loss < seen[0][0]
    assert painted.iterations == 3
    assert work_of_first(size, 3, begun=True) == 3 * work(size)
    assert len(stylizer.optimizer.pairs) == 3  # for the next frame


def test_what_begins_a_frame_is_given_that_frame_and_only_at_a_shots_start():
    given = []

    def begin(content):
        given.append(content)
        return content

    stylizer = painter(Schedule(1, 1, 1), first_picture=begin)
    stylizer.step(FrameInput(frame(1)))
    stylizer.step(FrameInput(frame(2), STILL))
    assert len(given) == 1
    assert torch.equal(given[0], to_tensor(frame(1), "cpu"))
