"""The statistics of style images, at each size."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.thin_vgg import copied_activations, picture, thin_vgg, thin_weights
from videostyle.frames import SMALLEST_SIDE
from videostyle.losses.style_targets import StyleTargets, style_size
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
    first = targets.at((24, 32))
    assert features.sizes == [(24, 32), (32, 16)]
    assert all(again is once for again, once in zip(targets.at((24, 32)), first, strict=True))
    targets.at((32, 24))
    assert len(features.sizes) == 2  # a style image is scaled by its longer side
    targets.at((48, 64))
    assert features.sizes[2:] == [(48, 64), (64, 32)]


def test_gram_matrices_of_the_scaled_style_image():
    (statistics,) = StyleTargets(thin_vgg(), [picture(30, 40, 1)]).at((15, 20))
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
    for ours, theirs in zip(fast, plain, strict=True):
        for layer, expected in theirs["style"].items():
            torch.testing.assert_close(ours["style"][layer], expected, rtol=1e-4, atol=1e-6)
