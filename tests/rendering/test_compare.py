"""`--compare`: a video of source and result, made from the finished result."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.support.command import run_command
from tests.support.runs import SIZE, frame_times, names_in, packets, quick_job
from videostyle import Job, run
from videostyle.cli.main import Commands
from videostyle.errors import BadOption, BadOutput, RunFailed
from videostyle.events import Comparing
from videostyle.media.images import read_picture
from videostyle.option_tables import checked_value
from videostyle.option_values import Comparison
from videostyle.options import command_line


def test_clip(clip, style, tmp_path):
    """It has the times and the sound of the source, and the result is what it is without it."""
    events: list = []
    run(quick_job(clip, style, tmp_path / "out.mkv", compare=("side", tmp_path / "both.mp4")), events.append)
    run(quick_job(clip, style, tmp_path / "alone.mkv"))
    assert frame_times(tmp_path / "both.mp4") == frame_times(clip)
    assert packets(tmp_path / "both.mp4", "audio") == packets(clip, "audio")
    assert packets(tmp_path / "out.mkv", "video") == packets(tmp_path / "alone.mkv", "video")
    assert [event.frame for event in events if isinstance(event, Comparing)] == [1, 2, 3, 4, 5]
    assert names_in(tmp_path) == ["alone.mkv", "both.mp4", "out.mkv"]


def test_still(folder, style, tmp_path):
    """A still and its result make a picture."""
    photo = folder / "take_007.png"
    run(quick_job(photo, style, tmp_path / "out.png", compare=("below", tmp_path / "both.png")))
    both = read_picture(tmp_path / "both.png").image
    assert both.shape == (2 * SIZE[0], SIZE[1], 3)
    assert np.array_equal(both, np.vstack([read_picture(path).image for path in (photo, tmp_path / "out.png")]))


def test_a_failure_leaves_the_result(clip, style, tmp_path):
    both = tmp_path / "both.mkv"

    def block(event: object) -> None:
        if isinstance(event, Comparing):
            both.mkdir(exist_ok=True)

    with pytest.raises(RunFailed, match=r"both\.mkv could not be written"):
        run(quick_job(clip, style, tmp_path / "out.mkv", compare=("wipe", both)), block)
    assert len(frame_times(tmp_path / "out.mkv")) == 5
    assert names_in(tmp_path) == ["both.mkv", "out.mkv"]


@pytest.mark.parametrize(
    ("compare", "error", "said"),
    [
        (
            ("above", "b.mp4"),
            BadOption,
            "--compare above b.mp4 is not a layout and a file; accepted: side, wipe, below",
        ),
        ("side", BadOption, "--compare side is not a layout and a file"),
        (("side", "b.png"), BadOption, r"--compare .*b\.png cannot hold a comparison of a clip"),
        (("side", "b.xyz"), BadOption, r"--compare .*b\.xyz does not end in"),
        (("side", "out.mkv"), BadOption, r"--compare .*out\.mkv is the output itself"),
        (("side", "old.mkv"), BadOutput, r"--compare .*old\.mkv already exists"),
        (("side", "gone/b.mkv"), BadOutput, "there is no folder"),
    ],
)
def test_refused(clip, style, tmp_path, monkeypatch, compare, error, said):
    monkeypatch.chdir(tmp_path)
    Path("old.mkv").touch()
    with pytest.raises(error, match=said):
        run(quick_job(clip, style, tmp_path / "out.mkv", compare=compare))
    assert names_in(tmp_path) == ["old.mkv"]


def test_wipe_of_a_still_is_refused(folder, style, tmp_path):
    with pytest.raises(BadOption, match="--compare wipe needs a clip"):
        run(quick_job(folder / "take_007.png", style, tmp_path / "o.png", compare=("wipe", tmp_path / "b.mp4")))


def test_command_line_and_file(tmp_path):
    """Two words after the flag, or a list of two in a file, whose name is relative to that."""
    jobs: list[Job] = []

    def keep(job: Job, *_: object) -> object:
        jobs.append(job)
        raise RunFailed("enough")

    words = ["run", "in.mp4", "s.jpg", "--compare", "wipe", "b c.mp4"]
    assert run_command(*words, commands=Commands(stylize=keep, user_folder=lambda: tmp_path)) == 1
    assert jobs[0].compare == Comparison("wipe", Path("b c.mp4"))
    assert command_line("run", jobs[0]) == "videostyle run in.mp4 s.jpg --compare wipe 'b c.mp4'"
    assert run_command("run", "in.mp4", "s.jpg", "--compare", "wipe") == 2
    given = checked_value(Job, "compare", ["below", "b.mp4"], "job.toml", tmp_path)
    assert Job(input=Path("in.mp4"), styles=(Path("s.jpg"),), compare=given).compare == ("below", tmp_path / "b.mp4")


def test_the_output_is_kept_where_the_comparison_fails(clip, style, tmp_path, capsys):
    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device", "both.mkv")

    words = ["run", clip, style, "-o", tmp_path / "out.mkv", "--iterations", 1, "--first-iterations", 2, "--threads", 1]
    assert run_command(*words, "--compare", "side", tmp_path / "both.mkv", commands=Commands(compare=fail)) == 1
    assert "both.mkv could not be written; the output is complete: the disk is full" in capsys.readouterr().err
    assert (tmp_path / "out.mkv").is_file()
