"""The Gram matrices of the style images, at each size that they are asked for."""

from __future__ import annotations

from fractions import Fraction

import torch
from torch import Tensor

from videostyle.frames import SMALLEST_SIDE, Size
from videostyle.losses.objective import sum_over_tiles
from videostyle.losses.terms import STYLE_LAYERS, gram
from videostyle.losses.tiles import CORE, tiles_of
from videostyle.models.vgg import Features
from videostyle.tensors import resize


class StyleTargets:
    """Gram matrices of the style images, computed once for each size.

    images: float32 (1, 3, H, W) RGB in [0, 1]. scale: size of the strokes relative to the frame.
    """

    def __init__(self, features: Features, images: list[Tensor], scale: float = 1.0):
        self.features, self.images, self.scale = features, images, scale
        self.grams: dict[int, list[dict[str, Tensor]]] = {}

    def at(self, size: Size, time: Fraction = Fraction(0)) -> list[dict[str, Tensor]]:
        """Gram matrices (C, C) by layer of each style image, for a frame of (height, width).

        time: of the frame, in seconds from the clip's first one; the styles do not change over time yet.
        """
        longer = max(size)
        if longer not in self.grams:
            self.grams[longer] = [self._grams(image, round(longer * self.scale)) for image in self.images]
        return self.grams[longer]

    @torch.no_grad()
    def _grams(self, image: Tensor, longer: int) -> dict[str, Tensor]:
        scaled = resize(image, style_size((image.shape[2], image.shape[3]), longer))
        # in tiles at any size: the memory check counts a frame only, and at scale 2 a style image has four times its pixels
        tiles = tiles_of((scaled.shape[2], scaled.shape[3]), CORE)
        (grams,) = sum_over_tiles(self.features, tiles, scaled, [(STYLE_LAYERS, gram)])
        return grams


def style_size(style: Size, longer: int) -> Size:
    """(height, width) that a style image is scaled to: its longer side as given, its shorter one at least SMALLEST_SIDE."""
    scale = longer / max(style)
    height, width = (max(SMALLEST_SIDE, round(side * scale)) for side in style)
    return height, width
