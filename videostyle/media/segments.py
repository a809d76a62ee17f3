"""Segments: stretches of painted frames, each encoded by an encoder of its own.

No encoder can be stopped and resumed to the same bytes. One that is started afresh every 48 frames need not be: what a
segment becomes depends on its own frames alone, so a resumed run and an uninterrupted one write the same file.

A painted frame waits as a PNG and a finished segment as a NUT or MOV file, whose own clock begins at 0. Their names
carry their times, so that a listing of the folder is all there is to know: `000012_6144_6656.png` is the run's 13th frame,
shown from tick 6144 to tick 6656.
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any, NamedTuple

import av
import cv2
import numpy as np

from videostyle.errors import RunFailed
from videostyle.media.color.encode import video_frame
from videostyle.media.encoding import Encoding, add_video_stream
from videostyle.media.tracks import open_container
from videostyle.media.workdir import synced

SEGMENT_FRAMES = 48


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
    # NUT keeps every clock; ProRes it cannot hold
    form = "mov" if encoding.settings.encoder == "prores_ks" else "nut"
    path = Span(first.number, first.start, last.end).file(folder, f".{form}")
    with synced(path) as file, av.open(file, "w", format=form) as container:
        stream = add_video_stream(container, encoding)
        for picture in pictures:
            container.mux(stream.encode(_read_frame(picture, first.start, encoding)))
        container.mux(stream.encode(None))
    return path


def _read_frame(picture: Path, start: int, encoding: Encoding) -> av.VideoFrame:
    bgr = cv2.imdecode(np.fromfile(picture, np.uint8), cv2.IMREAD_UNCHANGED)
    if bgr is None:
        raise OSError(0, f"{picture.name} is damaged")
    frame = video_frame(cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB), encoding.settings.pix_fmt, encoding.color)
    frame.pts, frame.time_base = Span.of(picture).start - start, encoding.tick
    return frame


def joined_packets(segments: list[Path], tick: Fraction) -> Iterator[Any]:
    """The packets of the segments one after another, times and exact durations in ticks.

    A packet lasts until the next one, the last until its segment's end. Holds two packets at a time. Raises
    RunFailed where a segment was not encoded like the first: one stream's header could not speak for both.
    """
    held: Any = None
    header = None
    for number, path in enumerate(segments):
        with open_container(path) as container:
            stream = container.streams.video[0]
            if number == 0:
                header = stream.codec_context.extradata
            if stream.codec_context.extradata != header:
                raise RunFailed(f"{path.name} was encoded unlike the segments before it", todo="paint again")
            for packet in container.demux(stream):
                if packet.size == 0:
                    continue
                assert packet.pts is not None, "an encoder gave every packet its time"
                start = Span.of(path).start + round(packet.pts * packet.time_base / tick)
                packet.pts = packet.dts = start
                packet.time_base = tick
                if held is not None:
                    held.duration = start - held.pts
                    yield held
                held = packet
    if held is not None:
        held.duration = Span.of(segments[-1]).end - held.pts
        yield held
