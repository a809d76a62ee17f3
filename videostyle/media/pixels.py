"""Conversions of pixel values: between 8 and 16 bits, and of transparent images.

Colors are straight, never multiplied by alpha, as in PNG, ProRes 4444 and WebM. Where nothing shows, an image's colors are
arbitrary, often noise: sources replace them, so that neither a smaller copy nor a stylized frame has any of it.
"""

from __future__ import annotations

import cv2
import numpy as np

VISIBLE = 1 / 16
"""Share of full alpha from which a pixel's color is taken for its own: below, it hardly shows, and a lossy codec may have
made the alpha of a transparent pixel."""

BLACK, WHITE = (0, 0, 0), (255, 255, 255)

LUMA = np.array([0.299, 0.587, 0.114], np.float32)  # weights of R, G and B in brightness, BT.601

SMALLEST = 1e-6  # weight that a color without any is divided by


def to_bits(image: np.ndarray, bits: int) -> np.ndarray:
    """uint8 or uint16 of any shape as uint8 (bits 8) or uint16 (bits 16), rounded to nearest; white stays white."""
    if image.dtype == np.uint8:
        return image if bits == 8 else image.astype(np.uint16) * 257
    return image if bits == 16 else ((image.astype(np.uint32) + 128) // 257).astype(np.uint8)


def over(image: np.ndarray, alpha: np.ndarray, color: tuple[int, int, int]) -> np.ndarray:
    """An image (H, W, 3) with alpha (H, W), both uint8 or both uint16, composed over an RGB color of 8 bits."""
    top = np.iinfo(alpha.dtype).max
    opacity = (alpha / top)[..., None]
    background = np.array(color) * (top // 255)
    return np.rint(image * opacity + background * (1 - opacity)).astype(image.dtype)


def filled(image: np.ndarray, alpha: np.ndarray | None, reach: int = 0) -> np.ndarray:
    """An image (H, W, 3), uint8 or uint16, with colors from their borders in transparent places; alpha is of its size.

    The colors there do not depend on what they were. reach: how far, in pixels, hidden colors may be mixed into visible ones,
    as where they share samples of chroma; of those pixels only the brightness is kept.
    """
    if alpha is None:
        return image
    visible = own = alpha >= VISIBLE * np.iinfo(alpha.dtype).max
    if reach:
        inside = cv2.erode(visible.astype(np.uint8), np.ones((2 * reach + 1, 2 * reach + 1)))
        beside = cv2.dilate(inside, np.ones((4 * reach + 1, 4 * reach + 1)))
        own = (inside > 0) | (visible & (beside == 0))  # what is too thin to have an inside stays as it is
    colors = spread(image, own.astype(np.float32))
    if reach:
        colors += visible[..., None] * ((image - colors) @ LUMA)[..., None]
    limits = np.iinfo(image.dtype)
    return np.where(own[..., None], image, np.rint(np.clip(colors, 0, limits.max)).astype(image.dtype))


def spread(image: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """The colors of an image (H, W, 3) spread into places of little weight, float32; weights: float32 (H, W) in [0, 1].

    Pull and push (Gortler et al. 1996, doi 10.1145/237170.237200): colors are averaged into ever smaller images, and the gaps
    of each are filled from the next smaller one.
    """
    levels = [(image * weights[..., None], weights)]  # colors times weights, and weights
    while max(levels[-1][1].shape) > 1:
        levels.append(_pulled(*levels[-1]))
    colors, weights = levels.pop()
    colors = colors / np.maximum(weights, SMALLEST)[..., None]
    for color, weight in reversed(levels):
        above = cv2.resize(colors, weight.shape[::-1], interpolation=cv2.INTER_LINEAR)
        colors = color + (1 - weight[..., None]) * above
    return colors


def _pulled(colors: np.ndarray, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Half the size: each pixel the mean of four by their weights, and of their weights' sum up to 1."""
    size = (weights.shape[1] + 1) // 2, (weights.shape[0] + 1) // 2
    colors, weights = (cv2.resize(part, size, interpolation=cv2.INTER_AREA) for part in (colors, weights))
    raised = np.minimum(1, 4 * weights)
    return colors * (raised / np.maximum(weights, SMALLEST))[..., None], raised
