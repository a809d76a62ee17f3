"""The contract of a stylizer: what the frame loop gives to it, calls on it, and gets back.

A stylizer turns the frames of one shot into stylized frames, in order. It can be stopped after any frame, saved, and taken up
again by a fresh object. `stylizers/table.py` has the table of all stylizers.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import TYPE_CHECKING, Protocol

import numpy as np

from videostyle.frames import Motion
from videostyle.palettes import Palette

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class FrameInput:
    """A source frame at the working size, with everything that a stylizer may need to know of it."""

    image: np.ndarray
    """uint8 or uint16 (H, W, 3) RGB."""
    motion: Motion | None = None
    """How the frame continues the one before it; None at the start of a shot, or where each frame is stylized alone."""
    index: int = 0
    """Ordinal in the source, from 0."""
    time: Fraction = Fraction(0)
    """Seconds since the clip's first frame."""
    guides: Mapping[str, np.ndarray] = field(default_factory=dict)
    """Masks by name, float32 (H, W) in [0, 1]; empty where none was given."""
    palette: Palette | None = None
    """The colors that the style images are given, the same for all frames of a shot; None: they keep their own."""
    same_guides: bool = True
    """Whether the masks are those of the frame before."""
    values: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    """What the options that change over time are at this frame, by the names of their fields; of a mix one for each style."""

    def value(self, name: str, constant: float) -> float:
        """The number that an option is at this frame. constant: what it is if it does not change over time."""
        return self.values.get(name, (constant,))[0]


@dataclass(frozen=True)
class StylizedFrame:
    """A finished frame."""

    picture: np.ndarray
    """float32 (H, W, 3) RGB in [0, 1]."""
    loss: float
    """The objective L at the end; NaN where it was not evaluated."""
    spatial_loss: float
    """L without its temporal term; NaN where it was not evaluated."""
    iterations: int
    """Optimizer steps taken."""
    new_share: float
    """Share of the picture that the previous frame says nothing about, in [0, 1]."""
    seconds: float
    """Wall time spent."""


@dataclass(frozen=True)
class Iteration:
    """The state of the current frame after one iteration."""

    loss: float
    """The objective L now; NaN where it is not evaluated."""
    spatial_loss: float
    """L now without its temporal term; NaN where it is not evaluated."""
    fraction: float
    """Share of this frame's work that is done, in [0, 1]."""
    picture: Tensor
    """The picture so far, float32 (1, 3, H, W) in [0, 1]; it may be smaller than the frame."""


OnIteration = Callable[[Iteration], None]
"""Called with the picture that a frame starts from (fraction 0) and after each iteration. An exception that it raises, such as
Cancelled, ends the step."""


def ignore(iteration: Iteration) -> None:
    """The OnIteration that does nothing."""


State = dict[str, np.ndarray]


class Stylizer(Protocol):
    """Stylizes the frames of one shot, in order."""

    lookahead: int
    """How many frames `step` may hold back before it returns the first."""

    def step(self, frame: FrameInput) -> list[StylizedFrame]:
        """Take the next frame; return the frames that are finished, oldest first."""
        ...

    def finish(self) -> list[StylizedFrame]:
        """The shot is over: return the frames still held back."""
        ...

    def state(self) -> State:
        """Everything that the next step depends on. Given to `restore` of a fresh object, that object continues exactly as
        this one would have."""
        ...

    def restore(self, state: State) -> None:
        """Continue from where `state` was taken."""
        ...

    def continue_from(self, picture: np.ndarray, source: np.ndarray) -> None:
        """Take a stylized frame, float32 (H, W, 3) in [0, 1], and its source frame as the ones before the next step."""
        ...
