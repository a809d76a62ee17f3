"""Small runs of the whole program: the clips that they stylize, their jobs, and what is read back from their outputs."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np

from tests.support.clips import gradient
from videostyle import Job
from videostyle.reports.records import RunReport

SIZE = (36, 48)


def moving_disc(count: int) -> list[np.ndarray]:
    """A bright disc crosses a colored slope."""
    return [cv2.circle(gradient(*SIZE, step=90), (10 + 3 * i, 18), 7, (240, 220, 40), -1) for i in range(count)]


def stripes(count: int) -> list[np.ndarray]:
    """Another scene, which stands still."""
    pattern = np.where(np.arange(SIZE[1])[None, :, None] // 6 % 2, 225, 20).astype(np.uint8)
    return [np.tile(pattern, (SIZE[0], 1, 3)) for _ in range(count)]


def quick_job(input: Path, style: Path, output: Path, **options) -> Job:
    """A job of few iterations in one thread."""
    return Job(
        input=input,
        styles=(style,),
        output=output,
        **({"first_iterations": 4, "iterations": 1, "threads": 1} | options),
    )


def frame_times(path: Path) -> list[Fraction]:
    """The times of a video's frames, in seconds."""
    with av.open(str(path)) as file:
        return [frame.pts * frame.time_base for frame in file.decode(video=0)]


def packets(path: Path, kind: str) -> list[tuple[bytes, Fraction]]:
    """Payload and time in seconds of each packet of a file's only stream of a kind ("video", "audio")."""
    with av.open(str(path)) as file:
        (stream,) = getattr(file.streams, kind)
        return [(bytes(packet), packet.pts * stream.time_base) for packet in file.demux(stream) if packet.size]


def names_in(folder: Path) -> list[str]:
    """The names of what a folder holds, sorted."""
    return sorted(path.name for path in folder.iterdir())


def iterations(report: RunReport) -> list[int]:
    """The iterations of each frame."""
    return [frame.iterations for frame in report.frames]
