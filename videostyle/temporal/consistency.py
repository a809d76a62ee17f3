"""Motion between two frames: optical flow both ways, and a consistency mask that says where the flow holds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import cv2
import numpy as np

from videostyle.frames import Motion
from videostyle.media.pixels import to_bits
from videostyle.temporal.flow import Flow, gain_match

EDGE_SLACK = 0.1
"""Pixels beyond the outermost pixel center that still count as inside; without it, the noise of a still clip's flow would
reject its border."""

MIN_LIMIT = 12.0
"""Levels of 255: color differences up to here always count as noise."""

BORDER = 2
"""Pixels by which the border of a mask may miss the motion of its frame: masks are drawn by hand, or found frame by frame."""

MEDIANS = 3.0
"""Times the pair's median difference: up to here too."""


def estimate_motion(previous: np.ndarray, current: np.ndarray, flow: Flow) -> Motion:
    """The flow from the current frame back to the previous one, and its consistency.

    previous, current: uint8 or uint16 RGB (H, W, 3) of one size. flow: made by an entry of `flow.FLOWS`.

    Consistency is 0 where the flow leaves the picture, where it leads to a disocclusion or a motion boundary (Ruder et al.
    2016, arXiv:1604.08610), and where it leads to another color. Where forward and backward flow agree, the flow is the
    mean of both, in which a part of their errors cancels. Where the flow fails inside the picture, but the previous frame
    without any motion agrees about as well, the flow is 0 and consistent: a fade, or the noise of a still picture, misleads
    any flow, while a moving texture agrees with its flow alone.
    """
    current = to_bits(current, 8)
    previous = gain_match(to_bits(previous, 8), current)
    backward, forward = flow(current, previous), flow(previous, current)
    hidden = disoccluded(backward, forward)
    backward = np.where(hidden[..., None], backward, mean_of_both(backward, forward))
    difference = color_difference(previous, current, backward)
    leaves = outside(backward)
    fails = leaves | hidden | motion_boundary(backward) | photometric_mismatch(difference)
    unmoved = color_difference(previous, current, np.zeros_like(backward))
    limit = np.minimum(photometric_limit(difference), 1.5 * difference + 1)
    still = fails & ~leaves & (unmoved <= limit)
    return Motion(flow=np.where(still[..., None], np.float32(0), backward), consistency=softened(still | ~fails))


def with_masks(motion: Motion, earlier: Mapping[str, np.ndarray], now: Mapping[str, np.ndarray]) -> Motion:
    """A motion with what the masks change, and inconsistent there: it was stylized as another part of the picture.

    earlier, now: the masks of both frames, float32 (H, W) in [0, 1] by name; one that is missing is 1 throughout.
    """
    if not earlier and not now:
        return motion
    changed, near = np.zeros_like(motion.consistency), np.ones((2 * BORDER + 1, 2 * BORDER + 1), np.uint8)
    for name in earlier.keys() | now.keys():
        before, after = (masks.get(name, np.ones_like(changed)) for masks in (earlier, now))
        warped = _sampled(before, motion.flow, cv2.INTER_LINEAR)
        changed = np.maximum(changed, np.maximum(after - cv2.dilate(warped, near), cv2.erode(warped, near) - after))
    return replace(motion, consistency=motion.consistency * (1 - changed.clip(0, 1)), changed=changed.clip(0, 1))


def mean_of_both(backward: np.ndarray, forward: np.ndarray) -> np.ndarray:
    """The mean of the backward flow and the reversed forward flow, (H, W, 2); their errors are partly independent."""
    return (backward - _sampled(forward, backward, cv2.INTER_LINEAR)) / 2


def outside(backward: np.ndarray) -> np.ndarray:
    """Where the flow (H, W, 2) leads out of the picture: bool (H, W)."""
    height, width = backward.shape[:2]
    x, y = _targets(backward)
    return (np.maximum(-x, x - (width - 1)) > EDGE_SLACK) | (np.maximum(-y, y - (height - 1)) > EDGE_SLACK)


def disoccluded(backward: np.ndarray, forward: np.ndarray) -> np.ndarray:
    """Where the forward-backward test fails, |b + f(x + b)|^2 > 0.01 (|b|^2 + |f(x + b)|^2) + 0.5: bool (H, W).

    backward: flow (H, W, 2) from the current frame to the previous one; forward: from the previous one to the current one.
    Sundaram et al. 2010, doi 10.1007/978-3-642-15549-9_32.
    """
    returning = _sampled(forward, backward, cv2.INTER_LINEAR)
    return _squared(backward + returning) > 0.01 * (_squared(backward) + _squared(returning)) + 0.5


def motion_boundary(backward: np.ndarray) -> np.ndarray:
    """Where the flow (H, W, 2) changes fast, |grad b|^2 > 0.01 |b|^2 + 0.002 (Sundaram et al. 2010): bool (H, W)."""
    if min(backward.shape[:2]) < 2:
        return np.zeros(backward.shape[:2], dtype=bool)
    across, down = np.gradient(backward, axis=1), np.gradient(backward, axis=0)
    return _squared(across) + _squared(down) > 0.01 * _squared(backward) + 0.002


def color_difference(previous: np.ndarray, current: np.ndarray, backward: np.ndarray) -> np.ndarray:
    """Difference between the current frame and the previous one warped to it, mean over RGB and 3x3 pixels.

    previous, current: uint8 (H, W, 3). backward: flow (H, W, 2). Returns float32 (H, W), in levels of 255.
    """
    warped = _sampled(previous.astype(np.float32), backward, cv2.INTER_CUBIC)
    warped -= current
    return cv2.blur(np.abs(warped, out=warped).mean(axis=2), (3, 3))


def photometric_limit(difference: np.ndarray) -> float:
    """The largest color difference that counts as noise in this pair of frames: max(12, 3 times the median)."""
    return max(MIN_LIMIT, MEDIANS * float(np.median(difference)))


def photometric_mismatch(difference: np.ndarray) -> np.ndarray:
    """Where the flow leads to another color, whatever its geometry: bool (H, W). difference: of color_difference."""
    return difference > photometric_limit(difference)


def softened(consistent: np.ndarray) -> np.ndarray:
    """A bool mask (H, W) shrunk by a pixel, its edge blurred: float32 in [0, 1]. What was False stays 0."""
    shrunk = cv2.erode(consistent.astype(np.float32), np.ones((3, 3), np.uint8))
    return np.clip(cv2.GaussianBlur(shrunk, (3, 3), 0), 0, 1)


def _targets(flow: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Where the flow (H, W, 2) leads: columns and rows, float32 (H, W) each."""
    height, width = flow.shape[:2]
    columns, rows = np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32)[:, None]
    flow = flow.astype(np.float32, copy=False)
    return flow[..., 0] + columns, flow[..., 1] + rows


def _sampled(image: np.ndarray, flow: np.ndarray, interpolation: int) -> np.ndarray:
    # OpenCV rounds targets to 1/32 px, too little to change these tests; pictures go through warp() instead
    return cv2.remap(image, *_targets(flow), interpolation, borderMode=cv2.BORDER_REPLICATE)


def _squared(vectors: np.ndarray) -> np.ndarray:
    return np.square(vectors).sum(axis=2)
