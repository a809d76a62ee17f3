"""Small trainings for tests: a moving disc as the clip, a thin VGG-19, a tiny style network, 24 steps."""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import partial
from pathlib import Path

import cv2
import numpy as np
import pytest

from tests.support.clips import gradient
from tests.support.style_models import SMALL
from videostyle.config import TrainJob
from videostyle.errors import Cancelled
from videostyle.events import Event, TrainingProgress
from videostyle.training.train import train

SIZE = (48, 64)
STEPS = 24

train_small = partial(train, shape=SMALL)


def moving(count: int) -> list[np.ndarray]:
    """A bright disc crosses a colored slope."""
    return [cv2.circle(gradient(*SIZE, step=90), (12 + 3 * i, 24), 9, (240, 220, 40), -1) for i in range(count)]


def training_job(style: Path, clip: Path, output: Path, **options) -> TrainJob:
    return TrainJob(
        styles=(style,), on=(clip,), output=output, **({"steps": STEPS, "threads": 1, "size": 64} | options)
    )


def stop_after(steps: int, job: TrainJob) -> None:
    """Train until this step, then cancel."""
    cancel = threading.Event()

    def watch(event: Event) -> None:
        if isinstance(event, TrainingProgress) and event.step == steps:
            cancel.set()

    with pytest.raises(Cancelled):
        train_small(job, watch, cancel)


def listener(kind: type, events: list) -> Callable[[Event], None]:
    """A progress function that collects the events of one kind."""
    return lambda event: events.append(event) if isinstance(event, kind) else None
