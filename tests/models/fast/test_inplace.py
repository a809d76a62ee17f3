"""Both ways of passing through the network see the same and come back with the same gradient."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.thin_vgg import picture, real_vgg, thin_vgg, thin_weights
from videostyle.losses.objective import Objective
from videostyle.losses.style_targets import StyleTargets
from videostyle.losses.terms import Weights
from videostyle.models.fast import matmul as products
from videostyle.models.fast import winograd as convolution
from videostyle.models.fast.cuda_graph import at_once
from videostyle.models.fast.inplace import InPlace, Traced
from videostyle.models.vgg import SEEN, STYLE_LAYERS, VGG19Features, load_features
from videostyle.models.weights import VGGWeights

LAST = STYLE_LAYERS[-1]


def double_vgg() -> VGG19Features:
    """In double precision, where no two pixels of a pool are equal but for rounding: which one wins changes the gradient."""
    thin = thin_weights()
    layers = {name: (weight.double(), bias.double()) for name, (weight, bias) in thin.layers.items()}
    return VGG19Features(VGGWeights(thin.mean, layers), dtype=torch.float64)


def in_place(extract: VGG19Features) -> InPlace:
    return InPlace(extract.kernels, extract.mean, SEEN)


def pulls(passes: InPlace | Traced, image: torch.Tensor) -> tuple[dict[str, torch.Tensor], torch.Tensor]:
    """Each layer's activations, and the gradient of the sum of their products with fixed random numbers."""
    random = torch.Generator().manual_seed(image.shape[2])

    def add(layer: str, activations: torch.Tensor, gradient: torch.Tensor) -> None:
        torch.testing.assert_close(activations, seen[layer], rtol=0, atol=0)
        gradient += pull[layer]

    seen = {layer: each.clone() for layer, each in passes.forward(image, LAST).items()}
    pull = {layer: torch.randn(each.shape, generator=random, dtype=image.dtype) for layer, each in sorted(seen.items())}
    return seen, passes.back(add)


def assert_alike(one: InPlace | Traced, other: InPlace | Traced, image: torch.Tensor) -> None:
    (seen, gradient), (expected, slope) = pulls(one, image), pulls(other, image)
    assert set(seen) == set(expected) == set(SEEN)
    for layer, each in seen.items():
        assert each.shape == expected[layer].shape
        torch.testing.assert_close(each, expected[layer], rtol=1e-6, atol=1e-6 * float(each.abs().max()))
    torch.testing.assert_close(gradient, slope, rtol=1e-5, atol=1e-6 * float(slope.abs().max()))
    assert gradient.is_contiguous(memory_format=torch.channels_last)


@settings(max_examples=40)
@given(st.integers(16, 70), st.integers(16, 70))
def test_any_size_comes_out_the_same(height, width):
    extract = double_vgg()
    assert_alike(in_place(extract), Traced(extract.layers), picture(height, width).double())


@pytest.mark.parametrize("onednn", [True, False])
def test_the_whole_network_comes_out_the_same_whatever_multiplies(onednn, monkeypatch, dirty_memory):
    """Large enough for Winograd in the first four blocks; channels for products in groups and one by one."""
    plain = Traced(real_vgg().layers)
    image, found = picture(245, 260), in_place(real_vgg())
    expected, slope = pulls(plain, image)
    for module in (convolution, products):
        monkeypatch.setattr(module, "ONEDNN", onednn and products.ONEDNN)
    seen, gradient = pulls(found, image)
    for layer, each in seen.items():
        torch.testing.assert_close(each, expected[layer], rtol=1e-4, atol=1e-4 * float(each.max()))
    # where two pixels of a pool are equal but for rounding, another one may win: then a patch of the gradient is another one
    differing = (gradient - slope).abs() > 1e-4 * float(slope.abs().max())
    assert float(differing.float().mean()) < 0.03
    assert float((gradient - slope).norm() / slope.norm()) < 1e-3


def test_one_size_after_another_in_the_same_memory(dirty_memory):
    extract = double_vgg()
    passes, plain = in_place(extract), Traced(extract.layers)
    for size in ((16, 16), (70, 33), (33, 70), (70, 33), (20, 18)):
        assert_alike(passes, plain, picture(*size).double())


def test_what_was_given_back_is_taken_again():
    passes = in_place(thin_vgg())
    first = pulls(passes, picture(40, 30))[1]
    held = passes.memory.numel()
    passes.release()
    assert passes.memory.numel() == 0 < held
    assert torch.equal(pulls(passes, picture(40, 30))[1], first)


@pytest.mark.parametrize("passes", [in_place(thin_vgg()), Traced(thin_vgg().layers)])
def test_a_pass_ends_at_the_last_layer_that_is_asked_for(passes):
    image = picture(33, 50)
    part = {layer: each.clone() for layer, each in passes.forward(image, "relu4_2").items()}
    assert list(part) == ["relu1_1", "relu2_1", "relu3_1", "relu4_1", "relu4_2"]
    for layer, each in passes.forward(image, LAST).items():
        if layer in part:
            torch.testing.assert_close(each, part[layer])


@pytest.mark.parametrize("passes", [in_place(thin_vgg()), Traced(thin_vgg().layers)])
def test_the_picture_is_left_as_it_was(passes):
    image = picture(20, 30)
    kept = image.clone()
    pulls(passes, image)
    assert torch.equal(image, kept)
    assert not image.requires_grad


def test_where_nothing_is_above_zero_nothing_goes_back():
    """All that the first block hands on is 0: of four equal pixels one would win, if 0 were enough."""
    extract = double_vgg()
    extract.kernels["conv1_2"].bias.fill_(-1e3)
    assert_alike(in_place(extract), Traced(extract.layers), picture(20, 30).double())


def test_a_target_of_nothing_but_zeros_does_not_divide_by_zero():
    extract = double_vgg()
    extract.kernels["conv4_2"].bias.fill_(-1e3)
    content = picture(40, 30).double()
    value = Objective(extract, content, StyleTargets(extract, [content]).at((40, 30)), Weights())(content + 0.1)
    assert np.isfinite(value.total)
    assert bool(value.gradient.isfinite().all())


def test_bfloat16_and_other_devices_go_by_autograd():
    assert isinstance(thin_vgg().passes, InPlace)
    assert isinstance(VGG19Features(thin_weights(), dtype=torch.bfloat16).passes, Traced)


@pytest.mark.parametrize("size", [(90, 161), (180, 320)])
def test_the_objective_agrees_with_the_plain_one(size):
    """With PyTorch's own convolutions and by autograd. Two nearly equal pixels may change places in a pool by rounding."""
    content, image, style, warped = (picture(*size, seed) for seed in range(4))
    found, plain = load_features("vgg19", "cpu"), load_features("vgg19", "cpu")
    plain.run = at_once
    plain.kernels = {
        name: convolution.Kernel(kernel.weight, kernel.bias, None) for name, kernel in plain.kernels.items()
    }
    values = [
        Objective(each, content, StyleTargets(found, [style]).at(size), Weights(), warped, image[:, :1])(image)
        for each in (found, plain)
    ]
    assert values[0].total == pytest.approx(values[1].total, rel=1e-5)
    assert values[0].spatial == pytest.approx(values[1].spatial, rel=1e-5)
    difference = values[0].gradient - values[1].gradient
    assert float(difference.norm() / values[1].gradient.norm()) < 1e-3
