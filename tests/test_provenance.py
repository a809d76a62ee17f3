"""Fingerprints of files and folders."""

from __future__ import annotations

import os

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from videostyle.provenance import SAMPLE, SAMPLES, fingerprint


@settings(max_examples=30)
@given(size=st.integers(1, 400), place=st.floats(0, 1, exclude_max=True))
def test_fingerprint(tmp_path_factory, size, place):
    """Any change of a small file changes its fingerprint."""
    path = tmp_path_factory.mktemp("file") / "a"
    data = bytearray(np.random.default_rng(size).bytes(size))
    path.write_bytes(data)
    before = fingerprint(path)
    data[int(place * size)] ^= 16
    path.write_bytes(data)
    assert fingerprint(path) != before
    path.write_bytes(data[:-1])
    assert fingerprint(path) != before


def test_fingerprint_of_large_file(tmp_path):
    """A large file is sampled from its first byte to its last."""
    path, size = tmp_path / "a", 5 * SAMPLES * SAMPLE
    path.touch()
    os.truncate(path, size)  # takes no room on the disk
    before = fingerprint(path)
    for place in (0, size - 1):
        with path.open("rb+") as file:
            file.seek(place)
            file.write(b"x")
        assert fingerprint(path) != before
        before = fingerprint(path)


def test_fingerprint_of_folder(tmp_path):
    """A folder is known by its frames; other files in it, such as an output, do not count."""
    (tmp_path / "1.png").write_bytes(b"a")
    before = fingerprint(tmp_path)
    assert fingerprint(tmp_path) == before
    (tmp_path / "stylized").mkdir()
    for other in (".1.png", "out.mp4", "Thumbs.db", "stylized/2.png"):
        (tmp_path / other).write_bytes(b"a")
    assert fingerprint(tmp_path) == before
    (tmp_path / "2.png").write_bytes(b"a")
    assert fingerprint(tmp_path) != before
