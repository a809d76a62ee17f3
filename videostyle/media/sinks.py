"""Where painted frames go: a video, a picture, or a folder of pictures, behind one interface."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Protocol

from videostyle.errors import BadOutput
from videostyle.frames import Frame, Size, Trim, VideoInfo
from videostyle.media.encoding import EncoderSettings, EncodingRequest, choose_encoder
from videostyle.media.image_sinks import FolderSink, ImageSink
from videostyle.media.output_paths import IMAGES, output_kind
from videostyle.media.video_sink import VideoSink
from videostyle.media.workdir import WorkFolder


class Sink(Protocol):
    """Takes painted frames in order. Nothing stands under the output's name before `finish()`.

    bits: 8, or 16 where uint16 images are kept whole; both are taken. notices: lines the user should read; complete
    after `finish()`. write, end_segment and finish raise RunFailed where the disk or FFmpeg fails.
    """

    bits: int
    notices: list[str]

    def write(self, frame: Frame) -> None:
        """Takes one painted frame, its time on the source's clock."""

    def end_segment(self) -> None:
        """The last frame was a shot's last."""

    def files(self) -> list[Path]:
        """What has been written and is needed to go on, in order; files of the work folder that never change."""

    def resume(self, files: list[Path], times: list[Fraction]) -> None:
        """Goes on after frames that another sink like this one took at these times; `files` are what it named then."""

    def finish(self) -> None:
        """Completes the output: it appears whole under its name."""

    def abort(self) -> None:
        """Gives up; no output appears. What was painted stays in the work folder."""


def open_sink(
    output: Path,
    work: WorkFolder,
    source_path: Path,
    info: VideoInfo,
    size: Size,
    trim: Trim | None,
    rate: Fraction | None,
    pixels: EncoderSettings | None = None,
    audio: str = "copy",
) -> Sink:
    """The sink for this output, chosen by its suffix; frames of `size` go in.

    rate: pictures a second where a folder of them becomes a video, 25 where None; else without effect. pixels: how a
    video is encoded; None: as its suffix and the source's depth have it. audio: "copy" for the source's, "none", or a
    file whose time 0 lies at the first frame.
    Raises BadOutput where the output cannot hold what the source is.
    """
    kind = output_kind(output)
    if kind == "folder":
        return FolderSink(output, work, info)
    if kind == "image":
        return ImageSink(output, work)
    if info.kind == "image":
        raise BadOutput(f"{output}: a still does not become a video", " ".join(IMAGES), "give another -o")
    pixels = pixels or choose_encoder(EncodingRequest(), output.suffix, info.bits)
    return VideoSink(output, work, source_path, info, size, trim, rate, pixels, audio)
