"""Source and result in one video: every pixel column, every time, and the sound."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import pytest

from tests.support.clips import Tone, gradient, make_clip
from tests.support.runs import frame_times, packets
from videostyle.errors import Cancelled
from videostyle.frames import Trim
from videostyle.media.comparison import Stylized, composed, wipe_place, write_comparison
from videostyle.media.sources import open_source
from videostyle.option_groups import ReadingOptions, TrackOptions
from videostyle.option_values import Comparison

SIZE = (48, 64)
RATE = 10
COUNT = 6


def source_image(index: int) -> np.ndarray:
    return np.roll(gradient(*SIZE, step=90), 12 * index, axis=1)


def result_image(index: int) -> np.ndarray:
    return 255 - source_image(index)


@pytest.fixture(scope="module")
def source(tmp_path_factory) -> Path:
    """A lossless clip with sound that begins late."""
    path = tmp_path_factory.mktemp("in") / "in.mkv"
    images = [source_image(index) for index in range(COUNT)]
    pts = [3 + index for index in range(COUNT)]
    return make_clip(
        path,
        images,
        rate=RATE,
        pts=pts,
        time_base=Fraction(1, RATE),
        tones=[Tone(seconds=1.0)],
        codec="ffv1",
        pix_fmt="bgr0",
    )


def stylized(source: Path, output: Path, first: int = 0, count: int = COUNT) -> Stylized:
    times = tuple(Fraction(3 + first + index, RATE) for index in range(count))
    trim = Trim(times[0], times[-1] + Fraction(1, RATE)) if first or count < COUNT else None
    return Stylized(source, ReadingOptions(), output, SIZE, first, times, trim, TrackOptions())


@pytest.fixture
def result(tmp_path) -> Path:
    """The result of all frames, lossless."""
    images = [result_image(index) for index in range(COUNT)]
    return make_clip(tmp_path / "result.mkv", images, rate=RATE, codec="ffv1", pix_fmt="bgr0")


def images_of(path: Path) -> list[np.ndarray]:
    with closing(open_source(path)) as opened:
        return [frame.image for frame in opened.frames()]


@pytest.mark.parametrize("layout", ["side", "below"])
def test_halves(source, result, tmp_path, layout):
    """The source is left or above, the result right or below, bit for bit in a format without loss."""
    write_comparison(Comparison(layout, tmp_path / "both.apng"), stylized(source, result), lambda count: None)
    both = images_of(tmp_path / "both.apng")
    assert len(both) == COUNT
    for index, image in enumerate(both):
        first, second = np.split(image, 2, axis=1 if layout == "side" else 0)
        assert np.array_equal(first, source_image(index))
        assert np.array_equal(second, result_image(index))


def test_wipe(source, result, tmp_path):
    """A line travels over the picture and back: at its left the source, at its right the result."""
    write_comparison(Comparison("wipe", tmp_path / "both.apng"), stylized(source, result), lambda count: None)
    # six frames: the line is one pixel wide and stands at 0, 1/3, 2/3, 1, 2/3, 1/3 of 65 places, the first outside
    for index, (image, place) in enumerate(
        zip(images_of(tmp_path / "both.apng"), (-1, 21, 42, 64, 42, 21), strict=True)
    ):
        assert np.array_equal(image[:, : max(0, place)], source_image(index)[:, : max(0, place)])
        assert np.array_equal(image[:, place + 1 :], result_image(index)[:, place + 1 :])
        assert place in (-1, 64) or (image[:, place] == 255).all()


def test_place_of_the_line():
    """There and back in six seconds, or once in a shorter clip."""
    places = {0: 0, 1: Fraction(1, 3), 3: 1, 4: Fraction(2, 3), 6: 0, 9: 1}
    assert {time: wipe_place(Fraction(time), Fraction(60)) for time in places} == places
    assert [wipe_place(Fraction(time), Fraction(2)) for time in (0, 1, 2)] == [0, 1, 0]
    wide = [np.full((2, 640, 3), value, np.uint8) for value in (10, 20)]
    line = (composed("wipe", *wide, Fraction(1, 2))[0, :, 0] == 255).nonzero()[0]
    assert line.tolist() == [318, 319, 320, 321]  # as wide as can be seen at any size


def test_sound_and_times_of_the_source(source, result, tmp_path):
    write_comparison(Comparison("side", tmp_path / "both.mkv"), stylized(source, result), lambda count: None)
    assert frame_times(tmp_path / "both.mkv") == frame_times(source)
    assert packets(tmp_path / "both.mkv", "audio") == packets(source, "audio")


def test_part_of_a_clip(source, tmp_path):
    images = [result_image(index) for index in (2, 3)]
    part = make_clip(tmp_path / "part.mkv", images, rate=RATE, codec="ffv1", pix_fmt="bgr0")
    write_comparison(Comparison("side", tmp_path / "both.apng"), stylized(source, part, 2, 2), lambda count: None)
    both = images_of(tmp_path / "both.apng")
    expected = [np.hstack([source_image(index), result_image(index)]) for index in (2, 3)]
    assert np.array_equal(both, expected)


def test_folder_of_results(source, tmp_path):
    """By their names, as the folder may hold frames of other runs."""
    (tmp_path / "out").mkdir()
    for index in range(COUNT):
        cv2.imwrite(str(tmp_path / "out" / f"{index + 1:06d}.png"), result_image(index)[..., ::-1])
    write_comparison(
        Comparison("below", tmp_path / "both.apng"), stylized(source, tmp_path / "out", 1, 3), lambda count: None
    )
    expected = [np.vstack([source_image(index), result_image(index)]) for index in (1, 2, 3)]
    assert np.array_equal(images_of(tmp_path / "both.apng"), expected)


def test_result_that_lacks_frames(tmp_path):
    """Where a GIF has no room for a frame, the one before it is still shown."""
    clip = make_clip(
        tmp_path / "in.mkv",
        [source_image(index) for index in range(4)],
        rate=100,
        time_base=Fraction(1, 100),
        codec="ffv1",
        pix_fmt="bgr0",
    )
    shown = [np.full((*SIZE, 3), value, np.uint8) for value in (40, 200)]
    make_clip(tmp_path / "out.gif", shown, rate=50, pts=[0, 2], time_base=Fraction(1, 100), codec="gif", pix_fmt="gray")
    made = replace(stylized(clip, tmp_path / "out.gif"), times=tuple(Fraction(index, 100) for index in range(4)))
    write_comparison(Comparison("side", tmp_path / "both.apng"), made, lambda count: None)
    values = [int(image[0, -1, 0]) for image in images_of(tmp_path / "both.apng")]
    assert np.abs(np.subtract(values, [40, 40, 200, 200])).max() <= 4


def test_stopped(source, result, tmp_path):
    """Nothing is left of it."""

    def stop(count: int) -> None:
        if count == 3:
            raise Cancelled("stop")

    before = sorted(tmp_path.iterdir())
    with pytest.raises(Cancelled):
        write_comparison(Comparison("side", tmp_path / "both.mkv"), stylized(source, result), stop)
    assert sorted(tmp_path.iterdir()) == before
