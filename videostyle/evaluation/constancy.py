"""Color constancy: whether what has one color in the source keeps one color in the stylized clip.

The colors of the source, in bins of CIE Lab, stand for things; a bin's stylized color is the mean over its pixels, of both
pictures blurred so far that strokes are averaged. Distances are CIE76, in Lab units.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

BLUR = 1 / 40
"""Standard deviation of the blur, as a share of the width."""

BIN = 12.0
"""Width of a bin in each of L, a and b."""

LEAST_SHARE = 0.005
"""Of the pixels: smaller bins are not compared."""


@dataclass(frozen=True)
class ColorTable:
    """The stylized color of each bin of source colors in a part of a frame."""

    counts: dict[int, int]
    """Pixels by bin."""
    colors: dict[int, np.ndarray]
    """Mean stylized Lab color (3,) by bin."""
    pixels: int
    """Of the whole frame."""


def blurred_lab(image: np.ndarray) -> np.ndarray:
    """A picture, float32 (H, W, 3) RGB in [0, 1], blurred and in Lab, float32 (H, W, 3)."""
    sigma = BLUR * image.shape[1]
    return cv2.cvtColor(cv2.GaussianBlur(image, (0, 0), sigma), cv2.COLOR_RGB2Lab)


def color_table(source: np.ndarray, output: np.ndarray, mask: np.ndarray | None = None) -> ColorTable:
    """The table of a frame, or of its pixels in a bool mask (H, W). source, output: pictures by `blurred_lab`."""
    inside = np.ones(source.shape[:2], bool) if mask is None else mask
    bins = np.floor(source[inside] / BIN).astype(int) @ np.array([10_000, 100, 1])
    names, inverse, counts = np.unique(bins, return_inverse=True, return_counts=True)
    sums = np.stack([np.bincount(inverse, channel, len(names)) for channel in output[inside].T.astype(float)], axis=1)
    colors = dict(zip(names.tolist(), sums / counts[:, None], strict=True))
    return ColorTable(dict(zip(names.tolist(), counts.tolist(), strict=True)), colors, inside.size)


def color_distance(table: ColorTable, reference: ColorTable) -> float | None:
    """Mean distance of a table's colors from those of another, over the bins that both have, weighted by the table's
    pixels; None without such a bin."""
    shared = [name for name, count in table.counts.items() if _counts(count, table) and name in reference.counts]
    shared = [name for name in shared if _counts(reference.counts[name], reference)]
    if not shared:
        return None
    distances = [float(np.linalg.norm(table.colors[name] - reference.colors[name])) for name in shared]
    return float(np.average(distances, weights=[table.counts[name] for name in shared]))


def _counts(count: int, table: ColorTable) -> bool:
    return count >= LEAST_SHARE * table.pixels
