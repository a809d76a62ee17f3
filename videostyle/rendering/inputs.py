"""The frames of a run with their motion, computed ahead of the stylizer in a thread."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, closing
from dataclasses import dataclass, replace
from fractions import Fraction

import numpy as np

from videostyle.analysis import ShotList
from videostyle.frames import Frame, Motion
from videostyle.losses.tiles import tiles_of
from videostyle.media.fit import filled_bars
from videostyle.media.prefetch import Prefetch
from videostyle.media.sources import Source
from videostyle.rendering.masks import MaskedFrame, RunMasks, same_guides
from videostyle.stylizers.base import FrameInput
from videostyle.temporal.consistency import estimate_motion, with_masks
from videostyle.temporal.flow import Flow
from videostyle.temporal.motion import KEYFRAME_INTERVAL, keyframe_before

AHEAD = 1  # frames decoded, and their flow computed, while one is stylized


@dataclass(frozen=True)
class RenderInput:
    """A frame of the source and what the stylizer is given of it."""

    clip: MaskedFrame
    """The source's frame with its masks."""
    frame: FrameInput
    """What the stylizer takes."""

    @property
    def source(self) -> Frame:
        """The source's frame at the working size, with its name, alpha and colors."""
        return self.clip.frame


@dataclass(frozen=True)
class PreviousFrame:
    """A frame that an earlier run stylized and that this run continues from."""

    picture: np.ndarray
    """The stylized frame, float32 (H, W, 3) in [0, 1]."""
    source: MaskedFrame
    """The source's frame."""


@dataclass(frozen=True)
class _Neighbors:
    """A frame with the ones that its motion is computed against."""

    frame: MaskedFrame
    previous: MaskedFrame | None
    """The frame before it; None at the start of a shot."""
    keyframe: MaskedFrame | None
    """The keyframe of its shot; None where there is none yet."""
    is_keyframe: bool
    """Whether the frame is the next ones' keyframe."""


class InputFrames:
    """The frames of a run, in order, as the stylizer takes them.

    flow: what the motion is estimated with; None where frames are stylized alone. masks: those of the run. estimate: the
    motion from an image to the next, both uint8 or uint16 (H, W, 3). values_at: what the options that change over time are in
    the shot of a number, so many seconds after the clip's first frame.
    """

    def __init__(
        self,
        source: Source,
        shots: ShotList,
        masks: RunMasks,
        flow: Flow | None,
        estimate: Callable[[np.ndarray, np.ndarray, Flow], Motion] = estimate_motion,
        values_at: Callable[[int, Fraction], Mapping[str, tuple[float, ...]]] = lambda shot, time: {},
    ):
        self.source, self.shots, self.masks, self.flow, self.estimate = source, shots, masks, flow, estimate
        self.values_at = values_at

    def after(self, done: int, previous: PreviousFrame | None = None) -> AbstractContextManager[Iterator[RenderInput]]:
        """The frames that follow the first `done` ones, computed ahead in a thread where memory allows it.

        previous: the frame before the run's first one, where the run continues from it.
        """
        neighbors = self._neighbors(self.shots.first + done, previous)
        # flow takes as much memory as the network's pass over a tile: not both at once
        if len(tiles_of(self.masks.size)) > 1:
            return closing(self._input(frame) for frame in neighbors)
        return Prefetch(neighbors, self._input, AHEAD)

    def _neighbors(self, first: int, previous_frame: PreviousFrame | None) -> Iterator[_Neighbors]:
        """The frames from ordinal `first` on. Decoding begins at the keyframe that `first` refers to."""
        start = max(ordinal for ordinal in self.shots.starts if ordinal <= first)
        # A previous frame from an earlier run is not there when this run is resumed: it is never a keyframe.
        keyframe, previous = None, previous_frame.source if previous_frame else None
        for frame in self.masks.frames(self.source, first if first == start else keyframe_before(first, start)):
            index = frame.frame.index
            if index not in self.shots:
                return
            if index in self.shots.starts and index != self.shots.first:
                keyframe = previous = None
            is_keyframe = keyframe is None or index - keyframe.frame.index >= KEYFRAME_INTERVAL
            if index >= first:
                yield _Neighbors(frame, previous, keyframe, is_keyframe)
            keyframe, previous = frame if is_keyframe else keyframe, frame

    def _input(self, neighbors: _Neighbors) -> RenderInput:
        clip, frame, previous = neighbors.frame, neighbors.frame.frame, neighbors.previous
        given = FrameInput(
            image=filled_bars(frame.image, frame.covered),
            motion=self._motion(neighbors),
            index=frame.index,
            time=frame.time - self.shots.origin,
            guides=clip.guides,
            palette=self.shots.palette_of(frame.index),
            values=self.values_at(self.shots.shot_of(frame.index), frame.time - self.shots.origin),
            same_guides=previous is None or same_guides(previous, clip),
        )
        return RenderInput(clip, given)

    def _motion(self, neighbors: _Neighbors) -> Motion | None:
        previous, keyframe, frame = neighbors.previous, neighbors.keyframe, neighbors.frame
        if previous is None or self.flow is None:
            return None
        refers_further = keyframe is not None and keyframe is not previous
        to_keyframe = self._between(keyframe, frame, self.flow) if keyframe and refers_further else None
        to_previous = self._between(previous, frame, self.flow)
        return replace(to_previous, to_keyframe=to_keyframe, is_keyframe=neighbors.is_keyframe)

    def _between(self, earlier: MaskedFrame, now: MaskedFrame, flow: Flow) -> Motion:
        """The motion from an earlier frame, consistent only where the masks are the same: a region's style stays in it."""
        motion = self.estimate(earlier.frame.image, now.frame.image, flow)
        return with_masks(motion, earlier.guides, now.guides)
