"""The first pass: what is painted of a clip, where its shots begin, and which part of the sound goes with it."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import pytest

from tests.support.clips import gradient, make_clip
from videostyle.analysis import ShotList, analyze, changed
from videostyle.config import Job
from videostyle.errors import BadInput, BadOption
from videostyle.frames import Trim
from videostyle.media.sources import open_source

SIZE = (48, 80)
RATE = 10
COUNT = 12
CUTS = (5, 8)


def scene(number: int, step: int) -> np.ndarray:
    """Three unlike scenes; within one, little changes."""
    image = gradient(*SIZE, step=3 * step)
    if number == 1:
        image = 255 - np.ascontiguousarray(image[:, ::-1])
        image[10:40, 20:60] = 240
    if number == 2:
        image = np.where(np.arange(SIZE[1])[None, :, None] // 10 % 2, 230, 15).astype(np.uint8).repeat(SIZE[0], 0)
        image = image.repeat(3, 2)
    return image


def pictures() -> list[np.ndarray]:
    return [scene(sum(cut <= index for cut in CUTS), index) for index in range(COUNT)]


@pytest.fixture(scope="module")
def clip_path(tmp_path_factory) -> Path:
    """12 frames at 10 a second, from 3 seconds on, with cuts at frames 5 and 8 (from 0)."""
    pts = [30 + index for index in range(COUNT)]
    return make_clip(
        tmp_path_factory.mktemp("scan") / "clip.mkv", pictures(), rate=RATE, pts=pts, time_base=Fraction(1, RATE)
    )


@pytest.fixture(scope="module")
def folder_path(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("frames")
    for index, image in enumerate(pictures()):
        cv2.imwrite(str(folder / f"shot_{index + 101:04d}.png"), image[..., ::-1])
    return folder


def scanned(path: Path, **options) -> ShotList:
    return analyze(open_source(path), Job(input=path, styles=(Path("s.jpg"),), **options), lambda count: None)


def test_a_whole_clip_is_counted_and_its_cuts_found_and_nothing_is_trimmed(clip_path):
    counts = []
    source = open_source(clip_path)
    found = analyze(source, Job(input=clip_path, styles=(Path("s.jpg"),)), counts.append)
    assert found == ShotList(0, COUNT, frozenset({0, *CUTS}), None)
    assert counts == list(range(1, COUNT + 1))


def test_every_frame_knows_its_shot(clip_path):
    found = scanned(clip_path)
    assert [found.shot_of(index) for index in range(COUNT)] == [1] * 5 + [2] * 3 + [3] * 4


SECOND = Fraction(1)


@pytest.mark.parametrize(
    ("options", "first", "count", "starts", "trim"),
    [
        ({"start": 0.3}, 3, 9, {3, 5, 8}, (SECOND * 33 / 10, SECOND * 42 / 10)),
        ({"start": 0.25}, 3, 9, {3, 5, 8}, (SECOND * 33 / 10, SECOND * 42 / 10)),
        ({"duration": 0.3}, 0, 3, {0}, (SECOND * 3, SECOND * 33 / 10)),
        ({"duration": 0.31}, 0, 4, {0}, (SECOND * 3, SECOND * 34 / 10)),
        ({"start": 0.4, "duration": 0.2}, 4, 2, {4, 5}, (SECOND * 34 / 10, SECOND * 36 / 10)),
        ({"start": 0.1, "duration": 0.1}, 1, 1, {1}, (SECOND * 31 / 10, SECOND * 32 / 10)),
        ({"duration": 99.0}, 0, COUNT, {0, 5, 8}, None),
        ({"frames": "4"}, 0, 4, {0}, (SECOND * 3, SECOND * 34 / 10)),
        ({"frames": "12"}, 0, COUNT, {0, 5, 8}, None),
        ({"frames": "99"}, 0, COUNT, {0, 5, 8}, None),
        ({"frames": "4:7"}, 3, 4, {3, 5}, (SECOND * 33 / 10, SECOND * 37 / 10)),
        ({"frames": "9:99"}, 8, 4, {8}, (SECOND * 38 / 10, SECOND * 42 / 10)),
        ({"start": 0.5, "frames": "2"}, 5, 2, {5}, (SECOND * 35 / 10, SECOND * 37 / 10)),
        ({"start": 0.5, "frames": "2:8"}, 5, 3, {5}, (SECOND * 35 / 10, SECOND * 38 / 10)),
        ({"duration": 0.5, "frames": "2:8"}, 1, 4, {1}, (SECOND * 31 / 10, SECOND * 35 / 10)),
    ],
    ids=str,
)
def test_a_part_of_a_clip_is_exact_in_frames_and_time(clip_path, options, first, count, starts, trim):
    assert scanned(clip_path, **options) == ShotList(first, count, frozenset(starts), Trim(*trim) if trim else None)


def test_only_the_ordinals_of_the_part_are_in_it(clip_path):
    found = scanned(clip_path, frames="4:7")
    assert [index for index in range(COUNT) if index in found] == [3, 4, 5, 6]


def test_a_decimal_start_is_taken_as_it_is_written(tmp_path):
    """0.1 as a double is above a tenth: taken so, the frame at a tenth would lie before it."""
    path = make_clip(tmp_path / "a.mp4", [gradient(*SIZE)] * 4, rate=RATE)
    assert Fraction(0.1) > Fraction(1, 10)
    assert scanned(path, start=0.1).first == 1


@pytest.mark.parametrize(
    ("frames", "first", "count"), [("3", 0, 3), ("101:103", 0, 3), ("110:120", 9, 3), ("1:102", 0, 2)]
)
def test_a_range_of_a_folder_goes_by_the_files_numbers(folder_path, frames, first, count):
    found = scanned(folder_path, frames=frames)
    assert (found.first, found.count, found.trim) == (first, count, None)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"start": 1.2}, r"\(--start 1\.2\).*frames 1 to 12, which begin at 0 to 1\.1 s"),
        ({"frames": "13:20"}, r"\(--frames 13:20\).*frames 1 to 12"),
        ({"frames": "1:3", "start": 0.5}, r"\(--start 0\.5 --frames 1:3\).*in common"),
    ],
)
def test_nothing_in_what_was_asked_for_is_refused_with_what_there_is(clip_path, options, told):
    with pytest.raises(BadOption, match=f"no frame.*{told}"):
        scanned(clip_path, **options)


def test_ordinals_are_no_numbers_of_a_folder(folder_path):
    with pytest.raises(BadOption, match=r"no frame.*from frame 101 on"):
        scanned(folder_path, frames="1:12")


@pytest.mark.parametrize("bits", [8, 16])
def test_the_noise_of_black_frames_is_no_cut_at_any_depth(tmp_path, bits):
    random = np.random.default_rng(0)
    for number in range(1, 13):
        noise = random.integers(0, 2, (*SIZE, 3)).astype(np.uint8)
        cv2.imwrite(str(tmp_path / f"{number}.png"), noise if bits == 8 else noise.astype(np.uint16) * 257)
    assert open_source(tmp_path).info.bits == bits
    assert scanned(tmp_path).starts == {0}


def test_a_clip_with_nothing_to_decode_is_bad_input(tmp_path):
    path = make_clip(tmp_path / "a.mkv", [gradient(*SIZE)] * 3, codec="ffv1", pix_fmt="yuv444p")
    data = path.read_bytes()
    with_noise = bytearray(data)
    begin = data.index(bytes.fromhex("1f43b675")) + 40  # inside the first cluster
    with_noise[begin:] = b"\xff" * (len(data) - begin)
    path.write_bytes(with_noise)
    with pytest.raises(BadInput):
        scanned(path)


def test_what_the_listener_raises_ends_the_pass(clip_path):
    class StopError(Exception):
        pass

    def stop(count):
        raise StopError

    with pytest.raises(StopError):
        analyze(open_source(clip_path), Job(input=clip_path, styles=(Path("s.jpg"),)), stop)


# --- change ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("kind", "level"), [(np.uint8, 1), (np.uint16, 257)])
def test_change_is_the_share_of_pixels_that_differ_by_more_than_three_levels(kind, level):
    before = np.full((10, 20, 3), 100 * level, kind)
    now = before.copy()
    now[:5] += 3 * level  # noise
    now[5:7] -= 4 * level
    now[7, :, 0] += 15 * level  # 5 in the mean of the colors
    assert changed(before, now) == pytest.approx(0.3)
    assert changed(before, before) == 0


def test_a_clip_that_stands_still_changes_nothing_and_one_that_moves_much(tmp_path):
    moving = [np.roll(gradient(*SIZE, step=0), 9 * index, axis=1) for index in range(4)]
    for name, images, low, high in (("still", [moving[0]] * 4, 0.0, 0.01), ("moving", moving, 0.5, 1.0)):
        path = make_clip(tmp_path / f"{name}.mkv", images, rate=RATE)
        assert low <= scanned(path).change <= high
