"""The frames of a run with their motion, computed ahead of the stylizer in a thread."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, closing
from dataclasses import dataclass, replace

import numpy as np

from videostyle.analysis import ShotList
from videostyle.frames import Frame, Motion, Size
from videostyle.losses.tiles import tiles_of
from videostyle.media.prefetch import Prefetch
from videostyle.media.sources import Source
from videostyle.temporal.consistency import motion
from videostyle.temporal.flow import Flow
from videostyle.temporal.motion import KEYFRAME_INTERVAL, keyframe_before

AHEAD = 1  # frame decoded, and its flow computed, while one is painted


@dataclass(frozen=True)
class Task:
    """A source frame at the working size, and how it continues the one before; motion is None where it begins a shot."""

    frame: Frame
    motion: Motion | None


@dataclass(frozen=True)
class Step:
    """A source frame with the one before it and its keyframe, None at a shot's start.

    is_keyframe: whether it is the next frames' keyframe."""

    keyframe: Frame | None
    last: Frame | None
    frame: Frame
    is_keyframe: bool


@dataclass(frozen=True)
class Before:
    """A frame painted by an earlier run, which this run continues. painted: float32 (H, W, 3) in [0, 1]."""

    painted: np.ndarray
    frame: Frame


def tasks(
    source: Source, clip: ShotList, size: Size, flow: Flow | None, before: Before | None, done: int
) -> AbstractContextManager[Iterator[Task]]:
    """The clip's frames in order but for those that are done, worked out ahead in a thread but for the largest."""
    following = clip.first + done
    start = max(each for each in clip.starts if each <= following)
    # a frame painted by an earlier run is not there when this one is resumed, so that it is never an keyframe
    begin = following if following == start else keyframe_before(following, start)

    def steps() -> Iterator[Step]:
        keyframe, last = None, before.frame if before else None
        for frame in source.frames(size, begin):
            if frame.index not in clip:
                return
            if frame.index in clip.starts and frame.index != clip.first:
                keyframe = last = None
            is_keyframe = keyframe is None or frame.index - keyframe.index >= KEYFRAME_INTERVAL
            if frame.index >= following:
                yield Step(keyframe, last, frame, is_keyframe)
            keyframe, last = frame if is_keyframe else keyframe, frame

    def prepare(step: Step) -> Task:
        image, last, keyframe = step.frame.image, step.last, step.keyframe
        if last is None or flow is None:
            return Task(step.frame, None)
        long = None if keyframe is None or keyframe is last else motion(keyframe.image, image, flow)
        return Task(
            step.frame, replace(motion(last.image, image, flow), to_keyframe=long, is_keyframe=step.is_keyframe)
        )

    if len(tiles_of(size)) > 1:  # a flow takes as much memory as a tile's pass: not both at once
        return closing(prepare(step) for step in steps())
    return Prefetch(steps(), prepare, AHEAD)
