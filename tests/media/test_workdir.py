"""The work folder: its lock, what it keeps, and atomic files."""

from __future__ import annotations

import shutil
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from videostyle.errors import BadOutput, RunFailed
from videostyle.media.workdir import WorkFolder, publish, write_atomically, writing

HOLD = """
import sys
from pathlib import Path
from videostyle.media.workdir import WorkFolder
with WorkFolder(Path(sys.argv[1])) as work:
    (work.folder("pictures") / "half.png").write_bytes(b"left over")
    work.show_preview(b"left over")
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


def test_lock_of_a_running_and_of_a_killed_run(tmp_path, other_run):
    """A second run is refused; once the first is killed, it is not, and finds its files."""
    output = tmp_path / "out.mp4"
    with pytest.raises(BadOutput, match="busy"), WorkFolder(output):
        pass
    with WorkFolder(tmp_path / "another.mp4"):
        pass
    other_run.kill()
    other_run.wait()
    with WorkFolder(output) as work:
        assert [path.name for path in work.folder("pictures").iterdir()] == ["half.png"]


def test_keep_only(tmp_path):
    with WorkFolder(tmp_path / "out.mp4") as work:
        for name in ("1.png", "2.png", "3.png.part"):
            (work.folder("pictures") / name).write_bytes(b"")
        (work.folder("segments") / "1.nut").write_bytes(b"")
        work.keep_only({"pictures/2.png", "segments/1.nut"})
        assert {path.name for path in work.parts.rglob("*.*")} == {"2.png", "1.nut"}


def test_refused_run_changes_nothing(tmp_path, other_run):
    output = tmp_path / "out.mp4"
    with pytest.raises(BadOutput), WorkFolder(output):
        pass
    assert WorkFolder(output).preview.read_bytes() == b"left over"
    with pytest.raises(BadOutput, match="busy"), WorkFolder(output):
        pass


def test_leave_and_remove(tmp_path):
    """Leaving keeps the folder and the newest preview; remove() deletes it and releases the lock."""
    output = tmp_path / "out.mp4"
    with WorkFolder(output) as work:
        work.show_preview(b"one")
        work.show_preview(b"two")
    assert work.path == tmp_path / ".out.mp4.videostyle"
    assert work.preview.read_bytes() == b"two"
    assert [path.name for path in work.path.glob("*.part")] == []
    with WorkFolder(output) as work:
        work.remove()
        assert list(tmp_path.iterdir()) == []
    with WorkFolder(output) as work:  # and its lock is free again
        assert work.path.is_dir()


def test_lock_file_deleted_before_it_is_locked(tmp_path, monkeypatch):
    """A finishing run may delete the lock file after this one opened it and before this one locked it: the lock would guard
    nothing, so it is taken again on a new file."""
    fcntl = pytest.importorskip("fcntl")
    output = tmp_path / "out.mp4"
    flock, deleted = fcntl.flock, []

    def delete_first(file, operation):
        if not deleted:
            shutil.rmtree(WorkFolder(output).path)
            deleted.append(True)
        return flock(file, operation)

    monkeypatch.setattr(fcntl, "flock", delete_first)
    with WorkFolder(output), pytest.raises(BadOutput, match="busy"), WorkFolder(output):
        pass
    assert deleted


def test_removal_and_mutual_exclusion(tmp_path):
    """Three runs take the folder, and remove it when they are done, as fast as they can."""
    output = tmp_path / "out.mp4"
    holders: list[int] = []
    done, failures = [], []

    def take_often(number: int) -> None:
        finished = 0
        while finished < 40 and not failures:
            try:
                with WorkFolder(output) as work:
                    holders.append(number)
                    time.sleep(0.0005)
                    if holders != [number] or not work.path.is_dir():
                        failures.append(list(holders))
                    holders.remove(number)
                    work.remove()
                finished += 1
            except BadOutput as error:
                if "busy" not in str(error):
                    failures.append(str(error))
        done.append(number)

    threads = [threading.Thread(target=take_often, args=(number,), daemon=True) for number in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert failures == []
    assert sorted(done) == [0, 1, 2]
    assert list(tmp_path.iterdir()) == []


def test_folder_that_cannot_be_created(tmp_path):
    with pytest.raises(BadOutput, match="nothing can be written beside"), WorkFolder(tmp_path / "missing" / "out.mp4"):
        pass


def test_removed_folder_is_not_recreated(tmp_path):
    with WorkFolder(tmp_path / "out.mp4") as work:
        work.remove()
        with pytest.raises(RunFailed, match=r"out\.mp4 could not be written: No such file"), writing(work.output):
            work.folder("pictures")
        assert not work.path.exists()


def test_publish(tmp_path):
    """The output is replaced and no temporary file is left."""
    (tmp_path / "out").write_bytes(b"old")
    write_atomically(tmp_path / "new", b"new")
    publish(tmp_path / "new", tmp_path / "out")
    assert [(path.name, path.read_bytes()) for path in tmp_path.iterdir()] == [("out", b"new")]
