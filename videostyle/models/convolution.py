"""The 3x3 convolution of the network, where nearly all the time goes: Winograd's algorithm on CPUs.

Lavin & Gray 2015 (arXiv:1509.09308), as NNPACK inside PyTorch implements it: two to three times faster than the direct
convolution that PyTorch picks by itself, within 1e-4 of its values. NNPACK works in one thread, so a picture is cut into one
strip of rows for each. Only the picture's gradient is computed: the weights never change.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache

import torch
import torch.nn.functional as F
from torch import Tensor

LEAST_PIXELS = 600  # and ...
LEAST_CHANNELS = 32  # ... channels below which the direct convolution is as fast
TILE = 6  # rows that NNPACK transforms at once: strips end where a tile does


@dataclass(frozen=True)
class Kernel:
    """A fixed 3x3 convolution. weight: (out, in, 3, 3); bias: (out,); turned: the weight that carries gradients back."""

    weight: Tensor
    bias: Tensor
    turned: Tensor
    no_bias: Tensor

    @classmethod
    def of(cls, weight: Tensor, bias: Tensor) -> Kernel:
        turned = weight.flip(2, 3).transpose(0, 1).contiguous()
        return cls(weight.contiguous(), bias, turned, bias.new_zeros(weight.shape[1]))


@cache
def winograd_is_there() -> bool:
    """Whether this PyTorch and this processor have it; asking also starts it."""
    return hasattr(torch, "_nnpack_spatial_convolution") and torch.backends.nnpack.is_available()


@cache
def _pool(threads: int) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(threads, thread_name_prefix="winograd")


def convolve(image: Tensor, kernel: Kernel) -> Tensor:
    """(1, in, H, W) -> (1, out, H, W), zeros beyond the edge, with a gradient for the image alone."""
    return _Convolution.apply(image, kernel)


class _Convolution(torch.autograd.Function):
    @staticmethod
    def forward(ctx, image: Tensor, kernel: Kernel) -> Tensor:  # type: ignore[override]
        ctx.kernel = kernel
        return _forward(image, kernel.weight, kernel.bias)

    @staticmethod
    def backward(ctx, gradient: Tensor):  # type: ignore[override]
        return _forward(gradient, ctx.kernel.turned, ctx.kernel.no_bias), None


def _forward(image: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    height, width = image.shape[2:]
    pays = height * width >= LEAST_PIXELS and min(weight.shape[:2]) >= LEAST_CHANNELS
    if not (pays and image.device.type == "cpu" and image.dtype == torch.float32 and winograd_is_there()):
        return F.conv2d(image, weight, bias, padding=1)
    tiles = -(-height // TILE)
    strips = min(torch.get_num_threads(), tiles)
    edges = [min(height, TILE * (tiles * strip // strips)) for strip in range(strips + 1)]

    if strips == 1:
        return torch._nnpack_spatial_convolution(image, weight, bias, padding=1)

    def strip(top: int, bottom: int) -> Tensor:
        rows = image[:, :, max(0, top - 1) : bottom + 1]
        rows = F.pad(rows, (0, 0, int(top == 0), int(bottom == height)))
        with torch.no_grad():  # a thread starts with gradients on
            return torch._nnpack_spatial_convolution(rows, weight, bias, padding=(0, 1))

    return torch.cat(list(_pool(strips).map(strip, edges[:-1], edges[1:])), dim=2)
