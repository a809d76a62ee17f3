"""Cameras: a file that plays as one, what is told of those that do not work, and that only the newest picture is kept."""

from __future__ import annotations

import threading
from fractions import Fraction
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from tests.support.clips import make_clip
from videostyle.errors import BadInput, RunFailed
from videostyle.webcam import camera
from videostyle.webcam.camera import Capture, DeviceCamera, open_camera


class Clock:
    """Time that passes only where somebody sleeps."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch):
        self.now = 100.0
        monkeypatch.setattr(camera.time, "monotonic", lambda: self.now)
        monkeypatch.setattr(camera.time, "sleep", self.sleep)

    def sleep(self, seconds: float) -> None:
        self.now += seconds


def shades(count: int) -> list[np.ndarray]:
    return [np.full((32, 48, 3), 20 * each, np.uint8) for each in range(count)]


def test_a_file_plays_at_its_own_pace_over_and_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = make_clip(tmp_path / "a.mp4", shades(4), pts=[0, 40, 80, 200], time_base=Fraction(1, 1000))
    clock = Clock(monkeypatch)
    opened = open_camera(str(path))
    seen = [(opened.read().mean(), clock.now) for _ in range(6)]
    opened.close()
    np.testing.assert_allclose([shade for shade, _ in seen], [0, 20, 40, 60, 0, 20], atol=3)
    gaps = np.diff([time for _, time in seen])
    np.testing.assert_allclose(gaps, [0.04, 0.04, 0.12, 1 / 30, 0.04], atol=0.002)


def test_after_a_long_pause_nothing_is_caught_up_with(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = make_clip(tmp_path / "a.mp4", shades(6), rate=1)
    clock = Clock(monkeypatch)
    opened = open_camera(str(path))
    opened.read()
    clock.now += 1000
    times = [clock.now for _ in range(4) if opened.read() is not None]
    np.testing.assert_allclose(np.diff(times), [camera.MOST_LATE, 1, 1], atol=0.01)
    opened.close()


def test_pictures_are_rgb(tmp_path: Path) -> None:
    red = np.zeros((32, 48, 3), np.uint8)
    red[..., 0] = 200
    opened = open_camera(str(make_clip(tmp_path / "a.mp4", [red])))
    image = opened.read()
    opened.close()
    assert image.shape == (32, 48, 3)
    assert image[..., 0].mean() > 150 > 50 > image[..., 2].mean()


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("nothing.mp4", "no such file"),
        ("text.mp4", "no video"),
        ("77", "no /dev/video77"),
        ("/dev/video99", "no /dev/video99"),
        ("http://127.0.0.1:9/none", "check the address"),
    ],
)
def test_what_is_no_camera_is_told(name: str, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("text.mp4").write_text("not a video")
    with pytest.raises(BadInput, match=said):
        open_camera(name)


class FakeDevice:
    """OpenCV's capture of a device. pictures: what it gives, None where it gives nothing."""

    def __init__(self, pictures: list[np.ndarray | None]):
        self.pictures, self.asked, self.released = pictures, {}, False

    def isOpened(self) -> bool:
        return bool(self.pictures)

    def read(self) -> tuple[bool, Any]:
        image = self.pictures.pop(0) if self.pictures else None
        return image is not None, image

    def set(self, name: int, value: float) -> None:
        self.asked[name] = value

    def release(self) -> None:
        self.released = True


def device(pictures: list[np.ndarray | None], monkeypatch: pytest.MonkeyPatch, width: int = 640) -> DeviceCamera:
    Clock(monkeypatch)
    monkeypatch.setattr(camera, "_check_device", lambda name, path: None)
    monkeypatch.setattr(cv2, "VideoCapture", lambda what: FakeDevice(pictures))
    return DeviceCamera("0", width)


def test_a_camera_in_use_is_refused_and_let_go(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(BadInput, match="may be in use"):
        device([None], monkeypatch)


def test_a_camera_that_hiccups_goes_on_and_one_unplugged_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = shades(2)
    opened = device([first, first, None, None, second], monkeypatch)
    assert opened.read().mean() == 0
    assert opened.read().mean() == 20
    with pytest.raises(RunFailed, match="no more pictures; plug it in again"):
        opened.read()


def test_a_device_is_asked_for_a_modest_size(monkeypatch: pytest.MonkeyPatch) -> None:
    for width, wide in ((320, 640), (1280, 1280), (4000, 1920)):
        opened = device(list(shades(2)), monkeypatch, width)
        assert opened.capture.asked[cv2.CAP_PROP_FRAME_WIDTH] == wide


def test_a_device_that_may_not_be_opened_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(camera.os, "access", lambda path, mode: False)
    with pytest.raises(BadInput, match="usermod -aG video"):
        camera._check_device("x", tmp_path)


class Scripted:
    """A camera that gives a picture whenever the test lets it."""

    def __init__(self) -> None:
        self.turn, self.given = threading.Semaphore(0), threading.Semaphore(0)
        self.number, self.lost, self.closed = 0, False, threading.Event()

    def read(self) -> np.ndarray:
        self.given.release()
        self.turn.acquire()
        if self.lost:
            raise RunFailed("camera x gives no more pictures")
        self.number += 1
        return np.full((4, 4, 3), self.number, np.uint8)

    def close(self) -> None:
        self.closed.set()


def test_only_the_newest_picture_is_kept() -> None:
    scripted = Scripted()
    capture = Capture(scripted)
    capture.start()
    scripted.given.acquire()
    assert capture.after(0, 0.0) is None
    for _ in range(5):
        scripted.turn.release()
        scripted.given.acquire()
    shot = capture.after(0, 5.0)
    assert shot is not None
    assert (shot.number, shot.image[0, 0, 0]) == (5, 5)
    assert capture.after(5, 0.0) is None
    scripted.lost = True
    scripted.turn.release()
    assert scripted.closed.wait(5)
    with pytest.raises(RunFailed, match="no more pictures"):
        capture.after(5, 5.0)
