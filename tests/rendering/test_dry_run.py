"""A dry run says what a run would do, refuses what it would refuse, and leaves nothing behind."""

from __future__ import annotations

import threading
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from tests.support.clips import Tone, make_clip
from tests.support.command import run_command
from tests.support.runs import moving_disc, names_in, quick_job, stripes
from videostyle import DryRun, dry_run, run
from videostyle.config import Job
from videostyle.errors import BadInput, BadOption, BadOutput, Cancelled
from videostyle.events import Notice, Progress, Rendering
from videostyle.media.workdir import WorkFolder
from videostyle.rendering.checkpoint import Interval
from videostyle.rendering.dry_run import described
from videostyle.rendering.run import render

MS = Fraction(1, 1000)


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Seven frames in two shots, from 1 s on, with sound."""
    path = tmp_path_factory.mktemp("clip") / "clip.mp4"
    pts = [1000, 1040, 1090, 1160, 1200, 1300, 1340]
    return make_clip(path, moving_disc(4) + stripes(3), pts=pts, time_base=MS, tones=[Tone(seconds=0.4)])


def tree(folder: Path) -> dict[Path, bytes | None]:
    """What lies in a folder, at any depth."""
    return {path: path.read_bytes() if path.is_file() else None for path in folder.rglob("*")}


def rows(dry: DryRun) -> dict[str, str]:
    return dict(described(dry))


def test_what_it_says(clip: Path, style: Path, tmp_path: Path) -> None:
    """Shots with their times, size, encoder, iterations; a part has the numbers and times of the whole."""
    job = quick_job(clip, style, tmp_path / "out.mp4", crf=20, size=48, origins={"crf": "job.toml"}, dry_run=True)
    said = rows(dry_run(job))
    assert said["encoder"] == "libx264, crf 20, yuv420p"
    assert said["sound"] == "the source's"
    assert said["stylized at"] == "48x36 on cpu"
    assert said["selection"] == "7 frames, 1 to 7 of the source"
    assert said["shot 1"] == "frames 1 to 4, 0 s to 0.2 s (0.2 s long)"
    assert said["shot 2"] == "frames 5 to 7, 0.2 s to 0.38 s (0.18 s long)"
    assert said["work"].startswith("about 13 iterations: 4 for each of 2 first frames, about 1 for each of 5 others")
    assert said["option crf"] == "20 (job.toml)"
    timed = rows(dry_run(replace(job, style_weight="0: 15; 2shot: 30 ease", strength=0.5)))
    assert timed["style-weight over time"] == "15 at 0 s; 30 at 0.2 s (ease)"
    assert "strength over time" not in timed
    part = rows(dry_run(replace(job, frames="4:5")))
    assert part["selection"] == "2 frames, 4 to 5 of the source"
    assert part["shot 1"] == "frame 4, 0.16 s to 0.2 s (0.04 s long)"
    assert part["shot 2"].startswith("frame 5, 0.2 s")
    assert "shot 3" not in part
    still = rows(dry_run(replace(job, output=tmp_path / "out.png", frames="5:5", crf=None)))
    assert "encoder" not in still
    assert still["work"].startswith("about 1 iterations: ") or "4 for each of 1 first frames" in still["work"]
    assert names_in(tmp_path) == []


def test_nothing_is_left(clip: Path, style: Path, tmp_path: Path) -> None:
    """Neither beside a new output nor beside an interrupted run, which resumes to the same frames afterwards."""
    job = quick_job(clip, style, tmp_path / "out.mp4")
    dry_run(job)
    assert names_in(tmp_path) == []
    cancel = threading.Event()
    with pytest.raises(Cancelled):
        render(job, Progress(stop_at(3, cancel), cancel), Interval(0, float("inf")))
    before = tree(tmp_path)
    dry = dry_run(job)
    assert dry.done == 2
    assert rows(dry)["resumes"] == "after the first 2 frames, which an interrupted run has finished"
    assert tree(tmp_path) == before
    assert dry_run(replace(job, restart=True)).done == 0
    assert tree(tmp_path) == before
    run(job)
    assert names_in(tmp_path) == ["out.mp4"]


def stop_at(frame: int, cancel: threading.Event) -> Any:
    return lambda event: cancel.set() if isinstance(event, Rendering) and event.frame == frame else None


def test_the_same_refusals(clip: Path, style: Path, tmp_path: Path) -> None:
    """Before and after the first pass, in the words of the run."""
    output = tmp_path / "out.mp4"
    job = quick_job(clip, style, output)
    (tmp_path / "there.mp4").touch()
    (tmp_path / "bad.vstyle").write_bytes(b"x")
    for changes, error in (
        ({"output": tmp_path / "there.mp4"}, BadOutput),
        ({"output": tmp_path / "no" / "out.mp4"}, BadOutput),
        ({"input": tmp_path / "no.mp4"}, BadInput),
        ({"styles": (tmp_path / "bad.vstyle",), "iterations": None, "first_iterations": None}, BadInput),
        ({"frames": "8:9"}, BadOption),
        ({"hdr": "keep"}, BadOption),
        ({"size": 32, "frames": "1"}, None),
    ):
        changed = replace(job, **changes)
        if error is None:
            dry_run(changed)
            continue
        with pytest.raises(error) as real:
            run(changed)
        with pytest.raises(error) as dry:
            dry_run(replace(changed, dry_run=True))
        assert str(dry.value) == str(real.value)
    with WorkFolder(output), pytest.raises(BadOutput, match="is busy: another run is writing it"):
        dry_run(job)
    with pytest.raises(BadOption, match="--dry-run makes no result; call dry_run"):
        run(replace(job, dry_run=True))


def test_other_options_than_an_interrupted_run(clip: Path, style: Path, tmp_path: Path) -> None:
    job = quick_job(clip, style, tmp_path / "out.mp4")
    cancel = threading.Event()
    with pytest.raises(Cancelled):
        render(job, Progress(stop_at(3, cancel), cancel), Interval(0, float("inf")))
    before = tree(tmp_path)
    with pytest.raises(BadOutput, match="--seed was 0 and is now 5"):
        dry_run(replace(job, seed=5))
    assert tree(tmp_path) == before


def test_a_training_comes_first(clip: Path, style: Path, tmp_path: Path) -> None:
    """With --engine learned nothing is trained either."""
    job = Job(input=clip, styles=(style,), output=tmp_path / "out.mp4", engine="learned", minutes=3.0)
    heard: list[str] = []
    dry = dry_run(job, lambda event: heard.append(event.text) if isinstance(event, Notice) else None)
    assert rows(dry)["training"] == f"3 minutes into {tmp_path / 'out.vstyle'}, then one pass for each frame"
    assert names_in(tmp_path) == []
    assert tuple(heard) == dry.notices
    (tmp_path / "out.vstyle").write_bytes(b"x")
    with pytest.raises((BadOutput, BadInput)):
        dry_run(job)


def test_command(clip: Path, style: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Prints to stdout and exits with 0, for several clips too; a refusal has its own code."""
    assert run_command("run", clip, style, "-o", tmp_path / "a.mp4", "--threads", "1", "--dry-run") == 0
    printed = capsys.readouterr()
    assert "shot 2          frames 5 to 7, " in printed.out
    assert "option threads  1 (command line)" in printed.out
    assert printed.err == "counting frames and finding cuts: 1\n"
    other = make_clip(tmp_path / "other.mp4", stripes(2))
    results = tmp_path / "results"
    assert run_command("run", clip, style, "--also", other, "-o", results, "--threads", "1", "--dry-run") == 0
    assert capsys.readouterr().out.count("\noutput  ") == 2
    assert run_command("run", clip, style, "-o", other, "--dry-run") == 2
    assert run_command("run", clip, style, "-o", tmp_path / "a.mp4", "--threads", "1", "--dry-run", "--quiet") == 0
    assert capsys.readouterr().out == ""
    assert names_in(tmp_path) == ["other.mp4"]
