"""Side tracks: what a file has beside its film, and what of it an output can take: audio, subtitles, data, attachments."""

from __future__ import annotations

from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field, replace
from fractions import Fraction
from pathlib import Path
from typing import NamedTuple

import av
from av.audio.stream import AudioStream
from av.container import InputContainer
from av.stream import AttachmentStream, Disposition, Stream
from av.subtitles.stream import SubtitleStream

from videostyle.errors import BadInput
from videostyle.frames import Trim
from videostyle.media.audio import ReencodedTrack, written_layout
from videostyle.media.containers import Container
from videostyle.media.encoding import muxer_accepts
from videostyle.media.sample_entries import sample_entry, track_kind
from videostyle.media.subtitles import ReencodedText, is_text
from videostyle.media.tracks import is_empty, is_still, open_container
from videostyle.option_groups import TrackOptions

COVER_TYPES = {"png": ("cover.png", "image/png"), "mjpeg": ("cover.jpg", "image/jpeg")}
"""By codec: the names that players of Matroska look for, and MIME types."""


@dataclass(frozen=True)
class SideTrack:
    """A stream of a file that goes into the output."""

    index: int
    """Its index in the file."""
    name: str
    """What notices call it."""
    encoder: str = ""
    """FFmpeg's encoder where it is decoded and encoded again; empty where its packets are copied."""
    fallback: str = ""
    """The encoder for when its packets turn out to be unfit to copy; empty where there is none."""
    is_cover: bool = False
    """Whether it is cover art, which MP4 does not store as a track."""
    sample_entry: bytes = field(default=b"", repr=False)
    """What an MP4 or QuickTime file says of its packets, where FFmpeg's muxer cannot say it; else empty."""

    @property
    def reencoded(self) -> SideTrack:
        return replace(self, encoder=self.fallback, fallback="")


@dataclass(frozen=True)
class Attachment:
    """A file inside a Matroska file."""

    name: str
    mime_type: str
    data: bytes = field(repr=False)


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
    has_tags: bool = True
    """Whether the file's tags and chapters go into the output."""


class Sides(NamedTuple):
    """Everything that goes into an output beside the film."""

    source: SideTracks | None
    """Of the video that is stylized, whose tags and chapters are copied too; None where the frames come from images."""
    sound: SideTracks | None
    """Of an audio file."""

    @property
    def files(self) -> list[SideTracks]:
        return [side for side in self if side is not None]


def plan_source(
    path: Path, film: int, container: Container, trim: Trim | None, options: TrackOptions
) -> tuple[SideTracks, list[str]]:
    """What of the source, beside its film, goes into an output of this kind; and notices for the rest.

    film: its stream index. Raises OSError or av.FFmpegError where the source cannot be opened.
    """
    side = SideTracks(path, trim=trim, shift=trim.start if trim else Fraction(0), film=film)
    notices: list[str] = []
    numbers: Counter[str] = Counter()
    with open_container(path) as source:
        for stream in source.streams:
            numbers[stream.type] += 1
            if not _is_redundant(source, stream, film):
                name = f"{stream.type} track {numbers[stream.type]} ({_content(stream)})"
                notices += _take(side, container, stream, "the cover art" if is_cover(stream) else name, options)
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

    Besides the film these are: the track of texts in which MP4 keeps its chapters a second time, for old players; a track of
    timecodes where the film is tagged with the timecode (audio may be tagged with it too); and in an animated AVIF the copy of
    its first frame, and the alpha of both.
    """
    if stream.index == film or (stream.type == "video" and source.metadata.get("major_brand") == "avis"):
        return True
    if stream.type != "data":
        return False
    is_chapters = stream.name == "bin_data" and bool(source.chapters())
    return is_chapters or ("timecode" in stream.metadata and "timecode" in source.streams[film].metadata)


def is_cover(stream: Stream) -> bool:
    """Whether a track holds cover art, which is a single picture; tracks of thumbnails are films."""
    return is_still(stream) and not stream.disposition & Disposition.timed_thumbnails


def _take(side: SideTracks, container: Container, stream: Stream, name: str, options: TrackOptions) -> list[str]:
    """Add a stream to the side tracks where the container can hold it; return notices."""
    if isinstance(stream, AudioStream):
        return _take_audio(side, container, stream, name) if options.audio == "copy" else []
    if stream.type == "video" and not is_cover(stream):
        if _is_empty(side.path, stream.index):
            return [f"{name} is empty and is left out"]
        if options.other_video == "drop":
            return [f"{name} is not stylized and is left out; --other-video copy keeps it as it is"]
    attachment = _attachment(side.path, stream) if container.attachments else None
    if attachment is not None:
        side.attachments.append(attachment)
    elif stream.type == "data" and container.edit_lists and (entry := _metadata_entry(side.path, stream)):
        side.tracks.append(SideTrack(stream.index, name, sample_entry=entry))
    elif _can_copy(container, stream):
        fallback = container.text_encoder if isinstance(stream, SubtitleStream) and is_text(stream) else ""
        side.tracks.append(SideTrack(stream.index, name, fallback=fallback, is_cover=is_cover(stream)))
    elif isinstance(stream, SubtitleStream) and _can_reencode(container, stream):
        side.tracks.append(SideTrack(stream.index, name, container.text_encoder))
        return [f"{name} cannot be copied into {container.format} and is re-encoded as {container.text_encoder}"]
    else:
        return [f"{name} cannot be copied into {container.format} and is left out"]
    return []


def _take_audio(side: SideTracks, container: Container, stream: AudioStream, name: str) -> list[str]:
    if stream.codec_context is None:
        return [f"{name} has an unknown format and is left out"]
    encoder = container.audio_encoder
    if _can_copy(container, stream):
        side.tracks.append(SideTrack(stream.index, name, fallback=encoder))
        return [_rarely_played(name, container)] if _codec(stream) in container.rarely_played else []
    # no sample rate or no channels: it cannot be decoded
    if not muxer_accepts(container, lambda output: ReencodedTrack(output, stream, encoder, None, Fraction(0))):
        return [f"{name} is damaged and is left out"]
    side.tracks.append(SideTrack(stream.index, name, encoder))
    return [f"{name} cannot be copied into {container.format} and is {reencoding(stream, encoder)}"]


def _rarely_played(name: str, container: Container) -> str:
    convert = f"`ffmpeg -i OUTPUT -map 0 -c copy -c:a {container.audio_encoder} NEW{container.suffixes[0]}`"
    return (
        f"{name} is copied, and some players are silent with such sound in {container.format}; "
        f"choose an -o that ends in .mkv, or re-encode the sound afterwards: {convert}"
    )


def reencoding(stream: Stream, encoder: str) -> str:
    """What becomes of a track that is encoded again, in words."""
    words = f"re-encoded as {encoder}"
    if not isinstance(stream, AudioStream):
        return words
    before, after = stream.codec_context.layout.name, written_layout(stream, encoder)
    is_same = av.AudioLayout(after).nb_channels == stream.codec_context.layout.nb_channels and after in before
    is_usual = after in ("mono", "stereo") and stream.codec_context.layout.nb_channels in (1, 2)
    return words if is_same or is_usual else f"{words}, with its channels {before} written as {after}"


def _can_copy(container: Container, stream: Stream) -> bool:
    """Whether packets of this stream can be copied: the muxer is asked to write a header for it."""
    if stream.codec_context is None or (is_cover(stream) and not container.cover_track):
        return False
    return muxer_accepts(container, lambda output: output.add_stream_from_template(stream, opaque=True))


def _metadata_entry(path: Path, stream: Stream) -> bytes:
    """The sample entry of a track of timed metadata in an MP4 or QuickTime file; empty where it is something else.

    Such are the telemetry of action cameras and drones, and what phones record of place and motion. Of these FFmpeg's muxer
    knows GoPro's; other entries are put in its place afterwards.
    """
    with suppress(ValueError), path.open("rb") as file:
        if track_kind(file, stream.index) == b"meta":
            return sample_entry(file, stream.index)
    return b""


def _can_reencode(container: Container, stream: SubtitleStream) -> bool:
    return is_text(stream) and muxer_accepts(
        container, lambda output: ReencodedText(output, stream, container.text_encoder)
    )


def _content(stream: Stream) -> str:
    """What a stream holds: its codec, or what a data track is called."""
    if stream.type != "data":
        return _codec(stream)
    return stream.metadata.get("handler_name") or stream.name or "unknown"


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
