"""`videostyle train`, `info` and `export`: options made from their jobs, what is printed where, every exit code."""

from __future__ import annotations

import signal
import subprocess
import sys
from dataclasses import fields
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from tests.cli.test_cli import run
from tests.support.style_models import example, written
from videostyle.cli.options import help_of
from videostyle.config import TrainJob
from videostyle.errors import MissingModel
from videostyle.models.model_file import to_bytes
from videostyle.training.state import Validation
from videostyle.training.train import TrainReport


@pytest.fixture
def train_with(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Puts a function in the place of `videostyle.training.train`, without loading the real module and torch."""

    def put(train: Any) -> None:
        module = ModuleType("videostyle.training.train")
        module.train = train  # type: ignore[attr-defined]
        monkeypatch.setitem(sys.modules, "videostyle.training.train", module)

    return put


def test_every_field_of_a_training_is_an_option(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("train", "--help") == 0
    shown = " ".join(capsys.readouterr().out.split())
    for each in fields(TrainJob):
        if each.metadata:
            assert f"--{each.name.replace('_', '-')} " in shown
            assert " ".join(help_of(each).split()) in shown


def test_what_is_asked_for_is_trained(train_with: Any, capsys: pytest.CaptureFixture[str]) -> None:
    jobs = []

    def remember(job: TrainJob, progress: Any, cancel: Any) -> TrainReport:
        jobs.append(job)
        return TrainReport(job.output, 12, 61.0, (Validation(6, 30.0, 2.0, 1.5), Validation(12, 61.0, 1.25, 1.0)), ())

    train_with(remember)
    assert run("train", "a.jpg", "--on", "one.mp4", "--on", "two.mp4", "-o", "p.vstyle", "--minutes", "3") == 0
    expected = TrainJob(styles=("a.jpg",), on=("one.mp4", "two.mp4"), output="p.vstyle", minutes=3.0)
    assert jobs == [expected]
    assert "p.vstyle: 12 steps in 1 min 1 s, validation loss 1.250" in capsys.readouterr().err


@pytest.mark.parametrize("wrong", [[], ["--on", "a.mp4", "-o", "a.mp4"], ["--on", "a.mp4", "--minutes", "0"]])
def test_a_training_that_cannot_be_is_refused(wrong: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run("train", "a.jpg", *wrong) == 2
    assert "accepted" in capsys.readouterr().err


def test_a_failure_is_one_line(train_with: Any, capsys: pytest.CaptureFixture[str]) -> None:
    def fail(job: TrainJob, progress: Any, cancel: Any) -> None:
        raise MissingModel("no weights", todo="fetch them")

    train_with(fail)
    assert run("train", "a.jpg", "--on", "a.mp4", "--quiet") == 2
    assert capsys.readouterr().err == "error: no weights; fetch them\n"


def test_info_tells_what_the_file_holds(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("info", str(written(tmp_path, to_bytes(example())))) == 0
    shown = capsys.readouterr().out
    for each in ("waves é.jpg", "in.mp4", "1.250", "width 8"):
        assert each in shown


@pytest.mark.parametrize("command", ["info", "export"])
def test_a_foreign_file_is_refused_in_one_line(
    command: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(command, str(written(tmp_path, b"something else"))) == 2
    said = capsys.readouterr().err
    assert said.startswith("error: ")
    assert said.count("\n") == 1


def test_ctrl_c_ends_a_training_and_says_how_to_go_on(tmp_path: Path) -> None:
    """The real program: interrupted once it has told that it learns."""
    what = ["sample_media/styles/swirls.jpg", "--on", "sample_media/clip.mp4", "-o", str(tmp_path / "p.vstyle")]
    command = [sys.executable, "-m", "videostyle", "train", *what, "--frames", "4", "--size", "64", "--threads", "1"]
    # A test run that was started in the background hands down an ignored SIGINT, which the program rightly respects.
    heard = partial(signal.signal, signal.SIGINT, signal.SIG_DFL)
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, preexec_fn=heard) as process:
        assert process.stderr is not None
        for line in process.stderr:
            if "training, step" in line:
                process.send_signal(signal.SIGINT)
                break
        said = process.stderr.read()
    assert process.returncode == 130
    assert "repeat the command to go on" in said
    assert "Traceback" not in said
