"""Motion over many frames: where the last stylized picture is moved to, without drift and without needless resampling.

An estimated flow leads from a frame back to the previous one. `MotionTracker` turns it into the flow that the picture is
really warped by, and holds everything that this depends on: the keyframe, the flow back to it, and motion that is still
deferred.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from videostyle.frames import Motion
from videostyle.temporal.warp import warp
from videostyle.tensors import from_array, to_array

KEYFRAME_INTERVAL = 20
"""Frames after which the newest stylized frame becomes the keyframe."""

DRIFT_CORRECTION = 0.25
"""Share of the drift that is taken back on each frame."""

MAX_DRIFT = 3.0
"""Pixels. Where the two paths to the keyframe differ by more, one of the flows is an outlier."""

MIN_MOTION = 0.15
"""Pixels. Smaller motion is deferred."""

BAND = 1 / 8
"""Of the longer side: the width from which an entering border takes its texture, enough for several strokes."""


def keyframe_before(index: int, start: int) -> int:
    """The index of the keyframe of a frame of the shot that starts at `start`, start < index."""
    return start + (index - 1 - start) // KEYFRAME_INTERVAL * KEYFRAME_INTERVAL


class MotionTracker:
    """Decides, frame by frame, which flow the last stylized picture is warped by.

    - Errors of consecutive flows add up to drift: where the flow straight to the keyframe disagrees, the picture is pulled
      back towards it.
    - The noise of a flow would resample what stands still on every frame: motion below MIN_MOTION is deferred until it adds
      up.
    - A region that was hidden in the previous frame but is visible in the keyframe is taken from the keyframe.
    """

    def __init__(self, device: str = "cpu"):
        self.device = device
        self.keyframe: Tensor | None = None
        """Stylized picture of the keyframe, float32 (1, 3, H, W)."""
        self.flow_to_keyframe: np.ndarray | None = None
        """From the last frame, float32 (H, W, 2); None where the last frame is the keyframe."""
        self.deferred: np.ndarray | None = None
        """Motion of the last picture that was not applied yet, float32 (H, W, 2)."""

    def reset(self) -> None:
        """Forget everything, as at the start of a shot."""
        self.keyframe = self.flow_to_keyframe = self.deferred = None

    def set_keyframe(self, picture: Tensor) -> None:
        """Make the last frame, stylized, the keyframe."""
        self.keyframe, self.flow_to_keyframe = picture, None

    def next_flow(self, motion: Motion) -> np.ndarray:
        """The flow (H, W, 2) to warp the last picture by for the next frame, with every target inside the picture."""
        flow = motion.flow
        if motion.to_keyframe is not None and self.flow_to_keyframe is not None and self.keyframe is not None:
            flow = drift_corrected(flow, motion.to_keyframe, self.flow_to_keyframe)
        if self.keyframe is not None:
            self.flow_to_keyframe = composed(flow, self.flow_to_keyframe)
        applied, self.deferred = split_motion(flow, self.deferred)
        return moved_inside(applied)

    def with_keyframe(
        self, picture: Tensor, consistency: Tensor, wrong: Tensor, to_keyframe: Motion | None
    ) -> tuple[Tensor, Tensor]:
        """The warped picture and its consistency, with the keyframe where that shows what the previous frame hid.

        The long-term consistency of Ruder et al. 2016, eq. 9, with one departure: not wherever the previous frame is
        inconsistent, but only where the warped content is wrong too; otherwise the picture would jump wherever the flow is in
        doubt. wrong: (1, 1, H, W) in [0, 1].
        """
        if to_keyframe is None or self.keyframe is None:
            return picture, consistency
        share = wrong * torch.from_numpy(to_keyframe.consistency).to(self.device)[None, None]
        warped = warp(self.keyframe, moved_inside(to_keyframe.flow))
        return torch.lerp(picture, warped, share), consistency + share

    def state(self) -> dict[str, np.ndarray]:
        """Everything that later frames depend on, as arrays; without what is None."""
        keyframe = None if self.keyframe is None else to_array(self.keyframe)
        state = {"keyframe": keyframe, "flow_to_keyframe": self.flow_to_keyframe, "deferred": self.deferred}
        return {name: array for name, array in state.items() if array is not None}

    def restore(self, state: dict[str, np.ndarray]) -> None:
        """Continue from a state; it may hold other arrays too."""
        self.flow_to_keyframe, self.deferred = state.get("flow_to_keyframe"), state.get("deferred")
        self.keyframe = from_array(state["keyframe"], self.device) if "keyframe" in state else None


def drift_corrected(flow: np.ndarray, to_keyframe: Motion, flow_to_keyframe: np.ndarray) -> np.ndarray:
    """The flow to the previous frame with a part of the drift taken back; flows are float32 (H, W, 2), in pixels.

    to_keyframe: motion of this frame, estimated straight from the keyframe. flow_to_keyframe: of the previous frame, over all
    frames between. What stands still is left alone: there the drift is only the noise of both flows.
    """
    drift = to_keyframe.flow - composed(flow, flow_to_keyframe)
    small = np.square(drift).sum(axis=2) < MAX_DRIFT**2
    moves = np.square(flow).sum(axis=2) >= MIN_MOTION**2
    return flow + DRIFT_CORRECTION * drift * (to_keyframe.consistency * small * moves)[..., None]


def composed(flow: np.ndarray, flow_to_keyframe: np.ndarray | None) -> np.ndarray:
    """The flow from this frame to the keyframe, through the previous frame; None where that is the keyframe itself."""
    return flow if flow_to_keyframe is None else flow + warped_vectors(flow_to_keyframe, flow)


def split_motion(flow: np.ndarray, deferred: np.ndarray | None) -> tuple[np.ndarray, np.ndarray]:
    """The motion to apply now and the motion to defer to the next frame; all float32 (H, W, 2), in pixels.

    deferred: by the previous frame; None at a shot's start. Every warp costs detail that must be stylized again, and the noise
    of a flow has no mean: motion waits until it adds up to MIN_MOTION.
    """
    total = flow if deferred is None else flow + warped_vectors(deferred, flow)
    moves = (np.square(total).sum(axis=2) >= MIN_MOTION**2)[..., None]
    zero = np.float32(0)
    return np.where(moves, total, zero), np.where(moves, zero, total)


def moved_inside(flow: np.ndarray) -> np.ndarray:
    """The flow (H, W, 2) with every target that lies outside the picture moved inside by whole bands.

    So the border that a moving camera brings in takes its texture from a band further in. Mirroring or replicating the edge
    would draw it out into streaks: in a slow pan every frame would repeat the same row.
    """
    height, width = flow.shape[:2]
    result = flow.astype(np.float32)
    positions = np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32)[:, None]
    for axis, (position, last) in enumerate(zip(positions, (width - 1, height - 1), strict=True)):
        band = min(BAND * max(height, width), last)
        target = position + result[..., axis]
        outside = (target < 0) | (target > last)
        bands = np.ceil(np.maximum(-target, 0) / band) - np.ceil(np.maximum(target - last, 0) / band)
        result[..., axis] = np.where(outside, np.clip(target + band * bands, 0, last) - position, result[..., axis])
    return result


def warped_vectors(vectors: np.ndarray, flow: np.ndarray) -> np.ndarray:
    """A field (H, W, 2) of vectors warped by a flow."""
    picture = torch.from_numpy(vectors).permute(2, 0, 1)[None]
    return warp(picture, flow)[0].permute(1, 2, 0).contiguous().numpy()
