"""The metrics of a painted clip against cases whose value is known, and against formulas written out in other words."""

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


@given(st.integers(-5, 5), st.integers(-5, 5))
def test_a_translated_clip_has_no_warp_error(x: int, y: int) -> None:
    scene = noise(0, HEIGHT + 10, WIDTH + 10)
    now, earlier = scene[5 : 5 + HEIGHT, 5 : 5 + WIDTH], scene[5 - y : 5 - y + HEIGHT, 5 - x : 5 - x + WIDTH]
    back = uniform(x, y)
    mask = metrics.visible(back, -back)
    assert metrics.warp_error(metrics.warp_difference(now, earlier, back), mask) == 0
    assert int(mask.sum()) == (HEIGHT - abs(y)) * (WIDTH - abs(x))


def test_between_pixels_a_slope_is_read_exactly() -> None:
    """Far finer than the 1/32 of a pixel that cv2.remap rounds to."""
    rows, columns = np.mgrid[:HEIGHT, :WIDTH].astype(np.float32)
    slope = np.stack([columns, rows, columns + 2 * rows], axis=2) / 100
    moved = metrics.bilinear_warp(slope, uniform(0.013, -0.007))[1:-1, 1:-1]
    expected = slope[1:-1, 1:-1] + np.array([0.013, -0.007, 0.013 - 0.014], np.float32) / 100
    np.testing.assert_allclose(moved, expected, atol=1e-6)


def test_bilinear_weights_one_pixel_at_a_time() -> None:
    random = np.random.default_rng(1)
    picture = noise(2)
    flow = random.uniform(-6, 6, (HEIGHT, WIDTH, 2)).astype(np.float32)
    moved = metrics.bilinear_warp(picture, flow)
    for row, column in [(0, 0), (HEIGHT - 1, WIDTH - 1), (3, 30), (12, 17), (20, 1)]:
        x = min(max(column + float(flow[row, column, 0]), 0), WIDTH - 1)
        y = min(max(row + float(flow[row, column, 1]), 0), HEIGHT - 1)
        value = np.zeros(3)
        for r in (math.floor(y), math.floor(y) + 1):
            for c in (math.floor(x), math.floor(x) + 1):
                weight = max(0, 1 - abs(r - y)) * max(0, 1 - abs(c - x))
                value += weight * picture[min(r, HEIGHT - 1), min(c, WIDTH - 1)]
        np.testing.assert_allclose(moved[row, column], value, atol=1e-5)


def test_the_flow_leads_from_now_to_earlier() -> None:
    """A dot at column 10 that was at column 7: the flow there is -3."""
    now, earlier = np.zeros((2, HEIGHT, WIDTH, 3), np.float32)
    now[5, 10], earlier[5, 7] = 1, 1
    difference = metrics.warp_difference(now, earlier, uniform(-3, 0))
    assert np.abs(difference).max() == 0
    assert np.abs(metrics.warp_difference(now, earlier, uniform(3, 0))).max() == 1


# --- warp error ---------------------------------------------------------------------------------------------------


@given(st.floats(0.001, 0.2), st.integers(0, 100))
def test_independent_noise_has_root_two_of_its_deviation(sigma: float, seed: int) -> None:
    first, second = np.random.default_rng(seed).normal(0.5, sigma, (2, 60, 80, 3)).astype(np.float32)
    difference = metrics.warp_difference(first, second, uniform(0, 0, 60, 80))
    error = metrics.warp_error(difference, np.ones((60, 80), bool))
    assert error == pytest.approx(math.sqrt(2) * sigma, rel=0.05)


def test_one_pixel_off_by_a_known_amount() -> None:
    """0.3 in one channel of one of four pixels: sqrt(0.09 / 12); over all 768 pixels, squared: 0.09 / 2304."""
    difference = np.zeros((HEIGHT, WIDTH, 3), np.float32)
    difference[4, 6, 1] = 0.3
    mask = everywhere(False)
    mask[4:6, 6:8] = True
    assert metrics.warp_error(difference, mask) == pytest.approx(math.sqrt(0.09 / 12))
    assert metrics.all_pixel_error(difference, mask) == pytest.approx(0.09 / (3 * HEIGHT * WIDTH))


@given(st.integers(0, 1000), st.floats(0.05, 0.95))
def test_both_errors_tell_of_the_same_squares(seed: int, share: float) -> None:
    difference = noise(seed) - noise(seed + 1)
    mask = np.random.default_rng(seed).random((HEIGHT, WIDTH)) < share
    squares = sum(float(v) ** 2 for pixel in difference[mask] for v in pixel)
    count = int(mask.sum())
    assert metrics.warp_error(difference, mask) == pytest.approx(math.sqrt(squares / count / 3))
    assert metrics.all_pixel_error(difference, mask) == pytest.approx(squares / (HEIGHT * WIDTH * 3))


def test_what_lies_outside_the_mask_is_not_asked() -> None:
    difference = noise(3)
    mask = everywhere()
    mask[:, :10] = False
    changed = difference.copy()
    changed[:, :10] = np.nan
    assert metrics.warp_error(changed, mask) == metrics.warp_error(difference, mask)
    assert metrics.all_pixel_error(changed, mask) == metrics.all_pixel_error(difference, mask)


def test_an_empty_mask_gives_no_error_and_no_loss() -> None:
    assert metrics.warp_error(noise(4), everywhere(False)) is None
    assert metrics.all_pixel_error(noise(4), everywhere(False)) == 0
    assert metrics.flicker(noise(4), noise(5), everywhere(False)) is None


# --- the mask -----------------------------------------------------------------------------------------------------


def test_a_covered_pixel_does_not_count() -> None:
    """Back and forth agree but for a block that something else covers."""
    back, forth = uniform(2, 0), uniform(-2, 0)
    forth[8:16, 12:20] = 5, 5
    mask = metrics.visible(back, forth)
    assert not mask[9:15, 11:17].any()
    assert mask[:6, :20].all()


def test_a_motion_boundary_does_not_count() -> None:
    back = uniform(0, 0)
    back[:, 16:] = 3, 0
    mask = metrics.visible(back, -back)
    assert not mask[:, 16].any()
    assert mask[:, :14].all()


def test_colors_have_no_say_in_the_mask() -> None:
    """It is made from flow alone: however much an output flickers, no pixel of it escapes."""
    assert metrics.visible(uniform(0, 0), uniform(0, 0)).all()


# --- flow, flicker ------------------------------------------------------------------------------------------------


def test_tof_is_the_mean_over_pixels_and_components() -> None:
    source, output = uniform(1, 2), uniform(1.5, 0)
    assert metrics.flow_difference(source, output) == pytest.approx((0.5 + 2) / 2)
    output[: HEIGHT // 2] = 1, 2
    assert metrics.flow_difference(source, output) == pytest.approx(1.25 / 2)


def test_still_is_what_neither_moves_nor_changes() -> None:
    now = np.full((HEIGHT, WIDTH, 3), 0.5, np.float32)
    earlier, flow = now.copy(), uniform(0.05, 0.05)
    flow[:5] = 0.08, 0.08  # 0.113 px long
    earlier[10:12] += 4 / 255
    earlier[20, :, 0] += 8 / 255  # 2.7 of 255 in the mean
    mask = metrics.still(flow, now, earlier)
    expected = everywhere()
    expected[:5] = expected[10:12] = False
    np.testing.assert_array_equal(mask, expected)


def test_flicker_is_the_unmoved_difference_of_what_is_still() -> None:
    now, earlier, mask = noise(6), noise(7), everywhere(False)
    mask[3:9, 4:20] = True
    expected = np.sqrt(np.mean((now - earlier)[3:9, 4:20] ** 2))
    assert metrics.flicker(now, earlier, mask) == pytest.approx(expected, rel=1e-5)


# --- a picture alone ----------------------------------------------------------------------------------------------


def test_the_sharpness_of_a_slope_and_of_stripes() -> None:
    slope = np.tile(np.arange(WIDTH, dtype=np.float32) * 0.01, (HEIGHT, 1))
    assert metrics.sharpness(slope) == pytest.approx(1e-4, rel=1e-4)
    assert metrics.sharpness(slope.T * 2) == pytest.approx(4e-4, rel=1e-4)
    stripes = np.indices((HEIGHT, WIDTH)).sum(axis=0).astype(np.float32) % 2  # a chessboard: every step is 1
    assert metrics.sharpness(stripes) == pytest.approx(2)


def test_blur_takes_sharpness() -> None:
    gray = metrics.luminance(noise(8))
    assert metrics.sharpness(cv2.GaussianBlur(gray, (5, 5), 1)) < 0.2 * metrics.sharpness(gray)


def test_luminance_weighs_the_channels_and_light_and_contrast_are_mean_and_deviation() -> None:
    half = np.zeros((HEIGHT, WIDTH, 3), np.float32)
    half[:, WIDTH // 2 :] = 1, 0, 0
    gray = metrics.luminance(half)
    assert gray[0, -1] == pytest.approx(0.299)
    assert metrics.brightness(gray) == pytest.approx(0.1495)
    assert metrics.contrast(gray) == pytest.approx(0.1495)
    assert metrics.luminance(np.ones((1, 1, 3), np.float32))[0, 0] == pytest.approx(1)


# --- what is shown ------------------------------------------------------------------------------------------------


def test_heat_grows_brighter_up_to_its_full_scale_and_is_gray_where_nothing_is_known() -> None:
    difference = np.zeros((1, 5, 3), np.float32)
    difference[0, :, :] = np.array([0, 0.1, -0.25, 0.9, 0.9])[:, None]
    picture = metrics.heat(difference, np.array([[True, True, True, True, False]]))
    assert picture.dtype == np.uint8
    assert picture.shape == (1, 5, 3)
    light = picture.sum(axis=2)[0]
    assert light[0] < 20 < light[1] < light[2] == light[3]
    assert picture[0, 3, 0] > picture[0, 3, 2]  # Inferno ends in yellow, not in blue
    assert picture[0, 4].tolist() == [metrics.HEAT_UNKNOWN] * 3
