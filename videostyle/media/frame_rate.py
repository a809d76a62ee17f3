"""Fewer frames a second of a clip (--fps): those that are kept have their own times."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from typing import TypeVar

from videostyle.frames import Frame
from videostyle.media.interlacing import TimedFrame

ROUNDING = Fraction(1, 1000)
"""Seconds by which a time may be off in a container that counts milliseconds."""

Timed = TypeVar("Timed", Frame, TimedFrame)


def thinned(frames: Iterator[Timed], rate: Fraction | None) -> Iterator[Timed]:
    """Of frames with their durations, the first at or after each k/rate seconds, counted from the first frame; None: all.

    Those that are kept last until the next one that is kept, the last until the end of all.
    """
    if rate is None:
        yield from frames
        return
    kept: Timed | None = None
    origin = due = end = Fraction(0)
    for frame in frames:
        origin = frame.time if kept is None else origin
        elapsed = frame.time - origin + ROUNDING
        if kept is None or elapsed >= due:
            if kept is not None:
                yield replace(kept, duration=frame.time - kept.time)
            kept, due = frame, (math.floor(elapsed * rate) + 1) / rate
        end = frame.time + frame.duration
    if kept is not None:
        yield replace(kept, duration=end - kept.time)
