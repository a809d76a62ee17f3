"""The fast convolution with ReLU is the plain one, with its gradient, at any size and number of threads."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st

from videostyle.models.fast import winograd
from videostyle.models.fast.winograd import Kernel, Padded


@pytest.fixture
def threads():
    """Sets the number of threads; it is restored afterwards."""
    before = torch.get_num_threads()
    yield torch.set_num_threads
    torch.set_num_threads(before)


@pytest.fixture(autouse=True)
def few_channels_suffice(monkeypatch):
    """Winograd is used from 32 channels on, which are multiplied quickly."""
    monkeypatch.setattr(winograd, "MIN_CHANNELS", 32)


def layer(inputs: int, outputs: int, height: int, width: int):
    """An image (H, W, inputs), and weight and bias of a convolution."""
    random = torch.Generator().manual_seed(height)
    weight = torch.randn(outputs, inputs, 3, 3, generator=random) / (3 * inputs**0.5)
    return torch.randn(height, width, inputs, generator=random), weight, torch.randn(outputs, generator=random)


def padded(image: torch.Tensor) -> Padded:
    actual = Padded.new(image, (image.shape[0], image.shape[1]), image.shape[2])
    actual.inside.copy_(image)
    actual.clear_edges()
    return actual


def forward(kernel: Kernel, image: torch.Tensor) -> torch.Tensor:
    target = Padded.new(image, (image.shape[0], image.shape[1]), len(kernel.bias))
    kernel.forward(padded(image), target.tiles)
    return target.inside


def backward(kernel: Kernel, gradient: torch.Tensor) -> torch.Tensor:
    target = Padded.new(gradient, (gradient.shape[0], gradient.shape[1]), kernel.weight.shape[1])
    kernel.backward(padded(gradient), target.tiles)
    return target.inside


def nchw(image: torch.Tensor) -> torch.Tensor:
    return image.permute(2, 0, 1)[None]


@given(st.integers(1, 30), st.integers(1, 30), st.integers(0, 100))
def test_blocks_cover_each_tile_once(down, across, most):
    """And none has more tiles than allowed."""
    covered = np.zeros((down, across), int)
    for rows, columns in winograd._blocks(down, across, most):
        covered[rows, columns] += 1
        assert covered[rows, columns].size <= max(1, most)
    assert (covered == 1).all()


@pytest.mark.parametrize("count", [1, 2, 3])
@pytest.mark.parametrize("size", [(25, 25), (13, 47), (47, 13), (1, 700), (5, 130), (36, 32), (2, 2)])
def test_values_and_gradient_are_the_plain_convolutions(size, count, threads, dirty_memory):
    threads(count)
    image, weight, bias = layer(32, 40, *size)
    exact = nchw(image).double().requires_grad_()
    convolved = F.conv2d(exact, weight.double(), bias.double(), padding=1)
    kernel = Kernel.of(weight, bias)
    torch.testing.assert_close(nchw(forward(kernel, image)).double(), convolved.relu(), rtol=0, atol=1e-4)
    slope = torch.randn(*size, 40, generator=torch.Generator().manual_seed(1))
    (expected,) = torch.autograd.grad(convolved, exact, nchw(slope).double())
    torch.testing.assert_close(nchw(backward(kernel, slope)).double(), expected, rtol=0, atol=1e-4)


@pytest.mark.parametrize(
    ("channels", "size", "dtype", "pays"),
    [
        (48, (30, 30), torch.float32, True),
        (48, (20, 20), torch.float32, True),
        (48, (20, 19), torch.float32, False),
        (31, (40, 30), torch.float32, False),
        (48, (10, 10), torch.float32, False),
        (48, (30, 30), torch.float64, False),
    ],
)
def test_winograd_is_used_where_it_pays(channels, size, dtype, pays):
    image, weight, bias = (tensor.to(dtype) for tensor in layer(channels, channels, *size))
    kernel = Kernel.of(weight, bias)
    assert (kernel.transformed_for(size) is not None) is pays
    expected = F.conv2d(nchw(image), weight, bias, padding=1).relu()
    torch.testing.assert_close(nchw(forward(kernel, image)), expected, rtol=0, atol=1e-4)


@pytest.mark.parametrize("tiles", [1, 3, 40])
def test_blocks_do_not_change_the_result(monkeypatch, tiles):
    image, weight, bias = layer(32, 33, 50, 70)
    kernel, blocks = Kernel.of(weight, bias), winograd._blocks
    monkeypatch.setattr(winograd, "_blocks", lambda down, across, most: [(slice(0, down), slice(0, across))])
    whole = forward(kernel, image)
    monkeypatch.setattr(winograd, "_blocks", lambda down, across, most: blocks(down, across, tiles))
    torch.testing.assert_close(forward(kernel, image), whole, rtol=0, atol=1e-4)
