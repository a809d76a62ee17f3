"""Max pooling of 2x2 pixels into given memory, and its gradient. A last odd row or column is left out, as in PyTorch.

It keeps one byte per result where PyTorch keeps eight, and is faster: the channels of a pixel lie side by side.
"""

from __future__ import annotations

import torch
from torch import Tensor

from videostyle.tensors import STRIP_BYTES, strips


def halve(x: Tensor, target: Tensor, winners: Tensor, strip_bytes: int = STRIP_BYTES) -> None:
    """Writes the largest of each 2x2 pixels of x (H, W, C) to target (H // 2, W // 2, C).

    winners: uint8, as large as target; receives the number of the pixel, 0 to 3 row by row, the first of equal ones.
    """
    for rows in strips(target, strip_bytes):
        corners, largest = _corners(x[rows.start * 2 : rows.stop * 2]), target[rows]
        torch.maximum(corners[0], corners[1], out=largest)
        for corner in corners[2:]:
            torch.maximum(largest, corner, out=largest)
        beaten = corners[0] != largest  # this pixel, and all before it
        number = beaten.to(torch.uint8)
        for corner in corners[1:-1]:
            beaten = beaten & (corner != largest)
            number += beaten.view(torch.uint8)
        winners[rows] = number


def unhalve(gradient: Tensor, winners: Tensor, target: Tensor, strip_bytes: int = STRIP_BYTES) -> None:
    """Writes to target (H, W, C) the gradient by what was pooled, from that by the result; 0 at pixels that did not win."""
    target[len(winners) * 2 :] = 0
    target[:, winners.shape[1] * 2 :] = 0
    for rows in strips(gradient, strip_bytes):
        for number, corner in enumerate(_corners(target[rows.start * 2 : rows.stop * 2])):
            torch.mul(gradient[rows], winners[rows] == number, out=corner)


def _corners(x: Tensor) -> list[Tensor]:
    """The four pixels of each 2x2 of (H, W, C) as views (H // 2, W // 2, C), row by row."""
    height, width = (side // 2 * 2 for side in x.shape[:2])
    return [x[row:height:2, column:width:2] for row in (0, 1) for column in (0, 1)]
