"""What the terms of L compare a stylized frame with: its source, its styles, the last frame, and masks of its parts."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from videostyle.losses.tiles import Tile, tiles_of
from videostyle.models.vgg import Features

PAINTED = "painted"
"""The guide that is 1 where a frame is stylized and 0 where it is transparent or masked; without it, all is stylized."""

NEW = "new"
"""The guide that is 1 where what a frame shows has only come into view, and 0 where it is known from earlier frames."""

PLAIN = "plain"
"""The name of what no region claims, which has the plain styles."""

LEAST_PART = 0.02
"""Share of a frame below which what is new, or the rest, of a region has no Gram matrix of its own."""


def region_name(number: int) -> str:
    """The guide of a region with a style of its own. number: from 1."""
    return f"region {number}"


def nothing_painted(guides: Mapping[str, np.ndarray]) -> bool:
    """Whether the masks of a frame leave nothing of it to be stylized."""
    return PAINTED in guides and not guides[PAINTED].any()


def painted_mean(image: Tensor, guides: Mapping[str, np.ndarray]) -> float:
    """The mean of (1, 1, H, W) over what is painted of a frame."""
    if PAINTED not in guides:
        return float(image.mean())
    return float(np.average(image[0, 0].cpu().numpy(), weights=guides[PAINTED]))


def region_masks(guides: Mapping[str, Tensor], names: Iterable[str], whole: Tensor) -> dict[str, Tensor]:
    """The masks (1, 1, H, W) of all regions, PLAIN first, which add up to what is painted.

    guides: those of a frame. names: of the guides of regions. whole: the mask of the whole frame.
    """
    painted = guides.get(PAINTED, whole)
    masks = {name: painted * guides[name] for name in names}
    rest = (painted - sum(masks.values(), torch.zeros_like(whole))).clamp_min(0) if masks else painted
    return {PLAIN: rest, **masks}


StyleStatistics = Mapping[str, Mapping[str, Tensor]]
"""What the terms compare with a style, or with a mix of several: the `style_statistic` of each term that has one, by its name
in TERMS and by layer."""


@dataclass(frozen=True)
class LocalColors:
    """The colors that parts of a frame should have on average."""

    colors: Tensor
    """Of each pixel, float32 (1, 3, H, W) RGB in [0, 1]."""

    weights: Tensor
    """How far each pixel counts, (1, 1, H, W) in [0, 1]."""


@dataclass(frozen=True)
class Region:
    """A part of a frame and its style."""

    mask: Tensor | None
    """(1, 1, H, W) in [0, 1]; None for the whole frame."""

    style: StyleStatistics
    """The statistics of its style."""


@dataclass(frozen=True)
class FrameTargets:
    """What the terms compare a stylized frame with."""

    features: Features
    """The network whose activations are compared."""

    content: Tensor
    """The source frame, float32 (1, 3, H, W) in [0, 1]."""

    style: StyleStatistics
    """The statistics of the style, at this size. See `StyleTargets`."""

    warped: Tensor | None = None
    """The last stylized frame warped to this one, (1, 3, H, W); None for a frame without one."""

    hold: Tensor | None = None
    """How firmly each pixel is held to the warped frame, (1, 1, H, W), 0 or more; 0 where that says nothing."""

    guides: Mapping[str, Tensor] = field(default_factory=dict)
    """Masks by name, (1, 1, H, W) in [0, 1]; empty if none are given."""

    matches: Mapping[str, Tensor] = field(default_factory=dict)
    """By layer, the numbers of the style's places that the frame's places are to look like; see `neighbors.look_up`."""

    local_colors: LocalColors | None = None
    """The colors that the new part of a frame should have on average; None for a frame without such a part."""

    strength: float = 1.0
    """How far the style is aimed at, in [0, 1]; at 0 it would be the source frame's own statistics."""

    region_styles: Mapping[str, StyleStatistics] = field(default_factory=dict)
    """As `style`, of each region that has a style of its own, by the name of its guide. All guides of regions add up to 1 at
    most; what they leave has the plain style."""

    @property
    def tiles(self) -> list[Tile]:
        return tiles_of((self.content.shape[2], self.content.shape[3]))

    @torch.no_grad()
    def content_activations(self, layers: tuple[str, ...]) -> list[dict[str, Tensor]]:
        """By tile and layer, the source frame's activations (h, w, C) of the core, copied."""
        copies = []
        for tile in self.tiles:
            activations = self.features.forward(tile.of(self.content), layers)
            copies.append({layer: tile.own(layer, whole).clone() for layer, whole in activations.items()})
        return copies

    @torch.no_grad()
    def content_sums(
        self, layers: tuple[str, ...], statistic: Callable[[str, Tensor, Tile], Tensor]
    ) -> dict[str, Tensor]:
        """A statistic of the source frame by layer, summed over the tiles."""
        sums: dict[str, Tensor] = {}
        for tile in self.tiles:
            for layer, whole in self.features.forward(tile.of(self.content), layers).items():
                sums[layer] = statistic(layer, tile.own(layer, whole), tile) + sums.get(layer, 0)
        return sums

    def regions(self) -> list[Region]:
        """The parts of the frame that have a style each, without those that are empty."""
        if PAINTED not in self.guides and not self.region_styles:
            return [Region(None, self.style)]
        masks = region_masks(self.guides, self.region_styles, torch.ones_like(self.content[:, :1]))
        styles = {PLAIN: self.style, **self.region_styles}
        return [Region(mask, styles[name]) for name, mask in masks.items() if mask.any()]

    def parts(self, region: Region) -> list[Tensor | None]:
        """The masks (1, 1, H, W) in [0, 1] of what is new in a region and of its rest; else, without the guide NEW and where
        one of them is too small for a Gram matrix of its own, the region's mask."""
        if NEW not in self.guides:
            return [region.mask]
        new, mask = self.guides[NEW], torch.ones_like(self.guides[NEW]) if region.mask is None else region.mask
        parts: list[Tensor | None] = [mask * new, mask * (1 - new)]
        shares = [float(part.mean()) for part in parts if part is not None]
        return parts if min(shares) >= LEAST_PART else [region.mask]
