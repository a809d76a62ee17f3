"""A recording of the shown pictures as a video, in which every frame has the time of its capture."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
from av.container import OutputContainer
from av.video.stream import VideoStream

from videostyle.errors import RunFailed
from videostyle.frames import Size
from videostyle.media.color.encode import video_frame
from videostyle.media.color.matrices import default_tags
from videostyle.media.containers import container_of
from videostyle.media.encoding import CODECS, Encoding, EncodingRequest, add_video_stream, choose_encoder

QUEUE_LENGTH = 30
"""Frames that may wait for the encoder; beyond that `add` blocks."""

TICK = Fraction(1, 1000)
"""Unit of the timestamps in seconds, as Matroska and WebM have it."""


class Recorder:
    """Encodes pictures of one size into a video, in a thread of its own. The suffix of the file selects the container.

    The file can be played from the first second on, whether it is finished or not.
    """

    def __init__(
        self,
        path: Path,
        size: Size,
        add_stream: Callable[[OutputContainer, Encoding], VideoStream] = add_video_stream,
    ):
        """size: (height, width). add_stream: adds the stream to be encoded. Raises OSError if the file cannot be opened."""
        self.path, self._add_stream = path, add_stream
        settings = choose_encoder(EncodingRequest(), path.suffix, 8)
        settings = settings._replace(options={**settings.options, **CODECS[container_of(path).codec].live_options})
        rows, columns = settings.sides
        size = size[0] // rows * rows, size[1] // columns * columns
        self._encoding = Encoding(settings, size, TICK, Fraction(30), Fraction(1), default_tags(size[0]))
        self._began: float | None = None
        self._last_pts = -1
        self._queue: queue.Queue[tuple[np.ndarray, int] | None] = queue.Queue(QUEUE_LENGTH)
        self._error: Exception | None = None
        self._complete = False  # no more frames will come
        # a file object, because FFmpeg would take a name such as a:b.mp4 for a protocol
        self._file = path.open("wb", buffering=0)
        self._thread = threading.Thread(target=self._write, daemon=True)
        self._thread.start()

    @property
    def waiting(self) -> int:
        """How many frames wait for the encoder."""
        return self._queue.qsize()

    def add(self, picture: np.ndarray, time: float) -> None:
        """Add a uint8 RGB picture with its time in seconds; one of another size is fitted into the video's.

        A picture that is not later than the one before it is dropped. Raises RunFailed if the file cannot be written.
        """
        self._raise_error()
        self._began = time if self._began is None else self._began
        pts = round((time - self._began) / TICK)
        if pts > self._last_pts:
            self._last_pts = pts
            self._queue.put((picture, pts))

    def close(self) -> None:
        """Finish the video. Raises RunFailed if it could not be written."""
        self._queue.put(None)
        self._thread.join()
        self._raise_error()

    def _raise_error(self) -> None:
        if self._error is not None:
            problem = f"{self.path} cannot be recorded any further: {self._error}"
            raise RunFailed(problem, todo="what was recorded so far can be played; make room, or choose another place")

    def _write(self) -> None:
        try:
            with self._file:
                self._encode()
        except Exception as error:
            self._error = error
            for _ in self._queued():  # drain the queue, so that `add` and `close` do not block
                pass

    def _queued(self) -> Iterator[tuple[np.ndarray, int]]:
        """The frames in the queue, up to the last."""
        while not self._complete:
            item = self._queue.get()
            if item is None:
                self._complete = True
            else:
                yield item

    def _encode(self) -> None:
        container = container_of(self.path)
        options = dict(container.live_options or {})
        with av.open(self._file, "w", format=container.format, options=options) as output:
            stream = self._add_stream(output, self._encoding)
            for picture, pts in self._queued():
                fitted = fit(picture, self._encoding.size)
                frame = video_frame(fitted, self._encoding.settings.pix_fmt, self._encoding.color)
                frame.pts, frame.time_base = pts, TICK
                output.mux(stream.encode(frame))
            output.mux(stream.encode(None))


def fit(picture: np.ndarray, size: Size) -> np.ndarray:
    """A uint8 RGB picture scaled to fit into (height, width), centered, with black bars."""
    if picture.shape[:2] == size:
        return picture
    scale = min(size[0] / picture.shape[0], size[1] / picture.shape[1])
    height, width = (max(1, min(most, round(side * scale))) for side, most in zip(picture.shape[:2], size, strict=True))
    fitted = np.zeros((*size, 3), np.uint8)
    top, left = (size[0] - height) // 2, (size[1] - width) // 2
    fitted[top : top + height, left : left + width] = cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA)
    return fitted
