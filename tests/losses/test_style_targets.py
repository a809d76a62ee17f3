"""The statistics of style images, at each size."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.thin_vgg import copied_activations, picture, thin_vgg, thin_weights
from videostyle.frames import SMALLEST_SIDE
from videostyle.losses.style_targets import KEPT, StyleTargets, style_size
from videostyle.losses.terms import STYLE_LAYERS
from videostyle.losses.tiles import HALO
from videostyle.models.vgg import VGG19
from videostyle.option_groups import StyleOptions
from videostyle.tensors import resize


class Recording(VGG19):
    """Notes the sizes of the images it is given."""

    def __init__(self):
        super().__init__(thin_weights())
        self.sizes = []

    def forward(self, image, layers):
        self.sizes.append(tuple(image.shape[2:]))
        return super().forward(image, layers)


def test_computed_once_for_each_size():
    features = Recording()
    targets = StyleTargets(features, [picture(30, 40, 1), picture(64, 32, 2)])
    targets.at((24, 32))
    assert features.sizes == [(24, 32), (32, 16)]
    targets.at((24, 32), (0.2, 0.8))
    targets.at((32, 24))
    assert len(features.sizes) == 2  # a style image is scaled by its longer side
    targets.at((48, 64))
    assert features.sizes[2:] == [(48, 64), (64, 32)]


def test_gram_matrices_of_the_scaled_style_image():
    statistics = StyleTargets(thin_vgg(), [picture(30, 40, 1)]).at((15, 20))
    actual = statistics["style"]
    scaled = resize(picture(30, 40, 1), (16, 20))  # 15 is below the network's smallest side
    activations = copied_activations(thin_vgg(), scaled)
    assert set(actual) == set(STYLE_LAYERS)
    for layer, own in actual.items():
        places = activations[layer].double().numpy().reshape(-1, own.shape[0])
        np.testing.assert_allclose(own.numpy(), places.T @ places / len(places), rtol=1e-4, atol=1e-6)
        assert not own.requires_grad


def test_style_scale():
    features = Recording()
    StyleTargets(features, [picture(30, 40, 1)], StyleOptions(style_scale=2.0)).at((20, 32))
    assert features.sizes == [(48, 64)]


def test_large_style_image_is_computed_in_tiles():
    """Whatever the frame's size: at scale 2 a style image has four times its pixels."""
    features = Recording()
    StyleTargets(features, [picture(30, 40, 1)], StyleOptions(style_scale=2.0)).at((300, 400))
    assert features.sizes == [(600, 720 + HALO), (600, 80 + HALO)]


@settings(max_examples=50)
@given(st.integers(2, 3000), st.integers(2, 3000), st.integers(16, 2000))
def test_style_size(height, width, longer):
    """The longer side is the frame's, the proportions are kept, and no side is too small for the network."""
    actual = style_size((height, width), longer)
    assert max(actual) == longer
    assert min(actual) >= SMALLEST_SIDE
    assert min(actual) == pytest.approx(max(SMALLEST_SIDE, min(height, width) * longer / max(height, width)), abs=0.5)


def test_targets_of_the_fast_network_are_the_plain_ones():
    images = [picture(40, 30, 1), picture(33, 50, 2)]
    fast, plain = (StyleTargets(tensor, images).at((48, 64)) for tensor in (thin_vgg(), VGG19(thin_weights())))
    for layer, expected in plain["style"].items():
        torch.testing.assert_close(fast["style"][layer], expected, rtol=1e-4, atol=1e-6)


def test_a_mix_is_that_of_the_gram_matrices():
    """By its shares, which are equal where none are given; a style without a share is not even computed."""
    images, features = [picture(30, 40, 1), picture(64, 32, 2)], Recording()
    alone = [StyleTargets(thin_vgg(), [image]).at((24, 32))["style"] for image in images]
    mixed, even = (StyleTargets(thin_vgg(), images).at((24, 32), mix)["style"] for mix in ((0.25, 0.75), ()))
    for layer, own in mixed.items():
        torch.testing.assert_close(own, 0.25 * alone[0][layer] + 0.75 * alone[1][layer])
        torch.testing.assert_close(even[layer], (alone[0][layer] + alone[1][layer]) / 2)
    fixed = StyleTargets(thin_vgg(), images, mix=(0.25, 0.75)).at((24, 32))["style"]
    assert all(torch.equal(own, mixed[layer]) for layer, own in fixed.items())
    StyleTargets(features, images).at((24, 32), (0.0, 1.0))
    assert features.sizes == [(32, 16)]


def test_few_sizes_are_kept():
    """Where the scale changes over time, every frame may have another size."""
    features = Recording()
    targets = StyleTargets(features, [picture(30, 40, 1)])
    for scale in range(KEPT + 3):
        targets.at((24, 32), scale=1 + scale / 32)
    targets.at((24, 32), scale=1 + scale / 32)
    assert len(targets.known[0]) == KEPT
    assert len(features.sizes) == KEPT + 3
