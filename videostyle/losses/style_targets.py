"""What the style terms compare a frame with: statistics of the style images, at each size that they are asked for."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction

import torch
from torch import Tensor

from videostyle.frames import SMALLEST_SIDE, Size
from videostyle.losses.frame_targets import StyleStatistics
from videostyle.losses.objective import sum_over_tiles
from videostyle.losses.terms import TERMS, Term
from videostyle.losses.tiles import CORE, tiles_of
from videostyle.models.vgg import Features
from videostyle.option_groups import StyleOptions
from videostyle.palettes import Palette, recolored_to
from videostyle.tensors import from_array, resize, to_array


class StyleTargets:
    """The statistics of the style images, such as their Gram matrices, computed once for each size; those of another palette
    replace them.

    images: float32 (1, 3, H, W) RGB in [0, 1]. terms: those that the statistics are for.
    """

    def __init__(
        self,
        features: Features,
        images: list[Tensor],
        options: StyleOptions | None = None,
        terms: Mapping[str, type[Term]] = TERMS,
    ):
        self.features, self.images, self.terms = features, images, terms
        self.options = StyleOptions() if options is None else options
        self.palette: Palette | None = None
        self.statistics: dict[int, list[StyleStatistics]] = {}

    def at(self, size: Size, time: Fraction = Fraction(0), palette: Palette | None = None) -> list[StyleStatistics]:
        """The statistics of each style image, for a frame of (height, width).

        time: of the frame, in seconds from the clip's first one; the styles do not change over time yet. palette: the colors
        that the style images are given; None: they keep their own.
        """
        if palette != self.palette:
            self.palette, self.statistics = palette, {}
        longer = max(size)
        if longer not in self.statistics:
            scaled = round(longer * self.options.style_scale)
            self.statistics[longer] = [self._statistics(image, scaled) for image in self.images]
        return self.statistics[longer]

    @torch.no_grad()
    def _statistics(self, image: Tensor, longer: int) -> StyleStatistics:
        if self.palette is not None:
            image = from_array(recolored_to(to_array(image), self.palette), str(image.device))
        scaled = resize(image, style_size((image.shape[2], image.shape[3]), longer))
        # in tiles at any size: the memory check counts a frame only, and at scale 2 a style image has four times its pixels
        tiles = tiles_of((scaled.shape[2], scaled.shape[3]), CORE)
        terms = self.terms.items()
        requests = {name: (term.layers, term.style_statistic) for name, term in terms if term.style_statistic}
        return dict(zip(requests, sum_over_tiles(self.features, tiles, scaled, [*requests.values()]), strict=True))


def style_size(style: Size, longer: int) -> Size:
    """(height, width) that a style image is scaled to: its longer side as given, its shorter one at least SMALLEST_SIDE."""
    scale = longer / max(style)
    height, width = (max(SMALLEST_SIDE, round(side * scale)) for side in style)
    return height, width
