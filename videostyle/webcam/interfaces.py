"""The contracts inside the live preview: what the loop gives to a live stylizer, and what it needs of a display.

Nothing here loads torch: the camera's picture is on the screen before torch is loaded.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np


@dataclass(frozen=True)
class Request:
    """A camera frame to be stylized."""

    image: np.ndarray
    """uint8 RGB (H, W, 3), at the working size."""
    style: int
    """Number of the style among those of the job, from 0."""


Publish = Callable[[np.ndarray], None]
"""Receives a stylized picture of the request's frame, float32 RGB (H, W, 3) in [0, 1]. An exception that it raises ends the
request."""


class LiveStylizer(Protocol):
    """Stylizes one camera frame after another, always the newest, in one thread."""

    def stylize(self, request: Request, publish: Publish) -> None:
        """Stylize a frame and publish the picture, once or repeatedly as it becomes better."""
        ...


class Display(Protocol):
    """A screen with keys: a window, or a page in a browser."""

    def show(self, picture: np.ndarray) -> None:
        """Show a uint8 RGB (H, W, 3) picture; its size may change."""
        ...

    def pressed_keys(self) -> list[str]:
        """The keys pressed since the last call, as characters."""
        ...

    def close(self) -> None:
        """Stop showing."""
        ...
