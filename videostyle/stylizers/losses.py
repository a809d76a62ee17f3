"""The objective L of the project, in relative terms, so that its weights hold at any size, style and network.

    L = content_weight * content + style_weight * style + tv_weight * tv + temporal_weight * temporal

Gatys et al. 2016 (arXiv:1508.06576) for content and style, Ruder et al. 2016 (arXiv:1604.08610) for temporal. Departures:
each content and style term is divided by its target's own squared norm, and the Gram matrix by the number of places.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from videostyle.frames import Size
from videostyle.models.convolution import strips
from videostyle.models.features import CONTENT_LAYERS, SMALLEST_SIDE, STYLE_LAYERS, VGG19Features
from videostyle.models.passes import InPlace, Traced
from videostyle.models.products import linear
from videostyle.models.replay import Run
from videostyle.stylizers.tiles import CORE, Tile, places_of, tiles_of

LEAST_NORM = 1e-12  # squared, of a target: a black one divides by this
STEEPEST = 40  # PyTorch's kernel on CUDA refuses to shrink more than 47 times at once


@dataclass(frozen=True)
class Weights:
    """How much each term of L counts; the defaults are the command line's."""

    content: float = 1.0
    style: float = 15.0
    tv: float = 2.0
    temporal: float = 300.0


class _Gram(torch.autograd.Function):
    """F F^T / n with its gradient in one product, where autograd would take one for each factor."""

    @staticmethod
    def forward(ctx, places: Tensor) -> Tensor:  # type: ignore[override]
        ctx.save_for_backward(places)
        wide = widened(places)
        return wide.T @ wide / len(places)

    @staticmethod
    def backward(ctx, gradient: Tensor) -> Tensor:  # type: ignore[override]
        (places,) = ctx.saved_tensors
        return (widened(places) @ ((gradient + gradient.T) / len(places))).to(places.dtype)


def widened(activations: Tensor) -> Tensor:
    """bfloat16 as float32, which sums over thousands of places need; other types as they are."""
    return activations.float() if activations.dtype == torch.bfloat16 else activations


def gram(features: Tensor) -> Tensor:
    """Gram matrix (C, C) of activations (1, C, H, W), divided by the number of places: F F^T / (H W)."""
    # a place's channels lie side by side (channels_last), so that no copy is made
    return _Gram.apply(features.permute(0, 2, 3, 1).reshape(-1, features.shape[1]))


def relative_distance(value: Tensor, target: Tensor) -> Tensor:
    """|value - target|^2 / |target|^2, a scalar; a black target counts with a tiny norm rather than dividing by zero."""
    value, target = widened(value), widened(target)
    return (value - target).square().sum() / target.square().sum().clamp_min(LEAST_NORM)


def content_distance(features: dict[str, Tensor], target: dict[str, Tensor]) -> Tensor:
    """Mean relative distance of the content layers' activations."""
    return torch.stack([relative_distance(features[layer], target[layer]) for layer in CONTENT_LAYERS]).mean()


def style_distance(grams: dict[str, Tensor], styles: list[dict[str, Tensor]]) -> Tensor:
    """Mean relative distance of the style layers' Gram matrices, averaged over the styles where there are several."""
    return torch.stack(
        [relative_distance(grams[layer], style[layer]) for layer in STYLE_LAYERS for style in styles]
    ).mean()


def total_variation(image: Tensor) -> Tensor:
    """Mean squared difference of neighbouring pixels of (1, 3, H, W), over all horizontal and vertical pairs."""
    across, down = image.diff(dim=3), image.diff(dim=2)
    return (across.square().sum() + down.square().sum()) / (across.numel() + down.numel())


def temporal_distance(image: Tensor, warped: Tensor, trust: Tensor) -> Tensor:
    """Mean of trust * (image - warped)^2 over every pixel and channel, untrusted ones too (Ruder et al., eq. 7).

    image, warped: (1, 3, H, W). trust: (1, 1, H, W) in [0, 1].
    """
    return (trust * (image - warped).square()).mean()


@dataclass(frozen=True)
class Value:
    """L at one picture. total: L. star: L without its temporal term. gradient: dL/dpixel, shaped like the picture."""

    total: float
    star: float
    gradient: Tensor


class Objective:
    """L for one frame: a function of the picture being painted.

    content: the frame itself (1, 3, H, W) in [0, 1]. styles: Gram matrices of each style at this size. warped and trust:
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
        trust: Tensor | None = None,
    ):
        self.extract, self.styles, self.weights = extract, styles, weights
        self.last = () if warped is None or trust is None else (warped, trust)
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
        total, star, gradient = run(self._evaluated, same, given)
        return Value(float(total), float(star), gradient)

    def _evaluated(self, image: Tensor, *others: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """L, L* and the gradient from tensors alone. Of self it uses only what all frames of a size have in common."""
        content, last = others[: len(CONTENT_LAYERS)], others[len(CONTENT_LAYERS) :]
        image = image.detach().requires_grad_()
        smooth, temporal = self._of_pixels(image, *last)
        distance, grams = self._seen(image, dict(zip(CONTENT_LAYERS, content, strict=True)))
        star = self.weights.content * distance + self.weights.style * style_distance(grams, self.styles) + smooth
        (gradient,) = torch.autograd.grad(star + temporal, image)
        return (star + temporal).detach(), star.detach(), gradient

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
        star = style + smooth
        for tile, target in zip(self.tiles, self.content, strict=True):
            if not single:
                passes.forward(tile.of(image), STYLE_LAYERS[-1])
            part = _Part(tile, self.size, slopes, target, self.norms, self.weights.content)
            tile.of(gradient).add_(passes.back(part.add_gradient))
            star += part.content
        return Value(star + temporal, star, gradient)

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
        """The terms that need no network, weighted: total variation and temporal, both scalars. last: warped and trust."""
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


def gram_sum(activations: Tensor) -> Tensor:
    """F^T F (C, C) of activations F (h, w, C), summed in float32 at least. Without a gradient."""
    channels = activations.shape[2]
    found = activations.new_zeros(channels, channels, dtype=torch.promote_types(activations.dtype, torch.float32))
    for rows in strips(activations):
        places = widened(activations[rows].reshape(-1, channels)).T
        found += linear(places, places)
    return found


def add_gram_gradient(gradient: Tensor, activations: Tensor, slope: Tensor) -> None:
    """gradient += F slope, of F and gradient (h, w, C); slope: (C, C), symmetric."""
    for rows in strips(activations):
        part = activations[rows]
        gradient[rows] += linear(widened(part.reshape(-1, len(slope))), slope).view(part.shape)


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


def resize(image: Tensor, size: Size) -> Tensor:
    """A picture (1, C, H, W) at another (height, width): antialiased bicubic, in [0, 1] where the picture was."""
    if tuple(image.shape[2:]) == tuple(size):
        return image
    if image.is_cuda and max(image.shape[2] / size[0], image.shape[3] / size[1]) > STEEPEST:
        image = resize(image, (4 * size[0], 4 * size[1]))
    return F.interpolate(image, size, mode="bicubic", antialias=True, align_corners=False).clamp(0, 1)
