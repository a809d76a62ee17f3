"""Keeping the clip's colors: only the luminance comes from the painting."""

from __future__ import annotations

import numpy as np
import pytest

from videostyle.stylizers.colors import luminance, with_colors_of

WEIGHTS = (0.299, 0.587, 0.114)


def luma(picture: np.ndarray) -> np.ndarray:
    return sum(weight * picture[..., channel] for channel, weight in enumerate(WEIGHTS))


@pytest.mark.parametrize("kind", [np.uint8, np.uint16, np.float32])
def test_luminance_is_gray_in_the_same_type(kind):
    random = np.random.default_rng(0).random((5, 6, 3))
    picture = (random * (1 if kind is np.float32 else np.iinfo(kind).max)).astype(kind)
    gray = luminance(picture)
    assert gray.dtype == kind
    assert gray.shape == picture.shape
    assert np.array_equal(gray[..., 0], gray[..., 1])
    assert np.array_equal(gray[..., 0], gray[..., 2])
    np.testing.assert_allclose(gray[..., 0], luma(picture.astype(float)), atol=0.51 if kind != np.float32 else 1e-6)


def test_white_and_black_stay():
    for value in (0, 255):
        assert (luminance(np.full((2, 2, 3), value, np.uint8)) == value).all()


def test_the_result_has_the_paintings_light_and_the_sources_color_differences():
    random = np.random.default_rng(1)
    source, painted = (0.3 + 0.4 * random.random((2, 5, 6, 3))).astype(np.float32)
    mixed = with_colors_of(painted * 0.2 + 0.4, source * 0.2 + 0.4)
    np.testing.assert_allclose(luma(mixed), luma(painted * 0.2 + 0.4), atol=1e-6)
    for one, other in ((0, 1), (1, 2)):
        own = 0.2 * (source[..., one] - source[..., other])
        np.testing.assert_allclose(mixed[..., one] - mixed[..., other], own, atol=1e-6)
    assert mixed.dtype == np.float32


def test_the_result_stays_in_range():
    source = np.array([[[1.0, 0.0, 0.0]]], np.float32)
    for light in (0.0, 1.0):
        mixed = with_colors_of(np.full((1, 1, 3), light, np.float32), source)
        assert mixed.min() >= 0
        assert mixed.max() <= 1
