"""Evaluations on a GPU as CUDA graphs: recorded once, then launched as one.

In small pictures, hundreds of kernels take less time than their launches. Not measured on a GPU yet.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from videostyle.models.vgg import VGG19, Work
from videostyle.models.weights import VGGWeights

WARM_UPS = 3  # before a recording: libraries allocate and select kernels when they are first called


@dataclass(frozen=True)
class Recording:
    """One recorded evaluation."""

    inputs: list[Tensor]
    """The tensors that it reads; new values are copied into them."""

    replay: Callable[[], None]
    """Computes the outputs from the inputs again."""

    outputs: tuple[Tensor, ...]
    """The tensors that it writes."""


class Replayed:
    """Calls work(state, image) by CUDA graphs, one for each combination of work's state and shapes.

    state: a list of objects, whose attributes are tensors, hashable values, or lists and dicts of such. Tensors may have other
    values at each call; another shape, or another value of anything else, makes another recording. work is always the same
    function, returns CUDA tensors, reads none of them back to the CPU and changes none of its inputs.
    """

    def __init__(self) -> None:
        self.recordings: dict[Hashable, Recording] = {}
        self.largest = 0
        self.pool: Any = None
        self.stream: Any = None

    def __call__(self, work: Work, state: Sequence[object], image: Tensor) -> tuple[Tensor, ...]:
        if image.numel() > self.largest:  # its memory pool would be of no use to a larger image
            self.largest, self.pool = image.numel(), None
            self.recordings.clear()
        given = [image, *_tensors(state)]
        key = tuple(_key(leaf) for leaf in (image, *_leaves(state)))
        if key not in self.recordings:
            own_state, own_image = copy.deepcopy(state), image.detach().clone()
            replay, outputs = self._record(work, own_state, own_image)
            self.recordings[key] = Recording([own_image, *_tensors(own_state)], replay, outputs)
        recording = self.recordings[key]
        for own, new in zip(recording.inputs, given, strict=True):
            own.copy_(new)
        recording.replay()
        return tuple(output.clone() for output in recording.outputs)

    def _record(
        self, work: Work, state: Sequence[object], image: Tensor
    ) -> tuple[Callable[[], None], tuple[Tensor, ...]]:
        """A function that repeats work(state, image) on the tensors' values of that time, and the outputs it writes to."""
        with torch.cuda.device(image.device):
            self.stream = self.stream or torch.cuda.Stream()  # one for all: libraries keep memory for each
            self.stream.wait_stream(torch.cuda.current_stream())
            with torch.cuda.stream(self.stream):
                for _ in range(WARM_UPS):
                    work(state, image)
            torch.cuda.current_stream().wait_stream(self.stream)
            graph = torch.cuda.CUDAGraph()
            # the flow of the next frame may be computed in another thread meanwhile
            with torch.cuda.graph(graph, pool=self.pool, stream=self.stream, capture_error_mode="thread_local"):
                outputs = work(state, image)
            self.pool = graph.pool()  # shared by all recordings: only one of them runs at a time
        return graph.replay, outputs


def _leaves(value: Any) -> Iterator[Any]:
    """All tensors and other values in a nested state, with the types of its objects, in a fixed order."""
    if isinstance(value, (list, tuple)):
        yield len(value)
        for item in value:
            yield from _leaves(item)
    elif isinstance(value, dict):
        yield from value
        for item in value.values():
            yield from _leaves(item)
    elif hasattr(value, "__dict__") and not isinstance(value, Tensor):
        yield type(value)
        yield from _leaves(vars(value))
    else:
        yield value


def _tensors(state: Sequence[object]) -> list[Tensor]:
    return [leaf for leaf in _leaves(state) if isinstance(leaf, Tensor)]


def _key(leaf: Any) -> Hashable:
    return (tuple(leaf.shape), leaf.dtype) if isinstance(leaf, Tensor) else leaf


class GraphedVGG19(VGG19):
    """The plain network on a GPU, with evaluations replayed as CUDA graphs."""

    def __init__(
        self, weights: VGGWeights, device: str, dtype: torch.dtype = torch.float32, replayed: Replayed | None = None
    ):
        super().__init__(weights, device, dtype)
        self.replayed = replayed or Replayed()

    def run(self, work: Work, state: Sequence[object], image: Tensor) -> tuple[Tensor, ...]:
        return self.replayed(work, state, image)
