"""Several clips: their jobs, one after another, what is skipped, what a failure costs, and the summary."""

from __future__ import annotations

import os
import signal
import threading
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from tests.support.command import run_command, start_python
from videostyle.checks import check_run
from videostyle.cli.main import Commands
from videostyle.config import Job
from videostyle.errors import BadInput, BadOption, BadOutput
from videostyle.reports.records import RunReport
from videostyle.workflow import jobs_of


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, with clips whose content nothing here looks at, a still and a folder of frames."""
    for name in (
        "style.jpg",
        "in.mp4",
        "clips/b.avi",
        "clips/a.mov",
        "clips/c.webm",
        "clips/cover.jpg",
        "frames/1.png",
    ):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    cv2.imwrite(str(tmp_path / "photo.png"), np.zeros((40, 40, 3), np.uint8))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def job(**options: Any) -> Job:
    return Job(input=Path("in.mp4"), styles=(Path("style.jpg"),), **options)


def outputs(jobs: list[Job], place: Path) -> list[str]:
    return [os.path.relpath(str(each.output), place) for each in jobs]


# --- jobs ---------------------------------------------------------------------------------------------------------


def test_results_beside_their_clips(place: Path) -> None:
    """Every clip has its default output; what is not a clip stays as it is, and each job is complete by itself."""
    jobs = jobs_of(job(also=(Path("clips"), Path("photo.png"), Path("frames")), size=64))
    names = ["in_style.mp4", "clips/a_style.mov", "clips/b_style.mkv", "clips/c_style.webm", "photo_style.png"]
    assert outputs(jobs, place) == [*names, "frames_style"]
    assert {(each.size, each.also) for each in jobs} == {(64, ())}
    assert [each.input.name for each in jobs] == ["in.mp4", "a.mov", "b.avi", "c.webm", "photo.png", "frames"]


def test_results_in_a_folder(place: Path) -> None:
    jobs = jobs_of(job(also=(Path("clips"),), output=Path("new")))
    assert outputs(jobs, place) == ["new/in_style.mp4", "new/a_style.mov", "new/b_style.mkv", "new/c_style.webm"]
    assert not Path("new").exists()
    frames = jobs_of(job(also=(Path("clips"),), output=Path("new"), frames_out=True))
    assert outputs(frames, place) == ["new/in_style", "new/a_style", "new/b_style", "new/c_style"]


def test_results_of_an_earlier_run_are_no_clips(place: Path) -> None:
    """A folder is given again with the results beside their clips; a result that was named itself is a clip."""
    Path("clips/a_style.mov").touch()
    Path("clips/other_style.mov").touch()
    names = [each.input.name for each in jobs_of(job(also=(Path("clips"),)))]
    assert names == ["in.mp4", "a.mov", "b.avi", "c.webm", "other_style.mov"]
    named = jobs_of(job(also=(Path("clips"), Path("clips/a_style.mov"))))
    assert Path("clips/a_style.mov") in [each.input for each in named]


def test_refused_at_once(place: Path) -> None:
    """A missing clip, two results of one name, a file as output: before the first run."""
    with pytest.raises(BadInput, match=r"gone\.mp4 does not exist"):
        jobs_of(job(also=(Path("gone.mp4"),)))
    Path("clips/in.mp4").touch()
    with pytest.raises(BadOutput, match=r"in\.mp4 and clips/in\.mp4 would both be written to new/in_style\.mp4"):
        jobs_of(job(also=(Path("clips"),), output=Path("new")))
    with pytest.raises(BadOption, match="is not the name of a folder"):
        jobs_of(job(also=(Path("clips"),), output=Path("new.mp4")))
    with pytest.raises(BadOption, match="call run for each of jobs_of"):
        check_run(job(also=(Path("clips"),)))


# --- the command --------------------------------------------------------------------------------------------------


class Recorder:
    """Stands for the renderer: notes the inputs, writes the outputs, and fails where it is told to."""

    def __init__(self, failures: dict[str, Exception]):
        self.failures, self.inputs = failures, list[str]()

    def stylize(self, job: Job, progress: Any, cancel: threading.Event) -> RunReport:
        self.inputs.append(job.input.name)
        if job.input.name in self.failures:
            raise self.failures[job.input.name]
        assert job.output is not None
        job.output.touch()
        return RunReport(job.output, (36, 48), (), 1, 8.0, 1, "cpu", {}, {})

    def run(self, *words: str) -> int:
        return run_command("run", "in.mp4", "style.jpg", *words, commands=Commands(stylize=self.stylize))


def test_one_failure_does_not_stop_the_others(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit code 1, every failure when it happens, and a summary with a line for each clip."""
    recorder = Recorder({"b.avi": BadInput("clips/b.avi is not a video")})
    assert recorder.run("--also", "clips", "-o", "new") == 1
    assert recorder.inputs == ["in.mp4", "a.mov", "b.avi", "c.webm"]
    assert capsys.readouterr().err.splitlines() == [
        "clip 1 of 4: in.mp4",
        "clip 2 of 4: clips/a.mov",
        "clip 3 of 4: clips/b.avi",
        "error: clips/b.avi is not a video",
        "clip 4 of 4: clips/c.webm",
        "done     new/in_style.mp4: 0 frames in 8 s",
        "done     new/a_style.mov: 0 frames in 8 s",
        "failed   clips/b.avi is not a video",
        "done     new/c_style.webm: 0 frames in 8 s",
    ]


def test_the_same_command_goes_on(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Results that are there are skipped, with --overwrite none is; --quiet prints failures only."""
    recorder = Recorder({"b.avi": BadInput("clips/b.avi is not a video")})
    recorder.run("--also", "clips", "--quiet")
    assert capsys.readouterr().err == "error: clips/b.avi is not a video\n"
    recorder.failures, recorder.inputs = {}, []
    assert recorder.run("--also", "clips") == 0
    assert recorder.inputs == ["b.avi"]
    assert "skipped  " in capsys.readouterr().err
    recorder.inputs = []
    assert recorder.run("--also", "clips", "--overwrite") == 0
    assert len(recorder.inputs) == 4


def test_a_bad_file_of_a_folder_fails_by_itself(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Such as a broken link; named by itself it would be refused at once."""
    Path("clips/d.mp4").symlink_to("gone.mp4")

    def stylize(job: Job, progress: Any, cancel: threading.Event) -> RunReport:
        check_run(job)
        return recorder.stylize(job, progress, cancel)

    recorder = Recorder({})
    words = ["run", "in.mp4", "style.jpg", "--also", "clips", "-o", "new", "--quiet"]
    assert run_command(*words, commands=Commands(stylize=stylize)) == 1
    assert recorder.inputs == ["in.mp4", "a.mov", "b.avi", "c.webm"]
    assert capsys.readouterr().err.startswith("error: clips/d.mp4 does not exist")


def test_a_failure_that_does_not_name_the_clip(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert Recorder({"b.avi": MemoryError()}).run("--also", "clips", "--quiet") == 1
    assert capsys.readouterr().err.startswith("error: clips/b.avi: not enough memory")


def test_a_signal_stops_all(place: Path) -> None:
    """Ctrl-C in the first clip: no other one is begun, and the exit code is that of the signal."""
    script = """
import sys, threading, time
from videostyle.cli.main import Commands, main

def stylize(job, progress, cancel):
    print(job.input, flush=True)
    cancel.wait(20)

main(["run", "in.mp4", "style.jpg", "--also", "clips"], Commands(stylize=stylize))
"""
    process = start_python("-c", script)
    assert process.stdout is not None
    assert process.stdout.readline() == "in.mp4\n"
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=20)
    assert process.returncode == 130
    assert out == ""
    assert "repeat the command to go on" in err


def test_a_refused_command_leaves_nothing(place: Path) -> None:
    recorder = Recorder({})
    assert recorder.run("--also", "gone.mp4", "-o", "new") == 2
    assert recorder.inputs == []
    assert not Path("new").exists()


def test_a_folder_that_cannot_be_made(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path("taken").touch()
    assert Recorder({}).run("--also", "clips", "-o", "taken") == 2
    assert capsys.readouterr().err.count("\n") == 1
