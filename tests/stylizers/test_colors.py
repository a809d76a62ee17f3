"""Luminance transfer, and the map that gives a picture the colors of another."""

from __future__ import annotations

import numpy as np
import pytest

from videostyle.stylizers.colors import color_map_between, identity_map, luminance, recolored, with_colors_of

WEIGHTS = (0.299, 0.587, 0.114)


def luma(picture: np.ndarray) -> np.ndarray:
    return sum(weight * picture[..., channel] for channel, weight in enumerate(WEIGHTS))


@pytest.mark.parametrize("kind", [np.uint8, np.uint16, np.float32])
def test_luminance_is_gray_of_the_same_type(kind):
    random = np.random.default_rng(0).random((5, 6, 3))
    picture = (random * (1 if kind is np.float32 else np.iinfo(kind).max)).astype(kind)
    gray = luminance(picture)
    assert gray.dtype == kind
    assert gray.shape == picture.shape
    assert np.array_equal(gray[..., 0], gray[..., 1])
    assert np.array_equal(gray[..., 0], gray[..., 2])
    np.testing.assert_allclose(gray[..., 0], luma(picture.astype(float)), atol=0.51 if kind != np.float32 else 1e-6)


def test_luminance_keeps_white_and_black():
    for value in (0, 255):
        assert (luminance(np.full((2, 2, 3), value, np.uint8)) == value).all()


def test_kept_colors():
    """The result has the stylized picture's luminance and the source's color differences."""
    random = np.random.default_rng(1)
    source, picture = (0.3 + 0.4 * random.random((2, 5, 6, 3))).astype(np.float32)
    mixed = with_colors_of(picture * 0.2 + 0.4, source * 0.2 + 0.4)
    np.testing.assert_allclose(luma(mixed), luma(picture * 0.2 + 0.4), atol=1e-6)
    for first, second in ((0, 1), (1, 2)):
        difference = 0.2 * (source[..., first] - source[..., second])
        np.testing.assert_allclose(mixed[..., first] - mixed[..., second], difference, atol=1e-6)
    assert mixed.dtype == np.float32


def test_kept_colors_stay_in_range():
    source = np.array([[[1.0, 0.0, 0.0]]], np.float32)
    for light in (0.0, 1.0):
        mixed = with_colors_of(np.full((1, 1, 3), light, np.float32), source)
        assert mixed.min() >= 0
        assert mixed.max() <= 1


# --- color maps ------------------------------------------------------------------------------------------------------


def colorful(seed: int, mean: tuple[float, ...], spread: float) -> np.ndarray:
    """uint8 (60, 60, 3): RGB with correlated channels, inside the range; so small that statistics take every pixel."""
    random = np.random.default_rng(seed)
    mix = random.uniform(0.2, 1, (3, 3))
    return np.clip(np.array(mean) + spread * random.standard_normal((60, 60, 3)) @ mix, 0, 255).astype(np.uint8)


def test_color_map_transfers_mean_and_covariance():
    picture, target = colorful(1, (120, 100, 140), 12), colorful(2, (90, 150, 110), 15)
    colors = recolored(picture, color_map_between(picture, target)).reshape(-1, 3).astype(float)
    expected = target.reshape(-1, 3).astype(float)
    np.testing.assert_allclose(colors.mean(axis=0), expected.mean(axis=0), atol=1)
    np.testing.assert_allclose(np.cov(colors.T), np.cov(expected.T), atol=0.05 * np.cov(expected.T).max())


def test_color_map_to_itself_changes_nothing():
    picture = colorful(1, (120, 100, 140), 12)
    assert np.abs(recolored(picture, color_map_between(picture, picture)).astype(int) - picture).max() <= 1
    np.testing.assert_array_equal(recolored(picture, identity_map()), picture)


def test_color_map_of_one_color_is_bounded():
    """A picture of one color is not stretched into noise."""
    flat = np.full((40, 60, 3), 80, np.uint8)
    flat[::2] += 1
    target = colorful(2, (90, 150, 110), 25)
    result = recolored(flat, color_map_between(flat, target)).astype(int)
    assert np.ptp(result.reshape(-1, 3), axis=0).max() < 25
    np.testing.assert_allclose(result.mean(axis=(0, 1)), target.mean(axis=(0, 1)), atol=2)


def test_color_map_is_the_same_at_every_depth():
    picture, target = colorful(1, (120, 100, 140), 12), colorful(2, (90, 150, 110), 15)
    same = color_map_between(picture / np.float32(255), target.astype(np.uint16) * 257)
    np.testing.assert_allclose(same, color_map_between(picture, target), atol=1e-3)
