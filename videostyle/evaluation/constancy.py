"""Color constancy: whether what has one color in the source keeps one color in the stylized clip.

The colors of the source, in bins of CIE Lab, stand for things; a bin's stylized color is the mean over its pixels, of both
pictures blurred so far that strokes are averaged. Distances are CIE76, in Lab units.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import cv2
import numpy as np

BLUR = 1 / 40
"""Standard deviation of the blur, as a share of the width."""

WIDEST = 320
"""Pixels; a wider picture is shrunk to this width first, which costs nothing that the blur leaves."""

BIN = 12.0
"""Width of a bin in each of L, a and b."""

LEAST_SHARE = 0.005
"""Of the frame's pixels: smaller bins are not compared."""

Colors = Mapping[int, tuple[int, np.ndarray]]
"""By bin of source colors, in a part of a frame: its pixels and their mean color in a picture, Lab (3,)."""


@dataclass(frozen=True)
class ColorScores:
    """Color distances of an output frame and of its source frame, in Lab units; None where no bin is in both parts.

    The fields are those of FrameMeasure.
    """

    color_drift: float | None
    """Distance of the output's colors from those of the shot's first frame; None for that frame itself."""
    source_color_drift: float | None
    """The same of the source."""
    color_new: float | None
    """Distance of the output's colors in what is new from those in the rest of the same frame."""
    source_color_new: float | None
    """The same of the source."""


class ColorConstancy:
    """Compares the frames of one shot, in order, with its first one."""

    def __init__(self) -> None:
        self._first: list[Colors] | None = None
        """The colors of the shot's first frame, in output and source."""

    def scores(
        self, output: np.ndarray, source: np.ndarray, new: np.ndarray, painted: np.ndarray | None = None
    ) -> ColorScores:
        """Compare a frame. output, source: float32 (H, W, 3) RGB in [0, 1]. new: the pixels that are new, bool (H, W).
        painted: those that are compared; None: all."""
        source_lab = blurred_lab(source)
        pictures = blurred_lab(output), source_lab
        new = shrunk(new.astype(np.float32)) > 0.5
        inside = np.ones(new.shape, bool) if painted is None else shrunk(painted.astype(np.float32)) > 0.5
        whole = [colors_of(source_lab, picture, inside) for picture in pictures]
        drift = [None, None] if self._first is None else list(map(color_distance, whole, self._first))
        self._first = self._first or whole
        parts = [
            [colors_of(source_lab, picture, part) for part in (new & inside, ~new & inside)] for picture in pictures
        ]
        return ColorScores(*drift, *(color_distance(*both) for both in parts))


def shrunk(image: np.ndarray) -> np.ndarray:
    """A float32 array (H, W) or (H, W, C) at a width of at most WIDEST."""
    height, width = image.shape[:2]
    size = WIDEST, max(1, round(height * WIDEST / width))
    return image if width <= WIDEST else cv2.resize(image, size, interpolation=cv2.INTER_AREA)


def blurred_lab(image: np.ndarray) -> np.ndarray:
    """A picture, float32 (H, W, 3) RGB in [0, 1], shrunk, blurred, and in Lab."""
    image = shrunk(image)
    return cv2.cvtColor(cv2.GaussianBlur(image, (0, 0), BLUR * image.shape[1]), cv2.COLOR_RGB2Lab)


def colors_of(source: np.ndarray, picture: np.ndarray, mask: np.ndarray | None = None) -> Colors:
    """The colors of a picture, or of its pixels in a bool mask (H, W), by bins of the source; without the smallest bins.

    source, picture: by `blurred_lab`.
    """
    inside = np.ones(source.shape[:2], bool) if mask is None else mask
    # rounded, so that gray lies in the middle of a bin and not on the edge of four; a bin's number is from -11 to 11
    numbers = np.rint(source[inside] / BIN).astype(int) @ np.array([10_000, 100, 1])
    names, inverse, counts = np.unique(numbers, return_inverse=True, return_counts=True)
    sums = np.stack([np.bincount(inverse, channel, len(names)) for channel in picture[inside].T], axis=1)
    means = dict(zip(names.tolist(), zip(counts.tolist(), sums / counts[:, None], strict=True), strict=True))
    return {name: (count, color) for name, (count, color) in means.items() if count >= LEAST_SHARE * inside.size}


def color_distance(colors: Colors, reference: Colors) -> float | None:
    """Mean distance of colors from those of a reference, over the bins that both have, weighted by the pixels of the first;
    None without such a bin."""
    shared = sorted(colors.keys() & reference.keys())
    if not shared:
        return None
    distances = [float(np.linalg.norm(colors[name][1] - reference[name][1])) for name in shared]
    return float(np.average(distances, weights=[colors[name][0] for name in shared]))
