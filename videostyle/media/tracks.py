"""The tracks of a video file: how the file is opened, which track is the film, and what the tags say of its picture.

The film is the track that is stylized: the first of `film_candidates` that decodes a frame. The reader decides which one that
is and records it in `VideoInfo.track`; the muxer leaves that track out and copies the others.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from fractions import Fraction
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO, cast

import av
import numpy as np
from av.container import InputContainer
from av.sidedata.sidedata import SideDataContainer
from av.sidedata.sidedata import Type as SideDataType
from av.stream import Disposition, Stream
from av.video.stream import VideoStream

from videostyle.errors import BadInput
from videostyle.frames import HdrTags
from videostyle.media.boxes import is_cut_off
from videostyle.media.color.hdr import is_hdr

ACCEPTED = "a video that FFmpeg can decode, an image, or a folder of numbered images"

STILL_TRACK = Disposition.attached_pic | Disposition.timed_thumbnails

_LOOK = 1000  # packets that are read to tell films from thumbnails

_PREVIEW = 16  # times smaller than the largest track, in pixels: a preview

UNSPECIFIED_COLOR = {"colorspace": 2, "color_primaries": 2, "color_trc": 2, "color_range": 0}
"""A frame's color tags by their names in PyAV, and FFmpeg's code for "unspecified"."""


def _unnamed(cls: type[SideDataType], number: int) -> SideDataType:
    """A type of side data that FFmpeg has and PyAV has no name for: without it none of a frame's side data can be read."""
    member: Any = object.__new__(cls)
    member._name_, member._value_ = f"UNNAMED_{number}", number
    return cast(SideDataType, member)


SideDataType._missing_ = classmethod(_unnamed)  # type: ignore[assignment]


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
            if is_cut_off(path):
                problem = f"the recording {path} was never finished: the index at its end (moov) is missing"
                repair = f"`untrunc finished.mp4 {path.name}` rebuilds it from a finished recording of the same camera"
                raise BadInput(problem, todo=repair) from error
            raise BadInput(f"{path} is not a video", ACCEPTED) from error
        yield container


def _demuxer(file: BinaryIO) -> InputContainer:
    """A file object instead of a name: FFmpeg takes a name such as a:b.mp4 for a protocol.

    Tags are not always valid UTF-8. The whitelist keeps a playlist from opening other files or addresses. FFmpeg takes a
    stream of JPEGs now for a video, now for an image, depending on their size.
    """
    is_jpeg = file.read(3) == b"\xff\xd8\xff"
    file.seek(0)
    options = {"protocol_whitelist": "file"}
    return av.open(file, "r", format="mjpeg" if is_jpeg else None, metadata_errors="replace", options=options)


def film_candidates(container: InputContainer) -> list[VideoStream]:
    """The video tracks that may be the film, the likeliest first: of a known codec, neither cover art nor thumbnails.

    Tracks that look like thumbnails or previews come last: a single packet, or a sixteenth of the pixels of the largest
    track. Among the others, default tracks come first, then the order of the file decides. Where there are several, packets
    are read from the file.
    """
    films = [stream for stream in container.streams.video if stream.codec_context is not None and not is_still(stream)]
    if len(films) < 2:
        return films
    packets = _first_packets(container, films)
    most, largest = max(packets.values()), max(map(_pixels, films))

    def is_lesser(stream: VideoStream) -> bool:
        return packets[stream.index] < most or _PREVIEW * _pixels(stream) <= largest

    return sorted(films, key=lambda stream: (is_lesser(stream), not stream.disposition & Disposition.default))


def _first_packets(container: InputContainer, films: list[VideoStream]) -> Counter[int]:
    """How many packets each track has, by its index; 2 stands for more, and only the first packets of the file are read."""
    counts: Counter[int] = Counter()
    with suppress(av.FFmpegError):
        for packet in islice(container.demux(films), _LOOK):
            counts[packet.stream.index] = min(2, counts[packet.stream.index] + bool(packet.size))
            if all(counts[stream.index] == 2 for stream in films):
                break
    return Counter({stream.index: counts[stream.index] for stream in films})


def _pixels(stream: VideoStream) -> int:
    return stream.codec_context.width * stream.codec_context.height


def is_still(stream: Stream) -> bool:
    """Whether a track holds cover art or thumbnails instead of a film."""
    return bool(stream.disposition & STILL_TRACK)


def is_encrypted(container: InputContainer, stream: Stream) -> bool:
    """Whether the first packet of a track is encrypted. Reads it from the file."""
    return any(packet.has_sidedata("encryption_info") for packet in islice(container.demux(stream), 1))


def is_empty(container: InputContainer, stream: Stream) -> bool:
    """Whether a track has no packets. Reads the file up to the track's first one."""
    return not any(packet.size for packet in container.demux(stream))


def orientation(picture: av.VideoFrame) -> tuple[bool, int]:
    """(mirror, turns): mirrored left to right first, then turned clockwise by `turns` quarters, the frame is upright.

    From its display matrix (ISO/IEC 14496-12: x' = a x + c y, y' = b x + d y, stored as a, b, u, c, d, v, x, y, w);
    other angles are rounded to the nearest quarter. PyAV's `rotation` does not distinguish mirrored frames from turned ones.
    """
    matrix = _side_data(picture, "DISPLAYMATRIX")
    if not matrix.size:
        return False, 0
    a, b, _, c, d = matrix[:5].tolist()
    mirror = a * d - b * c < 0
    # the direction of the x axis; where the frame is mirrored, it was reversed before it was turned
    quarters = math.atan2(-b, -a) if mirror else math.atan2(b, a)
    return mirror, round(quarters / (math.pi / 2)) % 4


def color_tags(stream: VideoStream) -> dict[str, int]:
    """The container's color tags. Read them before decoding: a decoder replaces them with its own."""
    return {name: int(getattr(stream, name)) for name in UNSPECIFIED_COLOR}


def hdr_tags(picture: av.VideoFrame) -> HdrTags | None:
    """What an HDR frame says of its colors and of the light in it; None where it is not HDR."""
    if not is_hdr(picture.color_trc):
        return None
    mastering, light = _side_data(picture, "MASTERING_DISPLAY_METADATA"), _side_data(picture, "CONTENT_LIGHT_LEVEL")
    # FFmpeg's AVMasteringDisplayMetadata: ten fractions, then whether the first eight and the last two are set
    numbers = (
        mastering.tolist()
        if len(mastering) >= 22 and mastering[20] and mastering[21] and all(mastering[1:20:2])
        else []
    )
    fractions = tuple(Fraction(*numbers[place : place + 2]) for place in range(0, min(len(numbers), 20), 2))
    return HdrTags(picture.color_primaries, picture.color_trc, fractions, tuple(light[:2].tolist()))


def _side_data(picture: av.VideoFrame, kind: str) -> np.ndarray:
    """The side data of a frame as 32-bit integers; none where the frame has none of this kind."""
    data = cast(SideDataContainer, picture.side_data).get(
        kind
    )  # PyAV's type stubs have the type of one of its elements
    return np.frombuffer(b"" if data is None else data, np.int32)


def tag_frame(picture: av.VideoFrame, tags: dict[str, int]) -> av.VideoFrame:
    """The frame, with the container's tags where its own codec specifies none, as is common with ProRes and HEVC."""
    for name, unspecified in UNSPECIFIED_COLOR.items():
        if getattr(picture, name) == unspecified:
            setattr(picture, name, tags[name])
    return picture
