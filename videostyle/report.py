"""What a run tells while it works and when it is done. Records only; the command line prints them."""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from videostyle.frames import Size


@dataclass(frozen=True)
class Notice:
    """A line the user should read; nothing failed."""

    text: str


@dataclass(frozen=True)
class Counting:
    """The quick first pass is at this frame (from 1)."""

    frame: int


@dataclass(frozen=True)
class Plan:
    """What is about to be painted. sizes: (height, width). look: a file that always holds the newest painted frame."""

    input: Path
    output: Path
    source_size: Size
    size: Size
    frames: int
    shots: int
    device: str
    look: Path


@dataclass(frozen=True)
class Estimate:
    """Seconds the whole run will take, from the first measured iterations."""

    seconds: float


@dataclass(frozen=True)
class Painting:
    """One iteration was done. frame, shot: from 1, within the run. loss: L now. fraction: of the whole run's work done,
    in [0, 1]. remaining: seconds, None while unknown."""

    frame: int
    frames: int
    shot: int
    shots: int
    loss: float
    fraction: float
    remaining: float | None


@dataclass(frozen=True)
class Measuring:
    """A frame was measured. frame: from 1. fraction: of the whole, in [0, 1]. remaining: seconds, None while unknown."""

    frame: int
    frames: int
    fraction: float
    remaining: float | None


@dataclass(frozen=True)
class Lesson:
    """What is about to be learned. clips: to learn on. pairs: of frames that were chosen in them. size: (height, width) of the
    first clip's frames. look: a file that always holds a frame as it is painted so far."""

    output: Path
    clips: int
    pairs: int
    size: Size
    device: str
    look: Path


@dataclass(frozen=True)
class Learning:
    """A step of a training was done. step: from 1. loss: L before it, of one frame. held: L of the frames held back when last
    looked at, None before. fraction: of the training, in [0, 1]. remaining: seconds, None while unknown."""

    step: int
    loss: float
    held: float | None
    fraction: float
    remaining: float | None


Event = Notice | Counting | Plan | Estimate | Painting | Measuring | Lesson | Learning


@dataclass(frozen=True)
class FrameRecord:
    """One painted frame. index: ordinal in the source, from 0. loss: L at the end; loss_star: L without its temporal
    term; untrusted: the share of new pixels in [0, 1]; seconds: spent on the iterations."""

    index: int
    time: Fraction
    shot: int
    iterations: int
    loss: float
    loss_star: float
    untrusted: float
    seconds: float


def frame_as_json(record: FrameRecord) -> dict[str, object]:
    """The record as JSON has it: its time an exact fraction as text, a loss that is no finite number null."""
    losses = {"loss": record.loss, "loss_star": record.loss_star}
    return (
        asdict(record)
        | {name: loss if math.isfinite(loss) else None for name, loss in losses.items()}
        | {"time": str(record.time)}
    )


def frame_from_json(values: dict[str, Any]) -> FrameRecord:
    """The record of which `frame_as_json` made this."""
    losses = {name: math.nan if values[name] is None else values[name] for name in ("loss", "loss_star")}
    return FrameRecord(**(values | losses | {"time": Fraction(values["time"])}))


@dataclass(frozen=True)
class RunReport:
    """A finished run. size, painted_size: (height, width) of the output, and at which it was painted, None where unknown.
    seconds: wall time, and that of the frames painted by a run that this one went on from. peak_memory: bytes of resident
    memory at the highest, of this process. skipped: damaged packets and frames of the source that were left out."""

    output: Path
    size: Size
    frames: tuple[FrameRecord, ...]
    shots: int
    seconds: float
    peak_memory: int
    device: str
    options: dict[str, object]
    versions: dict[str, str]
    notices: tuple[str, ...] = field(default=())
    skipped: int = 0
    painted_size: Size | None = None


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


@dataclass(frozen=True)
class FrameMeasure:
    """One frame, measured. Each figure is None where there is nothing to take it from; metrics.py has the formulas.

    index, time: of the source's frame, from 0; shot: from 1. warp, floor: warp error at each gap, of output and source.
    all_pixel: the same difference over every pixel, squared; tof: pixels; flicker: of what does not move. untrusted: the
    share of pixels left out at gap 1, 1 where the frame has no earlier one. gram, gram_layers, embedding, content: relative
    distances from style and source, on some of the frames; embedding only where its package is installed. luminance,
    contrast: mean and deviation. The names that begin with source_ or end in floor are the source's own.
    """

    index: int
    time: Fraction
    warp: dict[int, float | None]
    floor: dict[int, float | None]
    all_pixel: float | None
    tof: float | None
    flicker: float | None
    flicker_floor: float | None
    untrusted: float
    gram: float | None
    gram_layers: dict[str, float] | None
    content: float | None
    ssim: float
    sharpness: float
    luminance: float
    contrast: float
    source_luminance: float
    source_contrast: float
    shot: int = 1
    source_sharpness: float | None = None
    source_gram: float | None = None
    all_pixel_floor: float | None = None
    embedding: float | None = None
    source_embedding: float | None = None


@dataclass(frozen=True)
class Pictured:
    """A frame to look at: source, output and warp error at gap 1 as colours, each uint8 (H, W, 3) RGB; heat is None where
    there is no frame to compare with."""

    index: int
    source: np.ndarray
    output: np.ndarray
    heat: np.ndarray | None


@dataclass(frozen=True)
class Measurement:
    """A painted clip, measured. size: (height, width) measured at. summary, floor: the mean of each metric over the
    frames that have it, of the output and of the source itself. skipped: how many pairs and frames were left out, and why.
    """

    source: Path
    output: Path
    styles: tuple[Path, ...]
    size: Size
    frames: tuple[FrameMeasure, ...]
    summary: dict[str, float | None]
    floor: dict[str, float | None]
    skipped: dict[str, int]
    options: dict[str, object]
    versions: dict[str, str]
    notices: tuple[str, ...]
    pictures: tuple[Pictured, ...]


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
        "frames": [asdict(each) | {"time": str(each.time)} for each in measurement.frames],
    }
    path.write_text(json.dumps(without_nan(content), indent=1, allow_nan=False) + "\n", encoding="utf-8")
