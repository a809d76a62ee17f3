"""`run`, `measure` and the other public functions: stages joined, reports written, and what a failure of one stage costs."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

import videostyle
from tests.support.clips import gradient, make_clip
from tests.support.thin_vgg import thin_weights
from videostyle.config import ExportJob, Job, MeasureJob
from videostyle.errors import BadInput, BadOutput, RunFailed
from videostyle.events import Event, Measuring, Notice, RunStarted
from videostyle.models.weights import WEIGHTS
from videostyle.reports.records import RunReport
from videostyle.workflow import export, measure, measure_run, run

SIZE = (36, 48)


@pytest.fixture(autouse=True)
def thin_network(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(WEIGHTS, "vgg19", thin_weights)


@pytest.fixture
def job(tmp_path: Path) -> Job:
    """A quick run of four frames with a page and a JSON report."""
    pictures = [cv2.circle(gradient(*SIZE, step=90), (10 + 3 * i, 18), 7, (240, 220, 40), -1) for i in range(4)]
    make_clip(tmp_path / "in.mp4", pictures)
    noise = np.random.default_rng(0).integers(0, 256, (40, 50, 3), np.uint8)
    cv2.imwrite(str(tmp_path / "style.png"), cv2.GaussianBlur(noise, (0, 0), 2))
    return Job(
        input=tmp_path / "in.mp4",
        styles=(tmp_path / "style.png",),
        output=tmp_path / "out.mp4",
        report=(tmp_path / "page.html", tmp_path / "r.json"),
        first_iterations=2,
        iterations=1,
        device="cpu",
        threads=1,
    )


def test_reports_of_a_run_from_python(job: Job) -> None:
    """What the command line writes: the page has the measurement that `measure` makes of the output."""
    events: list[Event] = []
    report = run(job, events.append)
    page, values = job.report[0].read_text(encoding="utf-8"), json.loads(job.report[1].read_text())
    assert report.output == job.output
    assert "not measured" not in " ".join(report.notices)
    assert len(values["frames"]) == len(report.frames) == 4
    assert values["options"]["report"] == [str(path) for path in job.report]
    assert f"videostyle run {job.input} {job.styles[0]}" in page
    assert any(isinstance(event, Measuring) for event in events)
    measured = measure(MeasureJob(source=job.input, output=report.output, styles=job.styles, device="cpu", threads=1))
    row = re.search(r"warp 1</th><td>(.*?)</td>", page)
    assert row
    assert row[1] == f"{measured.summary['warp_1']:.4g}"


def test_without_a_page_nothing_is_measured(job: Job) -> None:
    events: list[Event] = []
    run(replace(job, report=job.report[1:]), events.append)
    assert job.report[1].is_file()
    assert not any(isinstance(event, Measuring) for event in events)


def test_a_measurement_that_is_cancelled(job: Job) -> None:
    """The output stands, both reports are written, and a notice says what is missing."""
    cancel = threading.Event()
    report = run(job, lambda event: cancel.set() if isinstance(event, Measuring) else None, cancel)
    assert report.notices[-1] == "the result was not measured: cancelled before the end"
    assert report.output.is_file()
    assert "the result was not measured" in job.report[0].read_text(encoding="utf-8")
    assert job.report[1].is_file()


def test_a_measurement_that_fails(job: Job) -> None:
    def fail(event: Event) -> None:
        if isinstance(event, Measuring):
            raise ZeroDivisionError

    report = run(job, fail)
    assert report.notices[-1] == "the result was not measured: ZeroDivisionError"
    assert report.output.is_file()


def test_a_report_that_cannot_be_written(job: Job) -> None:
    """The output and the other report stand, and the error says so."""

    def block(event: Event) -> None:
        if isinstance(event, RunStarted):
            job.report[1].mkdir()

    with pytest.raises(RunFailed, match=r"out\.mp4 is complete, but not every report .*r\.json: "):
        run(job, block)
    assert job.output is not None
    assert job.output.is_file()
    assert job.report[0].is_file()


def test_notices_of_the_run_are_not_repeated(job: Job) -> None:
    notices: list[str] = []
    run(replace(job, keep_colors=True), lambda event: notices.append(event.text) if isinstance(event, Notice) else None)
    assert len(notices) == len(set(notices))


def report_of(job: Job, output: Path, **sizes: Any) -> RunReport:
    return RunReport(
        output=output,
        size=sizes.pop("size", SIZE),
        frames=(),
        shots=1,
        seconds=1.0,
        peak_memory=1,
        device="cpu",
        options={},
        versions={},
        **sizes,
    )


def test_a_run_is_measured_as_it_was_stylized(job: Job) -> None:
    same = {"style_scale": 0.5, "features": "vgg19", "device": "cpu", "frames": "2:4", "colors": "clip"}
    made = replace(job, flow="none", **same)  # type: ignore[arg-type]
    measured = measure_run(made, report_of(made, job.input, stylized_size=SIZE))
    assert [frame.index for frame in measured.frames] == [1, 2, 3]
    values = {"source": str(job.input), "output": str(job.input), "style": [str(job.styles[0])]}
    assert (same | values | {"flow": "dis", "size": None, "threads": 1}).items() <= measured.options.items()


def test_an_output_that_was_scaled_up_is_measured_at_the_smaller_size(job: Job) -> None:
    made = replace(job, output_size="source", size=32)
    assert measure_run(made, report_of(made, job.input, stylized_size=(24, 32))).size == (24, 32)
    assert measure_run(made, report_of(made, job.input)).size == SIZE


def test_measure_writes_page_and_json(job: Job, tmp_path: Path) -> None:
    page, figures = tmp_path / "m.html", tmp_path / "m.json"
    measuring = MeasureJob(
        source=job.input, output=job.input, styles=job.styles, frames="2", device="cpu", page=page, json=figures
    )
    measured = measure(measuring)
    assert json.loads(figures.read_text())["summary"]["gram"] == measured.summary["gram"]
    assert "videostyle measure" in page.read_text(encoding="utf-8")
    with pytest.raises(BadOutput, match="already exists"):
        measure(measuring)


def test_the_checks_come_first(job: Job, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"gone\.mp4 does not exist"):
        run(replace(job, input=tmp_path / "gone.mp4"))
    with pytest.raises(BadInput, match=r"gone\.vstyle does not exist"):
        export(ExportJob(model=tmp_path / "gone.vstyle"))


# --- the public names ---------------------------------------------------------------------------------------------


def test_public_names() -> None:
    assert videostyle.Job is Job
    assert videostyle.run is run
    assert set(videostyle.__all__) <= set(dir(videostyle))
    for name in videostyle.__all__:
        assert getattr(videostyle, name) is not None
    assert videostyle.__version__
    with pytest.raises(AttributeError, match="no_such_name"):
        _ = videostyle.no_such_name  # type: ignore[attr-defined]


def test_the_package_of_the_preview_offers_its_function() -> None:
    """A function of that name in `videostyle` would hide the package."""
    script = "import sys, videostyle.webcam as w; print(bool({'av', 'torch'} & set(sys.modules)), callable(w.webcam))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout == "False True\n"
    with pytest.raises(ImportError):
        from videostyle.webcam import no_such_name  # type: ignore[attr-defined]  # noqa: F401
