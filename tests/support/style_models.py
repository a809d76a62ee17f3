"""Style models for tests: a small network that was never trained, and the file that it goes into."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np

from videostyle.models.model_file import StyleModel, to_bytes
from videostyle.models.transformer_net import Shape, arrays_of, new_network

SMALL = Shape(width=8, blocks=2, dilated=1, half=6)


def thumbnail() -> bytes:
    slope = np.linspace(0, 255, 24).astype(np.uint8)
    image = np.dstack([np.tile(slope, (16, 1)), np.full((16, 24), 40, np.uint8), np.full((16, 24), 200, np.uint8)])
    return cv2.imencode(".jpg", cv2.cvtColor(image, cv2.COLOR_RGB2BGR))[1].tobytes()


def example() -> StyleModel:
    return StyleModel(
        shape=dict(vars(SMALL)),
        styles={"waves é.jpg": thumbnail()},
        clips=["in.mp4"],
        settings={"--size": "320", "style 1": "abc"},
        trained={"steps": 12, "seconds": 3.5, "loss": 1.5, "loss_star": 1.25},
        versions={"videostyle": "0.1.0"},
        weights=arrays_of(new_network(SMALL, 0, "cpu")),
    )


def write_style_model(path: Path, seed: int = 0) -> Path:
    """A file of a network that was never trained."""
    path.write_bytes(to_bytes(replace(example(), weights=arrays_of(new_network(SMALL, seed, "cpu")))))
    return path


def written(folder: Path, content: bytes) -> Path:
    """A .vstyle file with this content."""
    path = folder / "model.vstyle"
    path.write_bytes(content)
    return path
