"""Writes small image files with known pixels."""

from __future__ import annotations

import re
import struct
import zlib
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
from PIL import Image


def save(path: Path, image: np.ndarray, mode: str | None = None, **options) -> Path:
    picture = Image.fromarray(image)
    (picture.convert(mode) if mode else picture).save(path, **options)
    return path


def save_deep(path: Path, image: np.ndarray) -> Path:
    order = [2, 1, 0, 3][: image.shape[2]] if image.ndim == 3 else slice(None)
    assert cv2.imwrite(str(path), image[..., order])
    return path


def png(width: int, height: int, bits: int, color: int, rows: bytes, *extra: tuple[bytes, bytes]) -> bytes:
    """A PNG put together by hand (ISO/IEC 15948)."""
    header = struct.pack(">IIBBBBB", width, height, bits, color, 0, 0, 0)
    chunks = [(b"IHDR", header), *extra, (b"IDAT", zlib.compress(rows)), (b"IEND", b"")]
    parts = [
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in chunks
    ]
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def encoded(codec: str, image: np.ndarray, pix_fmt: str, options: dict[str, str]) -> bytes:
    """An image encoded by FFmpeg as a picture of this codec, such as "exr" or "dpx".

    image: (H, W, 3 or 4) uint16 or float32.
    """
    kinds = {("f", 3): "gbrpf32le", ("f", 4): "gbrapf32le", ("u", 3): "rgb48le", ("u", 4): "rgba64le"}
    frame = av.VideoFrame.from_ndarray(image, kinds[image.dtype.kind, image.shape[2]])
    frame = frame if frame.format.name == pix_fmt else frame.reformat(format=pix_fmt)
    context = av.CodecContext.create(codec, "w")
    context.height, context.width, context.pix_fmt = *image.shape[:2], pix_fmt
    context.time_base, context.options = Fraction(1, 25), options
    frame.pts = 0
    return b"".join(bytes(packet) for packet in [*context.encode(frame), *context.encode(None)])


def heic(size: tuple[int, int], color: tuple[int, int, int]) -> bytes:
    """A HEIC file of one color, put together by hand (ISO/IEC 23008-12) around a frame of HEVC. size: width, height."""
    stream = _hevc(size, color)
    units = [unit for unit in re.split(b"\0\0\0?\1", stream) if unit]
    headers, slices = ([unit for unit in units if (unit[0] >> 1 in (32, 33, 34)) == wanted] for wanted in (True, False))
    slices = [unit for unit in slices if unit[0] >> 1 < 32]
    arrays = b"".join(struct.pack(">BHH", unit[0] >> 1 | 128, 1, len(unit)) + unit for unit in headers)
    # ISO/IEC 14496-15, 8.3.3.1: profile and level are those of the sequence header, after its first three bytes
    profile = headers[1].replace(b"\0\0\3", b"\0\0")[3:15]
    config = b"\1" + profile + struct.pack(">HBBBBHBB", 0xF000, 0xFC, 0xFD, 0xF8, 0xF8, 0, 0x0F, len(headers)) + arrays
    data = b"".join(struct.pack(">I", len(unit)) + unit for unit in slices)
    properties = _box(b"ipco", _box(b"hvcC", config) + _box(b"ispe", struct.pack(">III", 0, *size)))
    properties += _box(b"ipma", struct.pack(">IIHBBB", 0, 1, 1, 2, 0x81, 2))
    ftyp = _box(b"ftyp", b"heic\0\0\0\0mif1heic")

    def meta(offset: int) -> bytes:
        handler = _box(b"hdlr", bytes(8) + b"pict" + bytes(13))
        primary = _box(b"pitm", struct.pack(">IH", 0, 1))
        location = _box(b"iloc", struct.pack(">IBBHHHHII", 0, 0x44, 0, 1, 1, 0, 1, offset, len(data)))
        entry = _box(b"infe", struct.pack(">IHH", 2 << 24, 1, 0) + b"hvc1\0")
        items = _box(b"iinf", struct.pack(">IH", 0, 1) + entry)
        return _box(b"meta", bytes(4) + handler + primary + location + items + _box(b"iprp", properties))

    return ftyp + meta(len(ftyp) + len(meta(0)) + 8) + _box(b"mdat", data)


def _box(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", 8 + len(content)) + kind + content


def _hevc(size: tuple[int, int], color: tuple[int, int, int]) -> bytes:
    frame = av.VideoFrame.from_ndarray(np.full((size[1], size[0], 3), color, np.uint8), "rgb24")
    context = av.CodecContext.create("libx265", "w")
    context.width, context.height, context.pix_fmt, context.time_base = *size, "yuv420p", Fraction(1, 25)
    context.options = {"x265-params": "log-level=none:qp=4:info=0"}
    frame = frame.reformat(format="yuv420p")
    frame.pts = 0
    return b"".join(bytes(packet) for packet in [*context.encode(frame), *context.encode(None)])
