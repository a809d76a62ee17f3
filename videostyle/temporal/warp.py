"""Pictures moved along a flow, sharp and without drift."""

from __future__ import annotations

import numpy as np
import torch


def warp(image: torch.Tensor, flow: np.ndarray | torch.Tensor) -> torch.Tensor:
    """output[p] = image[p + flow[p]], between the pixels by Catmull-Rom, beyond the edges the edge's own pixels.

    image: float32 (N, C, H, W), any values. flow: (H, W, 2) in pixels, x right, y down, the same for every picture of
    the batch. Returns (N, C, H, W) in channels_last on image's device; a flow of zero gives the image back exactly.

    The kernel is Keys's cubic with a = -0.5 (Keys 1981, doi 10.1109/TASSP.1981.1163711). OpenCV and PyTorch take -0.75,
    which overshoots: repeated from frame to frame it amplifies texture and drifts.
    """
    count, channels, height, width = image.shape
    indices, weights = _taps(torch.as_tensor(flow, dtype=torch.float32, device=image.device))
    # copied into one layout whatever image's: the sum's rounding and speed depend on it
    table = image.permute(2, 3, 0, 1).reshape(height * width, count * channels).contiguous()
    # a weighted sum of 16 table rows for each pixel, in one pass over all pictures of the batch
    moved = torch.nn.functional.embedding_bag(indices, table, per_sample_weights=weights, mode="sum")
    moved = moved.view(height, width, count, channels).permute(2, 3, 0, 1)
    return moved.contiguous(memory_format=torch.channels_last)


def _taps(flow: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """The 16 pixels that each pixel's target lies among, as indices into the flattened picture, and their weights."""
    height, width = flow.shape[:2]
    whole = flow.floor()
    weights = _catmull_rom(flow - whole)
    # the fraction is taken from the flow, not from the target: far from the origin float32 would round it
    around = whole.long()[..., None] + torch.arange(-1, 3, device=flow.device)
    columns = (around[..., 0, :] + torch.arange(width, device=flow.device)[:, None]).clamp(0, width - 1)
    rows = (around[..., 1, :] + torch.arange(height, device=flow.device)[:, None, None]).clamp(0, height - 1)
    indices = rows[..., :, None] * width + columns[..., None, :]
    products = weights[..., 1, :, None] * weights[..., 0, None, :]
    return indices.reshape(-1, 16), products.reshape(-1, 16)


def _catmull_rom(t: torch.Tensor) -> torch.Tensor:
    """The weights (..., 4) of the pixels at -1, 0, 1 and 2 for a point at t in [0, 1); they sum to 1."""
    return torch.stack(
        (
            ((-0.5 * t + 1.0) * t - 0.5) * t,
            (1.5 * t - 2.5) * t * t + 1.0,
            ((-1.5 * t + 2.0) * t + 0.5) * t,
            (0.5 * t - 0.5) * t * t,
        ),
        dim=-1,
    )
