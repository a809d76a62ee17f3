"""The 3x3 convolution of the network, where nearly all the time goes: Winograd's algorithm on CPUs.

Winograd's F(4x4, 3x3) (Lavin & Gray 2015, arXiv:1509.09308): tiles of 6x6 pixels and the filters are taken to a domain
where 36 products stand for the 144 that a tile's 4x4 results need. The filters are fixed, so they are transformed once.
Only the picture's gradient is computed: the weights never change. Everything lies in memory with the channels of a pixel side
by side (channels_last): a tile's pixels are then copied in long runs.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from videostyle.frames import Size

# Read by PyTorch when it first allocates: large pages save a tenth to a quarter of an iteration's time on Linux.
os.environ.setdefault("THP_MEM_ALLOC_ENABLE", "1")

LEAST_PIXELS = 600  # and ...
LEAST_CHANNELS = 32  # ... channels below which the direct convolution is as fast
OUT, TILE = 4, 6  # a tile of TILE x TILE pixels gives OUT x OUT results
# Of transformed tiles at once: what the cores' caches hold, or as much as the filters, which are read anew for each block.
BLOCK_BYTES = 4 << 20
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
class Kernel:
    """A fixed 3x3 convolution. weight: (out, in, 3, 3); bias: (out,); values: (36, in, out), the filters' values at the
    points, None where the direct convolution is taken anyway."""

    weight: Tensor
    bias: Tensor
    values: Tensor | None

    @classmethod
    def of(cls, weight: Tensor, bias: Tensor) -> Kernel:
        plain = weight.device.type != "cpu" or weight.dtype != torch.float32 or min(weight.shape[:2]) < LEAST_CHANNELS
        weight = weight.contiguous(memory_format=torch.channels_last)
        return cls(weight, bias, None if plain else _values_of_filters(weight))


def _values_of_filters(weight: Tensor) -> Tensor:
    """(36, in, out) of filters (out, in, 3, 3)."""
    values = torch.einsum("ay,bx,oiyx->abio", _FILTER, _FILTER, weight.double())
    return values.flatten(0, 1).float().contiguous()


def convolve(image: Tensor, kernel: Kernel) -> Tensor:
    """(1, in, H, W) -> (1, out, H, W), zeros beyond the edge, values below 0 cut to 0; with a gradient for the image alone.

    Fastest where the image is in channels_last, as the result is.
    """
    return _RectifiedConvolution.apply(image, kernel)


class _RectifiedConvolution(torch.autograd.Function):
    @staticmethod
    def forward(ctx, image: Tensor, kernel: Kernel) -> Tensor:  # type: ignore[override]
        ctx.kernel = kernel
        if kernel.values is None or not _pays(image):
            image = image.contiguous(memory_format=torch.channels_last)
            found = F.conv2d(image, kernel.weight, kernel.bias, padding=1)
        else:
            padded, inside = _padded(image)
            inside.copy_(image)
            found = _winograd(padded, _size(image), kernel.values, _PIXELS, _RESULT, kernel.bias)
        ctx.save_for_backward(found.relu_())
        return found

    @staticmethod
    def backward(ctx, gradient: Tensor):  # type: ignore[override]
        kernel, (found,) = ctx.kernel, ctx.saved_tensors
        if kernel.values is None or not _pays(gradient):
            gradient = torch.ops.aten.threshold_backward(gradient, found, 0)
            return F.conv_transpose2d(gradient, kernel.weight, padding=1), None
        padded, inside = _padded(gradient)
        torch.ops.aten.threshold_backward.grad_input(gradient, found, 0, grad_input=inside)
        values = kernel.values.transpose(1, 2)
        return _winograd(padded, _size(gradient), values, _TURNED_PIXELS, _TURNED_RESULT), None


def _pays(image: Tensor) -> bool:
    return image.shape[2] * image.shape[3] >= LEAST_PIXELS


def _size(image: Tensor) -> Size:
    return image.shape[2], image.shape[3]


def _padded(image: Tensor) -> tuple[Tensor, Tensor]:
    """(height, width, C) that whole tiles cover, and the view (1, C, H, W) of it that an image is to be written into, with
    zeros around it."""
    _, channels, height, width = image.shape
    padded = image.new_empty(-(-height // OUT) * OUT + 2, -(-width // OUT) * OUT + 2, channels)
    for edge in (padded[:1], padded[height + 1 :], padded[:, :1], padded[:, width + 1 :]):
        edge.zero_()
    return padded, padded[1 : height + 1, 1 : width + 1].permute(2, 0, 1)[None]


def _winograd(
    padded: Tensor, size: Size, values: Tensor, pixels: Tensor, result: Tensor, bias: Tensor | None = None
) -> Tensor:
    """(1, out, H, W) in channels_last by filters' values (36, in, out), a block of tiles at a time, from a padded image of
    size (H, W)."""
    _, inputs, outputs = values.shape
    height, width = size
    down, across = -(-height // OUT), -(-width // OUT)
    found = padded.new_empty(down * OUT, across * OUT, outputs)
    results = found.view(down, OUT, across, OUT, outputs).permute(1, 3, 0, 2, 4)  # (4, 4, down, across, out)
    most = max(BLOCK_BYTES, 4 * values.numel()) // (4 * TILE * TILE * (inputs + outputs))
    for rows, columns in _blocks(down, across, most):
        products = _values_of_tiles(padded, rows, columns, pixels) @ values
        if bias is not None:
            products[_AT_ONE] += bias
        block = _product(result, products.view(TILE, TILE, -1))
        block = _product(result, block.transpose(0, 1)).transpose(0, 1)
        target = results[:, :, rows, columns]
        target.copy_(block.view(target.shape))
    return found[:height, :width].permute(2, 0, 1)[None].contiguous(memory_format=torch.channels_last)


def _values_of_tiles(padded: Tensor, rows: slice, columns: slice, pixels: Tensor) -> Tensor:
    """(36, tiles, in): the transformed tiles of a block, which is given in tiles, of a padded image."""
    places = slice(columns.start * OUT, columns.stop * OUT + TILE - OUT)
    strips = padded.unfold(0, TILE, OUT)[rows, places].permute(0, 3, 1, 2)  # (rows, 6, places, in)
    # first what tiles that lie side by side have in common
    strips = _product(pixels, strips.flatten(2)).view(strips.shape)
    tiles = strips.unfold(2, TILE, OUT).permute(1, 4, 0, 2, 3).reshape(TILE, TILE, -1)
    return _product(pixels, tiles).view(TILE * TILE, -1, padded.shape[2])


def _product(matrix: Tensor, stack: Tensor) -> Tensor:
    """The matrix (m, k) times each matrix of a stack (n, k, any)."""
    return torch.bmm(matrix.expand(len(stack), *matrix.shape), stack)


def _blocks(down: int, across: int, most: int) -> Iterator[tuple[slice, slice]]:
    """Rectangles of at most `most` tiles (at least one) that cover down x across: whole rows, or parts of one."""
    rows, columns = max(1, most // across), max(1, min(across, most))
    for top in range(0, down, rows):
        for left in range(0, across, columns):
            yield slice(top, min(down, top + rows)), slice(left, min(across, left + columns))
