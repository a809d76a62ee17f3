"""A look into a finished file: what of the source was to be kept, and is not there."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from av.audio.stream import AudioStream
from av.container import InputContainer
from av.stream import Stream

from videostyle.media.audio import written_layout
from videostyle.media.frame_tags import first_tags
from videostyle.media.side_tracks import Sides, SideTrack, SideTracks, is_cover
from videostyle.media.track_copy import portable
from videostyle.media.tracks import open_container

FRAME_TAGS = {
    "SPHERICAL": "the tag of a 360-degree video",
    "STEREO3D": "the tag of a stereoscopic video",
    "A53_CC": "closed captions",
}
"""What frames are tagged with that is not part of the picture, by PyAV's name of the side data."""

TAGGED_FRAMES = 50
"""So many frames are looked at for them: captions need not be in every one."""


def missing(target: Path, sides: Sides, stored: list[list[SideTrack]], tags: set[str]) -> list[str]:
    """For each file that `target` was made from, a notice that names what is not in it, though it was to be kept.

    stored: as in `Written`. tags: `tags_to_keep` of the source. Nothing that goes wrong here costs the finished film: a
    notice says what it was.
    """
    try:
        return _missing(target, sides, stored, tags)
    except Exception as error:
        return [f"the output could not be compared with the source: {error}"]


def _missing(target: Path, sides: Sides, stored: list[list[SideTrack]], tags: set[str]) -> list[str]:
    notices = []
    with open_container(target) as written:
        tracks = [stream for stream in written.streams if not _is_attached(stream)][1:]  # the first one is the film
        for side, planned in zip(sides.files, stored, strict=True):
            with open_container(side.path) as source:
                own, tracks = tracks[: len(planned)], tracks[len(planned) :]
                lost = [*_lost_tracks(planned, source, own), *_lost_attachments(side, written)]
                if side is sides.source:
                    lost += [*_lost_frame_tags(tags, target), *_lost_tags(side, source, written)]
            if lost:
                notices.append(f"these of {side.path.name} are missing in the output: {', '.join(lost)}")
    return notices


def tags_to_keep(source: SideTracks | None) -> set[str]:
    """The names of FRAME_TAGS that the first frames of the film have."""
    if source is None:
        return set()
    return first_tags(source.path, source.film, TAGGED_FRAMES).keys() & FRAME_TAGS.keys()


def _is_attached(stream: Stream) -> bool:
    return stream.type == "attachment" or is_cover(stream)


def _lost_tracks(tracks: list[SideTrack], source: InputContainer, written: list[Stream]) -> Iterator[str]:
    for number, track in enumerate(tracks):
        original, copy = source.streams[track.index], written[number] if number < len(written) else None
        if copy is None or copy.type != original.type:
            yield track.name
        else:
            yield from _lost_of_track(track, original, copy)


def _lost_of_track(track: SideTrack, original: Stream, copy: Stream) -> Iterator[str]:
    for key in ("language", "title"):
        text = original.metadata.get(key, "und")
        if text != "und" and copy.metadata.get(key) != text:
            yield f"the {key} of {track.name}"
    if isinstance(original, AudioStream) and isinstance(copy, AudioStream):
        layout = written_layout(original, track.encoder) if track.encoder else original.codec_context.layout.name
        is_named = layout not in ("mono", "stereo") and not layout.endswith(" channels")
        if is_named and copy.codec_context.layout.name != layout:
            yield f"the channel layout {layout} of {track.name}"


def _lost_attachments(side: SideTracks, written: InputContainer) -> Iterator[str]:
    if len(side.attachments) > sum(map(_is_attached, written.streams)):
        yield "attachments"


def _lost_frame_tags(tags: set[str], target: Path) -> list[str]:
    if not tags:
        return []
    kept = first_tags(target, 0, TAGGED_FRAMES)
    return [FRAME_TAGS[tag] for tag in sorted(tags) if tag not in kept]


def _lost_tags(side: SideTracks, source: InputContainer, written: InputContainer) -> Iterator[str]:
    if not side.has_tags:
        return
    if side.trim is None and len(written.chapters()) < len(source.chapters()):
        yield "chapters"
    kept = {key.lower() for key in written.metadata}
    if lost := [key for key in portable(source.metadata) if key.lower() not in kept]:
        yield f"the tags {', '.join(lost)}"
