"""Where painted frames go: a video, a picture, or a folder of pictures, behind one interface."""

from __future__ import annotations

import os
from fractions import Fraction
from pathlib import Path
from typing import Protocol

from videostyle.errors import BadOutput
from videostyle.frames import Frame, Size, Trim, VideoInfo
from videostyle.media.encoding import CONTAINERS, EncoderSettings, EncodingRequest, choose_encoder
from videostyle.media.image_sinks import FolderSink, ImageSink
from videostyle.media.images import PICTURES
from videostyle.media.video_sink import VideoSink
from videostyle.media.workdir import WorkFolder, check_folder

ACCEPTED = f"{' '.join(CONTAINERS)} for a video, {' '.join(PICTURES)} for a picture, no suffix for a folder"


def default_output(input: Path, kind: str, styles: tuple[Path, ...]) -> Path:
    """Beside the input: its stem, then each style's, with its own suffix where that can be written.

    kind: of the source ("video", "image" or "folder"). Videos become .mkv otherwise, pictures .png; a folder, a folder.
    """
    input = Path(os.path.abspath(input))
    stem = "_".join([input.name if kind == "folder" else input.stem, *(style.stem for style in styles)])
    if kind == "folder":
        return input.parent / stem
    writable, otherwise = (CONTAINERS, ".mkv") if kind == "video" else (PICTURES, ".png")
    return input.parent / (stem + (input.suffix if input.suffix.lower() in writable else otherwise))


def output_kind(output: Path) -> str:
    """ "video", "image" or "folder", by the suffix; an existing folder is one whatever its name.

    Raises BadOutput for a suffix that holds none of them.
    """
    suffix = output.suffix.lower()
    if output.is_dir() or not suffix:
        return "folder"
    if suffix in CONTAINERS:
        return "video"
    if suffix in PICTURES:
        return "image"
    raise BadOutput(f"{output}: a {suffix} file holds neither a video nor a picture", ACCEPTED)


def check_output(output: Path, overwrite: bool) -> None:
    """Raises BadOutput where the output cannot be written, or is there already and may not be replaced.

    An empty folder may always be filled.
    """
    kind = output_kind(output)
    check_folder(output)
    if kind == "folder" and output.exists() and not output.is_dir():
        raise BadOutput(f"{output} is a file without a suffix", ACCEPTED, "give another -o")
    taken = any(output.iterdir()) if output.is_dir() else os.path.lexists(output)
    if taken and not overwrite:
        raise BadOutput(f"{output} exists", todo="add --overwrite to replace it, or give another -o")


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
        raise BadOutput(f"{output}: a still does not become a video", " ".join(PICTURES), "give another -o")
    pixels = pixels or choose_encoder(EncodingRequest(), output.suffix, info.bits)
    return VideoSink(output, work, source_path, info, size, trim, rate, pixels, audio)
