"""The sink for a video: frames become segments, which are muxed with the source's side tracks at the end."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from fractions import Fraction
from functools import partial
from pathlib import Path

import av
import numpy as np

from videostyle.errors import BadOutput, RunFailed
from videostyle.frames import Frame, Size, Trim, VideoInfo
from videostyle.media.captions import SEI_HEADERS, with_captions
from videostyle.media.color.hdr import hdr_color
from videostyle.media.color.matrices import SRGB, ColorTags, default_tags
from videostyle.media.containers import container_of
from videostyle.media.encoding import EncoderSettings, Encoding
from videostyle.media.image_sources import FOLDER_RATE
from videostyle.media.images import picture_bytes
from videostyle.media.mux import Film, write_output
from videostyle.media.proof import missing, tags_to_keep
from videostyle.media.rehearsal import rehearse, write_what_can_be
from videostyle.media.resize import resize
from videostyle.media.segments import (
    SEGMENT_FRAMES,
    Span,
    can_continue,
    encode_segment,
    joined_packets,
    next_span,
)
from videostyle.media.side_tracks import Sides, plan_sound, plan_source
from videostyle.media.workdir import WorkFolder, publish, write_atomically, writing
from videostyle.option_groups import TrackOptions


def _color(settings: EncoderSettings, height: int) -> ColorTags:
    if settings.hdr:
        return hdr_color(settings.hdr.primaries, settings.hdr.transfer)
    return SRGB if settings.is_rgb else default_tags(height)


class VideoSink:
    """A video. Frames wait as PNGs in the work folder, become segments, and are muxed with the source's sound at the end."""

    continues = True

    def __init__(
        self,
        output: Path,
        work: WorkFolder,
        source_path: Path,
        info: VideoInfo,
        size: Size,
        trim: Trim | None,
        rate: Fraction | None,
        settings: EncoderSettings,
        tracks: TrackOptions,
    ):
        self.notices: list[str] = []
        self.bits = 8 if settings.bits == 8 else 16
        self.alpha = settings.alpha
        self._output = Path(os.path.abspath(output))
        self._work = work
        self._trim = trim
        self._container = container_of(output)
        self._rate = None if info.time_base else rate or FOLDER_RATE
        if self._rate:
            self.notices.append(f"a folder of frames has no clock: written at {float(self._rate):g} frames per second")
        self._size = size
        self._encoding = self._plan_encoding(info, settings)
        self._sides = Sides(None, None)
        self._last: Span | None = None
        self._first: Fraction | None = None  # the first frame's time on the source's clock
        self._waiting: list[Path] = []  # the frames of the open segment
        self._newest: list[Path] = []  # the last frame of the segment before it
        self._segments: list[Path] = []
        self._result = work.path / f"result{output.suffix.lower()}"
        with writing(self._output):
            self._frames, self._encoded = work.folder("pictures"), work.folder("segments")
            if info.kind == "video":
                source, lines = plan_source(source_path, info.track, self._container, trim, tracks)
                self._sides, self.notices = self._sides._replace(source=source), self.notices + lines
        if tracks.audio not in ("copy", "none"):
            sound, lines = plan_sound(Path(tracks.audio), self._container)
            self._sides, self.notices = self._sides._replace(sound=sound), self.notices + lines

    def _plan_encoding(self, info: VideoInfo, settings: EncoderSettings) -> Encoding:
        height, width = self._size
        aspect = info.sample_aspect
        if aspect != 1 and not self._container.sample_aspect:
            width, aspect = round(width * aspect), Fraction(1)
            name = self._container.format
            self.notices.append(f"{name} has square pixels only: the picture is written {width} pixels wide")
        rows, columns = settings.sides
        height, width = height // rows * rows, width // columns * columns
        if min(height, width) < settings.smallest_side:
            problem = f"{self._output}: {settings.encoder} cannot encode {width}x{height} pixels"
            raise BadOutput(problem, f"sides of {settings.smallest_side} pixels or more")
        tick = 1 / self._rate if self._rate else info.time_base
        assert tick is not None, "a video has a clock"
        return Encoding(
            settings=settings,
            size=(height, width),
            tick=self._container.tick or tick,
            rate=self._rate or info.rate or Fraction(25),
            sample_aspect=aspect,
            color=_color(settings, height),
        )

    def rehearse(self, times: Sequence[Fraction], check: Callable[[], None]) -> None:
        spans: list[Span] = []
        ends = [*times[1:], times[-1] + 1 / (FOLDER_RATE if self._rate else self._encoding.rate)]
        for time, following in zip(times, ends, strict=True):
            start, end = self._on_output_clock(time, following)
            spans.append(next_span(spans[-1] if spans else None, start, end, self._encoding.tick))
        sides = self._synced(spans[0].start, spans[-1].end)
        with writing(self._output):
            sides, notices = rehearse(self._work.path, self._container, self._encoding, sides, spans, check)
        self._sides = sides
        self.notices += notices

    def write(self, frame: Frame) -> None:
        if frame.size != self._size:
            raise ValueError(f"a frame of {frame.size}, not {self._size}")
        if frame.alpha is not None and not self.alpha:
            raise ValueError("a transparent frame for a video without alpha")
        start, end = self._on_output_clock(frame.time, frame.time + frame.duration)
        self._last = next_span(self._last, start, end, self._encoding.tick)
        path = self._last.file(self._frames, ".png")
        alpha = None if frame.alpha is None else self._fitted(frame.alpha)
        with writing(self._output):
            png = picture_bytes(self._fitted(frame.image), alpha, ".png")
            write_atomically(path, png)
            self._work.show_preview(png)
        self._waiting.append(path)
        if len(self._waiting) == SEGMENT_FRAMES:
            self.end_segment()

    def _on_output_clock(self, start: Fraction, end: Fraction) -> tuple[Fraction, Fraction]:
        """When a frame appears and disappears, in seconds on the output's clock."""
        if self._first is None:
            self._first = start
        if self._rate:
            pace = FOLDER_RATE / self._rate
            return (start - self._first) * pace, (end - self._first) * pace
        zero = self._trim.start if self._trim else 0
        return start - zero, end - zero

    def _fitted(self, image: np.ndarray) -> np.ndarray:
        """An image or alpha at the encoded size: wider for square pixels, less one row or column where chroma needs it."""
        height, width = self._encoding.size
        if width not in (image.shape[1], image.shape[1] - 1):
            image = resize(image, (image.shape[0], width))
        return image[:height, :width]

    def end_segment(self) -> None:
        if not self._waiting:
            return
        with writing(self._output):
            self._segments.append(encode_segment(self._waiting, self._encoded, self._encoding))
        self._newest, self._waiting = self._waiting[-1:], []

    def files(self) -> list[Path]:
        """The segments and the frames of the open one; where it has none the last frame, on whose time the next depends."""
        return [*self._segments, *(self._waiting or self._newest)]

    def resume(self, files: list[Path], times: list[Fraction]) -> None:
        self._segments = [path for path in files if path.parent == self._encoded]
        frames = [path for path in files if path.parent == self._frames]
        encoded = Span.of(self._segments[-1]).end if self._segments else None
        self._waiting = [path for path in frames if encoded is None or Span.of(path).start >= encoded]
        self._newest, self._last = frames[-1:], Span.of(frames[-1])
        self._first = times[0]
        with writing(self._output):
            fits = not self._segments or can_continue(self._segments[-1], frames[-1], self._encoding)
        if not fits:
            encoder = self._encoding.settings.encoder
            problem = f"{self._output} was begun with another version of {encoder}, and one file cannot hold both"
            raise BadOutput(
                problem, todo="finish it with the version of av that began it, or add --restart to start over"
            )

    def finish(self) -> None:
        self.end_segment()
        if not self._segments:
            raise RunFailed(f"{self._output} was not written: no frame was stylized")
        with writing(self._output):
            tags = tags_to_keep(self._sides.source)
            film = Film(self._segments[0], lambda: self._packets("A53_CC" in tags))
            sides, written = write_what_can_be(
                partial(write_output, self._result, self._container, film, self._encoding),
                self._synced(Span.of(self._segments[0]).start, Span.of(self._segments[-1]).end),
                self._container,
            )
            notices = written.notices + missing(self._result, sides, written.stored, tags)
            publish(self._result, self._output)
        self.notices += [line for line in notices if line not in self.notices]

    def _packets(self, has_captions: bool) -> Iterator[av.Packet]:
        packets, encoder = joined_packets(self._segments, self._encoding.tick), self._encoding.settings.encoder
        if self._sides.source is None or not has_captions or encoder not in SEI_HEADERS:
            return packets
        return with_captions(packets, self._sides.source, self._encoding.tick, encoder)

    def _synced(self, start: int, end: int) -> Sides:
        """The side tracks, an audio file's from the start of the first frame to the end of the last, in ticks."""
        if self._sides.sound is None:
            return self._sides
        tick = self._encoding.tick
        sound = replace(self._sides.sound, trim=Trim(Fraction(0), (end - start) * tick), shift=-start * tick)
        return self._sides._replace(sound=sound)

    def abort(self) -> None:
        self._result.unlink(missing_ok=True)
