"""The 3x3 convolution of the network, where nearly all the time goes: Winograd's algorithm on CPUs.

Winograd's F(4x4, 3x3) (Lavin & Gray 2015, arXiv:1509.09308): tiles of 6x6 pixels and the filters are taken to a domain
where 36 products stand for the 144 that a tile's 4x4 results need. The filters are fixed, so they are transformed once.
Only the picture's gradient is computed: the weights never change. Everything lies in memory with the channels of a pixel side
by side (channels_last): a tile's pixels are then copied in long runs.
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

LEAST_PIXELS, LEAST_CHANNELS = 400, 128  # below either the direct convolution is as fast

OUT, TILE = 4, 6  # a tile of TILE x TILE pixels gives OUT x OUT results

# Of transformed tiles at once: what the cores' caches hold, or as much as the filters, which are read anew for each block.
BLOCK_BYTES = 8 << 20

DIRECT_BYTES = 4 << 20  # of a direct convolution's result at once: for each strip oneDNN lays the filters out anew

# A convolution in groups multiplies fastest, but lays its filters out anew for each block: up to this many values it pays.
GROUPED = 36 * 256 * 256

# A polynomial is known by its values at these points and its leading coefficient, the value "at infinity". The points come
# in pairs (p, 1/p): turning a filter around then only swaps its values, so that one set of transformed filters
# serves the gradient too.
POINTS = (0.0, 1.0, -1.0, 2.0, 0.5)

INVERSES = [5, 1, 2, 4, 3, 0]  # of each point, by its number, infinity being the last


def _values_at_points(coefficients: int) -> np.ndarray:
    """The matrix (TILE, coefficients) from a polynomial's coefficients, lowest first, to its values at POINTS and infinity."""
    at_infinity = np.arange(coefficients) == coefficients - 1
    return np.vstack([np.vander(POINTS, coefficients, increasing=True), at_infinity])


# Toom and Cook: the product of two polynomials from the products of their values; transposed, it is a correlation. Each of
# these is applied to the columns of a square, then to its rows.
_FILTER = torch.from_numpy(_values_at_points(3))

_RESULT = torch.from_numpy(_values_at_points(OUT).T).float()

_PIXELS = torch.from_numpy(np.linalg.inv(_values_at_points(TILE)).T).float()

# A filter g turned around has at p the value p^2 g(1/p); at 0 and infinity the two just change places.
_SCALE = torch.tensor([1.0 if p == 0 else p * p for p in POINTS] + [1.0])

_TURNED_PIXELS, _TURNED_RESULT = (_SCALE[:, None] * _PIXELS)[INVERSES], _RESULT[:, INVERSES]

_AT_ONE = TILE + 1  # a constant here, at the point (1, 1), is that constant in every result


@dataclass(frozen=True)
class Padded:
    """A picture amid zeros, in memory that whole tiles of results cover. whole: (height, width, C); size: of the picture."""

    whole: Tensor
    size: Size

    @classmethod
    def new(cls, like: Tensor, size: Size, channels: int) -> Padded:
        return cls(like.new_empty(*cls.shape(size), channels), size)

    @staticmethod
    def shape(size: Size) -> Size:
        """The height and width it takes: whole tiles of results, and a pixel on each side."""
        height, width = (-(-side // OUT) * OUT + 2 for side in size)
        return height, width

    @property
    def inside(self) -> Tensor:
        """The picture itself, (H, W, C)."""
        return self.whole[1 : self.size[0] + 1, 1 : self.size[1] + 1]

    @property
    def tiles(self) -> Tensor:
        """What whole tiles of results cover."""
        return self.whole[1:-1, 1:-1]

    def clear_edges(self) -> None:
        """Makes what lies around the picture zero."""
        height, width = self.size
        for edge in (self.whole[:1], self.whole[height + 1 :], self.whole[:, :1], self.whole[:, width + 1 :]):
            edge.zero_()


@dataclass(frozen=True)
class Values:
    """Filters, and a bias, by their values at the points. filters: (36, out, in); bias: (36 out,)."""

    filters: Tensor
    bias: Tensor

    @classmethod
    def of(cls, weight: Tensor, bias: Tensor) -> Values:
        """weight: (out, in, 3, 3); bias: (out,)."""
        filters = torch.einsum("ay,bx,oiyx->baoi", _FILTER, _FILTER, weight.double()).flatten(0, 1)
        by_point = bias.new_zeros(TILE * TILE, len(bias))
        by_point[_AT_ONE] = bias
        return cls(filters.float().contiguous(), by_point.flatten())

    def products(self, tiles: Tensor) -> Tensor:
        """Tiles (tiles, 36, in) times the filters at each point, and the bias: (tiles, 36, out)."""
        if not self._in_groups():
            return _by_point(tiles, self.filters).add_(self.bias.view(TILE * TILE, -1))
        return _as_tiles(F.conv2d(_as_pixels(tiles), self._weight(), self.bias, groups=TILE * TILE))

    def turned_products(self, tiles: Tensor) -> Tensor:
        """(tiles, 36, out) to (tiles, 36, in), by the filters turned around, without a bias."""
        if not self._in_groups():
            return _by_point(tiles, self.filters.transpose(1, 2))
        return _as_tiles(F.conv_transpose2d(_as_pixels(tiles), self._weight(), groups=TILE * TILE))

    def _in_groups(self) -> bool:
        return ONEDNN and self.filters.numel() <= GROUPED

    def _weight(self) -> Tensor:
        return self.filters.flatten(0, 1)[:, :, None, None]


@dataclass(frozen=True)
class Kernel:
    """A fixed 3x3 convolution. weight: (out, in, 3, 3); bias: (out,); values: of both at the points, None where the direct
    convolution is taken anyway."""

    weight: Tensor
    bias: Tensor
    values: Values | None

    @classmethod
    def of(cls, weight: Tensor, bias: Tensor) -> Kernel:
        plain = weight.device.type != "cpu" or weight.dtype != torch.float32 or min(weight.shape[:2]) < LEAST_CHANNELS
        weight = weight.contiguous(memory_format=torch.channels_last)
        return cls(weight, bias, None if plain else Values.of(weight, bias))

    def values_for(self, size: Size) -> Values | None:
        """The values where Winograd's way pays, for a picture of (height, width)."""
        return self.values if size[0] * size[1] >= LEAST_PIXELS else None

    def rectified(self, image: Padded, target: Tensor) -> None:
        """Convolves, cuts what is below 0 and writes the rest to target (height, width, out) of whole tiles."""
        if values := self.values_for(image.size):
            _winograd(image, target, _PIXELS, values.products, _RESULT, rectify=True)
        else:
            _direct(image, target, lambda part: F.conv2d(part, self.weight, self.bias).relu_())

    def turned(self, gradient: Padded, target: Tensor) -> None:
        """From the gradient by the unrectified results to that by the image, (height, width, in) of whole tiles."""
        if values := self.values_for(gradient.size):
            _winograd(gradient, target, _TURNED_PIXELS, values.turned_products, _TURNED_RESULT)
        else:
            _direct(gradient, target, lambda part: F.conv_transpose2d(part, self.weight, padding=2))


def _by_point(tiles: Tensor, values: Tensor) -> Tensor:
    """(tiles, 36, m) by (36, n, m): a product (tiles, n) for each point, as (tiles, 36, n)."""
    return torch.stack([linear(*each) for each in zip(tiles.unbind(1), values.unbind(0), strict=True)], 1)


def _as_pixels(tiles: Tensor) -> Tensor:
    """(tiles, 36, C) as a picture (1, 36 C, tiles, 1) in channels_last."""
    return tiles.view(1, len(tiles), 1, -1).permute(0, 3, 1, 2)


def _as_tiles(pixels: Tensor) -> Tensor:
    """(1, 36 C, tiles, 1) as (tiles, 36, C)."""
    return pixels.permute(0, 2, 3, 1).view(pixels.shape[2], TILE * TILE, -1)


def _direct(image: Padded, target: Tensor, convolve: Callable[[Tensor], Tensor]) -> None:
    """Writes a convolution of (1, C, h + 2, w + 2) to (1, ?, h, w) to the picture's rows of target, some at a time."""
    pixels = image.whole[None].permute(0, 3, 1, 2)
    for rows in strips(target[: image.size[0]], DIRECT_BYTES):
        target[rows] = convolve(pixels[:, :, rows.start : rows.stop + 2])[0].permute(1, 2, 0)


def _winograd(
    image: Padded,
    target: Tensor,
    pixels: Tensor,
    products: Callable[[Tensor], Tensor],
    result: Tensor,
    rectify: bool = False,
) -> None:
    """Writes the convolution of an image to target, whole tiles (height, width, out), a block of them at a time.

    products: from transformed tiles (tiles, 36, in) to those of the results (tiles, 36, out).
    """
    inputs, outputs = image.whole.shape[2], target.shape[2]
    down, across = len(target) // OUT, target.shape[1] // OUT
    most = max(BLOCK_BYTES, 4 * TILE * TILE * inputs * outputs) // (4 * TILE * TILE * (inputs + outputs))
    by_rows = target.unflatten(0, (down, OUT))
    for rows, columns in _blocks(down, across, most):
        block = products(_values_of_tiles(image.whole, rows, columns, pixels))
        found = by_rows[rows, :, columns.start * OUT : columns.stop * OUT].flatten(2)
        _results(block, result, found)
        if rectify:
            found.relu_()


def _values_of_tiles(padded: Tensor, rows: slice, columns: slice, pixels: Tensor) -> Tensor:
    """(tiles, 36, in): the transformed tiles of a block, which is given in tiles, of a padded image."""
    places = slice(columns.start * OUT, columns.stop * OUT + TILE - OUT)
    strips = padded.unfold(0, TILE, OUT)[rows, places].permute(0, 3, 1, 2)  # (rows, 6, places, in)
    # first what tiles that lie side by side have in common
    strips = _product(pixels, strips.flatten(2)).view(strips.shape)
    tiles = strips.unfold(2, TILE, OUT).permute(0, 2, 4, 1, 3).flatten(0, 1)  # (tiles, 6 columns, 6 rows, in)
    return _product(pixels, tiles.flatten(2)).view(len(tiles), TILE * TILE, -1)


def _results(block: Tensor, result: Tensor, target: Tensor) -> None:
    """Takes a block (tiles, 36, out) back into the results themselves. target: (rows, 4, width * out)."""
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
