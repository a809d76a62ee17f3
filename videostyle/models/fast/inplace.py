"""A pass of the network forward, and back from it: by autograd, or in memory of our own that is used again.

Both ways have `forward(image, last)`, the activations by layer, each (h, w, C), and `back(add)`, the image's gradient after
such a pass to the last layer: add(layer, activations, gradient) adds to a gradient (h, w, C) what L has by those
activations directly. What `forward` gave is no more after `back`, or another `forward`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from videostyle.frames import Size
from videostyle.models.fast.pooling import halve, pooled_before, unhalve
from videostyle.models.fast.winograd import Kernel, Padded

Add = Callable[[str, Tensor, Tensor], None]

NONE = 4  # added to a winner's number, 0 to 3: no pixel has won


class Traced:
    """By autograd, on any device. layers: from (image, last) to (layer, activations (1, C, h, w)), one after another."""

    def __init__(self, layers: Callable[[Tensor, str], Iterator[tuple[str, Tensor]]]):
        self.layers = layers

    def forward(self, image: Tensor, last: str) -> dict[str, Tensor]:
        self.image = image.clone(memory_format=torch.channels_last).requires_grad_()
        self.found = dict(self.layers(self.image, last))
        return {layer: _as_places(each) for layer, each in self.found.items()}

    def back(self, add: Add) -> Tensor:
        found, self.found = self.found, {}
        gradients = {layer: torch.zeros_like(each) for layer, each in found.items()}
        for layer, gradient in gradients.items():
            add(layer, _as_places(found[layer]), _as_places(gradient))
        (slope,) = torch.autograd.grad(list(found.values()), self.image, list(gradients.values()))
        return slope

    def release(self) -> None:
        self.found = {}


def _as_places(activations: Tensor) -> Tensor:
    return activations.detach()[0].permute(1, 2, 0)


@dataclass(frozen=True)
class Stage:
    """A layer at work on a picture. begins: whether it is the first of its block; given: what it convolves; found: its
    activations. winners: where these are pooled and used no more, which pixel of 2x2 is the largest and above 0; else None."""

    layer: str
    kernel: Kernel
    begins: bool
    given: Padded
    found: Padded
    winners: Tensor | None


class InPlace:
    """On a CPU, without autograd, in memory that stays: to have its pages made anew takes a fifth of a large picture's time.

    Activations are written between the zeros that the next convolution needs. On the way back the gradient by a layer takes
    the place of activations that no one needs any more. Block for block (layers of one size) lie in memory

        what the block is given | its activations but those that are pooled | what the next block is given | free

    where "free" holds the activations that are pooled, on the way back two gradients, and, between, the following blocks.
    seen: the layers whose activations are asked for, none of which is pooled.
    """

    def __init__(self, kernels: dict[str, Kernel], mean: Tensor, seen: tuple[str, ...]):
        self.kernels, self.mean, self.seen = kernels, mean, seen
        self.release()

    def release(self) -> None:
        """Gives the memory back. What comes next takes it again."""
        self.memory, self.size = self.mean.new_empty(0), (0, 0)
        self.stages: list[Stage] = []

    @torch.no_grad()
    def forward(self, image: Tensor, last: str) -> dict[str, Tensor]:
        if self.size != image.shape[2:]:
            self._lay_out((image.shape[2], image.shape[3]))
        torch.sub(image[0].permute(1, 2, 0), self.mean.view(3), out=self.stages[0].given.inside)
        found = {}
        for number, stage in enumerate(self.stages):
            stage.given.clear_edges()
            stage.kernel.rectified(stage.given, stage.found.tiles)
            if stage.layer in self.seen:
                found[stage.layer] = stage.found.inside
            if stage.layer == last:
                break
            if stage.winners is not None:
                pooled = self.stages[number + 1].given.inside
                halve(stage.found.inside, pooled, stage.winners)
                stage.winners.add_((pooled <= 0).view(torch.uint8), alpha=NONE)
        return found

    @torch.no_grad()
    def back(self, add: Add) -> Tensor:
        last = self.stages[-1].found
        gradient = self._view(_end(last), last.size, last.whole.shape[2])
        gradient.whole.zero_()
        for stage in reversed(self.stages):
            found, place = stage.found, _begin(stage.found)
            if stage.winners is not None:
                unhalve(gradient.inside, stage.winners, found.inside)
                gradient, place = found, _end(found)
            else:
                if stage.layer in self.seen:
                    add(stage.layer, found.inside, gradient.inside)
                _cut(gradient.inside, found.inside)
            gradient.clear_edges()
            place = _begin(stage.given) if stage.begins else place
            by_given = self._view(place, stage.given.size, stage.given.whole.shape[2])
            stage.kernel.turned(gradient, by_given.tiles)
            gradient = by_given
        return gradient.inside.permute(2, 0, 1)[None].clone(memory_format=torch.channels_last)

    def _lay_out(self, size: Size) -> None:
        """Gives each layer its place in the memory, for a picture of (height, width)."""
        self.release()
        self.size = size
        names = list(self.kernels)
        pooled_after = [*(pooled_before(name) for name in names[1:]), False]
        places, begins, given, end, needed = [], True, 0, _room(size, 3), 0
        for kernel, pooled in zip(self.kernels.values(), pooled_after, strict=True):
            outputs, inputs = kernel.weight.shape[:2]
            half = size[0] // 2, size[1] // 2
            found = end + _room(half, outputs) if pooled else end
            places.append((begins, size, given, found, pooled))
            needed = max(needed, found + _room(size, outputs) + _room(size, max(inputs, outputs)))
            given, end = (end, found) if pooled else (found, end + _room(size, outputs))
            size, begins = (half if pooled else size), pooled
        self.memory = self.mean.new_empty(needed)
        for name, (begins, size, given, found, pooled) in zip(names, places, strict=True):
            outputs, inputs = self.kernels[name].weight.shape[:2]
            winners = torch.empty(size[0] // 2, size[1] // 2, outputs, dtype=torch.uint8) if pooled else None
            views = self._view(given, size, inputs), self._view(found, size, outputs)
            self.stages.append(Stage(name.replace("conv", "relu"), self.kernels[name], begins, *views, winners))

    def _view(self, begin: int, size: Size, channels: int) -> Padded:
        height, width = Padded.shape(size)
        return Padded(self.memory[begin : begin + height * width * channels].view(height, width, channels), size)


def _begin(padded: Padded) -> int:
    """Where in the memory a padded picture begins."""
    return int(padded.whole.storage_offset())


def _end(padded: Padded) -> int:
    """Where in the memory what comes after a padded picture begins."""
    return _begin(padded) + padded.whole.numel()


def _room(size: Size, channels: int) -> int:
    """How many numbers a padded picture is."""
    height, width = Padded.shape(size)
    return height * width * channels


def _cut(gradient: Tensor, activations: Tensor) -> None:
    """Makes the gradient 0 where the activations are: the rectifier's, in place, (h, w, C)."""
    torch.ops.aten.threshold_backward.grad_input(gradient, activations, 0, grad_input=gradient)
