"""Exact flow from .flo files: the format, the masks beside it, and smaller frames."""

from __future__ import annotations

import os
import struct
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from videostyle.errors import BadInput
from videostyle.evaluation.flow_files import FlowFolder, read_flo, scaled_flow

SIZE = (20, 32)


def flow(x: float = 1.5, y: float = -0.5) -> np.ndarray:
    return np.tile(np.array([x, y], np.float32), (*SIZE, 1))


def put(folder: Path, values: np.ndarray, number: int = 1) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    cv2.writeOpticalFlow(str(folder / f"frame_{number:04d}.flo"), values)
    return folder


def put_mask(folder: Path, white: np.ndarray, number: int = 1) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(folder / f"frame_{number:04d}.png"), white.astype(np.uint8) * 255)


def block(rows: slice, columns: slice) -> np.ndarray:
    white = np.zeros(SIZE, bool)
    white[rows, columns] = True
    return white


def test_read_flo(tmp_path: Path) -> None:
    """Files that OpenCV writes are read exactly."""
    values = np.random.default_rng(0).normal(size=(*SIZE, 2)).astype(np.float32)
    np.testing.assert_array_equal(read_flo(put(tmp_path, values) / "frame_0001.flo"), values)


def header(width: int, height: int) -> bytes:
    return b"PIEH" + struct.pack("<ii", width, height)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"PIEH",
        b"HEIP" + bytes(16),
        header(2, 2) + bytes(31),
        header(2, 2) + bytes(33),
        header(0, 0),
        header(-1, -1) + bytes(8),
        header(60000, 60000) + bytes(40),
    ],
)
def test_damaged_file(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "frame_0001.flo").write_bytes(content)
    with pytest.raises(BadInput, match=r"frame_0001\.flo is not a complete \.flo file"):
        FlowFolder(tmp_path).after(1, SIZE)


@pytest.mark.skipif(sys.platform != "linux", reason="other systems refuse such names")
def test_name_not_unicode(tmp_path: Path) -> None:
    """A folder whose name is not valid UTF-8 is read like any other."""
    put(tmp_path / "flow", flow())
    folder = tmp_path / os.fsdecode(b"flow\xff")
    (tmp_path / "flow").rename(folder)
    known = FlowFolder(folder).after(1, SIZE)
    assert known is not None
    np.testing.assert_array_equal(known.flow, flow())


def test_no_flow(tmp_path: Path) -> None:
    for folder in (tmp_path, tmp_path / "gone"):
        with pytest.raises(BadInput, match="has no flow files"):
            FlowFolder(folder)


def test_leaving_pixels(tmp_path: Path) -> None:
    """Pixels that leave the frame are masked."""
    known = FlowFolder(put(tmp_path, flow(3, 0))).after(1, SIZE)
    assert known is not None
    assert not known.has_masks
    np.testing.assert_array_equal(known.flow, flow(3, 0))
    np.testing.assert_array_equal(known.mask, ~block(slice(None), slice(29, None)))


def test_missing_file(tmp_path: Path) -> None:
    assert FlowFolder(put(tmp_path, flow())).after(2, SIZE) is None


def test_unknown_flow(tmp_path: Path) -> None:
    """Pixels without flow are masked, and do not bleed into their neighbors when the field is scaled."""
    values = flow(0, 0)
    values[4:6, 8:10] = 1e10
    values[12, 3, 1] = np.nan
    known = FlowFolder(put(tmp_path, values)).after(1, (10, 16))
    assert known is not None
    assert np.abs(known.flow).max() == 0
    expected = np.ones((10, 16), bool)
    expected[2, 4] = expected[6, 1] = False
    np.testing.assert_array_equal(known.mask, expected)


@pytest.mark.parametrize(
    ("flow_at", "masks_at", "given"),
    [
        ("", "", ""),
        ("flow", "", ""),
        ("flow", "", "flow"),
        ("flow/alley", "tree", "flow/alley"),
    ],
)
def test_mask_places(tmp_path: Path, flow_at: str, masks_at: str, given: str) -> None:
    """Masks may be in a subfolder, beside the folder, or in a parallel tree, as in MPI Sintel."""
    put(tmp_path / flow_at, flow(0, 0))
    scene = "alley" if masks_at else ""
    put_mask(tmp_path / "occlusions" / scene, block(slice(0, 4), slice(0, 4)))
    put_mask(tmp_path / "invalid" / scene, block(slice(10, 12), slice(20, 30)))
    known = FlowFolder(tmp_path / given).after(1, SIZE)
    assert known is not None
    assert known.has_masks
    expected = ~(block(slice(0, 4), slice(0, 4)) | block(slice(10, 12), slice(20, 30)))
    np.testing.assert_array_equal(known.mask, expected)


def test_scaled(tmp_path: Path) -> None:
    """For smaller frames the vectors are shorter, and every pixel that touches a masked one is masked."""
    put(tmp_path, flow(-4, 2))
    put_mask(tmp_path / "occlusions", block(slice(7, 8), slice(15, 16)))
    known = FlowFolder(tmp_path).after(1, (10, 8))
    assert known is not None
    assert known.stored_size == SIZE
    np.testing.assert_allclose(known.flow[..., 0], -1)
    np.testing.assert_allclose(known.flow[..., 1], 1)
    expected = np.ones((10, 8), bool)
    expected[:, 0] = expected[9] = expected[3, 3] = False
    np.testing.assert_array_equal(known.mask, expected)


def test_scaled_flow_average() -> None:
    values = flow(0, 0)
    values[::2, :, 0] = 8
    np.testing.assert_allclose(scaled_flow(values, (10, 16))[..., 0], 2)
    assert scaled_flow(values, SIZE) is values


def test_larger_frames(tmp_path: Path) -> None:
    """Flow is never scaled up."""
    with pytest.raises(BadInput, match=r"is 32x20 and the output 32x21 pixels"):
        FlowFolder(put(tmp_path, flow())).after(1, (21, 32))


@pytest.mark.parametrize("content", [b"", b"not a PNG", None])
def test_damaged_mask(tmp_path: Path, content: bytes | None) -> None:
    """A mask of another size, or one that is not a PNG, is refused."""
    put(tmp_path, flow())
    put_mask(tmp_path / "invalid", np.zeros((5, 5), bool))
    if content is not None:
        (tmp_path / "invalid" / "frame_0001.png").write_bytes(content)
    with pytest.raises(BadInput, match=r"frame_0001\.png is not a black and white PNG of the flow's 32x20 pixels"):
        FlowFolder(tmp_path).after(1, SIZE)
