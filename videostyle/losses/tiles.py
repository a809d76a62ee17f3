"""The parts in which a picture is seen by the network where the activations of all of it would not fit into memory.

Each tile is responsible for a core, and is shown a margin around it as wide as the deepest layer sees: its own activations are
those of the whole picture.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from videostyle.frames import Size

if TYPE_CHECKING:
    from torch import Tensor

WHOLE = 1920 * 1088  # pixels up to which a picture is seen as one

CORE = 720  # the side of what a tile is responsible for, in pixels

HALO = 80  # relu5_1 sees 70 pixels beyond the 16 x 16 it stands for

STEP = 16  # pixels that a place of the deepest layer stands for: tiles begin at multiples of it


@dataclass(frozen=True)
class Tile:
    """A part of a picture, in pixels. outer: the rows and columns that the network is shown; inner: those of them, counted in
    the picture, whose activations are this tile's own."""

    outer: tuple[slice, slice]
    inner: tuple[slice, slice]

    def of(self, picture: Tensor) -> Tensor:
        """What the network is shown of a picture (1, C, H, W)."""
        return picture[:, :, self.outer[0], self.outer[1]]

    def own(self, layer: str, activations: Tensor) -> Tensor:
        """This tile's own part of a layer's activations (h, w, C) of what the network was shown."""
        return activations[*self._places(stride_of(layer))]

    def _places(self, stride: int) -> Iterator[slice]:
        for outer, inner in zip(self.outer, self.inner, strict=True):
            before = outer.start // stride
            yield slice(inner.start // stride - before, inner.stop // stride - before)


def tiles_of(size: Size, core: int | None = None) -> list[Tile]:
    """The tiles of a picture of (height, width): one where it is small, else cores of CORE x CORE with HALO around them."""
    core = core or (max(size) if size[0] * size[1] <= WHOLE else CORE)
    return [
        Tile((rows[0], columns[0]), (rows[1], columns[1]))
        for rows in _spans(size[0], core)
        for columns in _spans(size[1], core)
    ]


def _spans(side: int, core: int) -> Iterator[tuple[slice, slice]]:
    """(outer, inner) along one side. A rest shorter than a place of the deepest layer goes to the last but one."""
    starts = [start for start in range(0, side, core) if start == 0 or side - start >= STEP]
    for start, stop in zip(starts, [*starts[1:], side], strict=True):
        yield slice(max(0, start - HALO), min(side, stop + HALO)), slice(start, stop)


def stride_of(layer: str) -> int:
    """How many pixels, on each axis, a place of a layer such as "relu3_1" stands for."""
    return 2 ** (int(layer[len("relu")]) - 1)


def places_of(layer: str, size: Size) -> int:
    """How many places a layer has for a picture of (height, width)."""
    return (size[0] // stride_of(layer)) * (size[1] // stride_of(layer))
