"""Still images and folders of numbered images as sources of frames."""

from __future__ import annotations

import re
from collections.abc import Generator
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

from videostyle.errors import BadInput
from videostyle.frames import Frame, Size, VideoInfo
from videostyle.media.images import SUFFIXES, Picture, read_picture, size_by_header
from videostyle.media.pixels import filled, to_bits
from videostyle.media.resize import resize

FOLDER_RATE = Fraction(25)  # frames per second of a folder, which has no clock of its own


class StillSource:
    """An image file as a source of one frame."""

    def __init__(self, path: Path):
        self.path = path
        self.skipped = 0
        picture = read_picture(path)
        self.info = VideoInfo("image", picture.image.shape[:2], picture.image.itemsize * 8)

    def frames(self, size: Size | None = None, first: int = 0) -> Generator[Frame]:
        """The image as frame 0, scaled to `size`; no frame if `first` is above 0."""
        if first == 0:
            yield _frame(read_picture(self.path), size or self.info.size, self.info.bits)

    def close(self) -> None:
        """Nothing is open between passes."""


class FolderSource:
    """A folder of numbered images as a source, in the order of the numbers, at 25 frames per second.

    Raises BadInput if it has no images, an image without a number, two with the same number, a gap in the numbers, or images
    of different sizes.
    """

    def __init__(self, path: Path):
        self.path = path
        self.skipped = 0
        self._names = numbered_names(path)
        first = read_picture(path / self._names[0]).image
        self.info = VideoInfo("folder", first.shape[:2], first.itemsize * 8)
        for name in self._names[1:]:
            if size_by_header(path / name) != self.info.size:
                self._check_size(name, read_picture(path / name).image.shape[:2])

    def frames(self, size: Size | None = None, first: int = 0) -> Generator[Frame]:
        """The images from ordinal `first` on, read one by one; `Frame.name` is the file's name."""
        for index, name in enumerate(self._names[first:], first):
            picture = read_picture(self.path / name)
            self._check_size(name, picture.image.shape[:2])
            frame = _frame(picture, size or self.info.size, self.info.bits)
            yield Frame(frame.image, index, index / FOLDER_RATE, 1 / FOLDER_RATE, name, frame.alpha)

    def close(self) -> None:
        """Nothing is open between passes."""

    def _check_size(self, name: str, size: tuple[int, ...]) -> None:
        if size != self.info.size:
            (h, w), (height, width) = size, self.info.size
            raise BadInput(
                f"{self.path / name} has {w}x{h} pixels, but {self._names[0]} has {width}x{height}",
                todo="all images of a folder must have the same size",
            )


def frame_number(name: str) -> int:
    """The number in a file's name: the last run of digits before the suffix. Raises BadInput if it has none."""
    digits = re.findall(r"[0-9]+", Path(name).stem)
    if not digits:
        raise BadInput(f"the file name {name!r} has no number", "numbered images such as 000001.png")
    return int(digits[-1])


def numbered_names(folder: Path) -> list[str]:
    """The names of a folder's images in the order of their numbers; hidden files and everything else are ignored.

    Raises BadInput if there is no image, or if a number is missing or occurs twice.
    """
    names = [
        path.name
        for path in folder.iterdir()
        if path.suffix.lower() in SUFFIXES and not path.name.startswith(".") and path.is_file()
    ]
    if not names:
        raise BadInput(f"the folder {folder} has no images", "numbered images such as 000001.png")
    by_number: dict[int, str] = {}
    for name in sorted(names):
        other = by_number.setdefault(frame_number(name), name)
        if other != name:
            raise BadInput(
                f"{other} and {name} in {folder} have the same number", todo="remove or renumber one of them"
            )
    numbers = sorted(by_number)
    gaps = [(a + 1, b - 1) for a, b in pairwise(numbers) if b > a + 1]
    if gaps:
        listed = ", ".join(str(a) if a == b else f"{a} to {b}" for a, b in gaps[:8]) + (" ..." if gaps[8:] else "")
        raise BadInput(f"the images in {folder} are numbered with gaps: {listed} missing", todo="add or renumber them")
    return [by_number[number] for number in numbers]


def _frame(picture: Picture, size: Size, bits: int) -> Frame:
    alpha = None if picture.alpha is None else to_bits(picture.alpha, bits)
    return Frame(resize(filled(to_bits(picture.image, bits), alpha), size), alpha=alpha)
