"""A Job is complete and checked: what it refuses, what it takes, and what each option says of itself."""

from __future__ import annotations

import math
from dataclasses import Field, FrozenInstanceError, fields
from fractions import Fraction
from pathlib import Path
from typing import Any, get_args, get_type_hints

import pytest
from hypothesis import given
from hypothesis import strategies as st

from videostyle.config import ExportJob, Job, TrainJob, parse_frames, parse_rate
from videostyle.errors import BadOption

OPTIONS = {each.name: each for each in fields(Job) if each.metadata}
TYPES = get_type_hints(Job)
FLOATS = sorted(name for name in OPTIONS if float in {TYPES[name], *get_args(TYPES[name])})
RANGED = sorted(name for name, each in OPTIONS.items() if each.metadata["low"] is not None)
CHOICES = sorted(name for name, each in OPTIONS.items() if each.metadata["choices"])


def job(**options: Any) -> Job:
    learned = {"engine": "learned"} if "minutes" in options else {}  # without it they would have no effect
    return Job(input=Path("in.mp4"), styles=(Path("style.jpg"),), **(learned | options))


def value_type(name: str) -> type:
    return float if name in FLOATS else int


def test_the_families_of_options_are_not_empty() -> None:
    assert {"style_weight", "start", "duration"} <= set(FLOATS)
    assert {"size", "seed", "style_scale"} <= set(RANGED)
    assert {"preset", "flow", "features", "output_size"} <= set(CHOICES)


@pytest.mark.parametrize("name", FLOATS)
@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_no_float_option_takes_what_is_not_a_number(name: str, value: float) -> None:
    with pytest.raises(BadOption, match="--" + name.replace("_", "-")):
        job(**{name: value})


@pytest.mark.parametrize("name", RANGED)
def test_both_ends_of_a_range_are_inside_it(name: str) -> None:
    rule, kind = OPTIONS[name].metadata, value_type(name)
    ends = [kind(end) for end in (rule["low"], rule["high"]) if end is not None]
    for end in ends:
        if (name, end) != ("duration", 0):  # a clip of no length is the one excluded end
            assert getattr(job(**{name: end}), name) == end


@given(st.sampled_from(RANGED), st.floats(min_value=1e-6, max_value=1e9))
def test_outside_a_range_is_refused(name: str, distance: float) -> None:
    rule = OPTIONS[name].metadata
    step = distance if value_type(name) is float else math.ceil(distance)
    outside = [rule["low"] - step] + ([rule["high"] + step] if rule["high"] is not None else [])
    for value in outside:
        with pytest.raises(BadOption, match="accepted: from"):
            job(**{name: value})


@given(st.sampled_from(RANGED), st.data())
def test_inside_a_range_is_kept_as_given(name: str, data: st.DataObject) -> None:
    rule, kind = OPTIONS[name].metadata, value_type(name)
    numbers = st.floats if kind is float else st.integers
    value = data.draw(numbers(min_value=kind(rule["low"]), max_value=kind(rule["high"] or 1_000_000)))
    if (name, value) != ("duration", 0):
        assert getattr(job(**{name: value}), name) == value


def test_a_duration_of_nothing_is_refused() -> None:
    with pytest.raises(BadOption, match="more than 0"):
        job(duration=0.0)


@pytest.mark.parametrize("name", CHOICES)
def test_choices_are_taken_and_others_refused_by_naming_them(name: str) -> None:
    for choice in OPTIONS[name].metadata["choices"]:
        assert getattr(job(**{name: choice}), name) == choice
    with pytest.raises(BadOption) as refused:
        job(**{name: "no-such-choice"})
    assert all(choice in str(refused.value) for choice in OPTIONS[name].metadata["choices"])


@pytest.mark.parametrize("each", OPTIONS.values(), ids=lambda each: each.name)
def test_every_option_says_what_it_does(each: Field[Any]) -> None:
    text = each.metadata["help"]
    assert text.endswith(".")
    assert 10 < len(text) < 120
    assert each.metadata["panel"]
    if each.default is None:
        assert each.metadata["default_text"], "a default of None tells a reader nothing"


def test_every_default_passes_its_own_check() -> None:
    assert job() == job(**{name: each.default for name, each in OPTIONS.items()})


def test_paths_may_be_given_as_text() -> None:
    given_text = Job(input="in.mp4", styles=["a.jpg", "b.jpg"], output="out.mp4", report=["r.json"])  # type: ignore[arg-type]
    assert given_text.input == Path("in.mp4")
    assert given_text.styles == (Path("a.jpg"), Path("b.jpg"))
    assert (given_text.output, given_text.report) == (Path("out.mp4"), (Path("r.json"),))


def test_without_a_style_there_is_nothing_to_paint() -> None:
    with pytest.raises(BadOption, match="no style"):
        Job(input=Path("in.mp4"), styles=())


def test_a_job_does_not_change() -> None:
    with pytest.raises(FrozenInstanceError):
        job().size = 64  # type: ignore[misc]


@given(st.integers(min_value=1, max_value=10**9))
def test_frames_as_a_count(count: int) -> None:
    assert parse_frames(str(count)) == (None, count)


@given(st.integers(min_value=0, max_value=10**9), st.integers(min_value=0, max_value=10**6))
def test_frames_as_a_range(first: int, more: int) -> None:
    assert parse_frames(f"{first}:{first + more}") == (first, first + more)
    if more:
        with pytest.raises(BadOption):
            parse_frames(f"{first + more}:{first}")


@pytest.mark.parametrize("text", ["", "0", "-3", "1:2:3", ":5", "5:", "a", "1.5", "-1:4", "1-4"])
def test_frames_refuses_everything_else(text: str) -> None:
    with pytest.raises(BadOption, match="--frames"):
        job(frames=text)


def test_without_frames_all_are_painted() -> None:
    assert parse_frames(None) == (None, None)


@pytest.mark.parametrize(
    ("text", "rate"),
    [("24", 24), ("29.97", Fraction(30000, 1001)), ("30000/1001", Fraction(30000, 1001)), ("1/300", Fraction(1, 300))],
)
def test_a_rate_is_taken_as_it_is_meant(text: str, rate: Fraction) -> None:
    """Time lapses have rates below 1/200, which is how near a rate must be to NTSC's to mean one of them."""
    assert parse_rate(text) == rate


@pytest.mark.parametrize(
    "options", [{"minutes": 3.0}, {"begin_with": "a.vstyle", "seed": 7}, {"styles": ("a.vstyle",), "seed": 7}]
)
def test_what_would_have_no_effect_is_refused(options: dict[str, Any]) -> None:
    with pytest.raises(BadOption, match="leave it out"):
        Job(**({"input": "in.mp4", "styles": ("s.jpg",)} | options))


def test_a_folder_is_no_painting_to_name_a_file_after() -> None:
    with pytest.raises(BadOption, match="is a folder"):
        TrainJob(styles=(".",), on=("a.mp4",))
    with pytest.raises(BadOption, match="is a folder"):
        ExportJob(learned=".")
