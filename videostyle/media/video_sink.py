"""The sink for a video: frames become segments, which are muxed with the source's side tracks at the end."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from fractions import Fraction
from functools import partial
from pathlib import Path

import av

from videostyle.errors import RunFailed
from videostyle.frames import Frame, Size, Trim, VideoInfo
from videostyle.media.captions import SEI_HEADERS, with_captions
from videostyle.media.color.hdr import hdr_color
from videostyle.media.color.matrices import SRGB, ColorTags, default_tags
from videostyle.media.containers import container_of
from videostyle.media.encoding import EncoderSettings, Encoding
from videostyle.media.mux import Film, write_output
from videostyle.media.proof import missing, tags_to_keep
from videostyle.media.rehearsal import rehearse, write_what_can_be
from videostyle.media.segment_writer import SegmentWriter, encoded_size, rate_of
from videostyle.media.segments import Span, joined_packets
from videostyle.media.side_tracks import Sides, plan_sound, plan_source
from videostyle.media.workdir import WorkFolder, publish, writing
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
        self.bits = 8 if settings.bits == 8 else 16
        self.alpha = settings.alpha
        self._output = Path(os.path.abspath(output))
        self._work = work
        self._container = container_of(output)
        folder_rate, self.notices = rate_of(info, rate)
        fitted, aspect, lines = encoded_size(self._output, size, info, settings, self._container.sample_aspect)
        self.notices += lines
        tick = 1 / folder_rate if folder_rate else info.time_base
        assert tick is not None, "a video has a clock"
        self._encoding = Encoding(
            settings=settings,
            size=fitted,
            tick=self._container.tick or tick,
            rate=folder_rate or info.rate or Fraction(25),
            sample_aspect=aspect,
            color=_color(settings, fitted[0]),
        )
        self._writer = SegmentWriter(work, self._encoding, size, trim, folder_rate)
        self._sides = Sides(None, None)
        self._result = work.path / f"result{output.suffix.lower()}"
        with writing(self._output):
            if info.kind == "video":
                source, lines = plan_source(source_path, info.track, self._container, trim, tracks)
                self._sides, self.notices = self._sides._replace(source=source), self.notices + lines
        if tracks.audio not in ("copy", "none"):
            sound, lines = plan_sound(Path(tracks.audio), self._container)
            self._sides, self.notices = self._sides._replace(sound=sound), self.notices + lines

    def rehearse(self, times: Sequence[Fraction], check: Callable[[], None]) -> None:
        spans = self._writer.spans(times)
        sides = self._synced(spans[0].start, spans[-1].end)
        with writing(self._output):
            sides, notices = rehearse(self._work.path, self._container, self._encoding, sides, spans, check)
        self._sides = sides
        self.notices += notices

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
        segments = self._writer.segments
        if not segments:
            raise RunFailed(f"{self._output} was not written: no frame was stylized")
        with writing(self._output):
            tags = tags_to_keep(self._sides.source)
            film = Film(segments[0], lambda: self._packets("A53_CC" in tags))
            sides, written = write_what_can_be(
                partial(write_output, self._result, self._container, film, self._encoding),
                self._synced(Span.of(segments[0]).start, Span.of(segments[-1]).end),
                self._container,
            )
            notices = written.notices + missing(self._result, sides, written.stored, tags)
            publish(self._result, self._output)
        self.notices += [line for line in notices if line not in self.notices]

    def _packets(self, has_captions: bool) -> Iterator[av.Packet]:
        packets, encoder = joined_packets(self._writer.segments, self._encoding.tick), self._encoding.settings.encoder
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
