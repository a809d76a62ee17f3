"""The anchor: an earlier frame of the shot that the painting is held to, so that it neither drifts nor forgets.

Flow from frame to frame has small errors that add up: what is carried slides over the things it is painted on. The flow
straight to an earlier frame has its own error only, so it tells how far the sum is off; and what the frame before does not
show, because something passed in front of it, the anchor often does.
"""

from __future__ import annotations

import numpy as np

from videostyle.frames import Motion
from videostyle.temporal.warp import LEAST_MOVE, moved

RENEWED_AFTER = 20  # frames: then the newest painted frame becomes the anchor
PULL = 0.25  # of the drift is taken back on each frame
MOST_DRIFT = 3.0  # pixels: where the two ways lie further apart, one of them follows another thing


def anchor_of(ordinal: int, start: int) -> int:
    """The ordinal of the anchor of a frame of the shot that begins at `start`, start < ordinal."""
    return start + (ordinal - 1 - start) // RENEWED_AFTER * RENEWED_AFTER


def held(flow: np.ndarray, long: Motion, since: np.ndarray) -> np.ndarray:
    """The flow to the last frame with a part of the drift taken back; all flows float32 (H, W, 2), in pixels.

    long: how this frame continues the anchor. since: the way the picture has come from the anchor, at the last frame. What
    stands still is left alone: there the drift is the noise of both flows.
    """
    drift = long.flow - composed(flow, since)
    small = np.square(drift).sum(axis=2) < MOST_DRIFT**2
    moves = np.square(flow).sum(axis=2) >= LEAST_MOVE**2
    return flow + PULL * drift * (long.trust * small * moves)[..., None]


def composed(flow: np.ndarray, since: np.ndarray | None) -> np.ndarray:
    """The flow from this frame to the anchor, by way of the last frame; since None: the last frame is the anchor."""
    return flow if since is None else flow + moved(since, flow)
