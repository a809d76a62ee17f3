"""Tiles of an image whose activations would not fit into memory as a whole.

A tile has a core, whose activations are its own, and a margin as wide as the receptive field of the deepest layer: the
activations of the core are those of the whole image, so there are no seams.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from videostyle.frames import Size

if TYPE_CHECKING:
    from torch import Tensor

WHOLE = 1920 * 1088  # an image of up to so many pixels is one tile

CORE = 720  # side of a core, in pixels

HALO = 80  # width of the margin: relu5_1 depends on 70 pixels beyond the 16 x 16 of one place

STEP = 16  # pixels per place of the deepest layer: cores and margins begin at multiples of it


@dataclass(frozen=True)
class Tile:
    """A part of an image that the network computes at once. Slices are rows and columns."""

    index: int
    """Its number among the tiles of the image, from 0."""

    size: Size
    """(height, width) of the whole image."""

    outer: tuple[slice, slice]
    """The pixels that the network is given: core and margin."""

    inner: tuple[slice, slice]
    """The pixels of the core, counted in the image."""

    def of(self, image: Tensor) -> Tensor:
        """The part of an image (1, C, H, W) that the network is given."""
        return image[:, :, self.outer[0], self.outer[1]]

    def own(self, layer: str, activations: Tensor) -> Tensor:
        """The core's part of a layer's activations (h, w, C) of this tile."""
        return activations[*self._places(stride_of(layer))]

    def core(self, layer: str) -> tuple[slice, slice]:
        """The core's rows and columns among a layer's places of the whole image."""
        rows, columns = (slice(side.start // stride_of(layer), side.stop // stride_of(layer)) for side in self.inner)
        return rows, columns

    def places(self, layer: str) -> int:
        """How many places a layer has for the whole image."""
        return places_of(layer, self.size)

    def _places(self, stride: int) -> Iterator[slice]:
        for outer, inner in zip(self.outer, self.inner, strict=True):
            before = outer.start // stride
            yield slice(inner.start // stride - before, inner.stop // stride - before)


def tiles_of(size: Size, core: int | None = None) -> list[Tile]:
    """The tiles of an image of (height, width): one up to WHOLE pixels, else cores of CORE x CORE with margins."""
    core = core or (max(size) if size[0] * size[1] <= WHOLE else CORE)
    spans = [(rows, columns) for rows in _spans(size[0], core) for columns in _spans(size[1], core)]
    return [
        Tile(index, size, (rows[0], columns[0]), (rows[1], columns[1])) for index, (rows, columns) in enumerate(spans)
    ]


def _spans(side: int, core: int) -> Iterator[tuple[slice, slice]]:
    """(outer, inner) along one side. A rest shorter than a place of the deepest layer goes to the core before it."""
    starts = [start for start in range(0, side, core) if start == 0 or side - start >= STEP]
    for start, stop in zip(starts, [*starts[1:], side], strict=True):
        yield slice(max(0, start - HALO), min(side, stop + HALO)), slice(start, stop)


def stride_of(layer: str) -> int:
    """Pixels per place of a layer such as "relu3_1", along each axis."""
    return 2 ** (int(layer[len("relu")]) - 1)


def places_of(layer: str, size: Size) -> int:
    """How many places a layer has for an image of (height, width)."""
    return (size[0] // stride_of(layer)) * (size[1] // stride_of(layer))


def reach_of(layer: str) -> int:
    """Pixels beyond a place of a layer such as "relu3_1" that its activations depend on, on each side: of VGG-19, whose
    convolutions reach one place of their own size."""
    convolutions = (2, 2, 4, 4, 4)
    number, within = (int(part) for part in layer[len("relu") :].split("_"))
    return sum(count * 2**block for block, count in enumerate([*convolutions[: number - 1], within]))
