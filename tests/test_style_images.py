"""Style images: transparency, color modes, refusals."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.support.clips import gradient, make_clip
from tests.support.images import png, save, save_deep
from tests.support.transparent import write_transparent
from videostyle.errors import BadInput
from videostyle.media.output_paths import default_output
from videostyle.provenance import fingerprint
from videostyle.style_images import load_style, style_pictures

RGB = gradient(12, 20, 90)
DEEP = np.random.default_rng(3).integers(0, 65536, (9, 14, 4)).astype(np.uint16)


@pytest.mark.parametrize("deep", [False, True])
def test_transparent_style(tmp_path, deep):
    """It is composited over white."""
    stored = DEEP if deep else (DEEP >> 8).astype(np.uint8)
    path = save_deep(tmp_path / "a.png", stored)
    style = load_style(path)
    top = 65535 if deep else 255
    share = stored[..., 3:] / top
    assert style.dtype == stored.dtype
    assert np.abs(style - (stored[..., :3] * share + top * (1 - share))).max() <= 0.5 + 1e-6


@pytest.mark.parametrize("mode", ["L", "CMYK"])
def test_gray_and_cmyk_styles(tmp_path, mode):
    style = load_style(save(tmp_path / "a.jpg", RGB, mode, quality=98))
    wanted = np.asarray(Image.fromarray(RGB).convert(mode).convert("RGB"), int)
    assert np.abs(style - wanted).max() <= 12


@pytest.mark.parametrize("shape", [(1, 1, 3), (1, 9, 3), (9, 1, 3)])
def test_style_of_one_pixel(tmp_path, shape):
    with pytest.raises(BadInput, match=r"has only \dx\d pixels"):
        load_style(save(tmp_path / "a.png", np.zeros(shape, np.uint8)))


@pytest.mark.parametrize(
    "content", [b"", b"no image", png(4, 4, 8, 2, b"")[:40], png(4, 4, 8, 2, bytes(range(52)))[:70]]
)
def test_style_that_is_not_an_image(tmp_path, content):
    (tmp_path / "a.png").write_bytes(content)
    with pytest.raises(BadInput, match="cannot be read as an image"):
        load_style(tmp_path / "a.png")


def test_film_as_a_style(tmp_path):
    """An animation, and a stream of JPEGs, are refused: which of their frames is meant is not known."""
    first, second = (Image.fromarray(gradient(12, 20, step)) for step in (0, 90))
    first.save(tmp_path / "a.webp", save_all=True, append_images=[second])
    first.save(tmp_path / "a.jpg")
    (tmp_path / "a.mjpeg").write_bytes((tmp_path / "a.jpg").read_bytes() * 4)
    for name in ("a.webp", "a.mjpeg"):
        with pytest.raises(BadInput, match="is a film, not an image"):
            load_style(tmp_path / name)


def test_style_that_is_not_a_file(tmp_path):
    """A missing path and a folder are refused."""
    for path in (tmp_path, tmp_path / "nothing.png"):
        with pytest.raises(BadInput, match="is not a file"):
            load_style(path)


@pytest.mark.parametrize(
    ("time", "expected"),
    [("0", 0), ("0.999s", 0), ("1", 1), ("1s", 1), ("00:00:02.499", 1), ("2500ms", 2), ("2.9", 2), ("2.999", 2)],
)
def test_frame_of_a_film(tmp_path, time, expected):
    """The one that is shown then, counted from the first, which comes late here; each lasts until the next."""
    pictures = [np.full((32, 48, 3), 60 * (index + 1), np.uint8) for index in range(3)]
    film = make_clip(
        tmp_path / "a.b.mkv",
        pictures,
        rate=2,
        pts=[700, 1700, 3200],
        time_base=Fraction(1, 1000),
        codec="ffv1",
        pix_fmt="bgr0",
    )
    assert np.array_equal(load_style(Path(f"{film}@{time}")), pictures[expected])


def test_frame_that_is_not_there(tmp_path):
    film = make_clip(tmp_path / "a.mkv", [RGB, RGB], rate=2)
    with pytest.raises(BadInput, match=r"style .*a\.mkv@1s: .*a\.mkv ends at 1 s; name an earlier time"):
        load_style(Path(f"{film}@1s"))
    image = save(tmp_path / "a.png", RGB)
    with pytest.raises(BadInput, match=r"a\.png is not a film"):
        load_style(Path(f"{image}@1s"))


def test_transparent_frame_is_composited_over_white(tmp_path):
    film = write_transparent(tmp_path / "a.mkv", "ffv1", 2)
    assert load_style(Path(f"{film}@0")).max() == 255


def test_images_of_a_folder(tmp_path):
    """All of them, in the order of their names, whatever these are; no film, no hidden file."""
    folder = tmp_path / "b"
    folder.mkdir()
    pictures = {
        name: np.full((8, 9, 3), value, np.uint8) for value, name in enumerate(["water.png", "a.png", "Mill 2.bmp"])
    }
    for name, picture in pictures.items():
        save(folder / name, picture)
    (folder / "notes.txt").write_text("no image")
    (folder / ".hidden.png").write_bytes(b"")
    found = style_pictures(Path(f"{folder}@all"))
    assert [int(picture[0, 0, 0]) for picture in found] == [2, 1, 0]
    before = fingerprint(Path(f"{folder}@all"))
    (folder / "a.png").unlink()
    assert fingerprint(Path(f"{folder}@all")) != before
    for path in folder.glob("*.[pb]*"):
        path.unlink()
    with pytest.raises(BadInput, match="the folder has no images"):
        style_pictures(Path(f"{folder}@all"))


def test_names_with_times(tmp_path):
    """A file of the very name comes first; the name of an output says the time; another time is another style."""
    film = make_clip(tmp_path / "a.mkv", [RGB, RGB], rate=2)
    assert fingerprint(Path(f"{film}@0.5")) != fingerprint(Path(f"{film}@0"))
    assert fingerprint(Path(f"{film}@0.5s")) == fingerprint(Path(f"{film}@500ms"))
    assert default_output(Path("/in.mp4"), "video", (Path(f"{film}@0.5s"),)) == Path("/in_a@0_5s.mp4")
    assert default_output(Path("/in.mp4"), "video", (Path(f"{tmp_path}@all"),)) == Path(f"/in_{tmp_path.name}@all.mp4")
    own = save(tmp_path / "a.mkv@0.5", RGB, format="PNG")
    assert fingerprint(own) != fingerprint(Path(f"{film}@0.50"))
