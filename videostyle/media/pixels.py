"""Conversions of pixel values: between 8 and 16 bits, and from transparent to opaque."""

from __future__ import annotations

import numpy as np


def to_bits(image: np.ndarray, bits: int) -> np.ndarray:
    """uint8 or uint16 of any shape as uint8 (bits 8) or uint16 (bits 16), rounded to nearest; white stays white."""
    if image.dtype == np.uint8:
        return image if bits == 8 else image.astype(np.uint16) * 257
    return image if bits == 16 else ((image.astype(np.uint32) + 128) // 257).astype(np.uint8)


def over_white(image: np.ndarray, alpha: np.ndarray) -> np.ndarray:
    """An image (H, W, 3) with alpha (H, W), both uint8 or both uint16, composited over a white background."""
    white = np.iinfo(alpha.dtype).max
    opacity = (alpha / white)[..., None]
    return np.rint(image * opacity + white * (1 - opacity)).astype(image.dtype)
