"""What every stylizer promises. One object paints one shot and can be stopped, saved and taken up again at any frame."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from videostyle.frames import Motion


@dataclass(frozen=True)
class StylizedFrame:
    """A finished frame. picture: float32 (H, W, 3) RGB in [0, 1].

    loss: L at the end; spatial_loss: L without its temporal term; iterations: steps taken; new_share: share of the picture
    that the last frame said nothing about, in [0, 1]; seconds: wall time spent.
    """

    picture: np.ndarray
    loss: float
    spatial_loss: float
    iterations: int
    new_share: float
    seconds: float


State = dict[str, np.ndarray]


class Stylizer(Protocol):
    """Paints the frames of one shot, in order.

    lookahead: how many frames `step` may hold back before it returns the first. `state` after any step, given to
    `restore` of a fresh object, makes that object continue exactly as the first would have.
    """

    lookahead: int

    def step(self, image: np.ndarray, motion: Motion | None) -> list[StylizedFrame]:
        """Take the next source frame, uint8 or uint16 (H, W, 3), and how it continues the last one (None at a shot's
        start or for a frame alone); return the frames that are finished, oldest first."""
        ...

    def finish(self) -> list[StylizedFrame]:
        """The shot is over: return the frames still held back."""
        ...

    def state(self) -> State:
        """All that the next step depends on, as arrays."""
        ...

    def restore(self, state: State) -> None:
        """Take up where `state` was taken."""
        ...
