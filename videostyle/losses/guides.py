"""Guides: soft masks of a frame as the layers of the network see them, for Gram matrices of parts of a frame.

Masks, transparency, regions and the map of what is new are all guides. Guided Gram matrices are from Gatys et al. 2017
(arXiv:1611.07865, section 4).
"""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil

import torch
import torch.nn.functional as F
from torch import Tensor

from videostyle.losses.tiles import Tile, reach_of, stride_of

SMALLEST_NORM = 1e-12
"""What a squared norm or a sum of weights is at least taken to be, where it is divided by: a target may be black."""


def guide_at(layer: str, mask: Tensor, around: Tensor | None = None) -> Tensor:
    """How far each place of a layer counts, (1, 1, h, w): the mean of a mask (1, 1, H, W) over the pixels of the place.

    around: a mask that contains this one. A place counts in proportion to the share that lies inside it of all that the place
    sees, its receptive field: what sees across the border of a region has features of neither side.
    """
    stride = stride_of(layer)
    places = F.avg_pool2d(mask, stride)
    if around is None:
        return places
    reach = ceil(reach_of(layer) / stride)
    inside = F.avg_pool2d(around, stride)
    return places * F.avg_pool2d(inside, 2 * reach + 1, stride=1, padding=reach, count_include_pad=False)


def shares_of(masks: Sequence[Tensor], layer: str, around: Tensor | None = None) -> Tensor:
    """The share of each mask in their sum, at the places of a layer: (masks, 1, 1). Arguments as in `guide_at`."""
    sums = torch.stack([guide_at(layer, mask, around).sum() for mask in masks])
    return (sums / sums.sum().clamp_min(SMALLEST_NORM))[:, None, None]


def place_weights(
    mask: Tensor, tiles: Sequence[Tile], layers: Sequence[str], around: Tensor | None = None
) -> list[dict[str, Tensor]]:
    """By tile and layer, the square root of a guide at the places of the core, (h, w, 1). mask, around: as in `guide_at`.

    It is scaled so that the guide's mean over the places of the image is 1: the Gram matrix of activations times this is
    sum(guide F F^T) / sum(guide), the guided one of Gatys et al. 2017.
    """
    cores: list[dict[str, Tensor]] = [{} for _ in tiles]
    for layer in layers:
        guide = guide_at(layer, mask, around)
        root = (guide / guide.mean().clamp_min(SMALLEST_NORM)).sqrt()[0, 0, :, :, None]
        for core, tile in zip(cores, tiles, strict=True):
            core[layer] = root[*tile.core(layer)]
    return cores
