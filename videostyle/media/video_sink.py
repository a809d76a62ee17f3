"""A video as a sink: frames become segments, and segments are muxed with the source's sound at the end."""

from __future__ import annotations

import os
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np

from videostyle.errors import BadOutput, RunFailed
from videostyle.frames import Frame, Size, Trim, VideoInfo
from videostyle.media.color.matrices import SRGB, default_tags
from videostyle.media.containers import container_of
from videostyle.media.encoding import EncoderSettings, Encoding
from videostyle.media.images import picture_bytes
from videostyle.media.mux import SideTracks, mux, plan_sound, plan_source
from videostyle.media.pixels import over_white
from videostyle.media.resize import resize
from videostyle.media.segments import SEGMENT_FRAMES, Span, encode_segment, next_span
from videostyle.media.workdir import WorkFolder, publish, write_atomically, writing

TRANSPARENT = "a video is not transparent: frames that are so are laid over white"


class VideoSink:
    """Paints wait as PNGs in the work folder, become segments, and are joined with the source's sound at the end."""

    def __init__(
        self,
        output: Path,
        work: WorkFolder,
        source_path: Path,
        info: VideoInfo,
        size: Size,
        trim: Trim | None,
        rate: Fraction | None,
        pixels: EncoderSettings,
        audio: str,
    ):
        self.notices: list[str] = []
        self.bits = 8 if pixels.bits == 8 else 16
        self._output = Path(os.path.abspath(output))
        self._work = work
        self._is_film = info.kind == "video"
        self._trim = trim
        self._container = container_of(output)
        self._rate = None if self._is_film else rate or Fraction(25)
        if self._rate:
            self.notices.append(f"a folder of frames has no clock: written at {float(self._rate):g} frames a second")
        self._size = size
        self._encoding = self._plan_encoding(info, pixels)
        self._beside: SideTracks | None = None
        self._sound: SideTracks | None = None
        self._last: Span | None = None
        self._waiting: list[Path] = []  # pictures of the open segment
        self._newest: list[Path] = []  # the last picture of the segment before it
        self._segments: list[Path] = []
        self._result = work.path / f"result{output.suffix.lower()}"
        with writing(self._output):
            self._pictures, self._encoded = work.folder("pictures"), work.folder("segments")
            if self._is_film:
                self._beside, lines = plan_source(source_path, info.track, self._container, trim, audio == "copy")
                self.notices += lines
        if audio not in ("copy", "none"):
            self._sound, lines = plan_sound(Path(audio), self._container)
            self.notices += lines

    def _plan_encoding(self, info: VideoInfo, pixels: EncoderSettings) -> Encoding:
        height, width = self._size
        aspect = info.sample_aspect
        if aspect != 1 and not self._container.sample_aspect:
            width, aspect = round(width * aspect), Fraction(1)
            self.notices.append(f"WebM is written with square pixels: the picture becomes {width} pixels wide")
        rows, columns = pixels.sides  # 4:2:0 has one color for two by two pixels
        height, width = height // rows * rows, width // columns * columns
        if min(height, width) < pixels.smallest_side:
            problem = f"{self._output}: {pixels.encoder} and {width}x{height} pixels"
            raise BadOutput(problem, f"sides of {pixels.smallest_side} and more")
        tick = 1 / self._rate if self._rate else info.time_base
        assert tick is not None, "a video source has a clock"
        return Encoding(
            settings=pixels,
            size=(height, width),
            tick=self._container.tick or tick,
            rate=self._rate or info.rate or Fraction(25),
            sample_aspect=aspect,
            color=SRGB if pixels.is_rgb else default_tags(height),
        )

    def write(self, frame: Frame) -> None:
        if frame.size != self._size:
            raise ValueError(f"a frame of {frame.size}, not {self._size}")
        start, end = self._shown(frame)
        self._last = next_span(self._last, start, end, self._encoding.tick)
        path = self._last.file(self._pictures, ".png")
        image = frame.image
        if frame.alpha is not None:
            image = over_white(image, frame.alpha)
            self.notices += [] if TRANSPARENT in self.notices else [TRANSPARENT]
        with writing(self._output):
            png = picture_bytes(self._fitted(image), None, ".png")
            write_atomically(path, png)
            self._work.show(png)
        self._waiting.append(path)
        if len(self._waiting) == SEGMENT_FRAMES:
            self.end_segment()

    def _shown(self, frame: Frame) -> tuple[Fraction, Fraction]:
        """From when to when the frame is shown, on the output's clock."""
        if self._rate:
            number = self._last.number + 1 if self._last else 0
            return number / self._rate, (number + 1) / self._rate
        start = frame.time - (self._trim.start if self._trim else 0)
        return start, start + frame.duration

    def _fitted(self, image: np.ndarray) -> np.ndarray:
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
        """An encoded picture stays among them while it is the newest: its name tells where the next frame goes."""
        return [*self._segments, *(self._waiting or self._newest)]

    def resume(self, files: list[Path], times: list[Fraction]) -> None:
        self._segments = [each for each in files if each.parent == self._encoded]
        pictures = [each for each in files if each.parent == self._pictures]
        encoded = Span.of(self._segments[-1]).end if self._segments else None
        self._waiting = [each for each in pictures if encoded is None or Span.of(each).start >= encoded]
        self._newest, self._last = pictures[-1:], Span.of(pictures[-1])

    def finish(self) -> None:
        self.end_segment()
        if not self._segments:
            raise RunFailed(f"{self._output}: no frame was painted")
        with writing(self._output):
            self.notices += mux(
                self._result, self._container, self._segments, self._encoding, self._beside, self._sound_in_time()
            )
            publish(self._result, self._output)

    def _sound_in_time(self) -> SideTracks | None:
        """The other file's sound, from the first painted frame to the end of the last."""
        if self._sound is None:
            return None
        start, end = (Span.of(self._segments[0]).start, Span.of(self._segments[-1]).end)
        tick = self._encoding.tick
        return replace(self._sound, trim=Trim(Fraction(0), (end - start) * tick), shift=-start * tick)

    def abort(self) -> None:
        self._result.unlink(missing_ok=True)
