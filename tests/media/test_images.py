"""Reading image files: pixel formats, orientation, color profiles, damage."""

from __future__ import annotations

import contextlib
import io
import struct
import zlib
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import ExifTags, Image, ImageCms, ImageOps

from tests.support.clips import gradient, make_clip
from tests.support.images import encoded, heic, png, save, save_deep
from videostyle.errors import BadInput
from videostyle.media.images import read_picture, upright
from videostyle.media.pixels import to_bits
from videostyle.media.sources import open_source

RGB = gradient(12, 20, 90)
DEEP = np.random.default_rng(3).integers(0, 65536, (9, 14, 4)).astype(np.uint16)


# --- pixel formats ---


@pytest.mark.parametrize("suffix", ["png", "tif", "webp", "bmp"])
def test_rgb_of_8_bits(tmp_path, suffix):
    """Lossless formats give exactly what was saved."""
    options = {"lossless": True} if suffix == "webp" else {}
    picture = read_picture(save(tmp_path / f"a.{suffix}", RGB, **options))
    np.testing.assert_array_equal(picture.image, RGB)
    assert picture.alpha is None


def test_jpeg(tmp_path):
    picture = read_picture(save(tmp_path / "a.JPG", RGB, quality=98, subsampling=0))
    assert np.abs(picture.image.astype(int) - RGB).max() <= 6


@pytest.mark.parametrize("mode", ["1", "L", "P", "CMYK", "YCbCr"])
def test_other_color_modes(tmp_path, mode):
    picture = read_picture(save(tmp_path / "a.tif", RGB, mode))
    wanted = np.asarray(Image.fromarray(RGB).convert(mode).convert("RGB"))
    np.testing.assert_array_equal(picture.image, wanted)


@pytest.mark.parametrize("suffix", ["png", "tif"])
@pytest.mark.parametrize("channels", [1, 3, 4])
def test_16_bits(tmp_path, suffix, channels):
    """Full precision is kept."""
    stored = DEEP[..., 0] if channels == 1 else DEEP[..., :channels]
    picture = read_picture(save_deep(tmp_path / f"a.{suffix}", stored))
    wanted = np.repeat(DEEP[..., :1], 3, axis=2) if channels == 1 else DEEP[..., :3]
    assert picture.image.dtype == np.uint16
    np.testing.assert_array_equal(picture.image, wanted)
    if channels == 4:
        np.testing.assert_array_equal(picture.alpha, DEEP[..., 3])
    else:
        assert picture.alpha is None


def test_16_bit_gray_with_alpha(tmp_path):
    row = struct.pack(">6H", 1000, 65535, 2000, 300, 40000, 1)
    (tmp_path / "a.png").write_bytes(png(3, 2, 16, 4, (b"\0" + row) * 2))
    picture = read_picture(tmp_path / "a.png")
    np.testing.assert_array_equal(picture.image[1], [[1000] * 3, [2000] * 3, [40000] * 3])
    np.testing.assert_array_equal(picture.alpha[0], [65535, 300, 1])


@pytest.mark.parametrize("mode", ["RGBA", "LA"])
def test_alpha(tmp_path, mode):
    """It is read, and so are the colors where it is 0."""
    alpha = np.arange(240, dtype=np.uint8).reshape(12, 20)
    stored = np.dstack([RGB, alpha]) if mode == "RGBA" else np.dstack([RGB[..., 0], alpha])
    picture = read_picture(save(tmp_path / "a.png", stored))
    np.testing.assert_array_equal(picture.image, RGB if mode == "RGBA" else np.repeat(RGB[..., :1], 3, axis=2))
    np.testing.assert_array_equal(picture.alpha, alpha)


def test_transparent_palette_color(tmp_path):
    picture = Image.new("P", (4, 4), 1)
    picture.putpalette([10, 20, 30, 200, 100, 50])
    picture.putpixel((0, 0), 0)
    picture.save(tmp_path / "a.png", transparency=0)
    read = read_picture(tmp_path / "a.png")
    assert read.alpha[0, 0] == 0
    assert read.alpha[1:].min() == 255
    assert read.image[3, 3].tolist() == [200, 100, 50]


def test_opaque_alpha_is_none(tmp_path):
    assert read_picture(save(tmp_path / "a.png", np.dstack([RGB, np.full((12, 20), 255, np.uint8)]))).alpha is None


# --- formats by their content ---


@pytest.mark.parametrize("suffix", ["avif", "jp2", "tga"])
def test_other_formats_of_pillow(tmp_path, suffix):
    """They are read whatever their name."""
    options = {"avif": {"quality": 100, "subsampling": "4:4:4"}, "jp2": {}, "tga": {}}[suffix]
    path = save(tmp_path / f"a.{suffix}", RGB, **options).rename(tmp_path / "a.bin")
    assert np.abs(read_picture(path).image.astype(int) - RGB).max() <= (2 if suffix == "avif" else 0)
    assert open_source(path).info.kind == "image"


def test_targa_without_a_signature(tmp_path):
    """The older version is known by its suffix alone; other files are not taken for it."""
    whole = save(tmp_path / "a.tga", RGB).read_bytes()
    (tmp_path / "old.tga").write_bytes(whole[:-26])
    np.testing.assert_array_equal(read_picture(tmp_path / "old.tga").image, RGB)
    (tmp_path / "old.bin").write_bytes(whole[:-26])
    with pytest.raises(BadInput, match="cannot be read as an image"):
        read_picture(tmp_path / "old.bin")


def test_heic(tmp_path):
    """A HEIC photo: a still, of the colors that it was made of."""
    path = tmp_path / "a.bin"
    path.write_bytes(heic((128, 96), (200, 100, 50)))
    picture = read_picture(path)
    assert picture.image.shape == (96, 128, 3)
    assert np.abs(picture.image.astype(int) - (200, 100, 50)).max() <= 4
    assert open_source(path).info.kind == "image"


@pytest.mark.parametrize("depth", ["half", "float"])
@pytest.mark.parametrize("with_alpha", [False, True])
def test_exr(tmp_path, depth, with_alpha):
    """Linear light becomes sRGB of 16 bits; what is brighter than white is clipped; the light is divided by its alpha."""
    light = np.array([0.0, 0.002, 0.2140411, 0.5, 1.0, 4.0], np.float32).reshape(1, 6, 1).repeat(3, 2).repeat(2, 0)
    if with_alpha:
        light = np.dstack([light * 0.5, np.full((2, 6), 0.5, np.float32)])
    path = tmp_path / "a.bin"
    path.write_bytes(encoded("exr", light, "gbrapf32le" if with_alpha else "gbrpf32le", {"format": depth}))
    picture = read_picture(path)
    # IEC 61966-2-1, by hand: 0.2140411 is the light of the middle code
    wanted = np.array([0.0, 0.02584, 0.5, 0.735357, 1.0, 1.0]) * 65535
    assert picture.image.dtype == np.uint16
    assert np.abs(picture.image[0, :, 1] - wanted).max() <= (2 if depth == "float" else 20)
    if with_alpha:
        assert (picture.alpha == 32768).all()
    assert (open_source(path).info.kind, open_source(path).info.bits) == ("image", 16)


def test_exr_of_a_layer_that_is_not_finite(tmp_path):
    """NaN is black, infinite light is white."""
    light = np.full((2, 4, 3), 0.5, np.float32)
    light[0, 0], light[0, 1] = np.nan, np.inf
    (tmp_path / "a.exr").write_bytes(encoded("exr", light, "gbrpf32le", {"format": "float"}))
    assert read_picture(tmp_path / "a.exr").image[0, :2, 0].tolist() == [0, 65535]


@pytest.mark.parametrize(("stored", "bits"), [("rgb24", 8), ("gbrp10le", 10), ("gbrp12le", 12), ("rgb48le", 16)])
def test_dpx(tmp_path, stored, bits):
    """Its codes are taken as sRGB, with all their bits."""
    deep = np.ascontiguousarray(DEEP[..., :3])
    (tmp_path / "a.bin").write_bytes(encoded("dpx", deep, stored, {}))
    image = read_picture(tmp_path / "a.bin").image
    assert image.dtype == (np.uint8 if bits == 8 else np.uint16)
    assert np.abs(to_bits(image, 16).astype(int) - deep).max() <= 65536 >> bits << 1
    assert open_source(tmp_path / "a.bin").info.kind == "image"


@pytest.mark.parametrize("suffix", ["exr", "dpx"])
def test_folders_of_film_frames(tmp_path, suffix):
    for number in (1001, 1002):
        picture = np.full((4, 6, 3), number * 20, np.uint16)
        pix_fmt = "gbrpf32le" if suffix == "exr" else "rgb48le"
        pixels = (picture / 65535).astype(np.float32) if suffix == "exr" else picture
        (tmp_path / f"shot.{number}.v2.{suffix}").write_bytes(encoded(suffix, pixels, pix_fmt, {}))
    source = open_source(tmp_path)
    assert (source.info.kind, source.info.size, source.info.bits) == ("folder", (4, 6), 16)
    assert [frame.number for frame in source.frames()] == [1001, 1002]


def test_video_with_the_name_of_an_image(tmp_path):
    clip = make_clip(tmp_path / "a.mp4", [RGB, RGB], pix_fmt="yuv444p").rename(tmp_path / "a.png")
    assert open_source(clip).info.kind == "video"
    with pytest.raises(BadInput, match="cannot be read as an image"):
        read_picture(clip)


# --- EXIF and ICC ---


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("suffix", ["png", "tif", "jpg"])
def test_exif_orientation(tmp_path, orientation, suffix):
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = orientation
    path = save(tmp_path / f"a.{suffix}", RGB, exif=exif)
    with Image.open(path) as file:
        wanted = np.asarray(ImageOps.exif_transpose(file))
    np.testing.assert_array_equal(read_picture(path).image, wanted)
    assert open_source(path).info.size == wanted.shape[:2]


def test_exif_orientation_of_16_bits(tmp_path):
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in DEEP[..., :3])
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6
    block = exif.tobytes().removeprefix(b"Exif\0\0")
    (tmp_path / "a.png").write_bytes(png(14, 9, 16, 2, rows, (b"eXIf", block)))
    np.testing.assert_array_equal(read_picture(tmp_path / "a.png").image, np.rot90(DEEP[..., :3], -1))


@given(st.booleans(), st.integers(0, 7))
def test_upright_is_reversible(mirror, turns):
    once = upright(RGB, mirror, turns)
    assert once.flags.c_contiguous
    back = upright(once, False, -turns)
    np.testing.assert_array_equal(upright(back, mirror, 0), RGB)


def icc_profile(red, green, blue, gamma: float) -> bytes:
    """A minimal RGB display profile (ICC.1:2010): columns in D50 XYZ and one gamma for all channels."""

    def fixed(value: float) -> bytes:
        return struct.pack(">i", round(value * 65536))

    xyz = {
        name: b"XYZ \0\0\0\0" + b"".join(fixed(v) for v in value)
        for name, value in ((b"rXYZ", red), (b"gXYZ", green), (b"bXYZ", blue), (b"wtpt", (0.9642, 1, 0.8249)))
    }
    curve = b"curv\0\0\0\0" + struct.pack(">IH", 1, round(gamma * 256)) + b"\0\0"
    tags = {**xyz, b"rTRC": curve, b"gTRC": curve, b"bTRC": curve}
    tags[b"desc"] = b"desc\0\0\0\0" + struct.pack(">I", 5) + b"test\0" + bytes(4 + 4 + 2 + 1 + 67 + 1)
    tags[b"cprt"] = b"text\0\0\0\0none"
    table, body, at = struct.pack(">I", len(tags)), b"", 128 + 4 + 12 * len(tags)
    for name, data in tags.items():
        data += bytes(-len(data) % 4)
        table += name + struct.pack(">II", at + len(body), len(data))
        body += data
    header = struct.pack(">I4sI4s4s4s", at + len(body), b"\0\0\0\0", 0x02400000, b"mntr", b"RGB ", b"XYZ ")
    header += bytes(12) + b"acsp" + bytes(28) + fixed(0.9642) + fixed(1) + fixed(0.8249)
    return header.ljust(128, b"\0") + table + body


# the sRGB primaries adapted to D50 (IEC 61966-2-1, Bradford), so that profiles below differ from sRGB in known ways
SRGB_RED, SRGB_GREEN, SRGB_BLUE = (0.4361, 0.2225, 0.0139), (0.3851, 0.7169, 0.0971), (0.1431, 0.0606, 0.7141)


def srgb_encoded(linear: np.ndarray) -> np.ndarray:
    return 255 * np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)


def test_linear_icc_profile(tmp_path):
    """It is converted to sRGB."""
    profile = icc_profile(SRGB_RED, SRGB_GREEN, SRGB_BLUE, gamma=1.0)
    picture = read_picture(save(tmp_path / "a.png", RGB, icc_profile=profile))
    assert np.abs(picture.image - srgb_encoded(RGB / 255)).max() <= 2


def test_icc_profile_with_swapped_primaries(tmp_path):
    """It is converted to sRGB."""
    profile = icc_profile(SRGB_GREEN, SRGB_RED, SRGB_BLUE, gamma=2.2)
    picture = read_picture(save(tmp_path / "a.jpg", RGB, quality=100, subsampling=0, icc_profile=profile))
    wanted = srgb_encoded((RGB[..., [1, 0, 2]] / 255) ** 2.2)
    assert np.abs(picture.image - wanted).max() <= 4


def test_icc_profile_of_16_bits(tmp_path):
    deep = (RGB.astype(np.uint16) * 257).astype(">u2")
    profile = zlib.compress(icc_profile(SRGB_RED, SRGB_GREEN, SRGB_BLUE, gamma=1.0))
    rows = b"".join(b"\0" + row.tobytes() for row in deep)
    (tmp_path / "a.png").write_bytes(png(20, 12, 16, 2, rows, (b"iCCP", b"linear\0\0" + profile)))
    image = read_picture(tmp_path / "a.png").image
    assert np.abs(to_bits(image, 8) - srgb_encoded(RGB / 255)).max() <= 2


def test_srgb_profile(tmp_path):
    """It changes no pixel."""
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    np.testing.assert_array_equal(read_picture(save(tmp_path / "a.png", RGB, icc_profile=profile)).image, RGB)


@pytest.mark.parametrize("profile", [b"no profile at all", bytes(200)])
def test_broken_icc_profile(tmp_path, profile):
    """It is ignored."""
    np.testing.assert_array_equal(read_picture(save(tmp_path / "a.png", RGB, icc_profile=profile)).image, RGB)


def test_icc_profile_leaves_alpha_alone(tmp_path):
    alpha = np.arange(240, dtype=np.uint8).reshape(12, 20)
    profile = icc_profile(SRGB_RED, SRGB_GREEN, SRGB_BLUE, gamma=1.0)
    picture = read_picture(save(tmp_path / "a.png", np.dstack([RGB, alpha]), icc_profile=profile))
    np.testing.assert_array_equal(picture.alpha, alpha)
    assert np.abs(picture.image - srgb_encoded(RGB / 255)).max() <= 2


def test_handmade_icc_profile():
    """The handmade profile is read by another reader as linear sRGB."""
    profile = ImageCms.ImageCmsProfile(io.BytesIO(icc_profile(SRGB_RED, SRGB_GREEN, SRGB_BLUE, 1.0))).profile
    assert profile.xcolor_space == "RGB "
    assert abs(profile.red_colorant[0][0] - SRGB_RED[0]) < 1e-3


# --- refusals and damage ---


def test_32_bits(tmp_path):
    """Refused."""
    assert cv2.imwrite(str(tmp_path / "a.tif"), np.zeros((4, 4), np.float32))
    with pytest.raises(BadInput, match="32 bits"):
        read_picture(tmp_path / "a.tif")


def test_decompression_bomb(tmp_path):
    """Refused before it is decoded."""
    (tmp_path / "a.png").write_bytes(png(60_000, 60_000, 8, 2, b""))
    for opener in (read_picture, open_source):
        with pytest.raises(BadInput, match="million pixels, too many"):
            opener(tmp_path / "a.png")


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_random_damage(tmp_path, data):
    """It gives a picture or BadInput, never another error."""
    kind = data.draw(st.sampled_from(sorted(whole_files(tmp_path))))
    path = tmp_path / f"damaged.{kind}"
    content = bytearray(whole_files(tmp_path)[kind])
    for _ in range(data.draw(st.integers(0, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    path.write_bytes(content[: data.draw(st.integers(0, len(content)))])
    with contextlib.suppress(BadInput):
        assert read_picture(path).image.ndim == 3


def whole_files(folder: Path) -> dict[str, bytes]:
    if not (folder / "whole").exists():
        (folder / "whole").mkdir()
        for suffix in ("png", "jpg", "tif", "webp", "bmp", "avif", "jp2", "tga"):
            save(folder / "whole" / f"a.{suffix}", RGB)
        for suffix in ("png", "tif"):
            save_deep(folder / "whole" / f"deep.{suffix}", DEEP)
        (folder / "whole" / "a.heic").write_bytes(heic((64, 48), (200, 100, 50)))
        (folder / "whole" / "a.exr").write_bytes(encoded("exr", RGB.astype(np.float32) / 255, "gbrpf32le", {}))
        (folder / "whole" / "a.dpx").write_bytes(encoded("dpx", RGB.astype(np.uint16) * 257, "gbrp10le", {}))
    return {path.name.removeprefix("a."): path.read_bytes() for path in (folder / "whole").iterdir()}
