"""Max pooling of 2x2 pixels, a last odd row or column left out: with a gradient by autograd, and in place."""

from __future__ import annotations

import torch
from torch import Tensor

from videostyle.models.fast.winograd import strips


def pooled_before(layer: str) -> bool:
    """Whether the network makes the picture half as large before a layer such as "conv2_1"."""
    return layer.endswith("_1") and not layer.endswith("1_1")


class Halved(torch.autograd.Function):
    """F.max_pool2d(x, 2), values and gradient, of (1, C, H, W).

    It keeps a byte for each result where PyTorch's keeps eight, and is faster: pixels of one place lie in long runs.
    """

    @staticmethod
    def forward(ctx, x: Tensor) -> Tensor:  # type: ignore[override]
        height, width = x.shape[2] // 2, x.shape[3] // 2
        found = x.new_empty(height, width, x.shape[1])
        winners = torch.empty_like(found, dtype=torch.uint8)
        halve(x[0].permute(1, 2, 0), found, winners)
        ctx.size = x.shape[2:]
        ctx.save_for_backward(winners)
        return found.permute(2, 0, 1)[None]

    @staticmethod
    def backward(ctx, gradient: Tensor) -> Tensor:  # type: ignore[override]
        (winners,) = ctx.saved_tensors
        slope = gradient.new_empty(*ctx.size, winners.shape[2])
        unhalve(gradient[0].permute(1, 2, 0), winners, slope)
        return slope.permute(2, 0, 1)[None]


def halve(x: Tensor, target: Tensor, winners: Tensor) -> None:
    """Writes the largest of each 2x2 pixels of x (H, W, C) to target (H // 2, W // 2, C), and to winners (uint8, as large)
    which one it is, the first of equal ones."""
    for rows in strips(target):
        corners, largest = _corners(x[rows.start * 2 : rows.stop * 2]), target[rows]
        torch.maximum(corners[0], corners[1], out=largest)
        for corner in corners[2:]:
            torch.maximum(largest, corner, out=largest)
        beaten = corners[0] != largest  # and all before too
        number = beaten.to(torch.uint8)
        for corner in corners[1:-1]:
            beaten = beaten & (corner != largest)
            number += beaten.view(torch.uint8)
        winners[rows] = number


def unhalve(gradient: Tensor, winners: Tensor, target: Tensor) -> None:
    """Writes to target (H, W, C) the gradient of what was pooled, from that of the result; 0 where no pixel won."""
    target[len(winners) * 2 :] = 0
    target[:, winners.shape[1] * 2 :] = 0
    for rows in strips(gradient):
        for number, corner in enumerate(_corners(target[rows.start * 2 : rows.stop * 2])):
            torch.mul(gradient[rows], winners[rows] == number, out=corner)


def _corners(x: Tensor) -> list[Tensor]:
    """Views of the four pixels of each 2x2 of (H, W, C), each (H // 2, W // 2, C)."""
    height, width = (side // 2 * 2 for side in x.shape[:2])
    return [x[row:height:2, column:width:2] for row in (0, 1) for column in (0, 1)]
