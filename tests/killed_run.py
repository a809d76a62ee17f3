"""What the processes that test_kills kills do: one run on the thin network, with a checkpoint every few frames."""

from __future__ import annotations

from tests.thin_vgg import thin_vgg
from videostyle import Job, checkpoint, painter, run


def paint(job: Job) -> None:
    painter.load_features = lambda name, device: thin_vgg()
    checkpoint.SECONDS_BETWEEN = 0.1
    checkpoint.SHARE_OF_TIME = 1.0
    run(job)
