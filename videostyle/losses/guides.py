"""Guides: soft masks of a frame as the layers of the network see them, for Gram matrices of parts of a frame.

Guided Gram matrices are from Gatys et al. 2017 (arXiv:1611.07865, section 4).
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from videostyle.losses.tiles import Tile, stride_of

SMALLEST_NORM = 1e-12
"""What a squared norm or a sum of weights is at least taken to be, where it is divided by: a target may be black."""


def shares_of(masks: Sequence[Tensor], layer: str) -> Tensor:
    """The share of each mask (1, 1, H, W) in their sum, at the places of a layer: (masks, 1, 1)."""
    sums = torch.stack([F.avg_pool2d(mask, stride_of(layer)).sum() for mask in masks])
    return (sums / sums.sum().clamp_min(SMALLEST_NORM))[:, None, None]


def place_weights(guide: Tensor, tiles: Sequence[Tile], layers: Sequence[str]) -> list[dict[str, Tensor]]:
    """By tile and layer, the square root of a guide (1, 1, H, W) at the places of the core, (h, w, 1).

    The guide is averaged over the pixels of a place, and scaled so that its mean over the places of the image is 1: the Gram
    matrix of activations times this is sum(guide F F^T) / sum(guide), the guided one of Gatys et al. 2017 (arXiv:1611.07865,
    section 4).
    """
    cores = [
        {layer: tile.own(layer, F.avg_pool2d(tile.of(guide), stride_of(layer))[0, 0, :, :, None]) for layer in layers}
        for tile in tiles
    ]
    sums = {layer: torch.stack([core[layer].sum() for core in cores]).sum() for layer in layers}
    means = {layer: total / tiles[0].places(layer) for layer, total in sums.items()}
    return [
        {layer: (part / means[layer].clamp_min(SMALLEST_NORM)).sqrt() for layer, part in core.items()} for core in cores
    ]
