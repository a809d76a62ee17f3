"""What a newly visible region starts from, so that it is painted from its first iteration on."""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from videostyle.tensors import resize

SAMPLES = 32  # longer side of the grid of samples that colors are learned from

COLOR_REACH = 0.06  # a sample counts by its color's distance over this (RGB in [0, 1]) ...

PLACE_REACH = 0.25  # ... and its place's distance over this, in longer sides

BAND = 1 / 8  # of the longer side: wide enough for several strokes

DETAIL = 1 / 48  # what is finer than this share of the longer side is detail, what is coarser is color

KEPT = 0.5  # of the detail: colors looked up for each pixel have a part of it already

AGREES, DIFFERS = 0.05, 0.2  # mean RGB difference of the carried source up to which it is kept, from which replaced

CHUNK = 8192  # pixels answered at once: bounds the memory of the distance matrix


def inside(flow: np.ndarray) -> np.ndarray:
    """The flow (H, W, 2) with targets beyond an edge moved back into the picture by whole bands: what a camera's move brings
    in takes its strokes from a band's width further in. (Mirroring or holding the edge draws it out into streaks: in a slow
    pan each frame repeats the edge's own row.)"""
    height, width = flow.shape[:2]
    found = flow.astype(np.float32)
    places = np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32)[:, None]
    for axis, (place, last) in enumerate(zip(places, (width - 1, height - 1), strict=True)):
        band = min(BAND * max(height, width), last)
        target = place + found[..., axis]
        beyond = (target < 0) | (target > last)
        bands = np.ceil(np.maximum(-target, 0) / band) - np.ceil(np.maximum(target - last, 0) / band)
        found[..., axis] = np.where(beyond, np.clip(target + band * bands, 0, last) - place, found[..., axis])
    return found


def mismatch(carried: Tensor, now: Tensor) -> Tensor:
    """How far the carried source differs from this one: mean absolute RGB difference, (1, 1, H, W).

    The largest within a pixel, and hardly smoothed: what a slow thing uncovers in a frame is a strip of a pixel or two, and
    where smoothing hides that, the thing leaves a trail.
    """
    difference = blurred((carried - now).abs().mean(dim=1, keepdim=True), 0.6)
    return F.max_pool2d(difference, 3, stride=1, padding=1)


def replaced(mismatch: Tensor) -> Tensor:
    """How far the carried picture shows another thing than the frame does, in [0, 1]; mismatch, result: (1, 1, H, W)."""
    return ((mismatch - AGREES) / (DIFFERS - AGREES)).clamp(0, 1)


def fill_new(
    warped: Tensor, consistency: Tensor, mismatch: Tensor, picture: Tensor, before: Tensor, now: Tensor
) -> Tensor:
    """The carried picture, repainted by a guess where it is new_share and shows another thing than the frame does.

    The guess has the colors that the last painting gave to such source colors nearby, and half of the frame's own detail.
    What the flow brought from a wrong place would be a ghost. warped: the last picture carried here; mismatch: (1, 1, H, W),
    the difference of the carried source from this one; picture: the last picture; before, now: the last and this source frame;
    pictures (1, 3, H, W) in [0, 1]; consistency: (1, 1, H, W).
    """
    share = (1 - consistency) * replaced(mismatch)
    new = (share > 0).flatten().nonzero().squeeze(1)
    if not len(new):
        return warped
    columns = pixels(KEPT * (now - blurred(now, DETAIL * max(now.shape[2:])))).contiguous()
    columns[new] += looked_up(new, picture, before, now)
    guess = columns.view(1, *warped.shape[2:], 3).permute(0, 3, 1, 2)
    return torch.lerp(warped, guess.clamp(0, 1), share)


def pixels(image: Tensor) -> Tensor:
    """(1, 3, H, W) as rows (H W, 3)."""
    return image.permute(0, 2, 3, 1).reshape(-1, image.shape[1])


def looked_up(new: Tensor, picture: Tensor, before: Tensor, now: Tensor) -> Tensor:
    """The painted color (n, 3) of each new pixel: a mean over samples of the last frame, weighted by how like they are.

    Kernel regression (Nadaraya 1964, Watson 1964) over color and place, as in a joint bilateral filter. new: indices
    into the flattened picture.
    """
    longer = max(picture.shape[2:])
    height, width = (max(1, round(side * SAMPLES / longer)) for side in picture.shape[2:])
    grid = height, width
    known = _keys(resize(before, grid), longer / SAMPLES)
    answers = pixels(resize(picture, grid))
    asked = _keys(now, 1.0, new)
    found = [torch.softmax(-0.5 * torch.cdist(part, known).square(), dim=1) @ answers for part in asked.split(CHUNK)]
    return torch.cat(found)


def _keys(image: Tensor, pitch: float, which: Tensor | None = None) -> Tensor:
    """Color and place of pixels, (n, 5), so scaled that a distance of 1 is one reach. pitch: a pixel's width. which: their
    indices into the flattened picture; all in order without."""
    height, width = image.shape[2:]
    longer = pitch * max(height, width)
    which = torch.arange(height * width, device=image.device) if which is None else which
    places = (torch.stack((which // width, which % width), dim=1) + 0.5) * pitch / longer
    return torch.cat((pixels(image)[which] / COLOR_REACH, places / PLACE_REACH), dim=1)


def blurred(image: Tensor, sigma: float) -> Tensor:
    """Gaussian blur of (1, C, H, W), the edge's own pixels beyond the edge; sigma in pixels."""
    radius = max(1, int(3 * sigma))
    kernel = torch.exp(-0.5 * (torch.arange(-radius, radius + 1, device=image.device) / sigma).square())
    kernel = kernel / kernel.sum()
    channels = image.shape[1]
    padded = F.pad(image, (radius, radius, radius, radius), mode="replicate")
    across = F.conv2d(padded, kernel.view(1, 1, 1, -1).expand(channels, 1, 1, -1), groups=channels)
    return F.conv2d(across, kernel.view(1, 1, -1, 1).expand(channels, 1, -1, 1), groups=channels)
