"""Exact flow from .flo files: the format, the maps beside it, and smaller pictures."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from videostyle.errors import BadInput
from videostyle.evaluation.flow_files import ExactFlow, read_flo, scaled_flow

SIZE = (20, 32)


def flow(x: float = 1.5, y: float = -0.5) -> np.ndarray:
    return np.tile(np.array([x, y], np.float32), (*SIZE, 1))


def put(folder: Path, values: np.ndarray, number: int = 1) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    cv2.writeOpticalFlow(str(folder / f"frame_{number:04d}.flo"), values)
    return folder


def put_map(folder: Path, white: np.ndarray, number: int = 1) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(folder / f"frame_{number:04d}.png"), white.astype(np.uint8) * 255)


def block(rows: slice, columns: slice) -> np.ndarray:
    white = np.zeros(SIZE, bool)
    white[rows, columns] = True
    return white


def test_what_opencv_writes_is_read(tmp_path: Path) -> None:
    values = np.random.default_rng(0).normal(size=(*SIZE, 2)).astype(np.float32)
    np.testing.assert_array_equal(read_flo(put(tmp_path, values) / "frame_0001.flo"), values)


@pytest.mark.parametrize("content", [b"", b"PIEH", b"HEIP" + bytes(16), b"PIEH\2\0\0\0\2\0\0\0" + bytes(31)])
def test_a_damaged_file_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "frame_0001.flo").write_bytes(content)
    with pytest.raises(BadInput, match=r"frame_0001\.flo is no whole flow file"):
        ExactFlow(tmp_path).after(1, SIZE)


def test_a_folder_without_flow_is_refused(tmp_path: Path) -> None:
    for folder in (tmp_path, tmp_path / "gone"):
        with pytest.raises(BadInput, match="holds no flow"):
            ExactFlow(folder)


def test_what_leaves_the_picture_does_not_count(tmp_path: Path) -> None:
    known = ExactFlow(put(tmp_path, flow(3, 0))).after(1, SIZE)
    assert known is not None
    assert not known.maps
    np.testing.assert_array_equal(known.flow, flow(3, 0))
    np.testing.assert_array_equal(known.mask, ~block(slice(None), slice(29, None)))


def test_a_pair_without_a_file_is_none(tmp_path: Path) -> None:
    assert ExactFlow(put(tmp_path, flow())).after(2, SIZE) is None


def test_unknown_flow_does_not_count_and_does_not_spread(tmp_path: Path) -> None:
    values = flow(0, 0)
    values[4:6, 8:10] = 1e10
    values[12, 3, 1] = np.nan
    known = ExactFlow(put(tmp_path, values)).after(1, (10, 16))
    assert known is not None
    assert np.abs(known.flow).max() == 0
    expected = np.ones((10, 16), bool)
    expected[2, 4] = expected[6, 1] = False
    np.testing.assert_array_equal(known.mask, expected)


@pytest.mark.parametrize(
    ("flow_at", "maps_at", "given"),
    [
        ("", "", ""),
        ("flow", "", ""),
        ("flow", "", "flow"),
        ("flow/alley", "tree", "flow/alley"),
    ],
)
def test_the_maps_are_found_wherever_sintel_has_them(tmp_path: Path, flow_at: str, maps_at: str, given: str) -> None:
    put(tmp_path / flow_at, flow(0, 0))
    scene = "alley" if maps_at else ""
    put_map(tmp_path / "occlusions" / scene, block(slice(0, 4), slice(0, 4)))
    put_map(tmp_path / "invalid" / scene, block(slice(10, 12), slice(20, 30)))
    known = ExactFlow(tmp_path / given).after(1, SIZE)
    assert known is not None
    assert known.maps
    expected = ~(block(slice(0, 4), slice(0, 4)) | block(slice(10, 12), slice(20, 30)))
    np.testing.assert_array_equal(known.mask, expected)


def test_smaller_pictures_have_shorter_vectors_and_lose_what_touches_a_masked_pixel(tmp_path: Path) -> None:
    put(tmp_path, flow(-4, 2))
    put_map(tmp_path / "occlusions", block(slice(7, 8), slice(15, 16)))
    known = ExactFlow(tmp_path).after(1, (10, 8))
    assert known is not None
    assert known.size == SIZE
    np.testing.assert_allclose(known.flow[..., 0], -1)
    np.testing.assert_allclose(known.flow[..., 1], 1)
    expected = np.ones((10, 8), bool)
    expected[:, 0] = expected[9] = expected[3, 3] = False
    np.testing.assert_array_equal(known.mask, expected)


def test_the_field_is_averaged_where_it_is_scaled() -> None:
    values = flow(0, 0)
    values[::2, :, 0] = 8
    np.testing.assert_allclose(scaled_flow(values, (10, 16))[..., 0], 2)
    assert scaled_flow(values, SIZE) is values


def test_larger_pictures_are_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"is 32x20 and the output 32x21 pixels"):
        ExactFlow(put(tmp_path, flow())).after(1, (21, 32))


@pytest.mark.parametrize("content", [b"", b"no picture", None])
def test_a_map_of_another_kind_or_size_is_refused(tmp_path: Path, content: bytes | None) -> None:
    put(tmp_path, flow())
    put_map(tmp_path / "invalid", np.zeros((5, 5), bool))
    if content is not None:
        (tmp_path / "invalid" / "frame_0001.png").write_bytes(content)
    with pytest.raises(BadInput, match=r"frame_0001\.png is no picture of the flow's 32x20 pixels"):
        ExactFlow(tmp_path).after(1, SIZE)
