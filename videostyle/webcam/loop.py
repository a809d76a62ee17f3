"""The preview's loop in the main thread, between camera, compositor, stylizer and display."""

from __future__ import annotations

import time
from collections.abc import Callable

import cv2
import numpy as np

from videostyle.config import WebcamJob
from videostyle.frames import Size
from videostyle.webcam.camera import CameraFrame, Capture
from videostyle.webcam.compositor import Compositor
from videostyle.webcam.interfaces import Display, Request
from videostyle.webcam.keys import KEYS, Controls
from videostyle.webcam.outputs import Outputs, save_snapshot
from videostyle.webcam.overlay import with_text
from videostyle.webcam.stats import FrameStats
from videostyle.webcam.worker import StylizerWorker

WAIT = 0.03
"""Seconds to wait for a new camera frame before the last one is shown again."""

SLOW = 3.0
"""Seconds without a camera frame after which a message says so."""

MESSAGE_SECONDS = 3.0
"""How long a message stays on the picture."""

VIEW = 640
"""Pixels of the longer side that a smaller picture is enlarged to, by a whole factor."""


class PreviewLoop:
    """One preview, from the first camera frame to the last."""

    def __init__(
        self,
        job: WebcamJob,
        styles: list[np.ndarray],
        capture: Capture,
        display: Display,
        worker: StylizerWorker,
        say: Callable[[str], None],
        clock: Callable[[], float] = time.monotonic,
    ):
        """say: called with lines for the user. clock: seconds, the camera frames' own."""
        self.job, self.styles = job, styles
        self.capture, self.display, self.worker = capture, display, worker
        self._say, self._clock = say, clock
        self.controls = Controls(len(styles), blend=job.blend, mirror=job.mirror, beside=job.side_by_side)
        self.outputs, self.stats = Outputs(job), FrameStats(clock)
        self.compositor: Compositor | None = None
        self._newest: CameraFrame | None = None
        self._style = 0
        self._began = clock()
        self._stylized = self._slow = False
        self._message, self._message_until = "h: help", self._began + 2 * MESSAGE_SECONDS

    def run(self, stop: Callable[[], bool]) -> None:
        """Show frames until a key, the job's duration or `stop` ends it.

        Raises the exception that ended the camera, the stylizer or a recording.
        """
        while not (stop() or self.controls.quit or self._time_is_up()):
            self.step()

    def _time_is_up(self) -> bool:
        return self.job.duration is not None and self._clock() - self._began >= self.job.duration

    def step(self) -> None:
        """Wait a moment for the next camera frame, and show the picture."""
        frame = self.capture.wait(self._newest.number if self._newest else 0, WAIT)
        for key in self.display.pressed_keys():
            self.controls.press(key)
        self._watch_camera(frame)
        if frame is not None:
            self._newest = frame
        if self.controls.frozen and self.compositor:
            frame = None
        if frame is not None:
            self._add_frame(frame)
        if self.compositor is None or self.compositor.newest is None:
            return
        self._exchange_with_worker(self.compositor)
        picture = self._mirrored(self.compositor.render(self._clock(), self.controls.blend))
        self._do_pending(picture)
        self.outputs.add(picture, frame.time if frame else self._clock())
        self.display.show(self._decorated(picture, self.compositor.newest.image))
        if frame is not None:
            self.stats.add(frame.time)

    def _watch_camera(self, frame: CameraFrame | None) -> None:
        """Tell the user once if the camera stops for a while."""
        if frame is not None:
            self._slow = False
        elif not self._slow and self._newest is not None and self._clock() - self._newest.time > SLOW:
            self._slow = True
            self.say(f"no picture from the camera for {SLOW:g} seconds; still waiting")

    def _add_frame(self, frame: CameraFrame) -> None:
        """Give a camera frame to the compositor. One of another shape begins a new compositor."""
        size = working_size((frame.image.shape[0], frame.image.shape[1]), self.job.size)
        if self.compositor is None or self.compositor.size != size:
            if self.compositor is not None:
                self.worker.cancel()
                self.say(f"the camera's picture is now {frame.image.shape[1]}x{frame.image.shape[0]}")
            self.compositor = Compositor(size, self.styles[self._style])
        self.compositor.add_frame(cv2.resize(frame.image, (size[1], size[0]), interpolation=cv2.INTER_AREA))

    def _exchange_with_worker(self, compositor: Compositor) -> None:
        """Take the stylized pictures, and submit the newest camera frame if the stylizer is idle."""
        assert compositor.newest is not None
        if self._style != self.controls.style:
            self._style = self.controls.style
            compositor.switch_style(self.styles[self._style], self._clock())
            self.worker.cancel()
            self.say(f"style: {self.job.styles[self._style].name}")
        for layer, picture in self.worker.results():
            compositor.add_picture(layer, picture, self._clock())
            if not self._stylized:
                self._stylized = True
                self._say(f"first stylized picture after {self._clock() - self._began:.1f} seconds")
        if compositor.scene_lost:
            self.worker.cancel()
        if self.worker.idle:
            self.worker.submit(compositor.layer_for_newest(), Request(compositor.newest.image, self._style))

    def _do_pending(self, picture: np.ndarray) -> None:
        """Take a snapshot, start or stop a recording. If the folder cannot be written to, the preview goes on."""
        pending = self.controls.take_pending()
        if "record" in pending:
            try:
                self.say(self.outputs.toggle_recording((picture.shape[0], picture.shape[1])))
            except OSError as error:
                self.say(f"no recording: {error.strerror}")
        if "snapshot" in pending:
            try:
                self.say(f"saved {save_snapshot(picture)}")
            except OSError as error:
                self.say(f"no snapshot: {error.strerror}")

    def say(self, line: str) -> None:
        """Tell the user something, in the terminal and for a while on the picture."""
        self._say(line)
        self._message, self._message_until = line, self._clock() + MESSAGE_SECONDS

    def _mirrored(self, picture: np.ndarray) -> np.ndarray:
        return np.ascontiguousarray(picture[:, ::-1]) if self.controls.mirror else picture

    def _decorated(self, picture: np.ndarray, camera: np.ndarray) -> np.ndarray:
        """The picture for the display: enlarged, with text, and with the camera's own picture beside it if that is on."""
        if self.controls.beside:
            picture = np.hstack([self._mirrored(camera), picture])
        factor = max(1, round(VIEW / max(camera.shape[:2])))
        if factor > 1:
            size = picture.shape[1] * factor, picture.shape[0] * factor
            picture = cv2.resize(picture, size, interpolation=cv2.INTER_CUBIC)
        picture = with_text(picture, self._info_lines())
        return with_text(picture, self._status_lines(), bottom=True)

    def _info_lines(self) -> list[str]:
        """Statistics and help, if they are on."""
        lines = []
        if self.controls.stats:
            lines = [
                f"{self.stats.rate:.0f} frames/s, {1000 * self.stats.latency:.0f} ms behind the camera",
                f"last frame stylized in {self.worker.seconds:.1f} s, pictures so far: {self.worker.pictures}",
                f"style {self._style + 1} of {len(self.styles)}, blend {self.controls.blend:.0%}",
            ]
        if self.controls.help:
            lines += [f"{key}  {action}" for key, action in KEYS.items()]
        return lines

    def _status_lines(self) -> list[str]:
        lines = ["REC"] if self.outputs.recording else []
        lines += ["frozen"] if self.controls.frozen else []
        lines += [self._message] if self._clock() < self._message_until else []
        return lines

    def close(self) -> None:
        """Close the display and finish recordings. Raises RunFailed if a recording could not be finished."""
        self.display.close()
        for line in self.outputs.close():
            self._say(line)


def working_size(camera: Size, longer: int) -> Size:
    """(height, width) of a camera frame scaled so that its longer side is `longer`; both sides are even, as encoders need."""
    scale = longer / max(camera)
    height, width = (max(16, 2 * round(side * scale / 2)) for side in camera)
    return height, width
