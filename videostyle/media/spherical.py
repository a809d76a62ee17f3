"""The tags of 360-degree and stereoscopic videos, read from a film's first frame and given to the stylized one.

They are written as the boxes st3d and sv3d of Google's Spherical Video V2, whichever way the source has them. FFmpeg's
Matroska muxer takes them from the stream that an output's stream is made from; an MP4 file gets the boxes themselves, because
its muxer adds others that contradict them.
"""

from __future__ import annotations

import io
import struct
from pathlib import Path
from typing import BinaryIO

import av

from videostyle.media.frame_tags import first_tags
from videostyle.media.sample_entries import box, replace_sample_entry, sample_entry
from videostyle.media.tracks import open_container

EQUIRECTANGULAR, CUBEMAP, TILE = 0, 1, 2  # FFmpeg's AVSphericalProjection
STEREO_MODES = {0: 0, 2: 1, 1: 2}
"""Modes of the box st3d (single picture, top to bottom, side by side) by FFmpeg's AVStereo3DType."""


def spherical_boxes(path: Path, track: int) -> bytes:
    """The boxes for what the first frame of a track is tagged with; nothing where that is an ordinary video."""
    tags = first_tags(path, track, 1)
    boxes = b""
    if "STEREO3D" in tags:
        mode = STEREO_MODES.get(struct.unpack_from("=I", tags["STEREO3D"])[0])
        boxes += b"" if mode is None else box(b"st3d", struct.pack(">IB", 0, mode))
    if "SPHERICAL" in tags:
        boxes += _projection(*struct.unpack_from("=Iiii5I", tags["SPHERICAL"]))
    return boxes


def _projection(
    kind: int, yaw: int, pitch: int, roll: int, left: int, top: int, right: int, bottom: int, padding: int
) -> bytes:
    """The box sv3d. yaw, pitch, roll: degrees times 65536. The bounds are shares of the picture times 2**32."""
    if kind in (EQUIRECTANGULAR, TILE):
        shape = box(b"equi", struct.pack(">5I", 0, top, bottom, left, right))
    elif kind == CUBEMAP:
        shape = box(b"cbmp", struct.pack(">3I", 0, 0, padding))
    else:
        return b""
    header = box(b"prhd", struct.pack(">I3i", 0, yaw, pitch, roll))
    return box(b"sv3d", box(b"svhd", bytes(5)) + box(b"proj", header + shape))


def add_to_sample_entry(file: BinaryIO, boxes: bytes) -> None:
    """Add boxes to what an MP4 or QuickTime file, whose last box is moov, says of its first track's packets."""
    entry = sample_entry(file, 0) + boxes
    replace_sample_entry(file, 0, struct.pack(">I", len(entry)) + entry[4:])


def tagged_template(segment: Path, boxes: bytes) -> io.BytesIO:
    """An MP4 file with the first packet of a segment, whose video stream has the tags of these boxes."""
    file = io.BytesIO()
    with open_container(segment) as source, av.open(file, "w", format="mp4") as output:
        stream = output.add_stream_from_template(source.streams.video[0], opaque=True)
        packet = next(packet for packet in source.demux(source.streams.video[0]) if packet.size)
        packet.stream = stream
        output.mux(packet)
    add_to_sample_entry(file, boxes)
    file.seek(0)
    return file
