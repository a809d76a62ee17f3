"""Work on a GPU that is recorded once and then launched as one: in small pictures, hundreds of kernels take less time than
their launches. Not measured on a GPU yet."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from typing import Any

import torch
from torch import Tensor

Work = Callable[..., tuple[Tensor, ...]]

Run = Callable[[Work, Hashable, Sequence[Tensor]], tuple[Tensor, ...]]

WARM_UPS = 3  # before a recording, for whatever libraries do when they are first called


def at_once(work: Work, _same: Hashable, given: Sequence[Tensor]) -> tuple[Tensor, ...]:
    """What `Replayed` computes, computed."""
    return work(*given)


class Replayed:
    """Calls of `work` by CUDA graphs, one for each `same` and shapes.

    work(*given) takes and returns CUDA tensors, reads none of them back, changes none, and is the same function wherever
    `same` is equal: of whatever else it uses, the values at its first call count. The results are the caller's own.
    """

    def __init__(self) -> None:
        self.recorded: dict[Hashable, tuple[list[Tensor], Callable[[], None], tuple[Tensor, ...]]] = {}
        self.largest = 0
        self.pool: Any = None
        self.stream: Any = None

    def __call__(self, work: Work, same: Hashable, given: Sequence[Tensor]) -> tuple[Tensor, ...]:
        if given[0].numel() > self.largest:  # none of what the smaller ones hold would be of use to it
            self.largest, self.pool = given[0].numel(), None
            self.recorded.clear()
        key = (same, *(each.shape for each in given))
        if key not in self.recorded:
            own = [each.detach().clone() for each in given]
            self.recorded[key] = (own, *self._record(work, own))
        own, replay, found = self.recorded[key]
        for mine, each in zip(own, given, strict=True):
            mine.copy_(each)
        replay()
        return tuple(each.clone() for each in found)

    def _record(self, work: Work, own: list[Tensor]) -> tuple[Callable[[], None], tuple[Tensor, ...]]:
        """What repeats work(*own) with the values that own has then, and the tensors that it writes its results into."""
        with torch.cuda.device(own[0].device):
            self.stream = self.stream or torch.cuda.Stream()  # one for all: libraries keep memory for each
            self.stream.wait_stream(torch.cuda.current_stream())
            with torch.cuda.stream(self.stream):
                for _ in range(WARM_UPS):
                    work(*own)
            torch.cuda.current_stream().wait_stream(self.stream)
            graph = torch.cuda.CUDAGraph()
            # the flow of the next frame may be at work in another thread
            with torch.cuda.graph(graph, pool=self.pool, stream=self.stream, capture_error_mode="thread_local"):
                found = work(*own)
            self.pool = graph.pool()  # one memory for all: only one of them is at work at a time
        return graph.replay, found
