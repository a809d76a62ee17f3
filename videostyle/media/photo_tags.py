"""EXIF and resolution of photos: read from an image file, renewed for the stylized picture, and written into its file."""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass, field
from itertools import chain
from typing import Any

from PIL import ExifTags, Image
from PIL.ExifTags import IFD, Base
from PIL.TiffImagePlugin import IFDRational

from videostyle.frames import Size

_STRUCTURE = frozenset(
    chain(range(254, 267), (273,), range(277, 282), range(284, 294), (297, 301), range(317, 348), range(512, 533))
)
"""Tags of a TIFF file that say how its pixels are stored."""

_ELSEWHERE = frozenset((700, 33723, 34377, 34675, IFD.Exif, IFD.GPSInfo))
"""Tags that stand for blocks of their own: XMP, IPTC, Photoshop, the color profile, and the two parts of EXIF."""

_RESOLUTION = (Base.XResolution, Base.YResolution, Base.ResolutionUnit)

_SRGB = 1  # EXIF's number of the color space

_INCH, _CENTIMETER = 2, 3

Tags = dict[int, Any]


@dataclass(frozen=True)
class PhotoTags:
    """What a photo's file says beside its pixels."""

    main: Tags = field(default_factory=dict)
    """EXIF tags of the picture, such as its author, without the resolution and the way that its pixels are stored."""
    photo: Tags = field(default_factory=dict)
    """EXIF tags of the exposure."""
    place: Tags = field(default_factory=dict)
    """EXIF tags of the place."""
    dpi: tuple[float, float] | None = None
    """Pixels per inch, horizontally and vertically; None where the file does not say."""
    others: tuple[str, ...] = ()
    """What else is in the file and is not kept, in words."""

    def __bool__(self) -> bool:
        return bool(self.main or self.photo or self.place or self.dpi)


def tags_of(file: Image.Image) -> PhotoTags:
    """The tags of an open image file. Raises what Pillow raises where they are damaged."""
    exif = Image.Image.getexif(file)  # not file.getexif(): in a PNG it decodes all pixels first
    main = {tag: value for tag, value in exif.items() if tag not in _STRUCTURE | _ELSEWHERE}
    photo = dict(exif.get_ifd(IFD.Exif))
    if IFD.Interop in photo:
        photo[IFD.Interop] = exif.get_ifd(IFD.Interop)
    names = {"xmp": "XMP", "photoshop": "IPTC"}
    others = tuple(name for key, name in names.items() if file.info.get(key))
    if getattr(file, "n_frames", 1) > 1:
        others += ("further pictures",)
    dpi = _dpi(file.info.get("dpi"), main)
    main = {tag: value for tag, value in main.items() if tag not in _RESOLUTION}
    return PhotoTags(main, photo, dict(exif.get_ifd(IFD.GPSInfo)), dpi, others)


def _dpi(stated: tuple[float, float] | None, main: Tags) -> tuple[float, float] | None:
    """The resolution that a file's own format states, else that of its EXIF."""
    if stated is None:
        if not all(tag in main for tag in _RESOLUTION) or main[Base.ResolutionUnit] not in (_INCH, _CENTIMETER):
            return None
        scale = 2.54 if main[Base.ResolutionUnit] == _CENTIMETER else 1.0
        stated = main[Base.XResolution] * scale, main[Base.YResolution] * scale
    horizontal, vertical = map(float, stated)
    return (horizontal, vertical) if min(horizontal, vertical) > 0 and max(horizontal, vertical) < 65535 else None


def renewed(tags: PhotoTags, size: Size) -> PhotoTags:
    """The tags for an upright sRGB picture of this size that was made of the photo. There is no thumbnail among them."""
    main, photo = dict(tags.main), dict(tags.photo)
    if Base.Orientation in main:
        main[Base.Orientation] = 1
    if photo:
        photo |= {Base.ExifImageHeight: size[0], Base.ExifImageWidth: size[1]}
    if Base.ColorSpace in photo:
        photo[Base.ColorSpace] = _SRGB
        photo.pop(IFD.Interop, None)  # which says of Adobe RGB that it is that
    return PhotoTags(main, photo, tags.place, tags.dpi)


def with_tags(data: bytes, suffix: str, tags: PhotoTags) -> bytes:
    """An encoded picture, as `picture_bytes` returns it for this suffix, with those tags that the format can hold."""
    embed = {".png": _in_png, ".webp": _in_webp, ".tif": _in_tiff, ".tiff": _in_tiff}.get(suffix.lower(), _in_jpeg)
    try:
        return embed(data, tags) if tags else data
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError, struct.error):
        return data  # damaged EXIF has values that no file can hold; `missing_tags` then names everything


def _exif(tags: PhotoTags, for_resolution: bool) -> Image.Exif:
    """EXIF, which states the resolution too. for_resolution: whether it is needed where there is nothing else to state."""
    exif = Image.Exif()
    exif.endian = "<"
    for tag, value in tags.main.items():
        exif[tag] = value
    if tags.dpi and (for_resolution or tags.main or tags.photo or tags.place):
        for tag, value in zip(_RESOLUTION, (*map(_rational, tags.dpi), _INCH), strict=True):
            exif[tag] = value
    for part, content in ((IFD.Exif, tags.photo), (IFD.GPSInfo, tags.place)):
        if content:
            exif[part] = content
    return exif


def _rational(value: float) -> IFDRational:
    return IFDRational(round(value * 10000), 10000)


def _block(tags: PhotoTags, for_resolution: bool = False) -> bytes:
    """EXIF as most formats hold it; empty where there is none."""
    exif = _exif(tags, for_resolution)
    return exif.tobytes().removeprefix(b"Exif\0\0") if len(exif) else b""


def _in_png(data: bytes, tags: PhotoTags) -> bytes:
    """PNG, third edition: pHYs is in pixels per meter."""
    chunks = b""
    if tags.dpi:
        chunks += _png_chunk(b"pHYs", struct.pack(">IIB", *(round(dpi / 0.0254) for dpi in tags.dpi), 1))
    if block := _block(tags):
        chunks += _png_chunk(b"eXIf", block)
    header = 8 + 25  # the signature and IHDR
    return data[:header] + chunks + data[header:]


def _png_chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def _in_jpeg(data: bytes, tags: PhotoTags) -> bytes:
    """JFIF 1.02: the first segment states the density; EXIF follows in a segment of at most 65,533 bytes."""
    header = bytearray(data[:20])
    if tags.dpi:
        struct.pack_into(">BHH", header, 13, 1, *(max(1, round(dpi)) for dpi in tags.dpi))
    block = b"Exif\0\0" + _block(tags)
    if len(block) > 65533:
        block = b"Exif\0\0" + _block(PhotoTags(tags.main, _without_largest(tags.photo), tags.place))
    fits = 6 < len(block) <= 65533
    return bytes(header) + (b"\xff\xe1" + struct.pack(">H", len(block) + 2) + block if fits else b"") + data[20:]


def _without_largest(tags: Tags) -> Tags:
    """What remains is the exposure: makers' notes and comments are what can be long."""
    return {tag: value for tag, value in tags.items() if not isinstance(value, bytes) or len(value) < 1000}


def _in_webp(data: bytes, tags: PhotoTags) -> bytes:
    """RFC 9649: a simple lossless file becomes an extended one, of a VP8X chunk with flags and size, and an EXIF chunk."""
    (bits,) = struct.unpack_from("<I", data, 21)  # VP8L: 14 bits of width - 1, 14 of height - 1, whether there is alpha
    width, height, alpha = bits & 0x3FFF, bits >> 14 & 0x3FFF, bits >> 28 & 1
    flags = struct.pack("<I", alpha << 4 | 1 << 3)
    extended = b"VP8X" + struct.pack("<I", 10) + flags + width.to_bytes(3, "little") + height.to_bytes(3, "little")
    block = _block(tags, for_resolution=True)
    body = b"WEBP" + extended + data[12:] + b"EXIF" + struct.pack("<I", len(block)) + block + bytes(len(block) % 2)
    return b"RIFF" + struct.pack("<I", len(body)) + body


def _in_tiff(data: bytes, tags: PhotoTags) -> bytes:
    """TIFF 6.0: the directory is written again at the end, with the entries of the tags among its own."""
    data += bytes(len(data) % 2)
    own = _entries(data, struct.unpack_from("<I", data, 4)[0])
    content = _exif(tags, for_resolution=True).tobytes(len(data)).removeprefix(b"Exif\0\0")[8:]
    data += content + bytes(len(content) % 2)
    added = _entries(data, len(data) - len(content) - len(content) % 2)
    entries = sorted((added | own | {tag: added[tag] for tag in _RESOLUTION if tag in added}).items())
    directory = struct.pack("<H", len(entries)) + b"".join(entry for _, entry in entries) + bytes(4)
    return data[:4] + struct.pack("<I", len(data)) + data[8:] + directory


def _entries(data: bytes, at: int) -> dict[int, bytes]:
    """The entries of a directory in a little-endian TIFF file, 12 bytes each, by their tags."""
    (count,) = struct.unpack_from("<H", data, at)
    places = range(at + 2, at + 2 + 12 * count, 12)
    return {struct.unpack_from("<H", data, place)[0]: data[place : place + 12] for place in places}


def missing_tags(wanted: PhotoTags, written: PhotoTags) -> list[str]:
    """The names of tags that should be in a file and are not, or are there with another value."""
    lost = [*_missing(wanted.main, written.main, ExifTags.TAGS), *_missing(wanted.photo, written.photo, ExifTags.TAGS)]
    lost += _missing(wanted.place, written.place, ExifTags.GPSTAGS)
    kept = written.dpi or (0.0, 0.0)
    differs = wanted.dpi is not None and any(abs(a - b) > 0.5 for a, b in zip(wanted.dpi, kept, strict=True))
    return lost + ["the resolution"] * differs


def _missing(wanted: Tags, written: Tags, names: dict[int, str]) -> list[str]:
    # as text: a rational number without a value is not equal to itself
    return [names.get(tag, f"0x{tag:04x}") for tag, value in wanted.items() if str(written.get(tag)) != str(value)]
