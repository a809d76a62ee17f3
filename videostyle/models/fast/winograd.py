"""The 3x3 convolution of the network on CPUs, by Winograd's algorithm. Nearly all the time of a run goes here.

Winograd's F(4x4, 3x3) (Lavin & Gray 2015, arXiv:1509.09308): tiles of 6x6 pixels and the filters are transformed to a domain
where 36 products replace the 144 that the 4x4 results of a tile take. The filters are fixed, so they are transformed once, and
only the gradient by the image is computed. Images are (H, W, C) throughout, with the channels of a pixel side by side: a tile
is then copied in long runs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from videostyle.frames import Size
from videostyle.models.fast.matmul import ONEDNN, linear
from videostyle.tensors import strips

MIN_PIXELS, MIN_CHANNELS = 400, 128  # below either the direct convolution is as fast

OUT, TILE = 4, 6  # a tile of TILE x TILE pixels gives OUT x OUT results

# Transformed tiles at a time: as much as the caches of the cores hold, or as the filters take, which each block reads again.
BLOCK_BYTES = 8 << 20

DIRECT_BYTES = 4 << 20  # results of a direct convolution at a time: for each strip oneDNN reorders the filters again

# A grouped convolution multiplies fastest, but reorders its filters for each block: it pays up to so many values.
GROUPED = 36 * 256 * 256

# A polynomial is determined by its values at these points and its leading coefficient, the value "at infinity". The points
# come in pairs (p, 1/p): flipping a filter then only permutes and scales its values, so that one set of transformed filters
# serves the gradient too.
POINTS = (0.0, 1.0, -1.0, 2.0, 0.5)

INVERSES = [5, 1, 2, 4, 3, 0]  # index of 1/p for each point p, infinity being the last


def _values_at_points(coefficients: int) -> np.ndarray:
    """The matrix (TILE, coefficients) from a polynomial's coefficients, lowest first, to its values at POINTS and infinity."""
    at_infinity = np.arange(coefficients) == coefficients - 1
    return np.vstack([np.vander(POINTS, coefficients, increasing=True), at_infinity])


# Toom and Cook: the product of two polynomials from the products of their values; transposed, it is a correlation. These
# matrices are applied to the columns of a square, then to its rows.
_FILTER = torch.from_numpy(_values_at_points(3))

_RESULT = torch.from_numpy(_values_at_points(OUT).T).float()

_PIXELS = torch.from_numpy(np.linalg.inv(_values_at_points(TILE)).T).float()

# A flipped filter has at p the value p^2 g(1/p), g being the filter; at 0 and infinity the two values change places.
_SCALE = torch.tensor([1.0 if p == 0 else p * p for p in POINTS] + [1.0])

_FLIPPED_PIXELS, _FLIPPED_RESULT = (_SCALE[:, None] * _PIXELS)[INVERSES], _RESULT[:, INVERSES]

_AT_ONE = TILE + 1  # index of the point (1, 1): a constant added there is added to every result


@dataclass(frozen=True)
class Padded:
    """An image inside a border of zeros, in memory large enough for whole tiles of results."""

    whole: Tensor
    """The memory, (height, width, C)."""

    size: Size
    """(height, width) of the image."""

    @classmethod
    def new(cls, like: Tensor, size: Size, channels: int) -> Padded:
        """Uninitialized, of the type of another tensor."""
        return cls(like.new_empty(*cls.shape(size), channels), size)

    @staticmethod
    def shape(size: Size) -> Size:
        """(height, width) of the memory: whole tiles of results, and a pixel on each side."""
        height, width = (-(-side // OUT) * OUT + 2 for side in size)
        return height, width

    @property
    def inside(self) -> Tensor:
        """The image itself, (H, W, C)."""
        return self.whole[1 : self.size[0] + 1, 1 : self.size[1] + 1]

    @property
    def tiles(self) -> Tensor:
        """The part that whole tiles of results cover."""
        return self.whole[1:-1, 1:-1]

    def clear_edges(self) -> None:
        """Sets everything around the image to 0."""
        height, width = self.size
        for edge in (self.whole[:1], self.whole[height + 1 :], self.whole[:, :1], self.whole[:, width + 1 :]):
            edge.zero_()


@dataclass(frozen=True)
class Transformed:
    """The filters and bias of a convolution in the Winograd domain."""

    filters: Tensor
    """(36, out, in)."""

    bias: Tensor
    """(36 out,)."""

    @classmethod
    def of(cls, weight: Tensor, bias: Tensor) -> Transformed:
        """weight: (out, in, 3, 3); bias: (out,)."""
        filters = torch.einsum("ay,bx,oiyx->baoi", _FILTER, _FILTER, weight.double()).flatten(0, 1)
        by_point = bias.new_zeros(TILE * TILE, len(bias))
        by_point[_AT_ONE] = bias
        return cls(filters.float().contiguous(), by_point.flatten())

    def forward(self, tiles: Tensor) -> Tensor:
        """Transformed tiles (tiles, 36, in) times the filters, plus the bias: (tiles, 36, out)."""
        if not self._in_groups():
            return _by_point(tiles, self.filters).add_(self.bias.view(TILE * TILE, -1))
        return _as_tiles(F.conv2d(_as_pixels(tiles), self._weight(), self.bias, groups=TILE * TILE))

    def backward(self, tiles: Tensor) -> Tensor:
        """Transformed tiles of a gradient (tiles, 36, out) times the transposed filters: (tiles, 36, in)."""
        if not self._in_groups():
            return _by_point(tiles, self.filters.transpose(1, 2))
        return _as_tiles(F.conv_transpose2d(_as_pixels(tiles), self._weight(), groups=TILE * TILE))

    def _in_groups(self) -> bool:
        return ONEDNN and self.filters.numel() <= GROUPED

    def _weight(self) -> Tensor:
        return self.filters.flatten(0, 1)[:, :, None, None]


@dataclass(frozen=True)
class Kernel:
    """A 3x3 convolution with fixed weights, zero padding and ReLU."""

    weight: Tensor
    """(out, in, 3, 3), channels_last."""

    bias: Tensor
    """(out,)."""

    transformed: Transformed | None
    """The same in the Winograd domain; None where the direct convolution is used at any size."""

    @classmethod
    def of(cls, weight: Tensor, bias: Tensor) -> Kernel:
        direct = weight.device.type != "cpu" or weight.dtype != torch.float32 or min(weight.shape[:2]) < MIN_CHANNELS
        weight = weight.contiguous(memory_format=torch.channels_last)
        return cls(weight, bias, None if direct else Transformed.of(weight, bias))

    def transformed_for(self, size: Size) -> Transformed | None:
        """The transformed filters if Winograd's algorithm pays for an image of (height, width)."""
        return self.transformed if size[0] * size[1] >= MIN_PIXELS else None

    def forward(self, image: Padded, target: Tensor) -> None:
        """Writes the convolution with ReLU to target, (height, width, out) of whole tiles."""
        if transformed := self.transformed_for(image.size):
            _winograd(image, target, _PIXELS, transformed.forward, _RESULT, rectify=True)
        else:
            _direct(image, target, lambda part: F.conv2d(part, self.weight, self.bias).relu_())

    def backward(self, gradient: Padded, target: Tensor) -> None:
        """Writes the gradient by the image to target, (height, width, in) of whole tiles. gradient: by the results before
        ReLU."""
        if transformed := self.transformed_for(gradient.size):
            _winograd(gradient, target, _FLIPPED_PIXELS, transformed.backward, _FLIPPED_RESULT)
        else:
            _direct(gradient, target, lambda part: F.conv_transpose2d(part, self.weight, padding=2))


def _by_point(tiles: Tensor, filters: Tensor) -> Tensor:
    """(tiles, 36, m) by (36, n, m): a product (tiles, n) for each point, as (tiles, 36, n)."""
    pairs = zip(tiles.unbind(1), filters.unbind(0), strict=True)
    return torch.stack([linear(rows, weight) for rows, weight in pairs], 1)


def _as_pixels(tiles: Tensor) -> Tensor:
    """(tiles, 36, C) as an image (1, 36 C, tiles, 1) in channels_last."""
    return tiles.view(1, len(tiles), 1, -1).permute(0, 3, 1, 2)


def _as_tiles(pixels: Tensor) -> Tensor:
    """(1, 36 C, tiles, 1) as (tiles, 36, C)."""
    return pixels.permute(0, 2, 3, 1).view(pixels.shape[2], TILE * TILE, -1)


def _direct(image: Padded, target: Tensor, convolve: Callable[[Tensor], Tensor]) -> None:
    """Writes a convolution of (1, C, h + 2, w + 2) to (1, ?, h, w) to the image's rows of target, some at a time."""
    pixels = image.whole[None].permute(0, 3, 1, 2)
    for rows in strips(target[: image.size[0]], DIRECT_BYTES):
        target[rows] = convolve(pixels[:, :, rows.start : rows.stop + 2])[0].permute(1, 2, 0)


def _winograd(
    image: Padded,
    target: Tensor,
    pixels: Tensor,
    multiply: Callable[[Tensor], Tensor],
    result: Tensor,
    rectify: bool = False,
) -> None:
    """Writes the convolution of an image to target, (height, width, out) of whole tiles, a block of tiles at a time.

    pixels, result: matrices of the transforms to and from the Winograd domain. multiply: from transformed tiles (tiles, 36,
    in) to those of the results (tiles, 36, out).
    """
    inputs, outputs = image.whole.shape[2], target.shape[2]
    down, across = len(target) // OUT, target.shape[1] // OUT
    most = max(BLOCK_BYTES, 4 * TILE * TILE * inputs * outputs) // (4 * TILE * TILE * (inputs + outputs))
    by_rows = target.unflatten(0, (down, OUT))
    for rows, columns in _blocks(down, across, most):
        block = multiply(_transformed_tiles(image.whole, rows, columns, pixels))
        part = by_rows[rows, :, columns.start * OUT : columns.stop * OUT].flatten(2)
        _write_results(block, result, part)
        if rectify:
            part.relu_()


def _transformed_tiles(padded: Tensor, rows: slice, columns: slice, pixels: Tensor) -> Tensor:
    """(tiles, 36, in): the transformed tiles of a block, given in tiles, of a padded image."""
    places = slice(columns.start * OUT, columns.stop * OUT + TILE - OUT)
    bands = padded.unfold(0, TILE, OUT)[rows, places].permute(0, 3, 1, 2)  # (rows, 6, places, in)
    # first along the columns, on pixels that neighboring tiles share
    bands = _product(pixels, bands.flatten(2)).view(bands.shape)
    tiles = bands.unfold(2, TILE, OUT).permute(0, 2, 4, 1, 3).flatten(0, 1)  # (tiles, 6 columns, 6 rows, in)
    return _product(pixels, tiles.flatten(2)).view(len(tiles), TILE * TILE, -1)


def _write_results(block: Tensor, result: Tensor, target: Tensor) -> None:
    """Transforms a block (tiles, 36, out) back and writes it to target, (rows, 4, width * out)."""
    rows = len(target)
    columns = _product(result, block.reshape(len(block), TILE, -1))  # (tiles, 4 columns, 6 rows * out)
    columns = columns.view(rows, len(block) // rows, OUT, TILE, -1).permute(0, 3, 1, 2, 4)
    torch.bmm(result.expand(rows, OUT, TILE), columns.reshape(rows, TILE, -1), out=target)


def _product(matrix: Tensor, stack: Tensor) -> Tensor:
    """The matrix (m, k) times each matrix of a stack (n, k, any)."""
    return torch.bmm(matrix.expand(len(stack), *matrix.shape), stack)


def _blocks(down: int, across: int, most: int) -> Iterator[tuple[slice, slice]]:
    """Rectangles of at most `most` tiles (at least one) that cover down x across: whole rows, or parts of one."""
    rows, columns = max(1, most // across), max(1, min(across, most))
    for top in range(0, down, rows):
        for left in range(0, across, columns):
            yield slice(top, min(down, top + rows)), slice(left, min(across, left + columns))
