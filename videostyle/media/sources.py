"""What can be painted, behind one interface: a video, a still image, or a folder of numbered images."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Protocol

from videostyle.errors import BadInput
from videostyle.frames import Frame, Size, VideoInfo
from videostyle.media.image_sources import FolderSource, StillSource
from videostyle.media.images import is_still
from videostyle.media.tracks import ACCEPTED
from videostyle.media.video_source import VideoSource


class Source(Protocol):
    """Frames in order, as often as wanted.

    info: known before any frame is asked for. skipped: what was damaged and left out in the newest pass.
    """

    path: Path
    info: VideoInfo
    skipped: int

    def frames(self, size: Size | None = None, first: int = 0) -> Generator[Frame]:
        """A pass over the frames from ordinal `first` on, upright and scaled to `size` (None: `info.size`).

        Shrinking averages over areas, enlarging is bicubic. At most a few frames are alive at once. The pass releases
        its files when it ends, or when it is closed early. Raises BadInput where a file has become unreadable.
        """

    def close(self) -> None:
        """Release everything."""


def open_source(path: Path) -> Source:
    """The source that `path` is, chosen by what is there and not by its name.

    Raises BadInput where it is missing or neither a video, an image nor a folder of numbered images.
    """
    path = Path(path)
    try:
        if path.is_dir():
            return FolderSource(path)
        if not path.exists():
            raise BadInput(f"{path} does not exist", ACCEPTED)
        if not path.is_file():
            raise BadInput(f"{path} is not a regular file", ACCEPTED)
        return StillSource(path) if is_still(path) else VideoSource(path)
    except OSError as error:
        raise BadInput(f"{path} cannot be read: {error.strerror}", ACCEPTED) from error


def frames_at(path: Path, size: Size, wanted: Sequence[int]) -> list[Frame]:
    """The frames of these ordinals, in order, scaled to `size`: one pass that ends at the last of them."""
    found = []
    with closing(open_source(path)) as source, closing(source.frames(size, min(wanted))) as frames:
        for frame in frames:
            if frame.index in wanted:
                found.append(frame)
            if frame.index >= max(wanted):
                break
    return found


def skipped_lines(source: Source) -> list[str]:
    """A line for the user where parts of the source were damaged."""
    if not source.skipped:
        return []
    return [
        f"{source.skipped} damaged packets of {source.path} were left out; the frame before each lasts until the next"
    ]
