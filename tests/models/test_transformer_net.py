"""The painting network: any size, nothing moved, the same from its stored weights, and no consistency in what is stored."""

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
def test_pictures_of_any_size_keep_it_and_stay_within_0_and_1(size):
    painted = new_network(SMALL, 0, "cpu").requires_grad_(False)(torch.rand(1, 3, *size))
    assert painted.shape == (1, 3, *size)
    assert 0 <= float(painted.min()) <= float(painted.max()) <= 1


def test_the_same_seed_gives_the_same_network_and_leaves_global_chance_alone():
    torch.manual_seed(4)
    expected = torch.rand(1)
    torch.manual_seed(4)
    one, other, another = new_network(SMALL, 7, "cpu"), new_network(SMALL, 7, "cpu"), new_network(SMALL, 8, "cpu")
    assert torch.equal(torch.rand(1), expected)
    content = picture(20, 24)
    assert torch.equal(one(content), other(content))
    assert not torch.equal(one(content), another(content))


def test_a_new_network_draws_no_chequered_pattern():
    """Of a flat picture it makes a flat one, up to the border: no pixel of a 4x4 block is favoured."""
    with torch.no_grad():
        painted = new_network(Shape(), 0, "cpu")(torch.full((1, 3, 160, 160), 0.7))
    middle = painted[:, :, 64:-64, 64:-64]
    assert float(middle.amax((2, 3)).sub(middle.amin((2, 3))).max()) < 1e-4


def test_from_its_arrays_it_paints_the_same():
    network, content = new_network(SMALL, 0, "cpu"), picture(30, 41)
    again = network_of(SHAPE, arrays_of(network), "cpu")
    with torch.no_grad():
        assert torch.equal(again(content), network(content))


def test_the_arrays_are_copies():
    network = new_network(SMALL, 0, "cpu")
    arrays = arrays_of(network)
    before = {name: each.copy() for name, each in arrays.items()}
    with torch.no_grad():
        for each in network.parameters():
            each.add_(1)
    for name, each in arrays.items():
        np.testing.assert_array_equal(each, before[name])


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
        (SHAPE, with_change("enter.weight", lambda each: each[:, :-1])),
        (SHAPE, with_change("enter.bias", lambda each: each * np.nan)),
        (SHAPE, with_change("enter.bias", lambda each: each.astype(np.float64))),
        (SHAPE, with_change("enter.bias", np.copy) | {"other": np.zeros(1, np.float32)}),
        (SHAPE, {}),
    ],
)
def test_weights_that_are_not_its_own_are_refused(shape, weights):
    with pytest.raises(BadInput, match="its weights are not"):
        network_of(shape, weights, "cpu")


def seen_from(row: int, column: int, shape: Shape) -> torch.Tensor:
    """Which pixels of a picture have a say in a pixel of its painting, normalization, which sees all, left out: (160, 200)."""
    network = TransformerNet(shape)
    for module in network.modules():
        if isinstance(module, torch.nn.GroupNorm):
            module.forward = lambda x: x
    content = picture(160, 200).requires_grad_()
    network(content)[0, :, row, column].sum().backward()
    return content.grad.abs().sum(1)[0] > 0


@pytest.mark.parametrize(("row", "column"), [(81, 102), (60, 70)])
def test_a_pixel_is_painted_from_what_lies_around_it(row, column):
    """In the middle of what it is painted from, to a block of 4x4 pixels: nothing is turned, mirrored or shifted."""
    seen = seen_from(row, column, SMALL)
    for place, axis in ((row, 1), (column, 0)):
        found = seen.any(axis).nonzero()
        assert float(found.min() + found.max()) / 2 == pytest.approx(place, abs=4)


def test_a_fifth_of_the_picture_away_is_still_seen():
    """At 320 pixels brush strokes are some 30 pixels long: what is 60 away must count."""
    seen = seen_from(80, 100, Shape())
    assert bool(seen[80, 100 - 60 : 100 + 60].all())
    assert not bool(seen[80, :2].any())
