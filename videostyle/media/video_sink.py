"""The sink for a video: frames become segments, which are muxed with the source's side tracks at the end."""

from __future__ import annotations

import os
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np

from videostyle.errors import BadOutput, RunFailed
from videostyle.frames import Frame, Size, Trim, VideoInfo
from videostyle.media.color.hdr import hdr_color
from videostyle.media.color.matrices import SRGB, ColorTags, default_tags
from videostyle.media.containers import container_of
from videostyle.media.encoding import EncoderSettings, Encoding
from videostyle.media.image_sources import FOLDER_RATE
from videostyle.media.images import picture_bytes
from videostyle.media.mux import mux
from videostyle.media.pixels import over_white
from videostyle.media.resize import resize
from videostyle.media.segments import SEGMENT_FRAMES, Span, encode_segment, next_span
from videostyle.media.side_tracks import SideTracks, plan_sound, plan_source
from videostyle.media.workdir import WorkFolder, publish, write_atomically, writing

TRANSPARENT = "transparent frames are composited over white: a video has no transparency"


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
        audio: str,
    ):
        self.notices: list[str] = []
        self.bits = 8 if settings.bits == 8 else 16
        self._output = Path(os.path.abspath(output))
        self._work = work
        self._trim = trim
        self._container = container_of(output)
        self._rate = None if info.kind == "video" else rate or FOLDER_RATE
        if self._rate:
            self.notices.append(f"a folder of frames has no clock: written at {float(self._rate):g} frames per second")
        self._size = size
        self._encoding = self._plan_encoding(info, settings)
        self._side: SideTracks | None = None  # of the source
        self._sound: SideTracks | None = None  # of an audio file
        self._last: Span | None = None
        self._waiting: list[Path] = []  # the frames of the open segment
        self._newest: list[Path] = []  # the last frame of the segment before it
        self._segments: list[Path] = []
        self._result = work.path / f"result{output.suffix.lower()}"
        with writing(self._output):
            self._frames, self._encoded = work.folder("pictures"), work.folder("segments")
            if info.kind == "video":
                self._side, lines = plan_source(source_path, info.track, self._container, trim, audio == "copy")
                self.notices += lines
        if audio not in ("copy", "none"):
            self._sound, lines = plan_sound(Path(audio), self._container)
            self.notices += lines

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

    def write(self, frame: Frame) -> None:
        if frame.size != self._size:
            raise ValueError(f"a frame of {frame.size}, not {self._size}")
        start, end = self._interval(frame)
        self._last = next_span(self._last, start, end, self._encoding.tick)
        path = self._last.file(self._frames, ".png")
        image = frame.image
        if frame.alpha is not None:
            image = over_white(image, frame.alpha)
            if TRANSPARENT not in self.notices:
                self.notices.append(TRANSPARENT)
        with writing(self._output):
            png = picture_bytes(self._fitted(image), None, ".png")
            write_atomically(path, png)
            self._work.show_preview(png)
        self._waiting.append(path)
        if len(self._waiting) == SEGMENT_FRAMES:
            self.end_segment()

    def _interval(self, frame: Frame) -> tuple[Fraction, Fraction]:
        """When the frame appears and disappears, in seconds on the output's clock."""
        if self._rate:
            number = self._last.number + 1 if self._last else 0
            return number / self._rate, (number + 1) / self._rate
        start = frame.time - (self._trim.start if self._trim else 0)
        return start, start + frame.duration

    def _fitted(self, image: np.ndarray) -> np.ndarray:
        """The image at the encoded size: wider where pixels must be square, less one row or column where chroma needs it."""
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

    def finish(self) -> None:
        self.end_segment()
        if not self._segments:
            raise RunFailed(f"{self._output} was not written: no frame was stylized")
        with writing(self._output):
            sound = self._synced_sound()
            self.notices += mux(self._result, self._container, self._segments, self._encoding, self._side, sound)
            publish(self._result, self._output)

    def _synced_sound(self) -> SideTracks | None:
        """The audio file's tracks, from the start of the first frame to the end of the last."""
        if self._sound is None:
            return None
        start, end = Span.of(self._segments[0]).start, Span.of(self._segments[-1]).end
        tick = self._encoding.tick
        return replace(self._sound, trim=Trim(Fraction(0), (end - start) * tick), shift=-start * tick)

    def abort(self) -> None:
        self._result.unlink(missing_ok=True)
