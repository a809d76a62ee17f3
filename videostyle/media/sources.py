"""What can be painted, behind one interface: a video, a still image, or a folder of numbered images."""

from __future__ import annotations

from collections.abc import Generator
from fractions import Fraction
from pathlib import Path
from typing import Protocol

from videostyle.errors import BadInput
from videostyle.frames import Frame, Size, VideoInfo
from videostyle.media.images import FolderSource, StillSource, is_still
from videostyle.media.video import ACCEPTED, VideoSource


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


def fit_size(size: Size, longer: int, multiple: int = 1) -> Size:
    """`size` scaled so that its longer side is `longer`, each side rounded to a multiple of `multiple`, at least one.

    Proportions are kept as well as that rounding allows; halves round up.
    """
    scale = Fraction(longer, max(size))
    height, width = (max(1, int(side * scale / multiple + Fraction(1, 2))) * multiple for side in size)
    return height, width
