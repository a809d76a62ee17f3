"""`webcam(job)`: the camera, painted as one looks on. Like pipeline.py it joins media and torch; each in a thread of its own.

The camera's thread keeps the newest frame; the main thread carries what is painted to it and shows it; the painter's thread
takes a frame whenever it is free. Nobody waits for another.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from functools import partial

import cv2
import numpy as np

from videostyle.config import WebcamJob
from videostyle.style_images import style_pictures
from videostyle.webcam.camera import Camera, Capture, open_camera
from videostyle.webcam.interfaces import Display, LiveStylizer
from videostyle.webcam.loop import Session
from videostyle.webcam.outputs import check_recording
from videostyle.webcam.window import Window, check_screen
from videostyle.webcam.worker import Background


def webcam(
    job: WebcamJob,
    tell: Callable[[str], None] = print,
    stop: Callable[[], bool] = lambda: False,
    camera: Camera | None = None,
    display: Display | None = None,
) -> None:
    """Show the camera painted, until a key, the window, the time or `stop` ends it.

    tell: called with lines for the user. stop: asked before each frame. camera, display: others than the job's. Call it from
    the main thread: some systems allow a window there only. Raises a child of VideoStyleError for what a user can mend; a
    recording is finished and playable then.
    """
    styles = [style_pictures(path)[0] for path in job.styles]
    check_recording(job)
    if display is None and job.serve is None:
        check_screen()
    cv2.setNumThreads(1)  # for a small picture threads cost more than they bring, and the painter has the other core
    with ExitStack() as opened:
        capture = Capture(camera or open_camera(job.camera, job.size))
        opened.callback(capture.close)
        capture.start()
        background = Background(partial(make_stylizer, job, styles))
        opened.callback(background.close)
        background.start()
        session = Session(job, styles, capture, display or open_display(job, tell), background, tell)
        opened.callback(session.close)
        session.run(stop)


def make_stylizer(job: WebcamJob, styles: list[np.ndarray]) -> LiveStylizer:
    """Loads torch, which takes seconds."""
    from videostyle.models.devices import resolve_device
    from videostyle.webcam.stylizers import live_stylizer

    return live_stylizer(job, styles, resolve_device(job))


def open_display(job: WebcamJob, tell: Callable[[str], None]) -> Display:
    """The window, or the page. Raises BadOption where the page's address cannot be had."""
    if job.serve is None:
        return Window(job.fullscreen)
    from videostyle.webcam.browser import Page

    page = Page(job.host, job.serve)
    tell(f"the picture is at {page.address}; Ctrl-C ends it")
    return page
