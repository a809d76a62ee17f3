"""Segments: stretches of painted frames, each encoded by an encoder of its own.

No encoder can be stopped and resumed to the same bytes. One that is started afresh every 48 frames need not be: what a
segment becomes depends on its own frames alone, so a resumed run and an uninterrupted one write the same file.

A painted frame waits as a PNG and a finished segment as a NUT file. Their names carry their times, so that a listing of
the folder is all there is to know: `000012_6144_6656.png` is the run's 13th frame, shown from tick 6144 to tick 6656.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, NamedTuple

import av
import cv2
import numpy as np
from av.video.reformatter import ColorRange, Colorspace, Interpolation

from videostyle.errors import PaintingFailed
from videostyle.frames import Size

SEGMENT_FRAMES = 48
# A constant, not the machine's cores: the number of threads changes the bytes that an encoder writes.
ENCODER_THREADS = 4

# No B-frames (bf=0). With them decoding times run ahead of showing times by a delay that each encoder would count from
# its own first frame, before the last frames of the segment in front: joined, decoding time would run backwards.
H264 = ("libx264", {"preset": "medium", "crf": "16", "bf": "0"})
VP9 = ("libvpx-vp9", {"crf": "24", "b": "0", "deadline": "good", "cpu-used": "4", "row-mt": "1"})


class Colour(NamedTuple):
    """How RGB becomes YUV, as code points of ITU-T H.273; the range is always the limited one."""

    matrix: int
    primaries: int
    transfer: int


BT709 = Colour(1, 1, 1)
BT601 = Colour(6, 6, 6)


@dataclass(frozen=True)
class Encoding:
    """How every segment of a run is encoded.

    codec: the encoder's name and options. size: (height, width), both even. tick: seconds. rate: frames a second, a
    hint to the encoder. sample_aspect: width over height of one pixel.
    """

    codec: tuple[str, dict[str, str]]
    size: Size
    tick: Fraction
    rate: Fraction
    sample_aspect: Fraction
    colour: Colour


class Span(NamedTuple):
    """The times a file's name carries: from tick `start` up to tick `end`."""

    number: int
    start: int
    end: int

    @classmethod
    def of(cls, path: Path) -> Span:
        return cls(*map(int, path.stem.split("_")))

    def file(self, folder: Path, suffix: str) -> Path:
        return folder / f"{self.number:06d}_{self.start}_{self.end}{suffix}"


def next_span(before: Span | None, start: Fraction, end: Fraction, tick: Fraction) -> Span:
    """Where a frame shown from `start` to `end` (seconds) goes: the nearest ticks, but after the frame before it."""
    number, first = 0, round(start / tick)
    if before is not None:
        number, first = before.number + 1, max(first, before.start + 1)
    return Span(number, first, max(first + 1, round(end / tick)))


def encode_segment(pictures: list[Path], folder: Path, encoding: Encoding) -> Path:
    """Encodes these PNGs (of one `encoding.size`, named by their spans, in order) into one file in `folder`.

    Returns that file; it appears whole or not at all. Holds one picture at a time, beside what the encoder holds.
    """
    first, last = Span.of(pictures[0]), Span.of(pictures[-1])
    path = Span(first.number, first.start, last.end).file(folder, ".nut")
    temporary = path.with_suffix(".part")
    with temporary.open("wb") as file, av.open(file, "w", format="nut") as container:
        stream = _painted_stream(container, encoding)
        for picture in pictures:
            container.mux(stream.encode(_yuv_frame(picture, encoding)))
        container.mux(stream.encode(None))
    os.replace(temporary, path)
    return path


@contextmanager
def open_container(path: Path) -> Iterator[Any]:
    """The file opened for reading; its name is taken literally, never as a protocol or a pattern."""
    with path.open("rb") as file, av.open(file, "r") as container:
        yield container


def _painted_stream(container: Any, encoding: Encoding) -> Any:
    name, options = encoding.codec
    height, width = encoding.size
    stream = container.add_stream(name, rate=encoding.rate, width=width, height=height, options=dict(options))
    stream.pix_fmt = "yuv420p"
    stream.codec_context.time_base = encoding.tick
    stream.codec_context.thread_count = ENCODER_THREADS
    stream.codec_context.thread_type = "FRAME"  # x264 would cut every frame into slices otherwise
    tag_stream(stream, encoding)
    return stream


def tag_stream(stream: Any, encoding: Encoding) -> None:
    """Says on an output stream how its colours and its pixels' shape are to be read."""
    stream.color_range = ColorRange.MPEG.value
    stream.colorspace, stream.color_primaries, stream.color_trc = encoding.colour
    stream.sample_aspect_ratio = encoding.sample_aspect


def _yuv_frame(picture: Path, encoding: Encoding) -> av.VideoFrame:
    pixels = cv2.imdecode(np.fromfile(picture, np.uint8), cv2.IMREAD_UNCHANGED)
    if pixels is None:
        raise OSError(0, f"{picture.name} is damaged")
    rgb: Any = cv2.cvtColor(pixels, cv2.COLOR_BGR2RGB)
    frame = av.VideoFrame.from_ndarray(rgb, format="rgb24" if rgb.dtype == np.uint8 else "rgb48le")
    frame = frame.reformat(
        format="yuv420p",
        dst_colorspace=Colorspace.ITU709 if encoding.colour.matrix == BT709.matrix else Colorspace.ITU601,
        src_color_range=ColorRange.JPEG,
        dst_color_range=ColorRange.MPEG,
        interpolation=Interpolation.AREA | Interpolation.ACCURATE_RND | Interpolation.FULL_CHR_H_INP,
    )
    frame.pts, frame.time_base = Span.of(picture).start, encoding.tick
    return frame


def joined_packets(segments: list[Path], tick: Fraction) -> Iterator[Any]:
    """The packets of the segments one after another, times and exact durations in ticks.

    A packet lasts until the next one, the last until its segment's end. Holds two packets at a time. Raises
    PaintingFailed where a segment was not encoded like the first: one stream's header could not speak for both.
    """
    held: Any = None
    header = None
    for number, path in enumerate(segments):
        with open_container(path) as container:
            stream = container.streams.video[0]
            if number == 0:
                header = stream.codec_context.extradata
            if stream.codec_context.extradata != header:
                raise PaintingFailed(f"{path.name} was encoded unlike the segments before it", todo="paint again")
            for packet in container.demux(stream):
                if packet.size == 0:
                    continue
                start = round(packet.pts * packet.time_base / tick)
                packet.pts = packet.dts = start
                packet.time_base = tick
                if held is not None:
                    held.duration = start - held.pts
                    yield held
                held = packet
    if held is not None:
        held.duration = Span.of(segments[-1]).end - held.pts
        yield held
