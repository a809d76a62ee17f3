"""The objective L of the project, the sum of the terms in terms.py, with its gradient by the pixels."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor

from videostyle.losses.frame_targets import FrameTargets
from videostyle.losses.terms import TERMS, Term
from videostyle.losses.tiles import Tile
from videostyle.models.vgg import Features

Statistic = Callable[[str, Tensor, Tile], Tensor]


@dataclass(frozen=True)
class Value:
    """L at one image."""

    total: float
    """L, the sum of all weighted terms."""

    spatial: float
    """The spatial loss: L without its temporal term."""

    gradient: Tensor
    """dL/dpixel, float32 (1, 3, H, W), channels_last."""


class Objective:
    """L for one frame, a function of the stylized image.

    terms: the table of terms by name, each of which has a weight.
    """

    def __init__(self, targets: FrameTargets, weights: Mapping[str, float], terms: Mapping[str, type[Term]] = TERMS):
        self.features, self.tiles = targets.features, targets.tiles
        self.terms = [term(weights[name], targets) for name, term in terms.items() if term.applies(targets)]

    def __call__(self, image: Tensor) -> Value:
        """L and its gradient at an image (1, 3, H, W) in [0, 1]."""
        image, work = image.detach(), partial(evaluate, self.features, self.tiles)
        replayable = len(self.tiles) == 1
        values, gradient = self.features.run(work, self.terms, image) if replayable else work(self.terms, image)
        total, spatial = values.tolist()
        return Value(total, spatial, gradient)


@torch.enable_grad()
def evaluate(features: Features, tiles: Sequence[Tile], terms: Sequence[Term], image: Tensor) -> tuple[Tensor, Tensor]:
    """L and the spatial loss, as one vector, and the gradient of L by the image.

    A first pass over the tiles sums the statistics, from which follow the values and how they change with each statistic; with
    that held fixed, a second pass goes back through each tile. Of a single tile the first forward pass is also the one to go
    back from; of several, each is computed again, as in Chen et al. 2016 (arXiv:1604.06174). Value and gradient are those of
    the whole image but for rounding. Nothing is read back to the CPU here, so that a CUDA graph can record it.
    """
    layers = [layer for layer in features.layers if any(layer in term.layers for term in terms)]
    single = len(tiles) == 1
    with torch.set_grad_enabled(single):
        statistics = sum_over_tiles(features, tiles, image, [(term.layers, term.statistic) for term in terms])
    values, gradient, slopes = _values(terms, image, statistics)
    for tile in tiles if layers else ():
        if not single:
            features.forward(tile.of(image), layers)
        tile.of(gradient).add_(features.backward(partial(_add_gradients, terms, slopes, tile)))
    return values, gradient


def sum_over_tiles(
    features: Features,
    tiles: Sequence[Tile],
    image: Tensor,
    requests: Sequence[tuple[Sequence[str], Statistic]],
) -> list[dict[str, Tensor]]:
    """For each request (layers, statistic), the statistic of an image (1, 3, H, W) by layer, summed over the tiles."""
    layers = [layer for layer in features.layers if any(layer in wanted for wanted, _ in requests)]
    sums: list[dict[str, Tensor]] = [{} for _ in requests]
    for tile in tiles if layers else ():
        for layer, activations in features.forward(tile.of(image), layers).items():
            own = tile.own(layer, activations)
            for (wanted, statistic), total in zip(requests, sums, strict=True):
                if layer in wanted:
                    total[layer] = statistic(layer, own, tile) + total.get(layer, 0)
    return sums


def _values(
    terms: Sequence[Term], image: Tensor, statistics: list[dict[str, Tensor]]
) -> tuple[Tensor, Tensor, list[dict[str, Tensor]]]:
    """L and the spatial loss, and the gradient of L by the image and by each statistic."""
    image = image.detach().requires_grad_()
    by_layer = [{layer: tensor.requires_grad_() for layer, tensor in own.items()} for own in statistics]
    own_statistics = list(zip(terms, by_layer, strict=True))
    total = torch.stack([term.weight * term.value(image, own) for term, own in own_statistics]).sum()
    with torch.no_grad():
        spatial = torch.stack([term.weight * term.spatial_value(image, own) for term, own in own_statistics]).sum()
    inputs = [image, *(tensor for own in by_layer for tensor in own.values())]
    gradient, *slopes = torch.autograd.grad(total, inputs, allow_unused=True, materialize_grads=True)
    following = iter(slopes)
    by_statistic = [{layer: next(following) for layer in own} for own in by_layer]
    return torch.stack([total.detach(), spatial]), gradient.contiguous(memory_format=torch.channels_last), by_statistic


def _add_gradients(
    terms: Sequence[Term],
    slopes: Sequence[dict[str, Tensor]],
    tile: Tile,
    layer: str,
    activations: Tensor,
    gradient: Tensor,
) -> None:
    """Adds the gradient of all terms by a tile's activations of one layer."""
    activations, gradient = tile.own(layer, activations), tile.own(layer, gradient)
    for term, slope in zip(terms, slopes, strict=True):
        if layer in slope:
            term.add_gradient(layer, activations, gradient, slope[layer], tile)
