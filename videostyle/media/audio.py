"""Sound that the output's container cannot hold as it is: decoded and encoded again, in time with the picture."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from typing import Any

import av

from videostyle.frames import Trim

LAYOUTS = {1: "mono", 2: "stereo", 6: "5.1", 8: "7.1"}

RATES = {"libopus": (48000,), "aac": (44100, 48000, 96000)}

BITS_PER_CHANNEL = 96_000


class Reencoded:
    """One audio stream on its way through a decoder and an encoder ("aac" or "libopus").

    With `trim` it is cut to the interval, to the sample; its times are made `shift` seconds earlier. Other gaps and
    overlaps of the source's packets become silence and cuts, so that sound stays in time. repaired: packets that could
    not be used.
    """

    def __init__(self, container: Any, template: Any, encoder: str, trim: Trim | None, shift: Fraction):
        layout = LAYOUTS.get(template.codec_context.layout.nb_channels, "stereo")
        rates = RATES[encoder]
        rate = template.codec_context.sample_rate
        rate = rate if rate in rates else 48000
        self.stream = container.add_stream(encoder, rate=rate)
        self.stream.codec_context.layout = layout
        self.stream.codec_context.bit_rate = BITS_PER_CHANNEL * len(self.stream.codec_context.layout.channels)
        self.stream.codec_context.time_base = Fraction(1, rate)
        self.repaired = 0
        self._template = template
        self._shift = round(shift * rate)
        self._graph = self._even_sound(rate, layout, trim)

    def _even_sound(self, rate: int, layout: str, trim: Trim | None) -> Any:
        graph = av.filter.Graph()
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

    def packets(self, packet: av.Packet | None) -> Iterator[av.Packet]:
        """The encoded packets that this source packet completes; None: those still in the decoder."""
        try:
            for frame in self._template.decode(packet):
                self._graph.push(frame)
        except (
            av.FFmpegError
        ):  # broken, or sound whose kind changes half-way: a loss, but no reason to lose the painting
            self.repaired += 1
        yield from self._encoded()

    def finish(self) -> Iterator[av.Packet]:
        yield from self.packets(None)
        self._graph.push(None)
        yield from self._encoded()
        yield from self.stream.encode(None)

    def _encoded(self) -> Iterator[av.Packet]:
        while True:
            try:
                frame = self._graph.pull()
            except (av.BlockingIOError, av.EOFError):
                return
            frame.pts -= self._shift
            yield from self.stream.encode(frame)
