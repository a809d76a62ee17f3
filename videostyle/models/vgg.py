"""What the network sees in a picture: the activations the losses compare."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from videostyle.models.fast.cuda_graph import Replayed, Run
from videostyle.models.fast.inplace import InPlace, Traced
from videostyle.models.fast.malloc import keep_freed_memory
from videostyle.models.fast.pooling import Halved, pooled_before
from videostyle.models.fast.winograd import Kernel, convolve
from videostyle.models.weights import WEIGHTS, VGGWeights

CONTENT_LAYERS = ("relu4_2",)

STYLE_LAYERS = ("relu1_1", "relu2_1", "relu3_1", "relu4_1", "relu5_1")

SEEN = (*STYLE_LAYERS, *CONTENT_LAYERS)

SMALLEST_SIDE = 16  # four halvings lie before relu5_1


class VGG19Features:
    """VGG-19 up to relu5_1 with max pooling and zero padding, as Gatys et al. use it (arXiv:1508.06576).

    The weights are fixed: no gradient is kept for them. dtype: of weights and activations. run: repeats work with the network
    on its device, or None. passes: of this network forward and back, for one picture at a time.
    """

    def __init__(self, weights: VGGWeights, device: str = "cpu", dtype: torch.dtype = torch.float32):
        self.run: Run | None = Replayed() if device.startswith("cuda") else None
        self.dtype = dtype
        at_least = torch.promote_types(dtype, torch.float32)
        self.mean = torch.tensor(weights.mean, dtype=at_least, device=device).view(1, 3, 1, 1)
        names = tuple(weights.layers)
        used = names[: names.index("conv5_1") + 1]
        self.kernels = {name: Kernel.of(*(part.to(device, dtype) for part in weights.layers[name])) for name in used}
        plain = self.mean.device.type != "cpu" or dtype == torch.bfloat16
        self.passes = Traced(self.layers) if plain else InPlace(self.kernels, self.mean, SEEN)

    def __call__(self, image: Tensor, last: str = STYLE_LAYERS[-1]) -> dict[str, Tensor]:
        """Activations of CONTENT_LAYERS and STYLE_LAYERS by name up to `last`, each (1, C, h, w), channels_last.

        image: float32 (1, 3, H, W) RGB in [0, 1] (values outside pass through), both sides at least SMALLEST_SIDE.
        """
        return dict(self.layers(image, last))

    def layers(self, image: Tensor, last: str = STYLE_LAYERS[-1]) -> Iterator[tuple[str, Tensor]]:
        """The same, one after another, each before the next is computed."""
        x = (image - self.mean).to(self.dtype)
        for name, kernel in self.kernels.items():
            if pooled_before(name):
                x = Halved.apply(x)
            x = convolve(x, kernel)
            layer = name.replace("conv", "relu")
            if layer in SEEN:
                yield layer, x
            if layer == last:
                return


def load_features(name: str, device: str, exact: bool = False) -> VGG19Features:
    """The named extractor ("vgg19" or "vgg19-torchvision") on a device, computing in float32 where `exact`, and from then on
    in this process without TF32's shorter products, else in what the device paints in. Raises MissingModel."""
    if device == "cpu":
        keep_freed_memory()
    if exact and device.startswith("cuda"):
        torch.backends.cudnn.allow_tf32 = False
    return VGG19Features(WEIGHTS[name](), device, torch.float32 if exact else compute_dtype(device))


def compute_dtype(device: str) -> torch.dtype:
    """bfloat16 where a GPU has it in hardware, else float32. Not measured on a GPU yet; with what lies between layers so
    rounded on a CPU, frames came as near to the painting, or 4 % less near (docs/decisions.md)."""
    if not device.startswith("cuda"):
        return torch.float32
    with torch.cuda.device(device):
        return torch.bfloat16 if torch.cuda.is_bf16_supported(including_emulation=False) else torch.float32
