"""The table of metrics, their means over a clip, and drift."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from videostyle.models.vgg import STYLE_LAYERS
from videostyle.reports.records import FrameMeasure

Figure = Callable[[FrameMeasure], float | None]


def gram_at(layer: str) -> Figure:
    return lambda each: None if each.gram_layers is None else each.gram_layers[layer]


# the output's figure of each metric, and the source's own, None where it has none or is what is compared with
METRICS: dict[str, tuple[Figure, Figure]] = {
    "warp_1": (lambda each: each.warp[1], lambda each: each.floor[1]),
    "warp_10": (lambda each: each.warp[10], lambda each: each.floor[10]),
    "all_pixel": (lambda each: each.all_pixel, lambda each: each.all_pixel_floor),
    "tof": (lambda each: each.tof, lambda each: None),
    "flicker": (lambda each: each.flicker, lambda each: each.flicker_floor),
    "untrusted": (lambda each: None if each.all_pixel is None else each.new_share, lambda each: None),
    "gram": (lambda each: each.gram, lambda each: each.source_gram),
    **{f"gram_{layer}": (gram_at(layer), lambda each: None) for layer in STYLE_LAYERS},
    "embedding": (lambda each: each.embedding, lambda each: each.source_embedding),
    "content": (lambda each: each.content, lambda each: None),
    "ssim": (lambda each: each.ssim, lambda each: None),
    "sharpness": (lambda each: each.sharpness, lambda each: each.source_sharpness),
    "luminance": (lambda each: each.luminance, lambda each: each.source_luminance),
    "contrast": (lambda each: each.contrast, lambda each: each.source_contrast),
}


def summary_of(frames: Sequence[FrameMeasure]) -> dict[str, float | None]:
    """The mean of each metric over the frames that have it, and how far light and contrast drift from first to last."""
    return _means_and_drift({name: [of(each) for each in frames] for name, (of, _) in METRICS.items()})


def floor_of(frames: Sequence[FrameMeasure]) -> dict[str, float | None]:
    """The same of the source itself; None where a metric compares with the source."""
    return _means_and_drift({name: [of(each) for each in frames] for name, (_, of) in METRICS.items()})


def _means_and_drift(values: dict[str, list[float | None]]) -> dict[str, float | None]:
    means = {name: mean(each) for name, each in values.items()}
    ends = {name: (values[name][0], values[name][-1]) for name in ("luminance", "contrast")}
    return means | {
        f"{name}_drift": None if first is None or last is None else last - first for name, (first, last) in ends.items()
    }


def mean(values: Sequence[float | None]) -> float | None:
    """The mean of what is there; None where nothing is."""
    present = [each for each in values if each is not None]
    return float(np.mean(present)) if present else None
