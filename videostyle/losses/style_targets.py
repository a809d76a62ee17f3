"""What the style terms compare a frame with: statistics of the style images, at each size that they are asked for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

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
from videostyle.schedules import initial
from videostyle.tensors import from_array, resize, to_array

Known = dict[tuple[int, Palette | None], StyleStatistics]
"""The statistics of a style image, by its longer side in pixels and the palette that it was given."""

KEPT = 12
"""Sizes of a style image that are kept: those of a first frame's scales, and some more where sizes change over time."""


class StyleTargets:
    """The statistics of the style images, such as their Gram matrices, computed once for each size and palette, and mixes of
    them.

    images: float32 (1, 3, H, W) RGB in [0, 1]. terms: those that the statistics are for. known: where the statistics of each
    image are kept; other targets with the same image, features and terms may share them. mix: the share of each style, which
    add up to 1, where a frame has none of its own; empty for equal shares. counts: how many of the images each style has, as
    equal parts of it; empty for one each.
    """

    def __init__(
        self,
        features: Features,
        images: list[Tensor],
        options: StyleOptions | None = None,
        terms: Mapping[str, type[Term]] = TERMS,
        known: Sequence[Known] | None = None,
        mix: Sequence[float] = (),
        counts: Sequence[int] = (),
    ):
        self.features, self.images, self.terms = features, images, terms
        self.known: Sequence[Known] = [{} for _ in images] if known is None else known
        self.counts = counts or [1] * len(images)
        self.mix = mix or [1 / len(self.counts)] * len(self.counts)
        self.scale = initial((StyleOptions() if options is None else options).style_scale)

    def at(
        self, size: Size, mix: Sequence[float] = (), scale: float | None = None, palette: Palette | None = None
    ) -> StyleStatistics:
        """The statistics of a mix of the styles, for a frame of (height, width).

        mix: the share of each style, which add up to 1; empty for the one given to all frames. scale: size of the style
        images relative to the frame; None for that of the options. palette: the colors that the style images are given; None:
        they keep their own.
        """
        longer = round(max(size) * (self.scale if scale is None else scale))
        images = zip(self.shares(mix), self.images, self.known, strict=True)
        own = [(share, self._of(image, known, longer, palette)) for share, image, known in images if share]
        if len(own) == 1:
            return own[0][1]
        return {
            name: {
                layer: self.terms[name].mixed_statistic([(share, each[name][layer]) for share, each in own])
                for layer in own[0][1][name]
            }
            for name in own[0][1]
        }

    def shares(self, mix: Sequence[float]) -> list[float]:
        """The share of each style image. mix: as for `at`."""
        own = zip(mix or self.mix, self.counts, strict=True)
        return [share / count for share, count in own for _ in range(count)]

    def _of(self, image: Tensor, known: Known, longer: int, palette: Palette | None) -> StyleStatistics:
        """The statistics of an image, computed where they are not known yet. Of palettes, only the newest one's are kept."""
        if (longer, palette) not in known:
            for outdated in [key for key in known if key[1] not in (None, palette)]:
                del known[outdated]
            if len(known) >= KEPT:
                del known[next(iter(known))]
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
