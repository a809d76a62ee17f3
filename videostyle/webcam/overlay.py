"""Text over the picture: statistics, help, and messages."""

from __future__ import annotations

import cv2
import numpy as np

FONT = cv2.FONT_HERSHEY_SIMPLEX

SCALE, LINE_HEIGHT, MARGIN = 0.45, 18, 8

WHITE = (255, 255, 255)

SHADE = 0.45
"""The brightness of the picture behind text is multiplied by this."""


def with_text(picture: np.ndarray, lines: list[str], bottom: bool = False) -> np.ndarray:
    """A uint8 RGB picture with lines of ASCII text in its upper or lower left corner; unchanged if there are none."""
    if not lines:
        return picture
    widest = max(cv2.getTextSize(line, FONT, SCALE, 1)[0][0] for line in lines)
    height = min(picture.shape[0], LINE_HEIGHT * len(lines) + MARGIN)
    width = min(picture.shape[1], widest + 2 * MARGIN)
    picture = picture.copy()
    top = picture.shape[0] - height if bottom else 0
    box = picture[top : top + height, :width]
    box[...] = (box * SHADE).astype(np.uint8)
    for number, line in enumerate(lines, 1):
        place = MARGIN, top + LINE_HEIGHT * number - 2
        cv2.putText(picture, line, place, FONT, SCALE, WHITE, 1, cv2.LINE_AA)
    return picture
