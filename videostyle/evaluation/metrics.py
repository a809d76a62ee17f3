"""How steady, how faithful and how sharp a painted clip is: pure functions on arrays.

Pictures are float32 (H, W, 3) RGB in [0, 1], gray ones (H, W); flow is (H, W, 2) in pixels from a picture to an earlier
one, masks are bool (H, W) and say which pixels count. What cannot be said because no pixel counts is None.
"""

from __future__ import annotations

import cv2
import numpy as np

from videostyle.stylizers.colors import LUMA
from videostyle.temporal.consistency import disoccluded, motion_boundary, outside

STILL_FLOW = 0.1  # pixels: what moves less does not move

STILL_DIFFERENCE = 3 / 255  # mean over RGB: what the source changes less does not change

HEAT_FULL = 0.25  # the difference at which the heat map is brightest

HEAT_UNKNOWN = 96  # gray, which the colors of the heat map do not hold


def luminance(picture: np.ndarray) -> np.ndarray:
    """The gray picture (H, W) of an RGB one."""
    return picture @ LUMA


def visible(back: np.ndarray, forth: np.ndarray) -> np.ndarray:
    """Where a pixel can be found in the earlier picture, by the geometry of the flow alone: a mask.

    back, forth: flow to the earlier picture and from it. A pixel counts where its target lies inside the picture, back and
    forth agree, and it is no motion boundary (Ruder et al. 2016, arXiv:1604.08610, section 3.1). Colors are not asked: a
    pixel that flickers may not leave the measurement because it does.
    """
    return ~(outside(back) | disoccluded(back, forth) | motion_boundary(back))


def bilinear_warp(picture: np.ndarray, flow: np.ndarray) -> np.ndarray:
    """output[p] = picture[p + flow[p]], bilinear between pixels, beyond the edges the edge's own; (H, W, 3) float32.

    cv2.remap would round the place to 1/32 pixel, which is more than a steady clip's error.
    """
    height, width = picture.shape[:2]
    x = np.clip(np.arange(width) + flow[..., 0].astype(np.float64), 0, width - 1)
    y = np.clip(np.arange(height)[:, None] + flow[..., 1].astype(np.float64), 0, height - 1)
    left, top = (np.floor(each).astype(np.intp) for each in (x, y))
    right, below = np.minimum(left + 1, width - 1), np.minimum(top + 1, height - 1)
    across, down = ((each - whole).astype(np.float32)[..., None] for each, whole in ((x, left), (y, top)))
    upper = picture[top, left] * (1 - across) + picture[top, right] * across
    lower = picture[below, left] * (1 - across) + picture[below, right] * across
    return upper * (1 - down) + lower * down


def warp_difference(now: np.ndarray, earlier: np.ndarray, flow: np.ndarray) -> np.ndarray:
    """d = now - the earlier picture moved along the flow (from now to earlier), (H, W, 3)."""
    return now - bilinear_warp(earlier, flow)


def warp_error(difference: np.ndarray, mask: np.ndarray) -> float | None:
    """sqrt(sum M d^2 / (3 sum M)): Lai et al. 2018 (arXiv:1808.00449), eq. 12.

    Departure: the root of the mean over RGB, so that it is in units of the pictures' range; theirs is the square, summed.
    """
    count = int(np.count_nonzero(mask))
    if not count:
        return None
    return float(np.sqrt(np.square(difference[mask], dtype=np.float64).sum() / (3 * count)))


def all_pixel_error(difference: np.ndarray, mask: np.ndarray) -> float:
    """sum M d^2 / (3 H W): the temporal loss of Ruder et al. 2016 (arXiv:1604.08610), eq. 7, over every pixel.

    Pixels outside the mask are 0 above the line and count below it.
    """
    return float(np.square(difference[mask], dtype=np.float64).sum() / difference.size)


def flow_difference(source: np.ndarray, output: np.ndarray) -> float:
    """tOF of Chu et al. 2020 (TecoGAN, arXiv:1811.09393): mean absolute difference of two flows, in pixels.

    source, output: the flow of a pair of source frames and of the same pair of output frames. The mean is over every
    pixel and both components.
    """
    return float(np.abs(source - output).mean(dtype=np.float64))


def still(flow: np.ndarray, now: np.ndarray, earlier: np.ndarray) -> np.ndarray:
    """Where the source does not move or change: a mask, from its flow and its two pictures."""
    moved = np.square(flow).sum(axis=2) >= STILL_FLOW**2
    return ~moved & (np.abs(now - earlier).mean(axis=2) < STILL_DIFFERENCE)


def flicker(now: np.ndarray, earlier: np.ndarray, mask: np.ndarray) -> float | None:
    """The root mean square difference of two pictures, unmoved, over RGB and the mask."""
    return warp_error(now - earlier, mask)


def heat(difference: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """The root mean square of d over RGB as colors, uint8 (H, W, 3) RGB.

    Black is 0 and the brightest yellow HEAT_FULL or more (OpenCV's Inferno); outside the mask it is gray.
    """
    share = np.sqrt(np.square(difference).mean(axis=2)) / HEAT_FULL
    colors = cv2.applyColorMap(np.rint(np.clip(share, 0, 1) * 255).astype(np.uint8), cv2.COLORMAP_INFERNO)
    return np.where(mask[..., None], cv2.cvtColor(colors, cv2.COLOR_BGR2RGB), np.uint8(HEAT_UNKNOWN))


def sharpness(gray: np.ndarray) -> float:
    """Mean gradient energy of a gray picture: the mean squares of its steps across and down, added."""
    across, down = np.diff(gray, axis=1), np.diff(gray, axis=0)
    return float(np.square(across, dtype=np.float64).mean() + np.square(down, dtype=np.float64).mean())


def brightness(gray: np.ndarray) -> float:
    """The mean of a gray picture."""
    return float(gray.mean(dtype=np.float64))


def contrast(gray: np.ndarray) -> float:
    """The standard deviation of a gray picture."""
    return float(gray.std(dtype=np.float64))
