"""The contract of a source of frames, and the choice of one by what a path holds: a video, an image, or a folder of images."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Protocol

from videostyle.errors import BadInput
from videostyle.frames import Frame, Size, VideoInfo
from videostyle.media.image_sources import AnimationSource, FolderSource, StillSource
from videostyle.media.images import kind_of
from videostyle.media.tracks import ACCEPTED
from videostyle.media.video_source import VideoSource
from videostyle.option_groups import ReadingOptions

AS_USUAL = ReadingOptions()

AS_WRITTEN = ReadingOptions(deinterlace="off")
"""How an output of this program is read, which is never interlaced, however its strokes look."""


class Source(Protocol):
    """A video, an image or a folder of numbered images, whose frames can be read any number of times."""

    path: Path
    info: VideoInfo
    """Known once the source is open. Notices may be added while frames are read."""
    skipped: int
    """How many damaged packets and frames the newest pass has left out."""

    def frames(self, size: Size | None = None, first: int = 0) -> Generator[Frame]:
        """One pass over the frames from ordinal `first` on, in order, upright and scaled to `size` (None: `info.size`).

        Frames are averaged over areas to shrink and interpolated bicubically to enlarge. Only a few are in memory at a time.
        The pass releases its files when it ends or is closed early. Raises BadInput if a file can no longer be read.
        """

    def close(self) -> None:
        """Release all files."""


def open_source(path: Path, reading: ReadingOptions = AS_USUAL) -> Source:
    """Open a source by its content; the name does not matter.

    Raises BadInput if the path is missing, or is neither a video, nor an image, nor a folder of numbered images.
    """
    path = Path(path)
    try:
        if path.is_dir():
            return FolderSource(path, reading)
        if not path.exists():
            raise BadInput(f"{path} does not exist", ACCEPTED)
        if not path.is_file():
            raise BadInput(f"{path} is not a regular file", ACCEPTED, "write what it holds to a file first")
        kind = kind_of(path)
        if kind == "video":
            return VideoSource(path, reading)
        return StillSource(path) if kind == "image" else AnimationSource(path, reading)
    except OSError as error:
        raise BadInput(f"{path} cannot be read: {error.strerror}", ACCEPTED) from error


def frames_at(path: Path, size: Size, ordinals: Sequence[int], reading: ReadingOptions = AS_USUAL) -> list[Frame]:
    """The frames with these ordinals, in the source's order, scaled to `size`. Reading stops after the last of them."""
    selected = []
    with closing(open_source(path, reading)) as source, closing(source.frames(size, min(ordinals))) as frames:
        for frame in frames:
            if frame.index in ordinals:
                selected.append(frame)
            if frame.index >= max(ordinals):
                break
    return selected


def skipped_lines(source: Source) -> list[str]:
    """The notice about what the newest pass left out of a damaged source, if anything."""
    if not source.skipped:
        return []
    packets = "1 damaged packet was" if source.skipped == 1 else f"{source.skipped} damaged packets were"
    return [f"{packets} left out of {source.path}; the frame before is shown until the next one"]
