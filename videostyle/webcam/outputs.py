"""Where the stylized picture goes besides the display: recordings, snapshots, a virtual camera."""

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
    """Raise BadOutput if the job's recording cannot be written."""
    path = job.record
    if path is None:
        return
    if path.suffix.lower() not in RECORDABLE:
        raise BadOutput(f"--record {path} cannot be recorded to", f"a name ending in {', '.join(RECORDABLE)}")
    check_folder(path, "--record")
    if path.is_dir() or (path.exists() and not job.overwrite):
        raise BadOutput(f"--record {path} already exists", todo="choose another name, or add --overwrite to replace it")


def unused_name(suffix: str) -> Path:
    """A name in the current folder with the time in it: videostyle-20260131-154500.png, or ...-154500-2.png if that exists."""
    stem = time.strftime("videostyle-%Y%m%d-%H%M%S")
    path, number = Path(f"{stem}{suffix}"), 1
    while path.exists():
        number += 1
        path = Path(f"{stem}-{number}{suffix}")
    return path


def save_snapshot(picture: np.ndarray) -> Path:
    """Write a uint8 RGB picture as a PNG into the current folder. Raises OSError."""
    path = unused_name(".png")
    _, data = cv2.imencode(".png", picture[..., ::-1])
    path.write_bytes(data.tobytes())
    return path


class Outputs:
    """Receives every shown picture, without text. The first picture opens the outputs, which keep its size."""

    def __init__(self, job: WebcamJob):
        self._record_to = job.record  # until that recording has begun
        self._recorder: Recorder | None = None
        self._virtual_device = job.virtual_camera  # until it is open
        self._virtual_camera: VirtualCamera | None = None

    def add(self, picture: np.ndarray, time: float) -> None:
        """picture: uint8 RGB. time: of its capture, in seconds. Raises RunFailed, BadOption and OSError."""
        size = picture.shape[0], picture.shape[1]
        if self._record_to is not None:
            self.toggle_recording(size)
        if self._recorder is not None:
            self._recorder.add(picture, time)
        if self._virtual_device is not None:
            self._virtual_camera, self._virtual_device = VirtualCamera(self._virtual_device, size), None
        if self._virtual_camera is not None:
            self._virtual_camera.show(picture)

    def toggle_recording(self, size: Size) -> str:
        """Begin a recording of pictures of this size, or finish the current one; a message says which.

        Raises OSError if it cannot begin, RunFailed if it cannot be finished.
        """
        if self._recorder is not None:
            return self._finish(self._recorder)
        path, self._record_to = self._record_to or unused_name(".mp4"), None
        self._recorder = Recorder(path, size)
        return f"recording {path}"

    def _finish(self, recorder: Recorder) -> str:
        self._recorder = None
        recorder.close()
        return f"recorded {recorder.path}"

    @property
    def recording(self) -> bool:
        """Whether a recording is under way."""
        return self._recorder is not None

    def close(self) -> list[str]:
        """Finish everything; returns messages for the user. Raises RunFailed."""
        if self._virtual_camera is not None:
            self._virtual_camera.close()
        return [self._finish(self._recorder)] if self._recorder is not None else []
