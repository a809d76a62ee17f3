"""The camera in a painting's colors: statistics that are known, and nothing torn apart."""

from __future__ import annotations

import numpy as np

from videostyle.stylizers.colors import palette_between, recolored, unchanged


def colorful(seed: int, mean: tuple[float, ...], spread: float) -> np.ndarray:
    """uint8 (60, 60, 3): RGB with correlated channels, inside the range. Small, so that statistics see every pixel."""
    random = np.random.default_rng(seed)
    mix = random.uniform(0.2, 1, (3, 3))
    return np.clip(np.array(mean) + spread * random.standard_normal((60, 60, 3)) @ mix, 0, 255).astype(np.uint8)


def test_mean_and_covariance_become_the_targets() -> None:
    picture, target = colorful(1, (120, 100, 140), 12), colorful(2, (90, 150, 110), 15)
    found = recolored(picture, palette_between(picture, target)).reshape(-1, 3).astype(float)
    wanted = target.reshape(-1, 3).astype(float)
    np.testing.assert_allclose(found.mean(axis=0), wanted.mean(axis=0), atol=1)
    np.testing.assert_allclose(np.cov(found.T), np.cov(wanted.T), atol=0.05 * np.cov(wanted.T).max())


def test_a_picture_keeps_its_own_colors_and_no_map_changes_nothing() -> None:
    picture = colorful(1, (120, 100, 140), 12)
    assert np.abs(recolored(picture, palette_between(picture, picture)).astype(int) - picture).max() <= 1
    np.testing.assert_array_equal(recolored(picture, unchanged()), picture)


def test_a_picture_of_one_color_is_not_torn_apart() -> None:
    flat = np.full((40, 60, 3), 80, np.uint8)
    flat[::2] += 1
    target = colorful(2, (90, 150, 110), 25)
    found = recolored(flat, palette_between(flat, target)).astype(int)
    assert np.ptp(found.reshape(-1, 3), axis=0).max() < 25
    np.testing.assert_allclose(found.mean(axis=(0, 1)), target.mean(axis=(0, 1)), atol=2)


def test_the_kind_of_number_does_not_matter() -> None:
    picture, target = colorful(1, (120, 100, 140), 12), colorful(2, (90, 150, 110), 15)
    same = palette_between(picture / np.float32(255), target.astype(np.uint16) * 257)
    np.testing.assert_allclose(same, palette_between(picture, target), atol=1e-3)
