"""A recording of what is shown, each frame at the time it was captured."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import cv2  # before av: the window hangs where FFmpeg's libraries were loaded before OpenCV's
import numpy as np

import av  # isort: skip

from videostyle.errors import RunFailed
from videostyle.frames import Size
from videostyle.media.color.encode import video_frame
from videostyle.media.color.matrices import default_tags
from videostyle.media.containers import container_of
from videostyle.media.encoding import CODECS, Encoding, EncodingRequest, add_video_stream, choose_encoder

WAITING = 30  # frames that may wait for the encoder; then the picture waits for it too

TICK = Fraction(1, 1000)  # seconds; Matroska's and WebM's clock


class Recorder:
    """Writes pictures of one size into a video; its suffix says how. It plays from the first second on, finished or not.

    Raises OSError where the file cannot be opened.
    """

    def __init__(self, path: Path, size: Size):
        self.path = path
        pixels = choose_encoder(EncodingRequest(), path.suffix, 8)
        pixels = pixels._replace(options={**pixels.options, **CODECS[container_of(path).codec].live_options})
        rows, columns = pixels.sides
        size = size[0] // rows * rows, size[1] // columns * columns
        color = default_tags(size[0])
        self.encoding = Encoding(pixels, size, TICK, Fraction(30), Fraction(1), color)
        self.began: float | None = None
        self.last = -1
        self.frames: queue.Queue[tuple[np.ndarray, int] | None] = queue.Queue(WAITING)
        self.error: Exception | None = None
        self.ended = False  # whether no more frames come
        # a file object: FFmpeg would take a name such as a:b.mp4 for a protocol
        self.file = path.open("wb", buffering=0)
        self.thread = threading.Thread(target=self._write, daemon=True)
        self.thread.start()

    def add(self, picture: np.ndarray, time: float) -> None:
        """Takes a uint8 RGB picture and its time in seconds; one of another size is fitted in. Raises RunFailed."""
        self._check()
        self.began = time if self.began is None else self.began
        pts = round((time - self.began) / TICK)
        if pts > self.last:
            self.last = pts
            self.frames.put((picture, pts))

    def close(self) -> None:
        """Finishes the video. Raises RunFailed where it could not be written."""
        self.frames.put(None)
        self.thread.join()
        self._check()

    def _check(self) -> None:
        if self.error is not None:
            problem = f"{self.path} cannot be recorded any further: {self.error}"
            raise RunFailed(problem, todo="what was recorded so far can be played; make room, or choose another place")

    def _write(self) -> None:
        try:
            with self.file:
                self._encode()
        except Exception as error:
            self.error = error
            for _ in self._given():  # nobody may wait for an encoder that is gone
                pass

    def _given(self) -> Iterator[tuple[np.ndarray, int]]:
        """The frames up to the last, once."""
        while not self.ended:
            given = self.frames.get()
            if given is None:
                self.ended = True
            else:
                yield given

    def _encode(self) -> None:
        form = container_of(self.path)
        with av.open(self.file, "w", format=form.format, options=dict(form.live_options or {})) as container:
            stream = add_video_stream(container, self.encoding)
            for picture, pts in self._given():
                picture = fitted(picture, self.encoding.size)
                frame = video_frame(picture, self.encoding.settings.pix_fmt, self.encoding.color)
                frame.pts, frame.time_base = pts, TICK
                container.mux(stream.encode(frame))
            container.mux(stream.encode(None))


def fitted(picture: np.ndarray, size: Size) -> np.ndarray:
    """A uint8 RGB picture in one of this (height, width): as large as fits, black beside it."""
    if picture.shape[:2] == size:
        return picture
    scale = min(size[0] / picture.shape[0], size[1] / picture.shape[1])
    height, width = (max(1, min(most, round(side * scale))) for side, most in zip(picture.shape[:2], size, strict=True))
    canvas = np.zeros((*size, 3), np.uint8)
    top, left = (size[0] - height) // 2, (size[1] - width) // 2
    canvas[top : top + height, left : left + width] = cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA)
    return canvas
