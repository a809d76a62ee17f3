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

from tests.support.clips import gradient
from videostyle.errors import BadInput
from videostyle.media.image_sources import frame_number
from videostyle.media.images import read_picture, upright
from videostyle.media.pixels import to_bits
from videostyle.media.resize import resize
from videostyle.media.sources import open_source
from videostyle.style_images import load_style

RGB = gradient(12, 20, 90)
DEEP = np.random.default_rng(3).integers(0, 65536, (9, 14, 4)).astype(np.uint16)


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


# --- kinds of pixels ---


@pytest.mark.parametrize("suffix", ["png", "tif", "webp", "bmp"])
def test_8_bit_rgb_comes_as_it_is(tmp_path, suffix):
    options = {"lossless": True} if suffix == "webp" else {}
    picture = read_picture(save(tmp_path / f"a.{suffix}", RGB, **options))
    np.testing.assert_array_equal(picture.image, RGB)
    assert picture.alpha is None


def test_jpeg(tmp_path):
    picture = read_picture(save(tmp_path / "a.JPG", RGB, quality=98, subsampling=0))
    assert np.abs(picture.image.astype(int) - RGB).max() <= 6


@pytest.mark.parametrize("mode", ["1", "L", "P", "CMYK", "YCbCr"])
def test_other_modes_become_rgb(tmp_path, mode):
    picture = read_picture(save(tmp_path / "a.tif", RGB, mode))
    wanted = np.asarray(Image.fromarray(RGB).convert(mode).convert("RGB"))
    np.testing.assert_array_equal(picture.image, wanted)


@pytest.mark.parametrize("suffix", ["png", "tif"])
@pytest.mark.parametrize("channels", [1, 3, 4])
def test_16_bits_come_at_full_precision(tmp_path, suffix, channels):
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
def test_alpha_is_carried_and_the_colors_under_it_too(tmp_path, mode):
    alpha = np.arange(240, dtype=np.uint8).reshape(12, 20)
    stored = np.dstack([RGB, alpha]) if mode == "RGBA" else np.dstack([RGB[..., 0], alpha])
    picture = read_picture(save(tmp_path / "a.png", stored))
    np.testing.assert_array_equal(picture.image, RGB if mode == "RGBA" else np.repeat(RGB[..., :1], 3, axis=2))
    np.testing.assert_array_equal(picture.alpha, alpha)


def test_a_transparent_palette_color_is_alpha(tmp_path):
    picture = Image.new("P", (4, 4), 1)
    picture.putpalette([10, 20, 30, 200, 100, 50])
    picture.putpixel((0, 0), 0)
    picture.save(tmp_path / "a.png", transparency=0)
    read = read_picture(tmp_path / "a.png")
    assert read.alpha[0, 0] == 0
    assert read.alpha[1:].min() == 255
    assert read.image[3, 3].tolist() == [200, 100, 50]


def test_alpha_that_is_opaque_everywhere_is_none(tmp_path):
    assert read_picture(save(tmp_path / "a.png", np.dstack([RGB, np.full((12, 20), 255, np.uint8)]))).alpha is None


# --- EXIF and ICC ---


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("suffix", ["png", "tif", "jpg"])
def test_exif_orientation_is_applied(tmp_path, orientation, suffix):
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = orientation
    path = save(tmp_path / f"a.{suffix}", RGB, exif=exif)
    with Image.open(path) as file:
        wanted = np.asarray(ImageOps.exif_transpose(file))
    np.testing.assert_array_equal(read_picture(path).image, wanted)
    assert open_source(path).info.size == wanted.shape[:2]


def test_exif_orientation_of_a_16_bit_file_is_applied(tmp_path):
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in DEEP[..., :3])
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6
    block = exif.tobytes().removeprefix(b"Exif\0\0")
    (tmp_path / "a.png").write_bytes(png(14, 9, 16, 2, rows, (b"eXIf", block)))
    np.testing.assert_array_equal(read_picture(tmp_path / "a.png").image, np.rot90(DEEP[..., :3], -1))


@given(st.booleans(), st.integers(0, 7))
def test_four_quarters_or_two_mirrors_change_nothing(mirror, turns):
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


def test_a_linear_profile_is_converted_to_srgb(tmp_path):
    profile = icc_profile(SRGB_RED, SRGB_GREEN, SRGB_BLUE, gamma=1.0)
    picture = read_picture(save(tmp_path / "a.png", RGB, icc_profile=profile))
    assert np.abs(picture.image - srgb_encoded(RGB / 255)).max() <= 2


def test_swapped_primaries_are_converted_to_srgb(tmp_path):
    profile = icc_profile(SRGB_GREEN, SRGB_RED, SRGB_BLUE, gamma=2.2)
    picture = read_picture(save(tmp_path / "a.jpg", RGB, quality=100, subsampling=0, icc_profile=profile))
    wanted = srgb_encoded((RGB[..., [1, 0, 2]] / 255) ** 2.2)
    assert np.abs(picture.image - wanted).max() <= 4


def test_a_profile_is_applied_to_16_bits_too(tmp_path):
    deep = (RGB.astype(np.uint16) * 257).astype(">u2")
    profile = zlib.compress(icc_profile(SRGB_RED, SRGB_GREEN, SRGB_BLUE, gamma=1.0))
    rows = b"".join(b"\0" + row.tobytes() for row in deep)
    (tmp_path / "a.png").write_bytes(png(20, 12, 16, 2, rows, (b"iCCP", b"linear\0\0" + profile)))
    image = read_picture(tmp_path / "a.png").image
    assert np.abs(to_bits(image, 8) - srgb_encoded(RGB / 255)).max() <= 2


def test_an_srgb_profile_changes_no_pixel(tmp_path):
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    np.testing.assert_array_equal(read_picture(save(tmp_path / "a.png", RGB, icc_profile=profile)).image, RGB)


@pytest.mark.parametrize("profile", [b"no profile at all", bytes(200)])
def test_a_broken_profile_is_ignored(tmp_path, profile):
    np.testing.assert_array_equal(read_picture(save(tmp_path / "a.png", RGB, icc_profile=profile)).image, RGB)


def test_alpha_is_no_color_to_convert(tmp_path):
    alpha = np.arange(240, dtype=np.uint8).reshape(12, 20)
    profile = icc_profile(SRGB_RED, SRGB_GREEN, SRGB_BLUE, gamma=1.0)
    picture = read_picture(save(tmp_path / "a.png", np.dstack([RGB, alpha]), icc_profile=profile))
    np.testing.assert_array_equal(picture.alpha, alpha)
    assert np.abs(picture.image - srgb_encoded(RGB / 255)).max() <= 2


# --- styles ---


@pytest.mark.parametrize("deep", [False, True])
def test_white_shows_through_a_transparent_style(tmp_path, deep):
    stored = DEEP if deep else (DEEP >> 8).astype(np.uint8)
    path = save_deep(tmp_path / "a.png", stored)
    style = load_style(path)
    top = 65535 if deep else 255
    share = stored[..., 3:] / top
    assert style.dtype == stored.dtype
    assert np.abs(style - (stored[..., :3] * share + top * (1 - share))).max() <= 0.5 + 1e-6


@pytest.mark.parametrize("mode", ["L", "CMYK"])
def test_gray_and_cmyk_styles_work(tmp_path, mode):
    style = load_style(save(tmp_path / "a.jpg", RGB, mode, quality=98))
    wanted = np.asarray(Image.fromarray(RGB).convert(mode).convert("RGB"), int)
    assert np.abs(style - wanted).max() <= 12


@pytest.mark.parametrize("shape", [(1, 1, 3), (1, 9, 3), (9, 1, 3)])
def test_a_style_of_one_pixel_is_refused(tmp_path, shape):
    with pytest.raises(BadInput, match="has no style"):
        load_style(save(tmp_path / "a.png", np.zeros(shape, np.uint8)))


@pytest.mark.parametrize(
    "content", [b"", b"no image", png(4, 4, 8, 2, b"")[:40], png(4, 4, 8, 2, bytes(range(52)))[:70]]
)
def test_a_style_that_is_no_image_is_refused(tmp_path, content):
    (tmp_path / "a.png").write_bytes(content)
    with pytest.raises(BadInput, match="cannot be read as an image"):
        load_style(tmp_path / "a.png")


def test_a_missing_style_and_a_folder_are_refused(tmp_path):
    for path in (tmp_path, tmp_path / "nothing.png"):
        with pytest.raises(BadInput, match="is not a file"):
            load_style(path)


def test_32_bits_are_refused(tmp_path):
    assert cv2.imwrite(str(tmp_path / "a.tif"), np.zeros((4, 4), np.float32))
    with pytest.raises(BadInput, match="32 bits"):
        load_style(tmp_path / "a.tif")


def test_a_decompression_bomb_is_refused_before_it_is_unpacked(tmp_path):
    (tmp_path / "a.png").write_bytes(png(60_000, 60_000, 8, 2, b""))
    for opener in (load_style, open_source):
        with pytest.raises(BadInput, match="too many pixels"):
            opener(tmp_path / "a.png")


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_damage_gives_a_picture_or_bad_input_and_nothing_else(tmp_path, data):
    kind = data.draw(st.sampled_from(["png", "jpg", "tif", "webp", "bmp", "deep.png", "deep.tif"]))
    path = tmp_path / f"damaged.{kind}"
    content = bytearray(whole_files(tmp_path)[kind])
    for _ in range(data.draw(st.integers(0, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    path.write_bytes(content[: data.draw(st.integers(0, len(content)))])
    with contextlib.suppress(BadInput):
        assert load_style(path).ndim == 3


def whole_files(folder: Path) -> dict[str, bytes]:
    if not (folder / "whole").exists():
        (folder / "whole").mkdir()
        for suffix in ("png", "jpg", "tif", "webp", "bmp"):
            save(folder / "whole" / f"a.{suffix}", RGB)
        for suffix in ("png", "tif"):
            save_deep(folder / "whole" / f"deep.{suffix}", DEEP)
    return {each.name.removeprefix("a."): each.read_bytes() for each in (folder / "whole").iterdir()}


# --- sizes and depths ---


def test_shrinking_by_a_whole_factor_is_the_mean_of_the_area():
    image = np.random.default_rng(0).integers(0, 256, (12, 20, 3)).astype(np.uint8)
    means = image.reshape(6, 2, 5, 4, 3).mean(axis=(1, 3))
    assert np.abs(resize(image, (6, 5)) - means).max() <= 0.51


def test_enlarging_keeps_a_slope_straight():
    slope = np.repeat(np.linspace(0, 60000, 16)[None, :, None], 8, axis=0).round().astype(np.uint16)
    inner = resize(slope, (16, 32))[:, 4:-4].astype(int)
    assert np.abs(np.diff(inner, axis=1) - 2000).max() <= 1
    assert (resize(slope.transpose(1, 0, 2), (32, 16)).transpose(1, 0, 2)[:, 4:-4] == inner).all()


def test_enlarging_one_axis_while_the_other_shrinks():
    slope = np.repeat(np.linspace(0, 60000, 16)[None, :], 8, axis=0).round().astype(np.uint16)
    scaled = resize(slope, (2, 32))
    assert scaled.shape == (2, 32)
    assert np.abs(np.diff(scaled[:, 4:-4].astype(int), axis=1) - 2000).max() <= 1


@given(st.integers(1, 40), st.integers(1, 40), st.integers(1, 40), st.integers(1, 40), st.sampled_from([3, 4, None]))
def test_a_flat_picture_stays_flat_at_any_size(height, width, new_height, new_width, channels):
    flat = np.full((height, width, channels) if channels else (height, width), 201, np.uint8)
    scaled = resize(flat, (new_height, new_width))
    assert scaled.shape == (new_height, new_width, *flat.shape[2:])
    assert (scaled == 201).all()


@given(st.integers(0, 255))
def test_8_bits_survive_the_way_through_16(value):
    one = np.array([value], np.uint8)
    assert to_bits(to_bits(one, 16), 8) == value
    assert to_bits(one, 16) == round(value / 255 * 65535)


@given(st.integers(0, 65535))
def test_16_bits_round_to_the_nearest_of_8(value):
    assert abs(int(to_bits(np.array([value], np.uint16), 8)[0]) - value / 257) <= 0.5


# --- stills and folders as sources ---


def test_a_still_carries_its_alpha(tmp_path):
    alpha = np.arange(240, dtype=np.uint8).reshape(12, 20)
    frame = next(open_source(save(tmp_path / "a.png", np.dstack([RGB, alpha]))).frames())
    np.testing.assert_array_equal(frame.alpha, alpha)
    assert (frame.time, frame.duration, frame.name) == (0, 0, "")


def fill(folder: Path, names, size=(4, 6)) -> Path:
    folder.mkdir(exist_ok=True)
    for index, name in enumerate(names):
        save(folder / name, np.full((*size, 3), index, np.uint8))
    return folder


@pytest.mark.parametrize(
    "names",
    [
        ["8.png", "9.png", "10.png", "11.png"],
        ["shot2_0098.png", "shot2_0099.tif", "shot2_0100.PNG", "shot2_0101.bmp"],
        ["x-7.png", "x-08.png", "x-009.png", "x-10.png"],
        ["a b%d 0.png", "a b%d 1.png", "a b%d 2.png"],
    ],
)
def test_a_folder_is_read_in_the_order_of_its_numbers(tmp_path, names):
    folder = fill(tmp_path / "f", names)
    (folder / "timestamps.txt").write_text("1 2 3")
    (folder / ".hidden_5.png").write_bytes(b"not an image")
    frames = list(open_source(folder).frames())
    assert [frame.name for frame in frames] == names
    assert [int(frame.image[0, 0, 0]) for frame in frames] == list(range(len(names)))
    numbers = [frame_number(frame.name) for frame in frames]
    assert numbers == list(range(numbers[0], numbers[0] + len(names)))


def test_a_folder_carries_alpha_and_follows_the_depth_of_its_first_image(tmp_path):
    folder = tmp_path / "f"
    folder.mkdir()
    save_deep(folder / "1.png", DEEP)
    save(folder / "2.png", (DEEP >> 8).astype(np.uint8))
    first, second = open_source(folder).frames()
    np.testing.assert_array_equal(first.alpha, DEEP[..., 3])
    np.testing.assert_array_equal(second.image, (DEEP[..., :3] >> 8) * 257)


def refused(folder: Path) -> str:
    with pytest.raises(BadInput) as caught:
        open_source(folder)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_a_folder_with_gaps_is_refused_and_the_missing_numbers_are_named(tmp_path):
    line = refused(fill(tmp_path / "f", ["001.png", "002.png", "004.png", "010.png"]))
    assert "3, 5 to 9" in line


def test_a_folder_of_mixed_sizes_is_refused_and_the_file_is_named(tmp_path):
    folder = fill(tmp_path / "f", ["1.png", "2.png"])
    save(folder / "3.png", np.zeros((6, 4, 3), np.uint8))
    line = refused(folder)
    assert "3.png" in line
    assert "4x6" in line
    assert "6x4" in line


def test_a_folder_that_changes_while_it_is_read_is_refused(tmp_path):
    folder = fill(tmp_path / "f", ["1.png", "2.png"])
    frames = open_source(folder).frames()
    next(frames)
    save(folder / "2.png", np.zeros((6, 4, 3), np.uint8))
    with pytest.raises(BadInput, match=r"2\.png"):
        next(frames)


def test_turned_images_of_one_upright_size_go_together(tmp_path):
    folder = fill(tmp_path / "f", ["1.png"])
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6
    save(folder / "2.png", np.zeros((6, 4, 3), np.uint8), exif=exif)
    assert [frame.size for frame in open_source(folder).frames()] == [(4, 6), (4, 6)]


def test_a_folder_without_images_is_refused(tmp_path):
    (tmp_path / "notes.txt").write_text("nothing")
    assert "no images" in refused(tmp_path)


def test_an_image_without_a_number_is_refused_and_named(tmp_path):
    assert "cover.png" in refused(fill(tmp_path / "f", ["1.png", "cover.png"]))


def test_two_images_of_one_number_are_refused_and_named(tmp_path):
    line = refused(fill(tmp_path / "f", ["1.png", "01.png", "2.png"]))
    assert "01.png and 1.png" in line


def test_a_damaged_image_in_a_folder_is_named(tmp_path):
    folder = fill(tmp_path / "f", ["1.png", "2.png", "3.png"])
    (folder / "2.png").write_bytes((folder / "2.png").read_bytes()[:-30])
    source = open_source(folder)
    with pytest.raises(BadInput, match=r"2\.png"):
        list(source.frames())


@given(st.integers(0, 10**20), st.integers(1, 9), st.text(alphabet="ab_- .", max_size=5))
def test_the_last_run_of_digits_is_the_number(number, padding, word):
    assert frame_number(f"take3{word}_{number:0{padding}d}{word}.png") == number


def test_in_memory_profiles_are_what_the_tests_mean():
    """The handmade profile is read by another reader as linear sRGB."""
    profile = ImageCms.ImageCmsProfile(io.BytesIO(icc_profile(SRGB_RED, SRGB_GREEN, SRGB_BLUE, 1.0))).profile
    assert profile.xcolor_space == "RGB "
    assert abs(profile.red_colorant[0][0] - SRGB_RED[0]) < 1e-3
