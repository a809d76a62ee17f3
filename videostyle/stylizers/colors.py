"""Painting light and stroke while the clip's own colors stay (luminance transfer, Gatys et al. 2016, arXiv:1606.05897).

Departure: the style's luminance is not matched to the clip's first, which would change from shot to shot.
"""

from __future__ import annotations

import cv2
import numpy as np

LUMA = np.array([0.299, 0.587, 0.114], np.float32)  # BT.601, as in the paper's YIQ


def luminance(picture: np.ndarray) -> np.ndarray:
    """The gray picture (H, W, 3) of an RGB one (H, W, 3), in the same type and range."""
    gray = picture @ LUMA
    if picture.dtype.kind == "u":
        gray = gray.round()
    return np.repeat(gray[..., None], 3, axis=-1).astype(picture.dtype)


def with_colors_of(painted: np.ndarray, source: np.ndarray) -> np.ndarray:
    """The luminance of `painted` with the color differences of `source`; both float32 (H, W, 3) in [0, 1]."""
    return np.clip(source + (painted - source) @ LUMA[:, None], 0, 1)


SAMPLE = 64  # longer side of the picture that statistics are taken of

LEAST_VARIANCE = 1e-4  # of RGB in [0, 1]: a picture of one color is not stretched without bounds

Palette = np.ndarray

"""A map of colors, float32 (3, 4): RGB in [0, 1] times the left three columns, plus the last."""


def unchanged() -> Palette:
    """The map that leaves every color as it is."""
    return np.eye(3, 4, dtype=np.float32)


def palette_between(picture: np.ndarray, target: np.ndarray) -> Palette:
    """The linear map that gives the colors of `picture` the mean and covariance of those of `target`; both (H, W, 3).

    Of all such maps the one that moves colors least (Pitie & Kokaram 2007, doi 10.1049/cp:20070055, "linear
    Monge-Kantorovitch"). Pictures are uint8, uint16, or float32 in [0, 1].
    """
    (mean, covariance), (wanted_mean, wanted) = _statistics(picture), _statistics(target)
    root = _root(covariance)
    back = np.linalg.inv(root)
    matrix = back @ _root(root @ wanted @ root) @ back
    return np.column_stack([matrix, wanted_mean - matrix @ mean]).astype(np.float32)


def recolored(image: np.ndarray, palette: Palette) -> np.ndarray:
    """A uint8 (H, W, 3) picture with its colors mapped, uint8."""
    return cv2.transform(image, palette * np.array([1, 1, 1, 255], np.float32))


def _statistics(picture: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean (3,) and covariance (3, 3) of a picture's colors in [0, 1]."""
    height, width = picture.shape[:2]
    scale = min(1.0, SAMPLE / max(height, width))
    size = max(2, round(width * scale)), max(2, round(height * scale))
    top = 1.0 if picture.dtype == np.float32 else float(np.iinfo(picture.dtype).max)
    colors = cv2.resize(picture, size, interpolation=cv2.INTER_AREA).reshape(-1, 3) / top
    return colors.mean(axis=0), np.cov(colors, rowvar=False) + LEAST_VARIANCE * np.eye(3)


def _root(matrix: np.ndarray) -> np.ndarray:
    """The symmetric square root of a symmetric positive matrix."""
    values, vectors = np.linalg.eigh(matrix)
    return (vectors * np.sqrt(np.maximum(values, 0))) @ vectors.T
