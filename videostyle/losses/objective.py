"""The objective L of the project, in relative terms, so that its weights hold at any size, style and network.

    L = content_weight * content + style_weight * style + tv_weight * tv + temporal_weight * temporal

Gatys et al. 2016 (arXiv:1508.06576) for content and style, Ruder et al. 2016 (arXiv:1604.08610) for temporal. Departures:
each content and style term is divided by its target's own squared norm, and the Gram matrix by the number of places.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from videostyle.frames import Size
from videostyle.losses.style_targets import grams_of
from videostyle.losses.terms import (
    LEAST_NORM,
    Weights,
    add_gram_gradient,
    gram,
    relative_distance,
    style_distance,
    temporal_distance,
    total_variation,
    widened,
)
from videostyle.losses.tiles import Tile, places_of, tiles_of
from videostyle.models.fast.cuda_graph import Run
from videostyle.models.vgg import CONTENT_LAYERS, STYLE_LAYERS, VGG19Features


@dataclass(frozen=True)
class Value:
    """L at one picture. total: L. spatial: L without its temporal term. gradient: dL/dpixel, shaped like the picture."""

    total: float
    spatial: float
    gradient: Tensor


class Objective:
    """L for one frame: a function of the picture being painted.

    content: the frame itself (1, 3, H, W) in [0, 1]. styles: Gram matrices of each style at this size. warped and consistency:
    the last painted picture carried here and how far it is to be believed, or None for a picture alone.

    A picture too large for the network to see at once is seen in tiles. A Gram matrix is a sum over places: one pass over
    the tiles adds up those of the whole picture, which say how L changes with each; a second takes each tile's gradient with
    that change held fixed. What is forgotten in between is computed again, as in Chen et al. 2016 (arXiv:1604.06174): one more
    forward pass. There are no seams: value and gradient are those of the whole picture but for rounding.
    """

    def __init__(
        self,
        extract: VGG19Features,
        content: Tensor,
        styles: list[dict[str, Tensor]],
        weights: Weights,
        warped: Tensor | None = None,
        consistency: Tensor | None = None,
    ):
        self.extract, self.styles, self.weights = extract, styles, weights
        self.last = () if warped is None or consistency is None else (warped, consistency)
        self.size = (content.shape[2], content.shape[3])
        self.tiles = tiles_of(self.size)
        self.content = [self._target(tile, content) for tile in self.tiles]
        self.norms = {
            layer: sum(float(widened(each[layer]).square().sum()) for each in self.content) for layer in CONTENT_LAYERS
        }

    @torch.no_grad()
    def _target(self, tile: Tile, content: Tensor) -> dict[str, Tensor]:
        """A tile's own activations of the content layers, each (1, C, h, w), copied: nothing else of the network's is held."""
        found = self.extract.passes.forward(tile.of(content), CONTENT_LAYERS[-1])
        return {
            layer: tile.own(layer, found[layer]).permute(2, 0, 1)[None].clone(memory_format=torch.channels_last)
            for layer in CONTENT_LAYERS
        }

    def __call__(self, image: Tensor) -> Value:
        """L and its gradient at a picture (1, 3, H, W)."""
        run = self.extract.run
        return self._by_tiles(image.detach()) if run is None or len(self.tiles) > 1 else self._whole(image, run)

    def _whole(self, image: Tensor, run: Run) -> Value:
        given = [image, *self.content[0].values(), *self.last]
        same = *(each for style in self.styles for each in style.values()), self.weights  # tensors: by identity
        total, spatial, gradient = run(self._evaluated, same, given)
        return Value(float(total), float(spatial), gradient)

    def _evaluated(self, image: Tensor, *others: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """L, L* and the gradient from tensors alone. Of self it uses only what all frames of a size have in common."""
        content, last = others[: len(CONTENT_LAYERS)], others[len(CONTENT_LAYERS) :]
        image = image.detach().requires_grad_()
        smooth, temporal = self._of_pixels(image, *last)
        distance, grams = self._seen(image, dict(zip(CONTENT_LAYERS, content, strict=True)))
        spatial = self.weights.content * distance + self.weights.style * style_distance(grams, self.styles) + smooth
        (gradient,) = torch.autograd.grad(spatial + temporal, image)
        return (spatial + temporal).detach(), spatial.detach(), gradient

    def _seen(self, image: Tensor, target: dict[str, Tensor]) -> tuple[Tensor, dict[str, Tensor]]:
        """The content distance and the Gram matrices of a picture, each taken as soon as its layer is there: on the way back
        autograd goes in reverse, so that a layer's gradient is made when it is used. No activation is held here."""
        grams, content = {}, {}
        for layer, activations in self.extract.layers(image):
            if layer in STYLE_LAYERS:
                grams[layer] = gram(activations)
            if layer in CONTENT_LAYERS:
                content[layer] = relative_distance(activations, target[layer])
        return torch.stack(list(content.values())).mean(), grams

    def _by_tiles(self, image: Tensor) -> Value:
        passes, single = self.extract.passes, len(self.tiles) == 1
        smooth, temporal, gradient = self._without_network(image)
        with torch.set_grad_enabled(single):  # the pass over the only tile is also the one to go back from
            grams = grams_of(passes, image, self.tiles)
        style, slopes = self._style(grams)
        spatial = style + smooth
        for tile, target in zip(self.tiles, self.content, strict=True):
            if not single:
                passes.forward(tile.of(image), STYLE_LAYERS[-1])
            part = _Part(tile, self.size, slopes, target, self.norms, self.weights.content)
            tile.of(gradient).add_(passes.back(part.add_gradient))
            spatial += part.content
        return Value(spatial + temporal, spatial, gradient)

    def _without_network(self, image: Tensor) -> tuple[float, float, Tensor]:
        """The terms that need no network, weighted, and the gradient of their sum, in channels_last."""
        pixels = image.detach().requires_grad_()
        smooth, temporal = self._of_pixels(pixels, *self.last)
        (gradient,) = torch.autograd.grad(smooth + temporal, pixels)
        return float(smooth.detach()), float(temporal.detach()), gradient.contiguous(memory_format=torch.channels_last)

    def _style(self, grams: dict[str, Tensor]) -> tuple[float, dict[str, Tensor]]:
        """The weighted style term, and how it changes with each of the Gram matrices."""
        given = {layer: each.requires_grad_() for layer, each in grams.items()}
        style = self.weights.style * style_distance(given, self.styles)
        slopes = torch.autograd.grad(style, list(given.values()))
        return float(style.detach()), dict(zip(given, slopes, strict=True))

    def _of_pixels(self, image: Tensor, *last: Tensor) -> tuple[Tensor, Tensor]:
        """The terms that need no network, weighted: total variation and temporal, both scalars."""
        smooth = self.weights.tv * total_variation(image)
        return smooth, self.weights.temporal * temporal_distance(image, *last) if last else torch.zeros_like(smooth)


@dataclass
class _Part:
    """What L has directly by the activations that are a tile's own.

    size: of the picture; slopes: dL/dG by style layer; target: (1, C, h, w) by content layer, norms: the squared norms of the
    whole picture's, weight: of the content term; content: what this tile adds to that term.
    """

    tile: Tile
    size: Size
    slopes: dict[str, Tensor]
    target: dict[str, Tensor]
    norms: dict[str, float]
    weight: float
    content: float = 0.0

    def add_gradient(self, layer: str, activations: Tensor, gradient: Tensor) -> None:
        """Adds to the gradient by a layer's activations, (h, w, C) both."""
        activations, gradient = self.tile.own(layer, activations), self.tile.own(layer, gradient)
        if layer in STYLE_LAYERS:
            slope = self.slopes[layer]
            add_gram_gradient(gradient, activations, (slope + slope.T) / places_of(layer, self.size))
        if layer in CONTENT_LAYERS:
            share = self.weight / len(CONTENT_LAYERS) / max(self.norms[layer], LEAST_NORM)
            difference = widened(activations) - widened(self.target[layer][0].permute(1, 2, 0))
            self.content += share * float(difference.square().sum())
            gradient += 2 * share * difference
