"""The fast rectified convolution is the plain one, with its gradient, whatever the size and the number of threads."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st

from videostyle.models.fast import winograd as convolution
from videostyle.models.fast.winograd import Kernel, convolve


@pytest.fixture
def threads():
    """Sets the number of threads; it is put back afterwards."""
    before = torch.get_num_threads()
    yield torch.set_num_threads
    torch.set_num_threads(before)


@pytest.fixture(autouse=True)
def small(monkeypatch):
    """Few channels, which are multiplied quickly, count as many."""
    monkeypatch.setattr(convolution, "LEAST_CHANNELS", 32)


def layer(inputs: int, outputs: int, height: int, width: int):
    random = torch.Generator().manual_seed(height)
    weight = torch.randn(outputs, inputs, 3, 3, generator=random) / (3 * inputs**0.5)
    return torch.randn(1, inputs, height, width, generator=random), weight, torch.randn(outputs, generator=random)


@given(st.integers(1, 30), st.integers(1, 30), st.integers(0, 100))
def test_blocks_cover_every_tile_once_and_are_no_larger_than_allowed(down, across, most):
    covered = np.zeros((down, across), int)
    for rows, columns in convolution._blocks(down, across, most):
        covered[rows, columns] += 1
        assert covered[rows, columns].size <= max(1, most)
    assert (covered == 1).all()


@pytest.mark.parametrize("count", [1, 2, 3])
@pytest.mark.parametrize("size", [(25, 25), (13, 47), (47, 13), (1, 700), (5, 130), (36, 32), (2, 2)])
def test_values_and_gradient_are_those_of_the_plain_convolution(size, count, threads, dirty_memory):
    threads(count)
    image, weight, bias = layer(32, 40, *size)
    image.requires_grad_()
    exact = image.detach().double().requires_grad_()
    expected = F.conv2d(exact, weight.double(), bias.double(), padding=1).relu()
    found = convolve(image, Kernel.of(weight, bias))
    torch.testing.assert_close(found.double(), expected, rtol=0, atol=1e-4)
    slope = torch.randn(found.shape, generator=torch.Generator().manual_seed(1))
    (gradient,) = torch.autograd.grad(found, image, slope)
    (expected_gradient,) = torch.autograd.grad(expected, exact, slope.double())
    torch.testing.assert_close(gradient.double(), expected_gradient, rtol=0, atol=1e-4)


def test_winograd_is_taken_where_it_pays_and_only_there(monkeypatch):
    calls, original = [], convolution._winograd
    monkeypatch.setattr(convolution, "_winograd", lambda *each, **named: calls.append(1) or original(*each, **named))
    for channels, size, type_, pays in (
        (48, (30, 30), torch.float32, True),
        (48, (20, 20), torch.float32, True),
        (48, (20, 19), torch.float32, False),
        (31, (40, 30), torch.float32, False),
        (48, (10, 10), torch.float32, False),
        (48, (30, 30), torch.float64, False),
    ):
        image, weight, bias = (each.to(type_) for each in layer(channels, channels, *size))
        calls.clear()
        convolve(image, Kernel.of(weight, bias))
        assert bool(calls) is pays


@pytest.mark.parametrize("tiles", [1, 3, 40])
def test_a_picture_in_blocks_is_the_whole_picture(monkeypatch, tiles):
    image, weight, bias = layer(32, 33, 50, 70)
    monkeypatch.setattr(convolution, "_blocks", lambda down, across, most: [(slice(0, down), slice(0, across))])
    kernel = Kernel.of(weight, bias)
    whole = convolve(image, kernel)
    monkeypatch.undo()
    original = convolution._blocks
    monkeypatch.setattr(convolution, "_blocks", lambda down, across, most: original(down, across, tiles))
    torch.testing.assert_close(convolve(image, kernel), whole, rtol=0, atol=1e-4)


def test_the_result_and_its_gradient_lie_in_memory_as_they_are_needed_next():
    for size in ((30, 30), (10, 10)):
        image, weight, bias = layer(32, 40, *size)
        image = image.contiguous(memory_format=torch.channels_last).requires_grad_()
        found = convolve(image, Kernel.of(weight, bias))
        assert found.is_contiguous(memory_format=torch.channels_last)
        (gradient,) = torch.autograd.grad(found.sum(), image)
        assert gradient.is_contiguous(memory_format=torch.channels_last)
