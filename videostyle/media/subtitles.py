"""Text subtitles that the output's container cannot hold as they are: decoded and encoded in its own format."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from typing import cast

import av
from av.container import OutputContainer
from av.subtitles.stream import SubtitleStream

MILLISECOND = Fraction(1, 1000)


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
        self.damaged = 0
        """Packets that could not be decoded."""

    def packets(self, packet: av.Packet) -> Iterator[av.Packet]:
        """The packet in the new format; nothing where it shows no text."""
        try:
            text = self._template.codec_context.decode2(packet)
        except av.FFmpegError:
            self.damaged += 1
            return
        if text is None or not len(text):
            return
        encoded = self.stream.codec_context.encode_subtitle(text)
        encoded.pts, encoded.dts, encoded.duration = packet.pts, packet.dts, packet.duration
        encoded.time_base = packet.time_base
        yield encoded


def is_text(stream: SubtitleStream) -> bool:
    """Whether a subtitle track is text rather than pictures, and this FFmpeg can decode it."""
    return stream.codec_context is not None and stream.codec_context.codec.text_sub
