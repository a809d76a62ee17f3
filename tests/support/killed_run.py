"""What the processes that test_kills kills do: one run on the thin network, with a checkpoint every few frames."""

from __future__ import annotations

from tests.support.thin_vgg import thin_weights
from videostyle import Job
from videostyle.events import Progress
from videostyle.models.weights import WEIGHTS
from videostyle.rendering.checkpoint import Interval
from videostyle.rendering.run import render


def paint(job: Job) -> None:
    WEIGHTS["vgg19"] = thin_weights
    render(job, Progress(None, None), Interval(0.1, 1.0))
