"""Runs whose values change over time, with several styles, and with less than the whole style."""

from __future__ import annotations

import json
from dataclasses import replace

import cv2
import numpy as np
import pytest

from tests.support.clips import make_style_image
from tests.support.runs import iterations, names_in
from tests.support.style_models import example, written
from videostyle import Job, MeasureJob, measure, run
from videostyle.errors import BadOption
from videostyle.media.image_sources import FolderSource
from videostyle.models.model_file import to_bytes
from videostyle.option_groups import ReadingOptions


@pytest.fixture(scope="session")
def styles(tmp_path_factory):
    """Two style images, soft noise and stripes."""
    folder = tmp_path_factory.mktemp("styles")
    stripes = np.zeros((40, 40, 3), np.uint8)
    stripes[::4] = (40, 200, 240)
    cv2.imwrite(str(folder / "stripes.png"), stripes)
    return make_style_image(folder / "noise.png"), folder / "stripes.png"


def job_of(input, styles, output, **options) -> Job:
    return Job(
        input=input, styles=styles, output=output, **({"first_iterations": 8, "iterations": 2, "threads": 1} | options)
    )


def pictures(folder) -> list[np.ndarray]:
    """The frames of a folder."""
    return [frame.image for frame in FolderSource(folder, ReadingOptions()).frames()]


def test_the_report_has_the_value_of_each_frame(clip, styles, tmp_path):
    """By hand, from the clip's times 0, 40, 90, 160 and 200 ms. A part of the clip has the values of the whole."""
    options = {"style_weight": "0: 10; 4: 30", "mix": "40ms: 1,0; 0.2s: 0,1 ease", "strength": "0: 1; 160ms: 0.5 step"}
    whole = run(job_of(clip, styles, tmp_path / "whole", **options))
    assert [value for (value,) in whole.values["style_weight"]] == pytest.approx([10, 14, 19, 26, 30])
    assert [value for (value,) in whole.values["strength"]] == [1, 1, 1, 0.5, 0.5]
    eased = [3 * t**2 - 2 * t**3 for t in (0, 0, 50 / 160, 120 / 160, 1)]
    assert np.allclose(whole.values["mix"], [(1 - share, share) for share in eased])
    part = run(job_of(clip, styles, tmp_path / "part", frames="3:4", **options))
    assert part.values == {name: values[2:4] for name, values in whole.values.items()}


def test_reports(folder, styles, tmp_path):
    """The JSON and the page have the schedules as text, and the result is measured against the mix of the moment."""
    reports = tmp_path / "r.json", tmp_path / "r.html"
    run(job_of(folder, styles, tmp_path / "out", mix="0: 1,0; 4: 0,1", strength="0: 1; 4: 0.5", report=reports))
    content = json.loads(reports[0].read_text(encoding="utf-8"))
    assert content["options"]["mix"] == "0f: 1,0; 4f: 0,1"
    assert content["values"]["strength"] == [[1.0], [0.875], [0.75], [0.625], [0.5]]
    page = reports[1].read_text(encoding="utf-8")
    assert "--mix &#39;0f: 1,0; 4f: 0,1&#39;" in page
    assert "<b>--strength</b>" in page


def test_half_and_half_lies_between_its_ends(folder, styles, tmp_path):
    """By the Gram distance from each of the two styles."""
    distances = []
    for mix in ("1,0", "1,1", "0,1"):
        output = tmp_path / mix
        run(job_of(folder, styles, output, mix=mix, frames=1, first_iterations=60))
        job = MeasureJob(source=folder, output=output, styles=styles, frames=1, device="cpu")
        distances.append([measure(replace(job, styles=(style,))).summary["gram"] for style in styles])
    for from_style in (np.array(distances)[:, 0], np.array(distances)[::-1, 1]):
        assert from_style[0] < from_style[1] < from_style[2]


def test_a_schedule_of_one_value_is_that_value(folder, styles, tmp_path):
    """To the byte."""
    run(job_of(folder, styles, tmp_path / "a", style_weight=30.0, strength=0.5, mix="0.2,0.8"))
    run(job_of(folder, styles, tmp_path / "b", style_weight="0: 30", strength="0: 0.5; 3: 0.5", mix="2: 1,4"))
    for first, second in zip(pictures(tmp_path / "a"), pictures(tmp_path / "b"), strict=True):
        np.testing.assert_array_equal(first, second)


def test_each_shot_has_its_style(two_shots, styles, tmp_path):
    """The second shot is the one that a run of its style alone makes; a part keeps the numbers of the whole."""
    run(job_of(two_shots, styles, tmp_path / "turns", each_shot=True))
    run(job_of(two_shots, styles[1:], tmp_path / "alone"))
    turns, alone = pictures(tmp_path / "turns"), pictures(tmp_path / "alone")
    for first, second in zip(turns[3:], alone[3:], strict=True):
        np.testing.assert_array_equal(first, second)
    assert not np.array_equal(turns[0], alone[0])
    report = run(job_of(two_shots, styles, tmp_path / "part", each_shot=True, frames="5:6"))
    assert report.values["mix"] == ((0, 1), (0, 1))


def test_strength_0_writes_the_frame(folder, styles, tmp_path):
    """Without iterations, also where only the luminance is stylized; then the style comes in."""
    for name, options in (("plain", {}), ("gray", {"keep_colors": True})):
        report = run(job_of(folder, styles[:1], tmp_path / name, strength="0: 0; 2: 0; 4: 1", **options))
        assert iterations(report)[:3] == [0, 0, 0]
        assert min(iterations(report)[3:]) > 0
        for number, (own, source) in enumerate(zip(pictures(tmp_path / name), pictures(folder), strict=True)):
            assert np.array_equal(own, source) == (number < 3)


def test_strength_lies_between_frame_and_style(folder, styles, tmp_path):
    """The farther from the frame the more of it."""
    source, distances = pictures(folder)[0].astype(float), []
    for strength in (0.0, 0.3, 1.0):
        output = tmp_path / f"{10 * strength:.0f}"
        run(job_of(folder, styles[:1], output, strength=strength, frames=1, first_iterations=40))
        distances.append(float(np.abs(pictures(output)[0] - source).mean()))
    assert distances[0] == 0
    assert 1 < distances[1] < 0.9 * distances[2]


@pytest.mark.parametrize("model", [False, True])
def test_blend(folder, styles, tmp_path, model):
    """Opacity over the clip, of every engine. It is not carried on: the frames are those of the whole picture, mixed."""
    styles = (written(tmp_path, to_bytes(example())),) if model else styles[:1]
    steps = {} if model else {"first_iterations": 8, "iterations": 2}
    for name, blend in (("whole", 1.0), ("part", "0: 0.25; 4: 0.75"), ("none", 0.0)):
        run(Job(input=folder, styles=styles, output=tmp_path / name, threads=1, blend=blend, **steps))
    for number, source in enumerate(pictures(folder)):
        whole, part, none = (pictures(tmp_path / name)[number].astype(float) for name in ("whole", "part", "none"))
        np.testing.assert_array_equal(none, source)
        share = 0.25 + 0.5 * number / 4
        assert np.abs(part - (share * whole + (1 - share) * source)).max() <= 1


def test_a_range_does_not_continue_from_a_blended_frame(folder, styles, tmp_path):
    run(job_of(folder, styles[:1], tmp_path / "out", frames="7:8", blend=0.5))
    report = run(job_of(folder, styles[:1], tmp_path / "out", frames="9:9", blend=0.5, overwrite=True))
    assert iterations(report) == [8]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"style_weight": "0: 1; 5: 2"}, "the key 5f of --style-weight is beyond the end: the clip is 5 frames long"),
        ({"strength": "0: 1; 0.25s: 0"}, "the key 0.25s of --strength is beyond the end: the clip is 0.24 s long"),
        ({"mix": "0: 1,0; 2shot: 0,1"}, "the key 2shot of --mix is beyond the end: the clip is 1 shot long"),
        ({"blend": "0: 1; 1shot: 0"}, "the keys 0f and 1shot of --blend are at one time; leave one of them out"),
        ({"blend": "4: 1; 0.1s: 0"}, "the keys 4f and 0.1s of --blend are out of order; write the earlier one first"),
    ],
)
def test_what_does_not_fit_the_clip_is_refused(clip, styles, tmp_path, options, message):
    """Before anything is stylized, and nothing is left behind. What lies outside the selection is no matter."""
    with pytest.raises(BadOption) as refused:
        run(job_of(clip, styles, tmp_path / "out", frames=2, **options))
    assert str(refused.value).startswith(message)
    assert names_in(tmp_path) == []


def test_seconds_of_a_folder_at_another_rate(folder, styles, tmp_path):
    options = {"style_weight": "0: 1; 0.1s: 2", "fps": "24"}
    with pytest.raises(
        BadOption, match="keys in seconds count 25 frames a second in a folder and cannot go with --fps 24"
    ):
        run(job_of(folder, styles, tmp_path / "out.mkv", **options))
