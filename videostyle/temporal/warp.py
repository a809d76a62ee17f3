"""Warping of pictures along a flow, sharp and without drift over many frames."""

from __future__ import annotations

import numpy as np
import torch

REACH = 3
"""Pixels on each side of a target that contribute to it."""

NO_MOVE = 1e-6
"""Pixels; the square of much less cannot be divided by in float32."""

STRIP = 64
"""Rows warped at once: bounds the memory of the weights, 36 per pixel."""


def warp(image: torch.Tensor, flow: np.ndarray | torch.Tensor) -> torch.Tensor:
    """output[p] = image[p + flow[p]], with Lanczos interpolation and replicated edges.

    image: float32 (N, C, H, W), any values. flow: (H, W, 2) in pixels, x right, y down, the same for every picture of
    the batch. Returns (N, C, H, W) in channels_last on the image's device; a flow of zero returns the image exactly.
    """
    count, channels, height, width = image.shape
    flow = torch.as_tensor(flow, dtype=torch.float32, device=image.device)
    # always in one layout: rounding and speed depend on it
    table = image.permute(2, 3, 0, 1).reshape(height * width, count * channels).contiguous()
    warped = _Warp.apply(table, flow).view(height, width, count, channels).permute(2, 3, 0, 1)
    return warped.contiguous(memory_format=torch.channels_last)


class _Warp(torch.autograd.Function):
    """For each pixel of a flow the weighted sum of 36 rows of a table (H W, C), in one pass over all channels.

    The gradient is with respect to the table only; PyTorch's own backward pass takes nine times as long.
    """

    @staticmethod
    def forward(ctx, table: torch.Tensor, flow: torch.Tensor) -> torch.Tensor:  # type: ignore[override]
        height, width = flow.shape[:2]
        result = table.new_empty(height * width, table.shape[1])
        taps: list[torch.Tensor] = []
        for number, (strip, target) in enumerate(zip(flow.split(STRIP), result.split(STRIP * width), strict=True)):
            indices, weights = _taps(strip, number * STRIP, height)
            target.copy_(torch.nn.functional.embedding_bag(indices, table, per_sample_weights=weights, mode="sum"))
            if ctx.needs_input_grad[0]:
                taps += indices, weights
        ctx.save_for_backward(*taps)
        return result

    @staticmethod
    def backward(ctx, gradient: torch.Tensor):  # type: ignore[override]
        result = torch.zeros_like(gradient)
        indices, weights = ctx.saved_tensors[0::2], ctx.saved_tensors[1::2]
        strips = gradient.split([len(rows) for rows in indices])
        for strip, rows, factors in zip(strips, indices, weights, strict=True):
            result.index_add_(0, rows.flatten(), (strip[:, None, :] * factors[:, :, None]).flatten(0, 1))
        return result, None


def _taps(flow: torch.Tensor, top: int, height: int) -> tuple[torch.Tensor, torch.Tensor]:
    """The 36 pixels around each pixel's target, as indices into the flattened picture, and their weights, (n, 36) each.

    flow: a strip of the flow, whose first row is `top`. height: of the picture.
    """
    strip_height, width = flow.shape[:2]
    whole = flow.floor()
    weights = _lanczos(flow - whole)
    # the fraction is taken of the flow, not of the target: far from the origin, float32 would round it
    around = whole.long()[..., None] + torch.arange(1 - REACH, REACH + 1, device=flow.device)
    columns = (around[..., 0, :] + torch.arange(width, device=flow.device)[:, None]).clamp(0, width - 1)
    own_rows = torch.arange(top, top + strip_height, device=flow.device)[:, None, None]
    rows = (around[..., 1, :] + own_rows).clamp(0, height - 1)
    indices = rows[..., :, None] * width + columns[..., None, :]
    products = weights[..., 1, :, None] * weights[..., 0, None, :]
    return indices.reshape(-1, 4 * REACH**2), products.reshape(-1, 4 * REACH**2)


def _lanczos(t: torch.Tensor) -> torch.Tensor:
    """The weights (..., 6) of the pixels at -2 ... 3 for a point at t in [0, 1).

    Lanczos's kernel of three lobes (Duchon 1979), which keeps nearly all of the finest strokes, where cubic kernels blur them.
    Departure: the kernel's weights neither sum to 1 nor have their mean at t, so that repeated warps would drift; they are
    divided by their sum, and the smallest change that corrects their mean is added.
    """
    places = torch.arange(1.0 - REACH, REACH + 1, device=t.device)
    distance = t[..., None] - places
    # sinc(d) sinc(d / 3) up to a factor, which the normalization removes; sin(pi d) is the same in all six up to its sign
    weights = (1 - 2 * (places % 2)) * torch.sin(torch.pi / REACH * distance) / distance.square()
    weights = weights / weights.sum(-1, keepdim=True)
    error = t - weights @ places
    centered = places - places.mean()
    weights = weights + error[..., None] * centered / centered.square().sum()
    at_pixel = distance.abs() < NO_MOVE  # t may have been rounded to 1
    return torch.where(at_pixel.any(-1, keepdim=True), at_pixel.float(), weights)
