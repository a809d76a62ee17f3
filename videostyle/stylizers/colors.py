"""Painting light and stroke while the clip's own colours stay (luminance transfer, Gatys et al. 2016, arXiv:1606.05897).

Departure: the style's luminance is not matched to the clip's first, which would change from shot to shot.
"""

from __future__ import annotations

import numpy as np

LUMA = np.array([0.299, 0.587, 0.114], np.float32)  # BT.601, as in the paper's YIQ


def luminance(picture: np.ndarray) -> np.ndarray:
    """The grey picture (H, W, 3) of an RGB one (H, W, 3), in the same type and range."""
    grey = picture @ LUMA
    if picture.dtype.kind == "u":
        grey = grey.round()
    return np.repeat(grey[..., None], 3, axis=-1).astype(picture.dtype)


def with_colors_of(painted: np.ndarray, source: np.ndarray) -> np.ndarray:
    """The luminance of `painted` with the colour differences of `source`; both float32 (H, W, 3) in [0, 1]."""
    return np.clip(source + (painted - source) @ LUMA[:, None], 0, 1)
