"""What the network sees in a picture: the activations the losses compare."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from videostyle.models.weights import WEIGHTS, VGGWeights

CONTENT_LAYERS = ("relu4_2",)
STYLE_LAYERS = ("relu1_1", "relu2_1", "relu3_1", "relu4_1", "relu5_1")
SMALLEST_SIDE = 16  # four halvings lie before relu5_1


class VGG19Features(nn.Module):
    """VGG-19 up to relu5_1 with max pooling and zero padding, as Gatys et al. use it (arXiv:1508.06576).

    The weights are fixed: no gradient is kept for them. channels_last throughout, which is the faster layout on CPUs.
    """

    mean: Tensor

    def __init__(self, weights: VGGWeights):
        super().__init__()
        self.register_buffer("mean", torch.tensor(weights.mean).view(1, 3, 1, 1))
        self.names = tuple(weights.layers)[: tuple(weights.layers).index("conv5_1") + 1]
        for name in self.names:
            weight, bias = weights.layers[name]
            self.register_buffer(f"{name}_weight", weight.contiguous(memory_format=torch.channels_last))
            self.register_buffer(f"{name}_bias", bias)

    def forward(self, image: Tensor) -> dict[str, Tensor]:
        """Activations of CONTENT_LAYERS and STYLE_LAYERS by name, each (1, C, h, w) float32.

        image: float32 (1, 3, H, W) RGB in [0, 1] (values outside pass through), both sides at least SMALLEST_SIDE.
        """
        found = {}
        x = (image - self.mean).contiguous(memory_format=torch.channels_last)
        for name in self.names:
            if name.endswith("_1") and name != "conv1_1":
                x = F.max_pool2d(x, 2)
            x = F.relu_(F.conv2d(x, getattr(self, f"{name}_weight"), getattr(self, f"{name}_bias"), padding=1))
            layer = name.replace("conv", "relu")
            if layer in CONTENT_LAYERS or layer in STYLE_LAYERS:
                found[layer] = x
        return found


def load_features(name: str, device: str) -> VGG19Features:
    """The named extractor ("vgg19" or "vgg19-torchvision") on a device. Raises MissingModel."""
    return VGG19Features(WEIGHTS[name]()).eval().to(device)
