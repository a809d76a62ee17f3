"""L-BFGS whose curvature pairs outlive the objective that they were measured on.

The two-loop recursion of Nocedal 1980 (Nocedal & Wright, Numerical Optimization, algorithm 7.4). The departure that makes
video affordable: the next frame's objective differs little from the last one's, so the pairs (s, y) are kept and
precondition the new problem from its first step. There is no line search: one evaluation per iteration, and a step that
raises the value by half is cut to a quarter and tried again. Iterates are kept within bounds by gradient projection
(Bertsekas 1982, doi 10.1137/0320018; his treatment of active bounds in the direction was no better here).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from math import inf
from typing import NamedTuple, Protocol, TypeVar

import torch
from torch import Tensor


class Evaluated(Protocol):
    """What an objective returns."""

    @property
    def total(self) -> float:
        """The value."""
        ...

    @property
    def gradient(self) -> Tensor:
        """Of the value, shaped like the picture."""
        ...


V = TypeVar("V", bound=Evaluated)


class Pair(NamedTuple):
    """One measured curvature. Tensors are (1, C, H, W), float32, or bfloat16 if they are large."""

    s: Tensor
    """The step."""
    y: Tensor
    """The change of the gradient over the step."""
    curvature: float
    """s . y, positive."""


MEMORY = 10
"""Pairs kept; 30 were no better."""

CARRY_BYTES = 256 << 20
"""Of s and y that are warped at once, so that only a few exist twice."""

LARGE = 32 << 20
"""Bytes of s above which a pair is kept in bfloat16; ten pairs at 3840x2160 take 2 GB in float32."""

MAX_STEP = 0.5
"""In any element of a picture in [0, 1]."""

MAX_CUTS = 8
"""A step cut to a quarter so often is 65,536 times shorter; nothing is to be gained in that direction."""


class LBFGS:
    """An optimizer that keeps its curvature pairs until `forget()`; every `minimize` may bring another objective.

    memory: pairs kept. max_step: bound on each element of a step, in the variable's own unit. bounds: the smallest and the
    largest value of each element. large: bytes of s above which a pair is kept in bfloat16.
    """

    def __init__(
        self,
        memory: int = MEMORY,
        max_step: float = MAX_STEP,
        bounds: tuple[float, float] = (-inf, inf),
        large: int = LARGE,
    ):
        self.pairs: deque[Pair] = deque(maxlen=memory)
        self.max_step, self.bounds, self.large = max_step, bounds, large

    def forget(self) -> None:
        """Drop all pairs, as at a cut."""
        self.pairs.clear()

    def remember(self, s: Tensor, y: Tensor) -> None:
        """Keep a pair if its curvature is positive."""
        if s.nbytes > self.large:
            s, y = s.bfloat16(), y.bfloat16()
        curvature = dot(s, y)
        if curvature > 1e-10 * dot(y, y):
            self.pairs.append(Pair(s, y, curvature))

    def carry(self, warp: Callable[[Tensor], Tensor], gradient_scale: float = 1.0) -> None:
        """Warp every pair to where the picture has moved.

        warp: takes and returns a stack (n, C, H, W); it may change the size. gradient_scale: factor on every y, for a size at
        which gradients have another scale.
        """
        tensors = deque(tensor for pair in self.pairs for tensor in (pair.s, pair.y))
        self.forget()
        warped: list[Tensor] = []
        while tensors:
            count = min(len(tensors), max(1, CARRY_BYTES // (4 * tensors[0].numel())))
            warped += warp(torch.cat([tensors.popleft().float() for _ in range(count)])).split(1)
            while len(warped) >= 2:
                s, y = warped.pop(0), warped.pop(0)
                self.remember(s, y if gradient_scale == 1 else gradient_scale * y)

    def state(self) -> dict[str, Tensor]:
        """The pairs, oldest first: "s0", "y0", "s1", ...; bfloat16 as int16 of the same bits, as NumPy has no bfloat16."""
        tensors = {
            f"{name}{number}": getattr(pair, name) for number, pair in enumerate(self.pairs) for name in ("s", "y")
        }
        return {name: _as_int16(tensor) for name, tensor in tensors.items()}

    def restore(self, state: dict[str, Tensor]) -> None:
        """Continue with the pairs of `state`."""
        self.forget()
        tensors = {name: _from_int16(tensor) for name, tensor in state.items()}
        for number in range(len(tensors) // 2):
            self.remember(tensors[f"s{number}"], tensors[f"y{number}"])

    def direction(self, gradient: Tensor) -> Tensor:
        """-H g by the two-loop recursion, bounded by max_step; -g / |g|_1 if there are no pairs."""
        if not self.pairs:
            return self._bounded(-gradient / gradient.abs().sum().clamp_min(1e-30))
        q = gradient.clone()
        alphas = []
        for s, y, curvature in reversed(self.pairs):
            alpha = dot(s, q) / curvature
            q.add_(y, alpha=-alpha)
            alphas.append(alpha)
        newest = self.pairs[-1]
        q.mul_(newest.curvature / dot(newest.y, newest.y))
        for (s, y, curvature), alpha in zip(self.pairs, reversed(alphas), strict=True):
            q.add_(s, alpha=alpha - dot(y, q) / curvature)
        return self._bounded(-q)

    def _bounded(self, step: Tensor) -> Tensor:
        largest = float(step.abs().max())
        return step * (self.max_step / largest) if largest > self.max_step else step

    def minimize(self, objective: Callable[[Tensor], V], start: Tensor) -> Iterator[tuple[Tensor, V]]:
        """Yields (x, objective(x)) at the start and after every iteration, without end.

        It ends only if no step along the direction helps any more. A start outside the bounds is clamped to them. A pair never
        spans two objectives.
        """
        x = start.clamp(*self.bounds)
        del start  # or that picture would be held throughout
        value = objective(x)
        yield x, value
        while True:
            step = self.direction(value.gradient)
            for _ in range(MAX_CUTS):
                next_x = (x + step).clamp(*self.bounds)
                next_value = objective(next_x)
                if next_value.total <= 1.5 * value.total:
                    break
                step = step * 0.25
            else:
                return
            self.remember(next_x - x, next_value.gradient - value.gradient)
            x, value = next_x, next_value
            yield x, value


def dot(a: Tensor, b: Tensor) -> float:
    """The sum of products of two pictures (1, C, H, W), at least in float32; float32 in channels_last is not copied."""
    flat = [tensor.permute(0, 2, 3, 1).reshape(-1) for tensor in (a, b)]
    return float(torch.dot(*(vector.to(torch.promote_types(vector.dtype, torch.float32)) for vector in flat)))


def _as_int16(tensor: Tensor) -> Tensor:
    return tensor.view(torch.int16) if tensor.dtype == torch.bfloat16 else tensor


def _from_int16(tensor: Tensor) -> Tensor:
    return tensor.view(torch.bfloat16) if tensor.dtype == torch.int16 else tensor
