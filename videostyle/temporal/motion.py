"""Keyframes, drift correction and deferred motion: how a picture is carried over many frames."""

from __future__ import annotations

import numpy as np
import torch

from videostyle.frames import Motion
from videostyle.temporal.warp import warp

KEYFRAME_INTERVAL = 20  # frames: then the newest painted frame becomes the keyframe

PULL = 0.25  # of the drift is taken back on each frame

MOST_DRIFT = 3.0  # pixels: where the two ways lie further apart, one of them follows another thing


def keyframe_before(ordinal: int, start: int) -> int:
    """The ordinal of the keyframe of a frame of the shot that begins at `start`, start < ordinal."""
    return start + (ordinal - 1 - start) // KEYFRAME_INTERVAL * KEYFRAME_INTERVAL


def held(flow: np.ndarray, long: Motion, since: np.ndarray) -> np.ndarray:
    """The flow to the last frame with a part of the drift taken back; all flows float32 (H, W, 2), in pixels.

    long: how this frame continues the keyframe. since: the way the picture has come from the keyframe, at the last frame. What
    stands still is left alone: there the drift is the noise of both flows.
    """
    drift = long.flow - composed(flow, since)
    small = np.square(drift).sum(axis=2) < MOST_DRIFT**2
    moves = np.square(flow).sum(axis=2) >= LEAST_MOVE**2
    return flow + PULL * drift * (long.consistency * small * moves)[..., None]


def composed(flow: np.ndarray, since: np.ndarray | None) -> np.ndarray:
    """The flow from this frame to the keyframe, by way of the last frame; since None: the last frame is the keyframe."""
    return flow if since is None else flow + moved(since, flow)


LEAST_MOVE = 0.15  # pixels; smaller moves are saved up


def saved_up(flow: np.ndarray, owed: np.ndarray | None) -> tuple[np.ndarray, np.ndarray]:
    """The flow to move a picture by now, and what of it is owed to the next frame; all float32 (H, W, 2), in pixels.

    owed: what the last frame left, None at a shot's start. Motion below LEAST_MOVE waits until it adds up to as much: a flow's
    noise, which has no mean, would resample what stands still on every frame, and what a warp takes is painted again.
    """
    total = flow if owed is None else flow + moved(owed, flow)
    moves = (np.square(total).sum(axis=2) >= LEAST_MOVE**2)[..., None]
    still = np.float32(0)
    return np.where(moves, total, still), np.where(moves, still, total)


def moved(field: np.ndarray, flow: np.ndarray) -> np.ndarray:
    """A field (H, W, 2) of vectors carried along the flow."""
    picture = torch.from_numpy(field).permute(2, 0, 1)[None]
    return warp(picture, flow)[0].permute(1, 2, 0).contiguous().numpy()
