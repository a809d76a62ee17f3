"""The feed-forward network of a style model: it stylizes a frame in one pass, and is trained for one style.

After Johnson et al. 2016 (arXiv:1603.08155) with instance normalization (Ulyanov et al. 2016, arXiv:1607.08022). Departures,
for speed on a CPU: 4x4 pixels become channels first (pixel unshuffle, the inverse of Shi et al. 2016, arXiv:1609.05158); the
residual blocks work at a quarter of the size, some with dilated convolutions (Yu & Koltun 2015, arXiv:1511.07122), so that
their receptive field is as large as a deeper network's.
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
from videostyle.models.model_file import read_style_model

STRIDE = 4  # size of the image over that of the blocks' feature maps

LARGEST_SHAPE = 1024  # upper bound of each number of a shape: a file that claims more is refused


@dataclass(frozen=True)
class Shape:
    """The size of a network. Raises ValueError for one that cannot be built."""

    width: int = 64
    """Channels of the residual blocks."""

    blocks: int = 5
    """Number of residual blocks."""

    dilated: int = 3
    """How many of them, in the middle, have dilated convolutions."""

    half: int = 16
    """Channels at half the size of the image."""

    def __post_init__(self):
        numbers = asdict(self)
        smallest = {"width": 1, "blocks": 1, "dilated": 0, "half": 1}
        for name, number in numbers.items():
            if type(number) is not int or not smallest[name] <= number <= LARGEST_SHAPE:
                raise ValueError(
                    f"{name} must be a whole number from {smallest[name]} to {LARGEST_SHAPE}, not {number!r}"
                )
        if self.dilated > self.blocks:
            raise ValueError(f"dilated is {self.dilated}, more than the {self.blocks} blocks")


def convolution(inputs: int, outputs: int, dilation: int = 1) -> nn.Conv2d:
    """3x3 with the border replicated: zero padding would show as a frame as wide as a stroke."""
    return nn.Conv2d(inputs, outputs, 3, padding=dilation, dilation=dilation, padding_mode="replicate")


class Block(nn.Module):
    """A residual block (He et al. 2015, arXiv:1512.03385)."""

    def __init__(self, width: int, dilation: int):
        super().__init__()
        self.first = convolution(width, width, dilation)
        self.second = convolution(width, width)
        self.first_norm, self.second_norm = normalization(width), normalization(width)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.second_norm(self.second(F.relu(self.first_norm(self.first(x)))))


class TransformerNet(nn.Module):
    """Stylizes images of any size. Its weights are random until it is trained."""

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

    def forward(self, image: Tensor) -> Tensor:
        """float32 (N, 3, H, W) RGB in [0, 1], of any size -> the stylized image, of the same size, in [0, 1]."""
        height, width = image.shape[2:]
        whole = F.pad(image, (0, -width % STRIDE, 0, -height % STRIDE), mode="replicate")
        x = F.relu(self.enter_norm(self.enter(F.pixel_unshuffle(whole - 0.5, STRIDE))))
        x = F.relu(self.half_norm(self.to_half(upsampled(self.blocks(x)))))
        x = self.to_full(upsampled(x))
        return torch.sigmoid(x[:, :, :height, :width])


def upsampled(x: Tensor) -> Tensor:
    """Twice the size, bilinear: with a convolution after it, that leaves fewer checkerboard artifacts (Odena et al. 2016,
    https://distill.pub/2016/deconv-checkerboard) than pixel shuffle or nearest neighbor does."""
    return F.interpolate(x, scale_factor=2.0, mode="bilinear", align_corners=False)


def normalization(channels: int) -> nn.Module:
    """Instance normalization, as a group for each channel: the gradient of nn.InstanceNorm2d is wrong in channels_last
    (PyTorch 2.14; tests/training/test_trainer.py compares gradients with difference quotients)."""
    return nn.GroupNorm(channels, channels)


def new_network(shape: Shape, seed: int, device: str) -> TransformerNet:
    """An untrained network; the same seed gives the same weights, whatever random numbers were drawn before."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = TransformerNet(shape)
    return network.to(device).to(memory_format=torch.channels_last)


def arrays_of(network: TransformerNet) -> dict[str, np.ndarray]:
    """The weights by name, float32, as copies that further training does not change."""
    return {name: weight.detach().cpu().contiguous().numpy().copy() for name, weight in network.state_dict().items()}


def network_of(shape: Mapping[str, int], weights: Mapping[str, np.ndarray], device: str) -> TransformerNet:
    """The network of this shape with these weights, for inference. Raises BadInput if they do not fit each other."""
    try:
        with torch.device("meta"):  # takes no memory, however large a shape a file may claim
            network = TransformerNet(Shape(**shape))
        network.load_state_dict({name: torch.from_numpy(array) for name, array in weights.items()}, assign=True)
    except (TypeError, ValueError, RuntimeError) as error:
        raise BadInput(f"its weights are not those of its network: {error}") from error
    tensors = network.state_dict().values()
    if not all(weight.dtype == torch.float32 and bool(weight.isfinite().all()) for weight in tensors):
        raise BadInput("its weights are not finite numbers in float32")
    return network.requires_grad_(False).eval().to(device).to(memory_format=torch.channels_last)


def load_network(path: Path, device: str) -> TransformerNet:
    """The network of a .vstyle file. Raises BadInput if it is missing, damaged, or another kind of file."""
    model = read_style_model(path)
    try:
        return network_of(model.shape, model.weights, device)
    except BadInput as error:
        raise BadInput(f"{path} is damaged: {error}", "a .vstyle file made by `videostyle train`") from error
