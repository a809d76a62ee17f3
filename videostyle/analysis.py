"""The first pass over a source: which frames are selected, where shots begin, and how much changes from frame to frame."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from fractions import Fraction
from pathlib import Path
from typing import Protocol

import cv2
import numpy as np

from videostyle.errors import BadOption
from videostyle.frames import Frame, Size, Trim, VideoInfo, area
from videostyle.media.pixels import to_bits
from videostyle.media.resize import fit_size, resize_alpha
from videostyle.media.sources import Source
from videostyle.option_groups import SelectionOptions
from videostyle.option_values import parse_frames
from videostyle.palettes import ColorSums, Palette, palette_of, sums_of
from videostyle.schedules import Schedule, Timeline
from videostyle.temporal.cuts import ShotDetector

ANALYSIS_SIZE = 256  # longer side of the decoded frames in pixels

TAIL = 3600  # seconds after the last frame in which sound is kept where a whole source is shifted to time 0

PALETTE_FRAMES = 8  # of a shot, from its first one on, in which its colors are taken

CHANGED = 3 / 255  # difference in the mean over RGB, as a share of the range; mostly above the noise of a still picture


@dataclass(frozen=True)
class ShotList:
    """The selected frames of a source, divided into shots."""

    first: int
    """Ordinal in the source of the first selected frame, from 0."""
    count: int
    """Number of selected frames, which follow one another."""
    starts: frozenset[int]
    """Ordinals in the source of the frames that start a shot, `first` among them."""
    trim: Trim | None
    """The part of the source's clock that the output covers; None where it is the whole source."""
    change: float = field(default=1.0, compare=False)
    """Share of the pixels that change from a frame to the next, in [0, 1], on average."""
    times: tuple[Fraction, ...] = field(default=(), compare=False)
    """Of each frame, in seconds on the source's clock: with them a shot can be rendered without the ones before it."""
    origin: Fraction = field(default=Fraction(0), compare=False)
    """Time of the source's first frame in seconds, whether it is selected or not."""
    transparent: bool = field(default=False, compare=False)
    """Whether any frame is transparent in places."""
    begun: tuple[int, ...] = field(default=(0,), compare=False)
    """Ordinals in the source of the frames that start a shot up to `first`: the last of them starts the shot of `first`."""
    palettes: Mapping[int, Palette | None] = field(default_factory=dict, compare=False)
    """The colors of each shot, by the ordinal in the source of its first frame; empty where they were not asked for."""

    timeline: Timeline = field(default=Timeline((), (0,), Fraction(0)), compare=False)
    """Of the source from its first frame to as far as it was read, which may be beyond the selection."""

    def __contains__(self, ordinal: int) -> bool:
        return self.first <= ordinal < self.first + self.count

    def shot_of(self, ordinal: int) -> int:
        """The number of the shot that a selected frame belongs to, from 1 over the whole source."""
        return len(self.begun) - 1 + sum(start <= ordinal for start in self.starts)

    @property
    def numbers(self) -> range:
        """The numbers of the shots that the selected frames belong to, from 1 over the whole source."""
        return range(len(self.begun), len(self.begun) + len(self.starts))

    def only(self, ordinal: int) -> ShotList:
        """The selected frame with this ordinal in the source alone, as `--frames` selects it."""
        begun = sorted({*self.begun, *(start for start in self.starts if start <= ordinal and start != self.first)})
        time = self.times[ordinal - self.first]
        return replace(self, first=ordinal, count=1, starts=frozenset({ordinal}), begun=tuple(begun), times=(time,))

    def palette_of(self, ordinal: int) -> Palette | None:
        """The colors of the shot that a frame belongs to; None where they were not asked for."""
        begun = [start for start in self.palettes if start <= ordinal]
        return self.palettes[max(begun)] if begun else None


class Selection:
    """Picks the frames inside the one interval that --start, --duration and --frames define together."""

    def __init__(self, options: SelectionOptions, info: VideoInfo):
        given = {"--start": options.start, "--duration": options.duration, "--frames": options.frames}
        self._given = [f"{name} {value}" for name, value in given.items() if value]
        self._start = _exactly(options.start)
        self._end = None if options.duration is None else self._start + _exactly(options.duration)
        self._low, self._high = parse_frames(options.frames)
        self._taken = 0
        self._last: Frame | None = None
        self.origin: Frame | None = None
        """The source's first frame."""
        self.beyond = 0
        """Frames after the interval so far."""
        self.transparent = False
        """Whether any frame inside the interval is transparent in places."""
        self.times: list[Fraction] = []
        """Of all frames so far, on the source's clock."""

    @property
    def reached_end(self) -> bool:
        """Whether the source, once it was read, has no frame after the selection."""
        return not self.beyond

    def of(self, frames: Iterable[Frame]) -> Iterator[tuple[Frame, bool]]:
        """Every frame, and whether it is inside the interval."""
        for frame in frames:
            self.origin, self._last = self.origin or frame, frame
            self.times.append(frame.time)
            is_before = self._is_before(frame)
            if self.beyond or (not is_before and self._is_after(frame)):
                self.beyond += 1
                yield frame, False
            else:
                self._taken += not is_before
                self.transparent |= not is_before and frame.alpha is not None
                yield frame, not is_before

    def _seconds(self, frame: Frame) -> Fraction:
        """Seconds after the source's first frame."""
        assert self.origin is not None
        return frame.time - self.origin.time

    def _is_before(self, frame: Frame) -> bool:
        return self._seconds(frame) < self._start or (self._low is not None and frame.number < self._low)

    def _is_after(self, frame: Frame) -> bool:
        if self._end is not None and self._seconds(frame) >= self._end:
            return True
        if self._high is None:
            return False
        return self._taken >= self._high if self._low is None else frame.number > self._high

    def has_passed(self, shots: int, schedules: Sequence[Schedule]) -> bool:
        """Whether all keys lie before the newest frame. shots: how many are known to have begun by then."""
        return all(each.is_reached(len(self.times) - 2, self.times[-2] - self.times[0], shots) for each in schedules)

    def timeline(self, starts: Sequence[int]) -> Timeline:
        """Of the source as far as it was read. starts: the ordinals of the frames that start a shot."""
        assert self._last is not None
        first, end = self.times[0], self._last.time + self._last.duration
        return Timeline(tuple(time - first for time in self.times), tuple(starts), end - first)

    def empty(self, path: Path) -> BadOption:
        """The error for a selection that holds no frame: what was given, and which frames there are."""
        assert self.origin is not None
        assert self._last is not None
        first, last = self.origin.number, self._last.number
        if self.reached_end:
            extent = f"its frames have the numbers {first} to {last} and begin at 0 to {float(self._seconds(self._last)):g} s"
        else:
            extent = f"its first frame has the number {first}"
        together = " together" if len(self._given) > 1 else ""
        return BadOption(f"no frame of {path} is selected by {' and '.join(self._given)}{together}", todo=extent)


def _exactly(seconds: float) -> Fraction:
    """The decimal number that was meant: 0.1 as 1/10."""
    return Fraction(str(float(seconds)))


class Cuts(Protocol):
    """Says which frames of a source start a shot, at most `lookahead` frames later."""

    lookahead: int

    def push(self, frame: Frame) -> list[int]:
        """Take the next frame; the ordinals of frames, up to this one, that start a shot."""

    def finish(self, is_whole: bool) -> list[int]:
        """The same of the last frames. is_whole: whether the source ends here; else nothing after it is read."""


class DetectedCuts:
    """Cuts where frames differ. See `Cuts`."""

    lookahead = ShotDetector.lookahead

    def __init__(self) -> None:
        self.detector = ShotDetector()

    def push(self, frame: Frame) -> list[int]:
        return self.detector.push(to_bits(frame.image, 8))

    def finish(self, is_whole: bool) -> list[int]:
        return self.detector.finish()


OnFrame = Callable[[int], None]


def analyze(
    source: Source,
    options: SelectionOptions,
    on_frame: OnFrame,
    with_palettes: bool = False,
    given: Cuts | None = None,
    schedules: Sequence[Schedule] = (),
) -> ShotList:
    """Decode the source once at a small size, select frames, and detect cuts.

    A part has the cuts and shot numbers of the whole. on_frame: called with the number of selected frames so far.
    with_palettes: whether the colors of each shot's first PALETTE_FRAMES are wanted, selected or not. given: cuts in place of
    detected ones. schedules: the source is read up to their last keys. Raises BadOption if no frame is selected.
    """
    detector, cuts = given or DetectedCuts(), {0}
    changes: list[float] = []
    colors: list[ColorSums] = []
    first = last = None
    selection, needed = Selection(options, source.info), detector.lookahead + PALETTE_FRAMES * with_palettes
    with closing(source.frames(_analysis_size(source.info.size))) as frames:
        for frame, is_selected in selection.of(frames):
            if selection.beyond > needed and selection.has_passed(len(cuts), schedules):
                break
            cuts.update(detector.push(frame))
            colors += [colors_in(frame)] if with_palettes else []
            if is_selected:
                changes += [changed_share(last.image, frame.image)] if last else []
                first, last = first or frame, frame
                on_frame(last.index - first.index + 1)
    if first is None or last is None or selection.origin is None:
        raise selection.empty(source.path)
    cuts.update(detector.finish(selection.reached_end))
    return ShotList(
        first=first.index,
        count=last.index - first.index + 1,
        starts=frozenset({first.index, *(cut for cut in cuts if first.index < cut <= last.index)}),
        trim=_trim(source.info, first, last, is_whole=first.index == 0 and selection.reached_end),
        change=sum(changes) / max(1, len(changes)),
        times=tuple(selection.times[first.index : last.index + 1]),
        origin=selection.origin.time,
        timeline=selection.timeline(sorted(cuts)),
        transparent=selection.transparent,
        begun=tuple(sorted(cut for cut in cuts if cut <= first.index)),
        palettes=_palettes(sorted(cuts), colors),
    )


def colors_in(frame: Frame) -> ColorSums:
    """The colors of a frame, without bars, and of transparent places in part."""
    inside = area(frame.size, frame.covered)
    if frame.alpha is None:
        return sums_of(frame.image[inside])
    opacity = resize_alpha(frame.alpha, frame.size, frame.image.dtype)
    return sums_of(frame.image[inside], opacity[inside] / np.iinfo(opacity.dtype).max)


def _palettes(cuts: list[int], colors: list[ColorSums]) -> dict[int, Palette | None]:
    """The colors of the shots that begin at these ordinals. colors: of each frame; empty where they are not wanted."""
    if not colors:
        return {}
    ends = [*cuts[1:], len(colors)]
    return {cut: palette_of(colors[cut : min(end, cut + PALETTE_FRAMES)]) for cut, end in zip(cuts, ends, strict=True)}


def _trim(info: VideoInfo, first: Frame, last: Frame, is_whole: bool) -> Trim | None:
    end = last.time + last.duration
    if info.time_base is not None and not is_whole:
        return Trim(first.time, end)
    return Trim(info.zero, end + TAIL) if info.zero else None


def changed_share(before: np.ndarray, after: np.ndarray) -> float:
    """The share of pixels, in [0, 1], that differ by more than CHANGED. before, after: uint8 or uint16 (H, W, 3)."""
    difference = cv2.absdiff(before, after).mean(axis=2)
    return float((difference > CHANGED * np.iinfo(after.dtype).max).mean())


def _analysis_size(size: Size) -> Size:
    return fit_size(size, min(ANALYSIS_SIZE, max(size)))
