"""Image files: reading them upright, in sRGB and at the file's own bit depth, and encoding them."""

from __future__ import annotations

import io
import struct
import warnings
import zlib
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import pi_heif
from PIL import ExifTags, Image, ImageCms, ImageFile, UnidentifiedImageError

from videostyle.errors import BadInput
from videostyle.frames import Size
from videostyle.media import ffmpeg_stills
from videostyle.media.output_paths import DEEP_IMAGES, OPAQUE_IMAGES
from videostyle.media.photo_tags import PhotoTags, tags_of
from videostyle.media.pixels import BLACK, over, to_bits

pi_heif.register_heif_opener(thumbnails=False)

FORMATS = ("PNG", "JPEG", "TIFF", "WEBP", "BMP", "GIF", "HEIF", "AVIF", "JPEG2000")

_STILLS = ("MPO", "TIFF", "HEIF")
"""Formats whose further images are not frames: gain maps, pages, bursts."""

SUFFIXES = (
    *(".png", ".jpg", ".jpeg", ".tif", ".tiff", ".webp", ".bmp", ".heic", ".heif", ".avif", ".jp2", ".j2k"),
    *(".tga", ".exr", ".dpx"),
)

ACCEPTED = "a PNG, JPEG, TIFF, WebP, BMP, HEIC, AVIF, JPEG 2000, TGA, EXR or DPX image"

# what Pillow raises, undocumented, on damaged files
_UNREADABLE = (
    *(OSError, SyntaxError, ValueError, TypeError, IndexError, KeyError, EOFError, RuntimeError),
    *(struct.error, zlib.error),
)

# EXIF orientation -> (mirror left to right first, then quarter turns clockwise); JEITA CP-3451, tag 0x0112
_ORIENTATIONS = {2: (True, 0), 3: (False, 2), 4: (True, 2), 5: (True, 3), 6: (False, 1), 7: (True, 1), 8: (False, 3)}


@dataclass(frozen=True)
class Picture:
    """The decoded content of an image file."""

    image: np.ndarray
    """(H, W, 3) uint8 or uint16 sRGB, upright."""
    alpha: np.ndarray | None = None
    """(H, W) of the image's type, or None where everything is opaque."""

    @property
    def size(self) -> Size:
        return self.image.shape[0], self.image.shape[1]


def upright(image: np.ndarray, mirror: bool, turns: int) -> np.ndarray:
    """An array (H, W, ...) mirrored left to right if `mirror` is set, then rotated clockwise by `turns` quarter turns."""
    return np.ascontiguousarray(np.rot90(image[:, ::-1] if mirror else image, -turns))


class _UnknownFormat(BadInput):
    """Pillow does not know the format."""


def is_image_name(path: Path) -> bool:
    """Whether a path in a folder is a file with the suffix of an image, and not hidden."""
    return path.suffix.lower() in SUFFIXES and not path.name.startswith(".") and path.is_file()


def kind_of(path: Path) -> str:
    """ "image", "animation" or "video", by the file's content; by its suffix if that is unreadable.

    An animation is one that only Pillow decodes whole: animated WebP, and animated AVIF with transparency.
    """
    try:
        with _open(path) as file:
            if file.format == "JPEG":
                return "video" if ffmpeg_stills.is_motion_jpeg(path) else "image"
            if file.format in _STILLS or getattr(file, "n_frames", 1) == 1:
                return "image"
            return "animation" if file.format == "WEBP" or (file.format, file.mode) == ("AVIF", "RGBA") else "video"
    except _UnknownFormat:
        by_content = ffmpeg_stills.kind_of(path)
    except (BadInput, *_UNREADABLE):
        by_content = ""
    return by_content or ("image" if path.suffix.lower() in SUFFIXES else "video")


def read_picture(path: Path) -> Picture:
    """Decode an image file; of several images in it, the first.

    EXIF orientation is applied, and colors are converted from an embedded ICC profile to sRGB. 16-bit files give uint16, or
    uint8 if they have a profile other than sRGB. Raises BadInput for anything but a complete image of a supported format.
    """
    try:
        with _open(path) as file:
            pixels = _upright_pixels(path, file)
    except _UnknownFormat:
        by_ffmpeg = ffmpeg_stills.read(path)
        if by_ffmpeg is None:
            raise
        pixels = by_ffmpeg
    return _picture(pixels)


def read_animation(path: Path) -> Generator[tuple[Picture, Fraction]]:
    """The frames of an animation, whole and in order, with their durations in seconds.

    A duration of 0 becomes 0.1 s, as in browsers. Raises BadInput where a frame cannot be decoded.
    """
    with _open(path) as file:
        exact = ffmpeg_stills.durations(path) if file.format == "AVIF" else []  # Pillow rounds them to milliseconds
        for index in range(getattr(file, "n_frames", 1)):
            try:
                file.seek(index)
                file.load()
                duration = exact[index] if exact else Fraction(round(file.info.get("duration", 0)), 1000)
                yield _picture(_pixels(file)), duration or Fraction(1, 10)
            except _UNREADABLE as error:
                raise BadInput(f"frame {index + 1} of {path} cannot be decoded: {error}") from error


def _picture(pixels: np.ndarray) -> Picture:
    """A picture of (H, W, 3 or 4) pixels."""
    image, alpha = np.ascontiguousarray(pixels[..., :3]), pixels[..., 3:]
    opaque = alpha.size == 0 or alpha.min() == np.iinfo(alpha.dtype).max
    return Picture(image, None if opaque else np.ascontiguousarray(alpha[..., 0]))


def _upright_pixels(path: Path, file: ImageFile.ImageFile) -> np.ndarray:
    """(H, W, 3 or 4) uint8 or uint16 sRGB. Raises BadInput."""
    deep = _is_deep(file)  # checked first: loading discards what it looks at
    try:
        file.load()
        pixels = _deep_pixels(path, file) if deep else None
        if pixels is None:
            pixels = _pixels(file)
    except (*_UNREADABLE, Image.DecompressionBombError, cv2.error) as error:
        raise BadInput(f"{path} cannot be read as an image: {error}", ACCEPTED) from error
    return upright(pixels, *_orientation(file))


def read_tags(path: Path) -> PhotoTags:
    """EXIF and resolution of an image file; empty where it has none, or is of a format that Pillow does not know."""
    try:
        with _open(path) as file:
            if file.format == "PNG":
                file.load()  # its EXIF may come after its pixels
            return tags_of(file)
    except BadInput:
        return PhotoTags()
    except (*_UNREADABLE, AttributeError, ArithmeticError):
        return PhotoTags(others=("EXIF, which is damaged",))


@contextmanager
def _open(path: Path) -> Iterator[ImageFile.ImageFile]:
    """Open the file and check its header; pixels are not decoded yet. Raises BadInput."""
    with warnings.catch_warnings():
        # Pillow's warnings are about what is harmless here (large scans, broken EXIF) or what raises an error soon after
        warnings.simplefilter("ignore")
        try:
            file = Image.open(path, formats=(*FORMATS, "TGA") if _is_targa(path) else FORMATS)
        except Image.DecompressionBombError as error:
            limit = 2 * (Image.MAX_IMAGE_PIXELS or 0) // 1_000_000
            raise BadInput(
                f"{path} has more than {limit} million pixels, too many", todo="scale it down first"
            ) from error
        except UnidentifiedImageError as error:
            raise _UnknownFormat(f"{path} cannot be read as an image", ACCEPTED) from error
        except _UNREADABLE as error:
            raise BadInput(f"{path} cannot be read as an image", ACCEPTED) from error
        with file:
            if file.mode in ("I", "F"):
                raise BadInput(f"{path} has 32 bits per sample", "8 or 16 bits per sample")
            yield file


def _is_targa(path: Path) -> bool:
    """Whether the file may be a TGA, whose older version has no signature: Pillow takes almost anything for one."""
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - 18))
        return path.suffix.lower() == ".tga" or file.read() == b"TRUEVISION-XFILE.\0"


def _orientation(file: ImageFile.ImageFile) -> tuple[bool, int]:
    try:
        # not file.getexif(): in a PNG it decodes all pixels to look for an EXIF block behind them
        return _ORIENTATIONS.get(Image.Image.getexif(file).get(ExifTags.Base.Orientation, 1), (False, 0))
    except (*_UNREADABLE, AttributeError):  # a broken EXIF block is no reason to refuse the image
        return False, 0


def size_by_header(path: Path) -> Size:
    """The upright (height, width) by the header alone; wrong in rare files whose EXIF block comes after the pixels."""
    try:
        with _open(path) as file:
            width, height = file.size
            return (width, height) if _orientation(file)[1] % 2 else (height, width)
    except _UnknownFormat:
        size = ffmpeg_stills.size_of(path)
        if size is None:
            raise
        return size


def _is_deep(file: ImageFile.ImageFile) -> bool:
    """Whether the file stores 16 bits per sample. Pillow reveals that only in the raw mode of its decoder's tiles."""
    if file.mode == "CMYK":
        return False  # Pillow reads it with 8 bits; OpenCV, which would read 16, does not support CMYK
    modes = [tile[3] if isinstance(tile[3], str) else tile[3][0] for tile in file.tile if tile[3]]
    return file.mode.startswith("I;16") or any(";16" in str(mode) for mode in modes)


def _deep_pixels(path: Path, file: ImageFile.ImageFile) -> np.ndarray | None:
    """(H, W, 3 or 4) uint16 sRGB; None if an ICC profile must be applied, which Pillow can do in 8 bits only."""
    gray = file.mode.startswith("I;16")
    if _to_srgb(file, "L" if gray else "RGB") is not None:
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
        raise ValueError("its color profile cannot be applied")
    if file.has_transparency_data:
        return np.dstack([np.asarray(rgb), np.asarray(file.convert("RGBA").getchannel("A"))])
    return np.asarray(rgb)


def _to_srgb(file: ImageFile.ImageFile, mode: str) -> ImageCms.ImageCmsTransform | None:
    """The conversion of pixels of `mode` from the file's ICC profile to sRGB; None without a usable profile, or if it would
    change nothing visible."""
    profile = file.info.get("icc_profile")
    if not profile:
        return None
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        transform = ImageCms.buildTransform(source, ImageCms.createProfile("sRGB"), mode, "RGB")
    except (ImageCms.PyCMSError, OSError):  # broken, or for another pixel mode: viewers ignore it
        return None
    if mode == "CMYK":
        return transform
    levels = np.linspace(0, 255, 18).astype(np.uint8)
    colors = levels[None] if mode == "L" else np.stack(np.meshgrid(levels, levels, levels), axis=-1).reshape(18, -1, 3)
    probe = Image.fromarray(colors)
    converted = np.asarray(ImageCms.applyTransform(probe, transform), np.int16)
    return None if np.abs(converted - np.asarray(probe.convert("RGB"), np.int16)).max() <= 2 else transform


def picture_bytes(image: np.ndarray, alpha: np.ndarray | None, suffix: str) -> bytes:
    """An image encoded for a file with this suffix.

    image: (H, W, 3) uint8 or uint16 sRGB. alpha: (H, W) of the same type, or None. PNG and TIFF keep 16 bits; PNG, TIFF and
    WebP are lossless and keep alpha; JPEG has quality 95, 4:4:4 chroma and a black background. Raises OSError if the encoder
    refuses the image.
    """
    suffix = suffix.lower()
    if image.dtype == np.uint16 and suffix not in DEEP_IMAGES:
        image, alpha = to_bits(image, 8), None if alpha is None else to_bits(alpha, 8)
    if alpha is not None and suffix in OPAQUE_IMAGES:
        image, alpha = over(image, alpha, BLACK), None
    options = {
        ".png": [cv2.IMWRITE_PNG_COMPRESSION, 1],
        ".jpg": [cv2.IMWRITE_JPEG_QUALITY, 95, cv2.IMWRITE_JPEG_SAMPLING_FACTOR, cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444],
        ".webp": [cv2.IMWRITE_WEBP_QUALITY, 101],  # above 100 means lossless
    }
    options[".jpeg"] = options[".jpg"]
    pixels = cv2.cvtColor(image, cv2.COLOR_RGB2BGR)
    if alpha is not None:
        pixels = np.dstack([pixels, alpha])
    try:
        done, data = cv2.imencode(suffix, pixels, options.get(suffix, []))
    except cv2.error:
        done = False
    if not done:  # WebP allows 16383 pixels per side, JPEG 65500
        raise OSError(0, f"{suffix} holds no picture of {image.shape[1]}x{image.shape[0]} pixels")
    return data.tobytes()
