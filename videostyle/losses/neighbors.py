"""The style term of `--objective neighbors`: each place of a picture is to look like one place of the style.

Kolkin et al. 2022 (arXiv:2203.13215), written from the paper. A place is PITCH x PITCH pixels. Its block is the vector of all
activations of a layer inside it; blocks are compared by the cosine of their angle, after the style's mean block is subtracted.
`look_up` finds the places of the style that are nearest to those of a picture, and `Neighbors` is the term.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from videostyle.frames import Size
from videostyle.losses.frame_targets import PAINTED, FrameTargets, StyleStatistics
from videostyle.losses.objective import sum_over_tiles
from videostyle.losses.terms import Term, widened
from videostyle.losses.tiles import Tile, stride_of, tiles_of
from videostyle.models.fast.matmul import linear
from videostyle.models.vgg import Features

LAYERS = ("relu1_1", "relu2_1", "relu3_1", "relu4_1")

PITCH = 4
"""Pixels from one place to the next."""

UNIT = 8
"""Pixels per place of the deepest layer. Rows of places are handled in pairs; a rest below UNIT pixels takes no part."""

PLACES = 2048
"""Places of a style image that are compared, at most; of an image with more, a random choice."""

STYLIZED = 0.75
"""Share of the coarser scale's picture in what is matched at the next one; the rest is the frame, which keeps its content."""

CHUNK = 1024
"""Places looked up at once: bounds the memory of the similarities."""

STRIP = 1 << 15
"""Pixels whose blocks are made at once: bounds their memory."""

Part = tuple[slice, slice]
"""Rows and columns."""


class Neighbors(Term):
    """mean over layers and places of (1 - cos(x - m, s - m)) / 2, of a block x, the matched block s of the style, and m the
    style's mean block. It is in [0, 1].

    With the guide PAINTED each place is weighted by it: what is transparent or masked takes no part.
    """

    layers = LAYERS

    def __init__(self, weight: float, targets: FrameTargets):
        super().__init__(weight, targets)
        self.matches = dict(targets.matches)
        self.means, self.directions = centered_table(targets.style)
        size = targets.content.shape[2], targets.content.shape[3]
        guide = targets.guides.get(PAINTED, targets.content.new_ones(1, 1, *size))
        rows, columns = grid_of(size)
        self.shares = F.avg_pool2d(guide, PITCH)[0, 0, :rows, :columns]

    @staticmethod
    def style_statistic(layer: str, activations: Tensor, tile: Tile) -> Tensor:
        """A table of blocks (n, D), of up to PLACES places of the whole image; zero where a place is another tile's."""
        rows, columns = grid_of(tile.size)
        chosen = torch.randperm(rows * columns, generator=torch.Generator().manual_seed(0))[:PLACES]
        table = []
        for part, (grid_rows, grid_columns) in strips_of(layer, tile):
            row, column = chosen // columns - grid_rows.start, chosen % columns - grid_columns.start
            own = widened(blocks(layer, activations[part]))
            inside = (row >= 0) & (row < own.shape[0]) & (column >= 0) & (column < own.shape[1])
            strip = own.new_zeros(len(chosen), own.shape[2])
            strip[inside] = own[row[inside], column[inside]]
            table.append(strip)
        return torch.stack(table).sum(0)

    @staticmethod
    def mixed_statistic(parts: Sequence[tuple[float, Tensor]]) -> Tensor:
        """One table, of as many places as there are of each style by its share."""
        total = min(len(table) / share for share, table in parts)
        return torch.cat([table[: max(1, round(share * total))] for share, table in parts])

    def statistic(self, layer: str, activations: Tensor, tile: Tile) -> Tensor:
        distances = [self._distance(layer, activations[part], grid) for part, grid in strips_of(layer, tile)]
        return torch.stack(distances).sum()

    def value(self, image: Tensor, statistics: dict[str, Tensor]) -> Tensor:
        return torch.stack([statistics[layer] / max(1, self.shares.numel()) for layer in self.layers]).mean()

    def add_gradient(self, layer: str, activations: Tensor, gradient: Tensor, slope: Tensor, tile: Tile) -> None:
        """By autograd, some rows at a time: blocks take several times the memory of the activations."""
        for part, grid in strips_of(layer, tile):
            with torch.enable_grad():
                own = activations[part].detach().requires_grad_()
                (by_activations,) = torch.autograd.grad(self._distance(layer, own, grid), own, slope)
            gradient[part] += by_activations

    def _distance(self, layer: str, activations: Tensor, grid: Part) -> Tensor:
        """The sum of (1 - cos) / 2 over a part of the grid, of its activations (h, w, C)."""
        own = F.normalize(widened(blocks(layer, activations)) - self.means[layer], dim=2)
        matched = self.directions[layer][self.matches[layer][grid]]
        return (self.shares[grid] * (1 - (own * matched).sum(dim=2))).sum() / 2


def matches_of(
    features: Features, content: Tensor, start: Tensor, style: StyleStatistics, begun: bool
) -> dict[str, Tensor]:
    """The matches of a frame whose iterations start from a picture; both (1, 3, H, W).

    begun: whether the start is stylized at this size already. Then each layer is matched by itself with what the start shows
    (feature splitting). Else all layers are matched at once, with a mixture of start and frame.
    """
    query = start if begun else torch.lerp(content, start, STYLIZED)
    return look_up(features, query.contiguous(memory_format=torch.channels_last), style, apart=begun)


@torch.no_grad()
def look_up(features: Features, image: Tensor, style: StyleStatistics, apart: bool) -> dict[str, Tensor]:
    """By layer, the number of the style's place that each place of an image (1, 3, H, W) is nearest to, int64 (h, w).

    apart: each layer by itself; else all layers at once, by the sum of their cosines. Of the image its own mean is subtracted,
    so that a pale or flat one is matched with all of the style: with the style's mean, films grow flatter in every frame.
    """
    size = image.shape[2], image.shape[3]
    tiles, grid = tiles_of(size), grid_of(size)
    _, directions = centered_table(style)
    (sums,) = sum_over_tiles(features, tiles, image, [(LAYERS, _sum_of_blocks)])
    means = {layer: total / (grid[0] * grid[1]) for layer, total in sums.items()}
    groups = [(layer,) for layer in LAYERS] if apart else [LAYERS]
    tables = [torch.cat([directions[layer] for layer in group], dim=1) for group in groups]
    maps = {layer: torch.zeros(grid, dtype=torch.long, device=image.device) for layer in LAYERS}
    for tile in tiles:
        own = {layer: tile.own(layer, whole) for layer, whole in features.forward(tile.of(image), LAYERS).items()}
        for strip in zip(*(strips_of(layer, tile) for layer in LAYERS), strict=True):
            parts = {layer: part for layer, (part, _) in zip(LAYERS, strip, strict=True)}
            place = strip[0][1]
            rows = {layer: widened(blocks(layer, own[layer][parts[layer]])) - means[layer] for layer in LAYERS}
            for group, table in zip(groups, tables, strict=True):
                queries = torch.cat([F.normalize(rows[layer], dim=2) for layer in group], dim=2)
                found = nearest(queries.flatten(0, 1), table).view(queries.shape[:2])
                for layer in group:
                    maps[layer][place] = found
    return maps


def nearest(queries: Tensor, table: Tensor) -> Tensor:
    """For each query (q, D) the number of the row of a table (n, D) with the largest product, int64 (q,)."""
    return torch.cat([linear(chunk, table).argmax(dim=1) for chunk in queries.split(CHUNK)])


def centered_table(style: StyleStatistics) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """By layer, the mean block (D,) of a style, and its blocks with that subtracted, of length 1, (n, D)."""
    tables = {layer: style["style"][layer] for layer in LAYERS}
    means = {layer: table.mean(0) for layer, table in tables.items()}
    return means, {layer: F.normalize(table - means[layer], dim=1) for layer, table in tables.items()}


def grid_of(size: Size) -> Size:
    """Rows and columns of places in an image of (height, width)."""
    return size[0] // UNIT * (UNIT // PITCH), size[1] // UNIT * (UNIT // PITCH)


def strips_of(layer: str, tile: Tile) -> Iterator[tuple[Part, Part]]:
    """Strips of about STRIP pixels: parts of a tile's own activations of a layer, and which part of the grid they are. The
    latter are the same for all layers."""
    step, pair = UNIT // stride_of(layer), UNIT // PITCH
    (top, bottom), (left, right) = ((side.start // UNIT, side.stop // UNIT) for side in tile.inner)
    units = max(1, STRIP // (UNIT * UNIT * max(1, right - left)))
    for first in range(top, bottom, units):
        last = min(first + units, bottom)
        own = slice((first - top) * step, (last - top) * step), slice((right - left) * step)
        yield own, (slice(first * pair, last * pair), slice(left * pair, right * pair))


def blocks(layer: str, activations: Tensor) -> Tensor:
    """The activations (h, w, C) of a layer as the blocks of the places, (rows, columns, D); of a layer with less than one
    place per PITCH pixels each activation is repeated."""
    side = PITCH // stride_of(layer)
    if not side:
        times = stride_of(layer) // PITCH
        return activations.repeat_interleave(times, 0).repeat_interleave(times, 1)
    height, width, channels = activations.shape
    split = activations.reshape(height // side, side, width // side, side, channels)
    return split.transpose(1, 2).flatten(2)


def _sum_of_blocks(layer: str, activations: Tensor, tile: Tile) -> Tensor:
    """The sum (D,) of a tile's blocks."""
    parts = [widened(blocks(layer, activations[part])).sum((0, 1)) for part, _ in strips_of(layer, tile)]
    return torch.stack(parts).sum(0)
