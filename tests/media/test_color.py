"""Decoded colors against the standards' own equations, solved here for R, G and B separately in exact fractions."""

from __future__ import annotations

from fractions import Fraction as F
from pathlib import Path

import av
import numpy as np
import pytest

from tests.support.clips import (
    BT709,
    BT2020_NCL,
    FULL,
    LIMITED,
    REC601,
    REC709,
    SMPTE170M,
    Tags,
    flat_yuv,
    gradient,
    make_clip,
)
from videostyle.media.color.decode import ToRGB
from videostyle.media.sources import open_source

# E'Y = kr R + kg G + kb B, E'Cb = (B - E'Y) / (2 - 2 kb), E'Cr = (R - E'Y) / (2 - 2 kr)
# ITU-R BT.601-7 2.5.1, BT.709-6 3.2, BT.2020-2 table 4
KR_KB = {
    SMPTE170M: (F(299, 1000), F(114, 1000)),
    BT709: (F(2126, 10000), F(722, 10000)),
    BT2020_NCL: (F(2627, 10000), F(593, 10000)),
}


def expected_rgb(codes, bits: int, matrix: int, full: bool) -> list[F]:
    """R, G, B in [0, 1] of (y, cb, cr) codes: quantization after BT.709-6 3.4 (limited) and H.273 8.3 (full)."""
    y, cb, cr = (F(code) for code in codes)
    scale, top = 2 ** (bits - 8), 2**bits - 1
    if full:
        luma, blue, red = y / top, (cb - 128 * scale) / top, (cr - 128 * scale) / top
    else:
        luma = (y / scale - 16) / 219
        blue, red = (cb / scale - 128) / 224, (cr / scale - 128) / 224
    kr, kb = KR_KB[matrix]
    r, b = luma + red * (2 - 2 * kr), luma + blue * (2 - 2 * kb)
    g = (luma - kr * r - kb * b) / (1 - kr - kb)
    return [min(max(value, F(0)), F(1)) for value in (r, g, b)]


def flat_frame(codes, pix_fmt: str, matrix: int | None, full: bool | None, height: int = 16) -> av.VideoFrame:
    frame = flat_yuv(height, 24, codes, pix_fmt)
    frame.colorspace = 2 if matrix is None else matrix
    frame.color_range = 0 if full is None else (FULL if full else LIMITED)
    return frame


def read(frame: av.VideoFrame) -> np.ndarray:
    return ToRGB()(frame, (frame.height, frame.width))


CODES_8 = [
    (16, 128, 128),
    (235, 128, 128),
    (120, 90, 170),
    (60, 200, 100),
    (180, 120, 60),
    (145, 54, 34),
    (100, 128, 128),
]


@pytest.mark.parametrize("full", [False, True])
@pytest.mark.parametrize("matrix", KR_KB)
@pytest.mark.parametrize("pix_fmt", ["yuv420p", "yuv422p", "yuv444p", "yuv411p"])
def test_flat_color_of_8_bits(pix_fmt, matrix, full):
    for codes in CODES_8:
        image = read(flat_frame(codes, pix_fmt, matrix, full))
        wanted = 255 * np.array(expected_rgb(codes, 8, matrix, full), float)
        assert image.dtype == np.uint8
        assert np.abs(image - wanted).max() <= 0.51, codes


@pytest.mark.parametrize("full", [False, True])
@pytest.mark.parametrize("matrix", KR_KB)
@pytest.mark.parametrize(
    ("pix_fmt", "bits"),
    [("yuv420p10le", 10), ("yuv422p10le", 10), ("yuv444p10le", 10), ("yuv444p12le", 12), ("yuv420p16le", 16)],
)
def test_flat_color_above_8_bits(pix_fmt, bits, matrix, full):
    """Exact to one code of 16 bits."""
    for codes in CODES_8:
        codes = [code * 2 ** (bits - 8) + step for code, step in zip(codes, (1, 2, 3), strict=True)]
        image = read(flat_frame(codes, pix_fmt, matrix, full))
        wanted = 65535 * np.array(expected_rgb(codes, bits, matrix, full), float)
        assert image.dtype == np.uint16
        assert np.abs(image - wanted).max() <= 1.0, codes  # of 65535


@pytest.mark.parametrize("bits", [8, 10])
@pytest.mark.parametrize("full", [False, True])
def test_black_and_white(bits, full):
    """Nominal black and white become exactly the lowest and highest values."""
    pix_fmt, top = ("yuv420p", 255) if bits == 8 else ("yuv420p10le", 65535)
    scale = 2 ** (bits - 8)
    black, white = (0, 2**bits - 1) if full else (16 * scale, 235 * scale)
    assert (read(flat_frame((black, 128 * scale, 128 * scale), pix_fmt, BT709, full)) == 0).all()
    assert (read(flat_frame((white, 128 * scale, 128 * scale), pix_fmt, BT709, full)) == top).all()


@pytest.mark.parametrize(("height", "matrix"), [(480, SMPTE170M), (719, SMPTE170M), (720, BT709), (1080, BT709)])
def test_untagged_matrix(height, matrix):
    """Video without a tag is BT.709 from 720 lines up, BT.601 below."""
    codes = (120, 90, 170)
    wanted = 255 * np.array(expected_rgb(codes, 8, matrix, full=False), float)
    image = read(flat_frame(codes, "yuv444p", None, None, height))
    assert np.abs(image - wanted).max() <= 0.51


def test_untagged_yuvj_is_full_range():
    codes = (120, 90, 170)
    wanted = 255 * np.array(expected_rgb(codes, 8, SMPTE170M, full=True), float)
    assert np.abs(read(flat_frame(codes, "yuvj420p", None, None)) - wanted).max() <= 0.51


@pytest.mark.parametrize(("full", "level"), [(None, F(100, 255)), (True, F(100, 255)), (False, F(100 - 16, 219))])
@pytest.mark.parametrize(("pix_fmt", "bits"), [("gray", 8), ("gray10le", 10), ("gray16le", 16)])
def test_gray_range(pix_fmt, bits, full, level):
    """Gray is scaled by the range it is tagged with; untagged gray is of full range."""
    code = 100 if bits == 8 else (round(F(100, 255) * (2**bits - 1)) if full is not False else 100 * 2 ** (bits - 8))
    image = read(flat_frame((code,), pix_fmt, None, full))
    top = 255 if bits == 8 else 65535
    tolerance = 0.51 if bits == 8 else 65535 / 2**bits
    assert image.shape == (16, 24, 3)
    assert np.abs(image - float(level * top)).max() <= tolerance


@pytest.mark.parametrize("pix_fmt", ["rgb24", "bgr24", "gbrp", "rgba", "rgb0"])
def test_rgb_of_8_bits_is_unchanged(pix_fmt):
    picture = gradient(17, 31, 77)
    frame = av.VideoFrame.from_ndarray(picture, "rgb24").reformat(format=pix_fmt)
    np.testing.assert_array_equal(read(frame), picture)


def test_rgb_of_16_bits_is_unchanged():
    picture = np.random.default_rng(0).integers(0, 65536, (9, 21, 3)).astype(np.uint16)
    frame = av.VideoFrame.from_ndarray(picture, "rgb48le").reformat(format="gbrp16le")
    np.testing.assert_array_equal(read(frame), picture)


def test_full_size_chroma_is_not_blurred():
    """4:4:4 color edges stay where they are; a chroma path through 4:2:0 would smear them over two columns."""
    frame = flat_frame((120, 90, 170), "yuv444p", BT709, False)
    plane = np.full((16, frame.planes[1].line_size), 90, np.uint8)
    plane[:, 11:] = 160
    frame.planes[1].update(plane.tobytes())
    image = read(frame)
    assert (image[:, :11] == image[:, :1]).all()
    assert (image[:, 11:24] == image[:, 11:12]).all()


@pytest.mark.parametrize("bits", [8, 10])
@pytest.mark.parametrize("full", [False, True])
def test_ycgco(bits, full):
    """H.273, equations 57 to 60: G = Y + Cg, R = Y - Cg + Co, B = Y - Cg - Co. swscale does not know this matrix."""
    y, cg, co = 93, 94, 150
    luma = y / 255 if full else (y - 16) / 219
    green, orange = ((code - 128) / (255 if full else 224) for code in (cg, co))
    wanted = np.array([luma - green + orange, luma + green, luma - green - orange])
    codes = tuple(code * 2 ** (bits - 8) for code in (y, cg, co))
    image = read(flat_frame(codes, "yuv444p" if bits == 8 else "yuv444p10le", 8, full))
    top = np.iinfo(image.dtype).max
    assert np.abs(image - wanted * top).max() <= (0.51 if bits == 8 else top / 255)


# --- through files: their tags decide ---


CLIPS = [
    ("h264_709.mp4", "libx264", "yuv420p", 8, REC709),
    ("h264_601.mp4", "libx264", "yuv444p", 8, REC601),
    ("h264_full.mp4", "libx264", "yuvj420p", 8, Tags(BT709, FULL)),
    ("h264_untagged.mp4", "libx264", "yuv422p", 8, None),
    ("ffv1_2020_matrix.mkv", "ffv1", "yuv420p10le", 10, Tags(BT2020_NCL, LIMITED)),
    ("ffv1_709_12.mkv", "ffv1", "yuv444p12le", 12, REC709),
    ("vp9_709.webm", "libvpx-vp9", "yuv420p", 8, REC709),
]


@pytest.mark.parametrize(("name", "codec", "pix_fmt", "bits", "tags"), CLIPS, ids=[clip[0] for clip in CLIPS])
def test_flat_clip(tmp_path: Path, name, codec, pix_fmt, bits, tags):
    codes = [code * 2 ** (bits - 8) for code in (120, 90, 170)]
    options = {"lossless": "1"} if codec == "libvpx-vp9" else None
    frames = [flat_yuv(32, 48, codes, pix_fmt) for _ in range(2)]
    path = make_clip(tmp_path / name, frames, codec=codec, pix_fmt=pix_fmt, tags=tags, options=options)
    source = open_source(path)
    matrix = tags.matrix if tags else SMPTE170M
    full = tags is not None and tags.range == FULL
    top = 255 if bits == 8 else 65535
    wanted = top * np.array(expected_rgb(codes, bits, matrix, full), float)
    assert source.info.bits == (8 if bits == 8 else 16)
    for frame in source.frames():
        assert np.abs(frame.image - wanted).max() <= (0.51 if bits == 8 else 1.0)
    for frame in source.frames((16, 24)):
        assert np.abs(frame.image - wanted).max() <= (0.51 if bits == 8 else 1.0)
