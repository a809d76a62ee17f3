"""The picture as a camera for other programs: v4l2loopback on Linux, by FFmpeg's own output for such devices."""

from __future__ import annotations

import sys
from contextlib import suppress
from fractions import Fraction
from pathlib import Path

import cv2  # noqa: F401  before av: the window hangs where FFmpeg's libraries were loaded before OpenCV's
import numpy as np

import av  # isort: skip

from videostyle.errors import BadOption, RunFailed
from videostyle.frames import Size
from videostyle.webcam.recorder import fitted

REMEDY = (
    "on Debian and Ubuntu: apt-get install v4l2loopback-dkms, modprobe v4l2loopback video_nr=10, then give /dev/video10"
)

ACCEPTED = "a v4l2loopback device such as /dev/video10, on Linux"


class VirtualCamera:
    """Writes pictures of one size to a loopback device. Raises BadOption where it cannot be one."""

    def __init__(self, device: Path, size: Size):
        self.device, self.size = device, (size[0] // 2 * 2, size[1] // 2 * 2)
        flag = f"--virtual-camera {device}"
        if sys.platform != "linux":
            raise BadOption(f"{flag}: there are virtual cameras on Linux only", ACCEPTED)
        if not device.exists():
            raise BadOption(f"{flag} does not exist", ACCEPTED, REMEDY)
        try:
            self.container = av.open(str(device), "w", format="v4l2")
            stream = self.container.add_stream("rawvideo", rate=Fraction(30), width=self.size[1], height=self.size[0])
            stream.pix_fmt = "yuv420p"
            self.container.start_encoding()
        except (av.FFmpegError, ValueError) as error:
            raise BadOption(f"{flag} takes no picture: {error}", ACCEPTED, REMEDY) from error
        self.stream, self.number = stream, 0

    def show(self, picture: np.ndarray) -> None:
        """Offers a uint8 RGB picture, fitted into the first one's size. Raises RunFailed where the device is gone."""
        frame = av.VideoFrame.from_ndarray(fitted(picture, self.size), format="rgb24").reformat(format="yuv420p")
        frame.pts, self.number = self.number, self.number + 1
        try:
            self.container.mux(self.stream.encode(frame))
        except av.FFmpegError as error:
            raise RunFailed(f"{self.device} takes no more pictures: {error}", todo="load v4l2loopback again") from error

    def close(self) -> None:
        with suppress(av.FFmpegError):  # the device may be gone, and with it whatever was to be closed
            self.container.close()
