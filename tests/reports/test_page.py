"""The page of a run: whole and inert HTML, drawings inside their frames, gaps where nothing is known."""

from __future__ import annotations

import math
import re
import shutil
import subprocess
from dataclasses import replace
from fractions import Fraction
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.clips import make_clip
from tests.support.example_report import COMMAND, CUT, VERSIONS, example_measurement, example_run
from videostyle.media.images import read_picture
from videostyle.reports.charts import BUCKETS, HEIGHT, WIDTH, Curve, plot, thinned
from videostyle.reports.page import cut_times, page, write_page
from videostyle.reports.records import FrameRecord, RunReport
from videostyle.reports.thumbnails import LONGER_SIDE, run_thumbnails, sample_places, shrunk

VOID = {"meta", "img", "br"}
ODD = "<script>alert(1)</script>\"'&\udcff"


class Reader(HTMLParser):
    """Checks that elements are closed in order, and keeps what a browser would act on."""

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


def drawings(text: str) -> list[ElementTree.Element]:
    return [ElementTree.fromstring(each) for each in re.findall(r"<svg.*?</svg>", text, re.DOTALL)]


def coordinates(drawing: ElementTree.Element) -> list[tuple[float, float]]:
    """Every place that a drawing names, absolute; of a path only where its commands are M, L, H and V."""
    left, top, *_ = map(float, drawing.attrib["viewBox"].split())
    found = []
    for each in drawing.iter():
        at = each.attrib
        if each.tag == "rect":
            x, y, w, h = (float(at[name]) for name in ("x", "y", "width", "height"))
            assert min(w, h) >= 0
            found += [(x, y), (x + w, y + h)]
        if each.tag in ("circle", "text"):
            found.append((float(at.get("cx", at.get("x"))), float(at.get("cy", at.get("y")))))
        for command, numbers in re.findall(r"([MLHV])([^A-Za-z]*)", at.get("d", "")):
            values = [float(number) for number in numbers.split()]
            x, y = {"H": (values[0], top), "V": (left, values[0])}.get(command) or (values[0], values[-1])
            found.append((x, y))
    return found


def check_inside(drawing: ElementTree.Element) -> None:
    left, top, width, height = map(float, drawing.attrib["viewBox"].split())
    for x, y in coordinates(drawing):
        assert math.isfinite(x)
        assert left <= x <= left + width
        assert math.isfinite(y)
        assert top <= y <= top + height


def lines_of(svg: str, number: int = 0) -> list[str]:
    """The parts of a curve that are drawn as lines."""
    return re.findall(rf'class="curve c{number}" d="([^"]*)"', svg)


# --- the page ---------------------------------------------------------------------------------------------------------


def test_the_page_is_well_formed_and_every_drawing_stays_inside_its_frame() -> None:
    text = whole_page()
    read = Reader(text)
    found = drawings(text)
    plots_found = [each for each in found if each.attrib.get("role") == "img"]
    assert len(plots_found) == 9
    for each in found:
        check_inside(each)
    assert all(each["alt"] for each in read.named("img"))
    assert all(each["scope"] in ("row", "col") for each in read.named("th"))
    assert {"Loss", "Iterations", "Untrusted share", "Warp error, gap 1", "Warp error, gap 10"} < set(read.texts)
    assert {"Gram distance", "Style embedding", "Content distance", "Luminance"} < set(read.texts)


def test_it_says_what_is_known(tmp_path: Path) -> None:
    texts = Reader(whole_page()).texts
    said = " ".join(texts)
    assert "320 \N{MULTIPLICATION SIGN} 180 pixels" in texts
    assert {"0:25:03", "1.10 GiB", "cpu", "300", "0.01823", "0.0092", COMMAND} < set(texts)
    assert "clip.mp4 is interlaced; its frames are deinterlaced" in texts
    assert "torch 2.9.1" in said
    assert "keep_colors no" in said
    assert "tof \N{EN DASH} \N{EN DASH}" in said
    assert "gram 0.214 \N{EN DASH}" in said


def test_a_joined_page_says_each_thing_once() -> None:
    options = {"source": "clip.mp4", "size": 160, "keep_colors": False, "flow_dir": None, "flow": "raft"}
    versions = {**VERSIONS, "piq": "0.8.0"}
    measurement = replace(example_measurement(), size=(90, 160), options=options, versions=versions, pictures=())
    texts = Reader(page("t", replace(example_run(), notices=()), measurement, COMMAND)).texts
    for name in ("source", "styles", "keep_colors", "torch", "piq", "measured at", "flow", "damaged parts left out"):
        expected = {"source": 2, "styles": 2}.get(name, 1)  # the luminance curve's key; the run's own options
        assert texts.count(name) == expected, name
    assert "160 \N{MULTIPLICATION SIGN} 90 pixels" in texts
    assert "flow_dir" not in texts
    assert "pairs over a cut" in texts


def test_colors_of_the_warp_error_are_explained_where_there_are_any() -> None:
    measurement = example_measurement(3)
    assert "what is gray cannot be followed" in page("t", None, measurement, "")
    alone = replace(measurement, pictures=tuple(replace(each, heat=None) for each in measurement.pictures))
    text = page("t", None, alone, "")
    assert "what is gray" not in text
    assert "warp error" not in text
    assert text.count("<img") == 2 * len(alone.pictures)


def test_the_style_embedding_is_drawn_beside_the_sources_own_where_it_is_known() -> None:
    text = whole_page()
    figure = text[text.index("<b>Style embedding</b>") :].split("</figure>")[0]
    assert [len(lines_of(figure, number)) for number in (0, 1)] == [2, 2], "the key and the curve of each"
    measurement = example_measurement(3)
    unknown = tuple(replace(each, embedding=None, source_embedding=None) for each in measurement.frames)
    assert "Style embedding" not in page("t", None, replace(measurement, frames=unknown), "")


def test_nothing_is_fetched_and_nothing_runs() -> None:
    text = whole_page()
    read = Reader(text)
    assert {name for name, _ in read.elements} & {"script", "link", "iframe", "object", "a", "base"} == set()
    assert "http:" not in text
    assert "https:" not in text
    assert "url(" not in text
    assert "@import" not in text
    assert all((each["src"] or "").startswith("data:image/jpeg;base64,") for each in read.named("img"))
    assert not [name for _, attributes in read.elements for name in attributes if name.startswith("on")]
    assert any("default-src 'none'" in str(each.get("content")) for each in read.named("meta"))


def test_whatever_comes_from_outside_is_inert(tmp_path: Path) -> None:
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
def test_short_runs_have_a_page(count: int) -> None:
    text = page("short", example_run(count), example_measurement(count) if count else None, "")
    Reader(text)
    for each in drawings(text):
        check_inside(each)
    assert ("Loss over time" in text) == (count > 0)


def test_a_measurement_alone_has_a_page() -> None:
    text = page("measured", None, example_measurement(), "")
    assert "Untrusted share over time" in text
    assert "Loss" not in text
    assert 'class="cut"' in text


def test_cuts_are_where_shots_begin_and_not_where_nothing_could_be_compared() -> None:
    """With exact flow the last frame, and each without a flow file, has no pixel that counts."""
    measured = example_measurement()
    frames = tuple(replace(each, new_share=1.0) for each in measured.frames)
    assert cut_times(None, replace(measured, frames=frames)) == [float(frames[CUT].time)]
    assert cut_times(None, None) == []


def test_no_picture_is_larger_than_a_page_needs() -> None:
    assert shrunk(np.zeros((3000, 1000, 3), np.uint8)).shape == (LONGER_SIDE, LONGER_SIDE // 3, 3)
    assert shrunk(np.zeros((2, 9000, 3), np.uint8)).shape == (1, LONGER_SIDE, 3)


def test_a_page_that_cannot_be_written_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "p.html").mkdir()
    with pytest.raises(OSError, match=r"p\.html"):
        write_page(tmp_path / "p.html", title="t", run=example_run(1))
    assert [each.name for each in tmp_path.iterdir()] == ["p.html"]


# --- curves -----------------------------------------------------------------------------------------------------------


def test_none_and_nan_are_gaps_and_a_lone_point_is_a_dot() -> None:
    values = [1.0, 2.0, None, 3.0, math.nan, 4.0, 5.0, 6.0, math.inf]
    svg = plot("p", [Curve("c", list(enumerate(values)))])
    assert [line.count("L") for line in lines_of(svg)] == [1, 2]
    assert svg.count("<circle") == 1
    assert "nan" not in svg
    assert "inf" not in svg


def test_a_sparse_curve_is_joined_and_dotted() -> None:
    svg = plot("p", [Curve("c", [(0, 1.0), (1, None), (2, 2.0), (3, None), (4, 1.5)], sparse=True)])
    assert [line.count("L") for line in lines_of(svg)] == [2]
    assert svg.count("<circle") == 3


def test_nothing_known_is_no_drawing() -> None:
    assert plot("p", []) == ""
    assert plot("p", [Curve("c", [(0, None), (1, math.nan)])]) == ""
    assert plot("p", [Curve("c", [(0, 0.0), (1, -1.0)])], log=True) == ""


def test_cuts_outside_the_curve_are_left_out() -> None:
    assert plot("p", [Curve("c", [(0, 1.0), (9, 2.0)])], cuts=[-1, 4, 12]).count('class="cut"') == 1


def test_a_long_curve_keeps_its_peaks() -> None:
    values = [0.0] * 100_000
    values[54_321], values[7] = 9.0, -3.0
    kept = thinned(list(enumerate(values)))
    assert len(kept) <= 2 * BUCKETS
    assert {(54_321, 9.0), (7, -3.0)} < set(kept)
    assert kept == sorted(kept)
    assert len(plot("p", [Curve("c", list(enumerate(values)))])) < 60_000


values = st.one_of(st.none(), st.floats(), st.floats(0, 1), st.just(0.25))
points = st.lists(st.tuples(st.floats(-1e6, 1e6), values), max_size=8)


@given(points, points, st.booleans(), st.booleans())
def test_any_values_are_drawn_inside_the_frame(a, b, sparse: bool, log: bool) -> None:
    curves = [
        Curve("a", sorted(a, key=lambda point: point[0])),
        Curve("b", sorted(b, key=lambda point: point[0]), sparse),
    ]
    svg = plot("<p>", curves, cuts=[0.0], log=log)
    if svg:
        drawing = ElementTree.fromstring(svg)
        assert drawing.attrib["viewBox"] == f"0 0 {WIDTH} {HEIGHT}"
        check_inside(drawing)


# --- pictures of a run ------------------------------------------------------------------------------------------------


def report_of(source: Path, output: Path, indices: list[int]) -> RunReport:
    records = tuple(FrameRecord(index, Fraction(index, 25), 1, 1, 1.0, 1.0, 0.1, 0.1) for index in indices)
    return replace(example_run(1), output=output, frames=records, options={"input": str(source)})


def shaded(count: int, red: int = 0) -> list[np.ndarray]:
    """Plain frames, each 10 levels lighter than the one before."""
    return [np.full((36, 48, 3), (red, 10 * each, 10 * each), np.uint8) for each in range(count)]


def test_an_early_a_middle_and_the_last_frame_stand_beside_their_source(tmp_path: Path) -> None:
    """Frames 4 to 15 of the source were painted, so that the output's ordinals are not the source's."""
    source = make_clip(tmp_path / "in.mp4", shaded(20))
    output = make_clip(tmp_path / "out.mkv", shaded(20, red=200)[4:16])
    found = run_thumbnails(report_of(source, output, list(range(4, 16))))
    assert [each.index for each in found] == [6, 10, 15]
    for each in found:
        assert list(each.images) == ["source", "output"]
        before, after = (each.images[name].mean(axis=(0, 1)) for name in ("source", "output"))
        np.testing.assert_allclose(before, (0, 10 * each.index, 10 * each.index), atol=6)
        np.testing.assert_allclose(after, (200, 10 * each.index, 10 * each.index), atol=6)


def test_frames_in_a_folder_are_found_by_name_among_older_ones(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    for index, image in enumerate(shaded(8, red=200), 1):
        cv2.imwrite(str(tmp_path / "out" / f"{index:06d}.png"), image[..., ::-1])
    source = make_clip(tmp_path / "in.mp4", shaded(8))
    found = run_thumbnails(report_of(source, tmp_path / "out", [5, 6, 7]))
    assert [each.index for each in found] == [5, 6, 7]
    assert [each.images["output"][0, 0].tolist() for each in found] == [[200, 10 * i, 10 * i] for i in (5, 6, 7)]


def test_wide_pixels_are_shown_wide(tmp_path: Path) -> None:
    clip = make_clip(tmp_path / "in.mp4", shaded(2), sample_aspect=Fraction(2))
    (first, _) = run_thumbnails(report_of(clip, clip, [0, 1]))
    assert {image.shape for image in first.images.values()} == {(36, 96, 3)}


def test_frames_that_are_gone_cost_only_the_pictures(tmp_path: Path) -> None:
    text = page("t", report_of(tmp_path / "in.mp4", tmp_path / "out.mp4", [0, 1]), None, "")
    assert "no frames are shown" in text
    assert "does not exist" in text
    assert "Loss over time" in text
    assert "<img" not in text


@pytest.mark.parametrize(("count", "places"), [(1, [0]), (2, [0, 1]), (3, [0, 1, 2]), (300, [50, 150, 299])])
def test_sample_places(count: int, places: list[int]) -> None:
    assert sample_places(count) == places


# --- a browser --------------------------------------------------------------------------------------------------------

BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)


@pytest.mark.skipif(BROWSER is None, reason="no Chromium here")
@pytest.mark.timeout(120)
def test_a_browser_shows_it(tmp_path: Path) -> None:
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
    assert (blank < 1).mean() > 0.4, "the rows that show something"
    yellow = (np.abs(image.astype(int) - (240, 220, 40)).max(axis=2) < 24).sum()
    assert yellow > 2000, "the disc in the frames: pictures are shown"
    blue = (np.abs(image.astype(int) - (0x1C, 0x5F, 0xAE)).max(axis=2) < 8).sum()
    assert blue > 1000, "curves have the style sheet's color"
