"""NumPy arrays to tensors and back, resizing, and work by rows that fit the cache."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from videostyle.frames import Size


def to_tensor(image: np.ndarray, device: str) -> Tensor:
    """uint8 or uint16 (H, W, 3) as float32 (1, 3, H, W) in [0, 1], channels_last."""
    largest = float(np.iinfo(image.dtype).max)
    picture = torch.from_numpy(image.astype(np.float32) / largest).permute(2, 0, 1).unsqueeze(0)
    return picture.contiguous(memory_format=torch.channels_last).to(device)


def to_array(picture: Tensor) -> np.ndarray:
    """float32 (1, 3, H, W) as float32 (H, W, 3)."""
    return picture[0].permute(1, 2, 0).contiguous().cpu().numpy()


def from_array(picture: np.ndarray, device: str) -> Tensor:
    """The inverse of `to_array`: float32 (H, W, 3) as (1, 3, H, W), channels_last."""
    tensor = torch.from_numpy(picture).permute(2, 0, 1).unsqueeze(0)
    return tensor.contiguous(memory_format=torch.channels_last).to(device)


STEEPEST = 40  # PyTorch's kernel on CUDA refuses to shrink more than 47 times at once


def resize(image: Tensor, size: Size) -> Tensor:
    """A picture (1, C, H, W) at another (height, width): antialiased bicubic, in [0, 1] where the picture was."""
    if tuple(image.shape[2:]) == tuple(size):
        return image
    if image.is_cuda and max(image.shape[2] / size[0], image.shape[3] / size[1]) > STEEPEST:
        image = resize(image, (4 * size[0], 4 * size[1]))
    return F.interpolate(image, size, mode="bicubic", antialias=True, align_corners=False).clamp(0, 1)


STRIP_BYTES = 1 << 20  # so that a strip stays in the cache of a core


def strips(image: Tensor, strip_bytes: int = STRIP_BYTES) -> Iterator[slice]:
    """Rows of an image (H, W, C), as many at a time as take `strip_bytes`; on a GPU all at once, as each launch takes time."""
    rows = max(1, strip_bytes // max(1, image[0].numel() * image.element_size()))
    rows = rows if image.device.type == "cpu" else len(image)
    for top in range(0, len(image), rows):
        yield slice(top, min(len(image), top + rows))
