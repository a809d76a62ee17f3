"""Palettes: the mean and the covariance of a picture's colors, and the map that gives one picture the palette of another."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import reduce

import cv2
import numpy as np

LEAST_VARIANCE = 1e-4
"""Of RGB in [0, 1]: in directions of color in which a picture varies less than that, it counts as varying that much, so that
the noise of a gray picture does not become color."""

STRIP = 1 << 16
"""Pixels that are summed at a time."""

ColorMap = np.ndarray
"""An affine map of colors, float32 (3, 4): the left three columns times RGB in [0, 1], plus the last."""


@dataclass(frozen=True)
class Palette:
    """The colors of one or several pictures, RGB in [0, 1]."""

    mean: tuple[float, ...]
    """(3,)"""
    covariance: tuple[tuple[float, ...], ...]
    """(3, 3)"""


@dataclass(frozen=True, eq=False)
class ColorSums:
    """Sums over the pixels of a picture, RGB in [0, 1], from which the palette of several pictures follows."""

    weight: float
    """Of all pixels."""
    first: np.ndarray
    """(3,): the colors."""
    second: np.ndarray
    """(3, 3): their products."""

    def __add__(self, other: ColorSums) -> ColorSums:
        return ColorSums(self.weight + other.weight, self.first + other.first, self.second + other.second)


def sums_of(picture: np.ndarray, weights: np.ndarray | None = None) -> ColorSums:
    """picture: (H, W, 3), uint8, uint16, or float32 in [0, 1]. weights: of its pixels, (H, W), where they differ."""
    top = 1.0 if picture.dtype.kind == "f" else float(np.iinfo(picture.dtype).max)
    colors = picture.reshape(-1, 3)
    shares = np.ones(len(colors)) if weights is None else weights.reshape(-1)
    total = ColorSums(0.0, np.zeros(3), np.zeros((3, 3)))
    for begin in range(0, len(colors), STRIP):
        strip, share = colors[begin : begin + STRIP] / top, shares[begin : begin + STRIP]
        weighted = strip * share[:, None]
        total += ColorSums(float(share.sum()), weighted.sum(axis=0), weighted.T @ strip)
    return total


def palette_of(parts: Iterable[ColorSums]) -> Palette:
    """The palette of all pictures that were summed. Where none of their pixels has a weight, all counts as black."""
    total = reduce(ColorSums.__add__, parts)
    mean = total.first / max(total.weight, 1e-9)
    covariance = total.second / max(total.weight, 1e-9) - np.outer(mean, mean)
    return Palette(tuple(mean.tolist()), tuple(map(tuple, covariance.tolist())))


def in_palette(picture: np.ndarray, palette: Palette) -> np.ndarray:
    """A picture, (H, W, 3) uint8, uint16, or float32 in [0, 1], with the mean and covariance of a palette, as float32.

    Gatys et al. 2017 (arXiv:1611.07865), section 5. Values may lie outside of [0, 1]. A picture that varies by less than
    LEAST_VARIANCE in some direction of color falls short of the palette there.
    """
    own = palette_of([sums_of(picture)])
    values, vectors = np.linalg.eigh(np.array(own.covariance))
    covariance = (vectors * np.maximum(values, LEAST_VARIANCE)) @ vectors.T
    colors = color_map(np.array(own.mean), covariance, np.array(palette.mean), np.array(palette.covariance))
    top = 1.0 if picture.dtype.kind == "f" else float(np.iinfo(picture.dtype).max)
    return cv2.transform((picture / top).astype(np.float32), colors)


def recolored_to(picture: np.ndarray, palette: Palette) -> np.ndarray:
    """The same clipped to [0, 1], of the picture's own type."""
    clipped = np.clip(in_palette(picture, palette), 0, 1)
    if picture.dtype.kind == "f":
        return clipped
    return np.rint(clipped * np.iinfo(picture.dtype).max).astype(picture.dtype)


def color_map(mean: np.ndarray, covariance: np.ndarray, new_mean: np.ndarray, new_covariance: np.ndarray) -> ColorMap:
    """The affine map from colors with one mean (3,) and covariance (3, 3), which is invertible, to colors with others.

    Of all such maps the one that changes colors least (Pitie & Kokaram 2007, doi 10.1049/cp:20070055, "linear
    Monge-Kantorovitch").
    """
    root = _square_root(covariance)
    inverse = np.linalg.inv(root)
    matrix = inverse @ _square_root(root @ new_covariance @ root) @ inverse
    return np.column_stack([matrix, new_mean - matrix @ mean]).astype(np.float32)


def _square_root(matrix: np.ndarray) -> np.ndarray:
    """The symmetric square root of a symmetric matrix without negative eigenvalues."""
    values, vectors = np.linalg.eigh(matrix)
    return (vectors * np.sqrt(np.maximum(values, 0))) @ vectors.T
