"""Sample entries of MP4 and QuickTime files, for what FFmpeg's muxers cannot write.

The sample entry of a track says what its packets are; it is a box that begins with the name of a format, such as avc1.
"""

from __future__ import annotations

import io
import struct
from typing import BinaryIO

from videostyle.media.boxes import Box, boxes


def box(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", 8 + len(content)) + kind + content


def sample_entry(file: BinaryIO, track: int) -> bytes:
    """The sample entry of a track, counted from 0. Raises ValueError where the file does not have it."""
    entry = _path_to_entry(file, track)[-1]
    file.seek(entry.start - 8)
    return file.read(entry.end - entry.start + 8)


def track_kind(file: BinaryIO, track: int) -> bytes:
    """What a track holds, such as b"vide" or b"meta". Raises ValueError where the file does not say it."""
    _, trak = _track(file, track)
    handler = _inside(file, _inside(file, trak, b"mdia"), b"hdlr")
    file.seek(handler.start + 8)
    return file.read(4)


def replace_sample_entry(file: BinaryIO, track: int, entry: bytes) -> None:
    """Replace the sample entry of a track, in a file where no packets follow the box moov."""
    *around, old = _path_to_entry(file, track)
    file.seek(old.end)
    rest = file.read()
    file.seek(old.start - 8)
    file.write(entry + rest)
    growth = len(entry) - (old.end - old.start + 8)
    for outer in around:
        file.seek(outer.start - 8)
        file.write(struct.pack(">I", outer.end - outer.start + 8 + growth))


def _path_to_entry(file: BinaryIO, track: int) -> list[Box]:
    """The boxes from moov to the sample entry of a track, from the outside in."""
    path = [*_track(file, track)]
    for kind in (b"mdia", b"minf", b"stbl", b"stsd"):
        path.append(_inside(file, path[-1], kind))
    description = path[-1]
    for entry in boxes(file, description.start + 8, description.end):  # after its version and the number of entries
        return [*path, entry]
    raise ValueError("no sample entry")


def _track(file: BinaryIO, number: int) -> tuple[Box, Box]:
    """The box moov, and the box of a track in it."""
    movie = _inside(file, Box(b"", 0, file.seek(0, io.SEEK_END)), b"moov")
    tracks = [inner for inner in boxes(file, movie.start, movie.end) if inner.kind == b"trak"]
    if number >= len(tracks):
        raise ValueError(f"no track {number}")
    return movie, tracks[number]


def _inside(file: BinaryIO, outer: Box, kind: bytes) -> Box:
    for inner in boxes(file, outer.start, outer.end):
        if inner.kind == kind:
            return inner
    raise ValueError(f"no box {kind.decode()}")
