from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import videostyle.media.workdir as work_module
from videostyle.errors import BadOutput, RunFailed
from videostyle.media.workdir import WorkFolder, publish, write_atomically, writing

HOLD = """
import sys
from pathlib import Path
from videostyle.media.workdir import WorkFolder
with WorkFolder(Path(sys.argv[1])) as work:
    (work.folder("pictures") / "half.png").write_bytes(b"left over")
    work.show(b"left over")
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def other_run(tmp_path: Path):
    """Another process that holds the work folder of out.mp4."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path / "out.mp4")], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert process.stdout.readline() == b"held\n"
    yield process
    process.kill()
    process.communicate()


def test_a_second_run_is_refused_and_a_killed_one_never_blocks(tmp_path, other_run):
    output = tmp_path / "out.mp4"
    with pytest.raises(BadOutput, match="busy"), WorkFolder(output):
        pass
    with WorkFolder(tmp_path / "another.mp4"):
        pass
    other_run.kill()
    other_run.wait()
    with WorkFolder(output) as work:
        assert [each.name for each in work.folder("pictures").iterdir()] == ["half.png"]


def test_only_what_is_named_is_kept(tmp_path):
    with WorkFolder(tmp_path / "out.mp4") as work:
        for name in ("1.png", "2.png", "3.png.part"):
            (work.folder("pictures") / name).write_bytes(b"")
        (work.folder("segments") / "1.nut").write_bytes(b"")
        work.keep_only({"pictures/2.png", "segments/1.nut"})
        assert {each.name for each in work.parts.rglob("*.*")} == {"2.png", "1.nut"}


def test_the_refused_run_leaves_the_other_ones_work_alone(tmp_path, other_run):
    output = tmp_path / "out.mp4"
    with pytest.raises(BadOutput), WorkFolder(output):
        pass
    assert WorkFolder(output).look.read_bytes() == b"left over"
    with pytest.raises(BadOutput, match="busy"), WorkFolder(output):
        pass


def test_the_folder_stays_until_it_is_removed(tmp_path):
    output = tmp_path / "out.mp4"
    with WorkFolder(output) as work:
        work.show(b"one")
        work.show(b"two")
    assert work.path == tmp_path / ".out.mp4.videostyle"
    assert work.look.read_bytes() == b"two"
    assert [each.name for each in work.path.glob("*.part")] == []
    with WorkFolder(output) as work:
        work.remove()
        assert list(tmp_path.iterdir()) == []
    with WorkFolder(output) as work:  # and its lock is free again
        assert work.path.is_dir()


def test_a_lock_on_a_file_that_was_just_deleted_does_not_count(tmp_path, monkeypatch):
    """A finishing run may delete the lock file after this one opened it and before this one locked it."""
    output = tmp_path / "out.mp4"
    taken = []

    def lock_after_the_folder_is_gone(file):
        if not taken:
            shutil.rmtree(WorkFolder(output).path)
        taken.append(take_lock(file))
        return taken[-1]

    take_lock = work_module._take_lock
    monkeypatch.setattr(work_module, "_take_lock", lock_after_the_folder_is_gone)
    with WorkFolder(output), pytest.raises(BadOutput, match="busy"), WorkFolder(output):
        pass
    assert taken == [True, True, False]


@pytest.mark.parametrize("output", ["missing/out.mp4", "x" * 250 + ".mp4"])
def test_where_no_folder_can_be_made_the_output_is_refused(tmp_path, output):
    with pytest.raises(BadOutput, match="nothing can be written beside"), WorkFolder(tmp_path / output):
        pass


def test_a_removed_work_folder_does_not_come_back(tmp_path):
    with WorkFolder(tmp_path / "out.mp4") as work:
        work.remove()
        with pytest.raises(RunFailed, match=r"out\.mp4 could not be written: No such file"), writing(work.output):
            work.folder("pictures")
        assert not work.path.exists()


def test_publishing_replaces_at_once(tmp_path):
    (tmp_path / "out").write_bytes(b"old")
    write_atomically(tmp_path / "new", b"new")
    publish(tmp_path / "new", tmp_path / "out")
    assert [(each.name, each.read_bytes()) for each in tmp_path.iterdir()] == [("out", b"new")]
