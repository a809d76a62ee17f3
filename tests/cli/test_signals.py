"""SIGINT and SIGTERM, sent to processes of their own, in which stand-ins do the work."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.support.command import start_python

BOTH = pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])

STYLIZE = """
import sys, time
from pathlib import Path
from videostyle.cli.main import Commands, main

def stylize(job, progress, cancel):
    print("working", flush=True)
    if job.preset == "draft":  # stops when it is asked to
        cancel.wait(60)
        Path(job.output).write_text("cleaned up")
        raise RuntimeError("the reason does not matter any more")
    time.sleep(60)

main(sys.argv[1:], Commands(stylize=stylize))
"""

KEPT = """
import sys
from videostyle.cli.main import Commands, main
from videostyle.events import Saved, TrainingProgress

def stylize(job, progress, cancel):
    for event in [{}]:
        progress(event)
    print("working", flush=True)
    cancel.wait(60)

main(sys.argv[1:], Commands(stylize=stylize))
"""

MEASURE = """
from videostyle.cli.main import Commands, main

def measure(job, progress, cancel):
    print("working", flush=True)
    cancel.wait(60)
    raise RuntimeError("the reason does not matter any more")

main(["measure", "in.mp4", "out.mp4", "--style", "s.jpg"], Commands(measure=measure))
"""

MEASURE_RUN = """
import sys
from pathlib import Path
from videostyle.cli.main import Commands, main
from videostyle.reports.records import RunReport

def stylize(job, progress, cancel):
    return RunReport(output=Path("out.mp4"), size=(180, 320), frames=(), shots=1, seconds=65.0, peak_memory=1,
        device="cpu", options={}, versions={})

def measure_run(job, report, progress, cancel):
    print("working", flush=True)
    cancel.wait(60)
    raise RuntimeError("the reason does not matter any more")

words = ["run", "in.mp4", "s.jpg", "--report", sys.argv[1], "--report", sys.argv[2]]
main(words, Commands(stylize=stylize, measure_run=measure_run))
"""

IGNORED = """
import signal
from videostyle.cli.main import Commands, main
signal.signal(signal.SIGINT, signal.SIG_IGN)

def stylize(job, progress, cancel):
    signal.raise_signal(signal.SIGINT)
    raise MemoryError

main(["run", "in.mp4", "s.jpg"], Commands(stylize=stylize))
"""


def signaled(number: int, script: str, *arguments: str) -> tuple[int, float, str]:
    """Sends a signal to a script once it works; its exit code, the seconds that it took to end, its messages."""
    with start_python("-c", script, *arguments) as process:
        assert process.stdout
        assert process.stdout.readline() == "working\n"
        process.send_signal(number)
        sent = time.monotonic()
        _, messages = process.communicate(timeout=60)
        return process.returncode, time.monotonic() - sent, messages


def run_words(preset: str, output: Path) -> list[str]:
    return ["run", "in.mp4", "s.jpg", "--preset", preset, "-o", str(output)]


@BOTH
def test_work_that_listens(number: int, tmp_path: Path) -> None:
    code, _, messages = signaled(number, STYLIZE, *run_words("draft", tmp_path / "out.txt"))
    assert code == 128 + number
    assert (tmp_path / "out.txt").read_text() == "cleaned up"
    assert messages == f"stopped by {signal.Signals(number).name} before the end; repeat the command to go on\n"


@pytest.mark.parametrize(
    ("events", "kept"),
    [
        ("Saved(0)", "nothing of in.mp4 is kept yet; repeat the command to start over"),
        ("Saved(0), Saved(1)", "1 frame of in.mp4 is kept; repeat the command to resume"),
        ("Saved(0), Saved(38)", "38 frames of in.mp4 are kept; repeat the command to resume"),
        ("Saved(38), Saved(0)", "nothing of in.mp4 is kept yet; repeat the command to start over"),  # --restart
        ("TrainingProgress(3, 1.0, None, 0.1, None)", "the training so far is kept; repeat the command to resume"),
    ],
)
@pytest.mark.parametrize("quiet", [[], ["--quiet"]])
def test_what_is_kept(events: str, kept: str, quiet: list[str]) -> None:
    """After a signal the message says what of the run the same command resumes."""
    _, _, messages = signaled(signal.SIGINT, KEPT.format(events), "run", "in.mp4", "s.jpg", *quiet)
    assert messages.splitlines()[-1] == f"stopped by SIGINT before the end; {kept}"


@BOTH
def test_work_that_does_not_listen(number: int, tmp_path: Path) -> None:
    code, seconds, messages = signaled(number, STYLIZE, *run_words("high", tmp_path / "out.txt"))
    assert code == 128 + number
    assert seconds < 20  # it would sleep for 60; the promise of two seconds is measured by hand, not in a shared test
    assert messages.count("\n") == 1


def test_a_measurement() -> None:
    code, _, messages = signaled(signal.SIGINT, MEASURE)
    assert code == 130
    assert messages == "stopped by SIGINT before the end; nothing was written\n"


@BOTH
def test_the_measurement_of_a_run(number: int, tmp_path: Path) -> None:
    """Only the measurement is lost: both reports are written."""
    page, report = tmp_path / "look.html", tmp_path / "r.json"
    code, _, messages = signaled(number, MEASURE_RUN, str(page), str(report))
    name = signal.Signals(number).name
    assert code == 128 + number
    assert messages.splitlines() == [
        "out.mp4: 0 frames in 1 min 5 s",
        "measuring the result for its report",
        f"stopped by {name} before the end; the output is complete, its report is written without a measurement",
    ]
    assert f"<li>the result was not measured: stopped by {name}</li>" in page.read_text(encoding="utf-8")
    assert report.is_file()


def test_a_background_job_may_ignore_sigint() -> None:
    assert subprocess.run([sys.executable, "-c", IGNORED], capture_output=True).returncode == 1
