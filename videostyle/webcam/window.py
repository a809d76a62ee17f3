"""The preview in a window on the screen, by OpenCV."""

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
    """Raise BadOutput if no window can be opened.

    It is tried in a process of its own, because without a display the toolkit inside OpenCV ends the whole process.
    """
    try:
        probe = subprocess.run([sys.executable, "-c", PROBE], capture_output=True, timeout=PROBE_SECONDS)
    except subprocess.TimeoutExpired:
        probe = None
    if probe is None or probe.returncode:
        problem = "no window can be opened: there is no display here"
        raise BadOutput(problem, todo="--serve 8000 shows the picture as a page in a browser")


class Window:
    """Shows pictures and receives keys. Some systems allow windows in the main thread only: use it there."""

    def __init__(self, fullscreen: bool):
        cv2.namedWindow(TITLE, cv2.WINDOW_NORMAL | cv2.WINDOW_KEEPRATIO | cv2.WINDOW_GUI_NORMAL)
        if fullscreen:
            cv2.setWindowProperty(TITLE, cv2.WND_PROP_FULLSCREEN, cv2.WINDOW_FULLSCREEN)
        self._fullscreen = fullscreen
        self._shape: tuple[int, ...] | None = None
        self._pressed: list[str] = []

    def show(self, picture: np.ndarray) -> None:
        """Show a uint8 RGB (H, W, 3) picture; the window takes its size whenever that changes."""
        if picture.shape != self._shape and not self._fullscreen:
            cv2.resizeWindow(TITLE, picture.shape[1], picture.shape[0])
        self._shape = picture.shape
        cv2.imshow(TITLE, picture[..., ::-1])
        self._poll_keys()

    def pressed_keys(self) -> list[str]:
        """The keys pressed since the last call; a closed window counts as q."""
        pressed, self._pressed = self._pressed, []
        return [*pressed, "q"] if self._was_closed() else pressed

    def _was_closed(self) -> bool:
        if self._shape is None:
            return False
        try:
            return cv2.getWindowProperty(TITLE, cv2.WND_PROP_VISIBLE) < 1
        except cv2.error:  # Qt ends with its last window, and OpenCV queries it all the same
            return True

    def _poll_keys(self) -> None:
        """Let the toolkit draw, and collect the keys that wait."""
        while (code := cv2.pollKey()) >= 0:
            self._pressed += character(code)

    def close(self) -> None:
        """Close the window, unless the user has done so."""
        if not self._was_closed():
            cv2.destroyAllWindows()
            cv2.pollKey()


def character(code: int) -> str:
    """The character of an OpenCV key code; empty for arrows and the like, whose codes differ between systems and have another
    key's code as their last byte. Above 16 bits, GTK stores the modifiers."""
    code &= 0xFFFF
    return chr(code) if 0 < code < 0x80 else ""
