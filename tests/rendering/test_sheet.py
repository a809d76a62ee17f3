"""A sheet: each picture is the still that a run makes, in its labelled place; what may vary, and what is refused."""

from __future__ import annotations

import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from tests.support.clips import make_clip
from tests.support.command import run_command
from tests.support.runs import moving_disc, names_in, stripes
from tests.support.style_models import write_style_model
from tests.support.thin_vgg import thin_weights
from videostyle import make_sheet, run
from videostyle.config import Job
from videostyle.errors import BadInput, BadOption, BadOutput, Cancelled
from videostyle.events import SheetProgress
from videostyle.models.weights import WEIGHTS
from videostyle.options import options_of
from videostyle.reports.grid import LINE, MARGIN, Row, grid, shortened
from videostyle.sheet_job import VARIABLE, SheetJob

SIZE = 96
CELL = 72, 96


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Seven frames of 48x36 in two shots."""
    return make_clip(tmp_path_factory.mktemp("clip") / "clip.mp4", moving_disc(4) + stripes(3))


@pytest.fixture(scope="module")
def other(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Another style image: a checkerboard."""
    path = tmp_path_factory.mktemp("style") / "board.png"
    board = np.indices((30, 40)).sum(0) // 5 % 2 * 200
    cv2.imwrite(str(path), np.dstack([board, 255 - board, board]).astype(np.uint8))
    return path


def sheet(clip: Path, styles: tuple[Path, ...], output: Path, **options: Any) -> SheetJob:
    """A job of few iterations in one thread."""
    return SheetJob(input=clip, styles=styles, output=output, size=SIZE, first_iterations=3, threads=1, **options)


def picture(path: Path) -> np.ndarray:
    return cv2.cvtColor(cv2.imread(str(path)), cv2.COLOR_BGR2RGB)


def cells_of(path: Path, rows: int, columns: int) -> list[list[np.ndarray]]:
    """The pictures of a sheet, counted from its lower right corner, where no label is."""
    whole, (height, width) = picture(path), CELL
    place = [
        (whole.shape[0] - (rows - row) * (height + MARGIN), whole.shape[1] - (columns - column) * (width + MARGIN))
        for row in range(rows)
        for column in range(columns)
    ]
    cells = [whole[y : y + height, x : x + width] for y, x in place]
    return [cells[row * columns : (row + 1) * columns] for row in range(rows)]


def still(clip: Path, style: Path, output: Path, frame: int, **options: Any) -> np.ndarray:
    """What `run` makes of a frame."""
    fixed = {"size": SIZE, "first_iterations": 3, "threads": 1, "preset": "draft"} | options
    run(Job(input=clip, styles=(style,), output=output, frames=f"{frame}:{frame}", overwrite=True, **fixed))
    return picture(output)


def test_every_picture_is_the_still_of_a_run(clip: Path, style: Path, other: Path, tmp_path: Path) -> None:
    """Frames and values downwards, styles across; the colors of the second shot are those of its own first frames."""
    values = ("style-weight=5,45", "colors=style;match")
    made = make_sheet(sheet(clip, (style, other), tmp_path / "s.png", vary=values, at="2,6"))
    assert (made.frames, made.pictures) == ((2, 6), 16)
    cells = cells_of(tmp_path / "s.png", 8, 2)
    rows = [(frame, weight, colors) for frame in (2, 6) for weight in (5.0, 45.0) for colors in ("style", "match")]
    for (frame, weight, colors), row in zip(rows, cells, strict=True):
        for each, cell in zip((style, other), row, strict=True):
            expected = still(clip, each, tmp_path / "still.png", frame, style_weight=weight, colors=colors)
            np.testing.assert_array_equal(cell, expected)
    different = {cell.tobytes() for row in cells for cell in row}
    assert len(different) == 16


def test_one_style_has_its_values_across(clip: Path, style: Path, tmp_path: Path) -> None:
    """And sizes may vary: each picture is in the middle of its place."""
    made = make_sheet(sheet(clip, (style,), tmp_path / "s.png", vary=("tv-weight=0,9",), count=2))
    assert made.frames == (2, 6)
    for frame, row in zip((2, 6), cells_of(tmp_path / "s.png", 2, 2), strict=True):
        for weight, cell in zip((0.0, 9.0), row, strict=True):
            np.testing.assert_array_equal(cell, still(clip, style, tmp_path / "x.png", frame, tv_weight=weight))
    make_sheet(sheet(clip, (style,), tmp_path / "r.png", vary=("strength=0.3,0.6,1",), at="5"))
    (row,) = cells_of(tmp_path / "r.png", 1, 3)
    for strength, cell in zip((0.3, 0.6, 1.0), row, strict=True):
        np.testing.assert_array_equal(cell, still(clip, style, tmp_path / "x.png", 5, strength=strength))
    make_sheet(sheet(clip, (style,), tmp_path / "t.png", vary=("size=64,96",), count=1))
    whole = picture(tmp_path / "t.png")
    small = still(clip, style, tmp_path / "x.png", 4, size=64)
    y = whole.shape[0] - MARGIN - CELL[0] + (CELL[0] - 48) // 2
    x = whole.shape[1] - 2 * MARGIN - 96 - 64
    np.testing.assert_array_equal(whole[y : y + 48, x : x + 64], small)


def test_masks_and_style_models(clip: Path, style: Path, tmp_path: Path) -> None:
    """What a run heeds of them a sheet does, with the preset of the models' own."""
    model = write_style_model(tmp_path / "m.vstyle")
    mask = np.zeros((36, 48), np.uint8)
    mask[:, 20:] = 255
    cv2.imwrite(str(tmp_path / "mask.png"), mask)
    masked = str(tmp_path / "mask.png")
    job = SheetJob(input=clip, styles=(style, model), output=tmp_path / "s.png", size=SIZE, threads=1, count=1,
                   mask=masked)  # fmt: skip
    make_sheet(job)
    ((first, second),) = cells_of(tmp_path / "s.png", 1, 2)
    fixed = {"first_iterations": None, "mask": masked}
    np.testing.assert_array_equal(first, still(clip, style, tmp_path / "x.png", 4, **fixed))
    np.testing.assert_array_equal(second, still(clip, model, tmp_path / "x.png", 4, preset="standard", **fixed))
    np.testing.assert_array_equal(first[:, :36], second[:, :36])


def test_network_and_statistics_are_shared(
    clip: Path, style: Path, other: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The network is loaded once, and a style's statistics are computed once for all values and frames."""
    loaded = []
    monkeypatch.setitem(WEIGHTS, "vgg19", lambda: loaded.append(1) or thin_weights())
    monkeypatch.setattr("videostyle.losses.style_targets.StyleTargets._statistics", counting(loaded))
    make_sheet(sheet(clip, (style, other), tmp_path / "s.png", vary=("style-weight=5,45",), count=2))
    assert loaded.count(1) == 1
    assert loaded.count(2) == 2


def counting(calls: list[int]) -> Any:
    from videostyle.losses.style_targets import StyleTargets

    original = StyleTargets._statistics

    def counted(self: Any, *arguments: Any) -> Any:
        calls.append(2)
        return original(self, *arguments)

    return counted


# --- layout -------------------------------------------------------------------------------------------------------


def test_grid() -> None:
    """Pictures keep their pixels, columns and rows do not overlap, and labels are in the margins only."""
    red, blue = np.full((30, 20, 3), (255, 0, 0), np.uint8), np.full((60, 40, 3), (0, 0, 255), np.uint8)
    made = grid([("one",), ("two",)], [Row(("a", "b"), (red, blue)), Row((), (blue, red))])
    assert [(made == color).all(2).sum() for color in ((255, 0, 0), (0, 0, 255))] == [2 * 600, 2 * 2400]
    left = made.shape[1] - 2 * (40 + MARGIN)
    top = made.shape[0] - 2 * (60 + MARGIN)
    assert top == LINE + 2 * MARGIN
    ink = (made != 255).any(2)
    assert ink[:top, left:].any(), "the columns' names"
    assert ink[top : top + 60, :left].any(), "the first row's label"
    assert not ink[top + 60 + MARGIN :, :left].any(), "the second row has none"
    assert ink[top:, left : left + 40].sum() == 30 * 20 + 60 * 40
    assert not ink[:, left + 40 : left + 40 + MARGIN].any()


def test_long_names_are_shortened() -> None:
    from PIL import ImageFont

    font = ImageFont.load_default(14)
    assert shortened(font, "short", 200) == "short"
    short = shortened(font, "starry_night_van_gogh_1889", 100)
    assert font.getlength(short) <= 100
    assert short.startswith("star")
    assert short.endswith("1889")
    assert "..." in short


# --- frames -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "frames"),
    [
        ({}, (2, 4, 6)),
        ({"count": 1}, (4,)),
        ({"count": 9}, (1, 2, 3, 4, 5, 6, 7)),
        ({"count": 1, "frames": "6:7"}, (7,)),
        ({"at": "1,7"}, (1, 7)),
        ({"at": "7, 0s ,0.1s"}, (7, 1, 3)),
        ({"at": "00:00:59"}, (7,)),
    ],
)
def test_which_frames(
    clip: Path, style: Path, tmp_path: Path, options: dict[str, Any], frames: tuple[int, ...]
) -> None:
    """25 frames a second: frame 3 is shown from 0.08 s to 0.12 s."""
    job = SheetJob(
        input=clip, styles=(style,), output=tmp_path / "s.png", size=32, first_iterations=1, threads=1, **options
    )
    assert make_sheet(job).frames == frames


def test_a_folder_and_a_photo(folder: Path, style: Path, tmp_path: Path) -> None:
    """Frames of a folder have their file numbers, and a photo is one frame without a label."""
    job = SheetJob(input=folder, styles=(style,), output=tmp_path / "s.png", size=32, first_iterations=1, threads=1)
    assert make_sheet(replace(job, at="8,11")).frames == (8, 11)
    assert make_sheet(replace(job, input=next(folder.iterdir()), output=tmp_path / "t.png")).frames == (1,)
    with pytest.raises(BadOption, match="--at 3 is none of the selected frames; accepted: frames 7 to 11, from 0 s on"):
        make_sheet(replace(job, at="3", output=tmp_path / "u.png"))
    assert names_in(tmp_path) == ["s.png", "t.png"]


# --- options ------------------------------------------------------------------------------------------------------


def test_what_may_vary() -> None:
    """Everything of a run that changes a still picture."""
    assert {"style_weight", "content_weight", "tv_weight", "style_scale", "size", "colors", "preset", "objective",
            "mask", "strength", "blend", "seed", "features", "begin_with", "background"} <= set(VARIABLE)  # fmt: skip
    assert not {"temporal_weight", "flow", "crf", "frames", "output", "threads", "vary"} & set(VARIABLE)
    assert set(VARIABLE) <= set(options_of(Job))


REFUSED = [
    ({"vary": ("style-weight",)}, "--vary 'style-weight' has no values; write it as in --vary \"style-weight=5,15,45\""),
    ({"vary": ("style-weight= ",)}, "--vary 'style-weight= ' has no values"),
    ({"vary": ("strokes=1,2",)}, "--vary 'strokes=1,2': there is no option strokes; accepted: "),
    ({"vary": ("crf=1,2",)}, "--vary 'crf=1,2': there is no option crf; accepted: "),
    ({"vary": ("temporal-weight=1,2",)}, "--temporal-weight does not change a still picture; accepted: "),
    ({"vary": ("style-weight=1,x",)}, "--vary style-weight 'x' is not a number"),
    ({"vary": ("style-scale=1,99",)}, "--vary style-scale 99.0 is out of range; accepted: 0.1 to 10"),
    ({"vary": ("preset=draft,best",)}, "--vary preset 'best' is unknown; accepted: draft, standard, high"),
    ({"vary": ("size=31",)}, "--vary size 31 is out of range"),
    ({"vary": ("seed=1,1",)}, "--vary 'seed=1,1' has a value twice; leave one of them out"),
    ({"vary": ("seed=1", "seed=2")}, "--vary seed is given twice; give all of its values at once"),
    ({"vary": ("seed=" + ",".join(map(str, range(200))),)}, "a sheet of 600 pictures is too large; 400 at most"),
    ({"at": "1", "count": 2}, "--at has no effect with --count"),
    ({"at": "soon"}, "--at 'soon' is not a time"),
    ({"styles": ()}, "no STYLE was given"),
]  # fmt: skip


@pytest.mark.parametrize(("options", "message"), REFUSED)
def test_refused_options(options: dict[str, Any], message: str) -> None:
    with pytest.raises(BadOption) as refused:
        SheetJob(**({"input": "a.mp4", "styles": ("s.jpg",)} | options))
    assert message in str(refused.value)


def test_refused_files(clip: Path, style: Path, tmp_path: Path) -> None:
    """Before anything is stylized; nothing is left."""
    (tmp_path / "there.png").touch()
    model = write_style_model(tmp_path / "m.vstyle")
    (tmp_path / "text.png").write_text("no picture")
    job = sheet(clip, (style,), tmp_path / "s.png")
    before = names_in(tmp_path)
    for changes, error, message in (
        ({"output": tmp_path / "s.mp4"}, BadOutput, "s.mp4 is no picture, and a sheet is one; accepted: .png"),
        ({"output": tmp_path / "there.png"}, BadOutput, "already exists"),
        ({"output": tmp_path / "no" / "s.png"}, BadOutput, "there is no folder"),
        ({"styles": (tmp_path / "no.jpg",)}, BadInput, "no.jpg does not exist"),
        ({"styles": (style, tmp_path / "text.png")}, BadInput, "text.png"),
        ({"input": tmp_path / "no.mp4"}, BadInput, "no.mp4 does not exist"),
        ({"styles": (model,)}, BadOption, "--first-iterations has no effect with a style model"),
        ({"styles": (model,), "first_iterations": None, "vary": ("seed=1,2",)}, BadOption, "--seed has no effect"),
        ({"frames": "8:9"}, BadOption, "no frame of"),
        ({"vary": (f"mask={tmp_path / 'text.png'}",)}, BadInput, "text.png"),
    ):
        with pytest.raises(error) as refused:
            make_sheet(replace(job, **changes))
        assert message in str(refused.value)
        assert names_in(tmp_path) == before
    make_sheet(replace(job, output=tmp_path / "there.png", overwrite=True, size=32, count=1))
    assert picture(tmp_path / "there.png").size


def test_cancelled(clip: Path, style: Path, tmp_path: Path) -> None:
    cancel = threading.Event()
    heard: list[SheetProgress] = []

    def listen(event: Any) -> None:
        if isinstance(event, SheetProgress):
            heard.append(event)
            if event.picture == 2:
                cancel.set()

    with pytest.raises(Cancelled):
        make_sheet(sheet(clip, (style,), tmp_path / "s.png"), listen, cancel)
    assert names_in(tmp_path) == []
    assert [event.fraction for event in heard] == sorted(event.fraction for event in heard)
    assert heard[-1].pictures == 3
    assert 1 / 3 <= heard[-1].fraction < 2 / 3


def test_command(clip: Path, style: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The default name, a config file beside the clip without its size and preset, and a preset of it."""
    source = tmp_path / "in.mp4"
    source.write_bytes(clip.read_bytes())
    config = tmp_path / "videostyle.toml"
    config.write_text("size = 640\npreset = 'high'\ntv_weight = 4\nthreads = 1\ncrf = 3", encoding="utf-8")
    words = ["sheet", source, style, "--count", "1", "--first-iterations", "1"]
    assert run_command(*words, "--vary", "style-weight=5,15") == 0
    printed = capsys.readouterr().err.splitlines()
    assert printed[0] == f"from {config}: tv_weight, threads"
    assert printed[-1].startswith(f"{tmp_path / 'in_sheet.jpg'}: 2 pictures in ")
    assert picture(tmp_path / "in_sheet.jpg").shape[1] < 700
    assert run_command(*words) == 2
    assert "in_sheet.jpg already exists" in capsys.readouterr().err
    assert run_command(*words, "-o", tmp_path / "a.png", "--vary", "nothing=1") == 2
    assert names_in(tmp_path) == ["in.mp4", "in_sheet.jpg", "videostyle.toml"]
