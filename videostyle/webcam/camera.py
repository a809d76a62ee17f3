"""Where live pictures come from: a camera, a stream, or a file that plays as a camera. Only the newest picture is kept."""

from __future__ import annotations

import os
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import cv2
import numpy as np

from videostyle.errors import BadInput, RunFailed

ACCEPTED = "a camera's number such as 0, a device such as /dev/video0, a video file, or a URL"

TRIES, PAUSE = 20, 0.1  # a device that gives no picture is asked again after so many seconds, this often

MOST_LATE = 0.5  # seconds that a file may be behind its own pace

UNTOLD_PACE = 1 / 30  # seconds a frame, where a file does not say

SMALLEST, WIDEST = (480, 640), 1920  # asked of a device: (height, width); many are slow at their own largest size


@dataclass(frozen=True)
class CameraFrame:
    """A picture of the camera. image: uint8 RGB (H, W, 3). number: from 1. time: when it arrived, on the monotonic clock."""

    image: np.ndarray
    number: int
    time: float


class Camera(Protocol):
    """A source of pictures that is read by one thread."""

    def read(self) -> np.ndarray:
        """Wait for the next picture, uint8 RGB (H, W, 3); its size may change. Raises RunFailed where none will come."""
        ...

    def close(self) -> None:
        """Release it; called by the thread that reads."""
        ...


def open_camera(name: str, width: int = 640) -> Camera:
    """The camera of this number, device, file or URL. width: pixels a device is asked for, at least 640.

    Raises BadInput where there is none, it may not be opened, is in use, or gives no picture.
    """
    # OpenCV would say in its own words what is said better here
    cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
    if "://" in name:
        return StreamCamera(name)
    if name.isdigit() or name.startswith("/dev/"):
        return DeviceCamera(name, width)
    if Path(name).is_file():
        return FileCamera(Path(name))
    raise BadInput(f"--camera {name}: there is no such file", ACCEPTED)


def _opened(what: str | int, problem: str, todo: str) -> Any:
    """OpenCV's capture, which has given its first picture. Raises BadInput with this problem and todo."""
    capture = cv2.VideoCapture(what)
    if not (capture.isOpened() and capture.read()[0]):
        capture.release()
        raise BadInput(problem, ACCEPTED, todo)
    return capture


class DeviceCamera:
    """A camera by its number or device. Raises BadInput, see open_camera."""

    def __init__(self, name: str, width: int):
        self.name = name
        path = Path(f"/dev/video{name}" if name.isdigit() else name)
        if sys.platform == "linux":
            _check_device(name, path)
        todo = "close the program that uses it, or try another --camera; a video FILE plays as a camera too"
        self.capture = _opened(
            int(name) if name.isdigit() else name, f"--camera {name} gives no picture: it may be in use", todo
        )
        wide = min(WIDEST, max(SMALLEST[1], width))
        self.capture.set(cv2.CAP_PROP_FRAME_WIDTH, wide)
        self.capture.set(cv2.CAP_PROP_FRAME_HEIGHT, wide * SMALLEST[0] // SMALLEST[1])
        self.capture.set(cv2.CAP_PROP_BUFFERSIZE, 1)

    def read(self) -> np.ndarray:
        for _ in range(TRIES):
            found, image = self.capture.read()
            if found:
                return image[..., ::-1]
            time.sleep(PAUSE)
        raise RunFailed(f"camera {self.name} gives no more pictures", todo="plug it in again and start anew")

    def close(self) -> None:
        self.capture.release()


def _check_device(name: str, path: Path) -> None:
    """Raises BadInput where a Linux device is not there or may not be opened."""
    if not path.exists():
        there = sorted(str(each) for each in Path("/dev").glob("video*"))
        found = f"there are {', '.join(there)}" if there else "this machine has none"
        raise BadInput(
            f"--camera {name}: there is no {path}; {found}", ACCEPTED, "plug a camera in, or name a video file"
        )
    if not os.access(path, os.R_OK | os.W_OK):
        todo = "add yourself to the group that owns it (often: sudo usermod -aG video $USER) and log in again"
        raise BadInput(f"--camera {name}: {path} may not be opened by you", todo=todo)


class StreamCamera:
    """A stream by its URL, read as fast as it comes. Raises BadInput where it cannot be opened."""

    def __init__(self, url: str):
        self.url = url
        problem = f"--camera {url} gives no picture"
        self.capture = _opened(url, problem, "check the address; a browser or a player may tell more")

    def read(self) -> np.ndarray:
        found, image = self.capture.read()
        if not found:
            raise RunFailed(f"the stream {self.url} has ended", todo="check the sender and start anew")
        return image[..., ::-1]

    def close(self) -> None:
        self.capture.release()


class FileCamera:
    """A video file that plays at its own pace, over and over. Raises BadInput where it holds no picture."""

    def __init__(self, path: Path):
        self.path = path
        self.capture = _opened(str(path), f"--camera {path} is no video", "")
        self.began = self.due = 0.0
        self._rewind()

    def read(self) -> np.ndarray:
        found, image = self.capture.read()
        if not found:
            self._rewind()
            found, image = self.capture.read()
            if not found:
                raise RunFailed(f"{self.path} cannot be read any more", todo="bring the file back and start anew")
        early = self.began + self._next_due() - time.monotonic()
        self.began -= min(0.0, early + MOST_LATE)  # as after the machine slept: nothing is caught up with
        time.sleep(max(0.0, early))
        return image[..., ::-1]

    def _next_due(self) -> float:
        """When the picture just read is to be seen, in seconds after the first."""
        told = self.capture.get(cv2.CAP_PROP_POS_MSEC) / 1000
        self.due = told if told > self.due else self.due + UNTOLD_PACE
        return self.due

    def _rewind(self) -> None:
        """From the first picture on; it follows the last one by a frame's time."""
        self.capture.release()
        self.capture = cv2.VideoCapture(str(self.path))
        self.began = time.monotonic() + UNTOLD_PACE
        self.due = -UNTOLD_PACE

    def close(self) -> None:
        self.capture.release()


class Capture(threading.Thread):
    """Reads a camera in a thread of its own. Pictures that nobody asked for in time are dropped, never queued."""

    def __init__(self, camera: Camera):
        super().__init__(daemon=True)
        self.camera = camera
        self.news = threading.Condition()
        self.newest: CameraFrame | None = None
        self.error: Exception | None = None
        self.ending = False

    def run(self) -> None:
        number = 0
        try:
            while not self.ending:
                image = np.ascontiguousarray(self.camera.read())
                number += 1
                self._put(CameraFrame(image, number, time.monotonic()))
        except Exception as error:
            with self.news:
                self.error = error
                self.news.notify_all()
        finally:
            self.camera.close()

    def _put(self, shot: CameraFrame) -> None:
        with self.news:
            self.newest = shot
            self.news.notify_all()

    def after(self, number: int, seconds: float) -> CameraFrame | None:
        """The newest picture once there is one later than this number; None where none comes within so many seconds.

        Raises what ended the camera.
        """
        with self.news:
            self.news.wait_for(lambda: self.error or (self.newest and self.newest.number > number), seconds)
            if self.error:
                raise self.error
            return self.newest if self.newest and self.newest.number > number else None

    def close(self) -> None:
        """Ends the thread; a camera that is stuck is left behind."""
        self.ending = True
        self.join(1.0)
