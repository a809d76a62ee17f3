"""How a picture of another shape than the first one of its source is brought into the frame: with bars or cropped.

A shape is the stored size together with the shape of a pixel: only both tell how wide a picture is on a screen.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from videostyle.frames import WHOLE, Shares, Size, area
from videostyle.media.resize import resize

SAME = Fraction(1, 100)
"""Pictures whose proportions differ by less than this are scaled to one another: sizes are rounded to whole pixels."""


@dataclass(frozen=True)
class Shape:
    """The shape of a picture."""

    size: Size
    """(height, width) in stored pixels, upright."""
    sample_aspect: Fraction = Fraction(1)
    """Width over height of one stored pixel, upright."""

    @property
    def aspect(self) -> Fraction:
        """Width over height as the picture is displayed."""
        return self.size[1] * self.sample_aspect / self.size[0]

    def __str__(self) -> str:
        wide, high = self.sample_aspect.as_integer_ratio()
        pixels = "" if wide == high else f" (pixel aspect {wide}:{high})"
        return f"{self.size[1]}x{self.size[0]}{pixels}"


@dataclass(frozen=True)
class Fitting:
    """Which part of a picture goes to which part of a frame; both parts lie in the middle."""

    used: Shares = WHOLE
    """Shares of the picture's height and width that are used."""
    covered: Shares = WHOLE
    """Shares of the frame's height and width that they cover; the rest is bars."""


def fitting(picture: Shape, frame: Shape, fit: str) -> Fitting:
    """How a picture is brought into a frame of another shape. fit: "bars" or "fill"."""
    wider = picture.aspect / frame.aspect
    if abs(wider - 1) < SAME:
        return Fitting()
    if fit == "fill":
        return Fitting(used=(Fraction(1), 1 / wider) if wider > 1 else (wider, Fraction(1)))
    return Fitting(covered=(1 / wider, Fraction(1)) if wider > 1 else (Fraction(1), wider))


def fitted(image: np.ndarray, size: Size, how: Fitting) -> np.ndarray:
    """An image, (H, W) or (H, W, C) uint8 or uint16, at `size`: cropped, scaled, and between bars of zeros."""
    if how.used != WHOLE:
        image = image[area((image.shape[0], image.shape[1]), how.used)]
    return with_bars(resize(image, covered_size(size, how)), size, how)


def covered_size(size: Size, how: Fitting) -> Size:
    """The (height, width) in pixels of what a picture covers of a frame of `size`."""
    rows, columns = area(size, how.covered)
    return rows.stop - rows.start, columns.stop - columns.start


def with_bars(image: np.ndarray, size: Size, how: Fitting) -> np.ndarray:
    """An image of `covered_size`, between bars of zeros where it does not cover the frame."""
    if how.covered == WHOLE:
        return image
    frame = np.zeros((*size, *image.shape[2:]), image.dtype)
    frame[area(size, how.covered)] = image
    return frame


def black_bars(image: np.ndarray, covered: Shares) -> np.ndarray:
    """An image (H, W, C) with zeros in the bars, whatever was there."""
    inside = area((image.shape[0], image.shape[1]), covered)
    return with_bars(image[inside], (image.shape[0], image.shape[1]), Fitting(covered=covered))


def filled_bars(image: np.ndarray, covered: Shares) -> np.ndarray:
    """An image (H, W, C) whose bars continue the picture's border, so that no edge is stylized there."""
    if covered == WHOLE:
        return image
    height, width = image.shape[:2]
    rows, columns = area((height, width), covered)
    margins = (rows.start, height - rows.stop), (columns.start, width - columns.stop), (0, 0)
    return np.pad(image[rows, columns], margins, mode="edge")
