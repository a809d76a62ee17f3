"""Run reports and measurements as JSON."""

from __future__ import annotations

import json
import math
from dataclasses import asdict
from fractions import Fraction
from pathlib import Path
from typing import Any

from videostyle.reports.records import FrameRecord, Measurement, RunReport

# keys of schema 1 that differ from the names of the fields
KEYS = {"spatial_loss": "loss_star", "new_share": "untrusted"}


def frame_as_json(record: FrameRecord) -> dict[str, object]:
    """The record as JSON has it: its time an exact fraction as text, a loss that is no finite number null."""
    values = asdict(record) | {"time": str(record.time)}
    for name in ("loss", "spatial_loss"):
        values[name] = values[name] if math.isfinite(values[name]) else None
    return with_keys(values)


def frame_from_json(values: dict[str, Any]) -> FrameRecord:
    """The record of which `frame_as_json` made this."""
    fields = {name: values[KEYS.get(name, name)] for name in FrameRecord.__dataclass_fields__}
    losses = {name: math.nan if fields[name] is None else fields[name] for name in ("loss", "spatial_loss")}
    return FrameRecord(**(fields | losses | {"time": Fraction(fields["time"])}))


def with_keys(values: dict[str, Any]) -> dict[str, object]:
    """Fields by the names that they have in the JSON of schema 1."""
    return {KEYS.get(name, name): value for name, value in values.items()}


def write_report(report: RunReport, path: Path) -> None:
    """The run as JSON. Keys: schema (1), output, width, height, shots, seconds, peak_memory (bytes), device, options,
    versions, notices, skipped (damaged packets and frames that were left out), and frames: index (from 0), time (seconds,
    exact fraction as text), shot (from 1), iterations, loss, loss_star, untrusted, seconds."""
    content = {
        "schema": 1,
        "output": str(report.output),
        "width": report.size[1],
        "height": report.size[0],
        "shots": report.shots,
        "seconds": report.seconds,
        "peak_memory": report.peak_memory,
        "device": report.device,
        "options": report.options,
        "versions": report.versions,
        "notices": list(report.notices),
        "skipped": report.skipped,
        "frames": [frame_as_json(each) for each in report.frames],
    }
    path.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


def without_nan(value: Any) -> Any:
    """JSON has no number that is not finite: it becomes null, at any depth, and each key is text."""
    if isinstance(value, dict):
        return {str(name): without_nan(each) for name, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [without_nan(each) for each in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def write_measurement(measurement: Measurement, path: Path) -> None:
    """The measurement as JSON. Keys: schema (1), source, output, styles, width, height, summary and floor (warp_1, warp_10,
    all_pixel, tof, flicker, untrusted, gram, gram_ with each layer, embedding, content, ssim, sharpness, luminance, contrast,
    luminance_drift, contrast_drift), skipped (cut_ and empty_ with each gap: pairs over a cut, or with no pixel that
    counts; no_flow: pairs without a flow file; moving: pairs in which nothing is still; damaged: packets), options,
    versions, notices, and frames: the fields of FrameMeasure, time in seconds as an exact fraction as text, gaps as text.
    """
    content = {
        "schema": 1,
        "source": str(measurement.source),
        "output": str(measurement.output),
        "styles": [str(each) for each in measurement.styles],
        "width": measurement.size[1],
        "height": measurement.size[0],
        "summary": measurement.summary,
        "floor": measurement.floor,
        "skipped": measurement.skipped,
        "options": measurement.options,
        "versions": measurement.versions,
        "notices": measurement.notices,
        "frames": [with_keys(asdict(each) | {"time": str(each.time)}) for each in measurement.frames],
    }
    path.write_text(json.dumps(without_nan(content), indent=1, allow_nan=False) + "\n", encoding="utf-8")
