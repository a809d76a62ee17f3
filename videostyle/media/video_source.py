"""Reads videos frame by frame with PyAV: exact times, right colors, upright, in bounded memory."""

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

# frames in a row that lie more than a second before the last: their clock began again, they are not damaged
RESTARTED = 25

_LONE_FRAME = Fraction(1, 25)  # how long the only frame of a file lasts that does not say


@dataclass(frozen=True)
class Shown:
    """A decoded frame, its time, and how long the file claims it lasts (0: no claim), in seconds."""

    picture: av.VideoFrame
    time: Fraction
    claimed: Fraction


class VideoSource:
    """The film in a video file: its first decodable video track that is not cover art, default tracks before others.

    skipped: what could not be shown in the newest pass of `frames()`: packets that do not decode, damaged frames, and
    frames whose time is not after the one before. Raises BadInput where nothing can be decoded.
    """

    def __init__(self, path: Path):
        self.path = path
        self.skipped = 0
        with open_video(path) as container:
            tracks = [stream.index for stream in film_candidates(container)]
        if not tracks:
            raise BadInput(f"{path} has no video track", ACCEPTED)
        if not any(self._find_first_frame(track) for track in tracks):
            raise BadInput(f"{path}: no frame of its video can be decoded", ACCEPTED, "the file may be damaged")

    def frames(self, size: Size | None = None, first: int = 0) -> Generator[Frame]:
        """Frames from ordinal `first` on, upright and scaled to `size`; those before are decoded to be counted.

        A frame lasts until the next one. The last one lasts as the file claims, where that was right (to a millisecond)
        for the frame before it, else as long as the frame before it.
        """
        self.skipped = 0
        size = size or self.info.size
        stored = size[::-1] if self._turns % 2 else size
        to_rgb = ToRGB()
        with open_video(self.path) as container:
            shown_frames = deinterlaced(self._shown(container, self.info.track), self._tell_interlaced)
            for index, (shown, duration) in enumerate(_with_durations(shown_frames)):
                if index >= first:
                    image = to_bits(to_rgb(shown.picture, stored), self.info.bits)
                    yield Frame(upright(image, self._mirror, self._turns), index, shown.time, duration)

    def close(self) -> None:
        """Nothing is held between passes; a pass lets go of its file when it ends or is closed."""

    def _find_first_frame(self, track: int) -> bool:
        """Describe the track by its first frame; False where it has none."""
        with open_video(self.path) as container:
            stream = _video_stream(container, track)
            shown = next(self._shown(container, track), None)
            if shown is None:
                return False
            picture = shown.picture
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
            self._tell_interlaced()
        return True

    def _tell_interlaced(self) -> None:
        line = f"{self.path.name} is interlaced; its frames are deinterlaced"
        if line not in self.info.notices:
            self.info = replace(self.info, notices=(line, *self.info.notices))

    def _shown(self, container: InputContainer, track: int) -> Iterator[Shown]:
        """The track's frames in order, each later than the one before; the others are counted as skipped."""
        stream = _video_stream(container, track)
        tick = stream.time_base or Fraction(1, av.time_base)
        clock, back = PresentationClock(), 0  # back: how many frames in a row have lain well before the last
        last: Shown | None = None
        for picture in self._decoded(container, stream):
            ticks = clock.ticks(picture.pts, picture.dts)
            following = last.time + (last.claimed or tick) if last else Fraction(0)
            time = following if ticks is None else tick * ticks
            if last is not None and time <= last.time:
                self.skipped += 1
                back = back + 1 if time < last.time - 1 else 0
                if back == RESTARTED:
                    problem = f"{self.path}: its clock begins again after {float(last.time):.1f} s, as where files were joined"
                    todo = f"`ffmpeg -i {self.path.name} -c copy joined.mkv` makes one of it"
                    raise BadInput(problem, "a file of one clock", todo)
                continue
            back = 0
            last = Shown(picture, time, tick * (picture.duration or 0))
            yield last

    def _decoded(self, container: InputContainer, stream: VideoStream) -> Iterator[av.VideoFrame]:
        """Every frame of the track that decodes, as it was stored."""
        tags = color_tags(stream)  # before a decoder forgets what the container says
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
                raise BadInput(
                    f"{self.path} cannot be read to its end: {error.strerror}", todo="copy it first"
                ) from error
            self.skipped += 1  # the container breaks off here: what came before stands
            yield None


class PresentationClock:
    """Chooses between the two times a decoded frame carries.

    The presentation time is right but for containers that do not store it, such as AVI: there FFmpeg guesses it from
    the decoding time, wrongly where frames are reordered. So the decoding time, which a decoder hands on in the order
    of presentation, is taken once presentation times have gone back more often than decoding times.
    """

    def __init__(self) -> None:
        self._newest: list[int | None] = [None, None]
        self._setbacks = [0, 0]

    def ticks(self, pts: int | None, dts: int | None) -> int | None:
        """The time of the next frame in order; None where it carries none that can be believed."""
        for kind, value in enumerate((pts, dts)):
            newest = self._newest[kind]
            if value is not None:
                self._setbacks[kind] += newest is not None and value < newest
                self._newest[kind] = value
        muddled = self._newest[1] is not None and self._setbacks[0] > self._setbacks[1]
        return dts if pts is None or muddled else pts


def _notices(name: str, picture: av.VideoFrame) -> Iterator[str]:
    """What the user should know is done to frames like this one."""
    if any(component.is_alpha for component in picture.format.components):
        yield f"{name} is transparent in places; its colors are painted as if it were not"
    if is_hdr(picture.color_trc):
        yield f"{name} is HDR; its frames are tone-mapped to BT.709"
    elif needs_conversion(picture.color_primaries, picture.color_trc):
        yield f"{name} has a wide gamut; its colors are converted to BT.709"


def _video_stream(container: InputContainer, track: int) -> VideoStream:
    return next(stream for stream in container.streams.video if stream.index == track)


def _zero(container: InputContainer) -> Fraction:
    """The time at which the file begins, where its format is one whose clocks begin anywhere."""
    anywhere = Flags.ts_discont in Flags(container.format.flags) and container.start_time is not None
    return Fraction(container.start_time, av.time_base) if anywhere else Fraction(0)


def deinterlaced(frames: Iterator[Shown], notice: Callable[[], None]) -> Iterator[Shown]:
    """The same frames at the same times, with the lines of the later field of each computed anew (FFmpeg's bwdif).

    Frames that are not marked as interlaced pass unchanged. notice: called where there is one that is.
    """
    # a filter graph takes frames of one size and format
    for _, run in groupby(frames, lambda shown: (shown.picture.width, shown.picture.height, shown.picture.format.name)):
        graph: Graph | None = None
        waiting: deque[Shown] = deque()  # gone into the graph and not yet come out: it holds a frame until the next one
        for shown in run:
            if graph is None and not shown.picture.interlaced_frame:
                yield shown
                continue
            if graph is None:
                notice()
                graph = _bwdif(shown.picture)
            waiting.append(shown)
            graph.push(shown.picture)
            yield from _finished(graph, waiting)
        if graph is not None:
            graph.push(None)
            yield from _finished(graph, waiting)


def _finished(graph: Graph, waiting: deque[Shown]) -> Iterator[Shown]:
    """What the graph has ready, with the times of what went in first: it gives one frame for each."""
    while True:
        try:
            picture = graph.vpull()
        except (av.BlockingIOError, av.EOFError):
            return
        source = waiting.popleft()
        yield Shown(picture, source.time, source.claimed)


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


def _with_durations(frames: Iterator[Shown]) -> Iterator[tuple[Shown, Fraction]]:
    """Each frame with the time it is shown, which is known once the next one is."""
    held: Shown | None = None
    step, right = Fraction(0), True
    for shown in frames:
        if held is not None:
            step = shown.time - held.time
            right = abs(step - held.claimed) <= Fraction(1, 1000)
            yield held, step
        held = shown
    if held is not None:
        yield held, (held.claimed if right else step) or step or _LONE_FRAME
