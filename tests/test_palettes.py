"""The mean and covariance of colors, and pictures that are given those of others."""

from __future__ import annotations

import numpy as np
import pytest

from videostyle.palettes import Palette, in_palette, palette_of, recolored_to, sums_of

TARGET = Palette((0.5, 0.4, 0.45), ((0.02, 0.01, 0.0), (0.01, 0.03, 0.005), (0.0, 0.005, 0.01)))


def noise(seed: int, height: int = 40, width: int = 50) -> np.ndarray:
    """Colors that vary together."""
    random = np.random.default_rng(seed).random((height, width, 3)) @ np.array(
        [[0.6, 0.2, 0], [0, 0.5, 0.1], [0.1, 0, 0.4]]
    )
    return np.rint(random * 255 / random.max()).astype(np.uint8)


def mean_and_covariance(colors: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    flat = colors.reshape(-1, 3).astype(float)
    return flat.mean(axis=0), np.cov(flat, rowvar=False, bias=True)


@pytest.mark.parametrize("scale", [1, 257, 1 / 255])
def test_palette_of_several_pictures(scale):
    """It is that of all their pixels together, at any depth."""
    pictures = [noise(1), noise(2, 300, 400)]
    kinds = {1: np.uint8, 257: np.uint16, 1 / 255: np.float32}
    palette = palette_of(sums_of((picture * float(scale)).astype(kinds[scale])) for picture in pictures)
    mean, covariance = mean_and_covariance(np.concatenate([picture.reshape(-1, 3) for picture in pictures]) / 255)
    np.testing.assert_allclose(palette.mean, mean, atol=1e-5)
    np.testing.assert_allclose(palette.covariance, covariance, atol=1e-5)


def test_pixels_without_weight_do_not_count():
    picture, weights = noise(3), np.zeros((40, 50))
    weights[:, :25] = 0.5
    assert palette_of([sums_of(picture, weights)]).mean == pytest.approx(palette_of([sums_of(picture[:, :25])]).mean)


def test_picture_takes_mean_and_covariance():
    """Before it is clipped, to far less than 1 %."""
    mean, covariance = mean_and_covariance(in_palette(noise(4), TARGET))
    np.testing.assert_allclose(mean, TARGET.mean, rtol=1e-3)
    np.testing.assert_allclose(covariance, TARGET.covariance, atol=1e-3 * np.linalg.norm(TARGET.covariance))


def test_own_palette_changes_nothing():
    picture = noise(5)
    for given in (picture, picture.astype(np.uint16) * 257, picture / np.float32(255)):
        same = recolored_to(given, palette_of([sums_of(given)]))
        assert same.dtype == given.dtype
        np.testing.assert_allclose(same, given, atol=0.6 / 255 if given.dtype.kind == "f" else 1)


def test_gray_picture_is_not_made_noisy():
    """Where a picture hardly varies, its noise is amplified no further than if it varied by LEAST_VARIANCE."""
    gray = np.repeat(noise(6)[..., :1], 3, axis=2).astype(int)
    gray[..., 0] += np.random.default_rng(7).integers(-1, 2, gray.shape[:2])
    noisy = in_palette(gray.clip(0, 255).astype(np.uint8), TARGET)
    chroma = (noisy[..., 0] - noisy[..., 1]).std()
    assert chroma < 0.07  # with as much color as the palette it would be 0.17
