"""The references of the speed benchmark: the number of operations, and the stopping rule of the published method."""

from __future__ import annotations

from typing import NamedTuple

import pytest
import torch

from benchmarks.protocol import MOST_ITERATIONS, WINDOW, by_protocol, published_network, with_network
from benchmarks.speed import flops
from tests.support.thin_vgg import picture, real_vgg
from videostyle.losses.frame_targets import FrameTargets
from videostyle.losses.objective import Objective
from videostyle.losses.style_targets import StyleTargets
from videostyle.losses.terms import Weights


def test_flops():
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


def test_published_network():
    """L and its gradient are the same with the plain network."""
    network, image, content = real_vgg(), picture(40, 56, seed=1), picture(40, 56, seed=2)
    styles = StyleTargets(network, [picture(48, 56, seed=3)]).at((40, 56))
    ours = Objective(FrameTargets(network, content, styles, content, content[:, :1]), Weights())
    value, published = ours(image), with_network(ours, published_network("cpu"))(image)
    assert published.total == pytest.approx(value.total, rel=1e-4)
    assert (published.gradient - value.gradient).norm() < 1e-3 * value.gradient.norm()


class Value(NamedTuple):
    total: float
    gradient: torch.Tensor


def bowl(x: torch.Tensor) -> Value:
    """1 + |x - 0.3|^2 / 2: settled at once by L-BFGS."""
    return Value(1 + float((x - 0.3).square().sum()) / 2, x - 0.3)


def test_protocol_stops():
    """It stops when 50 iterations do not lower L any more."""
    picture, loss, iterations = by_protocol(bowl, torch.zeros(1, 3, 4, 4))
    torch.testing.assert_close(picture, torch.full((1, 3, 4, 4), 0.3), atol=1e-3, rtol=0)
    assert loss == pytest.approx(1, abs=1e-4)
    assert WINDOW <= iterations <= WINDOW + 10


def test_protocol_iteration_limit():
    """It ends at 1,000 iterations where L keeps falling: on this slope, by half a percent or more in 50 steps."""

    def slope(x: torch.Tensor) -> Value:
        total = float(10 - x.sum() / 1000)
        return Value(total, torch.full_like(x, -1 / 1000))

    _, _, iterations = by_protocol(slope, torch.zeros(1, 1, 2, 2))
    assert iterations == MOST_ITERATIONS
