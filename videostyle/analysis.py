"""The quick first pass: which frames are painted, where shots begin, and which part of the clip that is."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from fractions import Fraction

import cv2
import numpy as np

from videostyle.config import Job, MeasureJob, TrainJob, parse_frames
from videostyle.errors import BadOption
from videostyle.frames import Frame, Size, Trim, VideoInfo
from videostyle.media.image_sources import frame_number
from videostyle.media.pixels import to_bits
from videostyle.media.resize import fit_size
from videostyle.media.sources import Source
from videostyle.temporal.cuts import ShotDetector

LOOKED_AT = 256  # longer side of the pictures that cuts are looked for in

TAIL = 3600  # seconds of sound after the last frame that are kept where the whole of a clip is shifted

CHANGED = 3 / 255  # of the range, in the mean over RGB: more than a still picture's noise, mostly


@dataclass(frozen=True)
class ShotList:
    """The frames of a source that a run paints. first: ordinal of the first; count: how many; starts: the ordinals that
    begin a shot, `first` among them; trim: the part of the source's clock, None where it is the whole source; change: the
    share of pixels that change from one frame to the next, on average."""

    first: int
    count: int
    starts: frozenset[int]
    trim: Trim | None
    change: float = field(default=1.0, compare=False)
    times: tuple[Fraction, ...] = field(default=(), compare=False)
    """Of each frame, in seconds on the source's clock: with them a shot can be rendered without the ones before it."""
    origin: Fraction = field(default=Fraction(0), compare=False)
    """Time of the source's first frame, whether it is rendered or not."""

    def __contains__(self, ordinal: int) -> bool:
        return self.first <= ordinal < self.first + self.count

    def shot_of(self, ordinal: int) -> int:
        """Which shot a frame belongs to, from 1."""
        return sum(start <= ordinal for start in self.starts)


class Selection:
    """--start, --duration and --frames: one interval, asked frame by frame in order."""

    def __init__(self, job: Job | MeasureJob | TrainJob, info: VideoInfo):
        self.start = Fraction(str(job.start))
        self.duration = None if job.duration is None else Fraction(str(job.duration))
        self.low, self.high = parse_frames(job.frames)
        self.by_name = info.kind == "folder"
        self.origin: Frame | None = None
        self.seen: Frame | None = None
        self.taken = 0

    def of(self, frames: Iterable[Frame]) -> Iterator[Frame]:
        """The frames inside; it ends at the first one behind the interval's end."""
        for frame in frames:
            self.origin, self.seen = self.origin or frame, frame
            if self._is_before(frame):
                continue
            if self._is_after(frame):
                return
            self.taken += 1
            yield frame

    def _number(self, frame: Frame) -> int:
        return frame_number(frame.name) if self.by_name else frame.index + 1

    def _seconds(self, frame: Frame) -> Fraction:
        """After the first frame."""
        assert self.origin is not None
        return frame.time - self.origin.time

    def _is_before(self, frame: Frame) -> bool:
        return self._seconds(frame) < self.start or (self.low is not None and self._number(frame) < self.low)

    def _is_after(self, frame: Frame) -> bool:
        if self.duration is not None and self._seconds(frame) >= self.start + self.duration:
            return True
        if self.high is None:
            return False
        return self.taken >= self.high if self.low is None else self._number(frame) > self.high

    def extent(self, all_seen: bool) -> str:
        """Which frames there are, as far as they have been seen."""
        assert self.origin is not None
        assert self.seen is not None
        if not all_seen:
            return f"options with a part in common of what is there from frame {self._number(self.origin)} on"
        numbers, end = (self._number(each) for each in (self.origin, self.seen)), self._seconds(self.seen)
        return "a part of frames {} to {}, which begin at 0 to {:g} s".format(*numbers, float(end))


class _Counted:
    """Passes frames on and remembers whether they came to their end."""

    def __init__(self, frames: Iterable[Frame]):
        self.frames, self.ended = frames, False

    def __iter__(self) -> Iterator[Frame]:
        yield from self.frames
        self.ended = True


def analyze(source: Source, job: Job | MeasureJob | TrainJob, tell: Callable[[int], None]) -> ShotList:
    """Decode the source once, small, and say what is to be painted or measured. tell: called with the count of frames so far.

    Raises BadOption where the selection holds no frame.
    """
    detector, starts = ShotDetector(), []
    changes: list[float] = []
    times: list[Fraction] = []
    first = last = None
    every, selection = _Counted(source.frames(_small(source.info.size))), Selection(job, source.info)
    for count, frame in enumerate(selection.of(every), 1):
        changes += [changed(last.image, frame.image)] if last else []
        first, last = first or frame, frame
        times.append(frame.time)
        starts += detector.push(to_bits(frame.image, 8))
        tell(count)
    if first is None or last is None:
        given = {"--start": job.start, "--duration": job.duration, "--frames": job.frames}
        asked = " ".join(f"{name} {value}" for name, value in given.items() if value)
        raise BadOption(
            f"no frame of {source.path} lies in what was asked for ({asked})", selection.extent(every.ended)
        )
    starts += detector.finish()
    whole = first.index == 0 and every.ended
    end, zero = last.time + last.duration, source.info.zero
    trim = (
        Trim(first.time, end) if source.info.kind == "video" and not whole else Trim(zero, end + TAIL) if zero else None
    )
    begin = frozenset({first.index, *(first.index + start for start in starts)})
    change = sum(changes) / max(1, len(changes))
    assert selection.origin is not None
    count = last.index - first.index + 1
    return ShotList(first.index, count, begin, trim, change, tuple(times), selection.origin.time)


def changed(before: np.ndarray, now: np.ndarray) -> float:
    """The share of pixels that change by more than CHANGED. before, now: uint8 or uint16 (H, W, 3)."""
    difference = cv2.absdiff(before, now).mean(axis=2)
    return float((difference > CHANGED * np.iinfo(now.dtype).max).mean())


def _small(size: Size) -> Size:
    return fit_size(size, min(LOOKED_AT, max(size)))
