"""Formulas of the pixel metrics: flicker, sharpness and luminance of stylized clips, as pure functions on arrays.

Images are float32 (H, W, 3) RGB in [0, 1], gray images (H, W). Flow is (H, W, 2) in pixels, from a frame to an earlier one.
Masks are bool (H, W), True for the pixels that are compared; a metric without any such pixel is None.
"""

from __future__ import annotations

import cv2
import numpy as np

from videostyle.stylizers.colors import LUMA
from videostyle.temporal.consistency import disoccluded, motion_boundary, outside

STILL_FLOW = 0.1  # pixels; slower motion counts as none

STILL_DIFFERENCE = 3 / 255  # mean over RGB; smaller changes of the source count as none

HEAT_FULL = 0.25  # the difference at which the heat map is brightest

HEAT_UNKNOWN = 96  # gray, which the color map does not contain


def luma(image: np.ndarray) -> np.ndarray:
    """The luma plane (H, W) of an RGB image."""
    return image @ LUMA


def followed(back: np.ndarray, forth: np.ndarray) -> np.ndarray:
    """The mask of pixels that the flow follows to the earlier frame: their target lies inside it, and back and forth agree.

    back, forth: flow to the earlier frame and from it.
    """
    return ~(outside(back) | disoccluded(back, forth))


def visible(back: np.ndarray, forth: np.ndarray) -> np.ndarray:
    """The mask of pixels that are visible in the earlier frame, from the flow alone.

    back, forth: flow to the earlier frame and from it. A pixel is visible if the flow follows it, and if it is not at a motion
    boundary (Ruder et al. 2016, arXiv:1604.08610, section 3.1). Colors are not compared: a pixel must not be excluded because
    it flickers.
    """
    return followed(back, forth) & ~motion_boundary(back)


def bilinear_warp(image: np.ndarray, flow: np.ndarray) -> np.ndarray:
    """output[p] = image[p + flow[p]], (H, W, 3) float32: bilinear, with replicated borders.

    cv2.remap rounds positions to 1/32 pixel, which would exceed the error of a steady clip.
    """
    height, width = image.shape[:2]
    x = np.clip(np.arange(width) + flow[..., 0].astype(np.float64), 0, width - 1)
    y = np.clip(np.arange(height)[:, None] + flow[..., 1].astype(np.float64), 0, height - 1)
    left, top = (np.floor(position).astype(np.intp) for position in (x, y))
    right, below = np.minimum(left + 1, width - 1), np.minimum(top + 1, height - 1)
    across, down = ((position - whole).astype(np.float32)[..., None] for position, whole in ((x, left), (y, top)))
    upper = image[top, left] * (1 - across) + image[top, right] * across
    lower = image[below, left] * (1 - across) + image[below, right] * across
    return upper * (1 - down) + lower * down


def warp_difference(now: np.ndarray, earlier: np.ndarray, flow: np.ndarray) -> np.ndarray:
    """d = now - warp(earlier), (H, W, 3); the flow is from now to earlier."""
    return now - bilinear_warp(earlier, flow)


def warp_error(difference: np.ndarray, mask: np.ndarray) -> float | None:
    """sqrt(sum M d^2 / (3 sum M)): Lai et al. 2018 (arXiv:1808.00449), eq. 12.

    Departure: the root of the mean over RGB, in units of the image range; theirs is the square, summed over RGB.
    """
    count = int(np.count_nonzero(mask))
    if not count:
        return None
    return float(np.sqrt(np.square(difference[mask], dtype=np.float64).sum() / (3 * count)))


def all_pixel_error(difference: np.ndarray, mask: np.ndarray) -> float:
    """sum M d^2 / (3 H W): the temporal loss of Ruder et al. 2016 (arXiv:1604.08610), eq. 7.

    Masked pixels add nothing to the sum, but every pixel counts in the denominator.
    """
    return float(np.square(difference[mask], dtype=np.float64).sum() / difference.size)


def flow_difference(source: np.ndarray, output: np.ndarray, mask: np.ndarray) -> float | None:
    """tOF of Chu et al. 2020 (TecoGAN, arXiv:1811.09393): the mean absolute difference of two flows, in pixels.

    source, output: the flow of a pair of source frames and of the same pair of output frames. The mean is over the
    pixels and both components: the L1 norm of the paper. The code in circulation takes Euclidean lengths instead, so its
    figures are not comparable with these.
    """
    return float(np.abs(source - output)[mask].mean(dtype=np.float64)) if mask.any() else None


def still(flow: np.ndarray, now: np.ndarray, earlier: np.ndarray) -> np.ndarray:
    """The mask of pixels where the source neither moves nor changes, from its flow and its two images."""
    moved = np.square(flow).sum(axis=2) >= STILL_FLOW**2
    return ~moved & (np.abs(now - earlier).mean(axis=2) < STILL_DIFFERENCE)


def flicker(now: np.ndarray, earlier: np.ndarray, mask: np.ndarray) -> float | None:
    """The RMS difference of two images without warping, over RGB and the mask."""
    return warp_error(now - earlier, mask)


def share(mask: np.ndarray, inside: np.ndarray) -> float:
    """The share of one mask inside another; 0 where that is empty."""
    return float(mask[inside].mean()) if inside.any() else 0.0


def largest_difference(output: np.ndarray, source: np.ndarray, mask: np.ndarray) -> float | None:
    """The largest difference of two images of 8 bits, (H, W, 3)."""
    return float(np.abs(output.astype(np.int16) - source)[mask].max()) if mask.any() else None


def heat(difference: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """A heat map of the RMS of d over RGB, uint8 (H, W, 3) RGB.

    Black is 0, the brightest yellow is HEAT_FULL or more (OpenCV's Inferno), and masked pixels are gray.
    """
    share = np.sqrt(np.square(difference).mean(axis=2)) / HEAT_FULL
    colors = cv2.applyColorMap(np.rint(np.clip(share, 0, 1) * 255).astype(np.uint8), cv2.COLORMAP_INFERNO)
    return np.where(mask[..., None], cv2.cvtColor(colors, cv2.COLOR_BGR2RGB), np.uint8(HEAT_UNKNOWN))


def sharpness(gray: np.ndarray, mask: np.ndarray) -> float | None:
    """The mean gradient energy of a gray image: mean squared horizontal step plus mean squared vertical step."""
    across = np.diff(gray, axis=1)[mask[:, 1:] & mask[:, :-1]]
    down = np.diff(gray, axis=0)[mask[1:] & mask[:-1]]
    if not across.size or not down.size:
        return None
    return float(np.square(across, dtype=np.float64).mean() + np.square(down, dtype=np.float64).mean())


def brightness(gray: np.ndarray, mask: np.ndarray) -> float | None:
    """The mean of a gray image."""
    return float(gray[mask].mean(dtype=np.float64)) if mask.any() else None


def contrast(gray: np.ndarray, mask: np.ndarray) -> float | None:
    """The standard deviation of a gray image."""
    return float(gray[mask].std(dtype=np.float64)) if mask.any() else None
