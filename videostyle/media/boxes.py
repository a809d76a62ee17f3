"""What FFmpeg does not say of MP4 and QuickTime files: an index that is missing, and the clean aperture.

Both are read from the boxes of the file (ISO/IEC 14496-12): a size, a type of four letters, and content, often more boxes.
"""

from __future__ import annotations

import io
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import BinaryIO

from videostyle.frames import Size

_TRACK_BOXES = (b"mdia", b"minf", b"stbl", b"stsd")

_LARGEST = 1 << 16  # bytes of a sample description that are read


@dataclass(frozen=True)
class Box:
    """A box of a file."""

    kind: bytes
    start: int
    """Where its content begins, in bytes."""
    end: int
    """Where it ends, in bytes."""


@dataclass(frozen=True)
class Aperture:
    """The part of a track's frames that is meant to be seen."""

    size: Size
    """(height, width) of the frames as stored."""
    rows: slice
    columns: slice

    @property
    def seen(self) -> Size:
        """(height, width) of the part."""
        return self.rows.stop - self.rows.start, self.columns.stop - self.columns.start


def boxes(file: BinaryIO, start: int, end: int) -> Iterator[Box]:
    """The boxes between two places in a file; stops at one that is damaged."""
    while start + 8 <= end:
        file.seek(start)
        header = file.read(16)
        if len(header) < 8:
            return
        size, kind = struct.unpack(">I4s", header[:8])
        content = start + 8
        if size == 1 and len(header) == 16:
            size, content = struct.unpack(">Q", header[8:])[0], start + 16
        stop = end if size == 0 else start + size
        if stop < content or not kind.isascii():
            return
        yield Box(kind, content, min(stop, end))
        start = stop


def is_cut_off(path: Path) -> bool:
    """Whether this is an MP4 or QuickTime file without its index (moov), which cameras write when a recording is stopped."""
    with path.open("rb") as file:
        kinds = [box.kind for box in boxes(file, 0, path.stat().st_size)]
    return kinds[:1] in ([b"ftyp"], [b"wide"], [b"mdat"]) and b"mdat" in kinds and b"moov" not in kinds


def clean_aperture(path: Path, track: int) -> Aperture | None:
    """The clean aperture (clap) of the track with this ID; None where it has none, or one that is no part of its frames."""
    with path.open("rb") as file:
        for movie in (box for box in boxes(file, 0, path.stat().st_size) if box.kind == b"moov"):
            for trak in (box for box in boxes(file, movie.start, movie.end) if box.kind == b"trak"):
                if _track_id(file, trak) == track:
                    return _aperture(_sample_description(file, trak))
    return None


def _track_id(file: BinaryIO, trak: Box) -> int:
    header = next((box for box in boxes(file, trak.start, trak.end) if box.kind == b"tkhd"), None)
    if header is None:
        return 0
    file.seek(header.start)
    data = file.read(24).ljust(24, b"\0")
    return int(struct.unpack_from(">I", data, 20 if data[0] == 1 else 12)[0])


def _sample_description(file: BinaryIO, box: Box) -> bytes:
    """The first sample entry of a track, without its size and type; empty where there is none."""
    for kind in _TRACK_BOXES:
        found = next((inner for inner in boxes(file, box.start, box.end) if inner.kind == kind), None)
        if found is None:
            return b""
        box = found
    entry = next(boxes(file, box.start + 8, box.end), None)
    if entry is None:
        return b""
    file.seek(entry.start)
    return file.read(min(entry.end - entry.start, _LARGEST))


def _aperture(entry: bytes) -> Aperture | None:
    """entry: a visual sample entry, whose boxes begin after 78 bytes."""
    if len(entry) < 78:
        return None
    width, height = struct.unpack_from(">HH", entry, 24)
    for box in boxes(io.BytesIO(entry), 78, len(entry)):
        if box.kind == b"clap" and box.end - box.start >= 32:
            numbers = struct.unpack_from(">IIIIiIiI", entry, box.start)
            if 0 in numbers[1::2]:
                return None
            wide, high, right, down = (Fraction(*numbers[place : place + 2]) for place in range(0, 8, 2))
            columns, rows = _span(width, wide, right), _span(height, high, down)
            if rows and columns and (rows, columns) != (slice(0, height), slice(0, width)):
                return Aperture((height, width), rows, columns)
    return None


def _span(side: int, length: Fraction, shift: Fraction) -> slice | None:
    """The pixels of a side that an aperture of this length covers, its middle shifted from the side's middle."""
    start, count = round((side - length) / 2 + shift), round(length)
    return slice(start, start + count) if start >= 0 and 0 < count <= side - start else None
