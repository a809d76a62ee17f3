"""Where a clip cuts from one shot to the next: PySceneDetect's detectors, fed frame by frame."""

from __future__ import annotations

from collections import deque

import cv2
import numpy as np
from scenedetect.common import FrameTimecode
from scenedetect.detectors import AdaptiveDetector, ContentDetector

# Mean absolute difference of two normalized pictures. Measured: unlike scenes 25 to 72, median 49; inside shots at most
# 26 (a telecine test pattern), 23 on real clips with fast cameras.
UNLIKE = 30.0

# Enough for a cut where the frames around it differ three times less; inside shots that ratio stayed below 2.6.
PERHAPS_UNLIKE = 18.0

NEIGHBOR_RATIO = 3.0

WIDTH = 64

SPREAD = 48.0

LEAST_SPREAD = 16.0


class ShotDetector:
    """Finds the frames that start a new shot, `lookahead` frames after they were pushed.

    Fades, changes of exposure, fast camera moves and a flash of one frame start none.
    """

    lookahead = 2

    def __init__(self) -> None:
        self._content = _content_detector(UNLIKE)
        self._adaptive = AdaptiveDetector(
            adaptive_threshold=NEIGHBOR_RATIO,
            min_content_val=PERHAPS_UNLIKE,
            min_scene_len=1,
            window_width=self.lookahead,
            luma_only=True,
        )
        self._pictures: deque[np.ndarray] = deque(maxlen=2 * self.lookahead + 1)
        self._pushed = 0
        self._candidates: set[int] = set()
        self._flash = -1

    def push(self, image: np.ndarray) -> list[int]:
        """Takes the next frame, uint8 RGB (H, W, 3). Returns the ordinals, from 0 for the first frame pushed, now known
        to start a new shot: at most the frame `lookahead` before this one. All frames up to that one are then decided.
        """
        picture = _normalized(image)
        if self._pushed == 0:
            # the first frame's own double gives frame 1 the full window of neighbors
            self._detect(picture, -1)
        self._detect(picture, self._pushed)
        self._pushed += 1
        return self._decide(self._pushed - 1 - self.lookahead)

    def finish(self) -> list[int]:
        """The ordinals that start a new shot among the last `lookahead` frames; nothing may be pushed after it."""
        known = []
        for place in range(self._pushed, self._pushed + min(self.lookahead, self._pushed)):
            self._detect(self._pictures[-1], place)
            known += self._decide(place - self.lookahead)
        return known

    def _detect(self, picture: np.ndarray, place: int) -> None:
        self._pictures.append(picture)
        time = _timecode(place + 1)
        found = self._content.process_frame(time, picture) + self._adaptive.process_frame(time, picture)
        self._candidates.update(each.frame_num - 1 for each in found)

    def _decide(self, place: int) -> list[int]:
        """[place] if the frame in the middle of the remembered ones starts a shot; a flash and what follows do not."""
        if place not in self._candidates:
            return []
        self._candidates.remove(place)
        before_two, before, _, after, _ = self._pictures
        if self._flash == place - 1 and _alike(before_two, self._pictures[2]):
            return []
        if _alike(before, after):
            self._flash = place
            return []
        return [place]


def _normalized(image: np.ndarray) -> np.ndarray:
    """A small gray picture (h, 64, 3) of fixed mean and contrast, so that neither fades nor exposure look like cuts.

    Contrast is not raised more than threefold: the noise of a black frame is no scene. The small size evens out noise
    and motion. Hue and saturation are left out, they jump in dark frames.
    """
    height, width = image.shape[:2]
    small = cv2.resize(image, (WIDTH, max(1, round(height * WIDTH / width))), interpolation=cv2.INTER_AREA)
    gray = cv2.cvtColor(small, cv2.COLOR_RGB2GRAY).astype(np.float32)
    even = (gray - gray.mean()) * (SPREAD / max(float(gray.std()), LEAST_SPREAD)) + 128
    return cv2.cvtColor(np.clip(np.rint(even), 0, 255).astype(np.uint8), cv2.COLOR_GRAY2BGR)


def _content_detector(threshold: float) -> ContentDetector:
    return ContentDetector(threshold=threshold, min_scene_len=1, luma_only=True)


def _timecode(place: int) -> FrameTimecode:
    # the rate is a formality: only the order of frames counts
    return FrameTimecode(place, fps=25.0)


def _alike(one: np.ndarray, other: np.ndarray) -> bool:
    detector = _content_detector(PERHAPS_UNLIKE)
    detector.process_frame(_timecode(0), one)
    return not detector.process_frame(_timecode(1), other)
