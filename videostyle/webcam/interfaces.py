"""What passes between the parts of the preview. Nothing here loads torch: the camera is on the screen before that is there."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np


@dataclass(frozen=True)
class Task:
    """A camera frame to be painted. image: uint8 RGB (H, W, 3). style: which of the given ones, from 0."""

    image: np.ndarray
    style: int


Publish = Callable[[np.ndarray], None]

"""Called with a painting of the task's frame, float32 (H, W, 3) in [0, 1]. What it raises ends the task."""


class LiveStylizer(Protocol):
    """Paints frame after frame, each the newest there was, in one thread."""

    def paint(self, task: Task, publish: Publish) -> None:
        """Paint the frame; publish it once, or again and again as it becomes better."""
        ...


class Display(Protocol):
    """Where the picture is seen and the keys come from."""

    def show(self, picture: np.ndarray) -> None:
        """Show a uint8 RGB (H, W, 3) picture; its size may change."""
        ...

    def pressed_keys(self) -> list[str]:
        """The keys pressed since it was asked last, as characters."""
        ...

    def close(self) -> None: ...
