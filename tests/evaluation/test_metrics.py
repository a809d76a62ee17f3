"""The pixel metrics against cases with known values, and against their formulas computed in another way."""

from __future__ import annotations

import math

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from videostyle.evaluation import metrics

HEIGHT, WIDTH = 24, 32


def noise(seed: int, height: int = HEIGHT, width: int = WIDTH) -> np.ndarray:
    return np.random.default_rng(seed).random((height, width, 3), dtype=np.float32)


def uniform(x: float, y: float, height: int = HEIGHT, width: int = WIDTH) -> np.ndarray:
    return np.tile(np.array([x, y], np.float32), (height, width, 1))


def everywhere(value: bool = True) -> np.ndarray:
    return np.full((HEIGHT, WIDTH), value)


# --- warping ------------------------------------------------------------------------------------------------------


def whole(image: np.ndarray) -> np.ndarray:
    """The mask of all pixels."""
    return np.ones(image.shape[:2], bool)


@given(st.integers(-5, 5), st.integers(-5, 5))
def test_translation(x: int, y: int) -> None:
    """A clip that moves by whole pixels has no warp error, and loses only the border."""
    scene = noise(0, HEIGHT + 10, WIDTH + 10)
    now, earlier = scene[5 : 5 + HEIGHT, 5 : 5 + WIDTH], scene[5 - y : 5 - y + HEIGHT, 5 - x : 5 - x + WIDTH]
    back = uniform(x, y)
    mask = metrics.visible(back, -back)
    assert metrics.warp_error(metrics.warp_difference(now, earlier, back), mask) == 0
    assert int(mask.sum()) == (HEIGHT - abs(y)) * (WIDTH - abs(x))


def test_bilinear_slope() -> None:
    """A slope is interpolated exactly, far finer than the 1/32 pixel to which cv2.remap rounds."""
    rows, columns = np.mgrid[:HEIGHT, :WIDTH].astype(np.float32)
    slope = np.stack([columns, rows, columns + 2 * rows], axis=2) / 100
    moved = metrics.bilinear_warp(slope, uniform(0.013, -0.007))[1:-1, 1:-1]
    expected = slope[1:-1, 1:-1] + np.array([0.013, -0.007, 0.013 - 0.014], np.float32) / 100
    np.testing.assert_allclose(moved, expected, atol=1e-6)


def test_bilinear_weights() -> None:
    """Single pixels against the definition of bilinear interpolation, with replicated borders."""
    random = np.random.default_rng(1)
    image = noise(2)
    flow = random.uniform(-6, 6, (HEIGHT, WIDTH, 2)).astype(np.float32)
    moved = metrics.bilinear_warp(image, flow)
    for row, column in [(0, 0), (HEIGHT - 1, WIDTH - 1), (3, 30), (12, 17), (20, 1)]:
        x = min(max(column + float(flow[row, column, 0]), 0), WIDTH - 1)
        y = min(max(row + float(flow[row, column, 1]), 0), HEIGHT - 1)
        value = np.zeros(3)
        for r in (math.floor(y), math.floor(y) + 1):
            for c in (math.floor(x), math.floor(x) + 1):
                weight = max(0, 1 - abs(r - y)) * max(0, 1 - abs(c - x))
                value += weight * image[min(r, HEIGHT - 1), min(c, WIDTH - 1)]
        np.testing.assert_allclose(moved[row, column], value, atol=1e-5)


def test_flow_direction() -> None:
    """A dot at column 10 that was at column 7 has a flow of -3."""
    now, earlier = np.zeros((2, HEIGHT, WIDTH, 3), np.float32)
    now[5, 10], earlier[5, 7] = 1, 1
    difference = metrics.warp_difference(now, earlier, uniform(-3, 0))
    assert np.abs(difference).max() == 0
    assert np.abs(metrics.warp_difference(now, earlier, uniform(3, 0))).max() == 1


# --- warp error ---------------------------------------------------------------------------------------------------


@given(st.floats(0.001, 0.2), st.integers(0, 100))
def test_warp_error_noise(sigma: float, seed: int) -> None:
    """Independent noise in both frames gives an error of sqrt(2) times its deviation."""
    first, second = np.random.default_rng(seed).normal(0.5, sigma, (2, 60, 80, 3)).astype(np.float32)
    difference = metrics.warp_difference(first, second, uniform(0, 0, 60, 80))
    error = metrics.warp_error(difference, np.ones((60, 80), bool))
    assert error == pytest.approx(math.sqrt(2) * sigma, rel=0.05)


def test_errors_one_pixel() -> None:
    """0.3 in one channel of one of four pixels: sqrt(0.09 / 12); over all 768 pixels, squared: 0.09 / 2304."""
    difference = np.zeros((HEIGHT, WIDTH, 3), np.float32)
    difference[4, 6, 1] = 0.3
    mask = everywhere(False)
    mask[4:6, 6:8] = True
    assert metrics.warp_error(difference, mask) == pytest.approx(math.sqrt(0.09 / 12))
    assert metrics.all_pixel_error(difference, mask) == pytest.approx(0.09 / (3 * HEIGHT * WIDTH))


@given(st.integers(0, 1000), st.floats(0.05, 0.95))
def test_errors_definition(seed: int, share: float) -> None:
    """Both errors against their formulas, with random masks."""
    difference = noise(seed) - noise(seed + 1)
    mask = np.random.default_rng(seed).random((HEIGHT, WIDTH)) < share
    squares = sum(float(v) ** 2 for pixel in difference[mask] for v in pixel)
    count = int(mask.sum())
    assert metrics.warp_error(difference, mask) == pytest.approx(math.sqrt(squares / count / 3))
    assert metrics.all_pixel_error(difference, mask) == pytest.approx(squares / (HEIGHT * WIDTH * 3))


def test_masked_pixels() -> None:
    """Masked pixels have no influence, not even NaN."""
    difference = noise(3)
    mask = everywhere()
    mask[:, :10] = False
    changed = difference.copy()
    changed[:, :10] = np.nan
    assert metrics.warp_error(changed, mask) == metrics.warp_error(difference, mask)
    assert metrics.all_pixel_error(changed, mask) == metrics.all_pixel_error(difference, mask)


def test_empty_mask() -> None:
    assert metrics.warp_error(noise(4), everywhere(False)) is None
    assert metrics.all_pixel_error(noise(4), everywhere(False)) == 0
    assert metrics.flicker(noise(4), noise(5), everywhere(False)) is None


# --- the mask -----------------------------------------------------------------------------------------------------


def test_visible_occlusion() -> None:
    """Pixels whose forward and backward flow disagree are not visible."""
    back, forth = uniform(2, 0), uniform(-2, 0)
    forth[8:16, 12:20] = 5, 5
    mask = metrics.visible(back, forth)
    assert not mask[9:15, 11:17].any()
    assert mask[:6, :20].all()


def test_visible_boundary() -> None:
    """Pixels at a motion boundary are not visible."""
    back = uniform(0, 0)
    back[:, 16:] = 3, 0
    mask = metrics.visible(back, -back)
    assert not mask[:, 16].any()
    assert mask[:, :14].all()


def test_followed() -> None:
    """The flow follows a pixel at a motion boundary, but not one that leaves the frame or whose flows disagree."""
    back = uniform(0, 0)
    back[:, 16:] = 0.5, 0
    forth = -back
    forth[8:12, 2:6] = 5, 5
    expected = everywhere()
    expected[:, -1] = expected[8:12, 2:6] = False
    np.testing.assert_array_equal(metrics.followed(back, forth), expected)
    assert not metrics.visible(back, forth)[:, 15:17].any()


def test_visible_still() -> None:
    """Without motion every pixel is visible: the mask knows no colors, so flicker cannot remove pixels from it."""
    assert metrics.visible(uniform(0, 0), uniform(0, 0)).all()


# --- flow, flicker ------------------------------------------------------------------------------------------------


def test_tof() -> None:
    """tOF is the mean absolute difference over pixels and both components."""
    source, output = uniform(1, 2), uniform(1.5, 0)
    assert metrics.flow_difference(source, output, np.ones(source.shape[:2], bool)) == pytest.approx((0.5 + 2) / 2)
    output[: HEIGHT // 2] = 1, 2
    assert metrics.flow_difference(source, output, np.ones(source.shape[:2], bool)) == pytest.approx(1.25 / 2)


def test_still() -> None:
    """A pixel is still if it moves less than 0.1 px and changes less than 3/255."""
    now = np.full((HEIGHT, WIDTH, 3), 0.5, np.float32)
    earlier, flow = now.copy(), uniform(0.05, 0.05)
    flow[:5] = 0.08, 0.08  # 0.113 px long
    earlier[10:12] += 4 / 255
    earlier[20, :, 0] += 8 / 255  # 2.7 of 255 in the mean
    mask = metrics.still(flow, now, earlier)
    expected = everywhere()
    expected[:5] = expected[10:12] = False
    np.testing.assert_array_equal(mask, expected)


def test_flicker() -> None:
    """Flicker is the RMS difference inside the mask, without warping."""
    now, earlier, mask = noise(6), noise(7), everywhere(False)
    mask[3:9, 4:20] = True
    expected = np.sqrt(np.mean((now - earlier)[3:9, 4:20] ** 2))
    assert metrics.flicker(now, earlier, mask) == pytest.approx(expected, rel=1e-5)


# --- one image ---------------------------------------------------------------------------------------------------


def test_sharpness() -> None:
    slope = np.tile(np.arange(WIDTH, dtype=np.float32) * 0.01, (HEIGHT, 1))
    assert metrics.sharpness(slope, whole(slope)) == pytest.approx(1e-4, rel=1e-4)
    assert metrics.sharpness(slope.T * 2, whole(slope.T * 2)) == pytest.approx(4e-4, rel=1e-4)
    stripes = np.indices((HEIGHT, WIDTH)).sum(axis=0).astype(np.float32) % 2  # a chessboard: every step is 1
    assert metrics.sharpness(stripes, whole(stripes)) == pytest.approx(2)


def test_sharpness_blur() -> None:
    """Blur lowers the sharpness."""
    gray = metrics.luma(noise(8))
    assert metrics.sharpness(cv2.GaussianBlur(gray, (5, 5), 1), whole(gray)) < 0.2 * metrics.sharpness(
        gray, whole(gray)
    )


def test_luma() -> None:
    """Luma has the weights of BT.601; brightness and contrast are its mean and deviation."""
    half = np.zeros((HEIGHT, WIDTH, 3), np.float32)
    half[:, WIDTH // 2 :] = 1, 0, 0
    gray = metrics.luma(half)
    assert gray[0, -1] == pytest.approx(0.299)
    assert metrics.brightness(gray, whole(gray)) == pytest.approx(0.1495)
    assert metrics.contrast(gray, whole(gray)) == pytest.approx(0.1495)
    assert metrics.luma(np.ones((1, 1, 3), np.float32))[0, 0] == pytest.approx(1)


# --- the heat map -------------------------------------------------------------------------------------------------


def test_heat() -> None:
    """The heat map gets brighter up to HEAT_FULL, and is gray where masked."""
    difference = np.zeros((1, 5, 3), np.float32)
    difference[0, :, :] = np.array([0, 0.1, -0.25, 0.9, 0.9])[:, None]
    colors = metrics.heat(difference, np.array([[True, True, True, True, False]]))
    assert colors.dtype == np.uint8
    assert colors.shape == (1, 5, 3)
    light = colors.sum(axis=2)[0]
    assert light[0] < 20 < light[1] < light[2] == light[3]
    assert colors[0, 3, 0] > colors[0, 3, 2]  # Inferno ends in yellow, not in blue
    assert colors[0, 4].tolist() == [metrics.HEAT_UNKNOWN] * 3


def test_masked_figures():
    """Only what is inside the mask counts; without a pixel there is no figure."""
    gray = np.zeros((4, 6), np.float32)
    gray[:, 3:], gray[:, 5] = 0.5, 0.7
    left, none = whole(gray), np.zeros((4, 6), bool)
    left[:, 5] = False
    assert metrics.brightness(gray, left) == pytest.approx(0.2)
    assert metrics.sharpness(gray, left) == pytest.approx(0.25 / 4)
    assert metrics.share(gray > 0, left) == pytest.approx(0.4)
    flow = np.stack([gray, gray], axis=2)
    assert metrics.flow_difference(flow, 0 * flow, left) == pytest.approx(0.2)
    for figure in (metrics.brightness, metrics.contrast, metrics.sharpness):
        assert figure(gray, none) is None
    image = np.full((4, 6, 3), 7, np.uint8)
    other = image.copy()
    other[:, 5] = 250
    assert metrics.largest_difference(image, other, left) == 0
    assert metrics.largest_difference(image, other, whole(gray)) == 243
