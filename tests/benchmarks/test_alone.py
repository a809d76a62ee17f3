"""The figures that frames painted in a clip are held to those painted alone by."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
import torch

from benchmarks.alone import AGE, Judge, newly_visible
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
    noise = np.random.default_rng(seed).uniform(0, 255, (*size, 3)).astype(np.float32)
    return cv2.normalize(cv2.GaussianBlur(noise, (0, 0), 1.5), None, 0, 255, cv2.NORM_MINMAX).astype(np.uint8)


def region(columns: slice) -> torch.Tensor:
    found = torch.zeros(1, 1, *SIZE)
    found[..., columns] = 1
    return found


def test_over_the_whole_picture_the_distances_are_those_of_the_objective(style):
    image, painted = textured(1), textured(2).astype(np.float32) / 255
    found = Judge(image, style, region(slice(None))).of(painted)
    styles = StyleTargets(real_vgg(), [to_tensor(load_style(style), "cpu")]).at(SIZE)
    targets = FrameTargets(real_vgg(), to_tensor(image, "cpu"), styles)
    for name, term in (("content", "content"), ("gram", "style")):
        weights = Weights(**dict.fromkeys(Weights(), 0.0) | {term: 1.0})
        value = Objective(targets, weights)(torch.from_numpy(painted).permute(2, 0, 1)[None])
        assert found[name] == pytest.approx(value.total, rel=1e-4)


def test_inside_half_the_picture_the_style_distance_is_that_of_half_of_each_layer(style):
    painted = textured(2).astype(np.float32) / 255
    found = Judge(textured(1), style, region(slice(0, 32))).of(painted)
    activations = copied_activations(real_vgg(), torch.from_numpy(painted).permute(2, 0, 1)[None])
    (grams,) = StyleTargets(real_vgg(), [to_tensor(load_style(style), "cpu")]).at(SIZE)
    distances = []
    for layer in STYLE_LAYERS:
        places = activations[layer][:, : activations[layer].shape[1] // 2].flatten(0, 1)
        distances.append(float(relative_distance(places.T @ places / len(places), grams[layer])))
    assert found["gram"] == pytest.approx(np.mean(distances), rel=1e-4)


def test_what_lies_outside_the_region_has_no_say_in_it(style):
    """The right half is repainted; the network's receptive field is cut by leaving a margin of 16 pixels."""
    image, painted = textured(1), textured(2).astype(np.float32) / 255
    other = painted.copy()
    other[:, 40:] = 0.5
    judge = Judge(image, style, region(slice(0, 8)))
    ours, theirs = judge.of(painted), judge.of(other)
    assert ours["spatial"] != pytest.approx(theirs["spatial"], rel=0.01)
    assert ours["content"] == pytest.approx(theirs["content"], rel=0.1)
    everywhere = Judge(image, style, region(slice(None)))
    assert everywhere.of(painted)["content"] != pytest.approx(everywhere.of(other)["content"], rel=0.1)


def test_a_region_too_small_for_statistics_has_none(style):
    assert set(Judge(textured(1), style, torch.zeros(1, 1, *SIZE)).of(np.zeros((*SIZE, 3), np.float32))) == {
        "spatial",
        "sharpness",
    }


def test_what_a_moving_thing_uncovers_is_found_where_it_lies_three_frames_later():
    """A bar goes right over a ground that goes left: what its left edge uncovers moves with the ground."""
    ground, bar = textured(5, (240, 640)), textured(6, (240, 60))
    frames = []
    for index in range(AGE + 2):
        frame = np.ascontiguousarray(ground[:, 100 + 2 * index : 420 + 2 * index])
        frame[:, 100 + 6 * index : 160 + 6 * index] = bar
        frames.append(frame)
    found = newly_visible(frames)[0, 0].numpy()
    columns = found[40:-40].mean(axis=0)
    # between the first two frames the bar's edge goes from 100 to 106, and the ground seen there first goes 6 to the left
    assert columns[93:96].mean() > 0.7  # the flow is estimated: 0.76
    assert columns[30:80].mean() < 0.05
    assert columns[130:270].mean() < 0.05
