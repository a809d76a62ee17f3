"""Cameras: a device, a stream, or a file that plays as one, and the thread that reads them and keeps the newest frame."""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import cv2
import numpy as np

from videostyle.errors import BadInput, RunFailed

ACCEPTED = "a camera's number such as 0, a device such as /dev/video0, a video file, or a URL"

RETRIES, RETRY_PAUSE = 20, 0.1
"""How often a device that gives no picture is asked again, and the seconds in between."""

MAX_DELAY = 0.5
"""Seconds that the playback of a file may lag behind its timestamps; beyond that it continues from where it is."""

DEFAULT_FRAME_TIME = 1 / 30
"""Seconds for each frame of a file without timestamps."""

SMALLEST, LARGEST_WIDTH = (480, 640), 1920
"""Limits of the size that a device is asked for, (height, width); many are slow at their own largest size."""


@dataclass(frozen=True)
class CameraFrame:
    """One image from a camera."""

    image: np.ndarray
    """uint8 RGB (H, W, 3)."""
    number: int
    """From 1."""
    time: float
    """When it arrived, in seconds on the monotonic clock."""


class Clock(Protocol):
    """What a camera needs of a clock; the module `time` is one."""

    def monotonic(self) -> float: ...

    def sleep(self, seconds: float, /) -> None: ...


class Camera(Protocol):
    """A source of images that is read by one thread."""

    def read(self) -> np.ndarray:
        """Wait for the next image, uint8 RGB (H, W, 3); its size may change. Raises RunFailed if there will be none."""
        ...

    def close(self) -> None:
        """Release the camera; called by the thread that reads."""
        ...


OpenCapture = Callable[..., Any]
"""Opens a video source as cv2.VideoCapture does."""


def open_camera(name: str, width: int = 640) -> Camera:
    """Open the camera with this number, device, file or URL. width: pixels that a device is asked for, at least 640.

    Raises BadInput if there is none, or if it may not be opened, is in use, or gives no picture.
    """
    # the errors raised here say more than OpenCV's own lines on the terminal
    cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
    if "://" in name:
        return StreamCamera(name)
    if name.isdigit() or name.startswith("/dev/"):
        return DeviceCamera(name, width)
    if Path(name).is_file():
        return FileCamera(Path(name))
    raise BadInput(f"--camera {name}: there is no such file", ACCEPTED)


def _opened(source: str | int, problem: str, todo: str, open_capture: OpenCapture) -> Any:
    """OpenCV's capture, after a first picture. Raises BadInput with this problem and todo if there is none."""
    capture = open_capture(source)
    if not (capture.isOpened() and capture.read()[0]):
        capture.release()
        raise BadInput(problem, ACCEPTED, todo)
    return capture


class DeviceCamera:
    """A camera by its number or device."""

    def __init__(self, name: str, width: int, open_capture: OpenCapture = cv2.VideoCapture, clock: Clock = time):
        """Raises BadInput, see open_camera."""
        self.name, self._clock = name, clock
        path = Path(f"/dev/video{name}" if name.isdigit() else name)
        if sys.platform == "linux":
            _check_device(name, path)
        problem = f"--camera {name} gives no picture: it may be in use"
        todo = "close the program that uses it, or try another --camera; a video FILE plays as a camera too"
        self._capture = _opened(int(name) if name.isdigit() else name, problem, todo, open_capture)
        width = min(LARGEST_WIDTH, max(SMALLEST[1], width))
        self._capture.set(cv2.CAP_PROP_FRAME_WIDTH, width)
        self._capture.set(cv2.CAP_PROP_FRAME_HEIGHT, width * SMALLEST[0] // SMALLEST[1])
        self._capture.set(cv2.CAP_PROP_BUFFERSIZE, 1)

    def read(self) -> np.ndarray:
        """The next image. Raises RunFailed if the device has given none for two seconds."""
        for _ in range(RETRIES):
            ok, image = self._capture.read()
            if ok:
                return image[..., ::-1]
            self._clock.sleep(RETRY_PAUSE)
        raise RunFailed(f"camera {self.name} gives no more pictures", todo="plug it in again and start anew")

    def close(self) -> None:
        """Release the device."""
        self._capture.release()


def _check_device(name: str, path: Path) -> None:
    """Raises BadInput if a Linux device does not exist or may not be opened."""
    if not path.exists():
        existing = sorted(str(device) for device in Path("/dev").glob("video*"))
        hint = f"there are {', '.join(existing)}" if existing else "this machine has no camera"
        raise BadInput(
            f"--camera {name}: there is no {path}; {hint}", ACCEPTED, "plug a camera in, or name a video file"
        )
    if not os.access(path, os.R_OK | os.W_OK):
        todo = "add yourself to the group that owns it (often: sudo usermod -aG video $USER) and log in again"
        raise BadInput(f"--camera {name}: you have no permission to open {path}", todo=todo)


class StreamCamera:
    """A stream by its URL, read as fast as it comes."""

    def __init__(self, url: str):
        """Raises BadInput if it cannot be opened."""
        self.url = url
        problem, todo = f"--camera {url} gives no picture", "check the address; a browser or a player may say more"
        self._capture = _opened(url, problem, todo, cv2.VideoCapture)

    def read(self) -> np.ndarray:
        """The next image. Raises RunFailed if the stream has ended."""
        ok, image = self._capture.read()
        if not ok:
            raise RunFailed(f"the stream {self.url} has ended", todo="check the sender and start anew")
        return image[..., ::-1]

    def close(self) -> None:
        """Close the connection."""
        self._capture.release()


class FileCamera:
    """A video file that plays at its own speed, over and over."""

    def __init__(self, path: Path, clock: Clock = time):
        """Raises BadInput if it holds no picture."""
        self.path, self._clock = path, clock
        self._capture = _opened(str(path), f"--camera {path} is not a video", "", cv2.VideoCapture)
        self._began = self._due = 0.0
        self._rewind()

    def read(self) -> np.ndarray:
        """The next image, when it is due; after the last comes the first. Raises RunFailed if the file is gone."""
        ok, image = self._capture.read()
        if not ok:
            self._rewind()
            ok, image = self._capture.read()
            if not ok:
                raise RunFailed(f"{self.path} cannot be read any more", todo="bring the file back and start anew")
        early = self._began + self._next_due() - self._clock.monotonic()
        self._began -= min(
            0.0, early + MAX_DELAY
        )  # after a long pause, as when the machine slept, nothing is caught up
        self._clock.sleep(max(0.0, early))
        return image[..., ::-1]

    def _next_due(self) -> float:
        """When the image that was just read is due, in seconds after the first."""
        timestamp = self._capture.get(cv2.CAP_PROP_POS_MSEC) / 1000
        self._due = timestamp if timestamp > self._due else self._due + DEFAULT_FRAME_TIME
        return self._due

    def _rewind(self) -> None:
        """Start again from the first image, one frame's time after the last."""
        self._capture.release()
        self._capture = cv2.VideoCapture(str(self.path))
        self._began = self._clock.monotonic() + DEFAULT_FRAME_TIME
        self._due = -DEFAULT_FRAME_TIME

    def close(self) -> None:
        """Close the file."""
        self._capture.release()


class Capture(threading.Thread):
    """Reads a camera in a thread of its own and keeps the newest frame; earlier ones are dropped, never queued."""

    def __init__(self, camera: Camera):
        super().__init__(daemon=True)
        self._camera = camera
        self._changed = threading.Condition()
        self._newest: CameraFrame | None = None
        self._error: Exception | None = None
        self._ending = False

    def run(self) -> None:
        """Read until the end; an error of the camera is raised by `wait`."""
        number = 0
        try:
            while not self._ending:
                image = np.ascontiguousarray(self._camera.read())
                number += 1
                self._put(CameraFrame(image, number, time.monotonic()))
        except Exception as error:
            with self._changed:
                self._error = error
                self._changed.notify_all()
        finally:
            self._camera.close()

    def _put(self, frame: CameraFrame) -> None:
        with self._changed:
            self._newest = frame
            self._changed.notify_all()

    def wait(self, after: int, seconds: float) -> CameraFrame | None:
        """The newest frame, once its number is higher than `after`; None if that takes longer than this.

        Raises the exception that ended the camera.
        """
        with self._changed:
            self._changed.wait_for(lambda: self._error or (self._newest and self._newest.number > after), seconds)
            if self._error:
                raise self._error
            return self._newest if self._newest and self._newest.number > after else None

    def close(self) -> None:
        """End the thread; if the camera is stuck, it is left behind."""
        self._ending = True
        self.join(1.0)
