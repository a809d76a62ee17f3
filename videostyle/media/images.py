"""Still pictures as they are meant to be seen: upright, in sRGB, at the file's own precision."""

from __future__ import annotations

import io
import struct
import warnings
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from PIL import ExifTags, Image, ImageCms, ImageFile

from videostyle.errors import BadInput
from videostyle.frames import Size
from videostyle.media.output_paths import DEEP_IMAGES
from videostyle.media.pixels import over_white, to_bits

FORMATS = ("PNG", "JPEG", "TIFF", "WEBP", "BMP", "GIF")

SUFFIXES = (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".webp", ".bmp")

ACCEPTED = "a PNG, JPEG, TIFF, WebP or BMP image"

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


def size_by_header(path: Path) -> Size:
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
    """(H, W, 3 or 4) uint16; None where a color profile must be applied, which Pillow does in 8 bits only."""
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
    colors = levels[None] if mode == "L" else np.stack(np.meshgrid(levels, levels, levels), axis=-1).reshape(18, -1, 3)
    probe = Image.fromarray(colors)
    converted = np.asarray(ImageCms.applyTransform(probe, transform), np.int16)
    return None if np.abs(converted - np.asarray(probe.convert("RGB"), np.int16)).max() <= 2 else transform


def picture_bytes(image: np.ndarray, alpha: np.ndarray | None, suffix: str) -> bytes:
    """A picture file's bytes. image: (H, W, 3) RGB uint8 or uint16, taken as sRGB; alpha: (H, W) of its type, or None.

    PNG and TIFF keep 16 bits; PNG, TIFF and WebP are lossless and keep alpha; JPEG is of quality 95 with full color
    resolution, over white. Raises OSError where the encoder refuses the picture.
    """
    suffix = suffix.lower()
    if image.dtype == np.uint16 and suffix not in DEEP_IMAGES:
        image, alpha = to_bits(image, 8), None if alpha is None else to_bits(alpha, 8)
    if alpha is not None and suffix in (".jpg", ".jpeg"):
        image, alpha = over_white(image, alpha), None
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
    if not done:  # WebP ends at 16383 pixels, JPEG at 65500
        raise OSError(0, f"{suffix} holds no picture of {image.shape[1]}x{image.shape[0]} pixels")
    return data.tobytes()
