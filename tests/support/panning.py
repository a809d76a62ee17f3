"""Folders of frames whose motion is known: a camera pans over a smooth scene by whole pixels; and how they are measured."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np

from videostyle.config import MeasureJob
from videostyle.evaluation.measure import measure
from videostyle.reports.records import Measurement

SIZE = (48, 64)
COUNT = 14
STEP = 1
"""Pixels that the scene moves to the left in each frame."""


def scene(seed: int = 0, count: int = COUNT) -> np.ndarray:
    """A smooth image wide enough for `count` frames."""
    coarse = np.random.default_rng(seed).integers(80, 176, (6, 10, 3)).astype(np.uint8)
    return cv2.resize(coarse, (SIZE[1] + STEP * count, SIZE[0]), interpolation=cv2.INTER_CUBIC)


def pan(count: int = COUNT, seed: int = 0) -> list[np.ndarray]:
    wide = scene(seed, max(count, COUNT))
    return [wide[:, STEP * index : STEP * index + SIZE[1]] for index in range(count)]


def noisy(images: list[np.ndarray], sigma: float) -> list[np.ndarray]:
    """The images with independent Gaussian noise of this deviation, in 8-bit steps."""
    random = np.random.default_rng(9)
    return [np.clip(image + random.normal(0, sigma, image.shape), 0, 255).round().astype(np.uint8) for image in images]


def image_folder(path: Path, images: list[np.ndarray], first: int = 1) -> Path:
    """A folder with frame_0001.png and so on."""
    path.mkdir()
    for number, image in enumerate(images, first):
        cv2.imwrite(str(path / f"frame_{number:04d}.png"), np.ascontiguousarray(image[..., ::-1]))
    return path


def flow_folder(path: Path, count: int, x: float = -STEP, size: tuple[int, int] = SIZE, first: int = 1) -> Path:
    """Flow files of the pan: what is at p in a frame is at p - (STEP, 0) in the next."""
    path.mkdir()
    for number in range(first, first + count):
        field = np.tile(np.array([x, 0], np.float32), (*size, 1))
        cv2.writeOpticalFlow(str(path / f"frame_{number:04d}.flo"), field)
    return path


def measured(source: Path, output: Path, style: Path, **options: Any) -> Measurement:
    return measure(MeasureJob(source=source, output=output, styles=(style,), device="cpu", **options))
