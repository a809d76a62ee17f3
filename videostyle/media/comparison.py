"""A video of a source and its stylized result: side by side, one below the other, or with a line that wipes between them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path

import numpy as np

from videostyle.frames import Frame, Size, Trim
from videostyle.media.encoding import lossless_encoder
from videostyle.media.image_sinks import output_name
from videostyle.media.image_sources import FOLDER_RATE
from videostyle.media.images import read_picture
from videostyle.media.output_paths import is_animation
from videostyle.media.pixels import BLACK, over, to_bits
from videostyle.media.resize import resize, resize_alpha
from videostyle.media.segment_writer import rate_of
from videostyle.media.sinks import open_sink
from videostyle.media.sources import AS_WRITTEN, open_source
from videostyle.media.workdir import WorkFolder
from videostyle.option_groups import ReadingOptions, TrackOptions
from videostyle.option_values import Comparison, parse_rate

WIPE_SECONDS = Fraction(6)
"""From the left edge to the right one and back; a shorter clip has it once."""

LINE = 160
"""The line of a wipe is one pixel wide for so many pixels of the picture's width, and at least one."""

EARLY = Fraction(1, 200)
"""Seconds by which a result's frame may come late, as GIF rounds them."""


@dataclass(frozen=True)
class Stylized:
    """A finished result, and what of its source it shows."""

    source: Path
    reading: ReadingOptions
    """How the source was read."""
    output: Path
    size: Size
    """(height, width) of the result."""
    first: int
    """Ordinal in the source of its first frame, from 0."""
    times: tuple[Fraction, ...]
    """Of its frames, in seconds on the source's clock."""
    trim: Trim | None
    """The part of the source's clock that it covers; None where it is the whole source."""
    tracks: TrackOptions
    """What goes into the video beside the film."""


def write_comparison(comparison: Comparison, stylized: Stylized, on_frame: Callable[[int], None]) -> list[str]:
    """Write the comparison; returns notices. on_frame: called with the number of frames so far; what it raises ends the work.

    Nothing is left behind where that fails. Raises RunFailed, BadInput or BadOutput.
    """
    layout, target = comparison
    with closing(open_source(stylized.source, stylized.reading)) as source, WorkFolder(target) as work:
        try:
            size = layout_size(layout, stylized.size)
            rate = parse_rate(stylized.reading.fps)
            settings = lossless_encoder(False) if is_animation(target, single=len(stylized.times) == 1) else None
            sink = open_sink(
                target, work, stylized.source, source.info, size, stylized.trim, rate, settings, stylized.tracks
            )
            sink.rehearse(stylized.times, lambda: None)
            for done, frame in enumerate(compared(layout, stylized), 1):
                sink.write(frame)
                on_frame(done)
            sink.finish()
        finally:
            work.remove()
    return sink.notices


def compared(layout: str, stylized: Stylized) -> Iterator[Frame]:
    """The frames of a comparison, uint8, at the times of the source."""
    times = stylized.times
    with (
        closing(open_source(stylized.source, stylized.reading)) as source,
        closing(source.frames(stylized.size, stylized.first)) as frames,
    ):
        folder_rate, _ = rate_of(source.info, parse_rate(stylized.reading.fps))
        results = results_of(stylized, FOLDER_RATE / folder_rate if folder_rate else Fraction(1))
        for number, frame in enumerate(frames):
            if number == len(times):
                return
            since = frame.time - times[0]
            share = wipe_place(since, times[-1] - times[0] + frame.duration) if layout == "wipe" else Fraction(0)
            image = composed(layout, plain(frame), results(frame, since), share)
            yield replace(frame, image=image, alpha=None)


def results_of(stylized: Stylized, pace: Fraction) -> Callable[[Frame, Fraction], np.ndarray]:
    """A function that takes the source's frames in order, with the seconds since the first, and returns the result of each.

    pace: seconds of the result for one of the source.
    """
    if stylized.output.is_dir():
        return lambda frame, since: fitted(read_picture(stylized.output / output_name(frame)).image, stylized.size)
    frames = open_source(stylized.output, AS_WRITTEN).frames(stylized.size)
    shown = next(frames)
    following, start = next(frames, None), shown.time

    def result(frame: Frame, since: Fraction) -> np.ndarray:
        nonlocal shown, following
        latest = start + (since + min(EARLY, frame.duration / 2)) * pace
        while following is not None and following.time <= latest:
            shown, following = following, next(frames, None)
        return plain(shown)

    return result


def plain(frame: Frame) -> np.ndarray:
    """A frame's image with 8 bits, over black where it is transparent."""
    image = to_bits(frame.image, 8)
    return image if frame.alpha is None else over(image, resize_alpha(frame.alpha, frame.size, image.dtype), BLACK)


def fitted(image: np.ndarray, size: Size) -> np.ndarray:
    """An image with 8 bits, at this size."""
    return resize(to_bits(image, 8), size)


def layout_size(layout: str, size: Size) -> Size:
    """(height, width) of a comparison of pictures of this size."""
    height, width = size
    return (height, 2 * width) if layout == "side" else (2 * height, width) if layout == "below" else size


def wipe_place(time: Fraction, duration: Fraction) -> Fraction:
    """Where the line stands, as a share of the width: at the left edge at time 0, and again every WIPE_SECONDS."""
    period = min(WIPE_SECONDS, duration) or WIPE_SECONDS
    phase = time / period % 1
    return 2 * phase if phase <= Fraction(1, 2) else 2 - 2 * phase


def composed(layout: str, source: np.ndarray, result: np.ndarray, share: Fraction) -> np.ndarray:
    """Both images as one: the source to the left of or above the result. share: of the width that a wipe gives the source."""
    if layout != "wipe":
        return np.concatenate([source, result], axis=1 if layout == "side" else 0)
    width = result.shape[1]
    line = max(1, width // LINE)
    place = round(share * (width + line)) - line  # the line comes in from outside, and goes out
    image = result.copy()
    image[:, : max(0, place)] = source[:, : max(0, place)]
    image[:, max(0, place) : max(0, place + line)] = 255
    return image
