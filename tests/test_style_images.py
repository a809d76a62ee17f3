"""Style images: transparency, color modes, refusals."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from tests.support.clips import gradient
from tests.support.images import png, save, save_deep
from videostyle.errors import BadInput
from videostyle.style_images import load_style

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
