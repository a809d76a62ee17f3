"""The feed-forward network: images of any size, no shift, the same from stored weights, which are checked."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from tests.support.thin_vgg import picture
from videostyle.errors import BadInput
from videostyle.models.transformer_net import Shape, TransformerNet, arrays_of, network_of, new_network

SMALL = Shape(width=8, blocks=2, dilated=1, half=6)
SHAPE = vars(SMALL)


@pytest.mark.parametrize("size", [(16, 16), (17, 33), (30, 42), (63, 64), (5, 7), (3, 200)])
def test_any_size(size):
    stylized = new_network(SMALL, 0, "cpu").requires_grad_(False)(torch.rand(1, 3, *size))
    assert stylized.shape == (1, 3, *size)
    assert 0 <= float(stylized.min()) <= float(stylized.max()) <= 1


def test_seed():
    """The same seed gives the same network, and the global random state is left alone."""
    torch.manual_seed(4)
    expected = torch.rand(1)
    torch.manual_seed(4)
    one, other, another = new_network(SMALL, 7, "cpu"), new_network(SMALL, 7, "cpu"), new_network(SMALL, 8, "cpu")
    assert torch.equal(torch.rand(1), expected)
    content = picture(20, 24)
    assert torch.equal(one(content), other(content))
    assert not torch.equal(one(content), another(content))


def test_no_checkerboard_artifacts():
    """An untrained network makes a flat image of a flat one: no pixel of a 4x4 block differs."""
    with torch.no_grad():
        stylized = new_network(Shape(), 0, "cpu")(torch.full((1, 3, 160, 160), 0.7))
    middle = stylized[:, :, 64:-64, 64:-64]
    assert float(middle.amax((2, 3)).sub(middle.amin((2, 3))).max()) < 1e-4


def test_restored_from_arrays():
    network, content = new_network(SMALL, 0, "cpu"), picture(30, 41)
    again = network_of(SHAPE, arrays_of(network), "cpu")
    with torch.no_grad():
        assert torch.equal(again(content), network(content))


def test_arrays_are_copies():
    network = new_network(SMALL, 0, "cpu")
    arrays = arrays_of(network)
    before = {name: array.copy() for name, array in arrays.items()}
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.add_(1)
    for name, array in arrays.items():
        np.testing.assert_array_equal(array, before[name])


def with_change(name: str, change) -> dict[str, np.ndarray]:
    arrays = arrays_of(new_network(SMALL, 0, "cpu"))
    return arrays | {name: change(arrays[name])}


@pytest.mark.parametrize(
    ("shape", "weights"),
    [
        (SHAPE | {"width": 16}, with_change("enter.weight", np.copy)),
        (SHAPE | {"width": 10**9}, with_change("enter.weight", np.copy)),
        (SHAPE | {"blocks": 10**12}, with_change("enter.weight", np.copy)),
        (SHAPE | {"width": "8"}, with_change("enter.weight", np.copy)),
        (SHAPE | {"width": True}, with_change("enter.weight", np.copy)),
        (SHAPE | {"dilated": 3}, with_change("enter.weight", np.copy)),
        (SHAPE | {"depth": 1}, with_change("enter.weight", np.copy)),
        ({"width": 8}, with_change("enter.weight", np.copy)),
        (SHAPE, with_change("enter.weight", lambda array: array[:, :-1])),
        (SHAPE, with_change("enter.bias", lambda array: array * np.nan)),
        (SHAPE, with_change("enter.bias", lambda array: array.astype(np.float64))),
        (SHAPE, with_change("enter.bias", np.copy) | {"other": np.zeros(1, np.float32)}),
        (SHAPE, {}),
    ],
)
def test_weights_of_another_network_are_refused(shape, weights):
    with pytest.raises(BadInput, match="its weights are not"):
        network_of(shape, weights, "cpu")


def receptive_field(row: int, column: int, shape: Shape) -> torch.Tensor:
    """Which pixels an output pixel depends on, (160, 200), without normalization, by which it depends on all."""
    network = TransformerNet(shape)
    for module in network.modules():
        if isinstance(module, torch.nn.GroupNorm):
            module.forward = lambda x: x
    content = picture(160, 200).requires_grad_()
    network(content)[0, :, row, column].sum().backward()
    return content.grad.abs().sum(1)[0] > 0


@pytest.mark.parametrize(("row", "column"), [(81, 102), (60, 70)])
def test_receptive_field_is_centered(row, column):
    """To a block of 4x4 pixels: nothing is transposed, mirrored or shifted."""
    field = receptive_field(row, column, SMALL)
    for place, axis in ((row, 1), (column, 0)):
        pixels = field.any(axis).nonzero()
        assert float(pixels.min() + pixels.max()) / 2 == pytest.approx(place, abs=4)


def test_receptive_field_is_large_enough():
    """At 320 pixels brush strokes are some 30 pixels long: pixels 60 away must count."""
    field = receptive_field(80, 100, Shape())
    assert bool(field[80, 100 - 60 : 100 + 60].all())
    assert not bool(field[80, :2].any())
