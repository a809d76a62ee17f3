"""What the style terms compare a frame with: statistics of the style images, at each size that they are asked for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
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

Known = dict[tuple[int, Palette | None], StyleStatistics]
"""The statistics of a style image, by its longer side in pixels and the palette that it was given."""


class StyleTargets:
    """The statistics of the style images, such as their Gram matrices, computed once for each size and palette.

    images: float32 (1, 3, H, W) RGB in [0, 1]. terms: those that the statistics are for. known: where the statistics of each
    image are kept; other targets with the same image, features and terms may share them.
    """

    def __init__(
        self,
        features: Features,
        images: list[Tensor],
        options: StyleOptions | None = None,
        terms: Mapping[str, type[Term]] = TERMS,
        known: Sequence[Known] | None = None,
    ):
        self.features, self.images, self.terms = features, images, terms
        self.options = StyleOptions() if options is None else options
        self.known: Sequence[Known] = [{} for _ in images] if known is None else known

    def at(self, size: Size, time: Fraction = Fraction(0), palette: Palette | None = None) -> list[StyleStatistics]:
        """The statistics of each style image, for a frame of (height, width).

        time: of the frame, in seconds from the clip's first one; the styles do not change over time yet. palette: the colors
        that the style images are given; None: they keep their own.
        """
        longer = round(max(size) * self.options.style_scale)
        return [self._of(*each, longer, palette) for each in zip(self.images, self.known, strict=True)]

    def _of(self, image: Tensor, known: Known, longer: int, palette: Palette | None) -> StyleStatistics:
        """The statistics of an image, computed where they are not known yet. Of palettes, only the newest one's are kept."""
        if (longer, palette) not in known:
            for outdated in [key for key in known if key[1] not in (None, palette)]:
                del known[outdated]
            known[longer, palette] = self._statistics(image, longer, palette)
        return known[longer, palette]

    @torch.no_grad()
    def _statistics(self, image: Tensor, longer: int, palette: Palette | None) -> StyleStatistics:
        if palette is not None:
            image = from_array(recolored_to(to_array(image), palette), str(image.device))
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
