"""Still pictures as they are meant to be seen: upright, in sRGB, at the file's own precision."""

from __future__ import annotations

import io
import re
import struct
import warnings
import zlib
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
from PIL import ExifTags, Image, ImageCms, ImageFile

from videostyle.errors import BadInput
from videostyle.frames import Frame, Size, VideoInfo

FORMATS = ("PNG", "JPEG", "TIFF", "WEBP", "BMP", "GIF")
SUFFIXES = (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".webp", ".bmp")
ACCEPTED = "a PNG, JPEG, TIFF, WebP or BMP image"
FOLDER_RATE = Fraction(25)

# what Pillow's readers raise on files that are not what they say; the readers document none of it
_UNREADABLE = (OSError, SyntaxError, ValueError, TypeError, IndexError, KeyError, EOFError, struct.error, zlib.error)

# EXIF orientation -> (mirror left to right first, then quarter turns clockwise); JEITA CP-3451, tag 0x0112
_ORIENTATIONS = {2: (True, 0), 3: (False, 2), 4: (True, 2), 5: (True, 3), 6: (False, 1), 7: (True, 1), 8: (False, 3)}


@dataclass(frozen=True)
class Picture:
    """image: (H, W, 3) uint8 or uint16 sRGB, upright. alpha: (H, W) of the same type, or None where all is opaque."""

    image: np.ndarray
    alpha: np.ndarray | None = None


def upright(image: np.ndarray, mirror: bool, turns: int) -> np.ndarray:
    """(H, W, ...) mirrored left to right where `mirror` says so, then turned clockwise by `turns` quarters."""
    return np.ascontiguousarray(np.rot90(image[:, ::-1] if mirror else image, -turns))


def resize(image: np.ndarray, size: Size) -> np.ndarray:
    """(H, W, ...) uint8 or uint16 scaled to `size`, each axis averaged over areas to shrink, bicubic to grow."""
    height, width = np.minimum(size, image.shape[:2]).tolist()
    if image.shape[:2] != (height, width):
        image = cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA)
    if (height, width) == size:
        return image
    grown = _grown(_grown(image.astype(np.float32), size[0], axis=0), size[1], axis=1)
    return np.rint(np.clip(grown, 0, np.iinfo(image.dtype).max)).astype(image.dtype)


def _grown(image: np.ndarray, length: int, axis: int) -> np.ndarray:
    """Float samples interpolated to `length` along one axis by Keys' cubic with a = -0.5 (IEEE ASSP 29, 1981).

    It keeps slopes straight; the "cubic" of OpenCV and swscale (a = -0.75, -0.6) makes steps of up to 20 % of them.
    """
    count = image.shape[axis]
    place = (np.arange(length) + 0.5) * count / length - 0.5
    left = np.floor(place).astype(int)
    grown = np.zeros((), np.float32)
    for tap in (-1, 0, 1, 2):
        t = np.abs(place - left - tap)
        weight = np.where(t <= 1, 1.5 * t**3 - 2.5 * t**2 + 1, -0.5 * t**3 + 2.5 * t**2 - 4 * t + 2).astype(np.float32)
        shape = [length if each == axis else 1 for each in range(image.ndim)]
        grown = grown + image.take(np.clip(left + tap, 0, count - 1), axis) * weight.reshape(shape)
    return grown


def to_bits(image: np.ndarray, bits: int) -> np.ndarray:
    """uint8 or uint16 of any shape as uint8 (bits 8) or uint16 (bits 16); white stays white."""
    if image.dtype == np.uint8:
        return image if bits == 8 else image.astype(np.uint16) * 257
    return image if bits == 16 else ((image.astype(np.uint32) + 128) // 257).astype(np.uint8)


def is_still(path: Path) -> bool:
    """Whether the file's content is one picture rather than a film; what cannot be read is what its suffix says."""
    try:
        with _open(path) as file:
            return file.format in ("MPO", "TIFF") or getattr(file, "n_frames", 1) == 1
    except (BadInput, *_UNREADABLE):
        return path.suffix.lower() in SUFFIXES


def read_picture(path: Path) -> Picture:
    """The picture in an image file (the first, where there are several).

    EXIF orientation is applied and an embedded ICC profile converted to sRGB; 16-bit files come as uint16 (as uint8
    where they carry a profile other than sRGB). Raises BadInput for anything that is not a whole, supported image.
    """
    with _open(path) as file:
        deep = _is_deep(file)  # asked first: loading forgets it
        try:
            file.load()
            pixels = _deep_pixels(path, file) if deep else None
            if pixels is None:
                pixels = _pixels(file)
        except (*_UNREADABLE, Image.DecompressionBombError, cv2.error) as error:
            raise BadInput(f"{path} cannot be read as an image: {error}", ACCEPTED) from error
        pixels = upright(pixels, *_orientation(file))
    image, alpha = np.ascontiguousarray(pixels[..., :3]), pixels[..., 3:]
    opaque = alpha.size == 0 or alpha.min() == np.iinfo(alpha.dtype).max
    return Picture(image, None if opaque else np.ascontiguousarray(alpha[..., 0]))


def load_style(path: Path) -> np.ndarray:
    """A painting as (H, W, 3) uint8 or uint16 sRGB, upright; where it is transparent, white shows.

    Raises BadInput where it is missing, no image, or only 1 pixel high or wide.
    """
    path = Path(path)
    if not path.is_file():
        raise BadInput(f"style {path} is not a file", ACCEPTED)
    picture = read_picture(path)
    if min(picture.image.shape[:2]) < 2:
        size = f"{picture.image.shape[1]}x{picture.image.shape[0]}"
        raise BadInput(f"style {path} is {size} pixels and has no style", f"{ACCEPTED} of 2x2 pixels or more")
    if picture.alpha is None:
        return picture.image
    white = np.iinfo(picture.image.dtype).max
    alpha = picture.alpha[..., None] / white
    return (picture.image * alpha + white * (1 - alpha)).round().astype(picture.image.dtype)


class StillSource:
    """One image file as a source of one frame."""

    def __init__(self, path: Path):
        self.path = path
        self.skipped = 0
        picture = read_picture(path)
        self.info = VideoInfo("image", picture.image.shape[:2], picture.image.itemsize * 8)

    def frames(self, size: Size | None = None, first: int = 0) -> Generator[Frame]:
        """The picture as frame 0, scaled to `size`; nothing where `first` is above 0."""
        if first == 0:
            yield _frame(read_picture(self.path), size or self.info.size, self.info.bits)

    def close(self) -> None:
        """Nothing is held between passes."""


class FolderSource:
    """A folder of numbered images as a source: ordered by number, none missing, all of one size.

    A folder has no clock, so its frames are given 25 a second. Raises BadInput where it holds no images, an image
    without a number, two of one number, a gap, or a size that differs from the first image's.
    """

    def __init__(self, path: Path):
        self.path = path
        self.skipped = 0
        self._names = numbered_names(path)
        first = read_picture(path / self._names[0]).image
        self.info = VideoInfo("folder", first.shape[:2], first.itemsize * 8)
        for name in self._names[1:]:
            if _size_by_header(path / name) != self.info.size:
                self._check_size(name, read_picture(path / name).image.shape[:2])

    def frames(self, size: Size | None = None, first: int = 0) -> Generator[Frame]:
        """The images from ordinal `first` on, read one at a time; `Frame.name` is the file's name."""
        for index, name in enumerate(self._names[first:], first):
            picture = read_picture(self.path / name)
            self._check_size(name, picture.image.shape[:2])
            frame = _frame(picture, size or self.info.size, self.info.bits)
            yield Frame(frame.image, index, index / FOLDER_RATE, 1 / FOLDER_RATE, name, frame.alpha)

    def close(self) -> None:
        """Nothing is held between passes."""

    def _check_size(self, name: str, size: tuple[int, ...]) -> None:
        if size != self.info.size:
            (h, w), (height, width) = size, self.info.size
            raise BadInput(
                f"{self.path / name} is {w}x{h} pixels, but {self._names[0]} is {width}x{height}",
                "a folder of images of one size",
            )


def frame_number(name: str) -> int:
    """The number of a file in a folder: the last run of digits before its suffix. Raises BadInput without one."""
    digits = re.findall(r"[0-9]+", Path(name).stem)
    if not digits:
        raise BadInput(f"{name!r} has no number in its name", "numbered images such as 000001.png")
    return int(digits[-1])


def numbered_names(folder: Path) -> list[str]:
    """The images of a folder in the order of their numbers; hidden files, other kinds of files and folders are not looked at.

    Raises BadInput where there is none, or where numbers are missing or there twice.
    """
    names = [
        each.name
        for each in folder.iterdir()
        if each.suffix.lower() in SUFFIXES and not each.name.startswith(".") and each.is_file()
    ]
    if not names:
        raise BadInput(f"folder {folder} holds no images", "numbered images such as 000001.png")
    by_number: dict[int, str] = {}
    for name in sorted(names):
        other = by_number.setdefault(frame_number(name), name)
        if other != name:
            raise BadInput(f"{other} and {name} in {folder} have the same number", "one image for each number")
    numbers = sorted(by_number)
    gaps = [(a + 1, b - 1) for a, b in pairwise(numbers) if b > a + 1]
    if gaps:
        listed = ", ".join(str(a) if a == b else f"{a} to {b}" for a, b in gaps[:8]) + (" ..." if gaps[8:] else "")
        raise BadInput(f"folder {folder} lacks the numbers {listed}", "images numbered without a gap")
    return [by_number[number] for number in numbers]


def _frame(picture: Picture, size: Size, bits: int) -> Frame:
    alpha = None if picture.alpha is None else resize(to_bits(picture.alpha, bits), size)
    return Frame(resize(to_bits(picture.image, bits), size), alpha=alpha)


@contextmanager
def _open(path: Path) -> Iterator[ImageFile.ImageFile]:
    """The file with its header read and checked; pixels are not decoded yet. Raises BadInput."""
    with warnings.catch_warnings():
        # what Pillow warns of is either harmless here (big honest scans, broken EXIF) or raises soon after
        warnings.simplefilter("ignore")
        try:
            file = Image.open(path, formats=FORMATS)
        except Image.DecompressionBombError as error:
            limit = f"at most {2 * (Image.MAX_IMAGE_PIXELS or 0) // 1_000_000} million"
            raise BadInput(f"{path} has too many pixels", limit, "scale it down first") from error
        except _UNREADABLE as error:
            raise BadInput(f"{path} cannot be read as an image", ACCEPTED) from error
        with file:
            if file.mode in ("I", "F"):
                raise BadInput(f"{path} has 32 bits in each sample", "8 or 16 bits")
            yield file


def _orientation(file: ImageFile.ImageFile) -> tuple[bool, int]:
    try:
        # not file.getexif(): in a PNG it decodes the whole picture, to find a block that stands behind the pixels
        return _ORIENTATIONS.get(Image.Image.getexif(file).get(ExifTags.Base.Orientation, 1), (False, 0))
    except (*_UNREADABLE, AttributeError):  # a broken EXIF block is no reason to refuse the picture
        return False, 0


def _size_by_header(path: Path) -> Size:
    """The upright size, without decoding; in rare files a later EXIF block turns it."""
    with _open(path) as file:
        width, height = file.size
        return (width, height) if _orientation(file)[1] % 2 else (height, width)


def _is_deep(file: ImageFile.ImageFile) -> bool:
    """Whether the file stores 16 bits a sample. Pillow tells that only in the raw mode of its decoder's tiles."""
    if file.mode == "CMYK":
        return False  # read by Pillow with 8 bits; OpenCV reads no such files
    modes = [tile[3] if isinstance(tile[3], str) else tile[3][0] for tile in file.tile if tile[3]]
    return file.mode.startswith("I;16") or any(";16" in str(mode) for mode in modes)


def _deep_pixels(path: Path, file: ImageFile.ImageFile) -> np.ndarray | None:
    """(H, W, 3 or 4) uint16; None where a colour profile must be applied, which Pillow does in 8 bits only."""
    grey = file.mode.startswith("I;16")
    if _to_srgb(file, "L" if grey else "RGB") is not None:
        return None
    pixels = cv2.imdecode(np.fromfile(path, np.uint8), cv2.IMREAD_UNCHANGED)
    if pixels is None or pixels.dtype != np.uint16:
        raise ValueError("damaged or an unusual kind of 16-bit image")
    if pixels.ndim == 2:
        return np.repeat(pixels[..., None], 3, axis=2)
    return cv2.cvtColor(pixels, cv2.COLOR_BGR2RGB if pixels.shape[2] == 3 else cv2.COLOR_BGRA2RGBA)


def _pixels(file: ImageFile.ImageFile) -> np.ndarray:
    """(H, W, 3 or 4) uint8 sRGB of a loaded file of any mode."""
    if file.mode.startswith("I;16"):
        plain = Image.fromarray(to_bits(np.asarray(file).astype(np.uint16), 8))
    elif file.mode in ("1", "L", "LA", "CMYK"):
        plain = file.convert("CMYK" if file.mode == "CMYK" else "L")
    else:
        plain = file.convert("RGB")
    transform = _to_srgb(file, plain.mode)
    rgb = plain.convert("RGB") if transform is None else ImageCms.applyTransform(plain, transform)
    if rgb is None:
        raise ValueError("its colour profile cannot be applied")
    if file.has_transparency_data:
        return np.dstack([np.asarray(rgb), np.asarray(file.convert("RGBA").getchannel("A"))])
    return np.asarray(rgb)


def _to_srgb(file: ImageFile.ImageFile, mode: str) -> ImageCms.ImageCmsTransform | None:
    """From the file's ICC profile to sRGB for pixels of `mode`; None where there is no usable profile or no change."""
    profile = file.info.get("icc_profile")
    if not profile:
        return None
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        transform = ImageCms.buildTransform(source, ImageCms.createProfile("sRGB"), mode, "RGB")
    except (ImageCms.PyCMSError, OSError):  # broken, or made for another kind of pixels: every viewer ignores it then
        return None
    if mode == "CMYK":
        return transform
    levels = np.linspace(0, 255, 18).astype(np.uint8)
    colours = levels[None] if mode == "L" else np.stack(np.meshgrid(levels, levels, levels), axis=-1).reshape(18, -1, 3)
    probe = Image.fromarray(colours)
    converted = np.asarray(ImageCms.applyTransform(probe, transform), np.int16)
    return None if np.abs(converted - np.asarray(probe.convert("RGB"), np.int16)).max() <= 2 else transform
