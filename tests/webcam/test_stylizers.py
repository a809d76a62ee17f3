"""What every live painter promises, and how the optimizer keeps it."""

from __future__ import annotations

from collections.abc import Callable
from statistics import median

import cv2
import numpy as np
import pytest
import torch

from tests.support.thin_vgg import picture as shapes
from tests.support.thin_vgg import thin_vgg, thin_weights
from videostyle.config import WebcamJob
from videostyle.losses.objective import Objective
from videostyle.losses.style_targets import StyleTargets
from videostyle.losses.terms import FrameTargets, Weights
from videostyle.models.transformer_net import Shape, new_network
from videostyle.models.weights import WEIGHTS
from videostyle.stylizers.schedule import Schedule
from videostyle.tensors import resize, to_array, to_tensor
from videostyle.webcam import stylizers as painters
from videostyle.webcam.interfaces import LiveStylizer, Request
from videostyle.webcam.stylizers import (
    KEEPING,
    STARTING,
    LiveFeedForward,
    LiveMixed,
    LiveOptimizer,
    Refining,
    live_stylizer,
    stages,
)

SIZE = 192, 256


def image(seed: int = 0, size: tuple[int, int] = SIZE) -> np.ndarray:
    return (shapes(*size, seed)[0].permute(1, 2, 0).numpy() * 255).astype(np.uint8)


STYLES = [image(11), image(12)]


@pytest.fixture(autouse=True)
def thin_network(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(WEIGHTS, "vgg19", thin_weights)


def optimizing() -> LiveOptimizer:
    return LiveOptimizer(WebcamJob(styles=("a.jpg", "b.jpg")), STYLES, "cpu")


def learned() -> LiveFeedForward:
    """By two networks that have learned nothing."""
    return LiveFeedForward({seed: new_network(Shape(), seed, "cpu") for seed in (0, 1)}, "cpu")


def either() -> LiveMixed:
    return LiveMixed(LiveFeedForward({1: new_network(Shape(), 0, "cpu")}, "cpu"), optimizing())


PAINTERS: dict[str, Callable[[], LiveStylizer]] = {"optimizing": optimizing, "learned": learned, "either": either}


@pytest.fixture(params=PAINTERS)
def painter(request: pytest.FixtureRequest) -> LiveStylizer:
    return PAINTERS[request.param]()


def painted(painter: LiveStylizer, request: Request) -> list[np.ndarray]:
    found: list[np.ndarray] = []
    painter.stylize(request, found.append)
    return found


# --- every painter ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [SIZE, (120, 160), (64, 80), (34, 256)])
def test_pictures_have_the_frames_size_and_range(painter: LiveStylizer, size: tuple[int, int]) -> None:
    for _ in range(4):
        found = painted(painter, Request(image(0, size), 0))
        assert found
        for each in found:
            assert each.shape == (*size, 3)
            assert each.dtype == np.float32
            assert 0 <= each.min() <= each.max() <= 1


def test_a_published_picture_stays_as_it_was(painter: LiveStylizer) -> None:
    first = painted(painter, Request(image(), 0))
    copies = [each.copy() for each in first]
    painted(painter, Request(image(1), 0))
    for each, copy in zip(first, copies, strict=True):
        np.testing.assert_array_equal(each, copy)


def test_the_style_is_the_tasks(painter: LiveStylizer) -> None:
    one, other = (painted(painter, Request(image(), style))[-1] for style in (0, 1))
    assert np.abs(one - other).mean() > 0.02


def test_a_task_that_is_broken_off_is_followed_by_others(painter: LiveStylizer) -> None:
    class Enough(Exception):
        pass

    def publish(picture: np.ndarray) -> None:
        raise Enough

    first = len(painted(painter, Request(image(), 0)))
    painted(painter, Request(image(), 0))
    with pytest.raises(Enough):
        painter.stylize(Request(image(), 0), publish)
    assert len(painted(painter, Request(image(), 0))) == first, "it begins anew"


def test_another_size_is_taken(painter: LiveStylizer) -> None:
    for size in (SIZE, (96, 160), SIZE):
        assert painted(painter, Request(image(0, size), 0))[-1].shape == (*size, 3)


# --- which one ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("styles", "kind"),
    [
        (("a.jpg", "b.jpg"), LiveOptimizer),
        (("a.vstyle", "b.VSTYLE"), LiveFeedForward),
        (("a.jpg", "b.vstyle"), LiveMixed),
    ],
)
def test_learned_paintings_are_painted_by_their_networks(
    styles: tuple[str, ...], kind: type, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(painters, "load_network", lambda path, device: new_network(Shape(), 0, device))
    threads = torch.get_num_threads()
    found = live_stylizer(WebcamJob(styles=styles), STYLES, "cpu")
    torch.set_num_threads(threads)
    assert type(found) is kind
    for style in (0, 1):
        assert painted(found, Request(image(), style))


# --- the optimizer ------------------------------------------------------------------------------------------------


def spatial(picture: np.ndarray, frame: np.ndarray, style: int = 0) -> float:
    """L without its temporal term."""
    targets = StyleTargets(thin_vgg(), [to_tensor(STYLES[style], "cpu")])
    size = frame.shape[0], frame.shape[1]
    objective = Objective(FrameTargets(thin_vgg(), to_tensor(frame, "cpu"), targets.at(size)), Weights())
    return objective(torch.from_numpy(picture).permute(2, 0, 1)[None]).spatial


def test_it_begins_coarse_and_becomes_better_from_frame_to_frame() -> None:
    painter, frame = optimizing(), image()
    pictures = [painted(painter, Request(frame, 0)) for _ in range(5)]
    assert [len(each) for each in pictures] == [*STARTING, KEEPING, KEEPING]
    values = [spatial(each[-1], frame) for each in pictures]
    assert values[4] < values[2] < values[0]
    coarse = cv2.resize(frame, stages(SIZE)[0][::-1], interpolation=cv2.INTER_AREA)
    first, last = (
        cv2.resize(pictures[0][place], coarse.shape[1::-1], interpolation=cv2.INTER_AREA) for place in (0, -1)
    )
    assert spatial(last, coarse) < spatial(first, coarse)


def test_a_frame_that_is_all_new_is_begun_anew() -> None:
    painter, random = optimizing(), np.random.default_rng(0)
    blocks = [np.kron(random.integers(0, 256, (24, 32, 3)), np.ones((8, 8, 1))).astype(np.uint8) for _ in range(2)]
    for _ in range(4):
        painted(painter, Request(blocks[0], 0))
    assert len(painted(painter, Request(blocks[0], 0))) == KEEPING
    assert len(painted(painter, Request(blocks[1], 0))) == STARTING[0]


def test_a_moved_frame_goes_on_from_the_moved_painting() -> None:
    painter, wide = optimizing(), image(0, (192, 272))
    for _ in range(4):
        before = painted(painter, Request(np.ascontiguousarray(wide[:, :256]), 0))[-1]
    after = painted(painter, Request(np.ascontiguousarray(wide[:, 6:262]), 0))[-1]
    moved, still = (np.abs(after[8:-8, 8:-16] - each[8:-8, 8:-16]).mean() for each in (np.roll(before, -6, 1), before))
    assert moved < 0.6 * still


def test_what_has_gone_leaves_no_strokes_behind() -> None:
    """A striped pole that went elsewhere: where it stood, its stripes are not painted any more."""
    painter, (top, left, height, width) = optimizing(), (40, 60, 96, 10)

    def with_pole(column: int) -> np.ndarray:
        frame = cv2.GaussianBlur(image(), (0, 0), 8)
        stripes = np.where(np.arange(height) // 8 % 2, 255, 0).astype(np.uint8)
        frame[top : top + height, column : column + width] = stripes[:, None, None]
        return frame

    def stripes_in(picture: np.ndarray) -> float:
        """How much the rows of the place differ, and not those beside it."""
        place = picture[top : top + height, left : left + width].mean(axis=(1, 2))
        beside = picture[top : top + height, left + 2 * width : left + 3 * width].mean(axis=(1, 2))
        return float(np.corrcoef(place - beside, np.arange(height) // 8 % 2)[0, 1] * (place - beside).std())

    for _ in range(6):
        before = painted(painter, Request(with_pole(left), 0))[-1]
    after = painted(painter, Request(with_pole(left + 100), 0))[-1]
    assert stripes_in(after) < 0.02 * stripes_in(before)


def test_another_thing_starts_as_itself_in_the_paintings_colors() -> None:
    """Where the last painting is an affine map of its frame's colors, what is new is that map of this one's."""
    before, content = (to_tensor(image(seed), "cpu") for seed in (3, 4))
    stylizer = Refining(StyleTargets(thin_vgg(), [content]), Weights(), Schedule(0, 0, 0))
    stylizer.continue_from(to_array(0.5 * before + 0.2), image(3))
    warped, consistency = torch.zeros_like(content), torch.zeros(1, 1, *SIZE)
    consistency[..., : SIZE[1] // 2] = 1
    found = stylizer.filled(warped, consistency, torch.ones_like(consistency), before, content)
    new = (1 - consistency).expand_as(found).bool()
    torch.testing.assert_close(found[new], (0.5 * content + 0.2)[new], rtol=0, atol=0.02)
    assert torch.equal(found[~new], warped[~new])


def test_curvature_measured_at_a_coarser_size_helps_at_a_finer_one() -> None:
    """As it is scaled: other factors, or none, leave L higher after the same iterations, in the median of 27 frames."""
    sizes = [(96, 128), (144, 192)]
    targets = StyleTargets(thin_vgg(), [to_tensor(STYLES[0], "cpu")])

    def reached(prepare: Callable[[Refining], None]) -> float:
        return median(reached_on(image(seed), prepare) for seed in range(27))

    def reached_on(frame: np.ndarray, prepare: Callable[[Refining], None]) -> float:
        coarse = Refining(targets, Weights(), Schedule(0, 0, 0))
        start = resize(to_tensor(frame, "cpu"), sizes[0])
        objective = Objective(FrameTargets(thin_vgg(), start, targets.at(sizes[0])), Weights())
        for number, (found, _) in enumerate(coarse.optimizer.minimize(objective, start)):
            if number == 12:
                break
        coarse.continue_from(to_array(found.clamp(0, 1)), (to_array(start) * 255).astype(np.uint8))
        content = resize(to_tensor(frame, "cpu"), sizes[1])
        coarse.grow(sizes[1], (to_array(content) * 255).astype(np.uint8))
        prepare(coarse)
        finer = Objective(FrameTargets(thin_vgg(), content, targets.at(sizes[1])), Weights())
        assert coarse.picture is not None
        for number, (_, value) in enumerate(coarse.optimizer.minimize(finer, coarse.picture)):
            if number == 2:
                return value.total
        raise AssertionError

    def times(factor: float) -> Callable[[Refining], None]:
        def scale(each: Refining) -> None:
            def move(stack: torch.Tensor) -> torch.Tensor:
                stack[1::2] *= factor
                return stack

            each.optimizer.carry(move)

        return scale

    kept = reached(lambda each: None)
    assert kept < reached(lambda each: each.optimizer.forget())
    assert kept < min(reached(times(8.0)), reached(times(1 / 8)))


@pytest.mark.parametrize(
    ("size", "longest"), [((240, 320), [128, 202, 320]), ((96, 128), [128]), ((150, 200), [128, 200]), ((16, 60), [60])]
)
def test_stages(size: tuple[int, int], longest: list[int]) -> None:
    found = stages(size)
    assert [max(each) for each in found] == longest
    assert found[-1] == size
    assert min(min(each) for each in found) >= 16
