"""The report of a run as JSON: documented keys, exact times, and nothing lost."""

from __future__ import annotations

import json
import math
from fractions import Fraction
from pathlib import Path

from videostyle.reports.json import KEYS, frame_as_json, frame_from_json, write_report
from videostyle.reports.records import FrameRecord, Mixed, RunReport


def report() -> RunReport:
    records = tuple(
        FrameRecord(index, Fraction(1001 * index, 30000), 1 + index // 2, 7 + index, 2.5, 1.25, 0.125, 0.5)
        for index in range(3)
    )
    return RunReport(
        output=Path("a") / "ünder.mp4",
        size=(180, 320),
        frames=records,
        shots=2,
        seconds=12.5,
        peak_memory=123456789,
        device="cpu",
        options={"size": None, "styles": ["s.jpg"], "keep_colors": False},
        origins={"styles": "command line"},
        shot_options={3: {"seed": 7}},
        versions={"torch": "2.9"},
        notices=("one", "two"),
        skipped=4,
        mixed=(Mixed(96, ("torch was 2.8 and is now 2.9",)),),
    )


def test_content(tmp_path):
    """Every key of schema 1, with its value."""
    write_report(report(), tmp_path / "r.json")
    content = json.loads((tmp_path / "r.json").read_text(encoding="utf-8"))
    frames = content.pop("frames")
    assert content == {
        "schema": 1,
        "output": str(Path("a") / "ünder.mp4"),
        "width": 320,
        "height": 180,
        "shots": 2,
        "seconds": 12.5,
        "peak_memory": 123456789,
        "device": "cpu",
        "options": {"size": None, "styles": ["s.jpg"], "keep_colors": False},
        "shot_options": {"3": {"seed": 7}},
        "origins": {"styles": "command line"},
        "versions": {"torch": "2.9"},
        "notices": ["one", "two"],
        "skipped": 4,
        "mixed": [{"index": 96, "differences": ["torch was 2.8 and is now 2.9"]}],
        "values": {},
    }
    assert frames[2] == {
        "index": 2,
        "time": "1001/15000",
        "shot": 2,
        "iterations": 9,
        "loss": 2.5,
        "loss_star": 1.25,
        "untrusted": 0.125,
        "seconds": 0.5,
    }
    assert [Fraction(frame["time"]) for frame in frames] == [frame.time for frame in report().frames]


def test_keys(tmp_path):
    """Every field of the records has a key."""
    write_report(report(), tmp_path / "r.json")
    content = json.loads((tmp_path / "r.json").read_text(encoding="utf-8"))
    fields = set(RunReport.__dataclass_fields__) - {"size", "stylized_size", "trim"} | {"schema", "width", "height"}
    assert set(content) == fields
    assert set(content["frames"][0]) == {KEYS.get(name, name) for name in FrameRecord.__dataclass_fields__}


def test_loss_not_finite():
    """A loss that is not finite is null, and NaN when it is read back."""
    record = FrameRecord(0, Fraction(0), 1, 1, float("nan"), float("inf"), 0.5, 0.5)
    values = frame_as_json(record)
    assert (values["loss"], values["loss_star"]) == (None, None)
    assert json.loads(json.dumps(values, allow_nan=False)) == values
    assert math.isnan(frame_from_json(values).loss)
