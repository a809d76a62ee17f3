"""Thumbnails of a run: which frames, and source beside output."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import pytest

from tests.support.clips import make_clip
from tests.support.example_report import run_of
from tests.support.transparent import disc, write_transparent, write_transparent_folder
from videostyle.reports.records import SampleFrame
from videostyle.reports.thumbnails import (
    LONGER_SIDE,
    OUTLINES,
    measured_thumbnails,
    run_thumbnails,
    sample_places,
    shrunk,
)


def shaded(count: int, red: int = 0) -> list[np.ndarray]:
    """Plain frames, 10 levels lighter from one to the next."""
    return [np.full((36, 48, 3), (red, 10 * index, 10 * index), np.uint8) for index in range(count)]


def test_run_thumbnails(tmp_path: Path) -> None:
    """An early, a middle and the last frame of a run over frames 4 to 15: the output's ordinals are not the source's."""
    source = make_clip(tmp_path / "in.mp4", shaded(20))
    output = make_clip(tmp_path / "out.mkv", shaded(20, red=200)[4:16])
    thumbnails = run_thumbnails(run_of(source, output, list(range(4, 16))))
    assert [frame.index for frame in thumbnails] == [6, 10, 15]
    for frame in thumbnails:
        assert list(frame.images) == ["source", "output"]
        source_color, output_color = (frame.images[name].mean(axis=(0, 1)) for name in ("source", "output"))
        np.testing.assert_allclose(source_color, (0, 10 * frame.index, 10 * frame.index), atol=6)
        np.testing.assert_allclose(output_color, (200, 10 * frame.index, 10 * frame.index), atol=6)


def test_folder(tmp_path: Path) -> None:
    """Frames in a folder are read by name, not by order: older frames may be there too."""
    (tmp_path / "out").mkdir()
    for index, image in enumerate(shaded(8, red=200), 1):
        cv2.imwrite(str(tmp_path / "out" / f"{index:06d}.png"), image[..., ::-1])
    source = make_clip(tmp_path / "in.mp4", shaded(8))
    thumbnails = run_thumbnails(run_of(source, tmp_path / "out", [5, 6, 7]))
    assert [frame.index for frame in thumbnails] == [5, 6, 7]
    assert [frame.images["output"][0, 0].tolist() for frame in thumbnails] == [[200, 10 * i, 10 * i] for i in (5, 6, 7)]


@pytest.mark.parametrize("output", ["out.mov", "folder"])
def test_transparent_frames(tmp_path: Path, output: str) -> None:
    """They are shown over white."""
    source = write_transparent(tmp_path / "in.mov", "qtrle", 2)
    path = write_transparent(tmp_path / output, "qtrle", 2) if output == "out.mov" else tmp_path / output
    if output == "folder":
        write_transparent_folder(path, 2)
        for number in (1, 2):
            (path / f"{number}.png").rename(path / f"{number:06d}.png")
    for frame in run_thumbnails(run_of(source, path, [0, 1])):
        for image in frame.images.values():
            assert (image[disc(frame.index) == 0] == 255).all()


def test_sample_aspect(tmp_path: Path) -> None:
    """Frames are shown with square pixels."""
    clip = make_clip(tmp_path / "in.mp4", shaded(2), sample_aspect=Fraction(2))
    (first, _) = run_thumbnails(run_of(clip, clip, [0, 1]))
    assert {image.shape for image in first.images.values()} == {(36, 96, 3)}


@pytest.mark.parametrize(("count", "places"), [(1, [0]), (2, [0, 1]), (3, [0, 1, 2]), (300, [50, 150, 299])])
def test_sample_places(count: int, places: list[int]) -> None:
    assert sample_places(count) == places


def test_shrunk() -> None:
    assert shrunk(np.zeros((3000, 1000, 3), np.uint8)).shape == (LONGER_SIDE, LONGER_SIDE // 3, 3)
    assert shrunk(np.zeros((2, 9000, 3), np.uint8)).shape == (1, LONGER_SIDE, 3)


def test_masks_are_outlined() -> None:
    """Each in a color of its own, at its border only, on the source's picture."""
    image, masks = np.zeros((40, 60, 3), np.uint8), np.zeros((2, 40, 60), bool)
    masks[0, :, :20], masks[1, 10:30, 30:50] = True, True
    frame = SampleFrame(0, image, image, None, tuple(masks))
    shown = measured_thumbnails(frame).images
    assert tuple(shown["source"][20, 19]) == OUTLINES[0]
    assert tuple(shown["source"][10, 40]) == OUTLINES[1]
    assert not shown["source"][5:35, 2:18].any()
    assert not shown["source"][14:26, 34:46].any()
    assert not shown["output"].any()
    assert not image.any()
