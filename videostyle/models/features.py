"""What the network sees in a picture: the activations the losses compare."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from videostyle.models.convolution import Kernel, convolve
from videostyle.models.replay import Replayed, at_once
from videostyle.models.weights import WEIGHTS, VGGWeights

CONTENT_LAYERS = ("relu4_2",)
STYLE_LAYERS = ("relu1_1", "relu2_1", "relu3_1", "relu4_1", "relu5_1")
SMALLEST_SIDE = 16  # four halvings lie before relu5_1


class _Halved(torch.autograd.Function):
    """The largest of each 2x2 pixels, a last odd row or column left out: F.max_pool2d(x, 2), values and gradient.

    It keeps its argument and result, which others keep too, where PyTorch's would keep 8 bytes more for each result, and is
    faster: pixels of one place lie in long runs.
    """

    @staticmethod
    def forward(ctx, x: Tensor) -> Tensor:  # type: ignore[override]
        upper, lower = (torch.maximum(*row) for row in _corners(x))
        found = torch.maximum(upper, lower)
        ctx.save_for_backward(x, found)
        return found

    @staticmethod
    def backward(ctx, gradient: Tensor) -> Tensor:  # type: ignore[override]
        x, found = ctx.saved_tensors
        even = not any(side % 2 for side in x.shape[2:])
        slope = torch.empty_like(x) if even else torch.zeros_like(x)
        left = gradient.clone()  # what no corner has taken yet: of equal corners the first takes all
        # a threshold takes a third of the time of comparing and multiplying; float16 has differences below it
        below = -torch.finfo(x.dtype).tiny
        for values, slopes in zip(_corners(x), _corners(slope), strict=True):
            for value, target in zip(values, slopes, strict=True):
                taken = torch.ops.aten.threshold_backward(left, value - found, below)
                target.copy_(taken)
                left -= taken
        return slope


def _corners(x: Tensor) -> list[list[Tensor]]:
    """Views of the four pixels of each 2x2, as two rows of two, each (1, C, H // 2, W // 2)."""
    height, width = (side // 2 * 2 for side in x.shape[2:])
    return [[x[:, :, row:height:2, column:width:2] for column in (0, 1)] for row in (0, 1)]


class VGG19Features:
    """VGG-19 up to relu5_1 with max pooling and zero padding, as Gatys et al. use it (arXiv:1508.06576).

    The weights are fixed: no gradient is kept for them. dtype: of weights and activations. run: how work with the network is
    done on its device.
    """

    def __init__(self, weights: VGGWeights, device: str = "cpu", dtype: torch.dtype = torch.float32):
        self.run = Replayed() if device.startswith("cuda") else at_once
        self.dtype = dtype
        self.mean = torch.tensor(weights.mean).view(1, 3, 1, 1).to(device)
        names = tuple(weights.layers)
        used = names[: names.index("conv5_1") + 1]
        self.kernels = {name: Kernel.of(*(part.to(device, dtype) for part in weights.layers[name])) for name in used}

    def __call__(self, image: Tensor, last: str = STYLE_LAYERS[-1]) -> dict[str, Tensor]:
        """Activations of CONTENT_LAYERS and STYLE_LAYERS by name up to `last`, each (1, C, h, w), channels_last.

        image: float32 (1, 3, H, W) RGB in [0, 1] (values outside pass through), both sides at least SMALLEST_SIDE.
        """
        return dict(self.layers(image, last))

    def layers(self, image: Tensor, last: str = STYLE_LAYERS[-1]) -> Iterator[tuple[str, Tensor]]:
        """The same, one after another, each before the next is computed."""
        x = (image - self.mean).to(self.dtype)
        for name, kernel in self.kernels.items():
            if name.endswith("_1") and name != "conv1_1":
                x = _Halved.apply(x)
            x = convolve(x, kernel)
            layer = name.replace("conv", "relu")
            if layer in CONTENT_LAYERS or layer in STYLE_LAYERS:
                yield layer, x
            if layer == last:
                return


def load_features(name: str, device: str, exact: bool = False) -> VGG19Features:
    """The named extractor ("vgg19" or "vgg19-torchvision") on a device, computing in float32 where `exact`, and from then on
    in this process without TF32's shorter products, else in what the device paints in. Raises MissingModel."""
    if exact and device.startswith("cuda"):
        torch.backends.cudnn.allow_tf32 = False
    return VGG19Features(WEIGHTS[name](), device, torch.float32 if exact else painting_dtype(device))


def painting_dtype(device: str) -> torch.dtype:
    """bfloat16 where a GPU has it in hardware, else float32. Not measured on a GPU yet; with what lies between layers so
    rounded on a CPU, frames came as near to the painting, or 4 % less near (docs/decisions.md)."""
    if not device.startswith("cuda"):
        return torch.float32
    with torch.cuda.device(device):
        return torch.bfloat16 if torch.cuda.is_bf16_supported(including_emulation=False) else torch.float32
