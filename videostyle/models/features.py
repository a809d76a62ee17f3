"""What the network sees in a picture: the activations the losses compare."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from videostyle.models.convolution import Kernel, convolve
from videostyle.models.weights import WEIGHTS, VGGWeights

CONTENT_LAYERS = ("relu4_2",)
STYLE_LAYERS = ("relu1_1", "relu2_1", "relu3_1", "relu4_1", "relu5_1")
SMALLEST_SIDE = 16  # four halvings lie before relu5_1


class VGG19Features:
    """VGG-19 up to relu5_1 with max pooling and zero padding, as Gatys et al. use it (arXiv:1508.06576).

    The weights are fixed: no gradient is kept for them.
    """

    def __init__(self, weights: VGGWeights, device: str = "cpu"):
        self.mean = torch.tensor(weights.mean).view(1, 3, 1, 1).to(device)
        names = tuple(weights.layers)
        used = names[: names.index("conv5_1") + 1]
        self.kernels = {name: Kernel.of(*(part.to(device) for part in weights.layers[name])) for name in used}

    def __call__(self, image: Tensor) -> dict[str, Tensor]:
        """Activations of CONTENT_LAYERS and STYLE_LAYERS by name, each (1, C, h, w) float32.

        image: float32 (1, 3, H, W) RGB in [0, 1] (values outside pass through), both sides at least SMALLEST_SIDE.
        """
        found = {}
        x = image - self.mean
        for name, kernel in self.kernels.items():
            if name.endswith("_1") and name != "conv1_1":
                x = F.max_pool2d(x, 2)
            x = convolve(x, kernel)
            layer = name.replace("conv", "relu")
            if layer in CONTENT_LAYERS or layer in STYLE_LAYERS:
                found[layer] = x
        return found


def load_features(name: str, device: str) -> VGG19Features:
    """The named extractor ("vgg19" or "vgg19-torchvision") on a device. Raises MissingModel."""
    return VGG19Features(WEIGHTS[name](), device)
