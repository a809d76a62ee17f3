"""The metrics of frames of a clip beside the same frames stylized alone."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
import torch

from benchmarks.alone import AGE, FrameMetrics, newly_visible
from tests.support.thin_vgg import copied_activations, real_vgg
from videostyle.losses.objective import Objective
from videostyle.losses.style_targets import StyleTargets
from videostyle.losses.terms import STYLE_LAYERS, FrameTargets, Weights, relative_distance
from videostyle.style_images import load_style
from videostyle.tensors import to_tensor

SIZE = (48, 64)


@pytest.fixture(scope="module")
def style(tmp_path_factory):
    path = tmp_path_factory.mktemp("style") / "style.png"
    cv2.imwrite(str(path), textured(3)[:, :48])
    return path


def textured(seed: int, size: tuple[int, int] = SIZE) -> np.ndarray:
    """Soft colored noise, uint8 (H, W, 3)."""
    noise = np.random.default_rng(seed).uniform(0, 255, (*size, 3)).astype(np.float32)
    return cv2.normalize(cv2.GaussianBlur(noise, (0, 0), 1.5), None, 0, 255, cv2.NORM_MINMAX).astype(np.uint8)


def region(columns: slice) -> torch.Tensor:
    """A region of whole columns, (1, 1, H, W)."""
    mask = torch.zeros(1, 1, *SIZE)
    mask[..., columns] = 1
    return mask


def test_distances_of_whole_picture(style):
    """Over the whole picture the distances are those of the objective."""
    image, stylized = textured(1), textured(2).astype(np.float32) / 255
    figures = FrameMetrics(image, style, region(slice(None))).of(stylized)
    styles = StyleTargets(real_vgg(), [to_tensor(load_style(style), "cpu")]).at(SIZE)
    targets = FrameTargets(real_vgg(), to_tensor(image, "cpu"), styles)
    for name, term in (("content", "content"), ("gram", "style")):
        weights = Weights(**dict.fromkeys(Weights(), 0.0) | {term: 1.0})
        value = Objective(targets, weights)(torch.from_numpy(stylized).permute(2, 0, 1)[None])
        assert figures[name] == pytest.approx(value.total, rel=1e-4)


def test_gram_distance_of_region(style):
    """Over half of the picture the style distance is that of half of each layer's places."""
    stylized = textured(2).astype(np.float32) / 255
    figures = FrameMetrics(textured(1), style, region(slice(0, 32))).of(stylized)
    activations = copied_activations(real_vgg(), torch.from_numpy(stylized).permute(2, 0, 1)[None])
    (style_image,) = StyleTargets(real_vgg(), [to_tensor(load_style(style), "cpu")]).at(SIZE)
    distances = []
    for layer in STYLE_LAYERS:
        places = activations[layer][:, : activations[layer].shape[1] // 2].flatten(0, 1)
        distances.append(float(relative_distance(places.T @ places / len(places), style_image["style"][layer])))
    assert figures["gram"] == pytest.approx(np.mean(distances), rel=1e-4)


def test_region_ignores_the_rest(style):
    """A change of the right half does not change the distance in a region 32 pixels away from it."""
    image, stylized = textured(1), textured(2).astype(np.float32) / 255
    other = stylized.copy()
    other[:, 40:] = 0.5
    metrics = FrameMetrics(image, style, region(slice(0, 8)))
    ours, theirs = metrics.of(stylized), metrics.of(other)
    assert ours["spatial"] != pytest.approx(theirs["spatial"], rel=0.01)
    assert ours["content"] == pytest.approx(theirs["content"], rel=0.1)
    everywhere = FrameMetrics(image, style, region(slice(None)))
    assert everywhere.of(stylized)["content"] != pytest.approx(everywhere.of(other)["content"], rel=0.1)


def test_small_region(style):
    """A region with too few places for statistics has no distances."""
    assert set(FrameMetrics(textured(1), style, torch.zeros(1, 1, *SIZE)).of(np.zeros((*SIZE, 3), np.float32))) == {
        "spatial",
        "sharpness",
    }


def test_newly_visible():
    """A bar moves right over a ground that moves left: the disoccluded region at its left edge moves with the ground."""
    ground, bar = textured(5, (240, 640)), textured(6, (240, 60))
    frames = []
    for index in range(AGE + 2):
        frame = np.ascontiguousarray(ground[:, 100 + 2 * index : 420 + 2 * index])
        frame[:, 100 + 6 * index : 160 + 6 * index] = bar
        frames.append(frame)
    region = newly_visible(frames)[0, 0].numpy()
    columns = region[40:-40].mean(axis=0)
    # the bar's edge goes from 100 to 106 between the first two frames; the ground disoccluded there then moves 6 to the left
    assert columns[93:96].mean() > 0.7  # the flow is estimated: 0.76
    assert columns[30:80].mean() < 0.05
    assert columns[130:270].mean() < 0.05
