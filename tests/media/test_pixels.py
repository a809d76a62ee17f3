"""Conversion of pixel values: bit depth, composition over a color, colors for transparent places."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from videostyle.media.pixels import filled, over, to_bits


@given(st.integers(0, 255))
def test_8_bits_to_16_and_back(value):
    one = np.array([value], np.uint8)
    assert to_bits(to_bits(one, 16), 8) == value
    assert to_bits(one, 16) == round(value / 255 * 65535)


@given(st.integers(0, 65535))
def test_16_bits_to_8(value):
    """Rounded to the nearest value."""
    assert abs(int(to_bits(np.array([value], np.uint16), 8)[0]) - value / 257) <= 0.5


@pytest.mark.parametrize("kind", [np.uint8, np.uint16])
def test_over(kind):
    """Transparent pixels get the color, opaque ones stay as they are, half transparent ones are mixed."""
    top = np.iinfo(kind).max
    image = np.full((1, 3, 3), top // 5, kind)
    alpha = np.array([[0, top, top // 5]], kind)
    composed = over(image, alpha, (255, 0, 51))
    assert composed.dtype == kind
    assert composed[0, :, 0].tolist() == [top, top // 5, round(top * (0.2 * 0.2 + 0.8))]
    assert composed[0, :, 1].tolist() == [0, top // 5, round(top * 0.04)]
    assert composed[0, 0].tolist() == [top, 0, top // 5]


@pytest.mark.parametrize("size", [(1, 1), (1, 7), (37, 50), (64, 64)])
@pytest.mark.parametrize("kind", [np.uint8, np.uint16])
def test_filled_places(size, kind):
    """Visible pixels stay, hidden ones have no effect, and one visible color fills all."""
    noise = np.random.default_rng(0).integers(0, np.iinfo(kind).max + 1, (2, *size, 3)).astype(kind)
    visible = np.random.default_rng(1).random(size) < 0.3
    visible[0, 0] = True
    alpha = np.where(visible, np.iinfo(kind).max, np.iinfo(kind).max // 20).astype(kind)
    one, other = (filled(np.where(visible[..., None], noise[0], hidden), alpha) for hidden in noise)
    assert one.dtype == kind
    assert np.array_equal(one[visible], noise[0][visible])
    assert np.array_equal(one, other)
    uniform = filled(np.where(visible[..., None], kind(77), noise[0]), alpha)
    assert (uniform == 77).all()


def test_filled_from_the_border():
    """A hole between two colors gets each near its own border, and values in between, never others."""
    image = np.zeros((32, 96, 3), np.uint8)
    image[:, :16], image[:, 80:] = (200, 10, 60), (20, 210, 60)
    alpha = np.zeros((32, 96), np.uint8)
    alpha[:, :16] = alpha[:, 80:] = 255
    result = filled(image, alpha).astype(int)
    assert np.abs(result[:, 16] - (200, 10, 60)).max() < 12
    assert np.abs(result[:, 79] - (20, 210, 60)).max() < 12
    assert (result[..., 2] == 60).all()
    assert result[..., 0].min() >= 20
    assert result[..., 0].max() <= 200


def test_nothing_visible():
    assert (filled(np.full((9, 5, 3), 90, np.uint8), np.zeros((9, 5), np.uint8)) == 0).all()


def test_hue_beside_transparent_pixels():
    """Where chroma is shared with transparent pixels, it is taken from further inside; brightness stays."""
    image, alpha = np.full((40, 40, 3), (180, 120, 40), np.uint8), np.zeros((40, 40), np.uint8)
    alpha[10:30, 10:30] = 255
    spoiled = image.copy()
    spoiled[10:30, 10:12] = (100, 162, 33)  # of the same brightness as the color inside: 0.299 R + 0.587 G + 0.114 B
    assert np.abs(filled(spoiled, alpha, reach=2).astype(int) - image).max() <= 2
    darker = (image // 2 * (np.arange(40) == 10)[None, :, None] + image * (np.arange(40) != 10)[None, :, None]).astype(
        np.uint8
    )
    brightness = filled(darker, alpha, reach=2)[20, 10] @ np.array([0.299, 0.587, 0.114])
    assert abs(brightness - 0.5 * np.array([180, 120, 40]) @ [0.299, 0.587, 0.114]) < 4  # blue is cut off at 0
