"""How far the previous picture can be trusted to continue as the next one: flow both ways, and four tests of it."""

from __future__ import annotations

import cv2
import numpy as np

from videostyle.frames import Motion
from videostyle.media.pixels import to_bits
from videostyle.temporal.flow import Flow, gain_match

# A target this far beyond the outermost pixel center still counts as inside, or the noise of a still clip's flow would
# reject its border.
EDGE_SLACK = 0.1

# in gray levels of 255
LEAST_LIMIT = 12.0

MEDIANS = 3.0


def motion(previous: np.ndarray, current: np.ndarray, flow: Flow) -> Motion:
    """How current continues previous: the flow back, and the consistency in it.

    previous, current: uint8 or uint16 RGB (H, W, 3), source frames at working size. flow: any of `flow.FLOWS`. Trust is
    0 where the flow back leaves the picture, where this frame's point was covered, on a motion boundary, and where the
    flow leads to another color (Ruder et al. 2016, arXiv:1604.08610, has the middle two); where back and forth agree, the
    flow is the mean of both, in which a part of their errors cancels. Inside, wherever the flow
    fails but the unmoved previous frame agrees, and about as well as the flow does, the flow is 0 and trusted: a fade
    or the noise of a still picture misleads any flow, while a moving texture agrees with its flow alone.
    """
    current = to_bits(current, 8)
    previous = gain_match(to_bits(previous, 8), current)
    back, forth = flow(current, previous), flow(previous, current)
    hidden = disoccluded(back, forth)
    back = np.where(hidden[..., None], back, both_ways(back, forth))
    difference = color_difference(previous, current, back)
    away = outside(back)
    bad = away | hidden | motion_boundary(back) | photometric_mismatch(difference)
    unmoved = color_difference(previous, current, np.zeros_like(back))
    agreeing = np.minimum(photometric_limit(difference), 1.5 * difference + 1)
    still = bad & ~away & (unmoved <= agreeing)
    return Motion(flow=np.where(still[..., None], np.float32(0), back), consistency=softened(still | ~bad))


def both_ways(back: np.ndarray, forth: np.ndarray) -> np.ndarray:
    """The mean of the way back and the way forth turned around, (H, W, 2): their errors are in part independent."""
    return (back - _sampled(forth, back, cv2.INTER_LINEAR)) / 2


def outside(back: np.ndarray) -> np.ndarray:
    """Where the flow (H, W, 2) leads out of the picture: bool (H, W)."""
    height, width = back.shape[:2]
    x, y = _targets(back)
    return (np.maximum(-x, x - (width - 1)) > EDGE_SLACK) | (np.maximum(-y, y - (height - 1)) > EDGE_SLACK)


def disoccluded(back: np.ndarray, forth: np.ndarray) -> np.ndarray:
    """Where the way back and forth does not return, |b + f(x + b)|^2 > 0.01 (|b|^2 + |f(x + b)|^2) + 0.5: bool (H, W).

    back, forth: (H, W, 2), from this frame to the previous one and from that to this one. Sundaram et al. 2010,
    doi 10.1007/978-3-642-15549-9_32.
    """
    again = _sampled(forth, back, cv2.INTER_LINEAR)
    return _squared(back + again) > 0.01 * (_squared(back) + _squared(again)) + 0.5


def motion_boundary(back: np.ndarray) -> np.ndarray:
    """Where the flow (H, W, 2) changes fast, |grad b|^2 > 0.01 |b|^2 + 0.002 (Sundaram et al. 2010): bool (H, W)."""
    if min(back.shape[:2]) < 2:
        return np.zeros(back.shape[:2], dtype=bool)
    across, down = np.gradient(back, axis=1), np.gradient(back, axis=0)
    return _squared(across) + _squared(down) > 0.01 * _squared(back) + 0.002


def color_difference(previous: np.ndarray, current: np.ndarray, back: np.ndarray) -> np.ndarray:
    """How far the moved previous frame is from this one, mean over RGB and 3x3 pixels.

    previous, current: uint8 (H, W, 3). back: (H, W, 2). Returns float32 (H, W), in levels of 255.
    """
    moved = _sampled(previous.astype(np.float32), back, cv2.INTER_CUBIC)
    moved -= current
    return cv2.blur(np.abs(moved, out=moved).mean(axis=2), (3, 3))


def photometric_limit(difference: np.ndarray) -> float:
    """The largest difference, in levels of 255, taken for noise in this pair: max(12, 3 times the median)."""
    return max(LEAST_LIMIT, MEDIANS * float(np.median(difference)))


def photometric_mismatch(difference: np.ndarray) -> np.ndarray:
    """Where the flow leads to another color, whatever its geometry says: bool (H, W), from color_difference's."""
    return difference > photometric_limit(difference)


def softened(good: np.ndarray) -> np.ndarray:
    """Trust, float32 (H, W) in [0, 1]: bool good shrunk by a pixel and its edge blurred; where it was bad stays 0."""
    shrunk = cv2.erode(good.astype(np.float32), np.ones((3, 3), np.uint8))
    return np.clip(cv2.GaussianBlur(shrunk, (3, 3), 0), 0, 1)


def _targets(flow: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Where the flow (H, W, 2) leads: columns and rows, float32 (H, W) each."""
    height, width = flow.shape[:2]
    columns, rows = np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32)[:, None]
    flow = flow.astype(np.float32, copy=False)
    return flow[..., 0] + columns, flow[..., 1] + rows


def _sampled(image: np.ndarray, flow: np.ndarray, interpolation: int) -> np.ndarray:
    # OpenCV rounds the target to 1/32 px, which tests like these do not notice; what is carried on goes through warp()
    return cv2.remap(image, *_targets(flow), interpolation, borderMode=cv2.BORDER_REPLICATE)


def _squared(vectors: np.ndarray) -> np.ndarray:
    return np.square(vectors).sum(axis=2)
