"""The first pass: which frames are selected, where shots begin, and how much changes."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import pytest

from tests.support.clips import gradient, make_clip
from videostyle.analysis import ShotList, analyze, changed_share
from videostyle.config import Job
from videostyle.errors import BadInput, BadOption
from videostyle.frames import Trim
from videostyle.media.sources import open_source

SIZE = (48, 80)
RATE = 10
COUNT = 12
CUTS = (5, 8)


def scene(number: int, step: int) -> np.ndarray:
    """Three unlike scenes; within a scene, little changes."""
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
        tmp_path_factory.mktemp("analysis") / "clip.mkv", pictures(), rate=RATE, pts=pts, time_base=Fraction(1, RATE)
    )


@pytest.fixture(scope="module")
def folder_path(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("frames")
    for index, image in enumerate(pictures()):
        cv2.imwrite(str(folder / f"shot_{index + 101:04d}.png"), image[..., ::-1])
    return folder


def analyzed(path: Path, **options) -> ShotList:
    return analyze(open_source(path), Job(input=path, styles=(Path("s.jpg"),), **options), lambda count: None)


def test_whole_clip(clip_path):
    """All frames are counted, cuts detected, and nothing is trimmed."""
    counts = []
    source = open_source(clip_path)
    shots = analyze(source, Job(input=clip_path, styles=(Path("s.jpg"),)), counts.append)
    assert shots == ShotList(0, COUNT, frozenset({0, *CUTS}), None)
    assert counts == list(range(1, COUNT + 1))


def test_shot_of(clip_path):
    shots = analyzed(clip_path)
    assert [shots.shot_of(index) for index in range(COUNT)] == [1] * 5 + [2] * 3 + [3] * 4


@pytest.mark.parametrize(
    ("options", "numbers"),
    [
        ({"start": 0.3}, [1] * 2 + [2] * 3 + [3] * 4),
        ({"frames": "5:7"}, [1] + [2] * 2),
        ({"frames": "6:8"}, [2] * 3),
        ({"frames": "7:9"}, [2] * 2 + [3]),
        ({"frames": "9:9"}, [3]),
    ],
    ids=str,
)
def test_trimming_renumbers_no_shot(clip_path, options, numbers):
    """Shots are numbered over the whole source, also where the part begins in the midst of one."""
    shots = analyzed(clip_path, **options)
    assert [shots.shot_of(index) for index in range(shots.first, shots.first + shots.count)] == numbers
    assert list(shots.numbers) == sorted(set(numbers))
    assert shots.begun == (0, *CUTS)[: numbers[0]]


def test_cuts_at_the_ends_of_a_part(tmp_path):
    """They are those of the whole clip: after a single-frame flash a shot goes on, wherever the part begins or ends."""
    images = [scene(0, step) for step in range(10)]
    images[5] = scene(1, 0)
    path = make_clip(tmp_path / "flash.mkv", images, rate=RATE)
    whole = analyzed(path)
    assert whole.starts == {0}
    for frames in ("1:6", "6:8", "7:8"):
        part = analyzed(path, frames=frames)
        assert (part.starts, part.begun) == ({part.first}, (0,))


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
def test_part_of_a_clip(clip_path, options, first, count, starts, trim):
    """Frames and times are exact."""
    assert analyzed(clip_path, **options) == ShotList(first, count, frozenset(starts), Trim(*trim) if trim else None)


def test_ordinals_in_a_part(clip_path):
    shots = analyzed(clip_path, frames="4:7")
    assert [index for index in range(COUNT) if index in shots] == [3, 4, 5, 6]


def test_decimal_start(tmp_path):
    """0.1 means a tenth exactly: as a double it is above a tenth, and would exclude the frame at a tenth."""
    path = make_clip(tmp_path / "a.mp4", [gradient(*SIZE)] * 4, rate=RATE)
    assert Fraction(0.1) > Fraction(1, 10)
    assert analyzed(path, start=0.1).first == 1


@pytest.mark.parametrize(
    ("frames", "first", "count"), [("3", 0, 3), ("101:103", 0, 3), ("110:120", 9, 3), ("1:102", 0, 2)]
)
def test_range_of_a_folder(folder_path, frames, first, count):
    """It goes by the numbers of the files."""
    shots = analyzed(folder_path, frames=frames)
    assert (shots.first, shots.count, shots.trim) == (first, count, None)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"start": "1h"}, r"selected by --start 1h; "),
        ({"start": 1.2}, r"--start 1\.2; .*numbers 1 to 12 and begin at 0 to 1\.1 s"),
        ({"frames": "13:20"}, r"--frames 13:20; .*numbers 1 to 12"),
        ({"frames": "1:3", "start": 0.5}, r"--start 0\.5 and --frames 1:3 together; .*number 1"),
    ],
)
def test_empty_selection(clip_path, options, message):
    """Refused with the options that were given and the frames that there are."""
    with pytest.raises(BadOption, match=f"no frame.*{message}"):
        analyzed(clip_path, **options)


def test_range_outside_a_folder(folder_path):
    with pytest.raises(BadOption, match=r"no frame.*first frame has the number 101"):
        analyzed(folder_path, frames="1:12")


@pytest.mark.parametrize("bits", [8, 16])
def test_noise_of_black_frames(tmp_path, bits):
    """It is not a cut, at any depth."""
    random = np.random.default_rng(0)
    for number in range(1, 13):
        noise = random.integers(0, 2, (*SIZE, 3)).astype(np.uint8)
        cv2.imwrite(str(tmp_path / f"{number}.png"), noise if bits == 8 else noise.astype(np.uint16) * 257)
    assert open_source(tmp_path).info.bits == bits
    assert analyzed(tmp_path).starts == {0}


def test_nothing_to_decode(tmp_path):
    path = make_clip(tmp_path / "a.mkv", [gradient(*SIZE)] * 3, codec="ffv1", pix_fmt="yuv444p")
    data = path.read_bytes()
    with_noise = bytearray(data)
    begin = data.index(bytes.fromhex("1f43b675")) + 40  # inside the first cluster
    with_noise[begin:] = b"\xff" * (len(data) - begin)
    path.write_bytes(with_noise)
    with pytest.raises(BadInput):
        analyzed(path)


def test_exception_of_the_listener(clip_path):
    """It ends the pass."""

    class StopError(Exception):
        pass

    def stop(count):
        raise StopError

    with pytest.raises(StopError):
        analyze(open_source(clip_path), Job(input=clip_path, styles=(Path("s.jpg"),)), stop)


# --- change ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("kind", "level"), [(np.uint8, 1), (np.uint16, 257)])
def test_changed_share(kind, level):
    """Pixels count that differ by more than three levels of 255."""
    before = np.full((10, 20, 3), 100 * level, kind)
    now = before.copy()
    now[:5] += 3 * level  # noise
    now[5:7] -= 4 * level
    now[7, :, 0] += 15 * level  # 5 in the mean of the colors
    assert changed_share(before, now) == pytest.approx(0.3)
    assert changed_share(before, before) == 0


def test_change_of_still_and_moving_clips(tmp_path):
    moving = [np.roll(gradient(*SIZE, step=0), 9 * index, axis=1) for index in range(4)]
    for name, images, low, high in (("still", [moving[0]] * 4, 0.0, 0.01), ("moving", moving, 0.5, 1.0)):
        path = make_clip(tmp_path / f"{name}.mkv", images, rate=RATE)
        assert low <= analyzed(path).change <= high
