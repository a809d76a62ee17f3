"""Audio that the output's container cannot hold as it is: decoded and encoded again, in sync with the film."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from typing import cast

import av
from av.audio.stream import AudioStream
from av.container import OutputContainer
from av.filter import Graph

from videostyle.frames import Trim

LAYOUTS = {1: "mono", 2: "stereo", 6: "5.1", 8: "7.1"}
"""Channel layouts that are kept, by their number of channels; others become stereo."""

RATES = {"aac": (44100, 48000, 96000)}
"""Sample rates that are kept, by encoder; others become 48000."""

BITS_PER_CHANNEL = 96_000
"""Bits per second."""


class ReencodedTrack:
    """One audio stream on its way through a decoder and an encoder.

    With `trim` it is cut to the interval, to the sample; then `shift` seconds are subtracted from its times. Gaps between
    the source's packets become silence, overlaps are cut, so that audio and film stay in sync.
    """

    def __init__(
        self, output: OutputContainer, template: AudioStream, encoder: str, trim: Trim | None, shift: Fraction
    ):
        layout = LAYOUTS.get(template.codec_context.layout.nb_channels, "stereo")
        rate = template.codec_context.sample_rate
        rate = rate if rate in RATES.get(encoder, ()) else 48000
        self.stream = cast(AudioStream, output.add_stream(encoder, rate=rate))
        self.stream.codec_context.layout = layout
        self.stream.codec_context.bit_rate = BITS_PER_CHANNEL * len(self.stream.codec_context.layout.channels)
        self.stream.codec_context.time_base = Fraction(1, rate)
        self.damaged = 0
        """Packets that could not be decoded."""
        self._template = template
        self._shift = round(shift * rate)
        self._graph = self._filters(rate, layout, trim)

    def _filters(self, rate: int, layout: str, trim: Trim | None) -> Graph:
        graph = Graph()
        source = graph.add_abuffer(template=self._template)
        steps = [
            ("aresample", f"{rate}:async=1"),
            ("aformat", f"sample_fmts={self.stream.codec_context.format.name}:channel_layouts={layout}"),
        ]
        if trim:
            steps.append(("atrim", f"start_pts={round(trim.start * rate)}:end_pts={round(trim.end * rate)}"))
        steps.append(("abuffersink", ""))
        for name, options in steps:
            step = graph.add(name, options)
            source.link_to(step)
            source = step
        graph.configure()
        return graph

    def packets(self, packet: av.Packet) -> Iterator[av.Packet]:
        """The encoded packets that this packet of the source completes."""
        self._decode(packet)
        yield from self._encoded()

    def finish(self) -> Iterator[av.Packet]:
        """The packets still in the decoder and the encoder."""
        self._decode(None)
        yield from self._encoded()
        self._graph.push(None)
        yield from self._encoded()
        yield from self.stream.encode(None)

    def _decode(self, packet: av.Packet | None) -> None:
        try:
            for frame in self._template.decode(packet):
                self._graph.push(frame)
        except av.FFmpegError:  # damaged, or its format changes midway: no reason to lose the whole run
            self.damaged += 1

    def _encoded(self) -> Iterator[av.Packet]:
        while True:
            try:
                frame = cast(av.AudioFrame, self._graph.pull())
            except (av.BlockingIOError, av.EOFError):
                return
            assert frame.pts is not None, "aresample gives every frame a time"
            frame.pts -= self._shift
            yield from self.stream.encode(frame)
