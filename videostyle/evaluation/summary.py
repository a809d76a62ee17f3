"""The table of metrics, their means over a clip, and drift."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from videostyle.losses.terms import STYLE_LAYERS
from videostyle.reports.records import FrameMeasure

Figure = Callable[[FrameMeasure], float | None]


def no_floor(frame: FrameMeasure) -> None:
    """The floor of a metric that the source itself does not have."""


@dataclass(frozen=True)
class Metric:
    """A metric of a frame."""

    key: str
    """Its name in the table, the page and the JSON."""
    figure: Figure
    """The output's value; None where it was not computed."""
    floor: Figure = no_floor
    """The source's own value; None where the metric compares with the source."""


def gram_distance(layer: str) -> Figure:
    """The Gram distance in one layer."""
    return lambda frame: None if frame.gram_layers is None else frame.gram_layers.get(layer)


METRICS: tuple[Metric, ...] = (
    Metric("warp_1", lambda frame: frame.warp[1], lambda frame: frame.floor[1]),
    Metric("warp_10", lambda frame: frame.warp[10], lambda frame: frame.floor[10]),
    Metric("all_pixel", lambda frame: frame.all_pixel, lambda frame: frame.all_pixel_floor),
    Metric("tof", lambda frame: frame.tof),
    Metric("flicker", lambda frame: frame.flicker, lambda frame: frame.flicker_floor),
    # a frame without an earlier one has a new share of 1, which is no measurement
    Metric("untrusted", lambda frame: None if frame.all_pixel is None else frame.new_share),
    Metric("new", lambda frame: frame.new),
    Metric("gram", lambda frame: frame.gram, lambda frame: frame.source_gram),
    *(Metric(f"gram_{layer}", gram_distance(layer)) for layer in STYLE_LAYERS),
    Metric("gram_new", lambda frame: frame.gram_new, lambda frame: frame.source_gram_new),
    Metric("gram_rest", lambda frame: frame.gram_rest, lambda frame: frame.source_gram_rest),
    Metric("embedding", lambda frame: frame.embedding, lambda frame: frame.source_embedding),
    Metric("embedding_new", lambda frame: frame.embedding_new, lambda frame: frame.source_embedding_new),
    Metric("content", lambda frame: frame.content),
    Metric("content_new", lambda frame: frame.content_new),
    Metric("content_rest", lambda frame: frame.content_rest),
    Metric("color_drift", lambda frame: frame.color_drift, lambda frame: frame.source_color_drift),
    Metric("color_new", lambda frame: frame.color_new, lambda frame: frame.source_color_new),
    Metric("unpainted", lambda frame: frame.unpainted),
    Metric("ssim", lambda frame: frame.ssim),
    Metric("sharpness", lambda frame: frame.sharpness, lambda frame: frame.source_sharpness),
    Metric("luminance", lambda frame: frame.luminance, lambda frame: frame.source_luminance),
    Metric("contrast", lambda frame: frame.contrast, lambda frame: frame.source_contrast),
)
"""Every metric, in the order of the table that `measure` prints."""

DRIFTING = ("luminance", "contrast")
"""Metrics whose drift is reported too."""


def summary_of(frames: Sequence[FrameMeasure]) -> dict[str, float | None]:
    """The mean of each metric over the frames that have it, and drift, by key."""
    return _means_and_drift({metric.key: [metric.figure(frame) for frame in frames] for metric in METRICS})


def floor_of(frames: Sequence[FrameMeasure]) -> dict[str, float | None]:
    """The same of the source itself; None where a metric compares with the source."""
    return _means_and_drift({metric.key: [metric.floor(frame) for frame in frames] for metric in METRICS})


def _means_and_drift(values: dict[str, list[float | None]]) -> dict[str, float | None]:
    """The means, and the difference of the last and the first frame for DRIFTING metrics."""
    means = {key: mean(column) for key, column in values.items()}
    ends = {key: (values[key][0], values[key][-1]) for key in DRIFTING}
    drift = {
        f"{key}_drift": None if first is None or last is None else last - first for key, (first, last) in ends.items()
    }
    return means | drift


def mean(values: Sequence[float | None]) -> float | None:
    """The mean of the values that are not None; None if there are none."""
    present = [value for value in values if value is not None]
    return float(np.mean(present)) if present else None
