"""The frames of a run with their motion, computed ahead of the stylizer in a thread."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing
from dataclasses import dataclass, replace

import numpy as np

from videostyle.analysis import ShotList
from videostyle.frames import WHOLE, Frame, Motion, Size, area
from videostyle.losses.frame_targets import PAINTED
from videostyle.losses.tiles import tiles_of
from videostyle.media.fit import filled_bars
from videostyle.media.prefetch import Prefetch
from videostyle.media.resize import resize_float
from videostyle.media.sources import Source
from videostyle.stylizers.base import FrameInput
from videostyle.temporal.consistency import estimate_motion
from videostyle.temporal.flow import Flow
from videostyle.temporal.motion import KEYFRAME_INTERVAL, keyframe_before

AHEAD = 1  # frames decoded, and their flow computed, while one is stylized


@dataclass(frozen=True)
class RenderInput:
    """A frame of the source and what the stylizer is given of it."""

    source: Frame
    """The source's frame at the working size, with its name, alpha and colors."""
    frame: FrameInput
    """What the stylizer takes."""


@dataclass(frozen=True)
class PreviousFrame:
    """A frame that an earlier run stylized and that this run continues from."""

    picture: np.ndarray
    """The stylized frame, float32 (H, W, 3) in [0, 1]."""
    source: Frame
    """The source's frame, at the working size."""


@dataclass(frozen=True)
class _Neighbors:
    """A frame with the ones that its motion is computed against."""

    frame: Frame
    previous: Frame | None
    """The frame before it; None at the start of a shot."""
    keyframe: Frame | None
    """The keyframe of its shot; None where there is none yet."""
    is_keyframe: bool
    """Whether the frame is the next ones' keyframe."""


class InputFrames:
    """The frames of a run, in order, as the stylizer takes them.

    flow: what the motion is estimated with; None where frames are stylized alone. estimate: the motion from an image to the
    next, both uint8 or uint16 (H, W, 3).
    """

    def __init__(
        self,
        source: Source,
        shots: ShotList,
        size: Size,
        flow: Flow | None,
        estimate: Callable[[np.ndarray, np.ndarray, Flow], Motion] = estimate_motion,
    ):
        self.source, self.shots, self.size, self.flow, self.estimate = source, shots, size, flow, estimate

    def after(self, done: int, previous: PreviousFrame | None = None) -> AbstractContextManager[Iterator[RenderInput]]:
        """The frames that follow the first `done` ones, computed ahead in a thread where memory allows it.

        previous: the frame before the run's first one, where the run continues from it.
        """
        neighbors = self._neighbors(self.shots.first + done, previous)
        # flow takes as much memory as the network's pass over a tile: not both at once
        if len(tiles_of(self.size)) > 1:
            return closing(self._input(frame) for frame in neighbors)
        return Prefetch(neighbors, self._input, AHEAD)

    def _neighbors(self, first: int, previous_frame: PreviousFrame | None) -> Iterator[_Neighbors]:
        """The frames from ordinal `first` on. Decoding begins at the keyframe that `first` refers to."""
        start = max(ordinal for ordinal in self.shots.starts if ordinal <= first)
        # A previous frame from an earlier run is not there when this run is resumed: it is never a keyframe.
        keyframe, previous = None, previous_frame.source if previous_frame else None
        for frame in self.source.frames(self.size, first if first == start else keyframe_before(first, start)):
            if frame.index not in self.shots:
                return
            if frame.index in self.shots.starts and frame.index != self.shots.first:
                keyframe = previous = None
            is_keyframe = keyframe is None or frame.index - keyframe.index >= KEYFRAME_INTERVAL
            if frame.index >= first:
                yield _Neighbors(frame, previous, keyframe, is_keyframe)
            keyframe, previous = frame if is_keyframe else keyframe, frame

    def _input(self, neighbors: _Neighbors) -> RenderInput:
        frame = neighbors.frame
        time = frame.time - self.shots.origin
        image = filled_bars(frame.image, frame.covered)
        palette = self.shots.palette_of(frame.index)
        given = FrameInput(image, self._motion(neighbors), frame.index, time, guides_of(frame), palette)
        return RenderInput(frame, given)

    def _motion(self, neighbors: _Neighbors) -> Motion | None:
        previous, keyframe, image = neighbors.previous, neighbors.keyframe, neighbors.frame.image
        if previous is None or self.flow is None:
            return None
        refers_further = keyframe is not None and keyframe is not previous
        to_keyframe = self.estimate(keyframe.image, image, self.flow) if keyframe and refers_further else None
        to_previous = self.estimate(previous.image, image, self.flow)
        return replace(to_previous, to_keyframe=to_keyframe, is_keyframe=neighbors.is_keyframe)


def guides_of(frame: Frame) -> dict[str, np.ndarray]:
    """The masks of a source's frame that the terms of L heed, float32 (H, W) in [0, 1] at the size of its image. Bars count as
    transparent: they take no part in the style."""
    if frame.alpha is None and frame.covered == WHOLE:
        return {}
    opaque = np.ones(frame.size, np.float32)
    if frame.alpha is not None:
        opaque = resize_float(frame.alpha / np.float32(np.iinfo(frame.alpha.dtype).max), frame.size).clip(0, 1)
    inside = np.zeros(frame.size, np.float32)
    inside[area(frame.size, frame.covered)] = 1
    return {PAINTED: opaque * inside}
