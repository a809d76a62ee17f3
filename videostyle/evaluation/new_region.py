"""Which part of a frame is new: what the source's flow cannot follow to the frame before, now or a few frames ago.

Motion boundaries do not count: in a flat sky the noise of the flow makes them everywhere.
"""

from __future__ import annotations

import cv2
import numpy as np

from videostyle.frames import Size

MEMORY = 5
"""Frames for which a pixel is new after the flow could not follow it."""

FEWEST_PIXELS = 96
"""Of either side of a box whose style embedding says something: the network sees it at 256 pixels."""

Box = tuple[slice, slice]
"""Rows and columns."""


class NewRegion:
    """The new pixels of a shot, frame by frame. In its first frame none is: a frame that is new throughout has no rest to
    compare with. size: (height, width) of the frames."""

    def __init__(self, size: Size):
        self._since = np.full(size, MEMORY + 1, np.uint8)
        """Frames since the flow could not follow a pixel, (H, W); at most MEMORY + 1."""

    def follow(self, flow: np.ndarray, followed: np.ndarray) -> None:
        """Go on to the next frame. flow: from there back to this one, (H, W, 2). followed: bool (H, W), where it holds."""
        height, width = followed.shape
        columns = np.clip(np.rint(flow[..., 0]).astype(int) + np.arange(width), 0, width - 1)
        rows = np.clip(np.rint(flow[..., 1]).astype(int) + np.arange(height)[:, None], 0, height - 1)
        self._since = np.where(followed, np.minimum(self._since[rows, columns] + 1, MEMORY + 1), 0)

    @property
    def mask(self) -> np.ndarray:
        """True for a pixel that is new, bool (H, W)."""
        return self._since <= MEMORY


def eroded(mask: np.ndarray, pixels: int) -> np.ndarray:
    """A bool mask (H, W) without what lies within so many pixels of its outside; the picture's border does not count."""
    return cv2.erode(mask.astype(np.uint8), np.ones((2 * pixels + 1, 2 * pixels + 1), np.uint8)) > 0


def largest_box(mask: np.ndarray) -> Box | None:
    """The bounding box of the largest connected part of a bool mask (H, W); None where a side is under FEWEST_PIXELS."""
    _, _, boxes, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8))
    if len(boxes) < 2:
        return None
    left, top, width, height, _ = max(boxes[1:], key=lambda box: box[cv2.CC_STAT_AREA])
    return None if min(width, height) < FEWEST_PIXELS else (slice(top, top + height), slice(left, left + width))
