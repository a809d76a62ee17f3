"""What newly visible regions start from, so that they look stylized from their first iteration on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from videostyle.stylizers.colors import color_map_between, recolored
from videostyle.tensors import resize, to_array, to_tensor

SAMPLES = 32
"""Longer side of the grid of samples of the last frame from which colors are looked up."""

COLOR_REACH = 0.06
"""Distance in RGB in [0, 1] at which a sample's weight has fallen to exp(-1/2)."""

PLACE_REACH = 0.25
"""The same for the distance in place, as a share of the longer side."""

DETAIL = 1 / 48
"""Share of the longer side: finer structure is detail, coarser is color."""

DETAIL_KEPT = 0.5
"""Share of the frame's own detail that is kept; the colors looked up per pixel hold a part of it already."""

AGREES, DIFFERS = 0.05, 0.2
"""Mean RGB difference of the warped source up to which the warped content is right, and from which it is wrong."""

CHUNK = 8192
"""Pixels looked up at once: bounds the memory of the distance matrix."""


@dataclass(frozen=True)
class Carried:
    """The last frame warped to the current one. Pictures are float32 (1, 3, H, W) RGB in [0, 1]."""

    picture: Tensor
    """The last stylized picture, warped."""
    consistency: Tensor
    """(1, 1, H, W) in [0, 1]; 0 where the last picture says nothing about this frame."""
    mismatch: Tensor
    """(1, 1, H, W), difference between the last source frame, warped, and this one; see `mismatch`."""
    last_picture: Tensor
    """The last stylized picture, not warped."""
    last_source: Tensor
    """Its source frame."""
    source: Tensor
    """The current source frame."""

    @property
    def wrong(self) -> Tensor:
        """Where the warped content is wrong, (1, 1, H, W) in [0, 1]."""
        return wrong_content(self.consistency, self.mismatch)


Fill = Callable[[Carried], Tensor]
"""Returns the warped picture with its wrong content replaced: the picture that a frame's iterations start from."""


def mismatch(warped_source: Tensor, source: Tensor) -> Tensor:
    """Mean absolute RGB difference between two frames (1, 3, H, W), as (1, 1, H, W).

    The largest of each pixel's neighborhood, almost without smoothing: a slow object uncovers strips a pixel or two wide, and
    smoothing that hides them would leave a trail.
    """
    difference = blurred((warped_source - source).abs().mean(dim=1, keepdim=True), 0.6)
    return F.max_pool2d(difference, 3, stride=1, padding=1)


def wrong_content(consistency: Tensor, mismatch: Tensor) -> Tensor:
    """Where the warped content is wrong: inconsistent motion that shows something else; all (1, 1, H, W), in [0, 1]."""
    return (1 - consistency) * ((mismatch - AGREES) / (DIFFERS - AGREES)).clamp(0, 1)


def fill_by_lookup(carried: Carried) -> Tensor:
    """Replaces wrong content by a guess: the colors that similar source colors nearby had in the last stylized picture, and
    half of the frame's own detail. What the flow brought from a wrong place would be a ghost."""
    wrong, source = carried.wrong, carried.source
    indices = (wrong > 0).flatten().nonzero().squeeze(1)
    if not len(indices):
        return carried.picture
    guess = pixel_rows(DETAIL_KEPT * (source - blurred(source, DETAIL * max(source.shape[2:])))).contiguous()
    guess[indices] += looked_up(indices, carried.last_picture, carried.last_source, source)
    filled = guess.view(1, *source.shape[2:], 3).permute(0, 3, 1, 2)
    return torch.lerp(carried.picture, filled.clamp(0, 1), wrong)


def fill_by_recoloring(carried: Carried) -> Tensor:
    """Replaces wrong content by the frame itself in the colors of the last stylized picture.

    For few iterations per frame: looked-up colors of an object that is hardly stylized yet are not its final ones, and never
    become so.
    """
    source = np.rint(to_array(carried.source) * 255).astype(np.uint8)
    colors = color_map_between(to_array(carried.last_source), to_array(carried.last_picture))
    guess = to_tensor(recolored(source, colors), str(carried.picture.device))
    return torch.lerp(carried.picture, guess, carried.wrong)


def fill_from(picture_of: Callable[[Tensor], Tensor]) -> Fill:
    """Replaces wrong content by another stylized picture of the frame, such as a style model's.

    picture_of: from a source frame to that picture, both float32 (1, 3, H, W) in [0, 1].
    """

    def fill(carried: Carried) -> Tensor:
        wrong = carried.wrong
        return torch.lerp(carried.picture, picture_of(carried.source), wrong) if wrong.any() else carried.picture

    return fill


def pixel_rows(image: Tensor) -> Tensor:
    """(1, C, H, W) as rows (H W, C)."""
    return image.permute(0, 2, 3, 1).reshape(-1, image.shape[1])


def looked_up(indices: Tensor, last_picture: Tensor, last_source: Tensor, source: Tensor) -> Tensor:
    """Stylized colors (n, 3) for some pixels of a source frame: a mean over samples of the last frame, weighted by similarity.

    Kernel regression (Nadaraya 1964, Watson 1964) over color and place, as in a joint bilateral filter. indices: of pixels,
    into the flattened picture.
    """
    longer = max(last_picture.shape[2:])
    height, width = (max(1, round(side * SAMPLES / longer)) for side in last_picture.shape[2:])
    grid = height, width
    sample_keys = _keys(resize(last_source, grid), longer / SAMPLES)
    sample_colors = pixel_rows(resize(last_picture, grid))
    keys = _keys(source, 1.0, indices)
    colors = [
        torch.softmax(-0.5 * torch.cdist(chunk, sample_keys).square(), dim=1) @ sample_colors
        for chunk in keys.split(CHUNK)
    ]
    return torch.cat(colors)


def _keys(image: Tensor, pitch: float, indices: Tensor | None = None) -> Tensor:
    """Color and place of pixels, (n, 5), scaled so that a distance of 1 is one reach.

    pitch: distance between pixels. indices: into the flattened picture; None for all, in order.
    """
    height, width = image.shape[2:]
    longer = pitch * max(height, width)
    indices = torch.arange(height * width, device=image.device) if indices is None else indices
    places = (torch.stack((indices // width, indices % width), dim=1) + 0.5) * pitch / longer
    return torch.cat((pixel_rows(image)[indices] / COLOR_REACH, places / PLACE_REACH), dim=1)


def blurred(image: Tensor, sigma: float) -> Tensor:
    """Gaussian blur of (1, C, H, W) with replicated edges; sigma in pixels."""
    radius = max(1, int(3 * sigma))
    kernel = torch.exp(-0.5 * (torch.arange(-radius, radius + 1, device=image.device) / sigma).square())
    kernel = kernel / kernel.sum()
    channels = image.shape[1]
    padded = F.pad(image, (radius, radius, radius, radius), mode="replicate")
    across = F.conv2d(padded, kernel.view(1, 1, 1, -1).expand(channels, 1, 1, -1), groups=channels)
    return F.conv2d(across, kernel.view(1, 1, -1, 1).expand(channels, 1, -1, 1), groups=channels)
