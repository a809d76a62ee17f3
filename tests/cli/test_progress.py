"""Progress on a terminal and without one, and durations in words."""

from __future__ import annotations

import contextlib
import os
import re
import sys
from pathlib import Path

import pytest

from videostyle.cli.messages import lines_of, say, spoken
from videostyle.cli.progress import moving_bar, plain_lines
from videostyle.events import Analyzing, Notice, Rendering, RunStarted, TrainingStarted


def test_small_steps_are_a_line_every_ten_seconds(capsys: pytest.CaptureFixture[str]) -> None:
    now = 0.0
    with plain_lines(clock=lambda: now) as show:
        for step in range(300):
            now = step / 10
            show(Rendering(step // 100 + 1, 3, 1, 1, 1.5, step / 300, 30 - now))
    assert capsys.readouterr().err.splitlines() == [
        "frame 1/3, shot 1/1, loss 1.500, 30 s left",
        "frame 2/3, shot 1/1, loss 1.500, 20 s left",
        "frame 3/3, shot 1/1, loss 1.500, 10 s left",
    ]


@pytest.mark.parametrize(
    ("shots", "first", "text"),
    [(3, 1, "3 shots"), (1, 1, "1 shot"), (1, 5, "shot 5"), (3, 5, "shots 5 to 7")],
)
def test_shots_of_a_part_by_their_numbers(shots: int, first: int, text: str) -> None:
    event = RunStarted(Path("a"), Path("b"), (180, 320), (90, 160), 9, shots, "cpu", Path("c"), first)
    assert lines_of(event)[0] == f"a: 320x180, 9 frames in {text} -> b"


def test_the_bar_shows_frame_shot_loss_and_time(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "120")
    with moving_bar() as show:
        show(Analyzing(7))
        show(Notice("two tracks [b]"))
        show(Rendering(3, 48, 1, 2, 1.25, 0.5, 100.0))
    printed = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", capsys.readouterr().err)
    assert "note: two tracks [b]" in printed
    assert re.search(r"frame 3/48, shot 1/2, loss 1\.250 .* 50% 1 min 40 s left", printed)


def test_the_bar_outlives_its_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """A job in the background whose terminal is closed: every line, step and the end fail there, and none of it here."""
    reading, writing = os.pipe()
    os.close(reading)
    with contextlib.suppress(OSError), os.fdopen(writing, "w", buffering=1) as broken:
        monkeypatch.setattr(sys, "stderr", broken)
        monkeypatch.setenv("FORCE_COLOR", "1")
        with moving_bar() as show:
            show(Notice("nobody reads this"))
            show(Rendering(3, 48, 1, 2, 1.25, 0.5, 100.0))
        outlived = True
        monkeypatch.undo()
    assert outlived


def test_names_are_printed_verbatim(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """rich would turn `:a:` into an emoji."""
    monkeypatch.setenv("FORCE_COLOR", "1")
    with moving_bar() as show:
        show(Notice("take:a:1.mp4"))
    assert "take:a:1.mp4" in capsys.readouterr().err


def test_a_training_is_announced() -> None:
    started = TrainingStarted(Path("p.vstyle"), 1, 9, (180, 320), "cpu", Path("newest.png"))
    assert lines_of(started) == [
        "training on 9 pairs of frames from 1 clip at 320x180 on cpu -> p.vstyle",
        "a frame in the model's newest state is always in newest.png",
    ]


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.4, "0 s"),
        (59.4, "59 s"),
        (59.6, "1 min 0 s"),
        (200, "3 min 20 s"),
        (3599.7, "1 h 0 min"),
        (9000, "2 h 30 min"),
    ],
)
def test_durations_in_words(seconds: float, text: str) -> None:
    assert spoken(seconds) == text


def test_a_closed_terminal_ends_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "w", buffering=1, errors="ignore") as broken:
        monkeypatch.setattr(sys, "stderr", broken)
        say("nobody reads this")
        monkeypatch.undo()
        with pytest.raises(BrokenPipeError):
            print("and without care it raises", file=broken, flush=True)
        os.dup2(os.open(os.devnull, os.O_WRONLY), broken.fileno())
