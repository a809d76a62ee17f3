"""Reads videos frame by frame with PyAV: upright BT.709 RGB with exact times, in bounded memory."""

from __future__ import annotations

import errno
from collections.abc import Generator, Iterator
from contextlib import suppress
from dataclasses import replace
from fractions import Fraction
from itertools import islice
from pathlib import Path

import av
import numpy as np
from av.container import InputContainer
from av.format import Flags
from av.video.stream import VideoStream

from videostyle.errors import BadInput
from videostyle.frames import Frame, Size, VideoInfo
from videostyle.media.alpha import decoder_of, has_alpha_packets
from videostyle.media.boxes import clean_aperture
from videostyle.media.color.decode import sample_bits
from videostyle.media.color.hdr import is_hdr, needs_conversion
from videostyle.media.fit import Fitting, fitted
from videostyle.media.frame_rate import thinned
from videostyle.media.frame_shapes import PictureReader, PixelAspects, ShapeChanges
from videostyle.media.interlacing import (
    Deinterlacing,
    TimedFrame,
    deinterlaced,
    field_order,
    is_silent,
    order_seen,
)
from videostyle.media.pixels import to_bits
from videostyle.media.tracks import (
    ACCEPTED,
    color_tags,
    film_candidates,
    hdr_tags,
    is_encrypted,
    open_video,
    tag_frame,
)
from videostyle.option_groups import ReadingOptions
from videostyle.option_values import parse_rate

# after this many frames in a row that lie more than a second before the last, the clock has restarted: it is not damage
_RESTART_FRAMES = 25

_LONE_FRAME = Fraction(1, 25)  # duration of the only frame of a file that claims none

_LOOK = 1000  # packets from the beginning on, among which each track's first one is

_LIVE_FORMATS = ("flv", "matroska,webm")

_LATE = 60  # seconds; a track that begins later than this does not just wait for another


class VideoSource:
    """A video file as a source: the first of its `film_candidates` that decodes.

    `skipped` counts packets that do not decode, damaged frames, and frames whose time is before the last one's. Raises
    BadInput if no frame can be decoded.
    """

    def __init__(self, path: Path, reading: ReadingOptions):
        self.path = path
        self.skipped = self._repeated = 0
        self._fit, self._mode = reading.fit or "bars", reading.deinterlace
        self._rate = parse_rate(reading.fps)
        self._interlaced = f"{path.name} is interlaced"
        with open_video(path) as container:
            tracks = [stream.index for stream in film_candidates(container)]
        if not tracks:
            raise BadInput(f"{path} has no video track", ACCEPTED)
        film = next((track for track in tracks if self._find_first_frame(track)), None)
        if film is None:
            raise self._undecodable(tracks[0])
        if film != tracks[0]:
            problem = f"no frame of track {tracks[0] + 1} of {path.name} can be decoded"
            self._add_notices(f"{problem}; track {film + 1} is stylized instead")

    def frames(self, size: Size | None = None, first: int = 0) -> Generator[Frame]:
        """The frames from ordinal `first` on, upright and scaled to `size`; those before are decoded only to be counted.

        A frame lasts until the next one. The last one has the duration that the file claims if that was right (to a
        millisecond) for the frame before it, else the duration of the frame before it. Raises BadInput where the shape
        changes and `--fit refuse` was given.
        """
        self.skipped = self._repeated = 0
        size = size or self.info.size
        pictures, shapes = PictureReader(self._aperture), ShapeChanges(self.path.name, self._shape, self._fit)
        with open_video(self.path) as container:
            frames = self._timed(container, self.info.track)
            if self._mode == "fields":
                frames = _with_durations(frames)
            if self._mode != "off":
                frames = deinterlaced(frames, self._deinterlacing, self._notice_interlaced)
            try:
                for index, frame in enumerate(thinned(_with_durations(frames), self._rate)):
                    how = shapes.fitting(pictures.shape(frame), frame.time - self._began)
                    if index >= first:
                        image, alpha = pictures.image(frame.picture, size, how)
                        image = to_bits(image, self.info.bits)
                        yield Frame(
                            image, index, frame.time, frame.duration, alpha=self._alpha(alpha, how), covered=how.covered
                        )
            finally:
                self._add_notices(*shapes.notices, *self._repeated_lines())

    def _alpha(self, alpha: np.ndarray | None, how: Fitting) -> np.ndarray | None:
        """A frame's alpha at the source's size and depth."""
        if alpha is None:
            return None
        return ~fitted(~to_bits(alpha, self.info.bits), self.info.size, how)  # inverted, so that bars are opaque

    def close(self) -> None:
        """Nothing is open between passes; a pass closes its file when it ends or is closed."""

    def _find_first_frame(self, track: int) -> bool:
        """Set `info` from the track's first frame. Returns False if it has none."""
        with open_video(self.path) as container:
            stream = _video_stream(container, track)
            stated, silent = field_order(stream), is_silent(stream)  # read first: decoding replaces them
            first = next(self._timed(container, track), None)
            if first is None:
                return False
            self._aperture = clean_aperture(self.path, stream.id) if _is_mp4(container) else None
            self._began = first.time
            self._shape = PictureReader(self._aperture).shape(first)
            self.info = VideoInfo(
                "video",
                self._shape.size,
                sample_bits(first.picture),
                stream.time_base,
                self._shape.sample_aspect,
                stream.average_rate or None,
                min(first.time, _start(container)) if _starts_anywhere(container) else Fraction(0),
                tuple(_notices(self.path.name, first.picture, stream)),
                track,
                hdr_tags(first.picture),
            )
            live = container.format.name in _LIVE_FORMATS and first.time > _LATE
        if live:
            self._set_zero_of_live_stream()
        self._set_deinterlacing(first.picture.interlaced_frame, stated, silent)
        return True

    def _set_zero_of_live_stream(self) -> None:
        """Let the clock begin with the first of the tracks, where none of them begins within a minute."""
        with open_video(self.path) as container, suppress(av.FFmpegError):
            packets = list(islice(container.demux(), _LOOK))
            zero = min(packet.pts * packet.time_base for packet in packets if packet.pts is not None)
            if zero > _LATE:
                minutes, seconds = divmod(int(zero), 60)
                late = f"{minutes // 60:02}:{minutes % 60:02}:{seconds:02}"
                self.info = replace(self.info, zero=zero)
                self._add_notices(f"the clock of {self.path.name} begins at {late}; the output's begins at 0")

    def _set_deinterlacing(self, marked: bool, stated: str, silent: bool) -> None:
        """marked: whether the first frame is marked as interlaced. stated: the field order by the container, or empty.
        silent: whether nothing but the pixels says if the track is interlaced."""
        looks = self._mode == "auto" and silent and not marked and self._order_seen()
        each_field = self._mode == "fields"
        everything = bool(stated or looks) or self._mode == "on" or (each_field and not marked)
        self._deinterlacing = Deinterlacing(everything, stated or looks or "", each_field)
        if looks:
            self._interlaced = f"{self.path.name} looks interlaced, though nothing in it says so"
        if (marked or everything) and self._mode != "off":
            self._notice_interlaced()
        if each_field and self.info.rate and self.info.time_base:
            self.info = replace(self.info, rate=2 * self.info.rate, time_base=self.info.time_base / 2)

    def _order_seen(self) -> str:
        """The field order by the first frames' pixels, or empty."""
        with open_video(self.path) as container, suppress(av.FFmpegError):  # some pixel formats have no filter
            stream = _video_stream(container, self.info.track)
            return order_seen(picture for picture, _ in self._decoded(container, stream))
        return ""

    def _undecodable(self, track: int) -> BadInput:
        with open_video(self.path) as container, suppress(av.FFmpegError):
            if is_encrypted(container, _video_stream(container, track)):
                return BadInput(f"{self.path} is encrypted, and its key is not known", todo="give a decrypted copy")
        return BadInput(f"no frame of the video in {self.path} can be decoded", ACCEPTED, "the file may be damaged")

    def _notice_interlaced(self) -> None:
        treatment = "each of its fields becomes a frame" if self._mode == "fields" else "its frames are deinterlaced"
        line = f"{self._interlaced}; {treatment}"
        if line not in self.info.notices:
            self.info = replace(self.info, notices=(line, *self.info.notices))

    def _repeated_lines(self) -> list[str]:
        if not self._repeated:
            return []
        left_out = (
            "1 frame is left out: it has" if self._repeated == 1 else f"{self._repeated} frames are left out: they have"
        )
        return [f"of {self.path.name} {left_out} the time of the frame before"]

    def _add_notices(self, *lines: str) -> None:
        new = [line for line in lines if line not in self.info.notices]
        if new:
            self.info = replace(self.info, notices=(*self.info.notices, *new))

    def _timed(self, container: InputContainer, track: int) -> Iterator[TimedFrame]:
        """The track's frames with strictly increasing times; others are dropped and counted."""
        stream = _video_stream(container, track)
        tick = stream.time_base or Fraction(1, av.time_base)
        clock, early = PresentationClock(), 0  # early: frames in a row that lie more than a second before the last
        first = _start(container)
        if _starts_anywhere(container):  # a first frame without a time comes one frame before the file's first time
            first -= 1 / stream.guessed_rate if stream.guessed_rate else tick
        last: TimedFrame | None = None
        for picture, aspect in self._decoded(container, stream):
            ticks = clock.ticks(picture.pts, picture.dts)
            following = last.time + (last.duration or tick) if last else first
            time = following if ticks is None else tick * ticks
            if last is not None and time <= last.time:
                self.skipped += time < last.time
                self._repeated += time == last.time
                early = early + 1 if time < last.time - 1 else 0
                if early == _RESTART_FRAMES:
                    raise self._restarted_clock(last.time)
                continue
            early = 0
            last = TimedFrame(picture, time, tick * (picture.duration or 0), aspect)
            yield last

    def _restarted_clock(self, time: Fraction) -> BadInput:
        return BadInput(
            f"the clock of {self.path} starts again after {float(time):.1f} s, as if files had been joined",
            todo=f"`ffmpeg -i {self.path.name} -c copy joined.mkv` makes a file with one continuous clock",
        )

    def _decoded(self, container: InputContainer, stream: VideoStream) -> Iterator[tuple[av.VideoFrame, Fraction]]:
        """All frames of the track that decode, as stored, each with its pixel aspect."""
        decoder = decoder_of(stream)
        tags = color_tags(stream)  # read first: decoding overwrites what the container says
        aspects = PixelAspects(stream.sample_aspect_ratio)
        for packet in self._packets(container, stream):
            try:
                pictures = decoder.decode(packet)
            except av.FFmpegError:
                self.skipped += 1
                continue
            aspects.sent(packet.pts if packet else None, stream.codec_context.sample_aspect_ratio)
            for picture in pictures:
                aspect = aspects.of(picture.pts)
                if picture.is_corrupt:
                    self.skipped += 1
                else:
                    yield tag_frame(picture, tags), aspect

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


def _notices(name: str, picture: av.VideoFrame, stream: VideoStream) -> Iterator[str]:
    """What the user should know about the treatment of frames like this one."""
    if has_alpha_packets(stream) and decoder_of(stream) is stream.codec_context:
        yield f"{name} is transparent in places; its transparency is ignored, as this FFmpeg has no libvpx"
    if is_hdr(picture.color_trc):
        yield f"{name} is HDR; its frames are tone-mapped to BT.709 to be stylized"
    elif needs_conversion(picture.color_primaries, picture.color_trc):
        yield f"{name} has a wide gamut; its colors are converted to BT.709"


def _video_stream(container: InputContainer, track: int) -> VideoStream:
    return next(stream for stream in container.streams.video if stream.index == track)


def _starts_anywhere(container: InputContainer) -> bool:
    """Whether the clock of such files may start at any time, as that of transport streams does."""
    return Flags.ts_discont in Flags(container.format.flags)


def _start(container: InputContainer) -> Fraction:
    """The time at which a file begins whose clock may start anywhere; else 0."""
    known = _starts_anywhere(container) and container.start_time is not None
    return Fraction(container.start_time, av.time_base) if known else Fraction(0)


def _is_mp4(container: InputContainer) -> bool:
    return container.format.name.startswith("mov,")


def _with_durations(frames: Iterator[TimedFrame]) -> Iterator[TimedFrame]:
    """Frames with the durations that they have, instead of those that the file claims; known once the next frame is."""
    last: TimedFrame | None = None
    duration, claims_are_right = Fraction(0), True
    for frame in frames:
        if last is not None:
            duration = frame.time - last.time
            claims_are_right = abs(duration - last.duration) <= Fraction(1, 1000)
            yield replace(last, duration=duration)
        last = frame
    if last is not None:
        yield replace(last, duration=(last.duration if claims_are_right else duration) or duration or _LONE_FRAME)
