"""`webcam(job)`: a camera, stylized live. It starts the three threads of the preview and closes them at the end.

The capture thread keeps the newest camera frame. The main thread composes and shows the picture. The worker thread stylizes
the newest frame whenever it is idle. No thread waits for another.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from functools import partial

import cv2
import numpy as np

from videostyle.config import WebcamJob
from videostyle.errors import BadOption
from videostyle.option_values import style_name
from videostyle.style_images import style_pictures
from videostyle.webcam.browser import BrowserDisplay
from videostyle.webcam.camera import Camera, Capture, open_camera
from videostyle.webcam.interfaces import Display, LiveStylizer
from videostyle.webcam.loop import PreviewLoop
from videostyle.webcam.outputs import check_recording
from videostyle.webcam.window import Window, check_screen
from videostyle.webcam.worker import StylizerWorker


def webcam(
    job: WebcamJob,
    say: Callable[[str], None] = print,
    stop: Callable[[], bool] = lambda: False,
    camera: Camera | None = None,
    display: Display | None = None,
) -> None:
    """Show a camera, stylized live, until a key, a closed window, the job's duration or `stop` ends it.

    say: called with lines for the user. stop: called before every frame. camera, display: to be used instead of the job's.
    Call it from the main thread: some systems allow windows only there. Raises a child of VideoStyleError for everything that
    a user can fix; a recording is finished and playable then.
    """
    if mixed := next((style for style in job.styles if style_name(style).all), None):
        raise BadOption(
            f"style {mixed} mixes images, and the preview shows one at a time", todo="name the images themselves"
        )
    styles = [style_pictures(path)[0] for path in job.styles]
    check_recording(job)
    if display is None and job.serve is None:
        check_screen()
    cv2.setNumThreads(1)  # for small pictures threads cost more than they bring, and the stylizer has the other core
    with ExitStack() as stack:
        capture = Capture(camera or open_camera(job.camera, job.size))
        stack.callback(capture.close)
        capture.start()
        worker = StylizerWorker(partial(make_stylizer, job, styles))
        stack.callback(worker.close)
        worker.start()
        loop = PreviewLoop(job, styles, capture, display or open_display(job, say), worker, say)
        stack.callback(loop.close)
        loop.run(stop)


def make_stylizer(job: WebcamJob, styles: list[np.ndarray]) -> LiveStylizer:
    """Build the stylizer, in the worker thread: torch is imported here, which takes seconds."""
    from videostyle.models.devices import resolve_device
    from videostyle.webcam.stylizers import live_stylizer

    return live_stylizer(job, styles, resolve_device(job.device))


def open_display(job: WebcamJob, say: Callable[[str], None]) -> Display:
    """The window, or the page in a browser. Raises BadOption if the page cannot be served at the job's address."""
    if job.serve is None:
        return Window(job.fullscreen)
    display = BrowserDisplay(job.host, job.serve)
    say(f"the picture is at {display.address}; Ctrl-C ends it")
    return display
