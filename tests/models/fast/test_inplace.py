"""The passes in place: the full network at sizes where all its ways of computing are used, memory, and edge cases."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from tests.support.thin_vgg import LOSS_LAYERS, double_weights, picture, real_vgg, real_weights, thin_weights
from videostyle.losses.frame_targets import FrameTargets
from videostyle.losses.objective import Objective
from videostyle.losses.style_targets import StyleTargets
from videostyle.losses.terms import Weights
from videostyle.models.fast import matmul, winograd
from videostyle.models.fast.inplace import InPlaceVGG19
from videostyle.models.vgg import VGG19, Features
from videostyle.models.weights import VGGWeights


def pulled(features: Features, image: torch.Tensor) -> tuple[dict[str, torch.Tensor], torch.Tensor]:
    """The activations, and the gradient of the sum of their products with fixed random numbers."""
    activations = {layer: tensor.clone() for layer, tensor in features.forward(image, LOSS_LAYERS).items()}
    random = torch.Generator().manual_seed(image.shape[2])
    pull = {
        layer: torch.randn(tensor.shape, generator=random, dtype=image.dtype)
        for layer, tensor in sorted(activations.items())
    }
    return activations, features.backward(lambda layer, _, gradient: gradient.add_(pull[layer]))


def with_dead_layer(layer: str) -> VGGWeights:
    """All activations of this layer are 0."""
    weights = double_weights()
    weights.layers[layer.replace("relu", "conv")][1].fill_(-1e3)
    return weights


@pytest.mark.parametrize("onednn", [True, False])
def test_full_network_by_either_product(onednn, monkeypatch, dirty_memory):
    """Large enough for Winograd in the first four blocks; channels for products in groups and one by one."""
    image = picture(245, 260)
    expected, slope = pulled(VGG19(real_weights()), image)
    for module in (winograd, matmul):
        monkeypatch.setattr(module, "ONEDNN", onednn and matmul.ONEDNN)
    activations, gradient = pulled(InPlaceVGG19(real_weights()), image)
    for layer, tensor in activations.items():
        torch.testing.assert_close(tensor, expected[layer], rtol=1e-4, atol=1e-4 * float(tensor.max()))
    # where two pixels of a pool are equal but for rounding, the other may win, and a patch of the gradient goes elsewhere
    differing = (gradient - slope).abs() > 1e-4 * float(slope.abs().max())
    assert float(differing.float().mean()) < 0.03
    assert float((gradient - slope).norm() / slope.norm()) < 2e-3


def test_one_size_after_another_in_dirty_memory(dirty_memory):
    """All memory that is read was written before."""
    features, plain = InPlaceVGG19(double_weights(), torch.float64), VGG19(double_weights(), dtype=torch.float64)
    for size in ((16, 16), (70, 33), (33, 70), (70, 33), (20, 18)):
        image = picture(*size).double()
        (actual, gradient), (expected, slope) = pulled(features, image), pulled(plain, image)
        for layer, tensor in actual.items():
            torch.testing.assert_close(tensor, expected[layer], rtol=1e-6, atol=1e-6 * float(tensor.abs().max()))
        torch.testing.assert_close(gradient, slope, rtol=1e-5, atol=1e-6 * float(slope.abs().max()))


def test_release_gives_all_memory_back():
    features = InPlaceVGG19(thin_weights())
    pulled(features, picture(40, 30))
    held = features.memory.numel()
    features.release()
    assert features.memory.numel() == 0 < held


def test_no_gradient_through_a_pool_of_zeros():
    """All that the first block hands on is 0: of four equal pixels one would win, if being the largest were enough."""
    weights = with_dead_layer("relu1_2")
    features, plain = InPlaceVGG19(weights, torch.float64), VGG19(weights, dtype=torch.float64)
    image = picture(20, 30).double()
    (_, gradient), (_, slope) = pulled(features, image), pulled(plain, image)
    torch.testing.assert_close(gradient, slope, rtol=1e-5, atol=1e-6 * float(slope.abs().max()))


def test_content_target_of_zeros():
    """It does not divide by zero."""
    features, content = InPlaceVGG19(with_dead_layer("relu4_2"), torch.float64), picture(40, 30).double()
    styles = StyleTargets(features, [content]).at((40, 30))
    value = Objective(FrameTargets(features, content, styles), Weights())(content + 0.1)
    assert np.isfinite(value.total)
    assert bool(value.gradient.isfinite().all())


@pytest.mark.parametrize("size", [(90, 161), (180, 320)])
def test_objective_agrees_with_the_plain_network(size):
    """Two nearly equal pixels may change places in a pool by rounding."""
    content, image, style, warped = (picture(*size, seed) for seed in range(4))
    styles = StyleTargets(real_vgg(), [style]).at(size)
    value, plain = (
        Objective(FrameTargets(features, content, styles, warped, image[:, :1]), Weights())(image)
        for features in (InPlaceVGG19(real_weights()), VGG19(real_weights()))
    )
    assert value.total == pytest.approx(plain.total, rel=1e-5)
    assert value.spatial == pytest.approx(plain.spatial, rel=1e-5)
    assert float((value.gradient - plain.gradient).norm() / plain.gradient.norm()) < 1e-3
