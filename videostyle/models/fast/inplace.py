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

NONE = 4  # added to a winner's number, 0 to 3: its value is not above 0, so that no gradient flows back


@dataclass(frozen=True)
class Stage:
    """A layer with its place in memory, for one size of the image."""

    layer: str
    """Its name, such as "relu1_1"."""

    kernel: Kernel
    """Its convolution."""

    begins: bool
    """Whether it is the first of its block."""

    given: Padded
    """What it convolves."""

    found: Padded
    """Its activations."""

    winners: Tensor | None
    """Where the activations are pooled: which pixel of 2x2 is the largest, uint8 (h / 2, w / 2, C); else None."""


class InPlaceVGG19:
    """See `Features`. In memory that stays: mapping fresh pages for each activation takes a fifth of a large image's time.

    Activations are written inside the zero border that the next convolution needs. On the way back the gradient by a layer
    overwrites activations that are no longer needed. Block for block (layers of one size) lie in memory

        input of the block | its activations except the pooled ones | input of the next block | free

    where "free" holds the pooled activations, on the way back two gradients, and in between the following blocks. Pooled
    activations (relu1_2, relu2_2, relu3_4, relu4_4) are overwritten by them: where a loss asks for those, the plain network
    computes.
    """

    def __init__(self, weights: VGGWeights, dtype: torch.dtype = torch.float32):
        self.plain = VGG19(weights, "cpu", dtype)
        self.layers = self.plain.layers
        self.pooled = {layer for layer, following in pairwise(self.layers) if begins_block(following)}
        self.kernels = {layer: Kernel.of(*parts) for layer, parts in self.plain.convolutions.items()}
        self.by_plain = False
        self.release()

    def release(self) -> None:
        self.plain.release()
        self.memory, self.size = self.plain.mean.new_empty(0), (0, 0)
        self.stages: list[Stage] = []
        self.passed: list[Stage] = []

    def run(self, work: Work, state: Any, image: Tensor) -> tuple[Tensor, ...]:
        return work(state, image)

    def forward(self, image: Tensor, layers: Collection[str]) -> dict[str, Tensor]:
        self.by_plain = not self.pooled.isdisjoint(layers)
        return self.plain.forward(image, layers) if self.by_plain else self._forward(image, layers)

    def backward(self, add_gradient: AddGradient) -> Tensor:
        return self.plain.backward(add_gradient) if self.by_plain else self._backward(add_gradient)

    @torch.no_grad()
    def _forward(self, image: Tensor, layers: Collection[str]) -> dict[str, Tensor]:
        if self.size != image.shape[2:]:
            self._lay_out((image.shape[2], image.shape[3]))
        torch.sub(image[0].permute(1, 2, 0), self.plain.mean.view(3), out=self.stages[0].given.inside)
        self.requested, self.passed, activations = frozenset(layers), [], {}
        for number, stage in enumerate(self.stages, 1):
            self.passed.append(stage)
            stage.given.clear_edges()
            stage.kernel.rectified(stage.given, stage.found.tiles)
            if stage.layer in layers:
                activations[stage.layer] = stage.found.inside
            if len(activations) == len(layers):
                break
            if stage.winners is not None:
                pooled = self.stages[number].given.inside
                halve(stage.found.inside, pooled, stage.winners)
                stage.winners.add_((pooled <= 0).view(torch.uint8), alpha=NONE)
        return activations

    @torch.no_grad()
    def _backward(self, add_gradient: AddGradient) -> Tensor:
        last = self.passed[-1].found
        gradient = self._view(_end(last), last.size, last.whole.shape[2])
        gradient.whole.zero_()
        while self.passed:
            stage = self.passed.pop()
            found, place = stage.found, _begin(stage.found)
            if stage.winners is not None:
                unhalve(gradient.inside, stage.winners, found.inside)
                gradient, place = found, _end(found)
            else:
                if stage.layer in self.requested:
                    add_gradient(stage.layer, found.inside, gradient.inside)
                _rectify(gradient.inside, found.inside)
            gradient.clear_edges()
            place = _begin(stage.given) if stage.begins else place
            by_given = self._view(place, stage.given.size, stage.given.whole.shape[2])
            stage.kernel.turned(gradient, by_given.tiles)
            gradient = by_given
        return gradient.inside.permute(2, 0, 1)[None].clone(memory_format=torch.channels_last)

    def _lay_out(self, size: Size) -> None:
        """Gives each layer its place in the memory, for an image of (height, width)."""
        self.release()
        self.size = size
        places, begins, given, end, needed = [], True, 0, _room(size, 3), 0
        for layer, kernel in self.kernels.items():
            outputs, inputs = kernel.weight.shape[:2]
            pooled, half = layer in self.pooled, (size[0] // 2, size[1] // 2)
            found = end + _room(half, outputs) if pooled else end
            places.append((begins, size, given, found))
            needed = max(needed, found + _room(size, outputs) + _room(size, max(inputs, outputs)))
            given, end = (end, found) if pooled else (found, end + _room(size, outputs))
            size, begins = (half if pooled else size), pooled
        self.memory = self.plain.mean.new_empty(needed)
        for (layer, kernel), (begins, size, given, found) in zip(self.kernels.items(), places, strict=True):
            outputs, inputs = kernel.weight.shape[:2]
            winners = self._winners(size, outputs) if layer in self.pooled else None
            views = self._view(given, size, inputs), self._view(found, size, outputs)
            self.stages.append(Stage(layer, kernel, begins, *views, winners))

    def _view(self, begin: int, size: Size, channels: int) -> Padded:
        height, width = Padded.shape(size)
        return Padded(self.memory[begin : begin + height * width * channels].view(height, width, channels), size)

    def _winners(self, size: Size, channels: int) -> Tensor:
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
