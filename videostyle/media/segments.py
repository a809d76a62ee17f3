"""Segments: runs of consecutive stylized frames, each encoded by an encoder of its own.

No encoder can be stopped and resumed to the same bytes. Here each one encodes only one segment, of at most 48 frames, and
what it writes depends on these frames alone: a resumed run writes the same file as an uninterrupted one.

The frames of the open segment wait as PNGs. A full segment is a NUT, MOV or Matroska file, whose own clock begins at 0. The
name of each file carries its times, so that a listing of the folder is all that resuming needs: `000012_6144_6656.png` is
the 13th frame of the run, shown from tick 6144 to tick 6656.
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

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
    """The part of a run that a file holds, as its name says."""

    number: int
    """Ordinal of its first frame in the run, from 0."""
    start: int
    """In ticks of the output."""
    end: int
    """In ticks; it is not part of the span."""

    @classmethod
    def of(cls, path: Path) -> Span:
        return cls(*map(int, path.stem.split("_")))

    def file(self, folder: Path, suffix: str) -> Path:
        return folder / f"{self.number:06d}_{self.start}_{self.end}{suffix}"


def next_span(before: Span | None, start: Fraction, end: Fraction, tick: Fraction) -> Span:
    """The span of a frame shown from `start` to `end` (seconds): the nearest ticks, but later than the frame before it."""
    number, first = 0, round(start / tick)
    if before is not None:
        number, first = before.number + 1, max(first, before.start + 1)
    return Span(number, first, max(first + 1, round(end / tick)))


def encode_segment(frames: list[Path], folder: Path, encoding: Encoding) -> Path:
    """Encode PNGs (of size `encoding.size`, named by their spans, in order) into a file in `folder`, which is returned.

    The file appears complete or not at all. One frame is in memory at a time, besides those in the encoder.
    """
    first, last = Span.of(frames[0]), Span.of(frames[-1])
    form = segment_format(encoding)
    path = Span(first.number, first.start, last.end).file(folder, f".{form}")
    with synced(path) as file, av.open(file, "w", format=form) as container:
        stream = add_video_stream(container, encoding)
        for frame in frames:
            container.mux(stream.encode(_read_frame(frame, first.start, encoding)))
        container.mux(stream.encode(None))
    return path


def segment_format(encoding: Encoding) -> str:
    """FFmpeg's name of the container of a segment: NUT, which stores timestamps of any unit, but not ProRes, and no alpha
    beside the packets. Matroska does, in milliseconds, as do the outputs with such alpha."""
    if encoding.settings.alpha_beside:
        return "matroska"
    return "mov" if encoding.settings.encoder == "prores_ks" else "nut"


def _read_frame(path: Path, start: int, encoding: Encoding) -> av.VideoFrame:
    bgr = cv2.imdecode(np.fromfile(path, np.uint8), cv2.IMREAD_UNCHANGED)
    if bgr is None:
        raise OSError(0, f"{path.name} is damaged")
    image, alpha = cv2.cvtColor(bgr[..., :3], cv2.COLOR_BGR2RGB), bgr[..., 3] if bgr.shape[2] == 4 else None
    frame = video_frame(image, encoding.settings.pix_fmt, encoding.color, alpha)
    frame.pts, frame.time_base = Span.of(path).start - start, encoding.tick
    return frame


def can_continue(segment: Path, frame: Path, encoding: Encoding) -> bool:
    """Whether new segments can follow a finished one in a file: both have the same stream header.

    frame: any PNG of the run, to try the encoder with. Another version of the encoder may write another header.
    """
    with TemporaryDirectory(dir=segment.parent) as folder:
        headers = []
        for path in (segment, encode_segment([frame], Path(folder), encoding)):
            with open_container(path) as container:
                headers.append(container.streams.video[0].codec_context.extradata)
    return headers[0] == headers[1]


def joined_packets(segments: list[Path], tick: Fraction) -> Iterator[av.Packet]:
    """The packets of the segments one after another, with their times and exact durations in ticks.

    A packet lasts until the next one, the last until its segment's end. Two packets are in memory at a time. Raises
    RunFailed where a segment was not encoded like the first one: they share one stream header.
    """
    waiting: av.Packet | None = None
    start, header = 0, None
    for number, path in enumerate(segments):
        with open_container(path) as container:
            stream = container.streams.video[0]
            if number == 0:
                header = stream.codec_context.extradata
            if stream.codec_context.extradata != header:
                problem = f"{path.name} was encoded with other settings than the segments before it"
                raise RunFailed(problem, todo="add --restart to stylize the clip again")
            for packet in container.demux(stream):
                if packet.size == 0:
                    continue
                assert packet.pts is not None, "the encoder gave every packet a time"
                before, start = start, Span.of(path).start + round(packet.pts * packet.time_base / tick)
                packet.pts = packet.dts = start
                packet.time_base = tick
                if waiting is not None:
                    waiting.duration = start - before
                    yield waiting
                waiting = packet
    if waiting is not None:
        waiting.duration = Span.of(segments[-1]).end - start
        yield waiting
