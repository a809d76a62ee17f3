from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path

import pytest

from videostyle.errors import BadOutput, PaintingFailed
from videostyle.media.work import WorkFolder, publish, write_atomically, writing

HOLD = """
import sys
from pathlib import Path
from videostyle.media.work import WorkFolder
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
        assert not work.look.exists()
        assert list(work.folder("pictures").iterdir()) == []


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


def test_many_runs_starting_and_finishing_never_overlap(tmp_path):
    """The lock file is deleted by each finishing run: a lock on a deleted file must not count."""
    holders, overlaps, finished = [], [], []

    def run():
        for _ in range(60):
            try:
                with WorkFolder(tmp_path / "out.mp4") as work:
                    holders.append(1)
                    overlaps.append(len(holders) > 1)
                    holders.pop()
                    work.remove()
                    finished.append(1)
            except BadOutput:
                pass

    threads = [threading.Thread(target=run) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert finished
    assert not any(overlaps)


@pytest.mark.parametrize("output", ["missing/out.mp4", "x" * 250 + ".mp4"])
def test_where_no_folder_can_be_made_the_output_is_refused(tmp_path, output):
    with pytest.raises(BadOutput, match="nothing can be written beside"), WorkFolder(tmp_path / output):
        pass


def test_a_removed_work_folder_does_not_come_back(tmp_path):
    with WorkFolder(tmp_path / "out.mp4") as work:
        work.remove()
        with pytest.raises(PaintingFailed, match=r"out\.mp4 could not be written: No such file"), writing(work.output):
            work.folder("pictures")
        assert not work.path.exists()


def test_publishing_replaces_at_once(tmp_path):
    (tmp_path / "out").write_bytes(b"old")
    write_atomically(tmp_path / "new", b"new")
    publish(tmp_path / "new", tmp_path / "out")
    assert [(each.name, each.read_bytes()) for each in tmp_path.iterdir()] == [("out", b"new")]
