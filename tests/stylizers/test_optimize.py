"""Optimization of frames, on a thin network, whose losses behave as the real one's do."""

from __future__ import annotations

from collections.abc import Callable
from itertools import islice, pairwise
from statistics import median

import numpy as np
import pytest
import torch

from tests.support.thin_vgg import picture, thin_vgg
from videostyle.errors import Cancelled
from videostyle.frames import Motion
from videostyle.losses.frame_targets import NEW, FrameTargets
from videostyle.losses.objective import Objective
from videostyle.losses.style_targets import StyleTargets
from videostyle.losses.terms import TERMS, TotalVariation, Weights
from videostyle.stylizers.base import FrameInput, Iteration
from videostyle.stylizers.colors import luminance
from videostyle.stylizers.fill import Carried
from videostyle.stylizers.lbfgs import LBFGS
from videostyle.stylizers.newly_visible import FADE, MARGIN
from videostyle.stylizers.optimize import Optimize
from videostyle.stylizers.schedule import SCHEDULES, IterationSchedule, scales
from videostyle.stylizers.settings import StylizerSettings
from videostyle.temporal.motion import DRIFT_CORRECTION
from videostyle.temporal.warp import warp
from videostyle.tensors import from_array, resize, to_array, to_tensor

SIZE = (24, 32)
STILL = Motion(np.zeros((*SIZE, 2), np.float32), np.ones(SIZE, np.float32))
DARK, LIGHT = np.zeros((*SIZE, 3), np.uint8), np.full((*SIZE, 3), 255, np.uint8)


def image(seed: int, size=SIZE) -> np.ndarray:
    return (to_array(picture(*size, seed)) * 255).astype(np.uint8)


def almost(seed: int) -> np.ndarray:
    """The image except for one level of one pixel, so that it is no repetition."""
    changed = image(seed)
    changed[0, 0, 0] ^= 1
    return changed


def targets() -> StyleTargets:
    return StyleTargets(thin_vgg(), [picture(30, 40, 9)])


def settings(schedule: IterationSchedule, **changes) -> StylizerSettings:
    return StylizerSettings(**{"weights": Weights(), "schedule": schedule} | changes)


def new(
    schedule: IterationSchedule, seed: int = 0, grayscale: bool = False, color: float = 30.0, **options
) -> Optimize:
    made = settings(schedule, seed=seed, grayscale=grayscale, weights=Weights(color=color))
    return Optimize(targets(), made, **options)


def started(schedule: IterationSchedule, **options) -> Optimize:
    """After a first frame."""
    stylizer = new(schedule, **options)
    stylizer.step(FrameInput(image(1)))
    return stylizer


def restarted(stylizer: Optimize, first_spatial_loss: float) -> Optimize:
    """The stylizer as if the shot's first frame had ended with this spatial loss."""
    stylizer.restore(stylizer.state() | {"first_spatial_loss": np.array(first_spatial_loss)})
    return stylizer


def objective_of(content: np.ndarray) -> Objective:
    size = content.shape[0], content.shape[1]
    return Objective(FrameTargets(thin_vgg(), to_tensor(content, "cpu"), targets().at(size)), Weights())


def loss_of(result: np.ndarray, content: np.ndarray) -> float:
    """L of a picture without a previous frame."""
    return objective_of(content)(from_array(result, "cpu")).total


class Starts(list[np.ndarray]):
    """An OnIteration that keeps the pictures that frames start from."""

    def __call__(self, iteration: Iteration) -> None:
        if iteration.fraction == 0:
            self.append(to_array(iteration.picture))


# --- the first frame -------------------------------------------------------------------------------------------------


def test_first_frame():
    """Its loss falls to a third, and the figures returned are those of the picture returned."""
    (result,) = new(IterationSchedule(40, 0, 0)).step(FrameInput(image(1)))
    assert result.loss < loss_of(to_array(to_tensor(image(1), "cpu")), image(1)) / 3
    assert result.loss == result.spatial_loss
    assert result.picture.shape == (*SIZE, 3)
    assert result.picture.dtype == np.float32
    assert 0 <= result.picture.min() < result.picture.max() <= 1
    assert result.new_share == 1
    assert result.seconds > 0
    assert loss_of(result.picture, image(1)) == pytest.approx(result.loss, rel=1e-4)


@pytest.mark.parametrize(("size", "first"), [(SIZE, 7), ((128, 180), 1), ((128, 180), 5)])
def test_first_frame_takes_its_iterations_exactly(size, first):
    fractions = []
    stylizer = new(IterationSchedule(first, 0, 0), on_iteration=lambda iteration: fractions.append(iteration.fraction))
    (result,) = stylizer.step(FrameInput(image(1, size)))
    assert result.iterations == first
    assert result.picture.shape == (*size, 3)
    assert fractions == sorted(fractions)
    assert fractions[0] == 0
    assert fractions[-1] == 1


class CountingLBFGS(LBFGS):
    """Keeps the size of each minimization, and how many pairs there were."""

    def __init__(self):
        super().__init__(bounds=(0.0, 1.0))
        self.calls = []

    def minimize(self, objective, start):
        self.calls.append((tuple(start.shape[2:]), len(self.pairs)))
        return super().minimize(objective, start)


def test_first_frame_is_coarse_to_fine():
    """With an empty history at every scale."""
    optimizer = CountingLBFGS()
    new(IterationSchedule(9, 0, 0), optimizer=optimizer).step(FrameInput(image(1, (180, 256))))
    assert optimizer.calls == [((90, 128), 0), ((127, 181), 0), ((180, 256), 0)]
    assert [size for size, _ in optimizer.calls] == scales((180, 256))


def test_seed():
    """Another seed gives another picture, the same seed the same bytes."""
    first, same, other = (
        new(IterationSchedule(10, 0, 0), seed).step(FrameInput(image(1)))[0].picture for seed in (3, 3, 4)
    )
    assert first.tobytes() == same.tobytes()
    assert np.abs(first - other).max() > 0.01


def test_first_picture_replaces_the_coarse_scales():
    """A given first picture is where the iterations start, at full size only."""
    size, reports = (130, 180), []
    given = picture(*size, 7)
    stylizer = new(IterationSchedule(3, 2, 2), on_iteration=reports.append, first_picture=lambda content: given)
    (result,) = stylizer.step(FrameInput(image(1, size)))
    assert [report.fraction for report in reports] == pytest.approx([0, 1 / 3, 2 / 3, 1])
    assert reports[0].loss == pytest.approx(loss_of(to_array(given), image(1, size)), rel=1e-4)
    assert result.loss < reports[0].loss
    assert result.iterations == 3
    assert len(stylizer.optimizer.pairs) == 3  # for the next frame


def test_first_picture_is_made_of_what_is_new():
    """At a shot's start, and of later frames that show something new: there they start from it."""
    given, starts = [], Starts()

    def first_picture(content):
        given.append(content)
        return 1 - content

    stylizer = new(IterationSchedule(1, 1, 1), on_iteration=starts, first_picture=first_picture, color=0)
    stylizer.step(FrameInput(image(1)))
    (last,) = stylizer.step(FrameInput(image(2), STILL))
    assert len(given) == 1
    assert torch.equal(given[0], to_tensor(image(1), "cpu"))
    other, half = image(2) ^ 128, SIZE[1] // 2  # every color differs by half the range
    stylizer.step(FrameInput(other, motion_with(0.5)))
    np.testing.assert_allclose(starts[-1][:, :half], 1 - other[:, :half] / 255, atol=1e-6)
    np.testing.assert_array_equal(starts[-1][:, half:], last.picture[:, half:])


# --- iterations of later frames --------------------------------------------------------------------------------------


def motion_with(new_share: float) -> Motion:
    consistency = np.ones(SIZE, np.float32)
    consistency[:, : round(SIZE[1] * new_share)] = 0
    return Motion(np.zeros((*SIZE, 2), np.float32), consistency)


@pytest.mark.parametrize("iterations", [1, 2, 6])
def test_exact_iterations(iterations):
    """However new the frame is."""
    stylizer = started(IterationSchedule(6, 2, 4).exactly(iterations))
    for new_share in (0.0, 0.5, 1.0):
        (result,) = stylizer.step(FrameInput(image(5), motion_with(new_share)))
        assert result.iterations == iterations


def test_grayscale_continues_from_a_frame_in_colors():
    """It continues from that frame's luminance, as it stylizes nothing else."""
    stylizer = new(IterationSchedule(4, 1, 1), grayscale=True)
    stylizer.continue_from(to_array(picture(*SIZE, 4)), image(1))
    state = stylizer.state()
    assert np.ptp(state["picture"], axis=-1).max() < 1e-6
    assert np.ptp(state["source"], axis=-1).max() == 0


def test_exact_iterations_after_continue_from():
    stylizer = new(SCHEDULES["draft"].exactly(2))
    stylizer.continue_from(to_array(picture(*SIZE, 4)), image(1))
    (result,) = stylizer.step(FrameInput(image(1), STILL))
    assert result.iterations == 2


def test_exact_iterations_of_a_repeated_frame():
    stylizer = started(IterationSchedule(6, 3, 9).exactly(2))
    assert stylizer.step(FrameInput(image(1), STILL))[0].iterations == 2


@pytest.mark.parametrize("new_share", [0.0, 0.25, 1.0])
def test_new_regions_get_more_iterations(new_share):
    stylizer = started(IterationSchedule(5, 2, 0, for_new=20))
    (result,) = stylizer.step(FrameInput(almost(1), motion_with(new_share)))
    assert result.iterations == 2 + 20 * new_share
    assert result.new_share == pytest.approx(new_share)


NEVER_PAYS = 1.0


@pytest.mark.parametrize(("first_spatial_loss", "iterations"), [(1e9, 3), (0.0, 9)])
def test_frame_worse_than_the_first_goes_on(first_spatial_loss, iterations):
    stylizer = restarted(started(IterationSchedule(20, 3, 9, pays=NEVER_PAYS)), first_spatial_loss)
    assert stylizer.step(FrameInput(almost(1), STILL))[0].iterations == iterations


def test_frame_as_good_as_the_first_stops():
    losses = []
    stylizer = started(
        IterationSchedule(8, 1, 60, pays=NEVER_PAYS),
        on_iteration=lambda iteration: losses.append(iteration.spatial_loss),
    )
    goal = 0.9 * losses[-1]
    restarted(stylizer, goal)
    losses.clear()
    (result,) = stylizer.step(FrameInput(almost(1), STILL))
    assert 1 < result.iterations < 60
    assert losses[-1] <= goal < min(losses[1:-1])


def test_frame_goes_on_while_iterations_pay():
    """A frame better than the first goes on while each iteration lowers its loss by the share `pays`."""
    losses = []
    stylizer = started(
        IterationSchedule(8, 1, 60, pays=0.01, for_new=0), on_iteration=lambda iteration: losses.append(iteration.loss)
    )
    restarted(stylizer, 1e9)
    losses.clear()
    (result,) = stylizer.step(FrameInput(almost(1), Motion(STILL.flow, np.full(SIZE, 0.3, np.float32))))
    lowered = [1 - now / before for before, now in pairwise(losses)]
    assert 1 < result.iterations < 60
    assert lowered[-1] <= 0.01 < min(lowered[:-1])


@pytest.mark.parametrize("consistency", [0.0, 1.0])
def test_repeated_frame(consistency):
    """A frame equal to the last is the last picture again, without iterations, but it is reported and can be stopped."""
    reports = []
    stylizer = started(
        IterationSchedule(6, 3, 9), on_iteration=lambda report: reports.append((report.spatial_loss, report.fraction))
    )
    (last,) = stylizer.step(FrameInput(image(2), STILL))
    reports.clear()
    (result,) = stylizer.step(FrameInput(image(2), Motion(STILL.flow, np.full(SIZE, consistency, np.float32))))
    assert result.picture.tobytes() == last.picture.tobytes()
    assert (result.iterations, result.loss, result.spatial_loss) == (0, last.spatial_loss, last.spatial_loss)
    assert reports == [(last.spatial_loss, 1.0)]
    assert stylizer.step(FrameInput(almost(2), STILL))[0].iterations >= 3


def test_iterations_to_collect_pairs():
    """A frame that starts without curvature pairs gets the iterations to collect some."""
    stylizer = new(IterationSchedule(5, 2, 0, collect=7))
    stylizer.continue_from(to_array(picture(*SIZE, 4)), image(1))
    assert stylizer.step(FrameInput(image(1), STILL))[0].iterations == 7
    assert stylizer.step(FrameInput(almost(1), STILL))[0].iterations == 2


# --- what later frames start from ------------------------------------------------------------------------------------


def test_start_is_the_warped_picture():
    """Everything moves two pixels to the right, and two columns on the left are new."""
    starts = Starts()
    stylizer = new(IterationSchedule(5, 1, 1), on_iteration=starts)
    (last,) = stylizer.step(FrameInput(image(1)))
    flow, consistency = np.zeros((*SIZE, 2), np.float32), np.ones(SIZE, np.float32)
    flow[..., 0], consistency[:, :2] = -2, 0
    stylizer.step(FrameInput(np.roll(image(1), 2, axis=1), Motion(flow, consistency)))
    np.testing.assert_allclose(starts[-1][:, 2:], last.picture[:, :-2], atol=1e-6)


def test_hidden_region_comes_from_the_keyframe():
    """The first frame's right half is hidden for a frame, and visible again two pixels further left: it starts from the
    keyframe, and is held to it."""
    starts = Starts()
    stylizer = Optimize(
        targets(), settings(IterationSchedule(5, 4, 4), weights=Weights(temporal=1e6, color=0.0)), starts
    )
    (keyframe,) = stylizer.step(FrameInput(LIGHT))
    half = np.ones(SIZE, np.float32)
    half[:, 16:] = 0
    stylizer.step(FrameInput(DARK, Motion(STILL.flow, half)))
    flow, visible = np.zeros((*SIZE, 2), np.float32), np.ones(SIZE, np.float32)
    flow[..., 0], visible[:, -2:] = 2, 0
    (result,) = stylizer.step(FrameInput(LIGHT, Motion(STILL.flow, half, to_keyframe=Motion(flow, visible))))
    np.testing.assert_allclose(starts[-1][:, 16:-2], keyframe.picture[:, 18:], atol=1e-6)
    np.testing.assert_allclose(result.picture[:, 16:-2], keyframe.picture[:, 18:], atol=0.02)


def test_right_content_is_not_replaced():
    """What the last frame shows too starts from the last frame, however inconsistent its flow is."""
    starts = Starts()
    stylizer = new(IterationSchedule(5, 4, 4), on_iteration=starts, color=0)
    stylizer.step(FrameInput(image(1)))
    (last,) = stylizer.step(FrameInput(almost(1), STILL))
    stylizer.step(FrameInput(image(1), Motion(STILL.flow, np.zeros(SIZE, np.float32), to_keyframe=STILL)))
    np.testing.assert_allclose(starts[-1], last.picture, atol=1e-6)


def test_new_keyframe():
    """A later frame can become the keyframe, and hidden regions then come from it."""
    starts = Starts()
    stylizer = new(IterationSchedule(5, 1, 1), on_iteration=starts)
    stylizer.step(FrameInput(LIGHT))
    (keyframe,) = stylizer.step(FrameInput(LIGHT - 1, Motion(STILL.flow, STILL.consistency, is_keyframe=True)))
    stylizer.step(FrameInput(DARK, STILL))
    stylizer.step(FrameInput(LIGHT, Motion(STILL.flow, np.zeros(SIZE, np.float32), to_keyframe=STILL)))
    np.testing.assert_allclose(starts[-1], keyframe.picture, atol=1e-6)


def test_drift_correction():
    """The picture is warped by the flow with a part of the drift taken back."""
    starts = Starts()
    stylizer = new(IterationSchedule(5, 1, 1), on_iteration=starts)
    stylizer.step(FrameInput(image(1)))
    by = [np.full((*SIZE, 2), (x, 0), np.float32) for x in (0, 1, 4)]
    (last,) = stylizer.step(FrameInput(almost(1), Motion(by[1], STILL.consistency)))
    to_keyframe = Motion(by[2], STILL.consistency)
    stylizer.step(FrameInput(image(1), Motion(by[1], STILL.consistency, to_keyframe=to_keyframe)))
    expected = warp(from_array(last.picture, "cpu"), by[1] + DRIFT_CORRECTION * (by[2] - 2 * by[1]))
    np.testing.assert_allclose(starts[-1][:, :-4], to_array(expected.clamp(0, 1))[:, :-4], atol=1e-5)


def test_pairs_are_warped():
    """Curvature pairs follow the flow where it is consistent, and are 0 elsewhere."""
    stylizer = started(IterationSchedule(5, 1, 1, for_new=0))
    before = [pair.s for pair in stylizer.optimizer.pairs]
    flow, consistency = np.zeros((*SIZE, 2), np.float32), np.ones(SIZE, np.float32)
    flow[..., 0], consistency[:, :10] = -2, 0
    stylizer.step(FrameInput(almost(1), Motion(flow, consistency)))
    after = [pair.s for pair in stylizer.optimizer.pairs]
    assert len(after) == 6  # and the one measured since
    for moved, still in zip(after, before, strict=False):
        torch.testing.assert_close(moved[..., 10:], still[..., 8:-2])
        assert not moved[..., :10].any()


def test_fill_makes_the_start():
    """The fill is given the carried frame, and what it returns is where the iterations start."""
    given: list[Carried] = []
    starts = Starts()

    def fill(carried: Carried) -> torch.Tensor:
        given.append(carried)
        return torch.full_like(carried.picture, 0.25)

    stylizer = new(IterationSchedule(5, 1, 1), on_iteration=starts, fill=fill, color=0)
    (last,) = stylizer.step(FrameInput(image(1)))
    stylizer.step(FrameInput(image(2), motion_with(0.5)))
    (carried,) = given
    np.testing.assert_array_equal(starts[-1], 0.25)
    np.testing.assert_array_equal(to_array(carried.last_picture), last.picture)
    np.testing.assert_allclose(to_array(carried.picture), last.picture, atol=1e-6)
    assert torch.equal(carried.last_source, to_tensor(image(1), "cpu"))
    assert torch.equal(carried.source, to_tensor(image(2), "cpu"))
    assert torch.equal(carried.consistency, torch.from_numpy(motion_with(0.5).consistency)[None, None])
    assert carried.mismatch.shape == (1, 1, *SIZE)


def test_temporal_weight():
    """It holds a frame to the last one."""
    distances = []
    for weight in (0.0, 3000.0):
        stylizer = Optimize(targets(), settings(IterationSchedule(10, 10, 10), weights=Weights(temporal=weight)))
        last = stylizer.step(FrameInput(image(1)))[0].picture
        (result,) = stylizer.step(FrameInput(image(2), STILL))
        distances.append(float(np.square(result.picture - last).mean()))
        assert (result.loss > result.spatial_loss) is (weight > 0)
    assert distances[1] < 0.1 * distances[0]


def test_new_shot_forgets_the_last():
    """A frame without motion, and the frames after it, do not depend on earlier ones."""
    used, fresh = started(IterationSchedule(6, 2, 2)), new(IterationSchedule(6, 2, 2))
    used.step(FrameInput(image(3), Motion(STILL.flow + np.float32(0.1), STILL.consistency)))  # motion is deferred
    for seed, motion in ((2, None), (4, STILL)):
        (again,), (alone,) = used.step(FrameInput(image(seed), motion)), fresh.step(FrameInput(image(seed), motion))
        assert again.picture.tobytes() == alone.picture.tobytes()


def test_grayscale():
    """Only luminance is stylized: of frames, and of a picture that is continued from."""
    stylizer, plain = new(IterationSchedule(4, 2, 2), grayscale=True), new(IterationSchedule(4, 2, 2))
    (gray,), (same,) = stylizer.step(FrameInput(image(1))), plain.step(FrameInput(luminance(image(1))))
    assert gray.picture.tobytes() == same.picture.tobytes()
    stylizer.continue_from(to_array(picture(*SIZE, 5)), image(2))
    state = stylizer.state()
    np.testing.assert_array_equal(state["picture"], luminance(to_array(picture(*SIZE, 5))))
    np.testing.assert_array_equal(state["source"], luminance(image(2)))


def test_values_and_guides_reach_the_targets():
    """The style targets are asked for the mix and scale of the frame, the terms are given its masks at each size."""
    asked, guides = [], []

    class MixedTargets(StyleTargets):
        def at(self, size, mix=(), scale=None, palette=None):
            asked.append((mix, scale))
            return super().at(size, mix, scale, palette)

    class GuideCollector(CountingLBFGS):
        def minimize(self, objective, start):
            guides.extend(term.guides for term in objective.terms if isinstance(term, Guided))
            return super().minimize(objective, start)

    class Guided(TotalVariation):
        def __init__(self, weight, targets):
            super().__init__(weight, targets)
            self.guides = targets.guides

    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(TERMS, "tv", Guided)
        styles = MixedTargets(thin_vgg(), [picture(30, 40, 9)])
        stylizer = Optimize(styles, settings(IterationSchedule(2, 1, 1)), optimizer=GuideCollector())
        mask = np.linspace(0, 1, 180 * 256, dtype=np.float32).reshape(180, 256)
        values = {"mix": (1.0,), "style_scale": (0.5,)}
        stylizer.step(FrameInput(image(1, (180, 256)), guides={"sky": mask}, values=values))
    assert asked == [((1.0,), 0.5)] * 3
    assert [tuple(each["sky"].shape) for each in guides] == [(1, 1, *size) for size in scales((180, 256))]
    np.testing.assert_array_equal(guides[-1]["sky"][0, 0], mask)


# --- what is new -----------------------------------------------------------------------------------------------------


def striped(left: float, right: float) -> np.ndarray:
    """A gray frame with two halves."""
    frame = np.full((48, 64, 3), round(255 * left), np.uint8)
    frame[:, 32:] = round(255 * right)
    return frame


def test_new_region_gets_the_colors_of_its_source_color():
    """What comes into view over the light half is dark: it gets the color of the dark half, not of the place."""
    differences = []
    for color in (0.0, 1000.0):
        stylizer = new(IterationSchedule(20, 4, 4), color=color)
        (first,) = stylizer.step(FrameInput(striped(0.1, 0.9)))
        consistency = np.ones((48, 64), np.float32)
        consistency[:, 32:] = 0
        motion = Motion(np.zeros((48, 64, 2), np.float32), consistency)
        (result,) = stylizer.step(FrameInput(striped(0.1, 0.1), motion))
        dark = first.picture[:, :28].mean((0, 1))
        differences.append(np.abs(result.picture[:, 36:].mean((0, 1)) - dark).max())
    assert differences[1] < 0.03
    assert differences[1] < 0.5 * differences[0]


def test_map_of_what_is_new_reaches_the_targets():
    """A later frame's objective is given it, widened; a state keeps it."""
    seen: list[FrameTargets] = []

    class Collecting(TotalVariation):
        def __init__(self, weight, targets):
            super().__init__(weight, targets)
            seen.append(targets)

    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(TERMS, "tv", Collecting)
        stylizer = started(IterationSchedule(5, 1, 1))
        stylizer.step(FrameInput(image(2), motion_with(0.5)))
        restored = new(IterationSchedule(5, 1, 1))
        restored.restore(stylizer.state())
        for each in (stylizer, restored):
            each.step(FrameInput(image(3), STILL))
    first, later, after, again = seen
    assert NEW not in first.guides
    for guides, expected in ((later.guides, 1.0), (after.guides, FADE)):
        np.testing.assert_allclose(guides[NEW][..., :16].numpy(), expected, atol=1e-6)
        assert not guides[NEW][..., 16 + MARGIN :].any()
    assert torch.equal(after.guides[NEW], again.guides[NEW])


# --- other schedules and sizes ---------------------------------------------------------------------------------------


def test_configure():
    """Another schedule and other weights hold from the next frame on."""
    stylizer = started(IterationSchedule(6, 1, 1))
    stylizer.configure(IterationSchedule(0, 5, 5).exactly(5), Weights(temporal=0.0))
    (result,) = stylizer.step(FrameInput(image(2), motion_with(0.0)))
    assert result.iterations == 5
    assert result.loss == pytest.approx(result.spatial_loss)


def test_resize():
    """The picture is scaled, and the pairs come along, their gradients in proportion to the number of pixels."""
    stylizer, large = started(IterationSchedule(6, 2, 2)), (48, 64)
    before, state = [*stylizer.optimizer.pairs], stylizer.state()
    stylizer.resize(large, image(1, large))
    expected = to_array(resize(from_array(state["picture"], "cpu"), large))
    np.testing.assert_array_equal(stylizer.state()["picture"], expected)
    np.testing.assert_array_equal(stylizer.state()["source"], image(1, large))
    assert len(stylizer.optimizer.pairs) == len(before)
    for small, scaled in zip(before, stylizer.optimizer.pairs, strict=True):
        assert scaled.s.shape == scaled.y.shape == (1, 3, *large)
        assert float(scaled.s.mean()) == pytest.approx(float(small.s.mean()), abs=1e-5)
        assert float(scaled.y.sum()) == pytest.approx(float(small.y.sum()), abs=0.05 * float(small.y.abs().sum()))
    still = Motion(np.zeros((*large, 2), np.float32), np.ones(large, np.float32))
    (result,) = stylizer.step(FrameInput(image(1, large), still))
    assert result.picture.shape == (*large, 3)
    assert result.iterations >= 2, "a resized picture is not a finished one"


def test_resize_to_the_same_size():
    stylizer = started(IterationSchedule(6, 2, 2))
    before = stylizer.state()
    stylizer.resize(SIZE, image(1))
    after = stylizer.state()
    assert before.keys() == after.keys()
    for name, array in before.items():
        np.testing.assert_array_equal(array, after[name])


def test_resized_pairs_help():
    """Pairs scaled from a coarser size lower the loss more than none, or than differently scaled ones: median of 27 frames."""
    sizes = [(96, 128), (144, 192)]
    styles = StyleTargets(thin_vgg(), [picture(192, 256, 11)])

    def reached_on(frame: torch.Tensor, change: Callable[[LBFGS], None]) -> float:
        """L at the finer size after two iterations."""
        stylizer = Optimize(styles, settings(IterationSchedule(0, 0, 0)))
        small, large = (resize(frame, size) for size in sizes)
        coarse, fine = (
            Objective(FrameTargets(thin_vgg(), content, styles.at(size)), Weights())
            for content, size in ((small, sizes[0]), (large, sizes[1]))
        )
        result, _ = next(islice(stylizer.optimizer.minimize(coarse, small), 12, None))
        stylizer.continue_from(to_array(result), (to_array(small) * 255).astype(np.uint8))
        stylizer.resize(sizes[1], (to_array(large) * 255).astype(np.uint8))
        change(stylizer.optimizer)
        start = from_array(stylizer.state()["picture"], "cpu")
        return next(islice(stylizer.optimizer.minimize(fine, start), 2, None))[1].total

    def reached(change: Callable[[LBFGS], None]) -> float:
        return median(reached_on(picture(192, 256, seed), change) for seed in range(27))

    def scaled(factor: float) -> Callable[[LBFGS], None]:
        return lambda optimizer: optimizer.carry(lambda stack: stack, gradient_scale=factor)

    kept = reached(lambda optimizer: None)
    assert kept < reached(LBFGS.forget)
    assert kept < min(reached(scaled(8.0)), reached(scaled(1 / 8)))


# --- on_iteration ----------------------------------------------------------------------------------------------------


def test_exception_of_on_iteration():
    """It ends the frame at once."""
    reports = []

    def cancel(iteration: Iteration) -> None:
        reports.append(iteration)
        if len(reports) == 3:
            raise Cancelled("enough")

    with pytest.raises(Cancelled):
        new(IterationSchedule(50, 0, 0), on_iteration=cancel).step(FrameInput(image(1)))
    assert len(reports) == 3


def test_fractions_of_a_later_frame():
    """The fraction is that of the planned iterations; those beyond the plan report 1."""
    reports = []
    stylizer = restarted(started(IterationSchedule(4, 4, 6), on_iteration=reports.append), 0.0)
    reports.clear()
    stylizer.step(FrameInput(image(2), STILL))
    assert [report.fraction for report in reports] == [0, 0.25, 0.5, 0.75, 1, 1, 1]
    assert reports[-1].loss < reports[0].loss
