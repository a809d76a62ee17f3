"""Side tracks: what a file has beside its film, and what of it an output can take: audio, subtitles, data, attachments."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

import av
from av.audio.stream import AudioStream
from av.container import InputContainer
from av.stream import AttachmentStream, Stream

from videostyle.errors import BadInput
from videostyle.frames import Trim
from videostyle.media.audio import ReencodedTrack
from videostyle.media.containers import Container
from videostyle.media.encoding import muxer_accepts
from videostyle.media.tracks import is_empty, is_still, open_container

COVER_TYPES = {"png": ("cover.png", "image/png"), "mjpeg": ("cover.jpg", "image/jpeg")}
"""By codec: the names that players of Matroska look for, and MIME types."""


@dataclass(frozen=True)
class SideTrack:
    """A stream of a file that goes into the output."""

    index: int
    """Its index in the file."""
    encoder: str = ""
    """FFmpeg's audio encoder where it is encoded again; empty where its packets are copied."""


@dataclass(frozen=True)
class Attachment:
    """A file inside a Matroska file."""

    name: str
    mime_type: str
    data: bytes


@dataclass(frozen=True)
class SideTracks:
    """What of a file goes into the output, and its place in time."""

    path: Path
    tracks: list[SideTrack] = field(default_factory=list)
    attachments: list[Attachment] = field(default_factory=list)
    trim: Trim | None = None
    """Only packets that overlap this interval are taken; None: all."""
    shift: Fraction = Fraction(0)
    """Seconds that are subtracted from all times."""
    film: int = 0
    """Index of the stream that was stylized, whose tags the new video stream gets; without meaning for an audio file."""


def plan_source(
    path: Path, film: int, container: Container, trim: Trim | None, audio: bool
) -> tuple[SideTracks, list[str]]:
    """What of the source, beside its film, goes into an output of this kind; and notices for the rest.

    film: its stream index. audio: whether audio tracks are wanted. Raises OSError or av.FFmpegError where the source
    cannot be opened.
    """
    side = SideTracks(path, trim=trim, shift=trim.start if trim else Fraction(0), film=film)
    notices: list[str] = []
    numbers: Counter[str] = Counter()
    with open_container(path) as source:
        for stream in source.streams:
            numbers[stream.type] += 1
            if not _is_redundant(source, stream, film):
                name = f"{stream.type} track {numbers[stream.type]} ({_codec(stream)})"
                notices += _take(side, container, stream, "the cover art" if is_still(stream) else name, audio)
    return side, notices


def plan_sound(path: Path, container: Container) -> tuple[SideTracks, list[str]]:
    """The audio tracks of another file. Raises BadInput where it has none."""
    side, notices = SideTracks(path), []
    accepted = "copy, none, or a file with sound"
    try:
        with open_container(path) as source:
            for number, stream in enumerate(source.streams.audio, 1):
                name = f"audio track {number} of {path.name} ({_codec(stream)})"
                notices += _take_audio(side, container, stream, name)
    except (OSError, av.FFmpegError) as error:
        raise BadInput(f"--audio {path} cannot be opened: {error.strerror}", accepted) from error
    if not side.tracks:
        raise BadInput(f"--audio {path} has no audio that can be used", accepted)
    return side, notices


def _is_redundant(source: InputContainer, stream: Stream, film: int) -> bool:
    """Whether the output has what the stream holds without it.

    Besides the film these are: the track of texts in which MP4 keeps its chapters a second time, for old players; and a
    track of timecodes where the film is tagged with the timecode. (Audio may be tagged with it too.)
    """
    if stream.index == film:
        return True
    if stream.type != "data":
        return False
    is_chapters = stream.name == "bin_data" and bool(source.chapters())
    return is_chapters or ("timecode" in stream.metadata and "timecode" in source.streams[film].metadata)


def _take(side: SideTracks, container: Container, stream: Stream, name: str, audio: bool) -> list[str]:
    """Add a stream to the side tracks where the container can hold it; return notices."""
    if isinstance(stream, AudioStream):
        return _take_audio(side, container, stream, name) if audio else []
    if stream.type == "video" and not is_still(stream) and _is_empty(side.path, stream.index):
        return [f"{name} is empty and is left out"]
    attachment = _attachment(side.path, stream) if container.attachments else None
    if attachment is not None:
        side.attachments.append(attachment)
    elif _can_copy(container, stream):
        side.tracks.append(SideTrack(stream.index))
    else:
        return [f"{name} cannot be copied into {container.format} and is left out"]
    return []


def _take_audio(side: SideTracks, container: Container, stream: AudioStream, name: str) -> list[str]:
    if stream.codec_context is None:
        return [f"{name} has an unknown format and is left out"]
    if _can_copy(container, stream):
        side.tracks.append(SideTrack(stream.index))
        return []
    encoder = container.audio_encoder
    # no sample rate or no channels: it cannot be decoded
    if not muxer_accepts(container, lambda output: ReencodedTrack(output, stream, encoder, None, Fraction(0))):
        return [f"{name} is damaged and is left out"]
    side.tracks.append(SideTrack(stream.index, encoder))
    return [f"{name} cannot be copied into {container.format} and is re-encoded as {encoder}"]


def _can_copy(container: Container, stream: Stream) -> bool:
    """Whether packets of this stream can be copied: the muxer is asked to write a header for it."""
    if stream.codec_context is None or (is_still(stream) and not container.cover_track):
        return False
    return muxer_accepts(container, lambda output: output.add_stream_from_template(stream, opaque=True))


def _codec(stream: Stream) -> str:
    return stream.codec_context.codec.canonical_name if stream.codec_context is not None else "unknown"


def _is_empty(path: Path, index: int) -> bool:
    with open_container(path) as source:  # opened again, because reading packets moves the position in it
        return is_empty(source, source.streams[index])


def _attachment(path: Path, stream: Stream) -> Attachment | None:
    """The stream as Matroska attaches files, cover art included; None where it cannot be attached."""
    if isinstance(stream, AttachmentStream):
        return Attachment(stream.name or "attachment", stream.mimetype or "application/octet-stream", stream.data)
    if not is_still(stream) or _codec(stream) not in COVER_TYPES:
        return None
    with open_container(path) as source:
        data = next(bytes(packet) for packet in source.demux(source.streams[stream.index]) if packet.size)
    return Attachment(*COVER_TYPES[_codec(stream)], data)
