"""Resizing of images. Every picture that is enlarged or shrunk outside the networks goes through this module."""

from __future__ import annotations

from fractions import Fraction

import cv2
import numpy as np
from PIL import Image

from videostyle.frames import Size

_MARGIN = 2  # pixels that the bicubic kernel reaches beyond the edge


def resize(image: np.ndarray, size: Size) -> np.ndarray:
    """An image, (H, W) or (H, W, C) uint8 or uint16, at another (height, width): each axis is averaged over areas to shrink
    it and interpolated bicubically to enlarge it."""
    height, width = np.minimum(size, image.shape[:2]).tolist()
    if image.shape[:2] != (height, width):
        image = cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA)
    if (height, width) == size:
        return image
    enlarged = _enlarged(image, size)
    return np.rint(np.clip(enlarged, 0, np.iinfo(image.dtype).max)).astype(image.dtype)


def _enlarged(image: np.ndarray, size: Size) -> np.ndarray:
    """float32, by Pillow's bicubic filter, Keys' cubic with a = -0.5 (IEEE ASSP 29, 1981). It reproduces linear ramps; the
    "cubic" filters of OpenCV and swscale (a = -0.75 and -0.6) turn them into steps, off by up to 20 % of the slope."""
    if image.ndim > 2:
        return np.stack([_enlarged(plane, size) for plane in np.moveaxis(image, -1, 0)], axis=-1)
    # without replicated edge pixels, Pillow cuts the kernel off at the edge
    padded = Image.fromarray(np.pad(image.astype(np.float32), _MARGIN, mode="edge"))
    inside = _MARGIN, _MARGIN, _MARGIN + image.shape[1], _MARGIN + image.shape[0]
    return np.asarray(padded.resize(size[::-1], Image.Resampling.BICUBIC, inside))


def fit_size(size: Size, longer: int, multiple: int = 1) -> Size:
    """`size` scaled so that its longer side is `longer`, each side rounded to a multiple of `multiple`, at least one.

    Proportions are kept as well as that rounding allows; halves round up.
    """
    scale = Fraction(longer, max(size))
    height, width = (max(1, int(side * scale / multiple + Fraction(1, 2))) * multiple for side in size)
    return height, width


def resize_float(picture: np.ndarray, size: Size) -> np.ndarray:
    """A float32 picture, (H, W) or (H, W, C), at another (height, width): enlarged by a Lanczos filter, which keeps brush
    strokes crisp, or averaged over areas where its height shrinks."""
    if picture.shape[:2] == size:
        return picture
    larger = size[0] >= picture.shape[0]
    return cv2.resize(picture, (size[1], size[0]), interpolation=cv2.INTER_LANCZOS4 if larger else cv2.INTER_AREA)


def resize_alpha(alpha: np.ndarray, size: Size, dtype: np.dtype) -> np.ndarray:
    """An alpha plane, (H, W) uint8 or uint16, at another size and of another depth."""
    opacity = resize_float(alpha.astype(np.float32) / np.iinfo(alpha.dtype).max, size).clip(0, 1)
    return (opacity * np.iinfo(dtype).max).round().astype(dtype)
