"""Lists of shots edited by hand: what is read from them, and every refusal's sentence."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from videostyle.checks import check_run
from videostyle.config import Job
from videostyle.errors import VideoStyleError
from videostyle.options import options_of
from videostyle.shot_files import jobs_of_shots, read_shots


@pytest.fixture
def place(tmp_path, monkeypatch) -> Path:
    """A folder with a clip, styles and, in another one, shots.toml; the working folder."""
    monkeypatch.chdir(tmp_path)
    for name in ("in.mp4", "other.mp4", "m.vstyle", "lists/n.vstyle"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.touch()
    for name in ("a.jpg", "lists/b.jpg"):
        Image.new("RGB", (8, 6), "teal").save(tmp_path / name)
    return tmp_path


def written(text: str) -> Path:
    path = Path("lists/shots.toml")
    path.write_text(text, encoding="utf-8")
    return path


def job(text: str = "", **options) -> Job:
    return Job(input=Path("in.mp4"), **{"styles": ("a.jpg",), "output": "out.mp4", "shots": written(text)} | options)


def test_values_of_shots(place):
    """A shot has the run's options but for those of its table; files are relative to the list's folder."""
    asked = job(
        """
        [[shot]]
        start = 1
        [[shot]]
        start = 60
        style_weight = 30
        styles = ["b.jpg", "../a.jpg"]
        keep_colors = true
        preset = "draft"
        """,
        content_weight=2.0,
    )
    tables = read_shots(asked.shots)
    assert [table.start for table in tables] == [1, 60]
    first, second = jobs_of_shots(asked, tables)
    assert first == asked
    assert second.styles == (Path("lists/b.jpg"), Path("lists/../a.jpg"))
    assert (second.style_weight, second.content_weight) == (30.0, 2.0)
    assert (second.colors, second.preset) == ("clip", "draft")
    check_run(asked)


@pytest.mark.parametrize(
    ("run", "table", "colors"),
    [
        ({"colors": "match"}, "keep_colors = true", "clip"),
        ({"keep_colors": True}, "keep_colors = false", "style"),
        ({"colors": "match"}, "keep_colors = false", "match"),
        ({"colors": "clip"}, 'colors = "match"', "match"),
    ],
)
def test_a_flag_that_is_short_for_a_value(place, run, table, colors):
    """It stands in for the run's value, or takes it back."""
    asked = job(f"{TWO}{table}", **run)
    assert [own.colors for own in jobs_of_shots(asked, read_shots(asked.shots))] == [asked.colors, colors]


def test_options_of_a_shot():
    """What a shot may have of its own changes nothing else: not the size, the codec, the part that is read, the files."""
    per_shot = {name for name, record in options_of(Job).items() if record.per_shot}
    assert {"style_weight", "style_scale", "iterations", "preset", "keep_colors", "begin_with", "seed"} <= per_shot
    fixed = {"size", "codec", "threads", "device", "output", "frames", "flow", "features", "fit", "audio", "background"}
    assert not fixed & per_shot


ONE = "[[shot]]\nstart = 1\n"

TWO = f"{ONE}[[shot]]\nstart = 9\n"

REFUSED = {
    "no TOML": ("[[shot]\nstart = 1", r"--shots lists/shots\.toml is not TOML: .*line 1.*; mend it"),
    "no tables": ("", r"lists/shots\.toml has no \[\[shot\]\] tables; `videostyle shots` writes such a file"),
    "a single table": ("[shot]\nstart = 1", r"lists/shots\.toml has no \[\[shot\]\] tables"),
    "outside": (f"size = 64\n{ONE}", r"lists/shots\.toml: size stands outside the \[\[shot\]\] tables; move it into"),
    "no start": (
        f"{ONE}[[shot]]\nseed = 1",
        r"shots\.toml, shot 2: start is missing; accepted: the number of the shot's",
    ),
    "text": ('[[shot]]\nstart = "1"', r"shots\.toml, shot 1: start = '1' is no number of a frame"),
    "a fraction": ("[[shot]]\nstart = 1.5", r"shot 1: start = 1\.5 is no number of a frame"),
    "overlap": (f"{TWO}[[shot]]\nstart = 9", r"shot 3: start = 9 is the start of the shot before it, too; delete one"),
    "unsorted": (
        f"{TWO}[[shot]]\nstart = 5",
        r"shot 3: start = 5 comes before the start of the shot before it, 9; sort",
    ),
    "fixed": (
        f"{TWO}size = 64",
        r"shot 2: size cannot differ from shot to shot; accepted: start, styles, .*style_weight",
    ),
    "unknown": (f"{TWO}end = 12", r"shot 2: end is unknown; accepted: start, styles"),
    "a wrong type": (f"{TWO}style_weight = true", r"shot 2: style_weight takes neither true and false"),
    "out of range": (f"{TWO}style_scale = 11", r"shot 2: style_scale 11\.0 is out of range; accepted: 0\.1 to 10"),
    "no choice": (f'{TWO}preset = "best"', r"shot 2: preset 'best' is unknown; accepted: draft, standard, high"),
    "a missing style": (f'{TWO}styles = "c.jpg"', r"shot 2: style lists/c\.jpg does not exist"),
    "no style": (f"{TWO}styles = []", r"shot 2: no STYLE was given"),
    "a film": (f'{TWO}styles = "../other.mp4"', r"shot 2: ../?.*other\.mp4 is no style image|shot 2: .*other\.mp4"),
    "a missing model": (f'{TWO}begin_with = "c.vstyle"', r"shot 2: begin_with lists/c\.vstyle does not exist"),
    "a style model": (
        f'{TWO}styles = "n.vstyle"',
        r"shot 2: styles names a style model, and the run has images; give all",
    ),
    "no effect": (f'{TWO}seed = 3\nbegin_with = "n.vstyle"', r"shot 2: --seed has no effect with --begin-with"),
}


@pytest.mark.parametrize(("text", "sentence"), REFUSED.values(), ids=REFUSED)
def test_refused(place, text, sentence):
    """The file, the number of the table and the key are named, before anything heavy loads."""
    with pytest.raises(VideoStyleError, match=f"^[^\n]*{sentence}") as error:
        check_run(job(text))
    assert error.value.exit_code == 2


@pytest.mark.parametrize(
    ("text", "options", "sentence"),
    [
        (
            f"{TWO}style_weight = 3",
            {"engine": "learned"},
            "shot 2: style_weight has no effect with --engine learned, as one",
        ),
        (f'{TWO}styles = "b.jpg"', {"engine": "learned"}, "shot 2: styles has no effect with --engine learned, as one"),
        (
            f'{TWO}colors = "match"',
            {"engine": "learned"},
            "shot 2: --colors match has no effect with the trained model",
        ),
        (
            f"{TWO}style_weight = 3",
            {"styles": ("m.vstyle",)},
            "shot 2: --style-weight has no effect with a style model",
        ),
        (
            f'{TWO}styles = "b.jpg"',
            {"styles": ("m.vstyle",)},
            "shot 2: styles names images, and the run has a style model",
        ),
    ],
)
def test_refused_with_style_models(place, text, options, sentence):
    with pytest.raises(VideoStyleError, match=sentence):
        check_run(job(text, **options))


def test_style_models(place):
    """With a style model, shots may have style models and the clip's colors; what is trained is trained once."""
    check_run(job(f'{TWO}styles = "n.vstyle"\nkeep_colors = true', styles=("m.vstyle",)))
    check_run(job(f"{TWO}keep_colors = true", engine="learned"))


def test_files(place):
    for name, sentence in (
        ("no.toml", "--shots no.toml does not exist"),
        ("a.jpg", "--shots a.jpg does not end in .toml"),
    ):
        with pytest.raises(VideoStyleError, match=sentence):
            check_run(job(shots=Path(name)))
    with pytest.raises(VideoStyleError, match="--shots has no effect with --also"):
        job(ONE, also=("other.mp4",))
