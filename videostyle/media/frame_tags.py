"""What frames are tagged with beside their pictures: FFmpeg's side data."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from itertools import islice
from pathlib import Path
from typing import cast

import av
from av.sidedata.sidedata import SideData
from av.video.stream import VideoStream

from videostyle.media.tracks import open_container


def frame_tags(frame: av.VideoFrame) -> dict[str, bytes]:
    """The side data of a frame by PyAV's names."""
    return {data.type.name: bytes(data) for data in cast(list[SideData], list(frame.side_data))}


def decoded_frames(path: Path, track: int) -> Iterator[av.VideoFrame]:
    """The frames of a video track that can be decoded, as stored, up to where the file is damaged or cut off."""
    with open_container(path) as container:
        stream = cast(VideoStream, container.streams[track])
        packets = container.demux(stream)
        while True:
            try:
                packet = next(packets, None)
            except (av.FFmpegError, OSError):
                return
            if packet is None:
                return
            with suppress(av.FFmpegError):
                yield from stream.decode(packet)


def first_tags(path: Path, track: int, count: int) -> dict[str, bytes]:
    """The tags of a track's first frames: those of a later frame in place of an earlier one's."""
    tags: dict[str, bytes] = {}
    for frame in islice(decoded_frames(path, track), count):
        tags |= frame_tags(frame)
    return tags
