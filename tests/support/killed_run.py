"""The run that test_kills starts in a process of its own and kills: on the thin network, with frequent checkpoints."""

from __future__ import annotations

from tests.support.thin_vgg import thin_weights
from videostyle import Job
from videostyle.events import Progress
from videostyle.models.weights import WEIGHTS
from videostyle.rendering.checkpoint import Interval
from videostyle.rendering.run import render


def run_on_thin_network(job: Job) -> None:
    """Render with a checkpoint every 0.1 s."""
    WEIGHTS["vgg19"] = thin_weights
    render(job, Progress(None, None), Interval(0.1, 1.0))
