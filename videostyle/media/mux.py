"""Joins the painted segments with everything the source holds beside its picture: sound, subtitles, chapters, names."""

from __future__ import annotations

import heapq
import math
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

import av

from videostyle.errors import BadInput
from videostyle.frames import Trim
from videostyle.media.audio import Reencoded
from videostyle.media.containers import Container
from videostyle.media.encoding import Encoding, muxer_accepts, tag_stream
from videostyle.media.segments import joined_packets
from videostyle.media.tracks import is_empty, is_still, open_container

# FFmpeg's AVFMT_FLAG_BITEXACT: without it Matroska files carry random numbers and no two runs write the same bytes.
BITEXACT = 0x400

# Written by muxers about the file they wrote; false in another file.
ABOUT_THE_OLD_FILE = {
    "encoder", "major_brand", "minor_version", "compatible_brands", "vendor_id", "duration", "bps",
    "number_of_frames", "number_of_bytes", "_statistics_tags", "_statistics_writing_app",
    "_statistics_writing_date_utc",
}  # fmt: skip


@dataclass(frozen=True)
class Track:
    """One of a file's streams that goes into the output. encoder: "" where its packets are copied."""

    index: int
    encoder: str = ""


@dataclass(frozen=True)
class SideTracks:
    """What of a file goes beside the film, and how."""

    path: Path
    tracks: list[Track]
    """The streams that are copied or encoded again."""
    attachments: list[tuple[str, str, bytes]] = field(default_factory=list)
    """Name, MIME type and bytes of each attached file."""
    trim: Trim | None = None
    """Only packets that overlap this interval are taken; None: all."""
    shift: Fraction = Fraction(0)
    """Seconds subtracted from all times."""
    film: int = 0
    """Stream index of the film that was stylized; its tags go to the new video stream. No meaning for a sound file."""


def plan_source(
    path: Path, film: int, container: Container, trim: Trim | None, sound: bool
) -> tuple[SideTracks, list[str]]:
    """What of the source, beside its film, an output of this format takes, and how; notices for the rest.

    film: its stream index. sound: whether audio tracks are wanted. Raises OSError or av.FFmpegError where the source
    cannot be opened.
    """
    beside = SideTracks(path, [], [], trim, trim.start if trim else Fraction(0), film)
    notices = []
    numbers: dict[str, int] = {}
    with open_container(path) as origin:
        for stream in origin.streams:
            numbers[stream.type] = numbers.get(stream.type, 0) + 1
            if stream.index == film or _is_chapter_text(origin, stream) or _is_time_code(stream, origin.streams[film]):
                continue
            name = f"{stream.type} track {numbers[stream.type]} ({_codec(stream)})"
            if is_still(stream):
                name = "the cover picture"
            elif stream.type == "video" and _is_empty_track(path, stream.index):
                notices.append(f"{name} is empty: left out")
                continue
            attachment = _attachment(path, stream) if container.attachments else None
            if stream.type == "audio":
                if sound:
                    notices += _take_sound(beside, container, stream, name)
            elif attachment is not None:
                beside.attachments.append(attachment)
            elif _can_hold(container, stream):
                beside.tracks.append(Track(stream.index))
            else:
                notices.append(f"{name} cannot be held by {container.format}: left out")
    return beside, notices


def plan_sound(path: Path, container: Container) -> tuple[SideTracks, list[str]]:
    """The audio tracks of another file. Raises BadInput where it holds no sound."""
    beside, notices = SideTracks(path, []), []
    accepted = "copy, none, or a file with sound"
    try:
        with open_container(path) as origin:
            for number, stream in enumerate(origin.streams.audio, 1):
                name = f"audio track {number} of {path.name} ({_codec(stream)})"
                notices += _take_sound(beside, container, stream, name)
    except (OSError, av.FFmpegError) as error:
        raise BadInput(f"--audio {path} cannot be opened: {error.strerror}", accepted) from error
    if not beside.tracks:
        raise BadInput(f"--audio {path} holds no sound", accepted)
    return beside, notices


def _codec(stream: Any) -> str:
    return stream.codec_context.codec.canonical_name if stream.codec_context is not None else "unknown"


def _take_sound(beside: SideTracks, container: Container, stream: Any, name: str) -> list[str]:
    """Adds an audio stream, copied where the container can hold it; returns what the user should know."""
    if stream.codec_context is None:
        return [f"{name} is in a format that is not known here: left out"]
    if _can_hold(container, stream):
        beside.tracks.append(Track(stream.index))
        return []
    encoder = container.audio_encoder
    if not _can_encode(container, stream):
        return [f"{name} is damaged: left out"]
    beside.tracks.append(Track(stream.index, encoder))
    return [f"{name} cannot be copied into {container.format}: re-encoded as {encoder}"]


def _attachment(path: Path, stream: Any) -> tuple[str, str, bytes] | None:
    """The stream as Matroska attaches files, covers by the names that its players look for; None where it is none."""
    if stream.type == "attachment":
        return stream.name or "attachment", stream.mimetype or "application/octet-stream", stream.data
    if not is_still(stream):
        return None
    with open_container(path) as origin:
        data = next(bytes(packet) for packet in origin.demux(origin.streams[stream.index]) if packet.size)
    ending = {"png": "png", "mjpeg": "jpg"}.get(_codec(stream))
    return None if ending is None else (f"cover.{ending}", f"image/{'png' if ending == 'png' else 'jpeg'}", data)


def _is_empty_track(path: Path, index: int) -> bool:
    """On a file of its own: reading packets moves the position in it."""
    with open_container(path) as origin:
        return is_empty(origin, origin.streams[index])


def _is_chapter_text(origin: Any, stream: Any) -> bool:
    """MP4 keeps chapters twice: as a list, which is copied, and as a track of texts for old players."""
    return stream.type == "data" and stream.name == "bin_data" and bool(origin.chapters())


def _is_time_code(stream: Any, film: Any) -> bool:
    """Whether a track only holds the timecode that the film is tagged with as well; sound may be tagged with it too."""
    return stream.type == "data" and "timecode" in stream.metadata and "timecode" in film.metadata


def _can_hold(container: Container, stream: Any) -> bool:
    """Whether packets of this stream can be copied: the muxer is asked to write a header for it."""
    if stream.codec_context is None or (is_still(stream) and not container.cover_track):
        return False
    return muxer_accepts(container, lambda output: output.add_stream_from_template(stream, opaque=True))


def _can_encode(container: Container, stream: Any) -> bool:
    """Whether audio can be decoded and encoded again: not without a sample rate or channels."""
    return muxer_accepts(
        container, lambda output: Reencoded(output, stream, container.audio_encoder, None, Fraction(0))
    )


def mux(
    target: Path,
    form: Container,
    segments: list[Path],
    encoding: Encoding,
    source: SideTracks | None,
    sound: SideTracks | None,
) -> list[str]:
    """Writes the segments' packets and what goes beside them into `target`, in decoding order; returns notices.

    source: None where the painted frames come from pictures; its tags and chapters are taken too. sound: a file of its
    own. Holds a few packets, beside the muxer's own.
    """
    notices: list[str] = []
    with ExitStack() as files:
        file = files.enter_context(target.open("wb"))
        origins = [(each, files.enter_context(open_container(each.path))) for each in (source, sound) if each]
        options = _muxer_options(form, encoding, [origin for _, origin in origins])
        container = files.enter_context(av.open(file, "w", format=form.format, container_options=options))
        container.flags |= BITEXACT
        video = _video_stream(container, form, segments, encoding)
        painted = _onto(video, joined_packets(segments, encoding.tick))
        if source is not None:
            _describe(container, origins[0][1], source.trim)
            _name_stream(video, origins[0][1].streams[source.film])
            notices += _time_code(container, video, form, encoding.rate, source.trim)
        others = [TrackCopier(container, origin, each, notices).packets() for each, origin in origins]
        for packet in heapq.merge(painted, *others, key=_decoding_time):
            container.mux(packet)
    return notices + (_lost_metadata(target, source.path) if source else [])


def _muxer_options(form: Container, encoding: Encoding, origins: list[Any]) -> dict[str, str]:
    options = {"avoid_negative_ts": "disabled"}  # sound may begin before 0: nothing else moves for it
    if not form.edit_lists:
        return options
    # A late start is an edit list in ticks of the whole movie, milliseconds unless told otherwise: the least common
    # multiple of all clocks makes every start exact. Where it does not fit 31 bits the picture's own clock must do.
    clocks = [encoding.tick.denominator]
    sounds = [stream for origin in origins for stream in origin.streams.audio if stream.codec_context]
    clocks += [stream.codec_context.sample_rate for stream in sounds]
    common = math.lcm(*(clock for clock in clocks if clock))
    options["movie_timescale"] = str(common if common < 2**31 else clocks[0])
    return options


def _video_stream(container: Any, form: Container, segments: list[Path], encoding: Encoding) -> Any:
    with open_container(segments[0]) as segment:
        stream = container.add_stream_from_template(segment.streams.video[0], opaque=True)
    stream.time_base = encoding.tick
    tag_stream(stream, encoding)
    if tag := form.codec_tags.get(encoding.settings.encoder):
        stream.codec_context.codec_tag = tag
    stream.framerate = 0  # Matroska would write it down as every frame's duration, false where the rate varies
    return stream


def _onto(stream: Any, packets: Iterator[Any]) -> Iterator[Any]:
    for packet in packets:
        packet.stream = stream
        yield packet


def _decoding_time(packet: Any) -> Fraction:
    return packet.dts * packet.time_base


def _describe(container: Any, origin: Any, trim: Trim | None) -> None:
    """Copies what the source says of itself, and its chapters, cut and shifted where the run is trimmed."""
    container.metadata.update(_still_true(origin.metadata))
    chapters = []
    for chapter in origin.chapters():
        if trim:
            start = max(trim.start, chapter["start"] * chapter["time_base"])
            end = min(trim.end, chapter["end"] * chapter["time_base"])
            if start >= end:
                continue
            chapter["start"], chapter["end"] = (
                round((time - trim.start) / chapter["time_base"]) for time in (start, end)
            )
        chapters.append(chapter)
    if chapters:
        container.set_chapters(chapters)


def _name_stream(stream: Any, template: Any) -> None:
    stream.metadata.update(_still_true(template.metadata))
    stream.disposition = template.disposition


def _time_code(container: Any, video: Any, form: Container, rate: Fraction, trim: Trim | None) -> list[str]:
    """Keeps the timecode of the first frame, of which MP4 and MOV make a track where the rate is known; notices where not."""
    if "timecode" not in video.metadata:
        return []
    if trim is None and rate.denominator in (1, 1001):
        video.framerate = rate if form.timecode_track else 0
        return []
    for each in (video, container):
        each.metadata.pop("timecode", None)
    return [
        "the timecode is left out: it counts from a frame that is not painted, or at a rate that timecodes do not have"
    ]


def _still_true(metadata: dict[str, str]) -> dict[str, str]:
    """Without what was said about the old file; Matroska's statistics end in a language, as in "BPS-eng"."""
    return {key: text for key, text in metadata.items() if key.lower().split("-")[0] not in ABOUT_THE_OLD_FILE}


def _lost_metadata(target: Path, source: Path) -> list[str]:
    with open_container(target) as written, open_container(source) as origin:
        kept = {key.lower() for key in written.metadata}
        lost = [key for key in _still_true(origin.metadata) if key.lower() not in kept]
    return [f"the container cannot hold these of the source's tags: {', '.join(lost)}"] if lost else []


class TrackCopier:
    """What goes beside the picture: takes the source's packets, gives the output's; tells trouble in `notices`."""

    def __init__(self, container: Any, origin: Any, beside: SideTracks, notices: list[str]):
        self._notices = notices
        self._origin = origin
        self._trim = beside.trim
        self._name = beside.path.name
        self._writers: dict[int, Copied | Reencoded] = {}
        for track in beside.tracks:
            template = origin.streams[track.index]
            writer: Copied | Reencoded
            if track.encoder:
                writer = Reencoded(container, template, track.encoder, beside.trim, beside.shift)
            elif is_still(template):
                writer = Cover(container, template, beside.shift)
            else:
                writer = Copied(container, template, beside.shift)
            _name_stream(writer.stream, template)
            self._writers[track.index] = writer
        for attachment in beside.attachments:
            container.add_attachment(*attachment)

    def packets(self) -> Iterator[Any]:
        """The output's packets, about in decoding order (in the source's own order)."""
        for packet in self._source_packets():
            yield from self._writers[packet.stream.index].packets(packet)
        for index, writer in self._writers.items():
            yield from writer.finish()
            if writer.repaired:
                name = f"track {index + 1} of {self._name} ({self._origin.streams[index].type})"
                self._notices.append(
                    f"{name} holds {writer.repaired} packets that had to be skipped or given new times"
                )

    def _source_packets(self) -> Iterator[Any]:
        if not self._writers:
            return
        demuxer = self._origin.demux([self._origin.streams[index] for index in self._writers])
        while True:
            try:
                packet = next(demuxer, None)
            except av.FFmpegError as error:
                self._notices.append(
                    f"{self._name} cannot be read to its end, sound may be missing there: {error.strerror}"
                )
                return
            if packet is None:
                return
            if is_still(packet.stream) and packet.size:
                yield packet
                continue
            packet.pts = packet.dts if packet.pts is None else packet.pts
            packet.dts = packet.pts if packet.dts is None else packet.dts
            if packet.pts is None:
                self._writers[packet.stream.index].repaired += bool(packet.size)  # without size: the demuxer's end mark
            elif self._trim is None or _meets(packet, self._trim):
                yield packet


def _meets(packet: Any, trim: Trim) -> bool:
    start = packet.pts * packet.time_base
    return start < trim.end and start + (packet.duration or 0) * packet.time_base > trim.start


class Copied:
    """A stream whose packets go through unchanged, `shift` seconds earlier. repaired: packets given new times."""

    def __init__(self, container: Any, template: Any, shift: Fraction):
        self.stream = container.add_stream_from_template(template, opaque=True)
        self.repaired = 0
        self._shift = round(shift / template.time_base)
        self._last: int | None = None
        # lines of text may begin together, as in signs and karaoke
        self._step = 0 if self.stream.type in ("subtitle", "data") else 1

    def packets(self, packet: Any) -> Iterator[Any]:
        packet.pts -= self._shift
        packet.dts -= self._shift
        if self.stream.type == "subtitle" and self._shift and packet.pts < 0:
            # A line on show at the cut may have begun minutes before it, further than Matroska's clock reaches back.
            start = 0 if self._last is None else max(0, self._last + self._step)
            packet.duration = max(0, packet.pts + (packet.duration or 0) - start)
            packet.pts = packet.dts = start
        if self._last is not None and packet.dts < self._last + self._step:
            # Muxers refuse decoding times that stand still: a broken file's sound must not cost a finished painting.
            packet.dts = self._last + self._step
            packet.pts = max(packet.pts, packet.dts)
            self.repaired += 1
        self._last = packet.dts
        packet.stream = self.stream
        yield packet

    def finish(self) -> Iterator[Any]:
        return iter(())


class Cover(Copied):
    """The cover picture: one packet without a time, and it is given the first."""

    def packets(self, packet: Any) -> Iterator[Any]:
        packet.pts = packet.dts = 0
        packet.stream = self.stream
        yield packet
