"""Interlaced video: what says that frames hold two fields, and FFmpeg's bwdif, which makes frames of the fields."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import groupby, islice

import av
import numpy as np
from av.filter import Graph
from av.video.stream import VideoStream

from videostyle.errors import BadInput

MARKING = {
    "dnxhd", "dvvideo", "h264", "hevc", "mpeg1video", "mpeg2video", "mpeg4", "prores", "vc1", "vvc", "wmv3",
}  # fmt: skip
"""Codecs that mark each frame as interlaced or not: what a container says of the whole track does not count for them. FFV1
marks frames too, but captures are often made without, and then call all frames progressive."""

PROGRESSIVE = {"apng", "av1", "gif", "libdav1d", "png", "theora", "vp8", "vp9", "webp"}
"""Codecs made for progressive video: their first frames are not searched for fields."""

_BOTTOM_FIRST = (3, 4)  # FFmpeg's AV_FIELD_BB and AV_FIELD_TB: the bottom field is displayed first

_LOOK = 60  # frames from the beginning on that are searched for fields

_TOOTH = 12  # difference in brightness, of 255, between a line and the next, where fields moved apart

_COMBED = 0.002  # share of a frame, at least, that is combed where its fields are of different times

_COLUMNS = 240  # of a frame, about, that are searched

_SURE = 4  # frames that must have fields, and ten times as many as others, where nothing but their pixels says so


@dataclass(frozen=True)
class TimedFrame:
    """A decoded frame with its time."""

    picture: av.VideoFrame
    time: Fraction
    """Seconds on the file's clock."""
    duration: Fraction
    """Seconds until the next frame; as long as that is not known, what the file claims, 0 where it claims nothing."""
    sample_aspect: Fraction = Fraction(1)
    """Width over height of one pixel as stored."""


@dataclass(frozen=True)
class Deinterlacing:
    """How the frames of a track are deinterlaced."""

    everything: bool = False
    """Whether all frames are; else those that are marked as interlaced."""
    order: str = ""
    """Which field is first, "tff" or "bff", where the frames' own marks do not say which field is displayed first."""
    each_field: bool = False
    """Whether each field becomes a frame, instead of two fields one."""


def field_order(stream: VideoStream) -> str:
    """Which field is first, "tff" or "bff", where the container or the codec's private data says that all frames are
    interlaced; else empty.

    Read it before decoding. Which field comes first is not part of the private data: it is taken to be the top one.
    """
    codec, order = stream.codec_context, stream.codec_context.field_order
    if codec.name in MARKING:
        return ""
    if order > 1:
        return "bff" if order in _BOTTOM_FIRST else "tff"
    data = bytes(codec.extradata or b"")
    if codec.name in ("huffyuv", "ffvhuff") and len(data) > 2 and data[2] >> 4 & 3 == 1:
        return "tff"
    if codec.name == "utvideo" and len(data) >= 16 and data[13] & 8:  # bit 11 of the flags at byte 12
        return "tff"
    return ""


def is_silent(stream: VideoStream) -> bool:
    """Whether neither container nor codec says if the track is interlaced. Read it before decoding."""
    codec = stream.codec_context
    return codec.field_order == 0 and codec.name not in MARKING | PROGRESSIVE


def order_seen(pictures: Iterable[av.VideoFrame]) -> str:
    """Which field is first, "tff" or "bff", where FFmpeg's idet sees fields in nearly all of the first frames that move; else
    empty.

    idet takes pictures that scroll up or down for fields, and some that were drawn: `Combing` has to agree.
    """
    seen: Counter[str] = Counter()
    combing = Combing()
    for _, run in groupby(islice(pictures, _LOOK), _kind):
        graph: Graph | None = None
        for number, picture in enumerate(run):
            graph = graph or _graph(picture, ("metadata", "mode=delete"), ("idet", ""))
            combing.add(picture)
            picture.pts = number
            graph.push(picture)
            seen.update(map(_field_kind, _ready(graph)))
        assert graph is not None, "groups are not empty"
        graph.push(None)
        seen.update(map(_field_kind, _ready(graph)))
    order = "tff" if seen["tff"] >= seen["bff"] else "bff"
    others = seen["tff"] + seen["bff"] - seen[order] + seen["progressive"]
    return order if seen[order] >= max(_SURE, 10 * others) and combing.is_of_fields(order) else ""


def _field_kind(picture: av.VideoFrame) -> str:
    """What idet takes a frame for: tff, bff, progressive or undetermined."""
    return picture.metadata["lavfi.idet.multiple.current_frame"]


class Combing:
    """How combed frames are, against frames that are woven of a field of one and the other field of the next.

    Of interlaced video these are as combed as the frames themselves, as all fields have the same distance in time. Frames of
    progressive video are several times less combed.
    """

    def __init__(self) -> None:
        self._own = 0.0
        self._woven = {"tff": 0.0, "bff": 0.0}
        self._count = 0
        self._last: np.ndarray | None = None

    def add(self, picture: av.VideoFrame) -> None:
        """The next frame."""
        gray = picture.to_ndarray(format="gray")
        luma = gray[:, :: max(1, gray.shape[1] // _COLUMNS)].astype(np.int16)
        last, self._last = self._last, luma
        if last is None or last.shape != luma.shape:
            return
        self._own += combed_share(last)
        self._count += 1
        for order, first in (("tff", 0), ("bff", 1)):
            woven = last.copy()
            woven[first::2] = luma[first::2]
            self._woven[order] += combed_share(woven)

    def is_of_fields(self, order: str) -> bool:
        """Whether the frames so far are combed as interlaced ones of this order are."""
        return self._own > _COMBED * self._count and self._own > self._woven[order] / 2


def combed_share(luma: np.ndarray) -> float:
    """The share of places where luma, int16 (H, W), goes down, up and down again over four lines, or the reverse."""
    steps = np.diff(luma, axis=0)
    up, down = steps > _TOOTH, steps < -_TOOTH
    zigzag = (down[:-2] & up[1:-1] & down[2:]) | (up[:-2] & down[1:-1] & up[2:])
    return float(zigzag.mean()) if zigzag.size else 0.0


def deinterlaced(
    frames: Iterator[TimedFrame], how: Deinterlacing, on_interlaced: Callable[[], None]
) -> Iterator[TimedFrame]:
    """The same frames at the same times, with the lines of the later field interpolated by FFmpeg's bwdif; or, for each
    field, a frame of its own, the second one half way to the next frame, for which durations must be right.

    Frames pass unchanged until the first one that is to be deinterlaced. on_interlaced: called there.
    """
    for _, run in groupby(frames, lambda frame: _kind(frame.picture)):  # a filter graph takes frames of one kind
        graph: Graph | None = None
        inside: dict[int, TimedFrame] = {}  # frames in the graph, which keeps a frame until it has the next one
        for number, frame in enumerate(run):
            if graph is None and not (how.everything or frame.picture.interlaced_frame):
                yield frame
                continue
            if graph is None:
                on_interlaced()
                graph = _bwdif(frame.picture, how)
            inside[number] = replace(frame, duration=frame.duration / 2) if how.each_field else frame
            frame.picture.pts = number
            graph.push(frame.picture)
            yield from _finished(graph, inside)
        if graph is not None:
            graph.push(None)
            yield from _finished(graph, inside)


def _finished(graph: Graph, inside: dict[int, TimedFrame]) -> Iterator[TimedFrame]:
    """The frames that the graph has ready, one or two for each one pushed. It counts time in half ticks."""
    for picture in _ready(graph):
        assert picture.pts is not None, "every frame was given a number"
        number = picture.pts // 2
        for old in [other for other in inside if other < number]:
            del inside[old]
        frame = inside[number]
        yield replace(frame, picture=picture)
        inside[number] = replace(frame, time=frame.time + frame.duration)  # of the second field


def _ready(graph: Graph) -> Iterator[av.VideoFrame]:
    while True:
        try:
            yield graph.vpull()
        except (av.BlockingIOError, av.EOFError):
            return


def _kind(picture: av.VideoFrame) -> tuple[int, int, str]:
    return picture.width, picture.height, picture.format.name


def _bwdif(picture: av.VideoFrame, how: Deinterlacing) -> Graph:
    """Raises BadInput for frames that bwdif does not take."""
    rate, which = "field" if how.each_field else "frame", "all" if how.everything else "interlaced"
    order = [("setfield", f"mode={how.order}")] if how.order else []
    try:
        return _graph(picture, *order, ("bwdif", f"mode=send_{rate}:deint={which}"))
    except av.FFmpegError as error:
        problem = f"frames of {picture.width}x{picture.height} pixels in {picture.format.name} cannot be deinterlaced"
        raise BadInput(problem, todo="leave them as they are with --deinterlace off") from error


def _graph(picture: av.VideoFrame, *filters: tuple[str, str]) -> Graph:
    """A filter graph for frames like this one. Their pts are numbers; times are kept beside the graph."""
    graph = Graph()
    source = graph.add(
        "buffer",
        video_size=f"{picture.width}x{picture.height}",
        pix_fmt=picture.format.name,
        time_base="1/1000",
        colorspace=str(picture.colorspace),
        range=str(picture.color_range),
    )
    graph.link_nodes(source, *(graph.add(*each) for each in filters), graph.add("buffersink")).configure()
    return graph
