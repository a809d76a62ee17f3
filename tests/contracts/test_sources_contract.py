"""The contract of a source, over every kind of source."""

from __future__ import annotations

import gc
import os
from itertools import pairwise
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from tests.support.clips import REC709, Tone, display_matrix, gradient, make_clip
from videostyle.frames import Frame
from videostyle.media.resize import fit_size
from videostyle.media.sources import open_source

COUNT = 14
SIZE = (36, 64)


def pictures(count: int = COUNT) -> list[np.ndarray]:
    return [gradient(*SIZE, step=15 * index) for index in range(count)]


def write_video(folder: Path) -> Path:
    return make_clip(folder / "clip.mp4", pictures(), tones=[Tone(seconds=0.3)])


def write_turned_video(folder: Path) -> Path:
    return make_clip(
        folder / "turned.mkv",
        pictures(),
        codec="ffv1",
        pix_fmt="yuv422p10le",
        tags=REC709,
        matrix=display_matrix(1, True),
    )


def write_folder(folder: Path) -> Path:
    folder = folder / "numbered"
    folder.mkdir()
    for index, picture in enumerate(pictures()):
        cv2.imwrite(str(folder / f"shot2_{index + 95}.png"), picture[..., ::-1])
    return folder


def write_still(folder: Path) -> Path:
    deep = np.dstack([pictures()[3].astype(np.uint16) * 257, np.full(SIZE, 40000, np.uint16)])
    cv2.imwrite(str(folder / "still.png"), deep)
    return folder / "still.png"


WRITERS = [write_video, write_turned_video, write_folder, write_still]


@pytest.fixture(scope="module", params=WRITERS, ids=lambda writer: writer.__name__[6:])
def path(request, tmp_path_factory) -> Path:
    return request.param(tmp_path_factory.mktemp("source"))


def same(a: Frame, b: Frame) -> bool:
    keys = ("index", "time", "duration", "name")
    return all(getattr(a, key) == getattr(b, key) for key in keys) and np.array_equal(a.image, b.image)


def test_frames_match_the_info(path):
    source = open_source(path)
    assert source.path == path
    frames = list(source.frames())
    assert len(frames) == (1 if source.info.kind == "image" else COUNT)
    for index, frame in enumerate(frames):
        assert frame.index == index
        assert frame.size == source.info.size
        assert frame.image.dtype == (np.uint8 if source.info.bits == 8 else np.uint16)
        assert frame.image.flags.c_contiguous
    assert source.skipped == 0


def test_durations_reach_to_the_next_frame(path):
    frames = list(open_source(path).frames())
    for frame, following in pairwise(frames):
        assert frame.duration > 0
        assert frame.time + frame.duration == following.time


@pytest.mark.parametrize("first", [0, 1, COUNT - 1, COUNT, COUNT + 5])
def test_pass_from_a_later_frame(path, first):
    """It gives the same frames as a whole pass."""
    source = open_source(path)
    whole = list(source.frames())
    part = list(source.frames(first=first))
    assert len(part) == len(whole[first:])
    assert all(same(a, b) for a, b in zip(whole[first:], part, strict=True))


@pytest.mark.parametrize("longer", [20, 33, 100])
def test_scaled_frames(path, longer):
    """They have the requested size and look the same."""
    source = open_source(path)
    size = fit_size(source.info.size, longer)
    whole, scaled = next(source.frames()), next(source.frames(size))
    assert scaled.size == size
    assert scaled.image.dtype == whole.image.dtype
    assert scaled.image.flags.c_contiguous
    expected = cv2.resize(whole.image.astype(np.float32), size[::-1], interpolation=cv2.INTER_AREA)
    inner = np.s_[2:-2, 2:-2]  # enlarged borders have no known truth
    white = np.iinfo(whole.image.dtype).max
    assert np.abs(scaled.image - expected)[inner].max() < 0.03 * white
    if whole.alpha is not None:
        assert np.array_equal(scaled.alpha, whole.alpha)


def test_interleaved_passes(path):
    """Two passes at once do not disturb one another."""
    source = open_source(path)
    whole = list(source.frames())
    one, two = source.frames(), source.frames(first=1)
    mixed = []
    for frame in one:
        mixed.append(frame)
        next(two, None)
    assert all(same(a, b) for a, b in zip(whole, mixed, strict=True))


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="open files are counted through /proc")
def test_pass_closed_early(path):
    """It releases its files."""
    before = len(os.listdir("/proc/self/fd"))
    source = open_source(path)
    assert len(os.listdir("/proc/self/fd")) == before
    for _ in range(3):
        run = source.frames()
        next(run)
        run.close()
    source.close()
    assert len(os.listdir("/proc/self/fd")) == before


def live_counts() -> np.ndarray:
    kinds = [type(item) for item in gc.get_objects()]
    return np.array([kinds.count(Frame), kinds.count(av.VideoFrame)])


def test_live_frames(path):
    """Only a few frames are in memory at once."""
    source = open_source(path)
    gc.collect()
    before = most = live_counts()
    for _ in source.frames():
        most = np.maximum(most, live_counts())
    frames, decoded = most - before
    assert 1 <= frames <= 2
    assert decoded <= 6  # at its end, a decoder returns all frames that it kept for reordering at once
    assert (decoded > 0) == (source.info.kind == "video")
