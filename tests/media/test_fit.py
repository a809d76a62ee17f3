"""Pictures of another shape than the frame: bars, cropping, proportions."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from videostyle.frames import WHOLE, area
from videostyle.media.fit import Fitting, Shape, black_bars, filled_bars, fitted, fitting

WIDE, TALL = Shape((90, 160)), Shape((160, 90))


def test_bars():
    """A picture of 9:16 in a frame of 16:9 keeps all of itself in 81/256 of the width; the other way round, of the height."""
    assert fitting(TALL, WIDE, "bars") == Fitting(covered=(Fraction(1), Fraction(81, 256)))
    assert fitting(WIDE, TALL, "bars") == Fitting(covered=(Fraction(81, 256), Fraction(1)))


def test_fill():
    assert fitting(TALL, WIDE, "fill") == Fitting(used=(Fraction(81, 256), Fraction(1)))
    assert fitting(WIDE, TALL, "fill") == Fitting(used=(Fraction(1), Fraction(81, 256)))


@pytest.mark.parametrize("fit", ["bars", "fill"])
@pytest.mark.parametrize("other", [Shape((1080, 1920)), Shape((480, 854)), Shape((90, 120), Fraction(4, 3))])
def test_same_proportions(fit, other):
    """Another size, a rounded one, or another pixel shape that comes to the same."""
    assert fitting(other, WIDE, fit) == Fitting()


def test_fitted_with_bars():
    image = np.full((40, 40, 3), 200, np.uint8)
    frame = fitted(image, (20, 60), fitting(Shape((40, 40)), Shape((20, 60)), "bars"))
    assert frame.shape == (20, 60, 3)
    assert (frame[:, 20:40] == 200).all()
    assert not frame[:, :20].any()
    assert not frame[:, 40:].any()


def test_fitted_and_cropped():
    """The middle of the picture fills the frame; nothing large is made in between."""
    image = np.zeros((60, 20), np.uint16)
    image[25:35] = 50_000
    assert (fitted(image, (10, 20), fitting(Shape((60, 20)), Shape((10, 20)), "fill")) == 50_000).all()
    thin = np.full((10_000, 2), 7, np.uint8)
    assert fitted(thin, (16, 16), fitting(Shape((10_000, 2)), Shape((16, 16)), "fill")).shape == (16, 16)


def test_area_is_never_empty():
    assert area((10, 10), (Fraction(1, 1000), Fraction(1))) == (slice(4, 5), slice(0, 10))


def test_bars_of_a_stylized_image():
    """They are black, and what is stylized in their place continues the picture's border."""
    image = np.full((10, 30, 3), 90, np.uint8)
    covered = (Fraction(1), Fraction(1, 3))
    image[:, 10] = 10
    framed = black_bars(image, covered)
    assert not framed[:, :10].any()
    assert not framed[:, 20:].any()
    assert (framed[:, 10:20] == image[:, 10:20]).all()
    filled = filled_bars(framed, covered)
    assert (filled[:, :10] == 10).all()
    assert (filled[:, 20:] == 90).all()
    np.testing.assert_array_equal(black_bars(image, WHOLE), image)
