"""Muxing: the segments of a run become one file, together with the side tracks, chapters and tags of the source."""

from __future__ import annotations

import heapq
import math
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from fractions import Fraction
from io import RawIOBase
from itertools import chain
from pathlib import Path
from typing import BinaryIO

import av
from av.container import InputContainer, OutputContainer
from av.video.stream import VideoStream

from videostyle.frames import Trim
from videostyle.media.alpha import ALPHA_MODE
from videostyle.media.containers import Container
from videostyle.media.encoding import Encoding, tag_stream
from videostyle.media.sample_entries import replace_sample_entry
from videostyle.media.side_tracks import Sides, SideTrack, SideTracks
from videostyle.media.spherical import add_to_sample_entry, spherical_boxes, tagged_template
from videostyle.media.track_copy import TrackCopier, copy_stream_tags, portable
from videostyle.media.tracks import open_container

# FFmpeg's AVFMT_FLAG_BITEXACT: without it Matroska files contain random numbers, and no two runs write the same bytes.
BITEXACT = 0x400

PHONE_KEYS = ("com.apple.quicktime.", "com.android.")
"""What the keys of tags begin with that phones write: make and model, place, date with its time zone."""


@dataclass(frozen=True)
class Film:
    """The stylized film as a track of the output."""

    template: Path
    """A segment, whose stream header the output gets."""
    packets: Callable[[], Iterator[av.Packet]]
    """All its packets in order, with times in ticks of the output."""


@dataclass(frozen=True)
class Written:
    """What became of the side tracks while a file was written."""

    notices: list[str] = field(default_factory=list)
    misfits: dict[SideTrack, str] = field(default_factory=dict)
    """Copied audio tracks that do not sound as they do in the source, and why."""
    stored: list[list[SideTrack]] = field(default_factory=list)
    """For each file, the tracks that the output has, in the output's order."""


def write_output(path: Path, container: Container, film: Film, encoding: Encoding, sides: Sides) -> Written:
    """Write the output, with what FFmpeg's muxer does not write."""
    with path.open("w+b") as file:
        written = write_file(file, container, film, encoding, sides)
        if container.edit_lists and (boxes := _spherical_boxes(sides.source)):
            add_to_sample_entry(file, boxes)
        for number, track in enumerate(chain(*written.stored), 1):  # the film is track 0
            if track.sample_entry:
                replace_sample_entry(file, number, track.sample_entry)
    return written


def _spherical_boxes(source: SideTracks | None) -> bytes:
    return spherical_boxes(source.path, source.film) if source is not None and source.has_tags else b""


def write_file(
    file: BinaryIO | RawIOBase, container: Container, film: Film, encoding: Encoding, sides: Sides
) -> Written:
    """Write film and side tracks in decoding order. A few packets are in memory at a time, besides those in the muxer."""
    notices: list[str] = []
    with ExitStack() as files:
        inputs = [(side, files.enter_context(open_container(side.path))) for side in sides.files]
        options = _muxer_options(container, encoding, sides.source, [demuxer for _, demuxer in inputs])
        output = files.enter_context(av.open(file, "w", format=container.format, container_options=options))
        output.flags |= BITEXACT
        boxes = b"" if container.edit_lists else _spherical_boxes(sides.source)
        video = _video_stream(output, container, film.template, encoding, boxes)
        if sides.source is not None and sides.source.has_tags:
            demuxer = inputs[0][1]
            _copy_tags(output, demuxer, sides.source.trim)
            copy_stream_tags(video, demuxer.streams[sides.source.film])
            notices += _copy_timecode(output, video, container, encoding.rate, sides.source.trim)
        _tag_alpha(video, encoding)
        copiers = [TrackCopier(output, container, demuxer, side) for side, demuxer in inputs]
        output.start_encoding()  # from here on every stream has its time base
        tracks = [_onto(video, film.packets()), *(copier.packets() for copier in copiers)]
        for packet in heapq.merge(*tracks, key=_decoding_time):
            output.mux(packet)
        notices += [line for copier in copiers for line in copier.notices]
        misfits = {track: why for copier in copiers for track, why in copier.misfits.items()}
        stored = [copier.stored for copier in copiers]
    return Written(notices, misfits, stored)


def _muxer_options(
    container: Container, encoding: Encoding, source: SideTracks | None, inputs: list[InputContainer]
) -> dict[str, str]:
    options = dict(container.options)
    if source is not None and source.has_tags and any(key.startswith(PHONE_KEYS) for key in inputs[0].metadata):
        options |= container.key_options
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
    output: OutputContainer, container: Container, template: Path, encoding: Encoding, boxes: bytes
) -> VideoStream:
    """The film's stream, with the header of a segment and the tags of spherical boxes."""
    with ExitStack() as files:
        segment = files.enter_context(open_container(template)).streams.video[0]
        tagged = segment
        if boxes:
            with suppress(ValueError):  # a codec that MP4 cannot hold: the tags are missed after muxing
                file = tagged_template(template, boxes)
                tagged = files.enter_context(av.open(file, "r")).streams.video[0]
        stream = output.add_stream_from_template(tagged, opaque=True)
        stream.codec_context.extradata = segment.codec_context.extradata
        if encoding.settings.encoder == "prores_ks":
            stream.codec_context.codec_tag = segment.codec_context.codec_tag  # says which kind of ProRes it is
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
    output.metadata.update(portable(source.metadata))
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


def _tag_alpha(video: VideoStream, encoding: Encoding) -> None:
    """Say in the way of WebM whether alpha is beside the film's packets; the source's tag may say otherwise."""
    for key in [key for key in video.metadata if key.lower() == ALPHA_MODE]:
        del video.metadata[key]
    if encoding.settings.alpha_beside:
        video.metadata[ALPHA_MODE] = "1"


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
