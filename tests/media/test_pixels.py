"""Conversion of pixel values: bit depth and compositing over white."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from videostyle.media.pixels import over_white, to_bits


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
def test_over_white(kind):
    """Transparent pixels become white, opaque ones stay as they are, half transparent ones are mixed."""
    top = np.iinfo(kind).max
    image = np.full((1, 3, 3), top // 5, kind)
    alpha = np.array([[0, top, top // 5]], kind)
    composited = over_white(image, alpha)
    assert composited.dtype == kind
    assert composited[0, :, 0].tolist() == [top, top // 5, round(top * (0.2 * 0.2 + 0.8))]
