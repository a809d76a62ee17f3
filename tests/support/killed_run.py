"""What the processes that test_kills kills do: one run on the thin network, with a checkpoint every few frames."""

from __future__ import annotations

from tests.support.thin_vgg import thin_weights
from videostyle import Job, run
from videostyle.models.weights import WEIGHTS
from videostyle.rendering import checkpoint


def paint(job: Job) -> None:
    WEIGHTS["vgg19"] = thin_weights
    checkpoint.SECONDS_BETWEEN = 0.1
    checkpoint.SHARE_OF_TIME = 1.0
    run(job)
