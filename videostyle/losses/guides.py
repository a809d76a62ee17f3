"""Guides: soft masks of a frame as the layers of the network see them, for Gram matrices of parts of a frame.

Masks, transparency, regions and the map of what is new are all guides. Guided Gram matrices are from Gatys et al. 2017
(arXiv:1611.07865, section 4).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil

import torch
import torch.nn.functional as F
from torch import Tensor

from videostyle.losses.tiles import Tile, reach_of, stride_of

SMALLEST_NORM = 1e-12
"""What a squared norm or a sum of weights is at least taken to be, where it is divided by: a target may be black."""


@dataclass(frozen=True, eq=False)
class Guide:
    """How far the places of a tile count in a layer, for a Gram matrix."""

    root: Tensor
    """The square root, (h, w, 1): what activations are multiplied by."""
    columns: tuple[tuple[int, int], ...] = ()
    """Of each row, the first place that counts and the one after the last: a region is often a small part of a frame. Empty
    for all places, as on a GPU, where other shapes in every frame would have to be recorded anew."""

    @staticmethod
    def of(root: Tensor) -> Guide:
        if root.device.type != "cpu":
            return Guide(root)
        counts, width = root[..., 0] > 0, root.shape[1]
        firsts, lasts = counts.int().argmax(dim=1), width - counts.flip(1).int().argmax(dim=1)
        lasts = torch.where(counts.any(dim=1), lasts, firsts)
        return Guide(root, tuple(zip(firsts.tolist(), lasts.tolist(), strict=True)))

    def within(self, rows: slice) -> slice:
        """The columns outside which nothing counts in some rows."""
        if not self.columns:
            return slice(None)
        firsts, lasts = zip(*[span for span in self.columns[rows] if span[0] < span[1]] or [(0, 0)], strict=True)
        return slice(min(firsts), max(lasts))


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
) -> list[dict[str, Guide]]:
    """By tile and layer, a guide at the places of the core. mask, around: as in `guide_at`.

    It is scaled so that the guide's mean over the places of the image is 1: the Gram matrix of activations times its root is
    sum(guide F F^T) / sum(guide), the guided one of Gatys et al. 2017.
    """
    cores: list[dict[str, Guide]] = [{} for _ in tiles]
    for layer in layers:
        guide = guide_at(layer, mask, around)
        root = (guide / guide.mean().clamp_min(SMALLEST_NORM)).sqrt()[0, 0, :, :, None]
        for core, tile in zip(cores, tiles, strict=True):
            core[layer] = Guide.of(root[*tile.core(layer)])
    return cores
