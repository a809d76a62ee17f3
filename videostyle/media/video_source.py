"""Reads videos frame by frame with PyAV: upright BT.709 RGB with exact times, in bounded memory."""

from __future__ import annotations

import errno
from collections import deque
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import groupby
from pathlib import Path

import av
from av.container import InputContainer
from av.filter import Graph
from av.format import Flags
from av.video.stream import VideoStream

from videostyle.errors import BadInput
from videostyle.frames import Frame, Size, VideoInfo
from videostyle.media.color.decode import ToRGB, sample_bits
from videostyle.media.color.hdr import is_hdr, needs_conversion
from videostyle.media.images import upright
from videostyle.media.pixels import to_bits
from videostyle.media.tracks import ACCEPTED, color_tags, film_candidates, open_video, orientation, tag_frame

# after this many frames in a row that lie more than a second before the last, the clock has restarted: it is not damage
_RESTART_FRAMES = 25

_LONE_FRAME = Fraction(1, 25)  # duration of the only frame of a file that claims none


@dataclass(frozen=True)
class TimedFrame:
    """A decoded frame with its time."""

    picture: av.VideoFrame
    time: Fraction
    """Seconds on the file's clock."""
    claimed: Fraction
    """Its duration in seconds as the file claims; 0 where it claims none."""


class VideoSource:
    """A video file as a source: its first decodable video track that is not cover art, default tracks before others.

    `skipped` counts packets that do not decode, damaged frames, and frames whose time is not after the one before.
    Raises BadInput if no frame can be decoded.
    """

    def __init__(self, path: Path):
        self.path = path
        self.skipped = 0
        with open_video(path) as container:
            tracks = [stream.index for stream in film_candidates(container)]
        if not tracks:
            raise BadInput(f"{path} has no video track", ACCEPTED)
        if not any(self._find_first_frame(track) for track in tracks):
            raise BadInput(f"no frame of the video in {path} can be decoded", ACCEPTED, "the file may be damaged")

    def frames(self, size: Size | None = None, first: int = 0) -> Generator[Frame]:
        """The frames from ordinal `first` on, upright and scaled to `size`; those before are decoded only to be counted.

        A frame lasts until the next one. The last one has the duration that the file claims if that was right (to a
        millisecond) for the frame before it, else the duration of the frame before it.
        """
        self.skipped = 0
        size = size or self.info.size
        stored = size[::-1] if self._turns % 2 else size
        to_rgb = ToRGB()
        with open_video(self.path) as container:
            frames = deinterlaced(self._timed(container, self.info.track), self._notice_interlaced)
            for index, (frame, duration) in enumerate(_with_durations(frames)):
                if index >= first:
                    image = to_bits(to_rgb(frame.picture, stored), self.info.bits)
                    yield Frame(upright(image, self._mirror, self._turns), index, frame.time, duration)

    def close(self) -> None:
        """Nothing is open between passes; a pass closes its file when it ends or is closed."""

    def _find_first_frame(self, track: int) -> bool:
        """Set `info` and the orientation from the track's first frame. Returns False if it has none."""
        with open_video(self.path) as container:
            stream = _video_stream(container, track)
            first = next(self._timed(container, track), None)
            if first is None:
                return False
            picture = first.picture
            self._mirror, self._turns = orientation(picture)
            aspect = stream.sample_aspect_ratio or Fraction(1)
            sideways = self._turns % 2 == 1
            self.info = VideoInfo(
                "video",
                (picture.width, picture.height) if sideways else (picture.height, picture.width),
                sample_bits(picture),
                stream.time_base,
                1 / aspect if sideways else aspect,
                stream.average_rate or None,
                _zero(container),
                tuple(_notices(self.path.name, picture)),
                track,
            )
        if picture.interlaced_frame:
            self._notice_interlaced()
        return True

    def _notice_interlaced(self) -> None:
        line = f"{self.path.name} is interlaced; its frames are deinterlaced"
        if line not in self.info.notices:
            self.info = replace(self.info, notices=(line, *self.info.notices))

    def _timed(self, container: InputContainer, track: int) -> Iterator[TimedFrame]:
        """The track's frames with strictly increasing times; others are dropped and counted in `skipped`."""
        stream = _video_stream(container, track)
        tick = stream.time_base or Fraction(1, av.time_base)
        clock, early = PresentationClock(), 0  # early: frames in a row that lie more than a second before the last
        last: TimedFrame | None = None
        for picture in self._decoded(container, stream):
            ticks = clock.ticks(picture.pts, picture.dts)
            following = last.time + (last.claimed or tick) if last else Fraction(0)
            time = following if ticks is None else tick * ticks
            if last is not None and time <= last.time:
                self.skipped += 1
                early = early + 1 if time < last.time - 1 else 0
                if early == _RESTART_FRAMES:
                    raise self._restarted_clock(last.time)
                continue
            early = 0
            last = TimedFrame(picture, time, tick * (picture.duration or 0))
            yield last

    def _restarted_clock(self, time: Fraction) -> BadInput:
        return BadInput(
            f"the clock of {self.path} starts again after {float(time):.1f} s, as if files had been joined",
            todo=f"`ffmpeg -i {self.path.name} -c copy joined.mkv` makes a file with one continuous clock",
        )

    def _decoded(self, container: InputContainer, stream: VideoStream) -> Iterator[av.VideoFrame]:
        """All frames of the track that decode, as stored."""
        tags = color_tags(stream)  # read first: decoding overwrites what the container says
        for packet in self._packets(container, stream):
            try:
                pictures = stream.decode(packet)
            except av.FFmpegError:
                self.skipped += 1
                continue
            for picture in pictures:
                if picture.is_corrupt:
                    self.skipped += 1
                else:
                    yield tag_frame(picture, tags)

    def _packets(self, container: InputContainer, stream: VideoStream) -> Iterator[av.Packet | None]:
        try:
            yield from container.demux(stream)
        except (av.FFmpegError, OSError) as error:
            if error.errno == errno.EIO:
                problem = f"{self.path} cannot be read to its end: {error.strerror}"
                raise BadInput(problem, todo="copy it to another disk first") from error
            self.skipped += 1  # the file is truncated or damaged here; the frames before this point remain usable
            yield None


class PresentationClock:
    """Chooses between the presentation time and the decoding time of decoded frames.

    The presentation time is right except in containers that do not store it, such as AVI: there FFmpeg guesses it from the
    decoding time, wrongly where frames are reordered. Decoders return decoding times in the order of presentation, so
    those are used once presentation times have gone back more often than decoding times.
    """

    def __init__(self) -> None:
        self._newest: list[int | None] = [None, None]
        self._setbacks = [0, 0]

    def ticks(self, pts: int | None, dts: int | None) -> int | None:
        """The time of the next frame in ticks; None if it has none."""
        for kind, value in enumerate((pts, dts)):
            newest = self._newest[kind]
            if value is not None:
                self._setbacks[kind] += newest is not None and value < newest
                self._newest[kind] = value
        unreliable = self._newest[1] is not None and self._setbacks[0] > self._setbacks[1]
        return dts if pts is None or unreliable else pts


def _notices(name: str, picture: av.VideoFrame) -> Iterator[str]:
    """What the user should know about the treatment of frames like this one."""
    if any(component.is_alpha for component in picture.format.components):
        yield f"{name} is transparent in places; its transparency is ignored"
    if is_hdr(picture.color_trc):
        yield f"{name} is HDR; its frames are tone-mapped to BT.709"
    elif needs_conversion(picture.color_primaries, picture.color_trc):
        yield f"{name} has a wide gamut; its colors are converted to BT.709"


def _video_stream(container: InputContainer, track: int) -> VideoStream:
    return next(stream for stream in container.streams.video if stream.index == track)


def _zero(container: InputContainer) -> Fraction:
    """The time at which the file begins if its format may start clocks anywhere, else 0."""
    anywhere = Flags.ts_discont in Flags(container.format.flags) and container.start_time is not None
    return Fraction(container.start_time, av.time_base) if anywhere else Fraction(0)


def deinterlaced(frames: Iterator[TimedFrame], on_interlaced: Callable[[], None]) -> Iterator[TimedFrame]:
    """The same frames at the same times, with the lines of the later field interpolated by FFmpeg's bwdif.

    Frames that are not marked as interlaced pass unchanged until the first one that is. on_interlaced: called there.
    """
    # a filter graph takes frames of one size and format
    for _, run in groupby(frames, lambda frame: (frame.picture.width, frame.picture.height, frame.picture.format.name)):
        graph: Graph | None = None
        inside: deque[TimedFrame] = deque()  # frames in the graph, which keeps a frame until it has the next one
        for frame in run:
            if graph is None and not frame.picture.interlaced_frame:
                yield frame
                continue
            if graph is None:
                on_interlaced()
                graph = _bwdif(frame.picture)
            inside.append(frame)
            graph.push(frame.picture)
            yield from _finished(graph, inside)
        if graph is not None:
            graph.push(None)
            yield from _finished(graph, inside)


def _finished(graph: Graph, inside: deque[TimedFrame]) -> Iterator[TimedFrame]:
    """The frames that the graph has ready; it returns one per frame pushed, so they take the times of those in order."""
    while True:
        try:
            picture = graph.vpull()
        except (av.BlockingIOError, av.EOFError):
            return
        source = inside.popleft()
        yield TimedFrame(picture, source.time, source.claimed)


def _bwdif(picture: av.VideoFrame) -> Graph:
    graph = Graph()
    source = graph.add(
        "buffer",
        video_size=f"{picture.width}x{picture.height}",
        pix_fmt=picture.format.name,
        time_base="1/1000",  # not used: times are kept beside the graph
        colorspace=str(picture.colorspace),
        range=str(picture.color_range),
    )
    filters = source, graph.add("bwdif", "mode=send_frame:deint=interlaced"), graph.add("buffersink")
    graph.link_nodes(*filters).configure()
    return graph


def _with_durations(frames: Iterator[TimedFrame]) -> Iterator[tuple[TimedFrame, Fraction]]:
    """Frames with their durations in seconds; a frame's duration is known once the next frame is."""
    last: TimedFrame | None = None
    duration, claims_are_right = Fraction(0), True
    for frame in frames:
        if last is not None:
            duration = frame.time - last.time
            claims_are_right = abs(duration - last.claimed) <= Fraction(1, 1000)
            yield last, duration
        last = frame
    if last is not None:
        yield last, (last.claimed if claims_are_right else duration) or duration or _LONE_FRAME
