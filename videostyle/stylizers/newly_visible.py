"""What has only come into view: a map that says how long ago, carried along with the picture."""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from videostyle.temporal.warp import warp

FADE = 0.85
"""Factor on the map from frame to frame: after four frames half of it is left."""

FIRMER = 2.0
"""How much more firmly, beside once, what stands still and has been seen for long is held to the last frame."""

MARGIN = 3
"""Pixels by which the map is widened for the style: the network sees further than a pixel."""


class NewlyVisible:
    """A map of the current frame, (1, 1, H, W) in [0, 1]: 1 where the last frame said nothing of a pixel, fading as it is
    carried along the flow."""

    def __init__(self, device: str = "cpu"):
        self.device = device
        self.map: Tensor | None = None
        """None before a shot's second frame."""

    def reset(self) -> None:
        """Forget everything, as at the start of a shot."""
        self.map = None

    def follow(self, flow: np.ndarray, consistency: Tensor) -> Tensor:
        """The map of the next frame. flow: from there back to this one, (H, W, 2); consistency: (1, 1, H, W) in [0, 1]."""
        new = 1 - consistency
        if self.map is not None:
            new = torch.maximum(new, FADE * warp(self.map, flow).clamp(0, 1))
        self.map = new
        return new

    def state(self) -> dict[str, np.ndarray]:
        """The map as an array; empty if there is none."""
        return {} if self.map is None else {"newly_visible": self.map[0, 0].cpu().numpy()}

    def restore(self, state: dict[str, np.ndarray]) -> None:
        """Continue from a state; it may hold other arrays too."""
        array = state.get("newly_visible")
        self.map = None if array is None else torch.from_numpy(array)[None, None].to(self.device)


def hold(consistency: Tensor, new: Tensor, flow: np.ndarray) -> Tensor:
    """How firmly each pixel is held to the warped last frame: by its consistency, up to 1 + FIRMER times as firmly where it
    stands still and has been seen for long. (1, 1, H, W), as consistency and new; flow: (H, W, 2) in pixels.

    There every change shows, and none is needed: what moves loses sharpness to each warp and has to be made sharp again.
    """
    still = torch.from_numpy(1 - np.hypot(flow[..., 0], flow[..., 1])).clamp(0, 1).to(consistency)
    return consistency * (1 + FIRMER * still * (1 - new))


def widened_by(new: Tensor, pixels: int) -> Tensor:
    """The largest value of the map (1, 1, H, W) within so many pixels."""
    return F.max_pool2d(new, 2 * pixels + 1, stride=1, padding=pixels)
