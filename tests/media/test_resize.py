"""Resizing of images against values known from the definition of the filters."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from videostyle.media.resize import fit_size, resize, resize_alpha


def test_shrinking():
    """By a whole factor, it is the mean of the area."""
    image = np.random.default_rng(0).integers(0, 256, (12, 20, 3)).astype(np.uint8)
    means = image.reshape(6, 2, 5, 4, 3).mean(axis=(1, 3))
    assert np.abs(resize(image, (6, 5)) - means).max() <= 0.51


def test_enlarging_a_ramp():
    """A linear ramp stays linear."""
    slope = np.repeat(np.linspace(0, 60000, 16)[None, :, None], 8, axis=0).round().astype(np.uint16)
    inner = resize(slope, (16, 32))[:, 4:-4].astype(int)
    assert np.abs(np.diff(inner, axis=1) - 2000).max() <= 1
    assert (resize(slope.transpose(1, 0, 2), (32, 16)).transpose(1, 0, 2)[:, 4:-4] == inner).all()


def test_enlarging_one_axis_only():
    """The other axis shrinks."""
    slope = np.repeat(np.linspace(0, 60000, 16)[None, :], 8, axis=0).round().astype(np.uint16)
    scaled = resize(slope, (2, 32))
    assert scaled.shape == (2, 32)
    assert np.abs(np.diff(scaled[:, 4:-4].astype(int), axis=1) - 2000).max() <= 1


@given(st.integers(1, 40), st.integers(1, 40), st.integers(1, 40), st.integers(1, 40), st.sampled_from([3, 4, None]))
def test_flat_image(height, width, new_height, new_width, channels):
    """It stays flat at any size."""
    flat = np.full((height, width, channels) if channels else (height, width), 201, np.uint8)
    scaled = resize(flat, (new_height, new_width))
    assert scaled.shape == (new_height, new_width, *flat.shape[2:])
    assert (scaled == 201).all()


def keys(distance: float) -> float:
    """Keys' cubic kernel with a = -0.5 (IEEE ASSP 29, 1981, equation 15)."""
    t = abs(distance)
    if t <= 1:
        return 1.5 * t**3 - 2.5 * t**2 + 1
    return -0.5 * t**3 + 2.5 * t**2 - 4 * t + 2 if t < 2 else 0.0


def test_bicubic_kernel():
    """Enlarging is Keys' interpolation; beyond the edge, edge pixels are repeated."""
    row = np.random.default_rng(2).integers(0, 65536, 7).astype(np.uint16)
    enlarged = resize(np.repeat(row[None], 2, axis=0), (2, 18))
    for x, value in enumerate(enlarged[0]):
        place = (x + 0.5) * 7 / 18 - 0.5
        expected = sum(row[min(max(i, 0), 6)] * keys(place - i) for i in range(-2, 9))
        assert abs(int(value) - min(max(expected, 0), 65535)) <= 0.51
    assert (enlarged[1] == enlarged[0]).all()


@pytest.mark.parametrize("size", [(3, 4), (12, 16), (20, 31)])
@pytest.mark.parametrize(("kind", "target"), [(np.uint8, np.uint16), (np.uint16, np.uint8), (np.uint8, np.uint8)])
def test_resize_alpha(kind, target, size):
    """Opaque and transparent areas stay so at any size and depth."""
    alpha = np.zeros((12, 16), kind)
    alpha[6:] = np.iinfo(kind).max
    resized = resize_alpha(alpha, size, np.dtype(target))
    assert (resized.shape, resized.dtype) == (size, target)
    assert resized[0].max() == 0
    assert resized[-1].min() == np.iinfo(target).max


@given(st.integers(1, 5000), st.integers(1, 5000), st.integers(1, 4000), st.sampled_from([1, 2, 8, 16]))
def test_fit_size_proportions(height, width, longer, multiple):
    fitted = fit_size((height, width), longer, multiple)
    scale = longer / max(height, width)
    for side, new in zip((height, width), fitted, strict=True):
        assert new % multiple == 0
        assert new >= multiple
        assert new == multiple or abs(new - side * scale) <= multiple / 2 + 1e-6


def test_fit_size_examples():
    assert fit_size((720, 1280), 640) == (360, 640)
    assert fit_size((1280, 720), 320, 8) == (320, 184)  # 180 lies halfway, and halves round up
    assert fit_size((121, 161), 161) == (121, 161)
    assert fit_size((1, 5000), 100, 2) == (2, 100)
