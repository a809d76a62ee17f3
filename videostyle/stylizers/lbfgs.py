"""L-BFGS whose curvature pairs outlive the objective they were measured on.

The two-loop recursion of Nocedal 1980 (Nocedal & Wright, Numerical Optimization, algorithm 7.4). The departure that makes
video affordable: when one frame's objective gives way to the next frame's, which differs little, the pairs (s, y) stay and
precondition the new problem from its first step. No line search: one evaluation an iteration, and a step that
raises the value by half is cut to a quarter and tried again. Bounds are kept by moving each point back to them (gradient
projection; Bertsekas 1982, doi 10.1137/0320018, also takes what they hold out of the direction, which was no better here).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from math import inf
from typing import NamedTuple, Protocol, TypeVar

import torch
from torch import Tensor


class Evaluated(Protocol):
    """What an objective returns: its value as a float and its gradient."""

    @property
    def total(self) -> float: ...
    @property
    def gradient(self) -> Tensor: ...


V = TypeVar("V", bound=Evaluated)


class Pair(NamedTuple):
    """One measured curvature: the gradient changed by y over the step s; curvature = s.y > 0. s, y: float32, or bfloat16
    where they are large."""

    s: Tensor
    y: Tensor
    curvature: float


MEMORY = 10  # 30 pairs were no better

CARRIED_BYTES = 256 << 20  # of s and y moved at once: no more than a few are there twice

LARGE = 32 << 20  # bytes of s, above which a pair is kept in bfloat16: ten at 3840x2160 are 2 GB in float32

LARGEST_STEP = 0.5  # in any pixel of a picture in [0, 1]

CUTS = 8  # a step this often cut to a quarter is 65,536 times shorter: there is nothing to gain that way


class LBFGS:
    """An optimizer that keeps its curvature pairs until `forget()`; each `minimize` may bring another objective.

    memory: pairs kept. largest_step: bound on each element of a step, in the variable's own unit. within: the least and the
    largest value that each element may have. large: bytes of s above which a pair is kept in half as many.
    """

    def __init__(
        self,
        memory: int = MEMORY,
        largest_step: float = LARGEST_STEP,
        within: tuple[float, float] = (-inf, inf),
        large: int = LARGE,
    ):
        self.pairs: deque[Pair] = deque(maxlen=memory)
        self.largest_step, self.within, self.large = largest_step, within, large

    def forget(self) -> None:
        """Start from an empty history, as after a cut or at another size."""
        self.pairs.clear()

    def remember(self, s: Tensor, y: Tensor) -> None:
        """Keep a pair if it shows positive curvature."""
        if s.nbytes > self.large:
            s, y = s.bfloat16(), y.bfloat16()
        curvature = dot(s, y)
        if curvature > 1e-10 * dot(y, y):
            self.pairs.append(Pair(s, y, curvature))

    def carry(self, move: Callable[[Tensor], Tensor]) -> None:
        """Move every pair to where the picture has moved: `move` takes and returns a stack (n, C, H, W)."""
        old = deque(each for pair in self.pairs for each in (pair.s, pair.y))
        self.forget()
        moved: list[Tensor] = []
        while old:
            count = min(len(old), max(1, CARRIED_BYTES // (4 * old[0].numel())))
            moved += move(torch.cat([old.popleft().float() for _ in range(count)])).split(1)
            while len(moved) >= 2:
                self.remember(moved.pop(0), moved.pop(0))

    def state(self) -> dict[str, Tensor]:
        """The pairs, oldest first: "s0", "y0", "s1", ...; empty without any. bfloat16 as the int16 of the same bits, as NumPy
        knows no bfloat16."""
        kept = {f"{name}{number}": getattr(pair, name) for number, pair in enumerate(self.pairs) for name in ("s", "y")}
        return {name: each.view(torch.int16) if each.dtype == torch.bfloat16 else each for name, each in kept.items()}

    def restore(self, state: dict[str, Tensor]) -> None:
        """Take up the pairs of `state`."""
        self.forget()
        kept = {name: each.view(torch.bfloat16) if each.dtype == torch.int16 else each for name, each in state.items()}
        for number in range(len(kept) // 2):
            self.remember(kept[f"s{number}"], kept[f"y{number}"])

    def direction(self, gradient: Tensor) -> Tensor:
        """-H g by the two-loop recursion, bounded by largest_step; an empty history gives -g / |g|_1."""
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
        return step * (self.largest_step / largest) if largest > self.largest_step else step

    def minimize(self, objective: Callable[[Tensor], V], start: Tensor) -> Iterator[tuple[Tensor, V]]:
        """Yields (x, objective(x)): first at the start, then after every iteration, for as long as it is asked.

        A start beyond the bounds is moved back to them. It ends by itself only where no step along the direction helps any
        more. A pair never spans two objectives.
        """
        x = start.clamp(*self.within)
        del start  # a picture that would be held throughout
        now = objective(x)
        yield x, now
        while True:
            step = self.direction(now.gradient)
            for _ in range(CUTS):
                there = (x + step).clamp(*self.within)
                tried = objective(there)
                if tried.total <= 1.5 * now.total:
                    break
                step = step * 0.25
            else:
                return
            self.remember(there - x, tried.gradient - now.gradient)
            x, now = there, tried
            yield x, now


def dot(a: Tensor, b: Tensor) -> float:
    """The sum of products of two pictures (1, C, H, W), in float32 at least. Of float32 in channels_last nothing is copied."""
    flat = [each.permute(0, 2, 3, 1).reshape(-1) for each in (a, b)]
    return float(torch.dot(*(each.to(torch.promote_types(each.dtype, torch.float32)) for each in flat)))
