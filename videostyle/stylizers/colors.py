"""Colors: stylizing the luminance alone, and giving a picture the colors of another.

Luminance transfer is from Gatys et al. 2016 (arXiv:1606.05897), for --colors clip. Departure: the style's luminance is not
matched to the clip's first, as the match would change from shot to shot.
"""

from __future__ import annotations

import cv2
import numpy as np

from videostyle.palettes import ColorMap, color_map

LUMA = np.array([0.299, 0.587, 0.114], np.float32)
"""Weights of R, G and B in the luminance, BT.601, as in the paper's YIQ."""

SAMPLE_SIDE = 64
"""Longer side that a picture is reduced to before its color statistics are taken."""

MIN_VARIANCE = 1e-4
"""Of RGB in [0, 1], added to each channel's variance, so that a picture of one color is not stretched without bounds."""


def luminance(picture: np.ndarray) -> np.ndarray:
    """The gray picture (H, W, 3) of an RGB picture (H, W, 3), of the same type and range."""
    gray = picture @ LUMA
    if picture.dtype.kind == "u":
        gray = gray.round()
    return np.repeat(gray[..., None], 3, axis=-1).astype(picture.dtype)


def with_colors_of(picture: np.ndarray, source: np.ndarray) -> np.ndarray:
    """The luminance of a picture with the color differences of `source`; both float32 (H, W, 3) in [0, 1]."""
    return np.clip(source + (picture - source) @ LUMA[:, None], 0, 1)


def identity_map() -> ColorMap:
    """The map that leaves every color as it is."""
    return np.eye(3, 4, dtype=np.float32)


def color_map_between(picture: np.ndarray, target: np.ndarray) -> ColorMap:
    """The affine map that gives the colors of `picture` the mean and covariance of those of `target`; see `color_map`.

    Pictures are (H, W, 3): uint8, uint16, or float32 in [0, 1].
    """
    return color_map(*_statistics(picture), *_statistics(target))


def recolored(image: np.ndarray, colors: ColorMap) -> np.ndarray:
    """A uint8 (H, W, 3) picture with its colors mapped, as uint8."""
    return cv2.transform(image, colors * np.array([1, 1, 1, 255], np.float32))


def _statistics(picture: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean (3,) and covariance (3, 3) of a picture's colors in [0, 1]."""
    height, width = picture.shape[:2]
    scale = min(1.0, SAMPLE_SIDE / max(height, width))
    size = max(2, round(width * scale)), max(2, round(height * scale))
    top = 1.0 if picture.dtype == np.float32 else float(np.iinfo(picture.dtype).max)
    colors = cv2.resize(picture, size, interpolation=cv2.INTER_AREA).reshape(-1, 3) / top
    return colors.mean(axis=0), np.cov(colors, rowvar=False) + MIN_VARIANCE * np.eye(3)
