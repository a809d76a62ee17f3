"""Perceptual metrics: distances from style and source in the features of a network, and SSIM."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction

import numpy as np
import piq
import torch
import torch.nn.functional as F

from videostyle.evaluation.embedding import Embed, embedding_distance
from videostyle.evaluation.new_region import eroded, largest_box
from videostyle.evaluation.summary import mean
from videostyle.frames import Size
from videostyle.losses.guides import SMALLEST_NORM, place_weights
from videostyle.losses.style_targets import StyleTargets
from videostyle.losses.terms import (
    CONTENT_LAYERS,
    STYLE_LAYERS,
    gram,
    relative_distance,
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

Roots = Sequence[Mapping[str, torch.Tensor]]
"""The square root of a guide by tile and layer, as `place_weights` gives it."""

FEWEST_PLACES = 64
"""Of a layer, inside a part of a frame: with fewer, parts of the style image itself are 0.6 to 3 from its Gram matrix."""


@dataclass(frozen=True)
class PerceptualScores:
    """Relative distances of an output frame and of its source frame; lower is nearer. The fields are those of FrameMeasure.

    The Gram distance of a part is the mean over the layers that have enough places whose activations depend on that part
    alone; it is None without such a layer.
    """

    gram: float
    """Gram distance of the output from the style, the mean of the layers."""
    gram_layers: dict[str, float]
    """Gram distance of the output from the style, by layer."""
    source_gram: float
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

    style: Roots | None
    """Of the layers whose Gram matrices are compared; None for the whole frame."""
    content: Roots | None
    """Of the content layers; None for the whole frame."""
    grams: dict[str, dict[str, torch.Tensor]] = field(default_factory=lambda: {"output": {}, "source": {}})
    """Gram matrices by picture and layer."""
    distances: dict[str, np.ndarray] = field(default_factory=lambda: {layer: np.zeros(2) for layer in CONTENT_LAYERS})
    """By content layer: |F(x) - F(c)|^2 and |F(c)|^2."""

    def add_grams(self, name: str, tile: Tile, own: Mapping[str, torch.Tensor]) -> None:
        """Add a tile's own activations (h, w, C) by layer, of the picture of this name."""
        sums = self.grams[name]
        for layer in STYLE_LAYERS if self.style is None else self.style[tile.index]:
            root = None if self.style is None else self.style[tile.index][layer]
            sums[layer] = gram(layer, own[layer], tile, root) + sums.get(layer, 0)

    def add_content(self, tile: Tile, ours: Mapping[str, torch.Tensor], theirs: Mapping[str, torch.Tensor]) -> None:
        """Add a tile's own activations (h, w, C) of the content layers, of output and source."""
        for layer, sums in self.distances.items():
            root = 1 if self.content is None else self.content[tile.index][layer]
            values = (root * (ours[layer] - theirs[layer]), root * theirs[layer])
            sums += [float(value.square().sum()) for value in values]

    def gram(self, name: str, styles: Sequence[Grams]) -> float | None:
        """The Gram distance of the picture of this name from the styles, the mean of the layers."""
        return mean(list(gram_distances(self.grams[name], styles).values()))

    @property
    def content_distance(self) -> float | None:
        return mean([part / norm for part, norm in self.distances.values() if norm > SMALLEST_NORM])


class PerceptualMetrics:
    """Compares frames of one size with the style images.

    styles: (H, W, 3) uint8 or uint16. size: (height, width) of the frames. options: as for `run`. gray: whether frames
    and styles are compared as gray images, for outputs that keep the clip's colors: the colors of the style were no target
    then. embed: the embedding network, None if it is not installed.
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
    ):
        self.features, self.device, self.gray, self.embed = features, device, gray, embed
        images = [self._prepared(style) for style in styles]
        self.targets, self.size = StyleTargets(features, [to_tensor(image, device) for image in images], options), size
        self._images = images
        self._vectors: dict[Palette | None, list[np.ndarray]] = {}

    @torch.no_grad()
    def scores(
        self,
        output: np.ndarray,
        source: np.ndarray,
        new: np.ndarray,
        time: Fraction = Fraction(0),
        palette: Palette | None = None,
    ) -> PerceptualScores:
        """The distances of an output image from the styles and from its source image; both (H, W, 3).

        new: the pixels that are new, bool (H, W). time: of the frame, in seconds from the clip's first one. palette: the
        colors that the styles are given; None: they keep their own.
        """
        images = {"output": self._prepared(output), "source": self._prepared(source)}
        whole, inside, rest = parts = Part(None, None), self._part(new), self._part(~new)
        self._sum_up(images, parts)
        styles = [style["style"] for style in self.targets.at(self.size, time, palette)]
        layers, source_layers = (gram_distances(whole.grams[name], styles) for name in images)
        box = largest_box(new)
        embeddings = {name: self._embedding_distance(image, palette) for name, image in images.items()}
        boxes = {} if box is None else {name: image[box] for name, image in images.items()}
        boxed = {name: self._embedding_distance(image, palette) for name, image in boxes.items()}
        return PerceptualScores(
            gram=float(np.mean(list(layers.values()))),
            gram_layers=layers,
            source_gram=float(np.mean(list(source_layers.values()))),
            gram_new=inside.gram("output", styles),
            source_gram_new=inside.gram("source", styles),
            gram_rest=rest.gram("output", styles),
            source_gram_rest=rest.gram("source", styles),
            content=whole.content_distance,
            content_new=inside.content_distance,
            content_rest=rest.content_distance,
            embedding=embeddings["output"],
            source_embedding=embeddings["source"],
            embedding_new=boxed.get("output"),
            source_embedding_new=boxed.get("source"),
        )

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
        style: list[dict[str, torch.Tensor]] = [{} for _ in tiles]
        for layer in STYLE_LAYERS:
            inside = self._guide(eroded(mask, reach_of(layer)))
            places = (F.avg_pool2d(inside, stride_of(layer)) == 1).float()
            if float(places.sum()) >= FEWEST_PLACES:
                guide = F.interpolate(places, scale_factor=stride_of(layer))
                for roots, own in zip(style, place_weights(guide, tiles, [layer]), strict=True):
                    roots.update(own)
        return Part(style, place_weights(self._guide(mask), tiles, CONTENT_LAYERS))

    def _guide(self, mask: np.ndarray) -> torch.Tensor:
        return torch.from_numpy(mask.astype(np.float32)).to(self.device)[None, None]

    def _prepared(self, image: np.ndarray) -> np.ndarray:
        return luminance(image) if self.gray else image

    def _embedding_distance(self, image: np.ndarray, palette: Palette | None) -> float | None:
        if self.embed is None:
            return None
        if palette not in self._vectors:
            styles = [style if palette is None else recolored_to(style, palette) for style in self._images]
            self._vectors = {palette: [self.embed(to_bits(style, 8)) for style in styles]}
        return embedding_distance(self.embed(to_bits(image, 8)), self._vectors[palette])


def gram_distances(grams: Grams, styles: Sequence[Grams]) -> dict[str, float]:
    """|G(x) - G(s)|^2 / |G(s)|^2 by layer, averaged over the styles s."""
    return {
        layer: float(np.mean([float(relative_distance(value, style[layer])) for style in styles]))
        for layer, value in grams.items()
    }


def similarity(source: np.ndarray, output: np.ndarray) -> float:
    """SSIM of two gray images (H, W) in [0, 1] (Wang et al. 2004, doi 10.1109/TIP.2003.819861), by piq.

    As in the authors' code, an image whose shorter side is well above 256 is averaged down to about that first.
    """
    first, second = (torch.from_numpy(image)[None, None].clamp(0, 1) for image in (source, output))
    return float(piq.ssim(first, second, data_range=1.0))
