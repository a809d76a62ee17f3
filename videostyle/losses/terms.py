"""The terms that L is a sum of: each a class with its formula, and one line in TERMS.

    L(x) = sum over terms of weight * value(x)

A term is relative or a mean, so that its weight holds at any size, style and network. To add one, write its class here, add
its line to TERMS, and its weight, NAME_weight, to ObjectiveOptions in option_groups.py. Its gradient is taken by autograd.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor

from videostyle.losses.frame_targets import FrameTargets
from videostyle.losses.guides import SMALLEST_NORM, Guide, place_weights, shares_of
from videostyle.losses.tiles import Tile
from videostyle.models.fast.matmul import linear
from videostyle.option_groups import ObjectiveOptions, OptimizerOptions
from videostyle.schedules import initial
from videostyle.tensors import strips

CONTENT_LAYERS = ("relu4_2",)

STYLE_LAYERS = ("relu1_1", "relu2_1", "relu3_1", "relu4_1", "relu5_1")

PARTS = 0.5
"""Share of the style term that compares what is new and the rest each on its own, beside the whole frame."""

CELL = 1 / 16
"""Of the longer side: the side of a cell over which colors are averaged."""


class Term:
    """One summand of L.

    The activations of a large image never exist at once, so what a term needs of them is a `statistic` that is summed over
    the tiles, for example a Gram matrix; its `value` follows from the sums, and from the image. The attributes of a term are
    tensors and plain values, or lists and dicts of them, and never the network.
    """

    layers: tuple[str, ...] = ()
    """The layers whose activations the term depends on; () if it depends on the pixels alone."""

    style_statistic: ClassVar[staticmethod[[str, Tensor, Tile], Tensor] | None] = None
    """As `statistic`, but of a style image; None for a term that is not about style."""

    @staticmethod
    def mixed_statistic(parts: Sequence[tuple[float, Tensor]]) -> Tensor:
        """The `style_statistic` of a mix of styles, from that of each with its share; shares add up to 1."""
        return torch.stack([share * statistic for share, statistic in parts]).sum(dim=0)

    spatial: bool = True
    """Whether the term counts in the spatial loss, which judges a frame by itself."""

    def __init__(self, weight: float, targets: FrameTargets):
        # a tensor, as a CUDA graph is recorded anew for another value of anything else, and weights may change over time
        self.weight = targets.content.new_tensor(weight)

    @classmethod
    def applies(cls, targets: FrameTargets) -> bool:
        """Whether there is anything to compare this frame with."""
        return True

    def statistic(self, layer: str, activations: Tensor, tile: Tile) -> Tensor:
        """What is summed over the tiles, of a tile's own activations (h, w, C) of one of `layers`."""
        raise NotImplementedError

    def value(self, image: Tensor, statistics: dict[str, Tensor]) -> Tensor:
        """The term before weighting, a scalar, of the image (1, 3, H, W) in [0, 1] and the sums by layer. Differentiable."""
        raise NotImplementedError

    def spatial_value(self, image: Tensor, statistics: dict[str, Tensor]) -> Tensor:
        """What of the value counts in the spatial loss: all or nothing, unless a term knows better."""
        value = self.value(image, statistics)
        return value if self.spatial else torch.zeros_like(value)

    def add_gradient(self, layer: str, activations: Tensor, gradient: Tensor, slope: Tensor, tile: Tile) -> None:
        """Adds dL/dactivations in place to `gradient`, (h, w, C) like the activations. slope: dL/dstatistic of this layer.

        By autograd through `statistic`; a term overrides it where there is a cheaper way.
        """
        with torch.enable_grad():
            own = activations.detach().requires_grad_()
            (by_activations,) = torch.autograd.grad(self.statistic(layer, own, tile), own, slope)
        gradient += by_activations


class Content(Term):
    """mean over layers of |F(x) - F(c)|^2 / |F(c)|^2, of activations F and the source frame c.

    Gatys et al. 2016 (arXiv:1508.06576), with a departure: relative to the target's squared norm.
    """

    layers = CONTENT_LAYERS

    def __init__(self, weight: float, targets: FrameTargets):
        super().__init__(weight, targets)
        self.targets = targets.content_activations(self.layers)
        self.norms = {
            layer: torch.stack([widened(tile[layer]).square().sum() for tile in self.targets]).sum()
            for layer in self.layers
        }

    def statistic(self, layer: str, activations: Tensor, tile: Tile) -> Tensor:
        return F.mse_loss(widened(activations), widened(self.targets[tile.index][layer]), reduction="sum")

    def value(self, image: Tensor, statistics: dict[str, Tensor]) -> Tensor:
        distances = [statistics[layer] / self.norms[layer].clamp_min(SMALLEST_NORM) for layer in self.layers]
        return torch.stack(distances).mean()


@dataclass(frozen=True)
class RegionTarget:
    """What the Gram matrices of a region's parts are compared with; a region without parts is one part."""

    first: int
    """Number of its first part among those of all regions."""
    area: Tensor
    """Its share of the frame."""
    shares: dict[str, Tensor]
    """By layer, of its parts in it, (parts, 1, 1)."""
    grams: dict[str, Tensor]
    """By layer, what the Gram matrices should be, (parts, C, C)."""
    norms: dict[str, Tensor]
    """By layer, |G|^2 of the style's Gram matrix."""

    def differences(self, statistics: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """By layer, of its parts' Gram matrices from the targets; statistics: those of all regions' parts."""
        return {k: statistics[k][self.first : self.first + len(grams)] - grams for k, grams in self.grams.items()}

    def whole_distance(self, differences: Mapping[str, Tensor]) -> Tensor:
        """d(G) of the region, whose Gram matrix is the mean of its parts', weighted by their shares."""
        means = {layer: (self.shares[layer] * parts).sum(dim=0) for layer, parts in differences.items()}
        return torch.stack([mean.square().sum() / self.norms[layer] for layer, mean in means.items()]).mean()

    def part_distances(self, differences: Mapping[str, Tensor]) -> Tensor:
        """d(G) of each part, (parts,)."""
        squares = {layer: parts.square().sum(dim=(1, 2)) for layer, parts in differences.items()}
        return torch.stack([square / self.norms[layer] for layer, square in squares.items()]).mean(dim=0)


class Style(Term):
    """sum over regions of a ((1 - p) d(G) + p * sum over parts r of b_r d(G_r)), of Gram matrices G = F F^T / (h w).

    d(G) = mean over layers of |G(x) - T|^2 / |G(s)|^2. The target is T = S G(s) + (1 - S) G(c), of the region's style s, the
    source frame c and the strength S. a is the region's share of the frame, so that style and content have the same balance
    in it whatever its size. The parts are what is new in a region and the rest, b_r their shares of it, p = PARTS; without
    parts, d(G) is all. In d(G) alone, a part may miss the style if the other makes up for it. Of a region or part with the
    guide g, G(x) = sum(g F F^T) / sum(g), and G(c) likewise.

    Gatys et al. 2016 (arXiv:1508.06576) and, for regions and parts, 2017 (arXiv:1611.07865). Departure: distances are relative
    to the squared norm of G(s).
    """

    layers = STYLE_LAYERS

    def __init__(self, weight: float, targets: FrameTargets):
        super().__init__(weight, targets)
        whole, tiles = torch.ones_like(targets.content[:, :1]), targets.tiles
        self.guides: list[list[dict[str, Guide]] | None] = []  # by part and tile; None for a whole frame
        self.regions: list[RegionTarget] = []
        for region in targets.regions():
            parts, first, style = targets.parts(region), len(self.guides), region.style["style"]
            self.guides += [
                None if mask is None else place_weights(mask, tiles, self.layers, region.mask) for mask in parts
            ]
            masks = [whole if mask is None else mask for mask in parts]
            area = (whole if region.mask is None else region.mask).mean()
            shares = {layer: shares_of(masks, layer, region.mask) for layer in self.layers}
            grams = {layer: style[layer].repeat(len(parts), 1, 1) for layer in self.layers}
            norms = {layer: style[layer].square().sum().clamp_min(SMALLEST_NORM) for layer in self.layers}
            self.regions.append(RegionTarget(first, area, shares, grams, norms))
        if targets.strength < 1:
            own = targets.content_sums(self.layers, self.statistic)
            for target in self.regions:
                for layer, difference in target.differences(own).items():
                    target.grams[layer] += (1 - targets.strength) * difference

    @classmethod
    def applies(cls, targets: FrameTargets) -> bool:
        return bool(targets.regions())

    @staticmethod
    def style_statistic(layer: str, activations: Tensor, tile: Tile) -> Tensor:
        return gram(layer, activations, tile)

    def statistic(self, layer: str, activations: Tensor, tile: Tile) -> Tensor:
        """The summands of the parts' Gram matrices, (parts, C, C); of a frame without parts there is one."""
        return torch.stack([gram(layer, activations, tile, guide) for guide in self._at(layer, tile)])

    def value(self, image: Tensor, statistics: dict[str, Tensor]) -> Tensor:
        values, first = [self.spatial_value(image, statistics)], self.layers[0]
        for region in self.regions:
            shares, differences = region.shares[first].flatten(), region.differences(statistics)
            if len(shares) > 1:
                together = (shares * region.part_distances(differences)).sum()
                values.append(PARTS * region.area * (together - region.whole_distance(differences)))
        return torch.stack(values).sum()

    def spatial_value(self, image: Tensor, statistics: dict[str, Tensor]) -> Tensor:
        """The sum over regions of a d(G), without their parts."""
        wholes = [region.area * region.whole_distance(region.differences(statistics)) for region in self.regions]
        return torch.stack(wholes).sum()

    def _at(self, layer: str, tile: Tile) -> list[Guide | None]:
        """How far the places of each part count; None for a whole frame."""
        return [None if guide is None else guide[tile.index][layer] for guide in self.guides]

    def add_gradient(self, layer: str, activations: Tensor, gradient: Tensor, slope: Tensor, tile: Tile) -> None:
        """As dL/dF = (S + S^T) F / (h w) with S = dL/dG: one product for each part, where autograd takes one for each factor
        of G.

        With a guide g, whose square root is a factor of F in G: dL/dF = g (S + S^T) F / (h w).
        """
        slope = (slope + slope.mT) / tile.places(layer)
        for rows in strips(activations):
            for own, guide in zip(slope, self._at(layer, tile), strict=True):
                columns = slice(None) if guide is None else guide.within(rows)
                part = activations[rows, columns]
                if not part.numel():
                    continue
                by_part = linear(widened(part.reshape(-1, part.shape[2])), own).view(part.shape)
                if guide is not None:
                    by_part.mul_(guide.root[rows, columns].square())
                gradient[rows, columns] += by_part


class TotalVariation(Term):
    """Mean squared difference of neighboring pixels, over all horizontal and vertical pairs."""

    def value(self, image: Tensor, statistics: dict[str, Tensor]) -> Tensor:
        across, down = image.diff(dim=3), image.diff(dim=2)
        return (across.square().sum() + down.square().sum()) / (across.numel() + down.numel())


class Color(Term):
    """mean over cells of w |m(x - t)|^2: m is the mean over the new pixels of a cell, w their share of it, t their target.

    Color constancy is no matter of the style: by that alone, a thing that comes into view may take any of its colors. Only
    means are compared, so that strokes remain free.
    """

    spatial = False

    def __init__(self, weight: float, targets: FrameTargets):
        super().__init__(weight, targets)
        self.target = targets.local_colors

    @classmethod
    def applies(cls, targets: FrameTargets) -> bool:
        return targets.local_colors is not None

    def value(self, image: Tensor, statistics: dict[str, Tensor]) -> Tensor:
        assert self.target is not None
        off = local_means(image - self.target.colors, self.target.weights)
        return (cells_of(self.target.weights) * off.square()).mean()


class Temporal(Term):
    """mean of h (x - w)^2, w being the last stylized frame warped to this one (Ruder et al. 2016, eq. 7).

    h is how firmly a pixel is held: in the paper 1 where the flow is consistent and else 0. Departure: it is larger where
    something stands still and has been seen for long; see `newly_visible.hold`.
    """

    spatial = False

    def __init__(self, weight: float, targets: FrameTargets):
        super().__init__(weight, targets)
        self.warped, self.hold = targets.warped, targets.hold

    @classmethod
    def applies(cls, targets: FrameTargets) -> bool:
        return targets.warped is not None

    def value(self, image: Tensor, statistics: dict[str, Tensor]) -> Tensor:
        assert self.warped is not None
        assert self.hold is not None
        return temporal_distance(image, self.warped, self.hold)


TERMS: Mapping[str, type[Term]] = {
    "content": Content,
    "style": Style,
    "tv": TotalVariation,
    "temporal": Temporal,
    "color": Color,
}


class Weights(dict[str, float]):
    """The weight of each term by its name in TERMS; the command line's default for those that are not given."""

    def __init__(self, **weights: float):
        if unknown := weights.keys() - TERMS.keys():
            raise TypeError(f"no terms are named {', '.join(sorted(unknown))}; there are {', '.join(TERMS)}")
        super().__init__(_weights_in(ObjectiveOptions()) | {"color": OptimizerOptions.color_weight} | weights)

    @classmethod
    def of(cls, options: ObjectiveOptions) -> Weights:
        """Those of a job, or what they begin with; 0 for a term that its command has no option for."""
        return cls(**_weights_in(options))

    def at(self, values: Mapping[str, Sequence[float]]) -> Weights:
        """With those that change over time as they are at a frame, by the names of their options."""
        changed = {name: values[f"{name}_weight"][0] for name in self if f"{name}_weight" in values}
        return Weights(**{**self, **changed}) if changed else self


def _weights_in(options: ObjectiveOptions) -> dict[str, float]:
    return {name: initial(getattr(options, f"{name}_weight", 0.0)) for name in TERMS}


def widened(activations: Tensor) -> Tensor:
    """bfloat16 as float32, for sums over thousands of places; other types as they are."""
    return activations.float() if activations.dtype == torch.bfloat16 else activations


def gram(layer: str, activations: Tensor, tile: Tile, guide: Guide | None = None) -> Tensor:
    """A tile's summand of the image's Gram matrix F F^T / (h w), (C, C), without a gradient.

    activations: (h, w, C). guide: how far each place counts; None: all alike.
    """
    channels = activations.shape[2]
    total = activations.new_zeros(channels, channels, dtype=torch.promote_types(activations.dtype, torch.float32))
    for rows in strips(activations):
        columns = slice(None) if guide is None else guide.within(rows)
        part = widened(activations[rows, columns])
        if part.numel():
            places = (part if guide is None else part * guide.root[rows, columns]).reshape(-1, channels).T
            total += linear(places, places)
    return total / tile.places(layer)


def temporal_distance(image: Tensor, warped: Tensor, hold: Tensor) -> Tensor:
    """Mean of hold * (image - warped)^2 over all pixels and channels, also those with hold 0.

    image, warped: (1, 3, H, W). hold: (1, 1, H, W), 0 or more.
    """
    return (hold * (image - warped).square()).mean()


def cells_of(image: Tensor) -> Tensor:
    """The mean of each cell of an image (1, C, H, W), (1, C, h, w); cells have CELL of its longer side."""
    return F.avg_pool2d(image, max(1, round(CELL * max(image.shape[2:]))), ceil_mode=True, count_include_pad=False)


def local_means(image: Tensor, weights: Tensor) -> Tensor:
    """The mean of each cell of an image (1, C, H, W) over its pixels, weighted by (1, 1, H, W): (1, C, h, w); 0 where all
    weights are 0."""
    return cells_of(image * weights) / cells_of(weights).clamp_min(1e-4)
