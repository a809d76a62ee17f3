"""The sample clip: 96 frames in two scenes, each frame and its exact motion computed on demand."""

from __future__ import annotations

from fractions import Fraction

import numpy as np

from sample_media import meadow, sea
from sample_media.layers import SIZE, Sprite, composite, motion

FRAMES = 96
RATE = Fraction(24)
CUT = 60  # the first frame of the second scene
__all__ = ["CUT", "FRAMES", "RATE", "SIZE", "exact_flow", "render"]


def _sprites(index: int) -> list[Sprite]:
    if not 0 <= index < FRAMES:
        raise ValueError(f"the sample clip has frames 0 to {FRAMES - 1}, not {index}")
    return meadow.sprites(index) if index < CUT else sea.sprites(index - CUT)


def render(index: int) -> np.ndarray:
    """Frame `index` as uint8 RGB (360, 640, 3). Raises ValueError outside 0 .. FRAMES - 1."""
    return composite(_sprites(index))


def exact_flow(index: int, to: int | None = None) -> tuple[np.ndarray, np.ndarray]:
    """Flow from frame `index` to frame `to`, by default back to frame `index - 1`, and where it holds.

    flow: float32 (360, 640, 2) in pixels, x right, y down: the point p of this frame lies at p + flow[p] in the other.
    visible: bool (360, 640); False where that point is hidden or outside the picture, where an edge pixel mixes two
    motions (no single flow is right there), and everywhere where the two frames are not of one scene, the flow being 0.
    Raises ValueError outside 0 .. FRAMES - 1.
    """
    now, other = _sprites(index), index - 1 if to is None else to
    if (index == 0 and to is None) or (index < CUT) != (other < CUT):
        return np.zeros((*SIZE, 2), np.float32), np.zeros(SIZE, bool)
    return motion(now, _sprites(other))
