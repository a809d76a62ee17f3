"""A window on the screen, by OpenCV."""

from __future__ import annotations

import subprocess
import sys

import cv2
import numpy as np

from videostyle.errors import BadOutput

TITLE = "videostyle"

PROBE = "import cv2; cv2.namedWindow('is there a screen?'); cv2.pollKey()"

PROBE_SECONDS = 20


def check_screen() -> None:
    """Raises BadOutput where no window can be opened.

    It is tried in a process of its own: without a display the toolkit inside OpenCV ends the whole process.
    """
    try:
        tried = subprocess.run([sys.executable, "-c", PROBE], capture_output=True, timeout=PROBE_SECONDS)
    except subprocess.TimeoutExpired:
        tried = None
    if tried is None or tried.returncode:
        problem = "no window can be opened: there is no display here"
        raise BadOutput(problem, todo="--serve 8000 shows the picture as a page in a browser")


class Window:
    """Shows pictures and hears keys; used by the thread that made it, which must be the main one on some systems."""

    def __init__(self, fullscreen: bool):
        cv2.namedWindow(TITLE, cv2.WINDOW_NORMAL | cv2.WINDOW_KEEPRATIO | cv2.WINDOW_GUI_NORMAL)
        if fullscreen:
            cv2.setWindowProperty(TITLE, cv2.WND_PROP_FULLSCREEN, cv2.WINDOW_FULLSCREEN)
        self.fullscreen = fullscreen
        self.size: tuple[int, ...] | None = None
        self.pressed: list[str] = []

    def show(self, picture: np.ndarray) -> None:
        """Shows a uint8 RGB (H, W, 3) picture; the window takes its size whenever that changes."""
        if picture.shape != self.size and not self.fullscreen:
            cv2.resizeWindow(TITLE, picture.shape[1], picture.shape[0])
        self.size = picture.shape
        cv2.imshow(TITLE, picture[..., ::-1])
        self._listen()

    def pressed_keys(self) -> list[str]:
        """The keys pressed since it was asked last; a closed window counts as q."""
        pressed, self.pressed = self.pressed, []
        return [*pressed, "q"] if self._was_closed() else pressed

    def _was_closed(self) -> bool:
        if self.size is None:
            return False
        try:
            return cv2.getWindowProperty(TITLE, cv2.WND_PROP_VISIBLE) < 1
        except cv2.error:  # Qt ends with its last window, and OpenCV asks it all the same
            return True

    def _listen(self) -> None:
        """Lets the toolkit draw, and takes in the keys that wait."""
        while (code := cv2.pollKey()) >= 0:
            self.pressed += character(code)

    def close(self) -> None:
        if not self._was_closed():
            cv2.destroyAllWindows()
            cv2.pollKey()


def character(code: int) -> str:
    """What a key's code of OpenCV types; nothing for arrows and the like, whose codes differ by system: their last byte alone
    would be another key's. Above 16 bits GTK has which modifiers are held."""
    code &= 0xFFFF
    return chr(code) if 0 < code < 0x80 else ""
