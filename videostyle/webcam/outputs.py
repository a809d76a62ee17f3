"""Where the painted picture goes besides the screen: recordings, snapshots, a virtual camera."""

from __future__ import annotations

import time
from pathlib import Path

import cv2
import numpy as np

from videostyle.config import WebcamJob
from videostyle.errors import BadOutput
from videostyle.frames import Size
from videostyle.media.containers import RECORDABLE
from videostyle.media.output_paths import check_folder
from videostyle.webcam.recorder import Recorder
from videostyle.webcam.virtual_camera import VirtualCamera


def check_recording(job: WebcamJob) -> None:
    """Raises BadOutput where the recording cannot be written."""
    path = job.record
    if path is None:
        return
    if path.suffix.lower() not in RECORDABLE:
        raise BadOutput(f"--record {path}", f"a name ending in {', '.join(RECORDABLE)}")
    check_folder(path, "--record")
    if path.is_dir() or (path.exists() and not job.overwrite):
        raise BadOutput(f"--record {path} exists", todo="choose another name or give --overwrite")


def free_name(suffix: str, folder: Path = Path()) -> Path:
    """A name that tells the time and that no file has: videostyle-20260131-154500.png, then ...-154500-2.png."""
    stem = time.strftime("videostyle-%Y%m%d-%H%M%S")
    path, number = folder / f"{stem}{suffix}", 1
    while path.exists():
        number += 1
        path = folder / f"{stem}-{number}{suffix}"
    return path


def save_snapshot(picture: np.ndarray) -> Path:
    """Writes a uint8 RGB picture as a PNG into the current folder. Raises OSError."""
    path = free_name(".png")
    _, data = cv2.imencode(".png", picture[..., ::-1])
    path.write_bytes(data.tobytes())
    return path


class Outputs:
    """Takes every shown picture, without words on it. Opened with the first, whose size they keep."""

    def __init__(self, job: WebcamJob):
        self.wanted = job.record
        self.recorder: Recorder | None = None
        self.virtual = job.virtual_camera
        self.camera: VirtualCamera | None = None

    def add(self, picture: np.ndarray, time: float) -> None:
        """picture: uint8 RGB. time: when it was captured, in seconds. Raises RunFailed, BadOption and OSError."""
        size = picture.shape[0], picture.shape[1]
        if self.wanted is not None:
            self.toggle_recording(size)
        if self.recorder is not None:
            self.recorder.add(picture, time)
        if self.virtual is not None:
            self.camera, self.virtual = VirtualCamera(self.virtual, size), None
        if self.camera is not None:
            self.camera.show(picture)

    def toggle_recording(self, size: Size) -> str:
        """Begins a recording of pictures of this size, or finishes the one that goes on; says which. Raises OSError where it
        cannot begin, RunFailed where it cannot be finished."""
        if self.recorder is not None:
            return self._finish(self.recorder)
        path, self.wanted = self.wanted or free_name(".mp4"), None
        self.recorder = Recorder(path, size)
        return f"recording {path}"

    def _finish(self, recorder: Recorder) -> str:
        self.recorder = None
        recorder.close()
        return f"recorded {recorder.path}"

    @property
    def recording(self) -> bool:
        return self.recorder is not None

    def close(self) -> list[str]:
        """Finishes everything; says what was. Raises RunFailed."""
        if self.camera is not None:
            self.camera.close()
        return [self._finish(self.recorder)] if self.recorder is not None else []
