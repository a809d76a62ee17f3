"""Text subtitles that the output's container cannot hold as they are: decoded and encoded in its own format."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from typing import NamedTuple, cast

import av
from av.container import OutputContainer
from av.subtitles.stream import SubtitleStream
from av.subtitles.subtitle import AssSubtitle, SubtitleSet

MILLISECOND = Fraction(1, 1000)

ONE_AT_A_TIME = ("mov_text",)
"""Encoders whose format shows one text at a time: texts that overlap are joined while they do."""


class Line(NamedTuple):
    """A text and when it is shown, in ticks of its source."""

    start: int
    end: int
    text: bytes
    """Text of an ASS event, without the fields before it."""


class ReencodedText:
    """Gives the packets of a text subtitle track in another format, with the times of the source.

    Text, line breaks and what the new format has of bold, italics and color are kept.
    """

    def __init__(self, output: OutputContainer, template: SubtitleStream, encoder: str):
        template.codec_context.open(
            strict=False
        )  # a decoder knows its header, which the encoder needs, once it is open
        self.stream = cast(SubtitleStream, output.add_stream(encoder))
        self.stream.time_base = self.stream.codec_context.time_base = MILLISECOND
        self.stream.codec_context.subtitle_header = template.codec_context.subtitle_header
        self._template = template
        self._joins = encoder in ONE_AT_A_TIME
        self._shown: list[Line] = []
        self._unit: Fraction | None = None  # of the times of `_shown`
        self.damaged = 0
        """Packets that could not be decoded."""

    def packets(self, packet: av.Packet) -> Iterator[av.Packet]:
        """The packets that this packet of the source completes; nothing where it shows no text."""
        try:
            text = self._template.codec_context.decode2(packet)
        except av.FFmpegError:
            self.damaged += 1
            return
        if text is None or not len(text):
            return
        assert packet.pts is not None, "the caller has given it a time"
        if not self._joins:
            yield self._encoded(text, packet.pts, packet.duration or 0, packet.time_base)
            return
        yield from self._until(packet.pts)
        self._unit, end = packet.time_base, packet.pts + max(1, packet.duration or 0)
        events = [rect.ass for rect in cast(tuple[AssSubtitle, ...], text.rects)]
        self._shown += [Line(packet.pts, end, event.split(b",", 8)[-1]) for event in events]

    def finish(self) -> Iterator[av.Packet]:
        """What is still shown at the end."""
        yield from self._until(None)

    def _until(self, time: int | None) -> Iterator[av.Packet]:
        """A packet for each change of what is shown before this time; None: all."""
        while self._shown:
            assert self._unit is not None, "lines came with it"
            start = max(line.start for line in self._shown)
            end = min([line.end for line in self._shown] + ([] if time is None else [time]))
            if end > start:
                text = b"0,0,Default,,0,0,0,," + b"\\N".join(line.text for line in self._shown)
                joined = SubtitleSet.create(text, 0, end - start)
                yield self._encoded(joined, start, end - start, self._unit)
            self._shown = [line._replace(start=end) for line in self._shown if line.end > end]
            if end == time:
                return

    def _encoded(self, text: SubtitleSet, start: int, duration: int, unit: Fraction) -> av.Packet:
        encoded = self.stream.codec_context.encode_subtitle(text)
        encoded.pts = encoded.dts = start
        encoded.duration, encoded.time_base = duration, unit
        return encoded


def is_text(stream: SubtitleStream) -> bool:
    """Whether a subtitle track is text rather than pictures, and this FFmpeg can decode it."""
    return stream.codec_context is not None and stream.codec_context.codec.text_sub
