"""EXIF and resolution of photos: what is kept, renewed, left out and named."""

from __future__ import annotations

import io
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from PIL import ExifTags, Image
from PIL.ExifTags import IFD, Base
from PIL.TiffImagePlugin import IFDRational

from tests.support.clips import gradient
from tests.support.images import save
from videostyle.frames import Frame, VideoInfo
from videostyle.media.images import picture_bytes, read_picture
from videostyle.media.sinks import open_sink
from videostyle.media.workdir import WorkFolder

RGB = gradient(32, 48, 90)

SUFFIXES = (".png", ".jpg", ".tif", ".webp")


def photo(path: Path, **more) -> Path:
    """A photo of 32x48 pixels that lies on its side, with EXIF of a camera, a place, and a thumbnail."""
    exif = Image.Exif()
    exif[Base.Orientation] = 6
    exif[Base.Make], exif[Base.Artist] = "ACME", "Nobody"
    exif[IFD.Exif] = {
        Base.ExposureTime: IFDRational(1, 250),
        Base.DateTimeOriginal: "2024:05:01 10:00:00",
        Base.ExifVersion: b"0232",
        Base.MakerNote: bytes(range(200)),
        Base.ColorSpace: 65535,
        Base.ExifImageWidth: 4000,
        Base.ExifImageHeight: 3000,
    }
    exif[IFD.GPSInfo] = {ExifTags.GPS.GPSLatitudeRef: "N", ExifTags.GPS.GPSLatitude: (48.0, 12.0, 30.0)}
    block = exif.tobytes()
    if path.suffix == ".jpg":
        thumbnail = b"\xff\xd8thumbnail\xff\xd9"
        block += thumbnail
    return save(path, RGB, exif=block, dpi=(300, 300), **more)


def stylized(source: Path, output: Path, image: np.ndarray, alpha: np.ndarray | None = None) -> list[str]:
    """Write an image as if `source` had been stylized; return the notices."""
    with WorkFolder(output) as work:
        sink = open_sink(output, work, source, VideoInfo("image", image.shape[:2]), image.shape[:2], None, None)
        sink.write(Frame(image, alpha=alpha))
        sink.finish()
        work.remove()
    return sink.notices


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("kind", [np.uint8, np.uint16])
@pytest.mark.parametrize("with_alpha", [False, True])
def test_photo(tmp_path, suffix, kind, with_alpha):
    """Camera, author, exposure and place are kept; orientation, size and color space are the picture's, as are its pixels."""
    image = np.random.default_rng(0).integers(0, np.iinfo(kind).max, (24, 16, 3)).astype(kind)
    alpha = np.full((24, 16), np.iinfo(kind).max // 2, kind) if with_alpha else None
    notices = stylized(photo(tmp_path / "in.jpg"), tmp_path / f"out{suffix}", image, alpha)
    lost = "the transparency" if with_alpha and suffix == ".jpg" else ""
    assert notices == ([f"not kept from {tmp_path / 'in.jpg'}: {lost}"] if lost else [])
    with Image.open(tmp_path / f"out{suffix}") as file:
        exif = file.getexif()
        details, place = exif.get_ifd(IFD.Exif), exif.get_ifd(IFD.GPSInfo)
        x, y = file.info.get("dpi") or (exif[Base.XResolution], exif[Base.YResolution])
        assert exif.get_ifd(IFD.IFD1) == {}
        assert "icc_profile" not in file.info
    assert (exif[Base.Orientation], exif[Base.Make], exif[Base.Artist]) == (1, "ACME", "Nobody")
    assert details[Base.ExposureTime] == Fraction(1, 250)
    assert details[Base.DateTimeOriginal] == "2024:05:01 10:00:00"
    assert details[Base.MakerNote] == bytes(range(200))
    assert (details[Base.ExifImageWidth], details[Base.ExifImageHeight], details[Base.ColorSpace]) == (16, 24, 1)
    assert place == {ExifTags.GPS.GPSLatitudeRef: "N", ExifTags.GPS.GPSLatitude: (48, 12, 30)}
    assert round(float(x)) == round(float(y)) == 300
    data = picture_bytes(image, alpha, suffix)
    (tmp_path / f"plain{suffix}").write_bytes(data)
    plain, tagged = (read_picture(tmp_path / f"{name}{suffix}") for name in ("plain", "out"))
    np.testing.assert_array_equal(tagged.image, plain.image)
    if plain.alpha is not None:
        np.testing.assert_array_equal(tagged.alpha, plain.alpha)


@pytest.mark.parametrize("source", [".jpg", ".png", ".tif", ".webp", ".avif"])
@pytest.mark.parametrize("suffix", SUFFIXES)
def test_every_format_to_every_other(tmp_path, source, suffix):
    stylized(photo(tmp_path / f"in{source}"), tmp_path / f"out{suffix}", RGB)
    with Image.open(tmp_path / f"out{suffix}") as file:
        exif = file.getexif()
        assert (exif[Base.Make], exif.get_ifd(IFD.Exif)[Base.ExposureTime]) == ("ACME", Fraction(1, 250))


@pytest.mark.parametrize("source", [".jpg", ".png", ".tif", ".bmp"])
@pytest.mark.parametrize("suffix", SUFFIXES)
def test_resolution_alone(tmp_path, source, suffix):
    """A scan's resolution is kept where it has no EXIF."""
    assert stylized(save(tmp_path / f"in{source}", RGB, dpi=(300, 150)), tmp_path / f"out{suffix}", RGB) == []
    with Image.open(tmp_path / f"out{suffix}") as file:
        exif = file.getexif()
        x, y = file.info.get("dpi") or (exif[Base.XResolution], exif[Base.YResolution])
    assert (round(float(x)), round(float(y))) == (300, 150)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_picture_without_tags(tmp_path, suffix):
    """Its bytes are those of the encoder."""
    stylized(save(tmp_path / "in.png", RGB), tmp_path / f"out{suffix}", RGB)
    assert (tmp_path / f"out{suffix}").read_bytes() == picture_bytes(RGB, None, suffix)


def test_exif_after_the_pixels(tmp_path):
    """A PNG may have it there."""
    exif = Image.Exif()
    exif[Base.Make] = "ACME"
    block = exif.tobytes().removeprefix(b"Exif\0\0")
    whole = save(tmp_path / "in.png", RGB, exif=exif).read_bytes()
    begin = whole.index(b"eXIf") - 4
    chunk = whole[begin : begin + 12 + len(block)]
    (tmp_path / "in.png").write_bytes(whole.replace(chunk, b"").replace(whole[-12:], chunk + whole[-12:]))
    stylized(tmp_path / "in.png", tmp_path / "out.jpg", RGB)
    assert Image.open(tmp_path / "out.jpg").getexif()[Base.Make] == "ACME"


def test_thumbnail_is_gone(tmp_path):
    """Not a byte of it is left."""
    stylized(photo(tmp_path / "in.jpg"), tmp_path / "out.jpg", RGB)
    assert b"thumbnail" not in (tmp_path / "out.jpg").read_bytes()


def test_too_much_exif_for_jpeg(tmp_path):
    """What a JPEG has no room for is left out and named; the rest is kept."""
    exif = Image.Exif()
    exif[Base.Make] = "ACME"
    exif[IFD.Exif] = {Base.MakerNote: bytes(70_000)}
    source = save(tmp_path / "in.png", RGB, exif=exif)
    assert stylized(source, tmp_path / "out.jpg", RGB) == [f"not kept from {source}: MakerNote"]
    assert Image.open(tmp_path / "out.jpg").getexif()[Base.Make] == "ACME"
    assert stylized(source, tmp_path / "out.png", RGB) == []


def test_xmp(tmp_path):
    """It may say anything of the picture, also what is no longer true: it is left out and named."""
    source = save(tmp_path / "in.jpg", RGB, xmp=b"<x:xmpmeta xmlns:x='adobe:ns:meta/'/>")
    assert stylized(source, tmp_path / "out.jpg", RGB) == [f"not kept from {source}: XMP"]


def test_further_pictures(tmp_path):
    """Those behind a phone's photo, such as a gain map, are left out and named."""
    first, second = Image.fromarray(RGB), Image.fromarray(RGB[:16, :24].copy())
    first.save(tmp_path / "in.jpg", "MPO", save_all=True, append_images=[second])
    assert stylized(tmp_path / "in.jpg", tmp_path / "out.png", RGB) == [
        f"not kept from {tmp_path / 'in.jpg'}: further pictures"
    ]


@pytest.mark.parametrize("place", range(0, 90, 7))
def test_damaged_exif(tmp_path, place):
    """The picture is written, whatever the EXIF holds."""
    block = bytearray(photo(tmp_path / "whole.jpg").read_bytes())
    begin = block.index(b"Exif\0\0") + 6
    block[begin + place : begin + place + 5] = b"\xff" * 5
    (tmp_path / "in.jpg").write_bytes(block)
    stylized(tmp_path / "in.jpg", tmp_path / "out.tif", RGB)
    np.testing.assert_array_equal(read_picture(tmp_path / "out.tif").image, RGB)


def test_folder_of_photos(tmp_path):
    """Every image keeps its own tags."""
    (tmp_path / "in").mkdir()
    for number in (1, 2):
        exif = Image.Exif()
        exif[Base.ImageDescription] = f"photo {number}"
        save(tmp_path / "in" / f"{number}.jpg", RGB, exif=exif)
    with WorkFolder(tmp_path / "out") as work:
        sink = open_sink(work.output, work, tmp_path / "in", VideoInfo("folder", (32, 48)), (32, 48), None, None)
        for number in (1, 2):
            sink.write(Frame(RGB, number - 1, name=f"{number}.jpg"))
        sink.finish()
    described = [Image.open(io.BytesIO((tmp_path / "out" / f"{n}.jpg").read_bytes())).getexif() for n in (1, 2)]
    assert [exif[Base.ImageDescription] for exif in described] == ["photo 1", "photo 2"]
