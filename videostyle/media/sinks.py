"""Sinks write stylized frames. The contract that the frame loop relies on, and the choice among the four kinds."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Protocol

from videostyle.errors import BadOutput
from videostyle.frames import Frame, Size, Trim, VideoInfo
from videostyle.media.animation_sink import AnimationSink
from videostyle.media.encoding import EncoderSettings, EncodingRequest, choose_encoder, lossless_encoder
from videostyle.media.image_sinks import FolderSink, ImageSink
from videostyle.media.output_paths import IMAGES, is_animation, output_kind
from videostyle.media.video_sink import VideoSink
from videostyle.media.workdir import WorkFolder
from videostyle.option_groups import TrackOptions


class FrameSink(Protocol):
    """Takes stylized frames in order."""

    bits: int
    """Bits per channel that are kept: 8 or 16. Frames of both are accepted."""
    alpha: bool
    """Whether transparency is kept; where it is not, frames are to be opaque."""

    def write(self, frame: Frame) -> None:
        """Take the next stylized frame, with its time on the source's clock."""
        ...

    def end_segment(self) -> None:
        """The last frame was the last of its shot."""
        ...


class Sink(FrameSink, Protocol):
    """A sink that makes a file or a folder. Nothing appears under the output's name before `finish()`.

    rehearse, write, end_segment and finish raise RunFailed where the disk or FFmpeg fails.
    """

    continues: bool
    """Whether a frame may follow the last one, so that resuming needs the stylizer's state."""
    notices: list[str]
    """Lines for the user; complete after `finish()`."""

    def rehearse(self, times: Sequence[Fraction], check: Callable[[], None]) -> None:
        """Find out what of the source can go into the output, before any frame is written; adds to `notices`.

        times: of the frames that will be written, in seconds on the source's clock. check: called now and then; what it
        raises ends the rehearsal.
        """
        ...

    def files(self) -> list[Path]:
        """The files of the work folder that are needed to resume, in order. None of them is ever changed."""
        ...

    def resume(self, files: list[Path], times: list[Fraction]) -> None:
        """Continue after frames that another sink like this one has written at these times; `files` is its `files()`.

        Raises BadOutput where the frames to come cannot follow those in one file.
        """
        ...

    def finish(self) -> None:
        """Complete the output, which then appears under its name."""
        ...

    def abort(self) -> None:
        """Give up: no output appears. The frames written so far stay in the work folder."""
        ...


def open_sink(
    output: Path,
    work: WorkFolder,
    source_path: Path,
    info: VideoInfo,
    size: Size,
    trim: Trim | None,
    rate: Fraction | None,
    settings: EncoderSettings | None = None,
    tracks: TrackOptions = TrackOptions(),  # noqa: B008 - it is immutable
) -> Sink:
    """The sink for this output, chosen by its suffix; a .webp is an animation where there are settings.

    size: of the frames that will be written. rate: frames per second where a folder of images becomes a video (None: 25),
    else without effect. settings: how a video is encoded; None: by its suffix and the source's bits. tracks: what
    goes into a video beside the film; time 0 of an audio file is the first frame.
    Raises BadOutput where the output cannot hold the source.
    """
    kind = output_kind(output)
    photos = None if info.kind == "video" else source_path
    if kind == "folder":
        return FolderSink(output, work, info, photos)
    if kind == "image" and not is_animation(output, single=settings is None):
        return ImageSink(output, work, photos)
    if info.kind == "image":
        raise BadOutput(f"{output}: a still image does not become a video", " ".join(IMAGES), "choose another -o")
    if kind != "video":
        return AnimationSink(
            output, work, source_path, info, size, trim, rate, settings or lossless_encoder(False), tracks
        )
    settings = settings or choose_encoder(EncodingRequest(), output.suffix, info.bits)
    return VideoSink(output, work, source_path, info, size, trim, rate, settings, tracks)
