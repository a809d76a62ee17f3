"""`videostyle webcam` as a user starts it: refusals, the page, the window, and the ways it ends."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import cv2
import numpy as np
import pytest

from tests.support.clips import make_clip
from tests.support.recordings import frames_of
from videostyle.config import WebcamJob
from videostyle.errors import BadOption, VideoStyleError
from videostyle.webcam import webcam
from videostyle.webcam.browser import HEADER

STYLE = Path(__file__).parents[2] / "sample_media" / "styles" / "swirls.jpg"


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    """Two seconds of a bright square that moves over gray."""
    pictures = []
    for number in range(50):
        picture = np.full((96, 128, 3), 90, np.uint8)
        picture[30:60, number : number + 30] = (240, 220, 40)
        pictures.append(picture)
    return make_clip(tmp_path / "camera.mp4", pictures)


def command(*arguments: object) -> list[str]:
    return [sys.executable, "-m", "videostyle", "webcam", *map(str, arguments)]


def without_display() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name not in ("DISPLAY", "WAYLAND_DISPLAY")}


def refused(*arguments: object) -> str:
    """Run the command, which must be refused; its one line of output."""
    done = subprocess.run(command(*arguments), capture_output=True, text=True, env=without_display(), timeout=60)
    assert done.returncode == 2
    assert done.stdout == ""
    [line] = done.stderr.splitlines()
    return line


# --- refusals -----------------------------------------------------------------------------------------------------


@pytest.mark.skipif(sys.platform != "linux", reason="only on Linux does a variable say whether there is a display")
def test_no_display(clip: Path) -> None:
    line = refused(STYLE, "--camera", clip)
    assert (
        line
        == "error: no window can be opened: there is no display here; --serve 8000 shows the picture as a page in a browser"
    )


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--camera", "nothing.mp4"), "--camera nothing.mp4: there is no such file"),
        (("--record", "a.avi"), "a name ending in .mp4"),
        (("--record", "none/a.mp4"), "a.mp4: there is no folder"),
        (("--size", "20"), "--size 20 is out of range; accepted: 32 to 2048"),
    ],
)
def test_refusals_in_one_line(arguments: tuple[str, ...], said: str) -> None:
    assert said in refused(STYLE, "--serve", 0, *arguments)


def test_existing_recording_needs_overwrite(clip: Path, tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    path.write_bytes(b"mine")
    with pytest.raises(VideoStyleError, match=r"exists.*--overwrite"):
        webcam(WebcamJob(styles=(STYLE,), camera=str(clip), serve=0, record=path))
    assert path.read_bytes() == b"mine"


def test_no_style_is_refused() -> None:
    with pytest.raises(BadOption, match="no STYLE was given"):
        WebcamJob(styles=())


# --- the page -----------------------------------------------------------------------------------------------------


class Running:
    """The command in a process of its own; its lines are read as they come."""

    def __init__(self, *arguments: object, env: dict[str, str] | None = None):
        # A test run that was started in the background hands down an ignored SIGINT, which the program rightly respects.
        default_sigint = partial(signal.signal, signal.SIGINT, signal.SIG_DFL)
        self.process = subprocess.Popen(
            command(*arguments),
            stderr=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            text=True,
            env=env or without_display(),
            preexec_fn=default_sigint,
        )
        self.lines: list[str] = []
        self.changed = threading.Condition()
        self.reader = threading.Thread(target=self._read)
        self.reader.start()

    def _read(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            with self.changed:
                self.lines.append(line.rstrip())
                self.changed.notify_all()
        with self.changed:
            self.lines.append("ended")
            self.changed.notify_all()

    def line(self, pattern: str) -> re.Match[str]:
        """Wait for a line that matches this pattern."""
        matches: list[re.Match[str]] = []

        def arrived() -> bool:
            matches[:] = [match for line in self.lines if (match := re.search(pattern, line))]
            return bool(matches) or "ended" in self.lines

        with self.changed:
            assert self.changed.wait_for(arrived, 60), self.lines
        assert matches, self.lines
        return matches[0]

    def end(self) -> int:
        code = self.process.wait(60)
        self.reader.join()
        return code

    def kill(self) -> None:
        self.process.kill()
        self.end()


@pytest.fixture
def running(request: pytest.FixtureRequest) -> Iterator[list[Running]]:
    """Processes that a test appends are ended after it."""
    processes: list[Running] = []
    yield processes
    for process in processes:
        process.kill()


def pressed(address: str, key: str) -> None:
    urllib.request.urlopen(urllib.request.Request(f"{address}key", key.encode(), {HEADER: "1"}), timeout=10).close()


def test_page_and_recording_until_ctrl_c(clip: Path, tmp_path: Path, running: list[Running]) -> None:
    path = tmp_path / "a.mp4"
    running.append(Running(STYLE, "--camera", clip, "--serve", 0, "--size", 64, "--record", path, "--threads", 1))
    address = running[0].line(r"http://127\.0\.0\.1:\d+/")[0]
    with urllib.request.urlopen(f"{address}stream", timeout=20) as stream:
        data = b""
        while data.count(b"\xff\xd9\r\n") < 3:
            data += stream.read1(65536)
    jpeg = data[data.index(b"\xff\xd8") :]
    assert cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR).shape == (480, 640, 3)
    running[0].line("first stylized picture after")
    running[0].process.send_signal(signal.SIGINT)
    assert running[0].end() == 130
    assert running[0].lines[-2] == f"recorded {path}"
    times = np.array([time for time, _ in frames_of(path)])
    assert len(times) > 5
    assert (np.diff(times) > 0).all()


def test_page_key_quits(clip: Path, running: list[Running]) -> None:
    running.append(Running(STYLE, "--camera", clip, "--serve", 0, "--size", 64))
    pressed(running[0].line(r"http://\S+/")[0], "q")
    assert running[0].end() == 0


# --- the window ---------------------------------------------------------------------------------------------------


@pytest.fixture
def display() -> Iterator[dict[str, str]]:
    """The environment of a virtual screen (Xvfb)."""
    if not (shutil.which("Xvfb") and shutil.which("xdotool")):
        pytest.skip("no Xvfb or no xdotool here")
    process = subprocess.Popen(
        ["Xvfb", "-displayfd", "1", "-screen", "0", "1000x700x24", "-nolisten", "tcp"],
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
    )  # fmt: skip
    assert process.stdout is not None
    yield {**os.environ, "DISPLAY": f":{process.stdout.readline().strip()}"}
    process.terminate()
    process.wait()


def xdotool(env: dict[str, str], *arguments: str) -> str:
    return subprocess.run(
        ["xdotool", *arguments], env=env, check=True, capture_output=True, text=True, timeout=30
    ).stdout


def started_in(folder: Path, *arguments: object, env: dict[str, str]) -> Running:
    """The command with this current folder."""
    here = Path.cwd()
    os.chdir(folder)
    try:
        return Running(*arguments, env={**env, "PYTHONPATH": str(here)})
    finally:
        os.chdir(here)


def test_window_keys(clip: Path, tmp_path: Path, display: dict[str, str], running: list[Running]) -> None:
    running.append(started_in(tmp_path, STYLE, "--camera", clip, "--size", 64, "--side-by-side", env=display))
    window = xdotool(display, "search", "--sync", "--onlyvisible", "--name", "^videostyle$").split()[0]
    xdotool(display, "windowfocus", "--sync", window)
    xdotool(display, "key", "--window", window, "s")
    name = running[0].line(r"saved (videostyle-[\d-]+\.png)")[1]
    assert cv2.imread(str(tmp_path / name)).shape == (48, 64, 3)
    assert "1280x480" in xdotool(display, "getwindowgeometry", window)
    xdotool(display, "key", "--window", window, "q")
    assert running[0].end() == 0


CLOSE = """
import ctypes, sys
x = ctypes.CDLL("libX11.so.6")
x.XOpenDisplay.restype, x.XInternAtom.restype = ctypes.c_void_p, ctypes.c_ulong
display = ctypes.c_void_p(x.XOpenDisplay(None))
atom = lambda name: x.XInternAtom(display, name, 0)
class Message(ctypes.Structure):  # XClientMessageEvent, then room for the rest of XEvent
    _fields_ = [("type", ctypes.c_int), ("serial", ctypes.c_ulong), ("sent", ctypes.c_int), ("display", ctypes.c_void_p),
                ("window", ctypes.c_ulong), ("kind", ctypes.c_ulong), ("format", ctypes.c_int), ("data", ctypes.c_long * 24)]
window = int(sys.argv[1])
message = Message(33, 0, 1, display, window, atom(b"WM_PROTOCOLS"), 32)
message.data[0] = atom(b"WM_DELETE_WINDOW")
x.XSendEvent(display, ctypes.c_ulong(window), 0, 0, ctypes.byref(message))
x.XSync(display, 0)
"""


def test_closed_window_quits(clip: Path, display: dict[str, str], running: list[Running]) -> None:
    running.append(Running(STYLE, "--camera", clip, "--size", 64, env=display))
    window = xdotool(display, "search", "--sync", "--onlyvisible", "--name", "^videostyle$").split()[0]
    subprocess.run([sys.executable, "-c", CLOSE, window], env=display, check=True)
    assert running[0].end() == 0
    assert not [line for line in running[0].lines if "error" in line]


@pytest.mark.parametrize(
    "options",
    [{"host": "0.0.0.0"}, {"serve": 0, "fullscreen": True}, {"overwrite": True}],
)
def test_options_without_effect_are_refused(options: dict[str, object]) -> None:
    with pytest.raises(BadOption, match="leave it out"):
        WebcamJob(styles=(STYLE,), **options)


def test_weights_have_no_effect_on_style_models() -> None:
    with pytest.raises(BadOption, match=r"--style-weight has no effect with style models"):
        WebcamJob(styles=(Path("a.vstyle"),), style_weight=3.0)
    WebcamJob(styles=(Path("a.vstyle"), STYLE), style_weight=3.0)
