"""A virtual camera for other programs: a v4l2loopback device on Linux, written by FFmpeg's output for such devices."""

from __future__ import annotations

import sys
from contextlib import suppress
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

from videostyle.errors import BadOption, RunFailed
from videostyle.frames import Size
from videostyle.webcam.recorder import fit

REMEDY = (
    "on Debian and Ubuntu: apt-get install v4l2loopback-dkms, modprobe v4l2loopback video_nr=10, then give /dev/video10"
)

ACCEPTED = "a v4l2loopback device such as /dev/video10, on Linux"


class VirtualCamera:
    """Writes pictures of one size to a loopback device."""

    def __init__(self, device: Path, size: Size):
        """size: (height, width). Raises BadOption if the device is not a virtual camera."""
        self.device, self.size = device, (size[0] // 2 * 2, size[1] // 2 * 2)
        flag = f"--virtual-camera {device}"
        if sys.platform != "linux":
            raise BadOption(f"{flag}: virtual cameras exist on Linux only", ACCEPTED)
        if not device.exists():
            raise BadOption(f"{flag} does not exist", ACCEPTED, REMEDY)
        try:
            self._container = av.open(str(device), "w", format="v4l2")
            stream = self._container.add_stream("rawvideo", rate=Fraction(30), width=self.size[1], height=self.size[0])
            stream.pix_fmt = "yuv420p"
            self._container.start_encoding()
        except (av.FFmpegError, ValueError) as error:
            raise BadOption(f"{flag} takes no picture: {error}", ACCEPTED, REMEDY) from error
        self._stream, self._number = stream, 0

    def show(self, picture: np.ndarray) -> None:
        """Write a uint8 RGB picture, fitted into the size of the first one. Raises RunFailed if the device is gone."""
        frame = av.VideoFrame.from_ndarray(fit(picture, self.size), format="rgb24").reformat(format="yuv420p")
        frame.pts, self._number = self._number, self._number + 1
        try:
            self._container.mux(self._stream.encode(frame))
        except av.FFmpegError as error:
            raise RunFailed(f"{self.device} takes no more pictures: {error}", todo="load v4l2loopback again") from error

    def close(self) -> None:
        """Close the device, if it is still there."""
        with suppress(av.FFmpegError):
            self._container.close()
