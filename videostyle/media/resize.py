"""Resizing of images."""

from __future__ import annotations

from fractions import Fraction

import cv2
import numpy as np

from videostyle.frames import Size


def resize(image: np.ndarray, size: Size) -> np.ndarray:
    """(H, W, ...) uint8 or uint16 scaled to `size`, each axis averaged over areas to shrink, bicubic to grow."""
    height, width = np.minimum(size, image.shape[:2]).tolist()
    if image.shape[:2] != (height, width):
        image = cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA)
    if (height, width) == size:
        return image
    grown = _grown(_grown(image.astype(np.float32), size[0], axis=0), size[1], axis=1)
    return np.rint(np.clip(grown, 0, np.iinfo(image.dtype).max)).astype(image.dtype)


def _grown(image: np.ndarray, length: int, axis: int) -> np.ndarray:
    """Float samples interpolated to `length` along one axis by Keys' cubic with a = -0.5 (IEEE ASSP 29, 1981).

    It keeps slopes straight; the "cubic" of OpenCV and swscale (a = -0.75, -0.6) makes steps of up to 20 % of them.
    """
    count = image.shape[axis]
    place = (np.arange(length) + 0.5) * count / length - 0.5
    left = np.floor(place).astype(int)
    grown = np.zeros((), np.float32)
    for tap in (-1, 0, 1, 2):
        t = np.abs(place - left - tap)
        weight = np.where(t <= 1, 1.5 * t**3 - 2.5 * t**2 + 1, -0.5 * t**3 + 2.5 * t**2 - 4 * t + 2).astype(np.float32)
        shape = [length if each == axis else 1 for each in range(image.ndim)]
        grown = grown + image.take(np.clip(left + tap, 0, count - 1), axis) * weight.reshape(shape)
    return grown


def fit_size(size: Size, longer: int, multiple: int = 1) -> Size:
    """`size` scaled so that its longer side is `longer`, each side rounded to a multiple of `multiple`, at least one.

    Proportions are kept as well as that rounding allows; halves round up.
    """
    scale = Fraction(longer, max(size))
    height, width = (max(1, int(side * scale / multiple + Fraction(1, 2))) * multiple for side in size)
    return height, width


def scaled(picture: np.ndarray, size: Size) -> np.ndarray:
    """A float32 picture at another (height, width): a larger one by Lanczos, which keeps strokes crisp, else by areas."""
    if picture.shape[:2] == size:
        return picture
    larger = size[0] >= picture.shape[0]
    return cv2.resize(picture, (size[1], size[0]), interpolation=cv2.INTER_LANCZOS4 if larger else cv2.INTER_AREA)


def resized_alpha(alpha: np.ndarray, size: Size, dtype: np.dtype) -> np.ndarray:
    """An alpha plane at another size and depth."""
    share = scaled(alpha.astype(np.float32) / np.iinfo(alpha.dtype).max, size).clip(0, 1)
    return (share * np.iinfo(dtype).max).round().astype(dtype)
