"""The network that paints a frame in one pass: small, convolutional throughout, learned for one painting.

After Johnson et al. 2016 (arXiv:1603.08155) with instance normalization (Ulyanov et al. 2016, arXiv:1607.08022). Departures,
for speed on a CPU: 4x4 pixels are laid into channels at the entrance (Shi et al. 2016, arXiv:1609.05158, the other way); the
blocks work at a quarter of the size, some with dilated convolutions (Yu & Koltun 2015, arXiv:1511.07122), so that they see as
far as deeper networks.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from videostyle.errors import BadInput
from videostyle.models.model_file import read_style_file

STRIDE = 4  # how much smaller the pictures are that the blocks work on

LARGEST_SHAPE = 1024  # a stored number above it is no network of this kind


@dataclass(frozen=True)
class Shape:
    """How large a network is. width: channels of the blocks. blocks: how many. dilated: how many of them, in the middle, have
    dilated convolutions. half: channels at half the size. Raises ValueError where there is no such network."""

    width: int = 64
    blocks: int = 5
    dilated: int = 3
    half: int = 16

    def __post_init__(self):
        numbers = asdict(self)
        least = {"width": 1, "blocks": 1, "dilated": 0, "half": 1}
        for name, number in numbers.items():
            if type(number) is not int or not least[name] <= number <= LARGEST_SHAPE:
                raise ValueError(f"{name} is a whole number from {least[name]} to {LARGEST_SHAPE}, not {number!r}")
        if self.dilated > self.blocks:
            raise ValueError(f"{self.dilated} of {self.blocks} blocks cannot be dilated")


def convolution(inputs: int, outputs: int, dilation: int = 1) -> nn.Conv2d:
    """3x3, on a picture that goes on beyond its border: zeros there would be seen as a frame, a stroke wide."""
    return nn.Conv2d(inputs, outputs, 3, padding=dilation, dilation=dilation, padding_mode="replicate")


class Block(nn.Module):
    """Two convolutions beside the way straight on (He et al. 2015, arXiv:1512.03385)."""

    def __init__(self, width: int, dilation: int):
        super().__init__()
        self.first = convolution(width, width, dilation)
        self.second = convolution(width, width)
        self.first_norm, self.second_norm = normalization(width), normalization(width)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.second_norm(self.second(F.relu(self.first_norm(self.first(x)))))


class TransformerNet(nn.Module):
    """Paints pictures of any size. Its weights are random until it has learned."""

    def __init__(self, shape: Shape):
        super().__init__()
        self.shape = shape
        start = (shape.blocks - shape.dilated) // 2
        dilations = [2 if start <= place < start + shape.dilated else 1 for place in range(shape.blocks)]
        self.enter = convolution(3 * STRIDE**2, shape.width)
        self.enter_norm = normalization(shape.width)
        self.blocks = nn.Sequential(*(Block(shape.width, dilation) for dilation in dilations))
        self.to_half = convolution(shape.width, shape.half)
        self.half_norm = normalization(shape.half)
        self.to_full = convolution(shape.half, 3)

    def forward(self, picture: Tensor) -> Tensor:
        """float32 (N, 3, H, W) RGB in [0, 1], of any size -> the styles, of the same size, between 0 and 1."""
        height, width = picture.shape[2:]
        whole = F.pad(picture, (0, -width % STRIDE, 0, -height % STRIDE), mode="replicate")
        x = F.relu(self.enter_norm(self.enter(F.pixel_unshuffle(whole - 0.5, STRIDE))))
        x = F.relu(self.half_norm(self.to_half(doubled(self.blocks(x)))))
        x = self.to_full(doubled(x))
        return torch.sigmoid(x[:, :, :height, :width])


def doubled(x: Tensor) -> Tensor:
    """Twice the size, between neighbors: a convolution after it leaves less of a chequered pattern (Odena et al. 2016,
    https://distill.pub/2016/deconv-checkerboard) than laying channels out into pixels does, or than each value four times."""
    return F.interpolate(x, scale_factor=2.0, mode="bilinear", align_corners=False)


def normalization(channels: int) -> nn.Module:
    """Instance normalization: a group for each channel. nn.InstanceNorm2d's own gradient is wrong in channels_last (PyTorch
    2.14; test_learning.py compares gradients with difference quotients)."""
    return nn.GroupNorm(channels, channels)


def new_network(shape: Shape, seed: int, device: str) -> TransformerNet:
    """A network that has learned nothing; the same seed gives the same one, whatever was drawn before."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = TransformerNet(shape)
    return network.to(device).to(memory_format=torch.channels_last)


def arrays_of(network: TransformerNet) -> dict[str, np.ndarray]:
    """The weights by name, float32, copied: training goes on without changing them."""
    return {name: each.detach().cpu().contiguous().numpy().copy() for name, each in network.state_dict().items()}


def network_of(shape: Mapping[str, int], weights: Mapping[str, np.ndarray], device: str) -> TransformerNet:
    """The network of this shape with these weights, to paint with. Raises BadInput where they do not belong together."""
    try:
        with torch.device("meta"):  # takes no memory, however large a shape some file may claim
            network = TransformerNet(Shape(**shape))
        network.load_state_dict({name: torch.from_numpy(each) for name, each in weights.items()}, assign=True)
    except (TypeError, ValueError, RuntimeError) as error:
        raise BadInput(f"its weights are not those of a painting network: {error}") from error
    if not all(each.dtype == torch.float32 and bool(each.isfinite().all()) for each in network.state_dict().values()):
        raise BadInput("its weights are not finite numbers in float32")
    return network.requires_grad_(False).eval().to(device).to(memory_format=torch.channels_last)


def load_network(path: Path, device: str) -> TransformerNet:
    """The network of a .vstyle file. Raises BadInput where it is missing, damaged, or another kind of file."""
    file = read_style_file(path)
    try:
        return network_of(file.shape, file.weights, device)
    except BadInput as error:
        raise BadInput(f"{path} is damaged: {error}", "a .vstyle file made by `videostyle train`") from error
