"""The sink for GIF, APNG and animated WebP: frames are kept in lossless segments and encoded once at the end."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction
from pathlib import Path

from videostyle.errors import BadOutput, RunFailed
from videostyle.frames import Frame, Size, Trim, VideoInfo
from videostyle.media.animations import Shown, shown, write_animation
from videostyle.media.color.matrices import SRGB
from videostyle.media.containers import ANIMATIONS
from videostyle.media.encoding import EncoderSettings, Encoding
from videostyle.media.segment_writer import SegmentWriter, encoded_size, rate_of
from videostyle.media.segments import Span
from videostyle.media.tracks import open_container
from videostyle.media.workdir import WorkFolder, publish, writing
from videostyle.option_groups import TrackOptions


class AnimationSink:
    """A looping animation without sound. Its segments are lossless; settings: how they are encoded."""

    continues = True
    bits = 8

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
        self.alpha = settings.alpha
        self._output, self._work = Path(os.path.abspath(output)), work
        self._animation = ANIMATIONS[output.suffix.lower()]
        folder_rate, self.notices = rate_of(info, rate)
        fitted, _, lines = encoded_size(self._output, size, info, settings, keeps_aspect=False)
        self.notices += [*lines, *self._notices(source_path, info, tracks)]
        if max(fitted) > self._animation.largest_side:
            problem = f"{output}: {self._animation.format} holds sides of at most {self._animation.largest_side} pixels"
            raise BadOutput(problem, todo="lower --size, or choose another -o")
        tick = 1 / folder_rate if folder_rate else info.time_base
        assert tick is not None, "a film has a clock"
        rate = folder_rate or info.rate or Fraction(25)
        encoding = Encoding(settings, fitted, tick, rate, Fraction(1), SRGB)
        self._tick, self._writer = tick, SegmentWriter(work, encoding, size, trim, folder_rate)
        self._result = work.path / f"result{output.suffix.lower()}"

    def _notices(self, source: Path, info: VideoInfo, tracks: TrackOptions) -> Iterator[str]:
        name = self._output.name
        if self.alpha and not self._animation.partial_alpha:
            yield f"{name} is either opaque or transparent at a pixel: what is less than half opaque is left out"
        if info.kind == "video" and tracks.audio == "copy":
            with open_container(source) as file:
                if file.streams.audio:
                    yield f"{name} has no sound: that of {source.name} is left out"

    def rehearse(self, times: Sequence[Fraction], check: Callable[[], None]) -> None:
        left_out = len(times) - len(self._shown(self._writer.spans(times)))
        if left_out:
            shortest = self._animation.tick * self._animation.shortest
            frames = "1 frame is" if left_out == 1 else f"{left_out} frames are"
            line = f"{frames} left out of {self._output.name}, where a frame lasts {float(shortest):g} s at least"
            self.notices.append(f"{line}; with --fps {float(1 / shortest):g} fewer are stylized")

    def _shown(self, spans: Sequence[Span]) -> list[Shown]:
        return shown([(span.start * self._tick, span.end * self._tick) for span in spans], self._animation)

    def write(self, frame: Frame) -> None:
        self._writer.write(frame)

    def end_segment(self) -> None:
        self._writer.end_segment()

    def files(self) -> list[Path]:
        return self._writer.files()

    def resume(self, files: list[Path], times: list[Fraction]) -> None:
        self._writer.resume(files, times)

    def finish(self) -> None:
        self.end_segment()
        if not self._writer.segments:
            raise RunFailed(f"{self._output} was not written: no frame was stylized")
        with writing(self._output):
            write_animation(self._result, self._animation, self._writer.segments, self._tick)
            publish(self._result, self._output)

    def abort(self) -> None:
        self._result.unlink(missing_ok=True)
