"""VGG-19 forward and backward on a CPU in one reused block of memory, without autograd."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor

from videostyle.frames import Size
from videostyle.models.fast.pooling import halve, unhalve
from videostyle.models.fast.winograd import Kernel, Padded
from videostyle.models.vgg import VGG19, AddGradient, Work, begins_block
from videostyle.models.weights import VGGWeights

NO_WINNER = 4  # added to a winner's number, 0 to 3, whose value is not above 0: no gradient flows back to it


@dataclass(frozen=True)
class Stage:
    """A layer with its place in memory, for one size of the image."""

    layer: str
    """Its name, such as "relu1_1"."""

    kernel: Kernel
    """Its convolution."""

    begins_block: bool
    """Whether it is the first layer of its block."""

    inputs: Padded
    """The image that it convolves."""

    activations: Padded
    """Its result."""

    winners: Tensor | None
    """If the activations are pooled, which pixel of 2x2 is the largest, uint8 (h / 2, w / 2, C); else None."""


class InPlaceVGG19:
    """VGG-19 on a CPU in memory that is kept and reused; see `Features`.

    Mapping fresh pages for each activation takes a fifth of the time of a large image. Activations are written inside the zero
    border that the next convolution needs. On the way back the gradient by a layer overwrites activations that are no longer
    needed. Block for block (layers of one size) lie in memory

        inputs of the block | its activations except the pooled ones | inputs of the next block | free

    where "free" holds the pooled activations, on the way back two gradients, and in between the following blocks. Those
    overwrite the pooled activations (relu1_2, relu2_2, relu3_4, relu4_4); if a loss asks for one of them, the plain network
    computes.
    """

    def __init__(self, weights: VGGWeights, dtype: torch.dtype = torch.float32):
        self.plain = VGG19(weights, "cpu", dtype)
        self.layers = self.plain.layers
        self.pooled = {layer for layer, following in pairwise(self.layers) if begins_block(following)}
        self.kernels = {layer: Kernel.of(*parts) for layer, parts in self.plain.convolutions.items()}
        self.uses_plain = False
        self.requested: frozenset[str] = frozenset()
        self.release()

    def release(self) -> None:
        self.plain.release()
        self.memory, self.size = self.plain.mean.new_empty(0), (0, 0)
        self.stages: list[Stage] = []
        self.passed: list[Stage] = []

    def run(self, work: Work, state: Any, image: Tensor) -> tuple[Tensor, ...]:
        return work(state, image)

    def forward(self, image: Tensor, layers: Collection[str]) -> dict[str, Tensor]:
        self.uses_plain = not self.pooled.isdisjoint(layers)
        return self.plain.forward(image, layers) if self.uses_plain else self._forward(image, layers)

    def backward(self, add_gradient: AddGradient) -> Tensor:
        return self.plain.backward(add_gradient) if self.uses_plain else self._backward(add_gradient)

    @torch.no_grad()
    def _forward(self, image: Tensor, layers: Collection[str]) -> dict[str, Tensor]:
        if self.size != image.shape[2:]:
            self._lay_out((image.shape[2], image.shape[3]))
        torch.sub(image[0].permute(1, 2, 0), self.plain.mean.view(3), out=self.stages[0].inputs.inside)
        self.requested, self.passed, activations = frozenset(layers), [], {}
        for following, stage in enumerate(self.stages, 1):
            self.passed.append(stage)
            stage.inputs.clear_edges()
            stage.kernel.forward(stage.inputs, stage.activations.tiles)
            if stage.layer in layers:
                activations[stage.layer] = stage.activations.inside
            if len(activations) == len(layers):
                break
            if stage.winners is not None:
                pooled = self.stages[following].inputs.inside
                halve(stage.activations.inside, pooled, stage.winners)
                stage.winners.add_((pooled <= 0).view(torch.uint8), alpha=NO_WINNER)
        return activations

    @torch.no_grad()
    def _backward(self, add_gradient: AddGradient) -> Tensor:
        last = self.passed[-1].activations
        gradient = self._view(_end(last), last.size, last.whole.shape[2])
        gradient.whole.zero_()
        while self.passed:
            gradient = self._back_through(self.passed.pop(), gradient, add_gradient)
        return gradient.inside.permute(2, 0, 1)[None].clone(memory_format=torch.channels_last)

    def _back_through(self, stage: Stage, gradient: Padded, add_gradient: AddGradient) -> Padded:
        """From the gradient by a stage's result to that by its inputs, which overwrites memory no longer needed."""
        activations, place = stage.activations, _begin(stage.activations)
        if stage.winners is not None:
            unhalve(gradient.inside, stage.winners, activations.inside)
            gradient, place = activations, _end(activations)
        else:
            if stage.layer in self.requested:
                add_gradient(stage.layer, activations.inside, gradient.inside)
            _rectify(gradient.inside, activations.inside)
        gradient.clear_edges()
        place = _begin(stage.inputs) if stage.begins_block else place
        by_inputs = self._view(place, stage.inputs.size, stage.inputs.whole.shape[2])
        stage.kernel.backward(gradient, by_inputs.tiles)
        return by_inputs

    def _lay_out(self, size: Size) -> None:
        """Gives each layer its place in the memory, for an image of (height, width)."""
        self.release()
        self.size = size
        places, begins, inputs, end, needed = [], True, 0, _room(size, 3), 0
        for layer, kernel in self.kernels.items():
            outputs, channels = kernel.weight.shape[:2]
            pooled, half = layer in self.pooled, (size[0] // 2, size[1] // 2)
            activations = end + _room(half, outputs) if pooled else end
            places.append((begins, size, inputs, activations))
            needed = max(needed, activations + _room(size, outputs) + _room(size, max(channels, outputs)))
            inputs, end = (end, activations) if pooled else (activations, end + _room(size, outputs))
            size, begins = (half if pooled else size), pooled
        self.memory = self.plain.mean.new_empty(needed)
        for (layer, kernel), (begins, size, inputs, activations) in zip(self.kernels.items(), places, strict=True):
            outputs, channels = kernel.weight.shape[:2]
            winners = _winners(size, outputs) if layer in self.pooled else None
            views = self._view(inputs, size, channels), self._view(activations, size, outputs)
            self.stages.append(Stage(layer, kernel, begins, *views, winners))

    def _view(self, begin: int, size: Size, channels: int) -> Padded:
        """An image of (height, width) in the memory, from an offset on."""
        height, width = Padded.shape(size)
        return Padded(self.memory[begin : begin + height * width * channels].view(height, width, channels), size)


def _winners(size: Size, channels: int) -> Tensor:
    return torch.empty(size[0] // 2, size[1] // 2, channels, dtype=torch.uint8)


def _begin(padded: Padded) -> int:
    """The offset in memory at which a padded image begins."""
    return int(padded.whole.storage_offset())


def _end(padded: Padded) -> int:
    """The offset in memory behind a padded image."""
    return _begin(padded) + padded.whole.numel()


def _room(size: Size, channels: int) -> int:
    """How many numbers a padded image takes."""
    height, width = Padded.shape(size)
    return height * width * channels


def _rectify(gradient: Tensor, activations: Tensor) -> None:
    """The gradient of ReLU in place: 0 where the activations are 0. Both (h, w, C)."""
    torch.ops.aten.threshold_backward.grad_input(gradient, activations, 0, grad_input=gradient)
