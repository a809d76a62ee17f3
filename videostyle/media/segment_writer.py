"""Takes frames one by one and makes segments of them: what all outputs with a clock have in common."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import numpy as np

from videostyle.errors import BadOutput
from videostyle.frames import Frame, Size, Trim, VideoInfo
from videostyle.media.encoding import EncoderSettings, Encoding
from videostyle.media.image_sources import FOLDER_RATE
from videostyle.media.images import picture_bytes
from videostyle.media.resize import resize
from videostyle.media.segments import SEGMENT_FRAMES, Span, can_continue, encode_segment, next_span
from videostyle.media.workdir import WorkFolder, write_atomically, writing


class SegmentWriter:
    """Frames wait as PNGs in the work folder and become segments. The methods that a sink has too are as described there.

    size: of the frames. trim: the part of the source's clock that the output covers. rate: frames per second of a folder,
    which has no clock; None where the source has one.
    """

    def __init__(self, work: WorkFolder, encoding: Encoding, size: Size, trim: Trim | None, rate: Fraction | None):
        self.segments: list[Path] = []
        """All segments so far, in order."""
        self._work, self._encoding, self._size, self._trim, self._rate = work, encoding, size, trim, rate
        self._last: Span | None = None
        self._first: Fraction | None = None  # the first frame's time on the source's clock
        self._waiting: list[Path] = []  # the frames of the open segment
        self._newest: list[Path] = []  # the last frame of the segment before it
        with writing(work.output):
            self._frames, self._encoded = work.folder("pictures"), work.folder("segments")

    def spans(self, times: Sequence[Fraction]) -> list[Span]:
        """The spans of frames that come at these times on the source's clock, the first one of the run among them."""
        spans: list[Span] = []
        ends = [*times[1:], times[-1] + 1 / (FOLDER_RATE if self._rate else self._encoding.rate)]
        for time, following in zip(times, ends, strict=True):
            start, end = self._on_output_clock(time, following)
            spans.append(next_span(spans[-1] if spans else None, start, end, self._encoding.tick))
        return spans

    def write(self, frame: Frame) -> None:
        if frame.size != self._size:
            raise ValueError(f"a frame of {frame.size}, not {self._size}")
        if frame.alpha is not None and not self._encoding.settings.alpha:
            raise ValueError("a transparent frame for a video without alpha")
        start, end = self._on_output_clock(frame.time, frame.time + frame.duration)
        self._last = next_span(self._last, start, end, self._encoding.tick)
        path = self._last.file(self._frames, ".png")
        alpha = None if frame.alpha is None else self._fitted(frame.alpha)
        with writing(self._work.output):
            png = picture_bytes(self._fitted(frame.image), alpha, ".png")
            write_atomically(path, png)
            self._work.show_preview(png)
        self._waiting.append(path)
        if len(self._waiting) == SEGMENT_FRAMES:
            self.end_segment()

    def _on_output_clock(self, start: Fraction, end: Fraction) -> tuple[Fraction, Fraction]:
        """When a frame appears and disappears, in seconds on the output's clock."""
        if self._first is None:
            self._first = start
        if self._rate:
            pace = FOLDER_RATE / self._rate
            return (start - self._first) * pace, (end - self._first) * pace
        zero = self._trim.start if self._trim else 0
        return start - zero, end - zero

    def _fitted(self, image: np.ndarray) -> np.ndarray:
        """An image or alpha at the encoded size: wider for square pixels, less one row or column where chroma needs it."""
        height, width = self._encoding.size
        if width not in (image.shape[1], image.shape[1] - 1):
            image = resize(image, (image.shape[0], width))
        return image[:height, :width]

    def end_segment(self) -> None:
        if not self._waiting:
            return
        with writing(self._work.output):
            self.segments.append(encode_segment(self._waiting, self._encoded, self._encoding))
        self._newest, self._waiting = self._waiting[-1:], []

    def files(self) -> list[Path]:
        """The segments and the frames of the open one; where it has none the last frame, on whose time the next depends."""
        return [*self.segments, *(self._waiting or self._newest)]

    def resume(self, files: list[Path], times: list[Fraction]) -> None:
        self.segments = [path for path in files if path.parent == self._encoded]
        frames = [path for path in files if path.parent == self._frames]
        encoded = Span.of(self.segments[-1]).end if self.segments else None
        self._waiting = [path for path in frames if encoded is None or Span.of(path).start >= encoded]
        self._newest, self._last = frames[-1:], Span.of(frames[-1])
        self._first = times[0]
        with writing(self._work.output):
            fits = not self.segments or can_continue(self.segments[-1], frames[-1], self._encoding)
        if not fits:
            encoder, output = self._encoding.settings.encoder, self._work.output
            problem = f"{output} was begun with another version of {encoder}, and one file cannot hold both"
            raise BadOutput(
                problem, todo="finish it with the version of av that began it, or add --restart to start over"
            )


def encoded_size(
    output: Path, size: Size, info: VideoInfo, settings: EncoderSettings, keeps_aspect: bool
) -> tuple[Size, Fraction, list[str]]:
    """(height, width) that frames of this size are encoded at, the shape of their pixels, and what the user should know.

    keeps_aspect: whether the format has pixels that are not square. Raises BadOutput where the encoder takes no such size.
    """
    height, width = size
    aspect, notices = info.sample_aspect, []
    if aspect != 1 and not keeps_aspect:
        width, aspect = round(width * aspect), Fraction(1)
        name = output.suffix.lower()[1:]
        notices.append(f"{name} has square pixels only: the picture is written {width} pixels wide")
    rows, columns = settings.sides
    height, width = height // rows * rows, width // columns * columns
    if min(height, width) < settings.smallest_side:
        problem = f"{output}: {settings.encoder} cannot encode {width}x{height} pixels"
        raise BadOutput(problem, f"sides of {settings.smallest_side} pixels or more")
    return (height, width), aspect, notices


def rate_of(info: VideoInfo, rate: Fraction | None) -> tuple[Fraction | None, list[str]]:
    """The rate of a folder that has no clock, as asked for or else FOLDER_RATE, None for a clip; and a notice of it."""
    if info.time_base is not None:
        return None, []
    used = rate or FOLDER_RATE
    return used, [f"a folder of frames has no clock: written at {float(used):g} frames per second"]
