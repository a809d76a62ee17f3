"""The same picture as a page in a browser: an endless JPEG (MJPEG), and the keys sent back."""

from __future__ import annotations

import errno
import threading
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

import cv2
import numpy as np

from videostyle.errors import BadOption
from videostyle.webcam.keys import KEYS

QUALITY = 88  # of the JPEGs

PATIENCE = 5.0  # seconds without a picture after which a browser hears that the camera is slow

BOUNDARY = "frame"

HEADER = "X-Videostyle"  # pages of other sites cannot send it, so they press no keys

PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>videostyle</title><link rel="icon" href="data:,">
<meta name="viewport" content="width=device-width">
<style>
body {{ margin: 0; height: 100vh; display: flex; flex-direction: column; background: #111; font: 15px system-ui, sans-serif }}
img {{ flex: 1; min-height: 0; object-fit: contain }}
p {{ margin: .3em; text-align: center }}
button {{ margin: .2em; padding: .4em .8em; background: #333; color: #eee; border: 0; border-radius: .3em; font: inherit }}
</style></head>
<body><img src="/stream" alt="The painted picture of the camera">
<p>{buttons}</p>
<script>
const press = key => fetch("/key", {{method: "POST", body: key, headers: {{"{header}": "1"}}}});
document.querySelectorAll("button").forEach(each => each.onclick = () => press(each.value));
document.onkeydown = event => {{
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const key = event.key == "Escape" ? "\\x1b" : event.key;
  if (key.length == 1) {{ press(key); event.preventDefault(); }}
}};
</script></body></html>
"""


def whole_page() -> bytes:
    buttons = " ".join(f'<button value="{key}">{key} {what}</button>' for key, what in KEYS.items())
    return PAGE.format(buttons=buttons, header=HEADER).encode()


class Page:
    """Serves the page. host: the address it listens on. Raises BadOption where that cannot be had."""

    def __init__(self, host: str, port: int):
        self.news = threading.Condition()
        self.encoding = threading.Lock()
        self.picture: np.ndarray | None = None
        self.jpeg, self.number, self.encoded = b"", 0, 0
        self.pressed: list[str] = []
        self.closing = False
        try:
            self.server = Server((host, port), self)
        except OSError as error:
            used = error.errno == errno.EADDRINUSE
            why = "is used by another program" if used else f"cannot be listened on: {error.strerror or error}"
            raise BadOption(f"--serve {port}: {host} {port} {why}", todo="give another --serve or --host") from error
        self.address = f"http://{host}:{self.server.server_address[1]}/"
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.1}, daemon=True)
        self.thread.start()

    def show(self, picture: np.ndarray) -> None:
        """Takes a uint8 RGB (H, W, 3) picture; it is encoded only where somebody looks."""
        with self.news:
            self.picture, self.number = picture, self.number + 1
            self.news.notify_all()

    def pressed_keys(self) -> list[str]:
        """The keys pressed in any browser since it was asked last."""
        with self.news:
            pressed, self.pressed = self.pressed, []
            return pressed

    def press(self, keys: str) -> None:
        with self.news:
            self.pressed += keys

    def after(self, number: int) -> tuple[int, bytes] | None:
        """The newest picture later than this number, and its own number; None where none comes for a while, or at the end."""
        with self.news:
            self.news.wait_for(lambda: self.number > number or self.closing, PATIENCE)
            if self.closing or self.picture is None or self.number <= number:
                return None
            picture, newest = self.picture, self.number
        with self.encoding:  # once for all browsers, and not in the way of the next picture
            if self.encoded < newest:
                _, jpeg = cv2.imencode(".jpg", picture[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, QUALITY])
                self.jpeg, self.encoded = jpeg.tobytes(), newest
            return self.encoded, self.jpeg

    def close(self) -> None:
        with self.news:
            self.closing = True
            self.news.notify_all()
        self.server.shutdown()
        self.server.server_close()


class Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def __init__(self, address: tuple[str, int], page: Page):
        self.page = page
        super().__init__(address, Handler)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A browser that went away is no news."""


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        path = urlsplit(self.path).path
        if not self._is_for_us():
            self.send_error(HTTPStatus.FORBIDDEN)
        elif path == "/":
            self._answer("text/html; charset=utf-8", whole_page())
        elif path == "/stream":
            self._stream()
        else:
            self.send_error(HTTPStatus.NOT_FOUND)

    def do_POST(self) -> None:
        if not self._is_for_us() or HEADER not in self.headers:
            self.send_error(HTTPStatus.FORBIDDEN)
        elif urlsplit(self.path).path != "/key":
            self.send_error(HTTPStatus.NOT_FOUND)
        else:
            length = max(0, min(16, int(self.headers.get("Content-Length") or 0)))
            self.server.page.press(self.rfile.read(length).decode("utf-8", "replace"))
            self._answer("text/plain", b"")

    def _is_for_us(self) -> bool:
        """Whether the browser was sent here by this page's own address, and not by a name that another site has pointed at
        this machine (DNS rebinding). Who lets the page be seen from outside has taken any name into account."""
        host = self.headers.get("Host", "").rsplit(":", 1)[0]
        bound = str(self.server.server_address[0])
        return bound != "127.0.0.1" or host in ("127.0.0.1", "localhost")

    def _answer(self, kind: str, body: bytes) -> None:
        self.send_response(HTTPStatus.OK)
        self._headers(kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _headers(self, kind: str) -> None:
        self.send_header("Content-Type", kind)
        self.send_header("Cache-Control", "no-store")
        self.send_header("Cross-Origin-Resource-Policy", "same-origin")
        self.send_header("X-Frame-Options", "DENY")  # or another site could have its visitors press keys unseen

    def _stream(self) -> None:
        """Picture after picture, the newest each time: a slow browser leaves some out."""
        self.send_response(HTTPStatus.OK)
        self._headers(f"multipart/x-mixed-replace; boundary={BOUNDARY}")
        self.end_headers()
        page, number = self.server.page, 0
        while not page.closing:
            if (found := page.after(number)) is not None:
                number, jpeg = found
                head = f"--{BOUNDARY}\r\nContent-Type: image/jpeg\r\nContent-Length: {len(jpeg)}\r\n\r\n"
                self.wfile.write(head.encode() + jpeg + b"\r\n")

    def log_message(self, format: str, *arguments: object) -> None:
        """The terminal is for other things."""
