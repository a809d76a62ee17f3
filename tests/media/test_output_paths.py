"""Names of outputs: what a suffix says, the default name, and what is refused before anything heavy is loaded."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from videostyle.errors import BadOutput
from videostyle.media.output_paths import check_output, default_output, output_kind, work_folder


def test_nothing_heavy_is_imported():
    """A refused name is answered at once: each of these modules takes a good part of half a second to load, or seconds."""
    script = """
import sys, videostyle.media.output_paths
print(sorted({'torch', 'av', 'cv2', 'numpy'} & set(sys.modules)))
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


@pytest.mark.parametrize(
    ("source", "kind", "styles", "expected"),
    [
        ("clips/in.mp4", "video", ["s/style.jpg"], "clips/in_style.mp4"),
        ("in.MOV", "video", ["a.b.png", "c.jpg"], "in_a.b_c.MOV"),
        ("in.avi", "video", ["style.jpg"], "in_style.mkv"),
        ("noname", "video", ["style.jpg"], "noname_style.mkv"),
        ("photo.jpeg", "image", ["style.jpg"], "photo_style.jpeg"),
        ("photo.bmp", "image", ["style.jpg"], "photo_style.png"),
        ("clips/frames.v2", "folder", ["style.jpg"], "clips/frames.v2_style"),
    ],
)
def test_default_output(tmp_path, source, kind, styles, expected):
    made = default_output(tmp_path / source, kind, tuple(Path(style) for style in styles))
    assert made == tmp_path / expected


def test_default_output_of_the_current_folder(tmp_path, monkeypatch):
    (tmp_path / "frames").mkdir()
    monkeypatch.chdir(tmp_path / "frames")
    assert default_output(Path("."), "folder", (Path("style.jpg"),)) == tmp_path / "frames_style"


@pytest.mark.parametrize(
    ("name", "kind"),
    [("a.mp4", "video"), ("a.WEBM", "video"), ("a.tiff", "image"), ("a.JPG", "image"), ("a", "folder")],
)
def test_output_kind(tmp_path, name, kind):
    assert output_kind(tmp_path / name) == kind


def test_existing_folder_with_a_suffix(tmp_path):
    (tmp_path / "v1.txt").mkdir()
    assert output_kind(tmp_path / "v1.txt") == "folder"


@pytest.mark.parametrize("name", ["a.mp3", "a.txt", "a.gif", "a.mp4.part"])
def test_unknown_suffix(tmp_path, name):
    """The message lists the suffixes that are accepted."""
    with pytest.raises(BadOutput, match=r"accepted: \.mp4 .* \.png"):
        output_kind(tmp_path / name)


def test_check_output(tmp_path):
    for name in ("new.mp4", "new.png", "new"):
        check_output(tmp_path / name, overwrite=False)
    with pytest.raises(BadOutput, match="there is no folder"):
        check_output(tmp_path / "missing" / "new.mp4", overwrite=True)
    (tmp_path / "old.mp4").write_bytes(b"x")
    (tmp_path / "empty").mkdir()
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "any").write_bytes(b"x")
    (tmp_path / "file").write_bytes(b"x")
    check_output(tmp_path / "empty", overwrite=False)
    for name in ("old.mp4", "full"):
        with pytest.raises(BadOutput, match="exists; add --overwrite"):
            check_output(tmp_path / name, overwrite=False)
        check_output(tmp_path / name, overwrite=True)
    with pytest.raises(BadOutput, match="is a file without a suffix"):
        check_output(tmp_path / "file", overwrite=True)


def test_read_only_folder(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "access", lambda path, mode: False)  # a test run by root may write everywhere
    with pytest.raises(BadOutput, match="is not writable"):
        check_output(tmp_path / "out.mp4", overwrite=False)


def test_name_that_is_too_long(tmp_path):
    """It is refused with the number of bytes that the file system takes."""
    check_output(tmp_path / ("x" * 251 + ".mp4"), overwrite=False)
    for name in ("x" * 252 + ".mp4", "ä" * 126 + ".mp4"):
        with pytest.raises(BadOutput, match="has 256 bytes, and this file system takes 255; choose a shorter name"):
            check_output(tmp_path / name, overwrite=False)


def test_work_folders_of_long_names(tmp_path):
    """They have different names, which the file system takes."""
    folders = [work_folder(tmp_path / f"{'ä' * 120}{end}.mp4") for end in ("a", "b", "c" * 10)]
    assert len(set(folders)) == 3
    assert all(len(os.fsencode(folder.name)) <= 255 for folder in folders)
    assert work_folder(tmp_path / "out.mp4") == tmp_path / ".out.mp4.videostyle"
