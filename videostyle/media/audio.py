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

LAYOUTS = {
    "aac": ("mono", "stereo", "3.0", "2.1", "4.0", "quad", "5.0", "5.1", "7.1"),
    "libopus": ("mono", "stereo", "3.0", "quad", "5.0", "5.1", "6.1", "7.1"),
}
"""Channel layouts that are kept, by encoder, the usual one of a number of channels first."""

RATES = {"aac": (44100, 48000, 96000)}
"""Sample rates that are kept, by encoder; others become 48000."""

BITS_PER_CHANNEL = 96_000
"""Bits per second."""

LARGEST_ERROR = "0.02"
"""Seconds that decoded audio may be ahead of its times, or behind, before samples are cut or silence is added."""


def written_layout(template: AudioStream, encoder: str) -> str:
    """The channel layout that audio is encoded with: its own, else the usual one of as many channels, else stereo."""
    layout = template.codec_context.layout
    kept = LAYOUTS[encoder]
    same_count = [name for name in kept if av.AudioLayout(name).nb_channels == layout.nb_channels]
    return layout.name if layout.name in kept else next(iter(same_count), "stereo")


class UniformAudio:
    """Gives decoded audio in the format that its stream begins with, for filters that take one format only.

    The format may change midway, as between a film and its commercials. Times stay in ticks of the stream.
    """

    def __init__(self, template: AudioStream):
        context = template.codec_context
        self._format, self._layout, self._rate = context.format.name, context.layout, context.sample_rate
        self._tick = template.time_base
        self._shape: tuple[str, str, int] | None = None  # of the newest frame
        self._resampler: av.AudioResampler | None = None

    def frames(self, frame: av.AudioFrame) -> list[av.AudioFrame]:
        """The frame, and what is left of those before where the format changes with it."""
        shape, ready = (frame.format.name, frame.layout.name, frame.sample_rate), []
        if shape != self._shape:
            ready = self.rest()
            self._shape = shape
            if not self._is_native(frame):
                self._resampler = av.AudioResampler(self._format, self._layout, self._rate)
        return [*ready, *self._resampled(frame)]

    def rest(self) -> list[av.AudioFrame]:
        """What is left at the end."""
        ready = self._resampled(None)
        self._resampler = None
        return ready

    def _is_native(self, frame: av.AudioFrame) -> bool:
        ours, theirs = self._layout, frame.layout
        is_named = not ours.name.endswith(" channels")  # else FFmpeg compares numbers of channels
        same_layout = ours.name == theirs.name if is_named else ours.nb_channels == theirs.nb_channels
        return same_layout and (frame.format.name, frame.sample_rate) == (self._format, self._rate)

    def _resampled(self, frame: av.AudioFrame | None) -> list[av.AudioFrame]:
        if self._resampler is None:
            return [] if frame is None else [frame]
        frames = self._resampler.resample(frame)
        for converted in frames:
            if converted.pts is not None and converted.time_base and self._tick:
                converted.pts = round(converted.pts * converted.time_base / self._tick)
                converted.time_base = self._tick
        return frames


class ReencodedTrack:
    """One audio stream on its way through a decoder and an encoder.

    With `trim` it is cut to the interval, to the sample; then `shift` seconds are subtracted from its times. Gaps between
    the source's packets become silence, overlaps are cut, so that audio and film stay in sync.
    """

    def __init__(
        self, output: OutputContainer, template: AudioStream, encoder: str, trim: Trim | None, shift: Fraction
    ):
        layout = written_layout(template, encoder)
        rate = template.codec_context.sample_rate
        rate = rate if rate in RATES.get(encoder, ()) else 48000
        self.stream = cast(AudioStream, output.add_stream(encoder, rate=rate))
        self.stream.codec_context.layout = layout
        self.stream.codec_context.bit_rate = BITS_PER_CHANNEL * len(self.stream.codec_context.layout.channels)
        self.stream.codec_context.time_base = Fraction(1, rate)
        self.damaged = 0
        """Packets that could not be decoded."""
        self._template = template
        self._uniform = UniformAudio(template)
        self._next: Fraction | None = None  # when the next frame begins if its decoder does not say, in seconds
        self._is_silent = True  # nothing has been encoded
        self.misfit = ""
        self._shift = round(shift * rate)
        self._graph = self._filters(rate, layout, trim)

    def _filters(self, rate: int, layout: str, trim: Trim | None) -> Graph:
        graph = Graph()
        source = graph.add_abuffer(template=self._template)
        steps = [
            ("aresample", f"{rate}:async=1:min_hard_comp={LARGEST_ERROR}"),
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
        """The packets still in the decoder and the encoder. Raises ValueError where nothing could be decoded."""
        self._decode(None)
        for frame in self._uniform.rest():
            self._graph.push(frame)
        self._graph.push(None)
        yield from self._encoded()
        yield from self.stream.encode(None)
        if self._is_silent and self.damaged:
            raise ValueError("no packet of the audio can be decoded")

    def _decode(self, packet: av.Packet | None) -> None:
        try:
            for frame in self._template.decode(packet):
                for uniform in self._uniform.frames(self._timed(frame, packet)):
                    self._graph.push(uniform)
        except av.FFmpegError:  # damaged, or its format changes midway: no reason to lose the whole run
            self.damaged += 1

    def _timed(self, frame: av.AudioFrame, packet: av.Packet | None) -> av.AudioFrame:
        """The frame with a time. Some decoders, such as that of WMA, return their last frames without one."""
        unit = self._template.time_base or Fraction(1, frame.sample_rate)
        if frame.pts is None:
            start = Fraction(0) if packet is None or packet.pts is None else packet.pts * unit
            frame.pts, frame.time_base = round((start if self._next is None else self._next) / unit), unit
        self._next = frame.pts * (frame.time_base or unit) + Fraction(frame.samples, frame.sample_rate)
        return frame

    def _encoded(self) -> Iterator[av.Packet]:
        while True:
            try:
                frame = cast(av.AudioFrame, self._graph.pull())
            except (av.BlockingIOError, av.EOFError):
                return
            assert frame.pts is not None, "aresample gives every frame a time"
            frame.pts -= self._shift
            self._is_silent = False
            yield from self.stream.encode(frame)
