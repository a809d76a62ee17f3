"""A rehearsal of the muxing: before the first frame is stylized, everything but the film is muxed in a dry run.

What fails there, or would sound different, is encoded again or left out with a notice, so that a run does not fail after its
last frame. The outcome is kept in the work folder, for a run that resumes.
"""

from __future__ import annotations

import errno
import hashlib
import io
import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import av
import numpy as np

from videostyle.errors import VideoStyleError
from videostyle.media.containers import Container
from videostyle.media.encoding import Encoding
from videostyle.media.images import picture_bytes
from videostyle.media.mux import Film, Written, write_file
from videostyle.media.segments import Span, encode_segment
from videostyle.media.side_tracks import Sides, SideTrack, SideTracks, reencoding
from videostyle.media.tracks import open_container
from videostyle.media.workdir import write_atomically

Write = Callable[[Sides], Written]

DISK_ERRORS = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EIO, errno.EACCES, errno.ENOENT}
"""What no choice of tracks can mend."""

OUTCOME = "rehearsal.json"


class Nowhere(io.RawIOBase):
    """A file that keeps nothing of what is written, but its position."""

    def __init__(self) -> None:
        self._position = self._end = 0

    def writable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def write(self, data: object) -> int:
        size = memoryview(data).nbytes  # type: ignore[arg-type]
        self.seek(size, io.SEEK_CUR)
        return size

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        self._position = offset + {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._end}[whence]
        self._end = max(self._end, self._position)
        return self._position

    def tell(self) -> int:
        return self._position


def rehearse(
    folder: Path,
    container: Container,
    encoding: Encoding,
    sides: Sides,
    spans: list[Span],
    check: Callable[[], None],
) -> tuple[Sides, list[str]]:
    """What of the side tracks can be written with a film whose frames have these spans, and notices for the rest.

    folder: the work folder. check: called before each frame's packet; what it raises ends the rehearsal. Raises OSError or
    av.FFmpegError where the film alone cannot be written or a file cannot be read.
    """
    key = _key(container, encoding, sides, spans)
    known = _outcome(folder / OUTCOME, key, sides)
    if known is not None:
        return known
    with TemporaryDirectory(dir=folder, prefix="rehearsal") as temporary:
        template = _black_segment(Path(temporary), encoding)
        film = Film(template, lambda: _black_packets(template, encoding, spans, check))
        chosen, written = write_what_can_be(
            lambda trial: write_file(Nowhere(), container, film, encoding, trial), sides, container
        )
    outcome = {"key": key, "sides": [_as_json(side) for side in chosen.files], "notices": written.notices}
    write_atomically(folder / OUTCOME, json.dumps(outcome).encode())
    return chosen, written.notices


def write_what_can_be(write: Write, sides: Sides, container: Container) -> tuple[Sides, Written]:
    """Call `write` until it succeeds: with all that is planned, else without what fails. Returns what it wrote at last, with
    all notices.

    A copied track that fails, or would sound different, is encoded again where that is possible. Raises what `write` raises
    where the disk fails, and where the film alone cannot be written.
    """
    written, notices = _attempt(write, sides), []
    if written is not None and written.misfits:
        misfits = written.misfits
        notices = [line for side in sides.files for line in _reencoded_lines(side, misfits, container)]
        sides = _mapped(sides, lambda track: track.reencoded if track in misfits else track)
        written = _attempt(write, sides)
    if written is not None:
        return sides, replace(written, notices=notices + written.notices)
    return _track_by_track(write, sides, container)


def _track_by_track(write: Write, sides: Sides, container: Container) -> tuple[Sides, Written]:
    """The film alone, and all that can be added to it without a failure."""
    kept, notices = _without_tracks(write, sides, container)
    for number, side in enumerate(sides):
        if side is None:
            continue
        for track in side.tracks:
            choices = [track, track.reencoded] if track.fallback else [track]
            trials = [_with_track(kept, number, choice) for choice in choices]
            errors: list[str] = []
            found = next((trial for trial in trials if _attempt(write, trial, errors) is not None), None)
            if found is None:
                why = f"({errors[-1]})"
                notices.append(f"{track.name} cannot be written into {container.format} {why} and is left out")
                continue
            if found is not trials[0]:
                notices += _reencoded_lines(side, {track: ""}, container)
            kept = found
    written = write(kept)
    return kept, replace(written, notices=notices + written.notices)


def _without_tracks(write: Write, sides: Sides, container: Container) -> tuple[Sides, list[str]]:
    bare = _mapped(sides, lambda _: None)
    if _attempt(write, bare) is not None:
        return bare, []
    notice = f"attachments, chapters and tags of the source cannot be written into {container.format} and are left out"
    source = bare.source and replace(bare.source, attachments=[], has_tags=False)
    return bare._replace(source=source), [notice]


def _attempt(write: Write, sides: Sides, errors: list[str] | None = None) -> Written | None:
    """What `write` returns; None where it fails because of the tracks, with the reason in `errors`."""
    try:
        return write(sides)
    except VideoStyleError:
        raise
    except Exception as error:
        if getattr(error, "errno", None) in DISK_ERRORS:
            raise
        if errors is not None:
            errors.append(getattr(error, "strerror", None) or str(error) or type(error).__name__)
        return None


def _mapped(sides: Sides, change: Callable[[SideTrack], SideTrack | None]) -> Sides:
    """The same with each track replaced; None leaves it out."""

    def mapped(side: SideTracks | None) -> SideTracks | None:
        return side and replace(side, tracks=[new for track in side.tracks if (new := change(track)) is not None])

    return Sides(*map(mapped, sides))


def _with_track(sides: Sides, number: int, track: SideTrack) -> Sides:
    changed = [
        replace(side, tracks=[*side.tracks, track]) if side is not None and index == number else side
        for index, side in enumerate(sides)
    ]
    return Sides(*changed)


def _reencoded_lines(side: SideTracks, reasons: dict[SideTrack, str], container: Container) -> list[str]:
    """A notice for each track of a file that has a reason, which may be empty, to be encoded again."""
    with open_container(side.path) as file:
        return [
            f"{track.name} cannot be copied into {container.format}{f', as {why},' if why else ''} and is "
            f"{reencoding(file.streams[track.index], track.fallback)}"
            for track in side.tracks
            if (why := reasons.get(track)) is not None
        ]


def _black_segment(folder: Path, encoding: Encoding) -> Path:
    picture = Span(0, 0, 1).file(folder, ".png")
    picture.write_bytes(picture_bytes(np.zeros((*encoding.size, 3), np.uint8), None, ".png"))
    return encode_segment([picture], folder, encoding)


def _black_packets(
    template: Path, encoding: Encoding, spans: list[Span], check: Callable[[], None]
) -> Iterator[av.Packet]:
    """The template's only packet once for each span."""
    with open_container(template) as segment:
        content = next(bytes(packet) for packet in segment.demux() if packet.size)
    for span in spans:
        check()
        packet = av.Packet(content)
        packet.pts = packet.dts = span.start
        packet.duration, packet.time_base, packet.is_keyframe = span.end - span.start, encoding.tick, True
        yield packet


def _key(container: Container, encoding: Encoding, sides: Sides, spans: list[Span]) -> str:
    """A fingerprint of everything that the outcome depends on."""
    files = [side.path.stat() for side in sides.files]
    facts = (av.__version__, container, encoding, sides, spans, [(file.st_size, file.st_mtime_ns) for file in files])
    return hashlib.sha256(repr(facts).encode("utf-8", "surrogatepass")).hexdigest()


def _as_json(side: SideTracks) -> dict[str, object]:
    encoders = {str(track.index): track.encoder for track in side.tracks}
    return {"encoders": encoders, "attachments": bool(side.attachments), "tags": side.has_tags}


def _outcome(path: Path, key: str, sides: Sides) -> tuple[Sides, list[str]] | None:
    """What an earlier rehearsal of the same found; None where there is none."""
    try:
        outcome = json.loads(path.read_bytes())
        if outcome["key"] != key:
            return None
        chosen = iter([_from_json(side, known) for side, known in zip(sides.files, outcome["sides"], strict=True)])
        return Sides(*(side and next(chosen) for side in sides)), list(outcome["notices"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _from_json(side: SideTracks, known: dict[str, object]) -> SideTracks:
    encoders = known["encoders"]
    assert isinstance(encoders, dict)
    tracks = [
        track if encoders[str(track.index)] == track.encoder else track.reencoded
        for track in side.tracks
        if str(track.index) in encoders
    ]
    attachments = side.attachments if known["attachments"] else []
    return replace(side, tracks=tracks, attachments=attachments, has_tags=bool(known["tags"]))
