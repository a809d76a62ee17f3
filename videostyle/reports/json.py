"""Run reports and measurements as JSON, schema 1.

The keys are documented and stay as they are, so that programs can rely on them. Most are the names of the fields in
records.py; KEYS has the exceptions.
"""

from __future__ import annotations

import json
import math
from dataclasses import asdict, fields
from fractions import Fraction
from pathlib import Path
from typing import Any

from videostyle.reports.records import FrameRecord, Measurement, RunReport

KEYS = {"spatial_loss": "loss_star", "new_share": "untrusted"}
"""Fields whose JSON key differs from their name: schema 1 is older than the names of the fields."""

LOSSES = ("loss", "spatial_loss")


def frame_as_json(record: FrameRecord) -> dict[str, object]:
    """A frame's record as JSON values: the time is an exact fraction as text, a loss that is not finite is null."""
    values = asdict(record) | {"time": str(record.time)}
    for name in LOSSES:
        values[name] = values[name] if math.isfinite(values[name]) else None
    return with_keys(values)


def frame_from_json(values: dict[str, Any]) -> FrameRecord:
    """The inverse of `frame_as_json`; a loss that is null becomes NaN."""
    by_field = {field.name: values[KEYS.get(field.name, field.name)] for field in fields(FrameRecord)}
    losses = {name: math.nan if by_field[name] is None else by_field[name] for name in LOSSES}
    return FrameRecord(**(by_field | losses | {"time": Fraction(by_field["time"])}))


def with_keys(values: dict[str, Any]) -> dict[str, object]:
    """Values by field name, as values by JSON key."""
    return {KEYS.get(name, name): value for name, value in values.items()}


def write_report(report: RunReport, path: Path) -> None:
    """Write a run as JSON.

    Keys: schema (1), output, width, height, shots, seconds, peak_memory (bytes), device, options, origins (where each option
    came from that is not a default), shot_options (by the number of a shot, the options that it had in place of the run's),
    versions, notices, skipped (damaged packets and frames that were skipped), mixed (the places where the run was resumed with
    other libraries, processor or threads: index, from 0, and differences), values (of the options that change over time, by
    name: for each frame a list of one number, of mix one for each style), and frames: index (from 0), time (seconds, an exact
    fraction as text), shot (from 1 over the whole source), iterations, loss, loss_star (the spatial loss: L without its
    temporal term), untrusted (the new share: pixels to which the previous frame does not apply), seconds.
    """
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
        "origins": report.origins,
        "shot_options": report.shot_options,
        "versions": report.versions,
        "notices": list(report.notices),
        "skipped": report.skipped,
        "mixed": [asdict(place) for place in report.mixed],
        "values": report.values,
        "frames": [frame_as_json(frame) for frame in report.frames],
    }
    path.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


def without_nan(value: Any) -> Any:
    """The value with null for every number that is not finite, at any depth, and with text for every key."""
    if isinstance(value, dict):
        return {str(name): without_nan(item) for name, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [without_nan(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def write_measurement(measurement: Measurement, path: Path) -> None:
    """Write a measurement as JSON.

    Keys: schema (1), source, output, styles, width, height, summary and floor (warp_1, warp_10, all_pixel, tof, flicker,
    untrusted, new, gram, gram_LAYER, gram_new, gram_rest, embedding, embedding_new, content, content_new, content_rest,
    color_drift, color_new, unpainted, ssim, sharpness, luminance, contrast, luminance_drift, contrast_drift), skipped
    (cut_GAP: pairs across a cut; empty_GAP: pairs without a pixel to compare; no_flow: pairs without a flow file; moving:
    pairs in which nothing is still; small_new: frames with an embedding in which what is new is too small for one of its
    own; damaged: packets and frames), options, origins, versions, notices, and frames: the fields of FrameMeasure with the
    time in seconds as an exact fraction as text, gaps as text, and untrusted for new_share.
    """
    content = {
        "schema": 1,
        "source": str(measurement.source),
        "output": str(measurement.output),
        "styles": [str(style) for style in measurement.styles],
        "width": measurement.size[1],
        "height": measurement.size[0],
        "summary": measurement.summary,
        "floor": measurement.floor,
        "skipped": measurement.skipped,
        "options": measurement.options,
        "origins": measurement.origins,
        "versions": measurement.versions,
        "notices": measurement.notices,
        "frames": [with_keys(asdict(frame) | {"time": str(frame.time)}) for frame in measurement.frames],
    }
    path.write_text(json.dumps(without_nan(content), indent=1, allow_nan=False) + "\n", encoding="utf-8")
