"""The page in a browser: complete, closed to other sites, and showing the picture."""

from __future__ import annotations

import http.client
import shutil
import socket
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest

from videostyle.errors import BadOption
from videostyle.media.images import read_picture
from videostyle.webcam.browser import HEADER, BrowserDisplay
from videostyle.webcam.keys import KEYS

GREEN = np.full((48, 64, 3), (20, 200, 40), np.uint8)


@pytest.fixture
def page() -> Iterator[BrowserDisplay]:
    served = BrowserDisplay("127.0.0.1", 0)
    yield served
    served.close()


def request(
    page: BrowserDisplay, method: str, path: str, body: str | None = None, headers: dict[str, str] | None = None
) -> http.client.HTTPResponse:
    connection = http.client.HTTPConnection("127.0.0.1", page.server.server_address[1], timeout=10)
    connection.request(method, path, body, headers or {})
    return connection.getresponse()


def next_picture(answer: http.client.HTTPResponse) -> np.ndarray:
    """The next picture of the stream, RGB."""
    assert answer.readline() == b"--frame\r\n"
    assert answer.readline() == b"Content-Type: image/jpeg\r\n"
    length = int(answer.readline().split()[1])
    answer.readline()
    jpeg = answer.read(length)
    answer.readline()
    return cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR)[..., ::-1]


def test_button_for_every_key(page: BrowserDisplay) -> None:
    text = request(page, "GET", "/").read().decode()
    assert all(f'<button value="{key}">{key} {action}</button>' in text for key, action in KEYS.items())
    assert "http" not in text, "nothing is fetched from elsewhere"


def test_stream_has_newest_picture(page: BrowserDisplay) -> None:
    page.show(GREEN)
    answer = request(page, "GET", "/stream")
    np.testing.assert_allclose(next_picture(answer).mean(axis=(0, 1)), (20, 200, 40), atol=4)
    for level in (50, 100, 150):
        page.show(np.full((48, 64, 3), level, np.uint8))
    levels = [next_picture(answer).mean()]
    while levels[-1] < 145:
        levels.append(next_picture(answer).mean())
    assert len(levels) <= 3


def test_keys_are_accepted_from_the_page_only(page: BrowserDisplay) -> None:
    assert request(page, "POST", "/key", "n", {HEADER: "1"}).status == 200
    assert request(page, "POST", "/key", "q").status == 403
    assert request(page, "POST", "/key", "q", {HEADER: "1", "Host": "elsewhere.example"}).status == 403
    assert page.pressed_keys() == ["n"]
    assert page.pressed_keys() == []


def test_page_cannot_be_framed(page: BrowserDisplay) -> None:
    assert request(page, "GET", "/").headers["X-Frame-Options"] == "DENY"


@pytest.mark.parametrize(("length", "taken"), [("3", "abc"), ("-1", ""), ("40", "abcdefghijklmnop")])
def test_post_is_read_up_to_a_limit(page: BrowserDisplay, length: str, taken: str) -> None:
    with socket.create_connection(("127.0.0.1", page.server.server_address[1])) as raw:
        head = f"POST /key HTTP/1.1\r\nHost: localhost\r\n{HEADER}: 1\r\nContent-Length: {length}\r\n\r\n"
        raw.sendall(head.encode() + b"abcdefghijklmnopqrstuvwxyz")
        assert b"200" in raw.recv(100)
    assert "".join(page.pressed_keys()) == taken


def test_foreign_host_name_is_refused(page: BrowserDisplay) -> None:
    assert request(page, "GET", "/stream", headers={"Host": "elsewhere.example"}).status == 403
    assert request(page, "GET", "/", headers={"Host": f"localhost:{page.server.server_address[1]}"}).status == 200
    assert request(page, "GET", "/other").status == 404


def test_listens_on_this_machine_only(page: BrowserDisplay) -> None:
    assert page.server.socket.getsockname()[0] == "127.0.0.1"
    assert page.address.startswith("http://127.0.0.1:")


def test_port_in_use_and_foreign_address(page: BrowserDisplay) -> None:
    with pytest.raises(BadOption, match="is used by another program"):
        BrowserDisplay("127.0.0.1", page.server.server_address[1])
    with pytest.raises(BadOption, match="cannot be listened on"):
        BrowserDisplay("192.0.2.1", 0)


def test_browser_that_leaves(page: BrowserDisplay) -> None:
    page.show(GREEN)
    raw = socket.create_connection(("127.0.0.1", page.server.server_address[1]))
    raw.sendall(b"GET /stream HTTP/1.1\r\nHost: localhost\r\n\r\n")
    raw.recv(100)
    raw.close()
    for level in range(20):
        page.show(np.full((48, 64, 3), level, np.uint8))
    assert request(page, "GET", "/").status == 200


def test_close_ends_streams() -> None:
    served = BrowserDisplay("127.0.0.1", 0)
    served.show(GREEN)
    answer = request(served, "GET", "/stream")
    next_picture(answer)
    served.close()
    assert answer.read() == b""


BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)


@pytest.mark.skipif(BROWSER is None, reason="no Chromium here")
@pytest.mark.timeout(120)
def test_chromium_shows_the_picture(page: BrowserDisplay, tmp_path: Path) -> None:
    ended = threading.Event()

    def play() -> None:
        while not ended.wait(0.05):
            page.show(GREEN)

    playing = threading.Thread(target=play)
    playing.start()
    shot = tmp_path / "shot.png"
    options = [
        "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync",
        "--disable-background-networking", "--disable-component-update", "--hide-scrollbars", "--window-size=800,700",
        "--timeout=3000", f"--user-data-dir={tmp_path / 'profile'}", f"--screenshot={shot}", page.address,
    ]  # fmt: skip
    subprocess.run([str(BROWSER), *options], check=True, capture_output=True, timeout=100)
    ended.set()
    playing.join()
    image = read_picture(shot).image
    green = np.abs(image.astype(int) - (20, 200, 40)).max(axis=2) < 12
    assert green.mean() > 0.5
    assert not green[-20:].any(), "the buttons lie below the picture"
