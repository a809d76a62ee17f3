"""Each term of L against a formula written out in numpy, its gradient against differences and closed forms."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.thin_vgg import picture, thin_vgg, thin_weights
from videostyle.losses.objective import Objective
from videostyle.losses.style_targets import StyleTargets, style_size
from videostyle.losses.terms import (
    Weights,
    content_distance,
    gram,
    relative_distance,
    style_distance,
    temporal_distance,
    total_variation,
)
from videostyle.models.vgg import CONTENT_LAYERS, SMALLEST_SIDE, STYLE_LAYERS, VGG19Features
from videostyle.models.weights import VGGWeights
from videostyle.tensors import resize

SIZE = (20, 28)
NOTHING = Weights(0, 0, 0, 0)


def features(seed: int, size=SIZE) -> dict[str, torch.Tensor]:
    with torch.no_grad():
        return thin_vgg()(picture(*size, seed))


def numpy_gram(activation: torch.Tensor) -> np.ndarray:
    places = activation[0].double().numpy()
    return np.einsum("ihw,jhw->ij", places, places) / (places.shape[1] * places.shape[2])


def grams(seed: int) -> dict[str, torch.Tensor]:
    return {layer: gram(each) for layer, each in features(seed).items() if layer in STYLE_LAYERS}


def objective(weights: Weights, styles=None, warped=None, consistency=None) -> Objective:
    return Objective(thin_vgg(), picture(*SIZE, 1), styles or [grams(2)], weights, warped, consistency)


# --- the terms -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("layout", [torch.channels_last, torch.contiguous_format])
def test_gram_is_the_mean_product_of_channels(layout):
    activation = torch.randn(1, 5, 7, 9, generator=torch.Generator().manual_seed(0)).contiguous(memory_format=layout)
    np.testing.assert_allclose(gram(activation).numpy(), numpy_gram(activation), rtol=1e-5, atol=1e-6)


def test_gram_of_a_repeated_picture_is_that_of_one():
    activation = torch.randn(1, 5, 7, 9)
    torch.testing.assert_close(gram(torch.cat([activation] * 3, dim=3)), gram(activation))


@given(st.floats(1e-3, 1e3))
def test_relative_distance_does_not_know_the_scale(scale):
    value, target = torch.tensor([1.0, 2.0, -1.0]), torch.tensor([2.0, 0.0, 1.0])
    assert float(relative_distance(value * scale, target * scale)) == pytest.approx((1 + 4 + 4) / 5, rel=1e-5)


def test_the_distance_to_nothing_is_a_number():
    assert np.isfinite(float(relative_distance(torch.ones(3), torch.zeros(3))))
    assert float(relative_distance(torch.zeros(3), torch.zeros(3))) == 0


def test_content_and_style_are_mean_relative_distances():
    own, target, style = features(0), features(1), features(2)
    content = [
        ((own[each] - target[each]).double() ** 2).sum() / (target[each].double() ** 2).sum() for each in CONTENT_LAYERS
    ]
    assert float(content_distance(own, target)) == pytest.approx(float(np.mean(content)), rel=1e-4)
    distances = []
    for layer in STYLE_LAYERS:
        ours, theirs = numpy_gram(own[layer]), numpy_gram(style[layer])
        distances.append(((ours - theirs) ** 2).sum() / (theirs**2).sum())
    assert float(style_distance(grams(0), [grams(2)])) == pytest.approx(np.mean(distances), rel=1e-4)


def test_several_styles_count_the_same():
    alone = [float(style_distance(grams(0), [grams(seed)])) for seed in (2, 3, 4)]
    assert float(style_distance(grams(0), [grams(seed) for seed in (2, 3, 4)])) == pytest.approx(
        np.mean(alone), rel=1e-5
    )
    assert np.ptp(alone) > 0.05 * np.mean(alone)


def test_total_variation_is_the_mean_over_all_neighbors():
    image = torch.rand(1, 3, 5, 8)
    pixels = image.double().numpy()[0]
    differences = [
        (pixels[c, y, x] - pixels[c, y + down, x + across]) ** 2
        for c in range(3)
        for down, across in ((0, 1), (1, 0))
        for y in range(5 - down)
        for x in range(8 - across)
    ]
    assert float(total_variation(image)) == pytest.approx(np.mean(differences), rel=1e-5)


def test_temporal_counts_every_pixel_in_its_mean():
    image, warped, consistency = torch.rand(1, 3, 4, 6), torch.rand(1, 3, 4, 6), torch.rand(1, 1, 4, 6)
    consistency[..., :3] = 0
    total = sum(
        float(consistency[0, 0, y, x]) * (float(image[0, c, y, x]) - float(warped[0, c, y, x])) ** 2
        for c in range(3)
        for y in range(4)
        for x in range(6)
    )
    assert float(temporal_distance(image, warped, consistency)) == pytest.approx(total / 72, rel=1e-5)


# --- gradients -------------------------------------------------------------------------------------------------------


def test_the_temporal_gradient_pulls_towards_the_last_picture():
    """2 consistency (x - w) / N. In a known program it is 0, as the term is computed on a detached copy."""
    image, warped, consistency = picture(*SIZE, 0), picture(*SIZE, 3), torch.rand(1, 1, *SIZE)
    expected = 2 * consistency * (image - warped) / image.numel()
    image.requires_grad_()
    (gradient,) = torch.autograd.grad(temporal_distance(image, warped, consistency), image)
    torch.testing.assert_close(gradient, expected)
    value = objective(replace(NOTHING, temporal=300.0), warped=warped, consistency=consistency)(image)
    torch.testing.assert_close(value.gradient, 300 * expected.detach(), rtol=1e-4, atol=1e-8)


def test_the_gradient_of_the_whole_agrees_with_differences():
    """In double precision, along random directions."""
    thin = thin_weights()
    exact = VGGWeights(thin.mean, {name: (w.double(), b.double()) for name, (w, b) in thin.layers.items()})
    extract = VGG19Features(exact, dtype=torch.float64)
    style = StyleTargets(extract, [picture(24, 20, 2).double()]).at(SIZE)
    content, image, warped = (picture(*SIZE, seed).double() for seed in (1, 0, 3))
    whole = Objective(extract, content, style, Weights(), warped, torch.rand(1, 1, *SIZE).double())
    gradient = whole(image).gradient
    random = torch.Generator().manual_seed(0)
    for _ in range(3):
        direction = torch.randn(image.shape, generator=random, dtype=torch.float64)
        step = 1e-7 * direction
        slope = (whole(image + step).total - whole(image - step).total) / 2e-7
        assert float((gradient * direction).sum()) == pytest.approx(slope, rel=1e-4)


# --- the objective ---------------------------------------------------------------------------------------------------


def test_each_weight_counts_its_own_term():
    image, warped, consistency = picture(*SIZE, 0), picture(*SIZE, 3), torch.rand(1, 1, *SIZE)
    with torch.no_grad():
        own, target = thin_vgg()(image), features(1)
        expected = {
            "content": content_distance(own, target),
            "style": style_distance(grams(0), [grams(2)]),
            "tv": total_variation(image),
            "temporal": temporal_distance(image, warped, consistency),
        }
    for name, distance in expected.items():
        value = objective(replace(NOTHING, **{name: 7.0}), warped=warped, consistency=consistency)(image)
        assert value.total == pytest.approx(7 * float(distance), rel=1e-4)
        assert value.spatial == pytest.approx(0 if name == "temporal" else value.total, abs=1e-9)


def test_a_picture_alone_has_no_temporal_term():
    value = objective(Weights())(picture(*SIZE, 0))
    assert value.total == value.spatial


def test_the_content_itself_has_no_content_distance():
    assert objective(replace(NOTHING, content=1.0))(picture(*SIZE, 1)).total == pytest.approx(0, abs=1e-9)


def test_the_picture_keeps_no_graph():
    image = picture(*SIZE)
    value = objective(Weights())(image)
    assert not image.requires_grad
    assert not value.gradient.requires_grad
    assert value.gradient.shape == image.shape


# --- style targets ---------------------------------------------------------------------------------------------------


class Analyzing:
    """An extractor that notes the sizes it was asked for."""

    def __init__(self):
        self.sizes = []
        self.passes = self

    def forward(self, image, last):
        self.sizes.append(tuple(image.shape[2:]))
        return thin_vgg().passes.forward(image, last)


def test_gram_matrices_are_computed_once_for_each_size():
    extract = Analyzing()
    targets = StyleTargets(extract, [picture(30, 40, 1), picture(64, 32, 2)])
    first = targets.at((24, 32))
    assert extract.sizes == [(24, 32), (32, 16)]
    assert targets.at((24, 32)) is first
    targets.at((32, 24))
    assert len(extract.sizes) == 2  # the style's size goes by the longer side
    targets.at((48, 64))
    assert extract.sizes[2:] == [(48, 64), (64, 32)]


def test_the_targets_are_the_scaled_styles_own():
    (found,) = StyleTargets(thin_vgg(), [picture(30, 40, 1)]).at((15, 20))
    with torch.no_grad():
        activations = thin_vgg()(resize(picture(30, 40, 1), (16, 20)))  # 15 is too narrow for the network
    assert set(found) == set(STYLE_LAYERS)
    for layer, own in found.items():
        np.testing.assert_allclose(own.numpy(), numpy_gram(activations[layer]), rtol=1e-4, atol=1e-6)
        assert not own.requires_grad


def test_style_scale_makes_the_style_larger_in_the_picture():
    extract = Analyzing()
    StyleTargets(extract, [picture(30, 40, 1)], scale=2.0).at((20, 32))
    assert extract.sizes == [(48, 64)]


@settings(max_examples=50)
@given(st.integers(2, 3000), st.integers(2, 3000), st.integers(16, 2000))
def test_a_style_keeps_its_proportions_and_its_longer_side_is_the_frames(height, width, longer):
    found = style_size((height, width), longer)
    assert max(found) == longer
    assert min(found) >= SMALLEST_SIDE
    assert min(found) == pytest.approx(max(SMALLEST_SIDE, min(height, width) * longer / max(height, width)), abs=0.5)


def test_resizing_keeps_mean_and_range_and_the_same_size_untouched():
    image = picture(40, 60)
    assert resize(image, (40, 60)) is image
    small = resize(image, (20, 30))
    assert small.shape == (1, 3, 20, 30)
    torch.testing.assert_close(small.mean(), image.mean(), rtol=0, atol=0.01)
    edges = torch.zeros(1, 3, 8, 8)
    edges[..., 4:] = 1
    grown = resize(edges, (20, 20))
    assert grown.min() == 0
    assert grown.max() == 1
