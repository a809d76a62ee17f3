"""Perceptual metrics: distances from style and source in the features of a network, and SSIM."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType

import numpy as np
import piq
import torch
import torch.nn.functional as F

from videostyle.evaluation.embedding import Embed, embedding_distance
from videostyle.evaluation.new_region import eroded, largest_box
from videostyle.evaluation.summary import mean
from videostyle.frames import Size
from videostyle.losses.guides import SMALLEST_NORM, Guide, place_weights
from videostyle.losses.style_targets import StyleTargets
from videostyle.losses.terms import (
    CONTENT_LAYERS,
    STYLE_LAYERS,
    gram,
    widened,
)
from videostyle.losses.tiles import Tile, reach_of, stride_of, tiles_of
from videostyle.media.pixels import to_bits
from videostyle.models.vgg import Features
from videostyle.option_groups import StyleOptions
from videostyle.palettes import Palette, recolored_to
from videostyle.stylizers.colors import luminance
from videostyle.tensors import to_tensor

Grams = Mapping[str, torch.Tensor]
"""Gram matrices (C, C) by layer."""

Guides = Sequence[Mapping[str, Guide]]
"""A guide by tile and layer, as `place_weights` gives it."""

FEWEST_PLACES = 64
"""Of a layer, inside a part of a frame: with fewer, parts of the style image itself are 0.6 to 3 from its Gram matrix."""


@dataclass(frozen=True)
class PerceptualScores:
    """Relative distances of an output frame and of its source frame; lower is nearer. The fields are those of FrameMeasure.

    The Gram distance of a part is the mean over the layers that have enough places whose activations depend on that part
    alone; it is None without such a layer.
    """

    gram: float | None
    """Gram distance of the output from the style, the mean of the layers."""
    gram_layers: dict[str, float]
    """Gram distance of the output from the style, by layer."""
    source_gram: float | None
    """Gram distance of the source from the style."""
    gram_new: float | None
    """Gram distance of the output from the style, of what is new."""
    source_gram_new: float | None
    """The same of the source."""
    gram_rest: float | None
    """Gram distance of the output from the style, of the rest."""
    source_gram_rest: float | None
    """The same of the source."""
    content: float | None
    """Distance of the output's content features from the source's."""
    content_new: float | None
    """The same of what is new; None where nothing is."""
    content_rest: float | None
    """The same of the rest; None where everything is new."""
    embedding: float | None
    """Distance of the output from the style in the embedding network; None without that network."""
    source_embedding: float | None
    """Distance of the source from the style in the embedding network; None without that network."""
    embedding_new: float | None
    """As `embedding`, of the box around the largest connected piece of what is new; None where `largest_box` has none."""
    source_embedding_new: float | None
    """The same of the source."""


@dataclass(frozen=True)
class Part:
    """A part of a frame, and what is summed over its places, tile by tile."""

    style: Guides | None
    """Of the layers whose Gram matrices are compared; None for the whole frame."""
    content: Guides | None
    """Of the content layers; None for the whole frame."""
    pixels: int = 1
    """How many it has; for the whole frame that does not matter."""
    grams: dict[str, dict[str, torch.Tensor]] = field(default_factory=lambda: {"output": {}, "source": {}})
    """Gram matrices by picture and layer."""
    distances: dict[str, np.ndarray] = field(default_factory=lambda: {layer: np.zeros(2) for layer in CONTENT_LAYERS})
    """By content layer: |F(x) - F(c)|^2 and |F(c)|^2."""

    def add_grams(self, name: str, tile: Tile, own: Mapping[str, torch.Tensor]) -> None:
        """Add a tile's own activations (h, w, C) by layer, of the picture of this name."""
        sums = self.grams[name]
        for layer in STYLE_LAYERS if self.style is None else self.style[tile.index]:
            guide = None if self.style is None else self.style[tile.index][layer]
            sums[layer] = gram(layer, own[layer], tile, guide) + sums.get(layer, 0)

    def add_content(self, tile: Tile, ours: Mapping[str, torch.Tensor], theirs: Mapping[str, torch.Tensor]) -> None:
        """Add a tile's own activations (h, w, C) of the content layers, of output and source."""
        for layer, sums in self.distances.items():
            root = 1 if self.content is None else self.content[tile.index][layer].root
            values = (root * (ours[layer] - theirs[layer]), root * theirs[layer])
            sums += [float(value.square().sum()) for value in values]

    def gram_distances(self, name: str, style: Grams, strength: float) -> dict[str, float]:
        """|G(x) - T|^2 / |G(s)|^2 by layer, of the picture x of this name and what the style term aims at: the target
        T = S G(s) + (1 - S) G(c) of the style s, the source c and the strength S."""
        distances = {}
        for layer, own in self.grams[name].items():
            target = torch.lerp(self.grams["source"][layer], style[layer], strength)
            norm = style[layer].square().sum().clamp_min(SMALLEST_NORM)
            distances[layer] = float((own - target).square().sum() / norm)
        return distances

    @property
    def content_distance(self) -> float | None:
        return mean([part / norm for part, norm in self.distances.values() if norm > SMALLEST_NORM])


@dataclass(frozen=True)
class FrameMasks:
    """Which pixels of a frame are measured, and in which style they were painted."""

    painted: np.ndarray | None = None
    """bool (H, W); None for all."""
    regions: tuple[np.ndarray, ...] = ()
    """Of each region with a style of its own, bool (H, W)."""

    def within(self, area: np.ndarray) -> list[np.ndarray]:
        """What is measured of an area, bool (H, W): in the plain styles, then in those of each region."""
        inside = area if self.painted is None else area & self.painted
        claimed = np.any(self.regions, axis=0) if self.regions else np.zeros_like(area)
        return [inside & ~claimed, *(inside & region for region in self.regions)]


EVERYTHING = FrameMasks()


@dataclass(frozen=True)
class Area:
    """Parts of a frame that are measured together, each by its share."""

    parts: Sequence[Part]
    styles: Sequence[Grams]
    """Of each part."""
    strength: float
    """As for `run`."""

    def gram_layers(self, name: str) -> dict[str, float]:
        """The Gram distance of the picture of this name, by layer, of the layers that any part has."""
        both = zip(self.parts, self.styles, strict=True)
        by_part = [part.gram_distances(name, style, self.strength) for part, style in both]
        means = {layer: self._mean([distances.get(layer) for distances in by_part]) for layer in STYLE_LAYERS}
        return {layer: value for layer, value in means.items() if value is not None}

    def gram(self, name: str) -> float | None:
        """The mean of the layers."""
        return mean(list(self.gram_layers(name).values()))

    @property
    def content(self) -> float | None:
        return self._mean([part.content_distance for part in self.parts])

    def _mean(self, values: Sequence[float | None]) -> float | None:
        """The mean over the parts that have a value, by their pixels."""
        both = zip(values, self.parts, strict=True)
        known = [(value, part.pixels) for value, part in both if value is not None and part.pixels]
        total = sum(count for _, count in known)
        return sum(value * count for value, count in known) / total if total else None


class PerceptualMetrics:
    """Compares frames of one size with the style images.

    styles: (H, W, 3) uint8 or uint16. size: (height, width) of the frames. options: as for `run`. gray: whether frames
    and styles are compared as gray images, for outputs that keep the clip's colors: the colors of the style were no target
    then. embed: the embedding network, None if it is not installed. strength: as for
    `run`. counts: how many of the images each style has; empty for one each. region_styles: the
    style images of each region.
    """

    def __init__(
        self,
        features: Features,
        device: str,
        styles: Sequence[np.ndarray],
        size: Size,
        *,
        options: StyleOptions | None = None,
        gray: bool = False,
        embed: Embed | None = None,
        strength: float = 1.0,
        counts: Sequence[int] = (),
        region_styles: Sequence[Sequence[np.ndarray]] = (),
    ):
        self.features, self.device, self.gray, self.embed, self.strength = features, device, gray, embed, strength
        images = [self._prepared(style) for style in styles]
        tensors, self.size = [to_tensor(image, device) for image in images], size
        self.targets = StyleTargets(features, tensors, options, counts=counts)
        own = [[to_tensor(self._prepared(style), device) for style in region] for region in region_styles]
        self.regions = [StyleTargets(features, region, options) for region in own]
        self._images = images
        self._vectors: dict[Palette | None, list[np.ndarray]] = {}

    @torch.no_grad()
    def scores(
        self,
        output: np.ndarray,
        source: np.ndarray,
        new: np.ndarray,
        values: Mapping[str, tuple[float, ...]] = MappingProxyType({}),
        palette: Palette | None = None,
        masks: FrameMasks = EVERYTHING,
    ) -> PerceptualScores:
        """The distances of an output image from the style and from its source image; both (H, W, 3).

        new: the pixels that are new, bool (H, W). values: what options that change over time are at this frame. palette: the
        colors that the styles are given; None: they keep their own. masks: what was painted, and in which style; the
        embedding is only of pictures that were painted in one.
        """
        images = {"output": self._prepared(output), "source": self._prepared(source)}
        mix, (scale,) = values.get("mix", ()), values.get("style_scale", (self.targets.scale,))
        (strength,) = values.get("strength", (self.strength,))
        style = self.targets.at(self.size, mix, scale, palette)["style"]
        styles = [style, *(own.at(self.size, (), scale, palette)["style"] for own in self.regions)]
        whole, inside, rest = (Area(parts, styles, strength) for parts in self._parts(masks, new))
        self._sum_up(images, [part for area in (whole, inside, rest) for part in area.parts])
        pictures, box = (images, largest_box(new)) if masks is EVERYTHING else ({}, None)
        boxes = {} if box is None else {name: image[box] for name, image in pictures.items()}
        vectors = self._vectors_in(palette)
        embeddings, boxed = (self._embedding_distances(each, vectors, mix, strength) for each in (pictures, boxes))
        return PerceptualScores(
            gram=whole.gram("output"),
            gram_layers=whole.gram_layers("output"),
            source_gram=whole.gram("source"),
            gram_new=inside.gram("output"),
            source_gram_new=inside.gram("source"),
            gram_rest=rest.gram("output"),
            source_gram_rest=rest.gram("source"),
            content=whole.content,
            content_new=inside.content,
            content_rest=rest.content,
            embedding=embeddings.get("output"),
            source_embedding=embeddings.get("source"),
            embedding_new=boxed.get("output"),
            source_embedding_new=boxed.get("source"),
        )

    def _parts(self, masks: FrameMasks, new: np.ndarray) -> Iterator[list[Part]]:
        """The parts of the whole frame, of what is new in it, and of the rest: the plain one, and each region."""
        if masks is EVERYTHING:
            yield from ([Part(None, None)], [self._part(new)], [self._part(~new)])
            return
        for area in (np.ones(self.size, bool), new, ~new):
            yield [self._part(mask) for mask in masks.within(area)]

    def _sum_up(self, images: Mapping[str, np.ndarray], parts: Sequence[Part]) -> None:
        """Add the activations of output and source to the sums of each part."""
        tensors = {name: to_tensor(image, self.device) for name, image in images.items()}
        for tile in tiles_of(self.size):
            content = {}
            for name, tensor in tensors.items():
                activations = self.features.forward(tile.of(tensor), {*STYLE_LAYERS, *CONTENT_LAYERS})
                own = {layer: tile.own(layer, whole) for layer, whole in activations.items()}
                for part in parts:
                    part.add_grams(name, tile, own)
                content[name] = {layer: widened(own[layer]).clone() for layer in CONTENT_LAYERS}
            for part in parts:
                part.add_content(tile, content["output"], content["source"])

    def _part(self, mask: np.ndarray) -> Part:
        """The part of a mask: for Gram matrices the places that depend on it alone, for content each place by its share."""
        tiles = tiles_of(self.size)
        style: list[dict[str, Guide]] = [{} for _ in tiles]
        for layer in STYLE_LAYERS:
            inside = self._guide(eroded(mask, reach_of(layer)))
            places = (F.avg_pool2d(inside, stride_of(layer)) == 1).float()
            if float(places.sum()) >= FEWEST_PLACES:
                guide = F.interpolate(places, scale_factor=stride_of(layer))
                for guides, own in zip(style, place_weights(guide, tiles, [layer]), strict=True):
                    guides.update(own)
        return Part(style, place_weights(self._guide(mask), tiles, CONTENT_LAYERS), int(mask.sum()))

    def _guide(self, mask: np.ndarray) -> torch.Tensor:
        return torch.from_numpy(mask.astype(np.float32)).to(self.device)[None, None]

    def _prepared(self, image: np.ndarray) -> np.ndarray:
        return luminance(image) if self.gray else image

    def _vectors_in(self, palette: Palette | None) -> list[np.ndarray]:
        """The style vectors of the style images in other colors; empty without the network."""
        if self.embed is None:
            return []
        if palette not in self._vectors:
            styles = [style if palette is None else recolored_to(style, palette) for style in self._images]
            self._vectors = {palette: [self.embed(to_bits(style, 8)) for style in styles]}
        return self._vectors[palette]

    def _embedding_distances(
        self, images: Mapping[str, np.ndarray], styles: Sequence[np.ndarray], mix: Sequence[float], strength: float
    ) -> dict[str, float]:
        """By name, as for Gram matrices: the vectors of styles and source are mixed alike. Empty without the network."""
        if self.embed is None or not images:
            return {}
        own = {name: self.embed(to_bits(image, 8)) for name, image in images.items()}
        style = np.average(styles, axis=0, weights=self.targets.shares(mix))
        target = strength * style + (1 - strength) * own["source"]
        return {name: embedding_distance(vector, target, style) for name, vector in own.items()}


def similarity(source: np.ndarray, output: np.ndarray) -> float:
    """SSIM of two gray images (H, W) in [0, 1] (Wang et al. 2004, doi 10.1109/TIP.2003.819861), by piq.

    As in the authors' code, an image whose shorter side is well above 256 is averaged down to about that first.
    """
    first, second = (torch.from_numpy(image)[None, None].clamp(0, 1) for image in (source, output))
    return float(piq.ssim(first, second, data_range=1.0))
