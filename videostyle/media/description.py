"""What is known of a source before its frames are read, as names and values."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

import av
from av.container import InputContainer
from av.video.stream import VideoStream

from videostyle.errors import BadInput
from videostyle.frames import VideoInfo
from videostyle.media.image_sources import numbered_names
from videostyle.media.sources import Source
from videostyle.media.tracks import open_video

KINDS = {"video": "video", "folder": "folder of frames", "image": "image"}


def described(source: Source) -> list[tuple[str, str]]:
    """The lines of `videostyle info` on a video, a folder of frames or an image. Nothing is decoded but its first frame."""
    info, (height, width) = source.info, source.info.size
    rows = [("kind", KINDS[info.kind]), ("size", f"{width}x{height}")]
    if info.sample_aspect != 1:
        rows.append(("pixel aspect ratio", f"{info.sample_aspect.numerator}:{info.sample_aspect.denominator}"))
    if info.kind == "folder":
        rows.append(("frames", str(len(numbered_names(source.path)))))
    in_file = list(_in_file(source)) if info.kind == "video" else []
    rows += in_file or [("bits per color", str(info.bits))]
    if info.hdr:
        rows.append(("HDR", info.hdr.curve))
    return rows + [("note", line) for line in info.notices]


def _in_file(source: Source) -> Iterator[tuple[str, str]]:
    """What a video's container says of it; nothing where FFmpeg does not open it, as some animations."""
    try:
        with open_video(source.path) as container:
            film = next(stream for stream in container.streams.video if stream.index == source.info.track)
            yield from _film(container, film, source.info)
            for stream in container.streams.audio:
                codec = stream.codec_context
                sound = f"{codec.name}, {codec.rate} Hz, {codec.layout.name}" if codec else "of an unknown format"
                yield "sound track", sound
            for text in container.streams.subtitles:
                yield "subtitle track", text.codec_context.name if text.codec_context else "of an unknown format"
    except BadInput:
        return


def _film(container: InputContainer, film: VideoStream, info: VideoInfo) -> Iterator[tuple[str, str]]:
    """Of the track that is stylized. Rate, duration and number of frames are those that the file claims."""
    pixels = film.codec_context.format
    yield "codec", ", ".join([film.codec_context.name, *([pixels.name] if pixels else [])])
    yield "bits per color", str(max(part.bits for part in pixels.components) if pixels else info.bits)
    seconds = _seconds(container, film)
    if info.rate:
        yield "frame rate", f"{float(info.rate):.6g}"
    if seconds:
        minutes, rest = divmod(seconds, 60)
        yield "duration", f"{minutes // 60:02}:{minutes % 60:02}:{float(rest):06.3f}"
    if film.frames:
        yield "frames", str(film.frames)
    elif seconds and info.rate:
        yield "frames", f"about {round(seconds * info.rate)}"


def _seconds(container: InputContainer, film: VideoStream) -> Fraction | None:
    """How long the film is, or else the longest track."""
    if film.duration and film.time_base:
        return film.duration * film.time_base
    return Fraction(container.duration, av.time_base) if container.duration else None
