"""Pictures moved along a flow, sharp and without drift."""

from __future__ import annotations

import numpy as np
import torch

REACH = 3  # pixels on each side of a target that count for it

NO_MOVE = 1e-6  # pixels; float32 cannot divide by the square of much less

STRIP = 64  # rows moved at once: bounds the memory of the weights, 36 a pixel


def warp(image: torch.Tensor, flow: np.ndarray | torch.Tensor) -> torch.Tensor:
    """output[p] = image[p + flow[p]], between the pixels by Lanczos, beyond the edges the edge's own pixels.

    image: float32 (N, C, H, W), any values. flow: (H, W, 2) in pixels, x right, y down, the same for every picture of
    the batch. Returns (N, C, H, W) in channels_last on image's device; a flow of zero gives the image back exactly.
    """
    count, channels, height, width = image.shape
    flow = torch.as_tensor(flow, dtype=torch.float32, device=image.device)
    # in one layout whatever image's: the sum's rounding and speed depend on it
    table = image.permute(2, 3, 0, 1).reshape(height * width, count * channels).contiguous()
    moved = _Moved.apply(table, flow).view(height, width, count, channels).permute(2, 3, 0, 1)
    return moved.contiguous(memory_format=torch.channels_last)


class _Moved(torch.autograd.Function):
    """A weighted sum of 36 rows of a table (H W, C) for each pixel of a flow, in one pass over all channels; with a gradient
    for the table alone: PyTorch's own takes nine times as long."""

    @staticmethod
    def forward(ctx, table: torch.Tensor, flow: torch.Tensor) -> torch.Tensor:  # type: ignore[override]
        height, width = flow.shape[:2]
        found = table.new_empty(height * width, table.shape[1])
        taps: list[torch.Tensor] = []
        for number, (strip, target) in enumerate(zip(flow.split(STRIP), found.split(STRIP * width), strict=True)):
            indices, weights = _taps(strip, number * STRIP, height)
            target.copy_(torch.nn.functional.embedding_bag(indices, table, per_sample_weights=weights, mode="sum"))
            if ctx.needs_input_grad[0]:
                taps += indices, weights
        ctx.save_for_backward(*taps)
        return found

    @staticmethod
    def backward(ctx, gradient: torch.Tensor):  # type: ignore[override]
        found = torch.zeros_like(gradient)
        indices, weights = ctx.saved_tensors[0::2], ctx.saved_tensors[1::2]
        parts = gradient.split([len(each) for each in indices])
        for part, places, shares in zip(parts, indices, weights, strict=True):
            found.index_add_(0, places.flatten(), (part[:, None, :] * shares[:, :, None]).flatten(0, 1))
        return found, None


def _taps(flow: torch.Tensor, top: int, height: int) -> tuple[torch.Tensor, torch.Tensor]:
    """The pixels around each pixel's target, as indices into the flattened picture, and their weights, (n, 36) each.

    flow: the rows of the flow from `top` on.
    """
    rows_here, width = flow.shape[:2]
    whole = flow.floor()
    weights = _lanczos(flow - whole)
    # the fraction is taken from the flow, not from the target: far from the origin float32 would round it
    around = whole.long()[..., None] + torch.arange(1 - REACH, REACH + 1, device=flow.device)
    columns = (around[..., 0, :] + torch.arange(width, device=flow.device)[:, None]).clamp(0, width - 1)
    own_rows = torch.arange(top, top + rows_here, device=flow.device)[:, None, None]
    rows = (around[..., 1, :] + own_rows).clamp(0, height - 1)
    indices = rows[..., :, None] * width + columns[..., None, :]
    products = weights[..., 1, :, None] * weights[..., 0, None, :]
    return indices.reshape(-1, 4 * REACH**2), products.reshape(-1, 4 * REACH**2)


def _lanczos(t: torch.Tensor) -> torch.Tensor:
    """The weights (..., 6) of the pixels at -2 ... 3 for a point at t in [0, 1).

    Lanczos's kernel of three lobes (Duchon 1979), which keeps nearly all of a painting's finest strokes where cubic
    kernels blur them. Departure: its weights neither sum to 1 nor have their mean at t, so that repeated warps would drift;
    they are divided by their sum, and the smallest change that puts their mean right is added.
    """
    places = torch.arange(1.0 - REACH, REACH + 1, device=t.device)
    distance = t[..., None] - places
    # sinc(d) sinc(d / 3) but for a factor, which the division takes out; sin(pi d) is the same in all six but for its sign
    weights = (1 - 2 * (places % 2)) * torch.sin(torch.pi / REACH * distance) / distance.square()
    weights = weights / weights.sum(-1, keepdim=True)
    off = t - weights @ places
    centerd = places - places.mean()
    weights = weights + off[..., None] * centerd / centerd.square().sum()
    there = distance.abs() < NO_MOVE  # t may have been rounded to 1
    return torch.where(there.any(-1, keepdim=True), there.float(), weights)
