"""Reading back what the webcam preview recorded."""

from __future__ import annotations

from pathlib import Path

import av


def frames_of(path: Path) -> list[tuple[float, float]]:
    """The time in seconds and the mean level of every frame."""
    with av.open(str(path)) as container:
        return [(float(frame.time), frame.to_ndarray(format="rgb24").mean()) for frame in container.decode(video=0)]
