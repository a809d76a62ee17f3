"""The Gram matrices that the style term compares with, at each size."""

from __future__ import annotations

import torch
from torch import Tensor

from videostyle.frames import Size
from videostyle.losses.terms import gram_sum
from videostyle.losses.tiles import CORE, Tile, places_of, tiles_of
from videostyle.models.fast.inplace import InPlace, Traced
from videostyle.models.vgg import SMALLEST_SIDE, STYLE_LAYERS, VGG19Features
from videostyle.tensors import resize


def grams_of(passes: InPlace | Traced, picture: Tensor, tiles: list[Tile]) -> dict[str, Tensor]:
    """The Gram matrices (C, C) by style layer of a picture (1, 3, H, W) that is seen in these tiles."""
    size = (picture.shape[2], picture.shape[3])
    found: dict[str, Tensor] = {}
    for tile in tiles:
        seen = passes.forward(tile.of(picture), STYLE_LAYERS[-1])
        for layer in STYLE_LAYERS:
            part = gram_sum(tile.own(layer, seen[layer])) / places_of(layer, size)
            found[layer] = part + found.get(layer, 0)
    return found


def style_size(style: Size, longer: int) -> Size:
    """The size a style is seen at: its longer side equals the frame's, its shorter one at least SMALLEST_SIDE."""
    scale = longer / max(style)
    height, width = (max(SMALLEST_SIDE, round(side * scale)) for side in style)
    return height, width


class StyleTargets:
    """Gram matrices of the style pictures, computed once for each size they are asked for.

    pictures: float32 (1, 3, H, W) RGB in [0, 1], one for each style. scale: size of the strokes relative to the picture.
    """

    def __init__(self, extract: VGG19Features, pictures: list[Tensor], scale: float = 1.0):
        self.extract, self.pictures, self.scale = extract, pictures, scale
        self.grams: dict[int, list[dict[str, Tensor]]] = {}

    def at(self, size: Size) -> list[dict[str, Tensor]]:
        """Gram matrices by layer for each style, for a frame of this (height, width)."""
        longer = max(size)
        if longer not in self.grams:
            self.grams[longer] = [self._grams(picture, round(longer * self.scale)) for picture in self.pictures]
        return self.grams[longer]

    @torch.no_grad()
    def _grams(self, picture: Tensor, longer: int) -> dict[str, Tensor]:
        height, width = picture.shape[2:]
        scaled = resize(picture, style_size((height, width), longer))
        # always in tiles: strokes at twice the size would take four times the frame's memory, which is all that was checked
        return grams_of(self.extract.passes, scaled, tiles_of((scaled.shape[2], scaled.shape[3]), CORE))
