"""Takes the side tracks of a file into the output: one writer for each track, with times that rise in the output's clock."""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Iterator
from fractions import Fraction
from typing import Protocol, cast

import av
from av.audio.stream import AudioStream
from av.container import InputContainer, OutputContainer
from av.format import Flags
from av.stream import Stream
from av.subtitles.stream import SubtitleStream

from videostyle.frames import Trim
from videostyle.media.audio import ReencodedTrack
from videostyle.media.containers import Container
from videostyle.media.side_tracks import SideTrack, SideTracks, is_cover
from videostyle.media.subtitles import ReencodedText

LARGEST_MOVE = Fraction(1, 100)
"""Seconds. Audio packets whose times overlap by more cannot be copied in sync: each would last as long as it is."""

PRIMING_PACKETS = 3
"""Up to so many hidden packets before the first one that is heard are the encoder's start-up, which is no content."""

# Written by a muxer about its own file; not true of another one.
MUXER_TAGS = {
    "encoder", "major_brand", "minor_version", "compatible_brands", "vendor_id", "duration", "bps",
    "number_of_frames", "number_of_bytes", "_statistics_tags", "_statistics_writing_app",
    "_statistics_writing_date_utc",
}  # fmt: skip


def portable(metadata: dict[str, str]) -> dict[str, str]:
    """The tags that are true of another file too. Matroska's statistics end in a language, as in "BPS-eng"."""
    return {key: text for key, text in metadata.items() if key.lower().split("-")[0] not in MUXER_TAGS}


def copy_stream_tags(stream: Stream, template: Stream) -> None:
    stream.metadata.update(portable(template.metadata))
    stream.disposition = template.disposition


class TrackWriter(Protocol):
    """One side track: takes the packets of its source, gives those of the output."""

    @property
    def damaged(self) -> int:
        """Packets that could not be used, or not with their own times."""
        ...

    @property
    def misfit(self) -> str:
        """Why copied audio does not sound as it does in the source; empty where it does. Complete after `finish()`."""
        ...

    @property
    def stream(self) -> Stream:
        """The stream of the output."""
        ...

    def packets(self, packet: av.Packet) -> Iterator[av.Packet]:
        """The output's packets for one of the source. The output's header has been written."""
        ...

    def finish(self) -> Iterator[av.Packet]: ...


class TrackCopier:
    """Adds the side tracks of one file to the output, and takes their packets there."""

    def __init__(self, output: OutputContainer, container: Container, source: InputContainer, side: SideTracks):
        self.notices: list[str] = []
        """What went wrong; complete after `packets()`."""
        self._source = source
        self._side = side
        self._untimed: Counter[int] = Counter()
        self._filled: set[int] = set()  # the tracks that have packets in the output
        self._drops_empty = container.edit_lists
        self._writers: dict[int, TrackWriter] = {}
        for track in side.tracks:
            template = source.streams[track.index]
            writer = _track_writer(output, container, template, track, side)
            copy_stream_tags(writer.stream, template)
            self._writers[track.index] = writer
        for file in side.attachments:
            output.add_attachment(file.name, file.mime_type, file.data)

    @property
    def misfits(self) -> dict[SideTrack, str]:
        """Why copied audio tracks do not sound as they do in the source; complete after `packets()`."""
        audio = {stream.index for stream in self._source.streams.audio}
        copied = [track for track in self._side.tracks if track.index in audio and track.fallback]
        return {track: why for track in copied if (why := self._writers[track.index].misfit)}

    @property
    def stored(self) -> list[SideTrack]:
        """The tracks that the output has, in order: no cover art, and in MP4 none without packets. As `misfits`."""
        tracks = [track for track in self._side.tracks if not track.is_cover]
        return [track for track in tracks if track.index in self._filled or not self._drops_empty]

    def packets(self) -> Iterator[av.Packet]:
        """The output's packets in the source's order, which is about decoding order."""
        for packet in self._source_packets():
            index = packet.stream.index  # the writer gives the packet another stream
            for written in self._writers[index].packets(packet):
                self._filled.add(index)
                yield written
        for index, writer in self._writers.items():
            for written in writer.finish():
                self._filled.add(index)
                yield written
            if damaged := writer.damaged + self._untimed[index]:
                track = f"track {index + 1} of {self._side.path.name} ({self._source.streams[index].type})"
                self.notices.append(f"{damaged} packets of {track} were damaged: they were skipped or given new times")

    def _source_packets(self) -> Iterator[av.Packet]:
        """The packets of the side tracks that overlap the interval, each with a time."""
        if not self._writers:
            return
        packets = self._source.demux([self._source.streams[index] for index in self._writers])
        while True:
            try:
                packet = next(packets, None)
            except (av.FFmpegError, OSError) as error:
                problem = f"{self._side.path.name} cannot be read to its end: {error.strerror}"
                self.notices.append(f"{problem}; sound may be missing there")
                return
            if packet is None:
                return
            if is_cover(packet.stream) and packet.size:
                yield packet
                continue
            packet.pts = packet.dts if packet.pts is None else packet.pts
            if packet.stream.type != "video":  # of a video, its writer knows more
                packet.dts = packet.pts if packet.dts is None else packet.dts
            if packet.pts is None:
                self._untimed[packet.stream.index] += bool(packet.size)  # without a size it marks the end
            elif self._side.trim is None or _overlaps(packet, self._side.trim):
                yield packet


def _track_writer(
    output: OutputContainer, container: Container, template: Stream, track: SideTrack, side: SideTracks
) -> TrackWriter:
    if isinstance(template, AudioStream) and track.encoder:
        return ReencodedTrack(output, template, track.encoder, side.trim, side.shift)
    if is_cover(template):
        return CoverTrack(output, template)
    if track.encoder:
        text = ReencodedText(output, cast(SubtitleStream, template), track.encoder)
        return CopiedTrack(text.stream, container, template, side.shift, text)
    if track.sample_entry:
        return CopiedTrack(_metadata_stream(output, template), container, template, side.shift)
    return CopiedTrack(output.add_stream_from_template(template, opaque=True), container, template, side.shift)


def _metadata_stream(output: OutputContainer, template: Stream) -> Stream:
    """A stream as FFmpeg's muxers for MP4 and QuickTime take it for timed metadata: that of a GoPro camera."""
    file = io.BytesIO()
    with av.open(file, "w", format="mp4") as gopro:
        packet = av.Packet(b"DEVC")
        packet.stream = gopro.add_data_stream("bin_data")
        packet.stream.time_base = packet.time_base = Fraction(1, 1000)
        packet.pts = packet.dts = 0
        gopro.mux(packet)
    file.seek(0)
    with av.open(file, "r") as gopro:
        stream = output.add_stream_from_template(gopro.streams[0], opaque=True)
    stream.time_base = template.time_base
    return stream


def _overlaps(packet: av.Packet, trim: Trim) -> bool:
    assert packet.pts is not None, "the caller has given it a time"
    start = packet.pts * packet.time_base
    return start < trim.end and start + (packet.duration or 0) * packet.time_base > trim.start


class CopiedTrack:
    """A stream whose packets are copied `shift` seconds earlier. Muxers refuse decoding times that do not rise.

    Packets that an edit list of the source hides are left out, unless they lie before the first shown one and the output's
    container hides them too, or they are an audio encoder's start-up. stream: of the output.
    text: converts each packet first.
    """

    def __init__(
        self,
        stream: Stream,
        container: Container,
        template: Stream,
        shift: Fraction,
        text: ReencodedText | None = None,
    ):
        self.stream = stream
        self.misfit = ""
        self._damaged = 0  # packets that were given new times
        self._text = text
        self._shift = round(shift / template.time_base) if template.time_base else 0
        self._last: int | None = None
        self._adts = b""  # what the newest packet of AAC says of its own format
        # subtitles may begin at the same time, as in signs and karaoke; a few containers allow it in all tracks
        may_repeat = template.type in ("subtitle", "data") or Flags.ts_nonstrict in Flags(stream.container.format.flags)
        self._step = 0 if may_repeat else 1
        self._hides = container.edit_lists
        self._undated: list[av.Packet] = []  # those before the first one that has a decoding time
        self._hidden: list[av.Packet] | None = []  # those before the first shown one; None after it

    @property
    def damaged(self) -> int:
        """Packets that were given new times, or could not be decoded."""
        return self._damaged + (self._text.damaged if self._text else 0)

    def packets(self, packet: av.Packet) -> Iterator[av.Packet]:
        if adts := adts_format(packet):
            if self._adts not in (b"", adts):
                self.misfit = "its format changes midway"
            self._adts = adts
        if packet.dts is None:
            self._undated.append(packet)
            return
        # Matroska stores no decoding times. FFmpeg derives them, but for those of the first reordered frames.
        waiting, self._undated = self._undated, []
        for number, earlier in enumerate(waiting):
            earlier.dts = packet.dts - (len(waiting) - number) * (packet.duration or 1)
        for dated in (*waiting, packet):
            for shown in self._unhidden(dated):
                for converted in self._text.packets(shown) if self._text else (shown,):
                    yield from self._selected(converted)

    def finish(self) -> Iterator[av.Packet]:
        for converted in self._text.finish() if self._text else ():
            yield from self._selected(converted)
        for packet in self._undated:
            packet.dts = packet.pts
            yield self._timed(packet)

    def _selected(self, packet: av.Packet) -> Iterator[av.Packet]:
        """The packet with its time; nothing where it is a part of a text that ends before the output begins."""
        if self._text is None or (packet.pts or 0) + (packet.duration or 0) > self._shift:
            yield self._timed(packet)

    def _unhidden(self, packet: av.Packet) -> list[av.Packet]:
        """The packet, with the start-up packets that wait for it; nothing where it does not go into the output now."""
        if packet.is_discard:
            if self._hidden is None:
                return []
            if self._hides:
                return [packet]
            if self.stream.type == "video":
                raise ValueError("the container cannot hide frames, and those that follow need them")
            self._hidden = [*self._hidden, packet][-PRIMING_PACKETS - 1 :]
            return []
        waiting, self._hidden = self._hidden or [], None
        is_priming = self.stream.type == "audio" and len(waiting) <= PRIMING_PACKETS
        return [*waiting, packet] if is_priming else [packet]

    def _timed(self, packet: av.Packet) -> av.Packet:
        """The packet with its time on the output's clock."""
        assert packet.pts is not None, "every packet has been given a time"
        assert packet.dts is not None, "every packet has been given a time"
        pts, dts, duration = packet.pts - self._shift, packet.dts - self._shift, packet.duration or 0
        tick = self.stream.time_base
        assert tick is not None, "the header has been written"
        ratio = packet.time_base / tick
        if self.stream.type == "subtitle" and self._shift and pts < 0:
            # A subtitle shown at the start may have begun minutes earlier, before any time that Matroska can store.
            duration = max(0, pts + duration)
            pts = dts = 0
        pts, dts, duration = (_nearest(ticks * ratio) for ticks in (pts, dts, duration))
        if self._last is not None and dts < self._last + self._step:
            # damaged sound must not cost a finished run
            later = self._last + self._step - dts
            if later * tick > LARGEST_MOVE:
                self.misfit = "its packets overlap"
            dts += later
            pts = max(pts, dts)
            self._damaged += (packet.duration or 0) > 1  # else it is shorter than the source's clock can tell
        packet.time_base = tick
        packet.pts, packet.dts, packet.duration = pts, dts, duration
        self._last = dts
        packet.stream = self.stream
        return packet


def adts_format(packet: av.Packet) -> bytes:
    """The format (profile, sample rate, channels) in the header of a packet of AAC as transport streams have it, else nothing.

    Other containers store it once for all packets, so that it cannot change in them.
    """
    if packet.stream.type != "audio" or packet.stream.codec_context.codec.canonical_name != "aac":
        return b""
    head = bytes(memoryview(packet)[:4])
    if len(head) < 4 or head[0] != 0xFF or head[1] & 0xF6 != 0xF0:
        return b""
    return bytes([head[2] & 0xFD, head[3] & 0xC0])  # without the bit that is private


def _nearest(ticks: Fraction) -> int:
    """Rounded as FFmpeg does it: halves away from zero."""
    whole = (2 * abs(ticks.numerator) + ticks.denominator) // (2 * ticks.denominator)
    return whole if ticks >= 0 else -whole


class CoverTrack:
    """Cover art: one packet without a time, which is given time 0."""

    damaged = 0
    misfit = ""

    def __init__(self, output: OutputContainer, template: Stream):
        self.stream = output.add_stream_from_template(template, opaque=True)

    def packets(self, packet: av.Packet) -> Iterator[av.Packet]:
        packet.pts = packet.dts = 0
        packet.stream = self.stream
        yield packet

    def finish(self) -> Iterator[av.Packet]:
        return iter(())
