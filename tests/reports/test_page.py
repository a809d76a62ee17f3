"""The page of a run and its measurement: complete, well-formed, inert, and readable in a browser."""

from __future__ import annotations

import re
import shutil
import subprocess
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

from tests.support.example_report import COMMAND, CUT, VERSIONS, example_measurement, example_run, run_of
from tests.support.svg import check_inside, drawings, lines_of
from videostyle.media.images import read_picture
from videostyle.reports.page import cut_times, page, shots_text, write_page

VOID = {"meta", "img", "br"}
ODD = "<script>alert(1)</script>\"'&{{ 7 * 7 }}{% raw %}\udcff"


class Reader(HTMLParser):
    """Checks that elements are closed in order, and collects elements and texts."""

    def __init__(self, text: str):
        super().__init__()
        self.open: list[str] = []
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if data.strip():
            self.texts.append(data.strip())

    def named(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]


def whole_page() -> str:
    return page("a title", example_run(), example_measurement(), COMMAND)


def test_well_formed() -> None:
    """Elements are closed in order, drawings stay inside their frames, images and table headers are labeled."""
    text = whole_page()
    read = Reader(text)
    svgs = drawings(text)
    assert len([drawing for drawing in svgs if drawing.attrib.get("role") == "img"]) == 12
    for drawing in svgs:
        check_inside(drawing)
    assert all(image["alt"] for image in read.named("img"))
    assert all(cell["scope"] in ("row", "col") for cell in read.named("th"))
    assert {"Loss", "Iterations", "New share", "Warp error, gap 1", "Warp error, gap 10"} < set(read.texts)
    assert {"Gram distance", "Style embedding", "Content distance", "Luminance"} < set(read.texts)
    assert {"Gram distance of parts", "Color drift", "Colors of what is new"} < set(read.texts)


def test_facts(tmp_path: Path) -> None:
    """Facts, metrics, notices, options and versions are on the page."""
    texts = Reader(whole_page()).texts
    said = " ".join(texts)
    assert "320 \N{MULTIPLICATION SIGN} 180 pixels" in texts
    assert {"0:25:03", "1.10 GiB", "cpu", "300", "0.01823", "0.0092", COMMAND} < set(texts)
    assert "clip.mp4 is interlaced; its frames are deinterlaced" in texts
    assert "torch 2.9.1" in said
    assert "keep_colors no" in said
    assert "tof \N{EN DASH} \N{EN DASH}" in said
    assert "gram 0.214 \N{EN DASH}" in said


def test_shots_of_a_part() -> None:
    """Where the run does not begin with the source's first shot, the page says which shots they are."""
    run = example_run()
    later = replace(run, frames=tuple(replace(frame, shot=frame.shot + 4) for frame in run.frames))
    assert (shots_text(run), shots_text(later)) == ("2", "2 (5 to 6)")


def test_options_of_single_shots() -> None:
    run = replace(example_run(), shot_options={2: {"style_weight": 30.0, "styles": ["a.jpg", "b.jpg"]}})
    text = page("x", run, None, "")
    assert "Options of single shots" in text
    assert "style_weight 30.0, styles a.jpg, b.jpg" in text
    assert "Options of single shots" not in page("x", example_run(), None, "")


def test_no_duplicates() -> None:
    """The page of a run and its measurement has every fact once."""
    options = {"source": "clip.mp4", "size": 160, "keep_colors": False, "flow_dir": None, "flow": "raft"}
    versions = {**VERSIONS, "piq": "0.8.0"}
    measurement = replace(example_measurement(), size=(90, 160), options=options, versions=versions, pictures=())
    texts = Reader(page("t", replace(example_run(), notices=()), measurement, COMMAND)).texts
    for name in ("source", "styles", "keep_colors", "torch", "piq", "measured at", "flow", "damaged parts skipped"):
        expected = {"source": 2, "styles": 2}.get(name, 1)  # the luminance curve's key; the run's own options
        assert texts.count(name) == expected, name
    assert "160 \N{MULTIPLICATION SIGN} 90 pixels" in texts
    assert "flow_dir" not in texts
    assert "pairs across a cut" in texts
    assert "frames in which what is new is too small for an embedding" in texts


def test_heat_note() -> None:
    """The colors of the heat map are explained if there is one."""
    measurement = example_measurement(3)
    assert "gray pixels are not visible" in page("t", None, measurement, "")
    alone = replace(measurement, pictures=tuple(replace(sample, heat=None) for sample in measurement.pictures))
    text = page("t", None, alone, "")
    assert "gray pixels" not in text
    assert "warp error" not in text
    assert text.count("<img") == 2 * len(alone.pictures)


def test_embedding_chart() -> None:
    """The style embedding is drawn with the source's, if it was computed."""
    text = whole_page()
    figure = text[text.index("<b>Style embedding</b>") :].split("</figure>")[0]
    assert [len(lines_of(figure, number)) for number in (0, 1)] == [2, 2], "the key and the curve of each"
    measurement = example_measurement(3)
    unknown = tuple(replace(frame, embedding=None, source_embedding=None) for frame in measurement.frames)
    assert "Style embedding" not in page("t", None, replace(measurement, frames=unknown), "")


@pytest.mark.parametrize(
    ("name", "fields"),
    [
        ("Gram distance of parts", ("gram_new", "gram_rest")),
        ("Color drift", ("color_drift", "source_color_drift")),
        ("Colors of what is new", ("color_new", "source_color_new")),
    ],
)
def test_charts_of_parts(name: str, fields: tuple[str, str]) -> None:
    """What is new and the rest, and the colors of output and source, are drawn in one chart with a key."""
    text = whole_page()
    figure = text[text.index(f"<b>{name}</b>") :].split("</figure>")[0]
    assert [len(lines_of(figure, number)) > 1 for number in (0, 1)] == [True, True], "the key and the curve of each"
    measurement = example_measurement(3)
    unknown = tuple(replace(frame, **dict.fromkeys(fields)) for frame in measurement.frames)
    assert name not in page("t", None, replace(measurement, frames=unknown), "")


def test_values_over_time() -> None:
    """A chart for each option that changes, with a curve for each style of a mix; gaps where a shot has it fixed."""
    values = {"mix": ((1.0, 0.0),) * 100 + ((0.25, 0.75),) * 200, "style_weight": ((15.0,),) * CUT + ((),) * 130}
    text = page("t", replace(example_run(), values=values), None, "")
    charts = dict(re.findall(r"<b>(--[a-z-]+)</b>.*?(<svg viewBox=\"0 0 440.*?</svg>)", text, re.DOTALL))
    assert charts.keys() == {"--mix", "--style-weight"}
    assert "style 1 from 0.25 to 1; style 2 from 0 to 0.75" in charts["--mix"]
    assert "style_weight from 15 to 15" in charts["--style-weight"]


def test_self_contained() -> None:
    """The page loads nothing and runs nothing, and its policy forbids both."""
    text = whole_page()
    read = Reader(text)
    assert {name for name, _ in read.elements} & {"script", "link", "iframe", "object", "a", "base"} == set()
    assert "http:" not in text
    assert "https:" not in text
    assert "url(" not in text
    assert "@import" not in text
    assert all((image["src"] or "").startswith("data:image/jpeg;base64,") for image in read.named("img"))
    assert not [name for _, attributes in read.elements for name in attributes if name.startswith("on")]
    assert any("default-src 'none'" in str(meta.get("content")) for meta in read.named("meta"))


def test_escaping(tmp_path: Path) -> None:
    """Markup and template syntax in names, options and notices are shown as text."""
    run = replace(
        example_run(3),
        output=Path(ODD),
        device=ODD,
        notices=(ODD,),
        options={ODD: ODD, "styles": [ODD]},
        versions={ODD: ODD},
    )
    measurement = replace(
        example_measurement(3),
        source=Path(ODD),
        styles=(Path(ODD),),
        summary={ODD: 1.0},
        skipped={ODD: 1},
        notices=(ODD,),
        options={ODD: (ODD,)},
    )
    write_page(tmp_path / "p.html", title=ODD, run=run, measurement=measurement, command=ODD)
    text = (tmp_path / "p.html").read_text(encoding="utf-8")
    assert "script" not in {name for name, _ in Reader(text).elements}
    assert "<script" not in text.lower()
    shown = ODD.replace("\udcff", "\\udcff")
    assert Reader(text).texts.count(shown) >= 12


@pytest.mark.parametrize("count", [0, 1, 2])
def test_short_runs(count: int) -> None:
    text = page("short", example_run(count), example_measurement(count) if count else None, "")
    Reader(text)
    for drawing in drawings(text):
        check_inside(drawing)
    assert ("Loss over time" in text) == (count > 0)


def test_measurement_alone() -> None:
    text = page("measured", None, example_measurement(), "")
    assert "New share over time" in text
    assert "Loss" not in text
    assert 'class="cut"' in text


def test_cut_times() -> None:
    """Cuts come from the shots, not from a new share of 1: with exact flow, frames without a flow file have that too."""
    measured = example_measurement()
    frames = tuple(replace(frame, new_share=1.0) for frame in measured.frames)
    assert cut_times(None, replace(measured, frames=frames)) == [float(frames[CUT].time)]
    assert cut_times(None, None) == []


def test_write_error(tmp_path: Path) -> None:
    """A page that cannot be written leaves no temporary file."""
    (tmp_path / "p.html").mkdir()
    with pytest.raises(OSError, match=r"p\.html"):
        write_page(tmp_path / "p.html", title="t", run=example_run(1))
    assert [path.name for path in tmp_path.iterdir()] == ["p.html"]


def test_missing_files(tmp_path: Path) -> None:
    """Without source and output, the page has no images, and says why."""
    text = page("t", run_of(tmp_path / "in.mp4", tmp_path / "out.mp4", [0, 1]), None, "")
    assert "no frames are shown" in text
    assert "does not exist" in text
    assert "Loss over time" in text
    assert "<img" not in text


# --- a browser ----------------------------------------------------------------------------------------------------------

BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)


@pytest.mark.skipif(BROWSER is None, reason="Chromium is not installed")
@pytest.mark.timeout(120)
def test_browser(tmp_path: Path) -> None:
    """Chromium shows the images, and the curves in the colors of the style sheet."""
    path, shot = tmp_path / "look.html", tmp_path / "shot.png"
    measurement = example_measurement(80, 50)
    write_page(path, title="a title", run=example_run(80, 50), measurement=measurement, command=COMMAND)
    subprocess.run(
        [
            str(BROWSER), "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars",
            f"--user-data-dir={tmp_path / 'profile'}", "--blink-settings=preferredColorScheme=1", "--window-size=900,3000",
            f"--screenshot={shot}", path.as_uri(),
        ],
        check=True, capture_output=True, timeout=90,
    )  # fmt: skip
    image = read_picture(shot).image
    assert image.shape == (3000, 900, 3)
    blank = (np.abs(image.astype(int) - image[0, 0]).max(axis=2) < 8).mean(axis=1)
    assert (blank < 1).mean() > 0.4, "rows with content"
    yellow = (np.abs(image.astype(int) - (240, 220, 40)).max(axis=2) < 24).sum()
    assert yellow > 2000, "the disc in the images"
    blue = (np.abs(image.astype(int) - (0x1C, 0x5F, 0xAE)).max(axis=2) < 8).sum()
    assert blue > 1000, "the curves"
