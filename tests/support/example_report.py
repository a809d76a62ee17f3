"""A made-up run and measurement. `python -m tests.support.example_report FILE.html` writes their page, to look at."""

from __future__ import annotations

import sys
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np

from tests.support.clips import gradient
from videostyle.reports.page import write_page
from videostyle.reports.records import FrameMeasure, FrameRecord, Measurement, RunReport, SampleFrame

COUNT, CUT = 300, 170
COMMAND = "videostyle run clip.mp4 'starry night.jpg' --size 320 --report look.html"
VERSIONS: dict[str, str] = {"videostyle": "0.1.0", "torch": "2.9.1", "opencv-python": "4.12.0"}


def example_run(count: int = COUNT, cut: int = CUT) -> RunReport:
    """Two shots at 29.97 frames per second. Both start with many iterations; one loss is NaN."""
    wobble = np.random.default_rng(1).normal(0, 1, (3, count))
    records = []
    for index in range(count):
        since = index if index < cut else index - cut
        first = since == 0
        loss = 1.9 + 0.25 * np.exp(-since / 12) + 0.1 * np.sin(index / 40) + 0.02 * wobble[0, index]
        records.append(
            FrameRecord(
                index=index,
                time=Fraction(1001 * index, 30000),
                shot=1 if index < cut else 2,
                iterations=200 if first else max(2, round(5 + 2 * wobble[1, index])),
                loss=float("nan") if index == 40 else float(loss),
                spatial_loss=float(loss - (0 if first else 0.12)),
                new_share=1.0 if first else float(0.03 + 0.02 * abs(wobble[2, index])),
                seconds=120.0 if first else 4.2,
            )
        )
    return RunReport(
        output=Path("clip_starry night.mp4"),
        size=(180, 320),
        frames=tuple(records),
        shots=2,
        seconds=1503.2,
        peak_memory=1_180_000_000,
        device="cpu",
        options={"input": "clip.mp4", "styles": ["starry night.jpg"], "size": 320, "keep_colors": False, "codec": None},
        versions=VERSIONS,
        notices=("clip.mp4 is interlaced; its frames are deinterlaced",),
        skipped=2,
    )


def run_of(source: Path, output: Path, indices: list[int]) -> RunReport:
    """A run of these files, whose frames have these ordinals in the source."""
    records = tuple(FrameRecord(index, Fraction(index, 25), 1, 1, 1.0, 1.0, 0.1, 0.1) for index in indices)
    return replace(example_run(1), output=output, frames=records, options={"input": str(source)})


def example_measurement(count: int = COUNT, cut: int = CUT) -> Measurement:
    return Measurement(
        source=Path("clip.mp4"),
        output=Path("clip_starry night.mp4"),
        styles=(Path("starry night.jpg"),),
        size=(180, 320),
        frames=tuple(example_measure(index, cut) for index in range(count)),
        summary={"warp_1": 0.01823, "warp_10": 0.0412, "flicker": 0.0031, "gram": 0.214, "content": 0.87, "tof": None},
        floor={"warp_1": 0.0092, "warp_10": 0.0288, "flicker": 0.0012},
        skipped={"damaged": 2, "cut_1": 1, "cut_10": 10, "small_new": 12},
        options={"gaps": (1, 10), "every": 10},
        versions=VERSIONS,
        notices=("frames 41 to 60 could not be measured",),
        pictures=tuple(example_pictures(index) for index in sorted({0, count // 2, count - 1})),
    )


def example_measure(index: int, cut: int) -> FrameMeasure:
    """A frame of the measurement: frames 40 to 59 and pairs across the cut have no warp error; every tenth has distances."""
    since, noise = (index if index < cut else index - cut), float(np.random.default_rng(index).normal())
    known = not 40 <= index < 60
    warp = {gap: 0.006 * gap**0.5 * (3 + 0.3 * noise) if known and since >= gap else None for gap in (1, 10)}
    light = 0.42 + 0.05 * np.sin(index / 25) + (0.1 if index >= cut else 0)
    return FrameMeasure(
        index=index,
        time=Fraction(1001 * index, 30000),
        shot=1 if index < cut else 2,
        warp=warp,
        floor={gap: None if value is None else 0.006 * gap**0.5 for gap, value in warp.items()},
        all_pixel=0.02,
        tof=None,
        flicker=0.003,
        flicker_floor=0.001,
        new_share=1.0 if since == 0 else 0.04,
        gram=None if index % 10 else 0.21 + 0.02 * noise,
        gram_layers={"relu1_1": 0.1},
        content=None if index % 10 else 0.87 + 0.03 * noise,
        ssim=0.4,
        sharpness=0.1,
        luminance=float(light + 0.01 * noise),
        contrast=0.2,
        source_luminance=float(light - 0.06),
        source_contrast=0.2,
        embedding=None if index % 10 else 0.31 + 0.02 * noise,
        source_embedding=None if index % 10 else 0.9,
        new=None if since == 0 else 0.16,
        gram_new=None if index % 10 or since == 0 else 0.5 + 0.08 * noise,
        gram_rest=None if index % 10 else 0.18 + 0.02 * noise,
        color_drift=None if since == 0 else 3.5 + since / 60 + 0.3 * noise,
        source_color_drift=None if since == 0 else 1.5 + 0.1 * noise,
        color_new=None if since < 8 else 5.5 + 0.5 * noise,
        source_color_new=None if since < 8 else 2.0 + 0.1 * noise,
    )


def example_pictures(index: int) -> SampleFrame:
    source = cv2.circle(gradient(180, 320, step=90), (40 + index % 240, 90), 30, (240, 220, 40), -1)
    noise = np.random.default_rng(index).integers(0, 256, (45, 80, 3), np.uint8)
    strokes = cv2.resize(noise, (320, 180), interpolation=cv2.INTER_CUBIC)
    output = cv2.addWeighted(source, 0.7, strokes, 0.3, 0)
    error = cv2.absdiff(source, output).mean(axis=2).astype(np.uint8)
    heat = cv2.cvtColor(cv2.applyColorMap(error, cv2.COLORMAP_INFERNO), cv2.COLOR_BGR2RGB)
    return SampleFrame(index, source, output, heat)


if __name__ == "__main__":
    write_page(
        Path(sys.argv[1]),
        title="clip.mp4 in the style of starry night.jpg",
        run=example_run(),
        measurement=example_measurement(),
        command=COMMAND,
    )
