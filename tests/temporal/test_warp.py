"""Warping: exact where the result is known, and without gain or drift over many frames."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from videostyle.temporal.warp import warp

FEW = settings(max_examples=25)


def _uniform(height, width, x, y):
    return np.full((height, width, 2), (x, y), dtype=np.float32)


def _picture(height, width, count=2, seed=0):
    return torch.rand((count, 3, height, width), generator=torch.Generator().manual_seed(seed))


@FEW
@given(x=st.integers(-12, 12), y=st.integers(-12, 12))
def test_integer_shift(x, y):
    """An integer flow is an exact shift with replicated edges."""
    picture = _picture(9, 11)
    columns = (torch.arange(11) + x).clamp(0, 10)
    rows = (torch.arange(9) + y).clamp(0, 8)
    assert torch.equal(warp(picture, _uniform(9, 11, x, y)), picture[:, :, rows][:, :, :, columns])


@FEW
@given(seed=st.integers(0, 1000), a=st.floats(-3, 3), b=st.floats(-3, 3))
def test_linear_in_the_picture(seed, a, b):
    one, other = _picture(8, 10, seed=seed), _picture(8, 10, seed=seed + 1)
    flow = 3 * torch.randn((8, 10, 2), generator=torch.Generator().manual_seed(seed))
    torch.testing.assert_close(
        warp(a * one + b * other, flow), a * warp(one, flow) + b * warp(other, flow), rtol=1e-4, atol=1e-5
    )


@FEW
@given(seed=st.integers(0, 1000), level=st.floats(-10, 10, width=32), reach=st.floats(0, 50))
def test_constant_picture(seed, level, reach):
    flow = reach * torch.randn((8, 10, 2), generator=torch.Generator().manual_seed(seed))
    picture = torch.full((1, 3, 8, 10), level)
    torch.testing.assert_close(warp(picture, flow), picture)


def test_zero_flow_is_exact():
    """A flow of zero returns the picture to the bit."""
    picture = _picture(17, 23, count=3) * 5 - 2
    assert torch.equal(warp(picture, _uniform(17, 23, 0, 0)), picture)


@pytest.mark.parametrize("least", [1e-45, 1e-30, 1e-12, 1e-7, -1e-45, -1e-9, -1e-7])
def test_tiny_flow(least):
    image = torch.rand(1, 3, 9, 12, generator=torch.Generator().manual_seed(4))
    torch.testing.assert_close(warp(image, np.full((9, 12, 2), least, np.float32)), image)


def test_slope():
    """A slope is warped exactly; Lanczos's own weights would not, as their mean is off the target, and would drift."""
    y, x = torch.meshgrid(torch.arange(12.0), torch.arange(14.0), indexing="ij")
    flow = torch.rand((12, 14, 2), generator=torch.Generator().manual_seed(3)) * 2 - 1

    def slope(x, y):
        return 0.1 * x - 0.2 * y + 0.3

    moved = warp(slope(x, y)[None, None], flow)[0, 0]
    torch.testing.assert_close(
        moved[4:-4, 4:-4], slope(x + flow[..., 0], y + flow[..., 1])[4:-4, 4:-4], rtol=0, atol=1e-5
    )


def test_kernel_is_lanczos():
    """Against an independent row of the kernel as printed, up to the small correction that the docstring names."""
    row = torch.zeros(1, 1, 3, 21)
    row[..., 10] = 1
    t = 0.3
    moved = warp(row, _uniform(3, 21, t, 0))[0, 0, 1]
    distance = np.arange(21) - 10 + t
    expected = np.where(abs(distance) < 3, np.sinc(distance) * np.sinc(distance / 3), 0)
    np.testing.assert_allclose(moved, expected, atol=0.01)
    assert abs(float(moved.sum()) - 1) < 1e-6


def test_batch_and_layout():
    """Every picture of a batch, in any memory layout, is warped the same."""
    pictures = _picture(10, 13, count=5)
    flow = torch.randn((10, 13, 2), generator=torch.Generator().manual_seed(1))
    together = warp(pictures, flow)
    assert together.is_contiguous(memory_format=torch.channels_last)
    for picture, moved in zip(pictures, together, strict=True):
        torch.testing.assert_close(warp(picture[None], flow.numpy())[0], moved)
    assert torch.equal(warp(pictures.contiguous(memory_format=torch.channels_last), flow), together)


@pytest.mark.parametrize("far", [1e9, -1e9])
def test_flow_far_outside(far):
    picture = _picture(6, 7, count=1)
    edge = picture[..., -1:] if far > 0 else picture[..., :1]
    torch.testing.assert_close(warp(picture, _uniform(6, 7, far, 0)), edge.expand_as(picture))


def _keys_line(a, row, shift):
    """An independent one-dimensional cubic convolution on a ring: Keys's formula as printed, any a."""
    places = np.arange(len(row)) + shift
    result = np.zeros(len(row))
    for tap in range(-1, 3):
        nearest = np.floor(places).astype(int) + tap
        s = np.abs(places - nearest)
        inner = (a + 2) * s**3 - (a + 3) * s**2 + 1
        outer = a * s**3 - 5 * a * s**2 + 8 * a * s - 4 * a
        result += np.where(s < 1, inner, outer) * row[nearest % len(row)]
    return result


def _gain_and_drift(before, after, period, total):
    """Of a sinusoid shifted by `total` pixels: its amplitude relative to before, and its distance from where it should be."""
    inside = np.arange(64, len(before) - 64)
    wave = np.exp(-2j * np.pi * inside / period)
    ratio = np.mean(after[inside] * wave) / np.mean(before[inside] * wave)
    return abs(ratio), np.angle(ratio * np.exp(-2j * np.pi * total / period)) * period / (2 * np.pi)


@pytest.mark.parametrize(("period", "gains", "most_drift"), [(16, (0.96, 1.0), 0.2), (8, (0.95, 1.05), 0.4)])
def test_48_small_warps(period, gains, most_drift):
    """Forty-eight small warps neither amplify nor drift, unlike those of the common bicubic kernel."""
    width, shift = 128 + 16 * period, 0.2
    row = np.sin(2 * np.pi * np.arange(width) / period + 0.3)
    picture = torch.tensor(row, dtype=torch.float32).expand(1, 1, 4, width)
    common = row
    for _ in range(48):
        picture = warp(picture, _uniform(4, width, shift, 0))
        common = _keys_line(-0.75, common, shift)
    gain, drift = _gain_and_drift(row, picture[0, 0, 2].numpy(), period, 48 * shift)
    common_gain, common_drift = _gain_and_drift(row, common, period, 48 * shift)
    assert gains[0] < gain <= gains[1]
    assert abs(drift) < most_drift
    assert abs(np.log(common_gain)) > 2 * abs(np.log(gain))
    assert abs(common_drift) > most_drift


def test_gradient(dirty_memory):
    """A warp is linear in its picture: g . warp(x) = gradient(g) . x for any x and g, over strips and borders too."""
    random = torch.Generator().manual_seed(0)
    image, g, other = (torch.randn(2, 3, 150, 40, generator=random) for _ in range(3))
    flow = 5 * torch.randn(150, 40, 2, generator=random)
    (gradient,) = torch.autograd.grad(warp(image.requires_grad_(), flow), image, g)
    assert float((gradient * other).sum()) == pytest.approx(float((g * warp(other, flow)).sum()), rel=1e-4)


def test_flow_of_another_size():
    """It is refused."""
    with pytest.raises(RuntimeError):
        warp(torch.rand(1, 3, 100, 8), np.zeros((50, 8, 2), np.float32))
