"""What the speed benchmark holds us against: the count of operations, and the published way to stop."""

from __future__ import annotations

from typing import NamedTuple

import pytest
import torch

from benchmarks.speed import PROTOCOL_MOST, PROTOCOL_WINDOW, by_protocol, flops, published_network, with_network
from tests.support.thin_vgg import picture, real_vgg
from videostyle.losses.objective import Objective
from videostyle.losses.style_targets import StyleTargets
from videostyle.losses.terms import FrameTargets, Weights


def test_the_direct_convolutions_are_counted_layer_by_layer():
    """VGG-19 to relu5_1 at 64x32: (inputs, outputs, places), each 9 products and additions, forward and back."""
    places = 64 * 32
    layers = [
        (3, 64, places),
        (64, 64, places),
        (64, 128, places // 4),
        (128, 128, places // 4),
        (128, 256, places // 16),
    ]
    layers += [(256, 256, places // 16)] * 3 + [(256, 512, places // 64)] + [(512, 512, places // 64)] * 3
    layers += [(512, 512, places // 256)]
    assert flops(published_network("cpu"), 32, 64) == sum(2 * 2 * 9 * i * o * n for i, o, n in layers)


def test_the_published_method_has_the_same_objective():
    network, image, content = real_vgg(), picture(40, 56, seed=1), picture(40, 56, seed=2)
    grams = StyleTargets(network, [picture(48, 56, seed=3)]).at((40, 56))
    ours = Objective(FrameTargets(network, content, grams, content, content[:, :1]), Weights())
    value, published = ours(image), with_network(ours, published_network("cpu"))(image)
    assert published.total == pytest.approx(value.total, rel=1e-4)
    assert (published.gradient - value.gradient).norm() < 1e-3 * value.gradient.norm()


class Value(NamedTuple):
    total: float
    gradient: torch.Tensor


def bowl(x: torch.Tensor) -> Value:
    """1 + |x - 0.3|^2 / 2: settled at once by L-BFGS."""
    return Value(1 + float((x - 0.3).square().sum()) / 2, x - 0.3)


def test_the_protocol_stops_when_fifty_iterations_bring_nothing():
    picture, loss, iterations = by_protocol(bowl, torch.zeros(1, 3, 4, 4))
    torch.testing.assert_close(picture, torch.full((1, 3, 4, 4), 0.3), atol=1e-3, rtol=0)
    assert loss == pytest.approx(1, abs=1e-4)
    assert PROTOCOL_WINDOW <= iterations <= PROTOCOL_WINDOW + 10


def test_the_protocol_goes_on_while_they_bring_something_and_ends_at_a_thousand():
    """A slope without an end: fifty steps lower it by half a percent or more."""

    def slope(x: torch.Tensor) -> Value:
        total = float(10 - x.sum() / 1000)
        return Value(total, torch.full_like(x, -1 / 1000))

    _, _, iterations = by_protocol(slope, torch.zeros(1, 1, 2, 2))
    assert iterations == PROTOCOL_MOST
