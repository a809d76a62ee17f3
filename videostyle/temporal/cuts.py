"""Cut detection: finds the frames that start a new shot by comparing small normalized grayscale thumbnails.

The two-threshold rule (a fixed one, and a lower one relative to the neighboring frames) follows the ideas of
PySceneDetect's content and adaptive detectors.
"""

from __future__ import annotations

from collections import deque

import cv2
import numpy as np

# Mean absolute difference of two thumbnails. Measured: unlike scenes 25 to 72, median 49; inside shots at most 26 (a
# telecine test pattern), 23 on real clips with fast cameras.
CUT_SCORE = 30.0

# Enough for a cut where the neighboring frames differ three times less; inside shots that ratio stayed below 2.6.
ISOLATED_CUT_SCORE = 18.0

ISOLATION_RATIO = 3.0

WIDTH = 64  # of a thumbnail in pixels: small enough to even out noise and motion

CONTRAST = 48.0  # standard deviation of a normalized thumbnail

LEAST_CONTRAST = 16.0  # below this, a thumbnail's contrast is amplified threefold and no further


class ShotDetector:
    """Decides for each frame of a clip whether it starts a new shot, `lookahead` frames after it was pushed.

    Fades, exposure changes, fast camera moves and single-frame flashes start no shot. Frame 0 starts one by definition
    and is never reported.
    """

    lookahead = 2

    def __init__(self) -> None:
        # the frame to be decided is in the middle of both; a frame's score is its difference from the frame before it
        self._thumbnails: deque[np.ndarray] = deque(maxlen=2 * self.lookahead + 1)
        self._scores: deque[float] = deque(maxlen=2 * self.lookahead + 1)
        self._next = 0  # ordinal of the frame to be decided next
        self._flash = -1  # ordinal of the newest single-frame flash

    def push(self, image: np.ndarray) -> list[int]:
        """Take the next frame, uint8 RGB (H, W, 3). Returns the ordinal of the frame `lookahead` frames earlier if it
        starts a new shot; frames count from 0, the first one pushed.
        """
        thumbnail = normalized_thumbnail(image)
        if not self._thumbnails:
            # the clip is taken to stand still before its first frame, so that the window of frame 0 is complete
            for _ in range(self.lookahead):
                self._append(thumbnail)
        return self._append(thumbnail)

    def finish(self) -> list[int]:
        """The ordinals of the last `lookahead` frames that start a new shot; nothing may be pushed afterwards."""
        # the clip is taken to stand still after its last frame
        last = list(self._thumbnails)[-1:] * self.lookahead
        return [ordinal for thumbnail in last for ordinal in self._append(thumbnail)]

    def _append(self, thumbnail: np.ndarray) -> list[int]:
        self._scores.append(difference(self._thumbnails[-1], thumbnail) if self._thumbnails else 0.0)
        self._thumbnails.append(thumbnail)
        if len(self._thumbnails) <= 2 * self.lookahead:
            return []
        self._next += 1
        return [self._next - 1] if self._starts_shot(self._next - 1) else []

    def _starts_shot(self, ordinal: int) -> bool:
        scores = list(self._scores)
        score = scores.pop(self.lookahead)
        isolated = score >= ISOLATED_CUT_SCORE and score >= ISOLATION_RATIO * sum(scores) / len(scores)
        if score < CUT_SCORE and not isolated:
            return False
        two_before, before, current, after, _ = self._thumbnails
        if self._flash == ordinal - 1 and difference(two_before, current) < ISOLATED_CUT_SCORE:
            return False  # the shot goes on after the flash
        if difference(before, after) < ISOLATED_CUT_SCORE:
            self._flash = ordinal
            return False
        return True


def normalized_thumbnail(image: np.ndarray) -> np.ndarray:
    """A grayscale thumbnail (h, 64), float32 whole numbers in [0, 255], of fixed mean and contrast.

    Fixed mean and contrast keep fades and exposure changes from looking like cuts. Contrast is amplified at most
    threefold: the noise of a black frame is not a scene. Color is left out because hue and saturation jump in dark frames.
    """
    height, width = image.shape[:2]
    small = cv2.resize(image, (WIDTH, max(1, round(height * WIDTH / width))), interpolation=cv2.INTER_AREA)
    gray = cv2.cvtColor(small, cv2.COLOR_RGB2GRAY).astype(np.float32)
    normalized = (gray - gray.mean()) * (CONTRAST / max(float(gray.std()), LEAST_CONTRAST)) + 128
    return np.clip(np.rint(normalized), 0, 255)


def difference(a: np.ndarray, b: np.ndarray) -> float:
    """The mean absolute difference of two thumbnails."""
    return float(np.abs(a - b).mean(dtype=np.float64))
