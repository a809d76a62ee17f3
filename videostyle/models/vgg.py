"""VGG-19 in plain PyTorch, the reference on every device, and the contract that its fast implementations keep.

The losses compare activations of VGG-19 (Simonyan & Zisserman 2014, arXiv:1409.1556), with max pooling and zero padding, as
Gatys et al. use it (arXiv:1508.06576). Its weights are fixed: gradients are taken by the image only.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any, Protocol

import torch
import torch.nn.functional as F
from torch import Tensor

from videostyle.models.weights import VGGWeights

LAYERS = tuple(f"relu{block}_{i}" for block, count in enumerate((2, 2, 4, 4, 1), 1) for i in range(1, count + 1))

AddGradient = Callable[[str, Tensor, Tensor], None]

Work = Callable[[Any, Tensor], tuple[Tensor, ...]]


class Features(Protocol):
    """A network that shows the losses its activations and takes their gradients back to the image.

    One evaluation is `forward`, the losses, then `backward`; one image at a time. models/fast has implementations that are
    faster than the plain `VGG19` below and give the same numbers but for rounding.
    """

    layers: tuple[str, ...]
    """Names of all layers, first to last: "relu1_1", "relu1_2", ..."""

    def forward(self, image: Tensor, layers: Collection[str]) -> dict[str, Tensor]:
        """Activations of these layers, each (h, w, C), of an image float32 (1, 3, H, W) RGB in [0, 1].

        No side of the image is below SMALLEST_SIDE; values outside [0, 1] pass through. The activations are only valid until
        the next call of `forward`, `backward` or `release`. Without torch's grad mode there is no way back.
        """
        ...

    def backward(self, add_gradient: AddGradient) -> Tensor:
        """dL/dimage (1, 3, H, W), channels_last; once after each `forward`.

        Calls add_gradient(layer, activations, gradient) for the layers of that forward pass, last to first. The gradient,
        (h, w, C), is what came back from deeper layers; the callee adds in place what the losses at this layer contribute.
        """
        ...

    def release(self) -> None:
        """Gives back memory held for the passes; the next forward pass takes it again."""
        ...

    def run(self, work: Work, state: Any, image: Tensor) -> tuple[Tensor, ...]:
        """work(state, image); it may be recorded once and replayed, under the conditions of `fast.cuda_graph.Replayed`."""
        ...


class VGG19:
    """VGG-19 up to relu5_1, with autograd. dtype: of weights and activations."""

    layers = LAYERS

    def __init__(self, weights: VGGWeights, device: str = "cpu", dtype: torch.dtype = torch.float32):
        at_least_float32 = torch.promote_types(dtype, torch.float32)
        self.mean = torch.tensor(weights.mean, dtype=at_least_float32, device=device).view(1, 3, 1, 1)
        self.convolutions = {
            layer: (weight.to(device, dtype, memory_format=torch.channels_last), bias.to(device, dtype))
            for layer, (weight, bias) in zip(LAYERS, weights.layers.values(), strict=False)
        }
        self.segments: list[tuple[str, Tensor, Tensor]] = []

    def forward(self, image: Tensor, layers: Collection[str]) -> dict[str, Tensor]:
        self.segments, start = [], image.detach().contiguous(memory_format=torch.channels_last).requires_grad_()
        x = (start - self.mean).to(self.convolutions["relu1_1"][0].dtype)
        for layer, (weight, bias) in self.convolutions.items():
            if begins_block(layer):
                x = F.max_pool2d(x, 2)
            x = F.relu(F.conv2d(x, weight, bias, padding=1))
            if layer in layers:
                self.segments.append((layer, start, x))
                start = x = x.detach().requires_grad_()
            if len(self.segments) == len(layers):
                break
        return {layer: _as_places(x) for layer, _, x in self.segments}

    def backward(self, add_gradient: AddGradient) -> Tensor:
        """From each requested layer to the one before by autograd, so that a layer's gradient is made when it is used."""
        gradient = torch.zeros_like(self.segments[-1][2])
        while self.segments:
            layer, start, activations = self.segments.pop()
            add_gradient(layer, _as_places(activations), _as_places(gradient))
            (gradient,) = torch.autograd.grad(activations, start, gradient)
        return gradient.contiguous(memory_format=torch.channels_last)

    def release(self) -> None:
        self.segments = []

    def run(self, work: Work, state: Any, image: Tensor) -> tuple[Tensor, ...]:
        return work(state, image)


def begins_block(layer: str) -> bool:
    """Whether the image is halved by max pooling before this layer ("relu2_1", "relu3_1", ...)."""
    return layer.endswith("_1") and layer != "relu1_1"


def _as_places(x: Tensor) -> Tensor:
    """(1, C, h, w) as (h, w, C), without a graph."""
    return x.detach()[0].permute(1, 2, 0)
