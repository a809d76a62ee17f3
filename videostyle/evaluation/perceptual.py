"""Perceptual metrics: distances from style and source in the features of a network, and SSIM."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
import piq
import torch

from videostyle.evaluation.embedding import Embed, embedding_distance
from videostyle.evaluation.new_region import eroded, largest_box
from videostyle.frames import Size
from videostyle.losses.style_targets import StyleTargets
from videostyle.losses.terms import (
    CONTENT_LAYERS,
    SMALLEST_NORM,
    STYLE_LAYERS,
    gram,
    place_weights,
    relative_distance,
    widened,
)
from videostyle.losses.tiles import reach_of, stride_of, tiles_of
from videostyle.media.pixels import to_bits
from videostyle.models.vgg import Features
from videostyle.option_groups import StyleOptions
from videostyle.stylizers.colors import luminance
from videostyle.tensors import to_tensor

Grams = Mapping[str, torch.Tensor]
"""Gram matrices (C, C) by layer."""

FEWEST_PLACES = 16
"""Of a layer, inside a region: fewer say nothing of their Gram matrix."""


@dataclass(frozen=True)
class PerceptualScores:
    """Relative distances of an output frame and of its source frame; lower is nearer."""

    gram: float
    """Gram distance of the output from the style, the mean of the layers."""
    gram_layers: dict[str, float]
    """Gram distance of the output from the style, by layer."""
    content: float
    """Distance of the output's content features from the source's."""
    source_gram: float
    """Gram distance of the source from the style."""
    embedding: float | None
    """Distance of the output from the style in the embedding network; None without that network."""
    source_embedding: float | None
    """Distance of the source from the style in the embedding network; None without that network."""


@dataclass(frozen=True)
class RegionScores:
    """Relative distances of a region of an output frame and of its source frame; None where the region is too small."""

    gram: float | None
    """Gram distance of the output from the style, the mean of the layers that have enough places inside: those whose
    activations depend on the region alone."""
    content: float | None
    """Distance of the output's content features from the source's."""
    source_gram: float | None
    """Gram distance of the source from the style."""
    embedding: float | None = None
    """Distance of the output from the style in the embedding network, of the box of the largest connected piece."""
    source_embedding: float | None = None
    """The same of the source."""


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
        self.targets, self.size = StyleTargets(features, [self._tensor(image) for image in images], options), size
        self.vectors = [embed(to_bits(image, 8)) for image in images] if embed else []

    @torch.no_grad()
    def scores(self, output: np.ndarray, source: np.ndarray, time: Fraction = Fraction(0)) -> PerceptualScores:
        """The distances of an output image from the styles and from its source image; both (H, W, 3).

        time: of the frame, in seconds from the clip's first one.
        """
        output, source = self._prepared(output), self._prepared(source)
        grams, content = self._activations(self._tensor(output))
        source_grams, target = self._activations(self._tensor(source))
        styles = [style["style"] for style in self.targets.at(self.size, time)]
        layers, source_layers = gram_distances(grams, styles), gram_distances(source_grams, styles)
        distances = [float(relative_distance(content[layer], target[layer])) for layer in CONTENT_LAYERS]
        return PerceptualScores(
            gram=float(np.mean(list(layers.values()))),
            gram_layers=layers,
            content=float(np.mean(distances)),
            source_gram=float(np.mean(list(source_layers.values()))),
            embedding=self._embedding_distance(output),
            source_embedding=self._embedding_distance(source),
        )

    @torch.no_grad()
    def region_scores(
        self, output: np.ndarray, source: np.ndarray, mask: np.ndarray, time: Fraction = Fraction(0)
    ) -> RegionScores:
        """The distances of the pixels in a mask, bool (H, W), of an output image and its source image; see `scores`."""
        output, source = self._prepared(output), self._prepared(source)
        layers = [layer for layer in STYLE_LAYERS if eroded(mask, reach_of(layer)).sum() >= _fewest_pixels(layer)]
        images = self._tensor(output), self._tensor(source)
        styles = [style["style"] for style in self.targets.at(self.size, time)]
        grams = [gram_distances(self._region_grams(image, mask, layers), styles) for image in images]
        ours, theirs = (float(np.mean(list(by_layer.values()))) if by_layer else None for by_layer in grams)
        box = largest_box(mask) if self.embed else None
        boxes = (None, None) if box is None else (self._embedding_distance(image[box]) for image in (output, source))
        return RegionScores(ours, self._region_content(*images, mask), theirs, *boxes)

    def _region_grams(self, image: torch.Tensor, mask: np.ndarray, layers: Sequence[str]) -> Grams:
        """By layer, the Gram matrix over the places whose activations depend on the pixels in the mask alone."""
        tiles = tiles_of(self.size)
        guides = {layer: self._guide(eroded(mask, reach_of(layer))) for layer in layers}
        weights = {layer: place_weights(guide, tiles, [layer]) for layer, guide in guides.items()}
        grams: dict[str, torch.Tensor] = {}
        for tile in tiles:
            activations = self.features.forward(tile.of(image), set(layers))
            for layer in layers:
                own = tile.own(layer, activations[layer])
                grams[layer] = gram(layer, own, tile, weights[layer][tile.index][layer]) + grams.get(layer, 0)
        return grams

    def _region_content(self, output: torch.Tensor, source: torch.Tensor, mask: np.ndarray) -> float | None:
        """The mean over the content layers of the distance |F(x) - F(c)|^2 / |F(c)|^2 over the places of a mask, each
        weighted by its share inside."""
        tiles, layers = tiles_of(self.size), CONTENT_LAYERS
        weights = place_weights(self._guide(mask), tiles, layers)
        sums = {layer: np.zeros(2) for layer in layers}
        for tile, roots in zip(tiles, weights, strict=True):
            pictures = (self.features.forward(tile.of(image), set(layers)) for image in (output, source))
            ours, theirs = ({k: widened(tile.own(k, v)) * roots[k] for k, v in by.items()} for by in pictures)
            for layer in layers:
                difference = (ours[layer] - theirs[layer]).square().sum()
                sums[layer] += [float(difference), float(theirs[layer].square().sum())]
        distances = [part / whole for part, whole in sums.values() if whole > SMALLEST_NORM]
        return float(np.mean(distances)) if distances else None

    def _guide(self, mask: np.ndarray) -> torch.Tensor:
        return torch.from_numpy(mask.astype(np.float32)).to(self.device)[None, None]

    def _prepared(self, image: np.ndarray) -> np.ndarray:
        return luminance(image) if self.gray else image

    def _tensor(self, image: np.ndarray) -> torch.Tensor:
        return to_tensor(image, self.device)

    def _embedding_distance(self, image: np.ndarray) -> float | None:
        return embedding_distance(self.embed(to_bits(image, 8)), self.vectors) if self.embed else None

    def _activations(self, image: torch.Tensor) -> tuple[dict[str, torch.Tensor], dict[str, torch.Tensor]]:
        """By layer, the Gram matrices of an image, and its activations of the content layers as vectors."""
        grams: dict[str, torch.Tensor] = {}
        content: dict[str, list[torch.Tensor]] = {layer: [] for layer in CONTENT_LAYERS}
        for tile in tiles_of((image.shape[2], image.shape[3])):
            activations = self.features.forward(tile.of(image), {*STYLE_LAYERS, *CONTENT_LAYERS})
            own = {layer: tile.own(layer, whole) for layer, whole in activations.items()}
            grams = {layer: gram(layer, own[layer], tile) + grams.get(layer, 0) for layer in STYLE_LAYERS}
            for layer in CONTENT_LAYERS:
                content[layer].append(own[layer].flatten())
        return grams, {layer: torch.cat(parts) for layer, parts in content.items()}


def _fewest_pixels(layer: str) -> int:
    return FEWEST_PLACES * stride_of(layer) ** 2


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
