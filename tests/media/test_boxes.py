"""MP4 and QuickTime files: an index that is missing, the clean aperture, encrypted tracks."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest

from tests.support.clips import display_matrix, gradient, make_clip
from videostyle.errors import BadInput
from videostyle.media.boxes import Aperture, clean_aperture, is_cut_off
from videostyle.media.sources import open_source

PICTURES = [gradient(64, 96, step=20 * number) for number in range(3)]


def with_aperture(path: Path, *numbers: int) -> Path:
    """Insert a clap box of these eight numbers into the sample entry; the media data lie before the index and do not move."""
    data = bytearray(path.read_bytes())
    assert data.index(b"mdat") < data.index(b"moov")
    box = struct.pack(">I4sIIIIiIiI", 40, b"clap", *numbers)
    entry = data.index(b"avc1", data.index(b"stsd"))
    for kind in (b"moov", b"trak", b"mdia", b"minf", b"stbl", b"stsd"):
        enlarge(data, data.index(kind, data.index(b"moov")), len(box))
    enlarge(data, entry, len(box))
    data[entry + 4 + 78 : entry + 4 + 78] = box
    path.write_bytes(data)
    return path


def enlarge(data: bytearray, kind: int, by: int) -> None:
    (size,) = struct.unpack_from(">I", data, kind - 4)
    struct.pack_into(">I", data, kind - 4, size + by)


@pytest.mark.parametrize(
    ("numbers", "rows", "columns"),
    [
        ((80, 1, 48, 1, 0, 1, 0, 1), slice(8, 56), slice(8, 88)),
        ((161, 2, 48, 1, 0, 1, -4, 1), slice(4, 52), slice(8, 88)),  # 80.5 wide, four lines above the middle
        ((80, 1, 64, 1, 8, 1, 0, 1), slice(0, 64), slice(16, 96)),
    ],
)
def test_clean_aperture(tmp_path, numbers, rows, columns):
    """What lies outside is cut off: width, height, and the shift of the middle, each a fraction."""
    plain = make_clip(tmp_path / "plain.mp4", PICTURES)
    whole = next(open_source(plain).frames()).image
    path = with_aperture(make_clip(tmp_path / "a.mp4", PICTURES), *numbers)
    assert clean_aperture(path, 1) == Aperture((64, 96), rows, columns)
    source = open_source(path)
    frames = list(source.frames())
    assert source.info.size == (rows.stop - rows.start, columns.stop - columns.start)
    np.testing.assert_array_equal(frames[0].image, whole[rows, columns])
    assert source.info.notices == ()


@pytest.mark.parametrize(
    "numbers",
    [(96, 1, 64, 1, 0, 1, 0, 1), (200, 1, 64, 1, 0, 1, 0, 1), (80, 0, 48, 1, 0, 1, 0, 1), (80, 1, 48, 1, 99, 1, 0, 1)],
)
def test_apertures_that_change_nothing(tmp_path, numbers):
    """The whole frame, or one that is impossible."""
    path = with_aperture(make_clip(tmp_path / "a.mp4", PICTURES), *numbers)
    assert open_source(path).info.size == (64, 96)


def test_clean_aperture_of_a_turned_video(tmp_path):
    """It is cut from the frame as stored."""
    path = with_aperture(make_clip(tmp_path / "a.mp4", PICTURES, matrix=display_matrix(1)), 80, 1, 48, 1, 0, 1, 0, 1)
    assert open_source(path).info.size == (80, 48)
    assert next(open_source(path).frames((40, 24))).size == (40, 24)


def test_cut_off_recording(tmp_path):
    """A camera that loses its power writes no index; the message says what repairs the file."""
    path = make_clip(tmp_path / "a.mp4", PICTURES)
    data = path.read_bytes()
    assert not is_cut_off(path)
    path.write_bytes(data[: data.index(b"moov") - 4])
    assert is_cut_off(path)
    with pytest.raises(BadInput, match=r"never finished: the index .*moov.* is missing; `untrunc .*a\.mp4`"):
        open_source(path)


@pytest.mark.parametrize("data", [b"", b"abc", b"\0\0\0\x08mdat" * 3, bytes(100), b"\0\0\0\x02ftyp" + bytes(90)])
def test_other_files(tmp_path, data):
    """They are not taken for a recording, and nothing fails."""
    (tmp_path / "a.mp4").write_bytes(data)
    clean_aperture(tmp_path / "a.mp4", 1)
    with pytest.raises(BadInput):
        open_source(tmp_path / "a.mp4")


def test_encrypted(tmp_path):
    """It is named as such instead of damaged."""
    options = {
        "encryption_scheme": "cenc-aes-ctr",
        "encryption_key": "76a6c65c5ea762046bd749a2e632ccbb",
        "encryption_kid": "a7e61c373e219033c21091fa607bf3b8",
    }
    path = make_clip(tmp_path / "a.mp4", PICTURES, container_options=options)
    with pytest.raises(BadInput, match="is encrypted, and its key is not known"):
        open_source(path)
