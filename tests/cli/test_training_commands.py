"""`videostyle train`, `info` and `export`: what is printed where, every exit code."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import Any

import pytest

from tests.support.command import run_command, start_python
from tests.support.style_models import example, written
from videostyle.cli.main import Commands
from videostyle.config import TrainJob
from videostyle.errors import MissingModel
from videostyle.models.model_file import to_bytes
from videostyle.training.state import Validation
from videostyle.training.train import TrainReport


def test_train(capsys: pytest.CaptureFixture[str]) -> None:
    jobs: list[TrainJob] = []

    def remember(job: TrainJob, progress: Any, cancel: Any) -> TrainReport:
        jobs.append(job)
        assert job.output is not None
        validations = Validation(6, 30.0, 2.0, 1.5), Validation(12, 61.0, 1.25, 1.0)
        return TrainReport(job.output, 12, 61.0, validations, ())

    words = ["train", "a.jpg", "--on", "one.mp4", "--on", "two.mp4", "-o", "p.vstyle", "--minutes", "3"]
    assert run_command(*words, commands=Commands(train=remember)) == 0
    clips = Path("one.mp4"), Path("two.mp4")
    assert jobs == [TrainJob(styles=(Path("a.jpg"),), on=clips, output=Path("p.vstyle"), minutes=3.0)]
    assert "p.vstyle: 12 steps in 1 min 1 s, validation loss 1.250" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        ([], "no --on was given"),
        (["--on", "a.mp4", "-o", "a.mp4"], "does not end in .vstyle"),
        (["--on", "a.mp4", "--minutes", "0"], "accepted: 0.01 to 10000"),
    ],
)
def test_train_refuses(wrong: list[str], named: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command("train", "a.jpg", *wrong) == 2
    assert named in capsys.readouterr().err


def test_a_failure_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    def fail(job: TrainJob, progress: Any, cancel: Any) -> None:
        raise MissingModel("no weights", todo="fetch them")

    assert run_command("train", "a.jpg", "--on", "a.mp4", "--quiet", commands=Commands(train=fail)) == 2
    assert capsys.readouterr().err == "error: no weights; fetch them\n"


def test_info(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command("info", written(tmp_path, to_bytes(example()))) == 0
    shown = capsys.readouterr().out
    for text in ("waves é.jpg", "in.mp4", "1.250", "width 8"):
        assert text in shown


def test_info_on_a_clip(capsys: pytest.CaptureFixture[str]) -> None:
    """A clip is described; as a style model it is refused for what it is, not as damaged."""
    assert run_command("info", "sample_media/clip.mp4") == 0
    assert "frame rate      24\n" in capsys.readouterr().out
    assert run_command("export", "sample_media/clip.mp4") == 2
    said = capsys.readouterr().err
    assert said.startswith("error: sample_media/clip.mp4 is not a style model; accepted: a .vstyle file")


def test_info_on_something_else(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "notes.txt").write_text("nothing to see")
    assert run_command("info", str(tmp_path / "notes.txt")) == 2
    assert "notes.txt is not a video" in capsys.readouterr().err


@pytest.mark.parametrize("command", ["info", "export"])
def test_a_foreign_file_is_refused_in_one_line(
    command: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_command(command, written(tmp_path, b"something else")) == 2
    said = capsys.readouterr().err
    assert said.startswith("error: ")
    assert said.count("\n") == 1


def test_ctrl_c_ends_a_training_and_says_how_to_resume(tmp_path: Path) -> None:
    """The real program, interrupted once it has said that it trains."""
    words = ["sample_media/styles/swirls.jpg", "--on", "sample_media/clip.mp4", "-o", str(tmp_path / "p.vstyle")]
    limits = ["--frames", "4", "--size", "64", "--threads", "1"]
    with start_python("-m", "videostyle", "train", *words, *limits) as process:
        assert process.stderr is not None
        for line in process.stderr:
            if "training, step" in line:
                process.send_signal(signal.SIGINT)
                break
        said = process.stderr.read()
    assert process.returncode == 130
    assert "repeat the command to resume" in said
    assert "Traceback" not in said
