"""Jobs are complete and checked: what they refuse, what they take, and what each option says about itself."""

from __future__ import annotations

import copy
import math
import shlex
from dataclasses import FrozenInstanceError, fields, replace
from fractions import Fraction
from pathlib import Path
from typing import Any, get_args, get_type_hints

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich import markup

from videostyle.config import ExportJob, Job, MeasureJob, TrainJob, WebcamJob
from videostyle.errors import BadOption
from videostyle.option_groups import ObjectiveOptions
from videostyle.option_values import parse_frames, parse_rate
from videostyle.options import (
    LEARNED,
    MODEL,
    Option,
    Options,
    command_line,
    default_of,
    flag_of,
    is_given,
    options_of,
    result_options,
    shared_options,
    switch,
)
from videostyle.provenance import plain_options
from videostyle.schedules import Key, Schedule
from videostyle.sheet_job import SheetJob

JOBS: list[type[Options]] = [Job, MeasureJob, WebcamJob, TrainJob, ExportJob, SheetJob]
OPTIONS = options_of(Job)
TYPES = get_type_hints(Job)
FLOATS = sorted(name for name in OPTIONS if float in {TYPES[name], *get_args(TYPES[name])})
RANGED = sorted(name for name, record in OPTIONS.items() if record.low is not None)
CHOICES = sorted(name for name, record in OPTIONS.items() if record.choices)


def job(**options: Any) -> Job:
    needed = {"engine": "learned"} if "minutes" in options else {}  # without it the option would have no effect
    needed |= {"mask": "mask.png"} if {"mask_grow", "mask_feather"} & options.keys() else {}
    return Job(input=Path("in.mp4"), styles=(Path("style.jpg"),), **(needed | options))


def value_type(name: str) -> type:
    return float if name in FLOATS else int


def test_families_of_options_are_not_empty() -> None:
    assert {"style_weight", "start", "duration"} <= set(FLOATS)
    assert {"size", "seed", "style_scale"} <= set(RANGED)
    assert {"preset", "flow", "features", "output_size"} <= set(CHOICES)


@pytest.mark.parametrize("name", FLOATS)
@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_no_float_takes_nan_or_infinity(name: str, value: float) -> None:
    with pytest.raises(BadOption, match=Job.flag(name)):
        job(**{name: value})


@pytest.mark.parametrize("name", RANGED)
def test_both_ends_are_in_range(name: str) -> None:
    record, kind = OPTIONS[name], value_type(name)
    for end in (kind(end) for end in (record.low, record.high) if end is not None):
        assert getattr(job(**{name: end}), name) == end


@given(st.sampled_from(RANGED), st.floats(min_value=1e-6, max_value=1e9))
def test_out_of_range(name: str, distance: float) -> None:
    record = OPTIONS[name]
    step = distance if value_type(name) is float else math.ceil(distance)
    assert record.low is not None
    outside = [record.low - step] + ([record.high + step] if record.high is not None else [])
    for value in outside:
        with pytest.raises(BadOption, match=f"{Job.flag(name)} .* is out of range; accepted: "):
            job(**{name: value})


@given(st.sampled_from(RANGED), st.data())
def test_in_range(name: str, data: st.DataObject) -> None:
    record, kind = OPTIONS[name], value_type(name)
    numbers = st.floats if kind is float else st.integers
    value = data.draw(numbers(min_value=kind(record.low), max_value=kind(record.high or 1_000_000)))
    assert getattr(job(**{name: value}), name) == value


def test_duration_above_zero() -> None:
    with pytest.raises(BadOption, match="accepted: more than 0"):
        job(duration=0.0)
    assert job(duration=1e-9).duration == 1e-9


@pytest.mark.parametrize("name", CHOICES)
def test_choices(name: str) -> None:
    """Every choice is taken, and anything else is refused by a message that names them all."""
    for choice in OPTIONS[name].choices:
        assert getattr(job(**{name: choice}), name) == choice
    with pytest.raises(BadOption) as refused:
        job(**{name: "no-such-choice"})
    assert all(choice in str(refused.value) for choice in OPTIONS[name].choices)


@pytest.mark.parametrize(
    ("kind", "name", "record"),
    [(kind, name, record) for kind in JOBS for name, record in options_of(kind).items()],
    ids=lambda value: value.__name__ if isinstance(value, type) else value if isinstance(value, str) else "",
)
def test_records_are_complete(kind: type[Options], name: str, record: Option) -> None:
    """The help is a sentence in bounds, without what rich takes for markup or emoji; a default of None is put in words."""
    assert record.help.endswith(".")
    assert 10 < len(record.help) < 120
    for text in (record.help, record.default_text):
        assert markup.render(text).plain == text
    assert record.panel
    if default_of(kind, name) is None:
        assert record.default_text
    for other in (record.requires, record.excludes):
        assert not other or other in options_of(kind)


@pytest.mark.parametrize("kind", JOBS)
def test_every_field_is_an_option_or_an_argument(kind: type[Options]) -> None:
    assert all(set(part.metadata) in ({"option"}, {"argument"}) for part in fields(kind) if part.name != "origins")


def test_defaults_pass_their_checks() -> None:
    assert job() == job(**{name: default_of(Job, name) for name in OPTIONS})


def test_paths_may_be_text() -> None:
    from_text = Job(
        input="in.mp4",  # type: ignore[arg-type]
        styles=["a.jpg", "b.jpg"],  # type: ignore[arg-type]
        output="out.mp4",  # type: ignore[arg-type]
        report=["r.json"],  # type: ignore[arg-type]
    )
    assert from_text.input == Path("in.mp4")
    assert from_text.styles == (Path("a.jpg"), Path("b.jpg"))
    assert (from_text.output, from_text.report) == (Path("out.mp4"), (Path("r.json"),))
    assert from_text.begin_with is None


@pytest.mark.parametrize(
    ("make", "named"),
    [
        (lambda: Job(input=Path("in.mp4"), styles=()), "no STYLE was given"),
        (lambda: WebcamJob(styles=()), "no STYLE was given"),
        (lambda: TrainJob(styles=(), on=(Path("a.mp4"),)), "no STYLE was given"),
        (lambda: TrainJob(styles=(Path("s.jpg"),)), "no --on was given"),
        (lambda: MeasureJob(source=Path("a.mp4"), output=Path("b.mp4")), "no --style was given"),
        (lambda: Job(input=Path("in.mp4"), styles=(Path("a.vstyle"), Path("b.jpg"))), "a.vstyle .* cannot be mixed"),
    ],
)
def test_styles_and_clips_are_required(make: Any, named: str) -> None:
    with pytest.raises(BadOption, match=named):
        make()


def test_jobs_are_frozen() -> None:
    with pytest.raises(FrozenInstanceError):
        job().size = 64  # type: ignore[misc]


@given(st.integers(min_value=1, max_value=10**9))
def test_frames_as_count(count: int) -> None:
    assert parse_frames(str(count)) == (None, count)


@given(st.integers(min_value=0, max_value=10**9), st.integers(min_value=0, max_value=10**6))
def test_frames_as_range(first: int, more: int) -> None:
    assert parse_frames(f"{first}:{first + more}") == (first, first + more)
    if more:
        with pytest.raises(BadOption):
            parse_frames(f"{first + more}:{first}")


@pytest.mark.parametrize("text", ["", "0", "-3", "1:2:3", ":5", "5:", "a", "1.5", "-1:4", "1-4"])
def test_frames_refused(text: str) -> None:
    with pytest.raises(BadOption, match="--frames"):
        job(frames=text)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("10", 10), ("2.5", 2.5), ("10s", 10), ("1m", 60), ("1m30s", 90), ("1h", 3600), ("500ms", 0.5),
        ("00:01:30.5", 90.5), ("100:00:00", 360_000), ("1h2m3.25s", 3723.25), (" 7 ", 7), (7, 7), (0.1, 0.1),
    ],
)  # fmt: skip
def test_times(text: Any, seconds: float) -> None:
    """By the definition of the units: 1 h = 60 min = 3600 s."""
    assert job(start=text).start == seconds
    assert job(duration=text).duration == seconds
    assert WebcamJob(styles=(Path("a.jpg"),), duration=text).duration == seconds


@pytest.mark.parametrize(
    "text", ["", "1:30", "0:0:60", "1:60:00", "10 s", "1s1m", "s", "10x", "-1s", "9" * 400 + "h", "1e400"]
)
def test_times_refused(text: str) -> None:
    with pytest.raises(BadOption, match="--start"):
        job(start=text)


@pytest.mark.parametrize("text", ["00:00:03:12", "00:00:03;12", "1:2:3:4"])
def test_timecode_with_frames(text: str) -> None:
    """A film editor's timecode is refused for its frames, and the form that is taken is named."""
    with pytest.raises(
        BadOption, match=f"--start {text} has a field for frames.*accepted: HH:MM:SS.mmm .*--frames A:B"
    ):
        job(start=text)


def test_times_are_repeated_as_given() -> None:
    """In messages and in the command line of a report; a resumed training may give them in another form."""
    asked = job(start="1h", duration="90s")
    assert command_line("run", asked).endswith("--start 1h --duration 90s")
    assert command_line("run", copy.deepcopy(asked)).endswith("--start 1h --duration 90s")
    with pytest.raises(BadOption, match="--duration 0s is out of range"):
        job(duration="0s")
    trainings = [
        TrainJob(styles=(Path("a.jpg"),), on=(Path("a.mp4"),), start=start) for start in ("1h", "3600", 3600.0)
    ]
    assert [result_options(training)["--start"] for training in trainings] == ["3600.0"] * 3


@pytest.mark.parametrize(
    ("text", "size"), [("640", 640), ("720p", "720p"), ("1080P", "1080p"), (64, 64), ("32p", "32p")]
)
def test_sizes(text: Any, size: Any) -> None:
    assert job(size=text).size == size


@pytest.mark.parametrize("text", ["", "p", "31p", "8193p", "1280x720", "4k", "31", "-720p", "1e3", "9" * 5000])
def test_sizes_refused(text: str) -> None:
    with pytest.raises(BadOption, match="--size"):
        job(size=text)


def test_a_tilde_is_the_home_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a shell has not replaced it, as in --audio=~/a.wav; a name that only contains one stays."""
    monkeypatch.setenv("HOME", "/home/ada")
    given = Job(
        input=Path("~/in.mp4"), styles=(Path("~/a.jpg"), Path("b~.jpg")), audio="~/a.wav", output=Path("x/~/o.mp4")
    )
    assert given.input == Path("/home/ada/in.mp4")
    assert given.styles == (Path("/home/ada/a.jpg"), Path("b~.jpg"))
    assert given.audio == "/home/ada/a.wav"
    assert given.output == Path("x/~/o.mp4")


def test_empty_names_are_refused() -> None:
    with pytest.raises(BadOption, match="STYLE is an empty text"):
        Job(input="a.mp4", styles=("a.jpg", ""))  # type: ignore[arg-type]
    with pytest.raises(BadOption, match="--output is an empty text"):
        job(output="")
    with pytest.raises(BadOption, match="--device is an empty text; leave it out"):
        job(device="")


def test_frames_left_out() -> None:
    assert parse_frames(None) == (None, None)


@pytest.mark.parametrize(
    ("text", "rate"),
    [("24", 24), ("29.97", Fraction(30000, 1001)), ("30000/1001", Fraction(30000, 1001)), ("1/300", Fraction(1, 300))],
)
def test_rate(text: str, rate: Fraction) -> None:
    """Time lapses have rates below 1/200, which is how near a rate must be to NTSC's to mean one of them."""
    assert parse_rate(text) == rate


@pytest.mark.parametrize("text", ["0", "-1", "1001", "fast", "1/0"])
def test_rate_refused(text: str) -> None:
    with pytest.raises(BadOption, match=f"--fps {text} is not a frame rate"):
        job(fps=text)


NO_EFFECT = [
    (Job, {"minutes": 3.0}, "--minutes has no effect without --engine learned; leave it out"),
    (Job, {"engine": "learned", "preset": "high"}, "--preset has no effect with --engine learned; leave it out"),
    (
        Job,
        {"engine": "learned", "begin_with": "a.vstyle"},
        "--begin-with has no effect with --engine learned; leave it out",
    ),
    (
        Job,
        {"engine": "learned", "objective": "neighbors"},
        "--objective has no effect with --engine learned; leave it out",
    ),
    (Job, {"begin_with": "a.vstyle", "seed": 7}, "--seed has no effect with --begin-with; leave it out"),
    (
        Job,
        {"styles": ("a.vstyle",), "style_weight": 7.0},
        "--style-weight has no effect with a style model: a.vstyle was trained with its own; leave it out",
    ),
    (
        Job,
        {"styles": ("a.vstyle",), "iterations": 7},
        "--iterations has no effect with a style model: a.vstyle stylizes each frame in one pass; leave it out",
    ),
    (
        Job,
        {"styles": ("a.vstyle",), "strength": 0.5},
        "--strength has no effect with a style model: a.vstyle stylizes each frame in one pass; leave it out",
    ),
    (
        Job,
        {"styles": ("a.vstyle",), "mix": "1"},
        "--mix has no effect with a style model: a.vstyle was trained with its own; leave it out",
    ),
    (
        Job,
        {"styles": ("a.jpg", "b.jpg"), "engine": "learned", "each_shot": True},
        "--each-shot has no effect with --engine learned; leave it out",
    ),
    (
        Job,
        {"styles": ("a.jpg", "b.jpg"), "mix": "1,2", "each_shot": True},
        "--each-shot has no effect with --mix; leave it out",
    ),
    (Job, {"each_shot": True}, "--each-shot has no effect with one style; name several, or leave it out"),
    (
        Job,
        {"strength": 0.5, "objective": "neighbors"},
        "--strength has no effect with --objective neighbors; leave it out, or use --blend",
    ),
    (WebcamJob, {"host": "0.0.0.0"}, "--host has no effect without --serve; leave it out"),
    (WebcamJob, {"serve": 0, "fullscreen": True}, "--fullscreen has no effect with --serve; leave it out"),
    (WebcamJob, {"overwrite": True}, "--overwrite has no effect without --record; leave it out"),
    (
        WebcamJob,
        {"styles": ("a.vstyle",), "tv_weight": 7.0},
        "--tv-weight has no effect with style models: they were trained with their own; leave it out",
    ),
]


@pytest.mark.parametrize(("kind", "given", "message"), NO_EFFECT)
def test_options_without_effect_are_refused(kind: type[Options], given: dict[str, Any], message: str) -> None:
    needed = {"input": "in.mp4"} if kind is Job else {}
    with pytest.raises(BadOption) as refused:
        kind(**(needed | {"styles": ("s.jpg",)} | given))
    assert str(refused.value) == message


TWO = {"styles": ("a.jpg", "b.jpg")}
FADING = {**TWO, "mix": "0: 1,0; 2s: 0,1"}


@pytest.mark.parametrize(
    ("kind", "given", "message"),
    [
        (Job, {"strength": "0: 1; 2s: 1.5"}, "--strength 1.5 at the key 2s is out of range; accepted: 0 to 1"),
        (Job, {"style_scale": "0: 0; 9: 1"}, "--style-scale 0 at the key 0f is out of range; accepted: 0.1 to 10"),
        (Job, {"blend": "3shot: inf"}, "the key '3shot: inf' of --blend has no number; accepted: a value such as 15"),
        (Job, {"style_weight": Schedule((Key(0, "f", math.inf),))}, "--style-weight inf at the key 0f is out of range"),
        (Job, {**TWO, "mix": "0: 1,0; 2s: 1,-1"}, "--mix 1,-1 at the key 2s is no mix; accepted: shares of 0 or more"),
        (Job, {**TWO, "mix": "0,0"}, "--mix 0,0 at the key 0f is no mix; accepted: shares of 0 or more, not all 0"),
        (
            Job,
            {**TWO, "mix": "0.5,0.25,0.25"},
            "the number of shares in --mix 0.5,0.25,0.25 is 3, and that of the styles 2",
        ),
        (Job, {**TWO, "mix": "0: 1,0; 2s: 1"}, "the key 2s of --mix has 1 numbers and the first key 2; give all keys"),
        (
            MeasureJob,
            {**TWO, "mix": "1"},
            "the number of shares in --mix 1 is 1, and that of the styles 2; give one share",
        ),
        (
            Job,
            {**FADING, "engine": "learned"},
            "--mix cannot change over time with --engine learned; give a single value",
        ),
        (
            Job,
            {"engine": "learned", "style_weight": "0: 1; 9: 2"},
            "--style-weight cannot change over time with --engine",
        ),
        (TrainJob, FADING, "--mix cannot change over time in a training; give a single value"),
        (TrainJob, {"content_weight": "0: 1; 9: 2"}, "--content-weight cannot change over time in a training; give a"),
        (
            WebcamJob,
            {"style_weight": "0: 1; 9: 2"},
            "--style-weight cannot change over time in the live preview; give a",
        ),
        (WebcamJob, {"strength": 0.5}, "--strength is now called --blend; write that"),
    ],
)
def test_values_over_time_refused(kind: type[Options], given: dict[str, Any], message: str) -> None:
    needed = {
        Job: {"input": "in.mp4"},
        TrainJob: {"on": ("a.mp4",)},
        MeasureJob: {"source": "a.mp4", "output": "b.mp4"},
    }
    with pytest.raises(BadOption) as refused:
        kind(**({"styles": ("s.jpg",)} | needed.get(kind, {}) | given))
    assert str(refused.value).startswith(message)


def test_values_over_time_as_given() -> None:
    """As text, as numbers and as schedules; the canonical text is the same for identity, report and command line."""
    made = Job(input="in.mp4", styles=("a.jpg", "b.jpg"), style_weight=" 0:(15), 30:(5)", mix=(3, 1), strength=0.5)
    text = Job(
        input="in.mp4", styles=("a.jpg", "b.jpg"), style_weight="0f: 15; 30f: 5", mix="0: 0.75,0.25", strength="0.5"
    )
    assert made == text == replace(made)
    assert result_options(made)["--style-weight"] == plain_options(made)["style_weight"] == "0f: 15; 30f: 5"
    assert result_options(made)["--mix"] == "0.75,0.25"
    words = shlex.split(command_line("run", made))
    given = {"--style-weight": "0f: 15; 30f: 5", "--mix": "0.75,0.25", "--strength": "0.5"}
    assert dict(zip(words[5::2], words[6::2], strict=True)) == given
    assert job(engine="learned", blend="0: 1; 2s: 0").schedules() == {"blend": Schedule.parse("0: 1; 2s: 0")}
    assert TrainJob(styles=("a.jpg", "b.jpg"), on=("c.mp4",), mix="1,3").mix == Schedule.parse(
        "0: .25,.75", commas=False
    )


FIXED_BY_TRAINING = {
    "style_weight",
    "content_weight",
    "temporal_weight",
    "tv_weight",
    "style_scale",
    "mix",
    "flow",
    "features",
}


def test_engines_heed_what_they_always_have() -> None:
    """The lists that stood in the code before each option said this by itself."""
    iterated = {
        "preset", "iterations", "first_iterations", "begin_with", "objective", "color_weight", "each_shot", "strength",
    }  # fmt: skip
    painted = {"region"}
    assert {name for name, record in OPTIONS.items() if not record.heeded_by(LEARNED)} == iterated | painted
    assert {name for name, record in OPTIONS.items() if not record.heeded_by(MODEL)} == iterated | FIXED_BY_TRAINING | {
        "minutes",
        "seed",
    }


def test_what_a_resumed_run_has_to_repeat() -> None:
    """Names of files, the selection, size and device may change or are compared in a resolved form."""
    run = {
        "objective",
        "color_weight",
        "each_shot",
        "strength",
        "blend",
        "output_size",
        "codec",
        "crf",
        "pix_fmt",
        "fps",
        "hdr",
        "fit",
        "gaps",
        "deinterlace",
        "preset",
        "iterations",
        "first_iterations",
        "colors",
        "background",
        "seed",
    }
    assert set(result_options(job())) == {Job.flag(name) for name in run | FIXED_BY_TRAINING}
    training = {
        "colors",
        "size",
        "start",
        "duration",
        "frames",
        "seed",
        "fit",
        "gaps",
        "deinterlace",
        "fps",
    } | FIXED_BY_TRAINING
    options = result_options(TrainJob(styles=(Path("s.jpg"),), on=(Path("a.mp4"),)))
    assert set(options) == {TrainJob.flag(name) for name in training}
    assert options["--style-weight"] == "15.0"


def test_a_style_model_takes_the_place_of_images() -> None:
    learned = job(engine="learned", style_weight=3.0, minutes=2.0, seed=7, keep_colors=True)
    model = learned.with_style_model(Path("a.vstyle"))
    assert (model.style_model, model.colors) == (Path("a.vstyle"), "clip")
    assert not any(is_given(model, name) for name, record in OPTIONS.items() if not record.heeded_by(MODEL))


def test_options_that_two_jobs_share() -> None:
    shared = shared_options(job(start=2.0, device="cpu"), MeasureJob)
    assert (shared["start"], shared["device"], shared["styles"]) == (2.0, "cpu", (Path("style.jpg"),))
    assert "seed" not in shared


def test_options_of_measure_have_the_defaults_of_run() -> None:
    for name in set(options_of(MeasureJob)) & set(OPTIONS) - {"flow", "output"}:
        assert default_of(MeasureJob, name) == default_of(Job, name)


def test_flags() -> None:
    assert MeasureJob.flag("styles") == "--style"
    assert Job.flag("style_weight") == "--style-weight"
    assert [flag_of(name, record) for name, record in options_of(ExportJob).items()] == ["--output", "--overwrite"]


def test_weights_have_one_default() -> None:
    assert ObjectiveOptions.style_weight == job().style_weight == 15.0


def test_a_folder_is_not_a_name_for_a_file() -> None:
    with pytest.raises(BadOption, match="is a folder"):
        TrainJob(styles=(Path("."),), on=(Path("a.mp4"),))
    with pytest.raises(BadOption, match="is a folder"):
        ExportJob(model=Path("."))


def test_outputs_of_trainings_and_exports() -> None:
    assert TrainJob(styles=(Path("a/s.jpg"),), on=(Path("c.mp4"),)).output == Path("a/s.vstyle")
    assert ExportJob(model=Path("a/s.vstyle")).output == Path("a/s.onnx")
    with pytest.raises(BadOption, match=r"--output x.mp4 does not end in .onnx"):
        ExportJob(model=Path("s.vstyle"), output=Path("x.mp4"))


def test_the_command_line_of_a_job() -> None:
    plain = Job(input=Path("i.mp4"), styles=(Path("s.jpg"),))
    assert command_line("run", plain) == "videostyle run i.mp4 s.jpg"
    measuring = MeasureJob(source=Path("a b.mp4"), output=Path("o.mp4"), styles=(Path("s.jpg"), Path("t.jpg")), size=64)
    words = shlex.split(command_line("measure", measuring))
    assert words[:4] == ["videostyle", "measure", "a b.mp4", "o.mp4"]
    assert words[4:] == ["--style", "s.jpg", "--style", "t.jpg", "--size", "64"]


@pytest.mark.parametrize(("text", "on"), [("1", True), ("on", True), ("0", False), ("off", False), ("no", False)])
def test_switches(text: str, on: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VIDEOSTYLE_DEBUG", text)
    assert switch("VIDEOSTYLE_DEBUG", default=not on) is on


@pytest.mark.parametrize("default", [False, True])
def test_a_switch_that_is_not_set(default: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VIDEOSTYLE_DEBUG", "")
    assert switch("VIDEOSTYLE_DEBUG", default=default) is default
    monkeypatch.delenv("VIDEOSTYLE_DEBUG")
    assert switch("VIDEOSTYLE_DEBUG", default=default) is default
