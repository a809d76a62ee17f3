"""Names of outputs: what a suffix says, the default name, and what is refused before anything heavy is loaded."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from videostyle.errors import BadOutput
from videostyle.media.output_paths import check_output, default_output, output_kind, work_folder
from videostyle.media.workdir import write_atomically


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
        ("frames.mp4", "folder", ["a.b.jpg"], "frames.mp4_a_b"),
    ],
)
def test_default_output(tmp_path, source, kind, styles, expected):
    """Its name says what it is."""
    made = default_output(tmp_path / source, kind, tuple(Path(style) for style in styles))
    assert made == tmp_path / expected
    assert output_kind(made) == kind


def test_default_output_of_the_current_folder(tmp_path, monkeypatch):
    (tmp_path / "frames").mkdir()
    monkeypatch.chdir(tmp_path / "frames")
    assert default_output(Path("."), "folder", (Path("style.jpg"),)) == tmp_path / "frames_style"


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("a.mp4", "video"),
        ("a.m4v", "video"),
        ("a.WEBM", "video"),
        ("a.tiff", "image"),
        ("a.JPG", "image"),
        ("a", "folder"),
    ],
)
def test_output_kind(tmp_path, name, kind):
    assert output_kind(tmp_path / name) == kind


def test_existing_folder_with_a_suffix(tmp_path):
    (tmp_path / "v1.txt").mkdir()
    assert output_kind(tmp_path / "v1.txt") == "folder"


@pytest.mark.parametrize("name", ["a.mp3", "a.txt", "a.mp4.part"])
def test_unknown_suffix(tmp_path, name):
    """The message lists the suffixes that are accepted."""
    with pytest.raises(BadOutput, match=r"accepted: \.mp4 .* \.png"):
        output_kind(tmp_path / name)


@pytest.mark.parametrize("length", [1, 126, 127, 238, 243, 250, 251])
def test_long_names(tmp_path, length):
    """Names of up to 255 bytes are written, with a work folder and temporary files whose names are no longer."""
    source = tmp_path / ("\N{GREEK SMALL LETTER PHI}" * (length // 2) + "x" * (length % 2) + ".mp4")
    outputs = [source, default_output(source, "video", (Path("style.jpg"),))]
    for output in outputs:
        check_output(output, overwrite=False)
        folder = work_folder(output)
        folder.mkdir()
        assert folder.name.endswith(".videostyle")
        write_atomically(output, b"x")
        assert output.read_bytes() == b"x"
    assert outputs[1].name.endswith(".mp4")
    assert len({*outputs, *map(work_folder, outputs)}) == 4


def test_long_names_stay_different():
    one, two = (default_output(Path("/a" + "x" * 250 + end), "folder", (Path("style.jpg"),)) for end in "ab")
    assert one != two
    assert len(os.fsencode(one.name)) == 255


def test_folder_of_an_interrupted_run(tmp_path):
    """A folder that a run has begun to fill with its frames may be filled again; one with another file may not."""
    pictures, output = tmp_path / ".out.videostyle" / "parts" / "pictures", tmp_path / "out"
    pictures.mkdir(parents=True)
    output.mkdir()
    for folder, name in ((pictures, "1.png"), (pictures, "2.png"), (output, "1.png"), (output, ".2.png.part")):
        (folder / name).touch()
    check_output(output, overwrite=False)
    (output / "own.txt").touch()
    with pytest.raises(BadOutput, match=r"is not empty; -o .*out/in_style\.mp4 writes a file into it"):
        check_output(output, overwrite=False, inside="in_style.mp4")


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
        with pytest.raises(BadOutput, match=r"already exists.* --overwrite"):
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
