"""The tracks of a video file: how the file is opened, which track is the film, and what the tags say of its picture.

The film is the track that is stylized: the first video track that decodes a frame. The reader decides which one that is and
records it in `VideoInfo.track`; the muxer leaves that track out and copies the others.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import BinaryIO, cast

import av
import numpy as np
from av.container import InputContainer
from av.sidedata.sidedata import SideDataContainer
from av.stream import Disposition, Stream
from av.video.stream import VideoStream

from videostyle.errors import BadInput

ACCEPTED = "a video that FFmpeg can decode, an image, or a folder of numbered images"

STILL_TRACK = Disposition.attached_pic | Disposition.timed_thumbnails

UNSPECIFIED_COLOR = {"colorspace": 2, "color_primaries": 2, "color_trc": 2, "color_range": 0}
"""A frame's color tags by their names in PyAV, and FFmpeg's code for "unspecified"."""


@contextmanager
def open_container(path: Path) -> Iterator[InputContainer]:
    """The file opened for reading. Raises OSError or av.FFmpegError where that fails."""
    with path.open("rb") as file, _demuxer(file) as container:
        yield container


@contextmanager
def open_video(path: Path) -> Iterator[InputContainer]:
    """The file opened for reading. Raises BadInput where it is not a video, OSError where it cannot be read at all."""
    with ExitStack() as files:
        file = files.enter_context(path.open("rb"))
        try:
            container = files.enter_context(_demuxer(file))
        except (av.FFmpegError, OSError, ValueError) as error:
            raise BadInput(f"{path} is not a video", ACCEPTED) from error
        yield container


def _demuxer(file: BinaryIO) -> InputContainer:
    """A file object instead of a name: FFmpeg takes a name such as a:b.mp4 for a protocol.

    Tags are not always valid UTF-8. The whitelist keeps a playlist from opening other files or addresses.
    """
    return av.open(file, "r", metadata_errors="replace", options={"protocol_whitelist": "file"})


def film_candidates(container: InputContainer) -> list[VideoStream]:
    """The video tracks that may be the film, default tracks first: no cover art or thumbnails, of a known codec."""
    films = [stream for stream in container.streams.video if stream.codec_context is not None and not is_still(stream)]
    return sorted(films, key=lambda stream: not stream.disposition & Disposition.default)


def is_still(stream: Stream) -> bool:
    """Whether a track holds cover art or thumbnails instead of a film."""
    return bool(stream.disposition & STILL_TRACK)


def is_empty(container: InputContainer, stream: Stream) -> bool:
    """Whether a track has no packets. Reads the file up to the track's first one."""
    return not any(packet.size for packet in container.demux(stream))


def orientation(picture: av.VideoFrame) -> tuple[bool, int]:
    """(mirror, turns): mirrored left to right first, then turned clockwise by `turns` quarters, the frame is upright.

    From its display matrix (ISO/IEC 14496-12: x' = a x + c y, y' = b x + d y, stored as a, b, u, c, d, v, x, y, w);
    other angles are rounded to the nearest quarter. PyAV's `rotation` does not distinguish mirrored frames from turned ones.
    """
    side_data = cast(SideDataContainer, picture.side_data)  # PyAV's type stubs have the type of one of its elements
    matrix = side_data.get("DISPLAYMATRIX")
    if matrix is None:
        return False, 0
    a, b, _, c, d = np.frombuffer(matrix, np.int32)[:5].tolist()
    mirror = a * d - b * c < 0
    # the direction of the x axis; where the frame is mirrored, it was reversed before it was turned
    quarters = math.atan2(-b, -a) if mirror else math.atan2(b, a)
    return mirror, round(quarters / (math.pi / 2)) % 4


def color_tags(stream: VideoStream) -> dict[str, int]:
    """The container's color tags. Read them before decoding: a decoder replaces them with its own."""
    return {name: int(getattr(stream, name)) for name in UNSPECIFIED_COLOR}


def tag_frame(picture: av.VideoFrame, tags: dict[str, int]) -> av.VideoFrame:
    """The frame, with the container's tags where its own codec specifies none, as is common with ProRes and HEVC."""
    for name, unspecified in UNSPECIFIED_COLOR.items():
        if getattr(picture, name) == unspecified:
            setattr(picture, name, tags[name])
    return picture
