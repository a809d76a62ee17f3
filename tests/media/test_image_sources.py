"""Image files and folders of numbered images as sources."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import ExifTags, Image

from tests.support.clips import gradient
from tests.support.images import save, save_deep
from videostyle.errors import BadInput
from videostyle.media.image_sources import frame_number
from videostyle.media.sources import open_source

RGB = gradient(12, 20, 90)
DEEP = np.random.default_rng(3).integers(0, 65536, (9, 14, 4)).astype(np.uint16)


def test_still_with_alpha(tmp_path):
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
def test_folder_order(tmp_path, names):
    """By number; hidden and other files are ignored."""
    folder = fill(tmp_path / "f", names)
    (folder / "timestamps.txt").write_text("1 2 3")
    (folder / ".hidden_5.png").write_bytes(b"not an image")
    frames = list(open_source(folder).frames())
    assert [frame.name for frame in frames] == names
    assert [int(frame.image[0, 0, 0]) for frame in frames] == list(range(len(names)))
    numbers = [frame_number(frame.name) for frame in frames]
    assert numbers == list(range(numbers[0], numbers[0] + len(names)))


def test_folder_of_mixed_depths(tmp_path):
    """The first image's depth applies to all; alpha is kept."""
    folder = tmp_path / "f"
    folder.mkdir()
    save_deep(folder / "1.png", DEEP)
    save(folder / "2.png", (DEEP >> 8).astype(np.uint8))
    first, second = open_source(folder).frames()
    np.testing.assert_array_equal(first.alpha, DEEP[..., 3])
    visible = second.alpha > 4096
    np.testing.assert_array_equal(second.image[visible], ((DEEP[..., :3] >> 8) * 257)[visible])


def refused(folder: Path) -> str:
    with pytest.raises(BadInput) as caught:
        open_source(folder)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_gaps(tmp_path):
    """Refused with the missing numbers."""
    line = refused(fill(tmp_path / "f", ["001.png", "002.png", "004.png", "010.png"]))
    assert "3, 5 to 9" in line


def test_mixed_sizes(tmp_path):
    """Refused with the file and both sizes."""
    folder = fill(tmp_path / "f", ["1.png", "2.png"])
    save(folder / "3.png", np.zeros((6, 4, 3), np.uint8))
    line = refused(folder)
    assert "3.png" in line
    assert "4x6" in line
    assert "6x4" in line


def test_size_changes_while_reading(tmp_path):
    folder = fill(tmp_path / "f", ["1.png", "2.png"])
    frames = open_source(folder).frames()
    next(frames)
    save(folder / "2.png", np.zeros((6, 4, 3), np.uint8))
    with pytest.raises(BadInput, match=r"2\.png"):
        next(frames)


def test_equal_upright_sizes(tmp_path):
    """Images of one size once they are rotated by EXIF are accepted."""
    folder = fill(tmp_path / "f", ["1.png"])
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6
    save(folder / "2.png", np.zeros((6, 4, 3), np.uint8), exif=exif)
    assert [frame.size for frame in open_source(folder).frames()] == [(4, 6), (4, 6)]


def test_folder_without_images(tmp_path):
    (tmp_path / "notes.txt").write_text("nothing")
    assert "no images" in refused(tmp_path)


def test_image_without_a_number(tmp_path):
    assert "cover.png" in refused(fill(tmp_path / "f", ["1.png", "cover.png"]))


def test_repeated_number(tmp_path):
    line = refused(fill(tmp_path / "f", ["1.png", "01.png", "2.png"]))
    assert "01.png and 1.png" in line


def test_damaged_image_in_a_folder(tmp_path):
    """The error names the file."""
    folder = fill(tmp_path / "f", ["1.png", "2.png", "3.png"])
    (folder / "2.png").write_bytes((folder / "2.png").read_bytes()[:-30])
    source = open_source(folder)
    with pytest.raises(BadInput, match=r"2\.png"):
        list(source.frames())


@given(st.integers(0, 10**20), st.integers(1, 9), st.text(alphabet="ab_- .", max_size=5))
def test_frame_number(number, padding, word):
    """It is the last run of digits."""
    assert frame_number(f"take3{word}_{number:0{padding}d}{word}.png") == number
