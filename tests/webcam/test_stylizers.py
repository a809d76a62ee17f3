"""What every live stylizer keeps, and how the live optimizer does it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from tests.support.style_models import example
from tests.support.thin_vgg import picture as shapes
from tests.support.thin_vgg import thin_vgg, thin_weights
from videostyle.config import WebcamJob
from videostyle.losses.frame_targets import FrameTargets
from videostyle.losses.objective import Objective
from videostyle.losses.style_targets import StyleTargets
from videostyle.losses.terms import Weights
from videostyle.models.model_file import to_bytes
from videostyle.models.transformer_net import Shape, new_network
from videostyle.models.weights import WEIGHTS
from videostyle.tensors import to_tensor
from videostyle.webcam.interfaces import LiveStylizer, Request
from videostyle.webcam.stylizers import (
    LATER_ITERATIONS,
    STAGE_ITERATIONS,
    LiveFeedForward,
    LiveMixed,
    LiveOptimizer,
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


def optimizer() -> LiveOptimizer:
    return LiveOptimizer(WebcamJob(styles=("a.jpg", "b.jpg")), STYLES, "cpu")


def feedforward() -> LiveFeedForward:
    """Two untrained networks."""
    return LiveFeedForward({seed: new_network(Shape(), seed, "cpu") for seed in (0, 1)}, "cpu")


def mixed() -> LiveMixed:
    return LiveMixed(LiveFeedForward({1: new_network(Shape(), 0, "cpu")}, "cpu"), optimizer())


LIVE_STYLIZERS: dict[str, Callable[[], LiveStylizer]] = {
    "optimizer": optimizer,
    "feedforward": feedforward,
    "mixed": mixed,
}


@pytest.fixture(params=LIVE_STYLIZERS)
def stylizer(request: pytest.FixtureRequest) -> LiveStylizer:
    return LIVE_STYLIZERS[request.param]()


def published(stylizer: LiveStylizer, request: Request) -> list[np.ndarray]:
    pictures: list[np.ndarray] = []
    stylizer.stylize(request, pictures.append)
    return pictures


# --- every live stylizer ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [SIZE, (120, 160), (64, 80), (34, 256)])
def test_size_and_range(stylizer: LiveStylizer, size: tuple[int, int]) -> None:
    """Pictures have the frame's size and lie in [0, 1]."""
    for _ in range(4):
        pictures = published(stylizer, Request(image(0, size), 0))
        assert pictures
        for picture in pictures:
            assert picture.shape == (*size, 3)
            assert picture.dtype == np.float32
            assert 0 <= picture.min() <= picture.max() <= 1


def test_published_picture_is_not_modified(stylizer: LiveStylizer) -> None:
    first = published(stylizer, Request(image(), 0))
    copies = [picture.copy() for picture in first]
    published(stylizer, Request(image(1), 0))
    for picture, copy in zip(first, copies, strict=True):
        np.testing.assert_array_equal(picture, copy)


def test_style_of_the_request(stylizer: LiveStylizer) -> None:
    first, second = (published(stylizer, Request(image(), style))[-1] for style in (0, 1))
    assert np.abs(first - second).mean() > 0.02


def test_canceled_request(stylizer: LiveStylizer) -> None:
    """If `publish` raises, the request ends, and the next one starts afresh."""

    class Enough(Exception):
        pass

    def publish(picture: np.ndarray) -> None:
        raise Enough

    first = len(published(stylizer, Request(image(), 0)))
    published(stylizer, Request(image(), 0))
    with pytest.raises(Enough):
        stylizer.stylize(Request(image(), 0), publish)
    assert len(published(stylizer, Request(image(), 0))) == first


def test_size_changes(stylizer: LiveStylizer) -> None:
    for size in (SIZE, (96, 160), SIZE):
        assert published(stylizer, Request(image(0, size), 0))[-1].shape == (*size, 3)


# --- which one -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("styles", "kind"),
    [
        (("a.jpg", "b.jpg"), LiveOptimizer),
        (("a.vstyle", "b.VSTYLE"), LiveFeedForward),
        (("a.jpg", "b.vstyle"), LiveMixed),
    ],
)
def test_kind_by_suffix(styles: tuple[str, ...], kind: type, tmp_path: Path) -> None:
    """Style models are left to their networks, style images to the optimizer."""
    paths = tuple(tmp_path / name for name in styles)
    for path in paths:
        path.write_bytes(to_bytes(example()))
    threads = torch.get_num_threads()
    stylizer = live_stylizer(WebcamJob(styles=paths), STYLES, "cpu")
    torch.set_num_threads(threads)
    assert type(stylizer) is kind
    for style in (0, 1):
        assert published(stylizer, Request(image(), style))


# --- the optimizer ---------------------------------------------------------------------------------------------------


def spatial_loss(picture: np.ndarray, frame: np.ndarray, style: int = 0) -> float:
    targets = StyleTargets(thin_vgg(), [to_tensor(STYLES[style], "cpu")])
    size = frame.shape[0], frame.shape[1]
    objective = Objective(FrameTargets(thin_vgg(), to_tensor(frame, "cpu"), targets.at(size)), Weights())
    return objective(torch.from_numpy(picture).permute(2, 0, 1)[None]).spatial


def test_coarse_to_fine() -> None:
    """It starts coarse, and becomes better within a frame and from frame to frame."""
    stylizer, frame = optimizer(), image()
    pictures = [published(stylizer, Request(frame, 0)) for _ in range(5)]
    assert [len(frames) for frames in pictures] == [*STAGE_ITERATIONS, LATER_ITERATIONS, LATER_ITERATIONS]
    values = [spatial_loss(frames[-1], frame) for frames in pictures]
    assert values[4] < values[2] < values[0]
    coarse = cv2.resize(frame, stages(SIZE)[0][::-1], interpolation=cv2.INTER_AREA)
    first, last = (
        cv2.resize(pictures[0][place], coarse.shape[1::-1], interpolation=cv2.INTER_AREA) for place in (0, -1)
    )
    assert spatial_loss(last, coarse) < spatial_loss(first, coarse)


def test_new_scene_starts_afresh() -> None:
    stylizer, random = optimizer(), np.random.default_rng(0)
    blocks = [np.kron(random.integers(0, 256, (24, 32, 3)), np.ones((8, 8, 1))).astype(np.uint8) for _ in range(2)]
    for _ in range(4):
        published(stylizer, Request(blocks[0], 0))
    assert len(published(stylizer, Request(blocks[0], 0))) == LATER_ITERATIONS
    assert len(published(stylizer, Request(blocks[1], 0))) == STAGE_ITERATIONS[0]


def test_moved_frame_continues() -> None:
    """From the picture moved along."""
    stylizer, wide = optimizer(), image(0, (192, 272))
    for _ in range(4):
        before = published(stylizer, Request(np.ascontiguousarray(wide[:, :256]), 0))[-1]
    after = published(stylizer, Request(np.ascontiguousarray(wide[:, 6:262]), 0))[-1]
    moved, still = (
        np.abs(after[8:-8, 8:-16] - picture[8:-8, 8:-16]).mean() for picture in (np.roll(before, -6, 1), before)
    )
    assert moved < 0.6 * still


def test_no_ghosts() -> None:
    """A striped pole moves elsewhere: where it was, its stripes are gone."""
    stylizer, (top, left, height, width) = optimizer(), (40, 60, 96, 10)

    def with_pole(column: int) -> np.ndarray:
        frame = cv2.GaussianBlur(image(), (0, 0), 8)
        stripes = np.where(np.arange(height) // 8 % 2, 255, 0).astype(np.uint8)
        frame[top : top + height, column : column + width] = stripes[:, None, None]
        return frame

    def stripes_in(picture: np.ndarray) -> float:
        """How strong the stripes are there, apart from what is beside it."""
        place = picture[top : top + height, left : left + width].mean(axis=(1, 2))
        beside = picture[top : top + height, left + 2 * width : left + 3 * width].mean(axis=(1, 2))
        return float(np.corrcoef(place - beside, np.arange(height) // 8 % 2)[0, 1] * (place - beside).std())

    for _ in range(6):
        before = published(stylizer, Request(with_pole(left), 0))[-1]
    after = published(stylizer, Request(with_pole(left + 100), 0))[-1]
    assert stripes_in(after) < 0.02 * stripes_in(before)


@pytest.mark.parametrize(
    ("size", "longest"), [((240, 320), [128, 202, 320]), ((96, 128), [128]), ((150, 200), [128, 200]), ((16, 60), [60])]
)
def test_stages(size: tuple[int, int], longest: list[int]) -> None:
    sizes = stages(size)
    assert [max(stage) for stage in sizes] == longest
    assert sizes[-1] == size
    assert min(min(stage) for stage in sizes) >= 16
