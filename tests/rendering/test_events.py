"""What a run says of itself: its events while it works, and its report."""

from __future__ import annotations

import itertools

import pytest

from tests.support.runs import SIZE, quick_job
from videostyle import run
from videostyle.events import Analyzing, Estimate, Notice, Rendering, RunStarted, Saved
from videostyle.media.images import read_picture


def test_events(two_shots, style, tmp_path):
    """Events come in order, the fraction rises from 0 to 1, and the preview can be read at any time of the run."""
    events, preview_shapes = [], []

    def listen(event):
        events.append(event)
        if isinstance(event, Rendering) and event.frame > 1:
            preview_shapes.append(read_picture(started().preview).image.shape)

    def started():
        return next(event for event in events if isinstance(event, RunStarted))

    report = run(quick_job(two_shots, style, tmp_path / "out.mp4", size=64), progress=listen)
    kinds = [kind for kind, _ in itertools.groupby(type(event) for event in events)]
    assert [kind for kind in kinds if kind is not Estimate] == [
        Notice,
        Saved,
        Analyzing,
        RunStarted,
        Saved,
        Rendering,
        Saved,
    ]
    assert [event.frame for event in events if isinstance(event, Analyzing)] == [1, 2, 3, 4, 5, 6, 7]
    plan = started()
    assert (plan.frames, plan.shots, plan.size, plan.source_size, plan.device) == (7, 2, (48, 64), SIZE, "cpu")
    rendering = [event for event in events if isinstance(event, Rendering)]
    assert len(rendering) == sum(frame.iterations + 1 for frame in report.frames)
    fractions = [event.fraction for event in rendering]
    assert fractions == sorted(fractions)
    assert 0 <= fractions[0] < 0.05
    assert fractions[-1] == pytest.approx(1)
    assert {(event.frame, event.shot) for event in rendering} == {(n, 1 + (n > 3)) for n in range(1, 8)}
    assert set(preview_shapes) == {(48, 64, 3)}
    assert not plan.preview.exists()
    assert any("enlarged" in notice for notice in report.notices)


def test_report(clip, style, tmp_path):
    """The report has the options as they were given, the versions and the device, time and memory."""
    report = run(quick_job(clip, style, tmp_path / "out.mp4"))
    assert report.options["first_iterations"] == 4
    assert report.options["styles"] == [str(style)]
    assert report.options["size"] is None
    assert {"torch", "av", "videostyle"} <= set(report.versions)
    assert report.device == "cpu"
    assert report.peak_memory > 2**26
    assert 0 < sum(frame.seconds for frame in report.frames) <= report.seconds
