"""Image files and folders of numbered images as sources."""

from __future__ import annotations

import contextlib
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from PIL import ExifTags, Image

from tests.support.clips import gradient
from tests.support.images import save, save_deep
from videostyle.errors import BadInput
from videostyle.media.containers import CONTAINERS
from videostyle.media.side_tracks import plan_source
from videostyle.media.sources import open_source
from videostyle.option_groups import ReadingOptions, TrackOptions

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
    numbers = [frame.number for frame in frames]
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


@pytest.mark.parametrize("fit", ["bars", "fill"])
def test_fitted_sizes(tmp_path, fit):
    """With --fit, images of another size are scaled into the first one's; of other proportions, with bars or cropped."""
    folder = fill(tmp_path / "f", ["1.png"], (8, 16))
    save(folder / "2.png", np.full((4, 8, 3), 100, np.uint8))
    save(folder / "3.png", np.dstack([np.full((16, 8, 3), 100, np.uint8), np.full((16, 8), 50, np.uint8)]))
    source = open_source(folder, ReadingOptions(fit=fit))
    _, smaller, taller = source.frames()
    assert (smaller.image == 100).all()
    bars = np.ones((8, 16), bool)
    bars[:, 6:10] = fit == "fill"
    bars &= fit == "bars"
    assert (taller.image[bars] == 0).all()
    assert (taller.image[~bars] == 100).all()
    assert (taller.alpha == np.where(bars, 255, 50)).all()
    assert taller.covered == ((1, Fraction(1, 4)) if fit == "bars" else (1, 1))
    assert "2.png has 8x4 pixels, but 1.png has 16x8" in source.info.notices[0]


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


# --- gaps and clock times ---


def times(source) -> list[tuple[str, Fraction, Fraction]]:
    return [(frame.name, frame.time, frame.duration) for frame in source.frames()]


def test_gaps_held(tmp_path):
    """The frame before a gap lasts until the next number."""
    source = open_source(fill(tmp_path / "f", ["1.png", "2.png", "5.png"]), ReadingOptions(gaps="hold"))
    frame = Fraction(1, 25)
    assert times(source) == [("1.png", 0, frame), ("2.png", frame, 3 * frame), ("5.png", 4 * frame, frame)]
    assert [found.number for found in source.frames()] == [1, 2, 5]
    assert "(3 to 4 missing): the frame before a gap lasts longer" in source.info.notices[0]


def test_gaps_skipped(tmp_path):
    """The frames follow one another."""
    source = open_source(fill(tmp_path / "f", ["1.png", "2.png", "5.png"]), ReadingOptions(gaps="skip"))
    frame = Fraction(1, 25)
    assert times(source) == [("1.png", 0, frame), ("2.png", frame, frame), ("5.png", 2 * frame, frame)]
    assert [found.number for found in source.frames()] == [1, 2, 5]
    assert "(3 to 4 missing): the frames follow one another" in source.info.notices[0]


def test_clock_times_as_numbers(tmp_path):
    """Unix times with steps between them are the frames' times, from 0 on; the last frame lasts as long as the one before."""
    names = ["1714550000123.png", "1714550000163.png", "1714550000263.png"]
    source = open_source(fill(tmp_path / "f", names))
    second = [Fraction(40, 1000), Fraction(140, 1000)]
    assert times(source) == list(zip(names, [0, *second], [second[0], Fraction(1, 10), Fraction(1, 10)], strict=True))
    assert source.info.time_base == Fraction(1, 1000)
    assert "clock times" in source.info.notices[0]


def test_clock_times_ignored(tmp_path):
    """With gaps closed, and where there are none, they are numbers like others."""
    for name, numbers, gaps in (
        ("f", (1714550000123, 1714550000163), "skip"),
        ("g", (1714550000, 1714550001), "refuse"),
    ):
        source = open_source(fill(tmp_path / name, [f"{number}.png" for number in numbers]), ReadingOptions(gaps=gaps))
        assert source.info.time_base is None
        assert [frame.time for frame in source.frames()] == [0, Fraction(1, 25)]


@pytest.mark.parametrize("names", [["1.png", "100000.png"], ["1714550000.png", "1714560000.png"]])
def test_numbers_far_apart(tmp_path, names):
    """No frame is shown for more than an hour."""
    folder = fill(tmp_path / "f", names)
    with pytest.raises(
        BadInput, match=r"would be shown for \d+ s, until the next number; close the gaps with --gaps skip"
    ):
        open_source(folder, ReadingOptions(gaps="hold"))
    assert len(list(open_source(folder, ReadingOptions(gaps="skip")).frames())) == 2


# --- animations ---


def animated(path: Path, alpha: int = 255) -> list[np.ndarray]:
    """Write an animation of three frames, 100, 50 and 400 ms long, and return its pixels."""
    pictures = [np.dstack([gradient(12, 20, step), np.full((12, 20), alpha, np.uint8)]) for step in (0, 60, 120)]
    first, *others = (Image.fromarray(picture) for picture in pictures)
    options = {"lossless": True, "exact": True} if path.suffix == ".webp" else {"quality": 100, "subsampling": "4:4:4"}
    options = {} if path.suffix == ".png" else options
    first.save(path, save_all=True, append_images=others, duration=[100, 50, 400], **options)
    return pictures


@pytest.mark.parametrize("suffix", ["webp", "avif", "png"])
def test_animations(tmp_path, suffix):
    """They are videos with the times of the file, whatever their name."""
    pictures = animated(tmp_path / f"a.{suffix}")
    path = (tmp_path / f"a.{suffix}").rename(tmp_path / "a.jpg")
    source = open_source(path)
    frames = list(source.frames())
    assert source.info.kind == "video"
    assert [frame.time for frame in frames] == [0, Fraction(1, 10), Fraction(15, 100)]
    assert [frame.duration for frame in frames] == [Fraction(1, 10), Fraction(1, 20), Fraction(4, 10)]
    for frame, picture in zip(frames, pictures, strict=True):
        assert np.abs(frame.image.astype(int) - picture[..., :3]).max() <= (8 if suffix == "avif" else 0)
    assert [frame.index for frame in source.frames(first=2)] == [2]


def test_animation_with_fewer_frames_a_second(tmp_path):
    """The first frame at or after 0 and 1/8 s; each lasts until the next, the last until the end."""
    animated(tmp_path / "a.webp")
    frames = list(open_source(tmp_path / "a.webp", ReadingOptions(fps="8")).frames())
    assert [(frame.index, frame.time, frame.duration) for frame in frames] == [
        (0, 0, Fraction(15, 100)),
        (1, Fraction(15, 100), Fraction(4, 10)),
    ]


@pytest.mark.parametrize("name", ["a.webp", "a.avif"])
def test_transparent_animation(tmp_path, name):
    animated(tmp_path / name, alpha=128)
    frames = list(open_source(tmp_path / name).frames(size=(6, 10)))
    assert [frame.duration for frame in frames] == [Fraction(1, 10), Fraction(1, 20), Fraction(4, 10)]
    assert {frame.alpha.tobytes() for frame in frames} == {bytes([128] * 240)}


@pytest.mark.parametrize("alpha", [128, 255])
def test_tracks_of_an_animated_avif(tmp_path, alpha):
    """Beside its film it has a copy of the first frame, and their alpha, which nobody misses in a video."""
    animated(tmp_path / "a.avif", alpha)
    info = open_source(tmp_path / "a.avif").info
    tracks = plan_source(tmp_path / "a.avif", info.track, CONTAINERS[".mp4"], None, TrackOptions(other_video="copy"))
    assert (tracks[0].tracks, tracks[1]) == ([], [])


def test_animation_without_durations(tmp_path):
    """Its frames are shown for a tenth of a second each, as in browsers."""
    first, second = (Image.fromarray(gradient(12, 20, step)) for step in (0, 90))
    first.save(tmp_path / "a.webp", save_all=True, append_images=[second], duration=0)
    assert [frame.time for frame in open_source(tmp_path / "a.webp").frames()] == [0, Fraction(1, 10)]


def test_damaged_animation(tmp_path):
    """What can be decoded is used; else it is refused."""
    animated(tmp_path / "a.webp")
    content = (tmp_path / "a.webp").read_bytes()
    for length in range(30, len(content), 97):
        (tmp_path / "a.webp").write_bytes(content[:length])
        with contextlib.suppress(BadInput):
            assert list(open_source(tmp_path / "a.webp").frames())


def test_stream_of_jpegs(tmp_path):
    """A camera's stream of JPEGs is a video; a photo with a preview or a second picture behind it is not."""
    save(tmp_path / "large.jpg", gradient(320, 480))
    save(tmp_path / "small.jpg", gradient(16, 24))
    large, small = ((tmp_path / name).read_bytes() for name in ("large.jpg", "small.jpg"))
    (tmp_path / "stream.jpg").write_bytes(large * 8)
    source = open_source(tmp_path / "stream.jpg")
    assert source.info.kind == "video"
    assert [frame.time for frame in source.frames()] == [Fraction(index, 25) for index in range(8)]
    for photo in (large + small, large + large):
        (tmp_path / "photo.jpg").write_bytes(photo)
        assert open_source(tmp_path / "photo.jpg").info.kind == "image"
    (tmp_path / "short.mjpeg").write_bytes(large + large)
    assert len(list(open_source(tmp_path / "short.mjpeg").frames())) == 2
