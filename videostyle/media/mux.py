"""Muxing: the segments of a run become one file, together with the side tracks, chapters and tags of the source."""

from __future__ import annotations

import heapq
import math
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from fractions import Fraction
from pathlib import Path
from typing import Protocol

import av
from av.audio.stream import AudioStream
from av.container import InputContainer, OutputContainer
from av.stream import Stream
from av.video.stream import VideoStream

from videostyle.frames import Trim
from videostyle.media.audio import ReencodedTrack
from videostyle.media.containers import Container
from videostyle.media.encoding import Encoding, tag_stream
from videostyle.media.segments import joined_packets
from videostyle.media.side_tracks import SideTracks
from videostyle.media.tracks import is_still, open_container

# FFmpeg's AVFMT_FLAG_BITEXACT: without it Matroska files contain random numbers, and no two runs write the same bytes.
BITEXACT = 0x400

# Written by a muxer about its own file; not true of another one.
MUXER_TAGS = {
    "encoder", "major_brand", "minor_version", "compatible_brands", "vendor_id", "duration", "bps",
    "number_of_frames", "number_of_bytes", "_statistics_tags", "_statistics_writing_app",
    "_statistics_writing_date_utc",
}  # fmt: skip


def mux(
    target: Path,
    container: Container,
    segments: list[Path],
    encoding: Encoding,
    source: SideTracks | None,
    sound: SideTracks | None,
) -> list[str]:
    """Write the segments' packets and the side tracks into `target`, in decoding order; return notices.

    source: of the video that was stylized, whose tags and chapters are copied too; None where the frames come from images.
    sound: of an audio file. A few packets are in memory at a time, besides those in the muxer.
    """
    notices: list[str] = []
    with ExitStack() as files:
        file = files.enter_context(target.open("wb"))
        inputs = [(side, files.enter_context(open_container(side.path))) for side in (source, sound) if side]
        options = _muxer_options(container, encoding, [demuxer for _, demuxer in inputs])
        output = files.enter_context(av.open(file, "w", format=container.format, container_options=options))
        output.flags |= BITEXACT
        video = _video_stream(output, container, segments, encoding)
        film = _onto(video, joined_packets(segments, encoding.tick))
        if source is not None:
            demuxer = inputs[0][1]
            _copy_tags(output, demuxer, source.trim)
            _copy_stream_tags(video, demuxer.streams[source.film])
            notices += _copy_timecode(output, video, container, encoding.rate, source.trim)
        copiers = [TrackCopier(output, demuxer, side) for side, demuxer in inputs]
        for packet in heapq.merge(film, *(copier.packets() for copier in copiers), key=_decoding_time):
            output.mux(packet)
        notices += [line for copier in copiers for line in copier.notices]
    return notices + (_lost_tags(target, source.path) if source else [])


def _muxer_options(container: Container, encoding: Encoding, inputs: list[InputContainer]) -> dict[str, str]:
    options = dict(container.options)
    if not container.edit_lists:
        return options
    # A late start becomes an edit list in ticks of the whole movie, by default milliseconds. The least common multiple of
    # all time bases makes every start exact; where it does not fit into 31 bits, only the film's is.
    units = [encoding.tick.denominator]
    audio = [stream for demuxer in inputs for stream in demuxer.streams.audio if stream.codec_context]
    units += [stream.codec_context.sample_rate for stream in audio]
    common = math.lcm(*(unit for unit in units if unit))
    options["movie_timescale"] = str(common if common < 2**31 else units[0])
    return options


def _video_stream(
    output: OutputContainer, container: Container, segments: list[Path], encoding: Encoding
) -> VideoStream:
    with open_container(segments[0]) as segment:
        stream = output.add_stream_from_template(segment.streams.video[0], opaque=True)
    stream.time_base = encoding.tick
    tag_stream(stream, encoding)
    if tag := container.codec_tags.get(encoding.settings.encoder):
        stream.codec_context.codec_tag = tag
    stream.framerate = Fraction(
        0
    )  # Matroska would store it as the duration of every frame, wrong where the rate varies
    return stream


def _onto(stream: VideoStream, packets: Iterator[av.Packet]) -> Iterator[av.Packet]:
    for packet in packets:
        packet.stream = stream
        yield packet


def _decoding_time(packet: av.Packet) -> Fraction:
    assert packet.dts is not None, "every packet has been given a time"
    return packet.dts * packet.time_base


def _copy_tags(output: OutputContainer, source: InputContainer, trim: Trim | None) -> None:
    """Copy the source's tags, and its chapters, cut and shifted where the run is trimmed."""
    output.metadata.update(_portable(source.metadata))
    chapters = []
    for chapter in source.chapters():
        unit = chapter["time_base"]
        if trim and unit:
            start, end = max(trim.start, chapter["start"] * unit), min(trim.end, chapter["end"] * unit)
            if start >= end:
                continue
            chapter["start"], chapter["end"] = (round((time - trim.start) / unit) for time in (start, end))
        chapters.append(chapter)
    if chapters:
        output.set_chapters(chapters)


def _copy_stream_tags(stream: Stream, template: Stream) -> None:
    stream.metadata.update(_portable(template.metadata))
    stream.disposition = template.disposition


def _copy_timecode(
    output: OutputContainer, video: VideoStream, container: Container, rate: Fraction, trim: Trim | None
) -> list[str]:
    """Keep the timecode of the first frame where it is still true; return a notice where it is not."""
    if "timecode" not in video.metadata:
        return []
    if trim is None and rate.denominator in (1, 1001):
        if container.timecode_track:
            video.framerate = rate
        return []
    for tagged in (video, output):
        tagged.metadata.pop("timecode", None)
    return [
        "the timecode is left out: it belongs to a frame before the first one, or timecodes do not have this frame rate"
    ]


def _portable(metadata: dict[str, str]) -> dict[str, str]:
    """The tags that are true of another file too. Matroska's statistics end in a language, as in "BPS-eng"."""
    return {key: text for key, text in metadata.items() if key.lower().split("-")[0] not in MUXER_TAGS}


def _lost_tags(target: Path, source: Path) -> list[str]:
    with open_container(target) as written, open_container(source) as original:
        kept = {key.lower() for key in written.metadata}
        lost = [key for key in _portable(original.metadata) if key.lower() not in kept]
    return [f"the container cannot hold these of the source's tags: {', '.join(lost)}"] if lost else []


class TrackWriter(Protocol):
    """One side track: takes the packets of its source, gives those of the output."""

    damaged: int
    """Packets that could not be used, or not with their own times."""

    @property
    def stream(self) -> Stream:
        """The stream of the output."""
        ...

    def packets(self, packet: av.Packet) -> Iterator[av.Packet]: ...

    def finish(self) -> Iterator[av.Packet]: ...


class TrackCopier:
    """Adds the side tracks of one file to the output, and takes their packets there."""

    def __init__(self, output: OutputContainer, source: InputContainer, side: SideTracks):
        self.notices: list[str] = []
        """What went wrong; complete after `packets()`."""
        self._source = source
        self._side = side
        self._untimed: Counter[int] = Counter()
        self._writers: dict[int, TrackWriter] = {}
        for track in side.tracks:
            template = source.streams[track.index]
            writer = _track_writer(output, template, track.encoder, side)
            _copy_stream_tags(writer.stream, template)
            self._writers[track.index] = writer
        for file in side.attachments:
            output.add_attachment(file.name, file.mime_type, file.data)

    def packets(self) -> Iterator[av.Packet]:
        """The output's packets in the source's order, which is about decoding order."""
        for packet in self._source_packets():
            yield from self._writers[packet.stream.index].packets(packet)
        for index, writer in self._writers.items():
            yield from writer.finish()
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
            except av.FFmpegError as error:
                problem = f"{self._side.path.name} cannot be read to its end: {error.strerror}"
                self.notices.append(f"{problem}; sound may be missing there")
                return
            if packet is None:
                return
            if is_still(packet.stream) and packet.size:
                yield packet
                continue
            packet.pts = packet.dts if packet.pts is None else packet.pts
            packet.dts = packet.pts if packet.dts is None else packet.dts
            if packet.pts is None:
                self._untimed[packet.stream.index] += bool(packet.size)  # without a size it marks the end
            elif self._side.trim is None or _overlaps(packet, self._side.trim):
                yield packet


def _track_writer(output: OutputContainer, template: Stream, encoder: str, side: SideTracks) -> TrackWriter:
    if isinstance(template, AudioStream) and encoder:
        return ReencodedTrack(output, template, encoder, side.trim, side.shift)
    if is_still(template):
        return CoverTrack(output, template)
    return CopiedTrack(output, template, side.shift)


def _overlaps(packet: av.Packet, trim: Trim) -> bool:
    assert packet.pts is not None, "the caller has given it a time"
    start = packet.pts * packet.time_base
    return start < trim.end and start + (packet.duration or 0) * packet.time_base > trim.start


class CopiedTrack:
    """A stream whose packets are copied unchanged, `shift` seconds earlier."""

    def __init__(self, output: OutputContainer, template: Stream, shift: Fraction):
        self.stream = output.add_stream_from_template(template, opaque=True)
        self.damaged = 0
        """Packets that were given new times."""
        self._shift = round(shift / template.time_base) if template.time_base else 0
        self._last: int | None = None
        # subtitles may begin at the same time, as in signs and karaoke
        self._step = 0 if self.stream.type in ("subtitle", "data") else 1

    def packets(self, packet: av.Packet) -> Iterator[av.Packet]:
        assert packet.pts is not None, "every packet has been given a time"
        assert packet.dts is not None, "every packet has been given a time"
        pts, dts = packet.pts - self._shift, packet.dts - self._shift
        if self.stream.type == "subtitle" and self._shift and pts < 0:
            # A subtitle shown at the start may have begun minutes earlier, before any time that Matroska can store.
            start = 0 if self._last is None else max(0, self._last + self._step)
            packet.duration = max(0, pts + (packet.duration or 0) - start)
            pts = dts = start
        if self._last is not None and dts < self._last + self._step:
            # Muxers refuse decoding times that do not increase, and damaged sound must not cost a finished run.
            dts = self._last + self._step
            pts = max(pts, dts)
            self.damaged += 1
        packet.pts, packet.dts, self._last = pts, dts, dts
        packet.stream = self.stream
        yield packet

    def finish(self) -> Iterator[av.Packet]:
        return iter(())


class CoverTrack:
    """Cover art: one packet without a time, which is given time 0."""

    damaged = 0

    def __init__(self, output: OutputContainer, template: Stream):
        self.stream = output.add_stream_from_template(template, opaque=True)

    def packets(self, packet: av.Packet) -> Iterator[av.Packet]:
        packet.pts = packet.dts = 0
        packet.stream = self.stream
        yield packet

    def finish(self) -> Iterator[av.Packet]:
        return iter(())
