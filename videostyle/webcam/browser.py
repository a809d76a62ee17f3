"""The preview as a page in a browser: an endless series of JPEGs (MJPEG), and keys sent back. page.html is the page."""

from __future__ import annotations

import errno
import threading
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import cv2
import numpy as np
from jinja2 import Template

from videostyle.errors import BadOption
from videostyle.webcam.keys import KEYS

QUALITY = 88
"""Of the JPEGs, from 0 to 100."""

PATIENCE = 5.0
"""Seconds without a new picture after which a stream checks whether the display was closed."""

BOUNDARY = "frame"

HEADER = "X-Videostyle"
"""Sent with every key. Pages of other sites cannot send it, so they cannot press keys."""

LONGEST_POST = 16
"""Bytes that are read of a posted key."""


def render_page() -> bytes:
    """The HTML page, with a button for every key."""
    text = Path(__file__).with_name("page.html").read_text(encoding="utf-8")
    template = Template(text, autoescape=True, trim_blocks=True, lstrip_blocks=True)
    return template.render(keys=KEYS, header=HEADER).encode()


class BrowserDisplay:
    """Serves the page and the picture to any number of browsers."""

    def __init__(self, host: str, port: int):
        """Raises BadOption if the address cannot be listened on. port: 0 is any free one."""
        self.page = render_page()
        self._changed = threading.Condition()
        self._encoding = threading.Lock()
        self._picture: np.ndarray | None = None
        self._number = 0  # of the picture
        self._jpeg, self._encoded = b"", 0  # the last one encoded, and its number
        self._pressed: list[str] = []
        self.closing = False
        try:
            self.server = _Server((host, port), self)
        except OSError as error:
            used = error.errno == errno.EADDRINUSE
            why = "is used by another program" if used else f"cannot be listened on: {error.strerror or error}"
            raise BadOption(
                f"--serve {port}: {host} port {why}", todo="choose another port with --serve, or another --host"
            ) from error
        self.address = f"http://{host}:{self.server.server_address[1]}/"
        thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.1}, daemon=True)
        thread.start()

    def show(self, picture: np.ndarray) -> None:
        """Show a uint8 RGB (H, W, 3) picture. It is encoded only if a browser asks for it."""
        with self._changed:
            self._picture, self._number = picture, self._number + 1
            self._changed.notify_all()

    def pressed_keys(self) -> list[str]:
        """The keys pressed in any browser since the last call."""
        with self._changed:
            pressed, self._pressed = self._pressed, []
            return pressed

    def press(self, keys: str) -> None:
        """Remember the keys that a browser has sent."""
        with self._changed:
            self._pressed += keys

    def newest_jpeg(self, after: int) -> tuple[int, bytes] | None:
        """The newest picture and its number, once that is higher than `after`; None if none comes in time, or at the end."""
        with self._changed:
            self._changed.wait_for(lambda: self._number > after or self.closing, PATIENCE)
            if self.closing or self._picture is None or self._number <= after:
                return None
            picture, newest = self._picture, self._number
        with self._encoding:  # once for all browsers, and without blocking `show`
            if self._encoded < newest:
                _, jpeg = cv2.imencode(".jpg", picture[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, QUALITY])
                self._jpeg, self._encoded = jpeg.tobytes(), newest
            return self._encoded, self._jpeg

    def close(self) -> None:
        """End all streams and stop serving."""
        with self._changed:
            self.closing = True
            self._changed.notify_all()
        self.server.shutdown()
        self.server.server_close()


class _Server(ThreadingHTTPServer):
    """An HTTP server that knows its display; every request has a thread of its own."""

    daemon_threads = True
    block_on_close = False

    def __init__(self, address: tuple[str, int], display: BrowserDisplay):
        self.display = display
        super().__init__(address, _Handler)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Ignore it: a browser went away."""


class _Handler(BaseHTTPRequestHandler):
    """Answers one request: GET / is the page, GET /stream the picture, POST /key a key press."""

    server: _Server

    def do_GET(self) -> None:
        path = urlsplit(self.path).path
        if not self._addressed_to_us():
            self.send_error(HTTPStatus.FORBIDDEN)
        elif path == "/":
            self._answer("text/html; charset=utf-8", self.server.display.page)
        elif path == "/stream":
            self._stream()
        else:
            self.send_error(HTTPStatus.NOT_FOUND)

    def do_POST(self) -> None:
        if not self._addressed_to_us() or HEADER not in self.headers:
            self.send_error(HTTPStatus.FORBIDDEN)
        elif urlsplit(self.path).path != "/key":
            self.send_error(HTTPStatus.NOT_FOUND)
        else:
            length = max(0, min(LONGEST_POST, int(self.headers.get("Content-Length") or 0)))
            self.server.display.press(self.rfile.read(length).decode("utf-8", "replace"))
            self._answer("text/plain", b"")

    def _addressed_to_us(self) -> bool:
        """Whether the browser used this machine's own name, and not one that another site has pointed at it (DNS rebinding).
        If the page is served to the network with --host, any name is accepted."""
        host = self.headers.get("Host", "").rsplit(":", 1)[0]
        bound = str(self.server.server_address[0])
        return bound != "127.0.0.1" or host in ("127.0.0.1", "localhost")

    def _answer(self, kind: str, body: bytes) -> None:
        self.send_response(HTTPStatus.OK)
        self._send_headers(kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _send_headers(self, kind: str) -> None:
        self.send_header("Content-Type", kind)
        self.send_header("Cache-Control", "no-store")
        self.send_header("Cross-Origin-Resource-Policy", "same-origin")
        self.send_header(
            "X-Frame-Options", "DENY"
        )  # another site could make its visitors press keys without seeing them

    def _stream(self) -> None:
        """Send the newest picture again and again; a slow browser misses some."""
        self.send_response(HTTPStatus.OK)
        self._send_headers(f"multipart/x-mixed-replace; boundary={BOUNDARY}")
        self.end_headers()
        display, number = self.server.display, 0
        while not display.closing:
            if (newest := display.newest_jpeg(number)) is not None:
                number, jpeg = newest
                head = f"--{BOUNDARY}\r\nContent-Type: image/jpeg\r\nContent-Length: {len(jpeg)}\r\n\r\n"
                self.wfile.write(head.encode() + jpeg + b"\r\n")

    def log_message(self, format: str, *arguments: object) -> None:
        """Print nothing: the terminal is for the preview's own messages."""
