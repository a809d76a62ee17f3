"""The loop between camera, canvas, painter and screen."""

from __future__ import annotations

import time
from collections.abc import Callable

import cv2
import numpy as np

from videostyle.config import WebcamJob
from videostyle.frames import Size
from videostyle.webcam.camera import CameraFrame, Capture
from videostyle.webcam.compositor import Canvas
from videostyle.webcam.frame_rate import Figures
from videostyle.webcam.interfaces import Display, Request
from videostyle.webcam.keys import KEYS, Controls
from videostyle.webcam.outputs import Outputs, save_snapshot
from videostyle.webcam.overlay import written_on
from videostyle.webcam.worker import Background

TURN = 0.03  # seconds that a new frame is waited for before the last one is shown again

SLOW = 3.0  # seconds without a frame after which the user hears of it

NOTE = 3.0  # seconds that a note stays on the picture

VIEW = 640  # pixels of the longer side that a smaller painting is enlarged to, by a whole number


class Session:
    """One preview, from the first frame to the last. tell: called with lines for the user."""

    def __init__(
        self,
        job: WebcamJob,
        styles: list[np.ndarray],
        capture: Capture,
        display: Display,
        background: Background,
        tell: Callable[[str], None],
    ):
        self.job, self.styles, self.tell = job, styles, tell
        self.capture, self.display, self.background = capture, display, background
        self.controls = Controls(len(styles), strength=job.strength, mirror=job.mirror, beside=job.side_by_side)
        self.outputs, self.figures = Outputs(job), Figures()
        self.canvas: Canvas | None = None
        self.newest: CameraFrame | None = None
        self.style = 0
        self.began = time.monotonic()
        self.painted = self.slow = False
        self.note, self.note_until = "h: help", self.began + 2 * NOTE

    def run(self, stop: Callable[[], bool]) -> None:
        """Shows frames until a key, the time or `stop` ends it. Raises what ended the camera, the painter or a recording."""
        while not (stop() or self.controls.quit or self._over()):
            self.turn()

    def _over(self) -> bool:
        return self.job.duration is not None and time.monotonic() - self.began >= self.job.duration

    def turn(self) -> None:
        """Waits a moment for the next frame, and shows what there is."""
        shot = self.capture.after(self.newest.number if self.newest else 0, TURN)
        for key in self.display.pressed_keys():
            self.controls.press(key)
        self._notice_slowness(shot)
        self.newest = shot or self.newest
        fresh = shot is not None and not (self.controls.frozen and self.canvas)
        if shot is not None and fresh:
            self._see(shot)
        if self.canvas is None or self.canvas.now is None:
            return
        self._exchange_with_painter(self.canvas)
        picture = self._as_mirrored(self.canvas.picture(time.monotonic(), self.controls.strength))
        self._do_what_was_asked(picture)
        self.outputs.add(picture, shot.time if shot is not None and fresh else time.monotonic())
        self.display.show(self._dressed(picture, self.canvas.now.image))
        if shot is not None and fresh:
            self.figures.shown(shot.time)

    def _notice_slowness(self, shot: CameraFrame | None) -> None:
        """Tells the user once when the camera stops for a while."""
        if shot is not None:
            self.slow = False
        elif not self.slow and self.newest is not None and time.monotonic() - self.newest.time > SLOW:
            self.slow = True
            self.say(f"no picture from the camera for {SLOW:g} seconds; still waiting")

    def _see(self, shot: CameraFrame) -> None:
        """Takes a camera frame; one of another shape than the last begins a new canvas."""
        size = painted_size((shot.image.shape[0], shot.image.shape[1]), self.job.size)
        if self.canvas is None or self.canvas.size != size:
            if self.canvas is not None:
                self.background.break_off()
                self.say(f"the camera's picture is now {shot.image.shape[1]}x{shot.image.shape[0]}")
            self.canvas = Canvas(size, self.styles[self.style])
        self.canvas.see(cv2.resize(shot.image, (size[1], size[0]), interpolation=cv2.INTER_AREA), shot.time)

    def _exchange_with_painter(self, canvas: Canvas) -> None:
        """Takes what is painted, and gives the newest frame to a painter that is free."""
        assert canvas.now is not None
        if self.style != self.controls.style:
            self.style = self.controls.style
            canvas.switch(self.styles[self.style], time.monotonic())
            self.background.break_off()
            self.say(f"style: {self.job.styles[self.style].name}")
        for layer, picture in self.background.take():
            canvas.take(layer, picture, time.monotonic())
            if not self.painted:
                self.painted = True
                self.tell(f"first painted picture after {time.monotonic() - self.began:.1f} seconds")
        if canvas.lost:
            self.background.break_off()
        if self.background.free:
            self.background.give(canvas.begin(), Request(canvas.now.image, self.style))

    def _do_what_was_asked(self, picture: np.ndarray) -> None:
        """A folder that cannot be written ends no preview."""
        asked, self.controls.asked = self.controls.asked, set()
        if "record" in asked:
            try:
                self.say(self.outputs.toggle_recording((picture.shape[0], picture.shape[1])))
            except OSError as error:
                self.say(f"no recording: {error.strerror}")
        if "snapshot" in asked:
            try:
                self.say(f"saved {save_snapshot(picture)}")
            except OSError as error:
                self.say(f"no snapshot: {error.strerror}")

    def say(self, line: str) -> None:
        """Tells the user something, in the terminal and for a while on the picture."""
        self.tell(line)
        self.note, self.note_until = line, time.monotonic() + NOTE

    def _as_mirrored(self, picture: np.ndarray) -> np.ndarray:
        return np.ascontiguousarray(picture[:, ::-1]) if self.controls.mirror else picture

    def _dressed(self, picture: np.ndarray, camera: np.ndarray) -> np.ndarray:
        """The painted picture as it is seen: the camera's beside it where that is wished, large enough, words over it."""
        if self.controls.beside:
            picture = np.hstack([self._as_mirrored(camera), picture])
        times = max(1, round(VIEW / max(camera.shape[:2])))
        if times > 1:
            size = picture.shape[1] * times, picture.shape[0] * times
            picture = cv2.resize(picture, size, interpolation=cv2.INTER_CUBIC)
        picture = written_on(picture, self._words())
        return written_on(picture, self._notes(), bottom=True)

    def _words(self) -> list[str]:
        words = []
        if self.controls.figures:
            words = [
                f"{self.figures.rate:.0f} frames/s, {1000 * self.figures.latency:.0f} ms behind the camera",
                f"painted in {self.background.seconds:.1f} s, {self.background.pictures} pictures",
                f"style {self.style + 1} of {len(self.styles)}, strength {self.controls.strength:.0%}",
            ]
        if self.controls.help:
            words += [f"{key}  {what}" for key, what in KEYS.items()]
        return words

    def _notes(self) -> list[str]:
        shown = [self.note] if time.monotonic() < self.note_until else []
        return [*(["REC"] if self.outputs.recording else []), *(["frozen"] if self.controls.frozen else []), *shown]

    def close(self) -> None:
        """Closes the screen and finishes recordings. Raises RunFailed where one could not be finished."""
        self.display.close()
        for line in self.outputs.close():
            self.tell(line)


def painted_size(size: Size, longer: int) -> Size:
    """`size` scaled so that its longer side is `longer`, both sides even, as videos want them."""
    scale = longer / max(size)
    height, width = (max(16, 2 * round(side * scale / 2)) for side in size)
    return height, width
