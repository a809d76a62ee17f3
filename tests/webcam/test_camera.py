"""Cameras: a file that plays as one, errors of those that do not work, and the thread that keeps the newest frame."""

from __future__ import annotations

import os
import threading
from fractions import Fraction
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from tests.support.clips import make_clip
from videostyle.errors import BadInput, RunFailed
from videostyle.webcam.camera import MAX_DELAY, Capture, DeviceCamera, FileCamera, open_camera


class FakeClock:
    """Time passes only while somebody sleeps."""

    def __init__(self) -> None:
        self.now = 100.0

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


def shades(count: int) -> list[np.ndarray]:
    return [np.full((32, 48, 3), 20 * number, np.uint8) for number in range(count)]


def test_file_plays_at_its_own_speed_over_and_over(tmp_path: Path) -> None:
    path = make_clip(tmp_path / "a.mp4", shades(4), pts=[0, 40, 80, 200], time_base=Fraction(1, 1000))
    clock = FakeClock()
    opened = FileCamera(path, clock)
    frames = [(opened.read().mean(), clock.now) for _ in range(6)]
    opened.close()
    np.testing.assert_allclose([shade for shade, _ in frames], [0, 20, 40, 60, 0, 20], atol=3)
    gaps = np.diff([time for _, time in frames])
    np.testing.assert_allclose(gaps, [0.04, 0.04, 0.12, 1 / 30, 0.04], atol=0.002)


def test_long_pause_is_not_caught_up(tmp_path: Path) -> None:
    path = make_clip(tmp_path / "a.mp4", shades(6), rate=1)
    clock = FakeClock()
    opened = FileCamera(path, clock)
    opened.read()
    clock.now += 1000
    times = [clock.now for _ in range(4) if opened.read() is not None]
    np.testing.assert_allclose(np.diff(times), [MAX_DELAY, 1, 1], atol=0.01)
    opened.close()


def test_images_are_rgb(tmp_path: Path) -> None:
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
        ("text.mp4", "not a video"),
        ("77", "no /dev/video77"),
        ("/dev/video99", "no /dev/video99"),
        ("http://127.0.0.1:9/none", "check the address"),
    ],
)
def test_names_of_no_camera(name: str, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("text.mp4").write_text("not a video")
    with pytest.raises(BadInput, match=said):
        open_camera(name)


class FakeDevice:
    """OpenCV's capture of a device that gives these pictures; None is a read that fails."""

    def __init__(self, pictures: list[np.ndarray | None]):
        self.pictures, self.properties, self.released = pictures, dict[int, float](), False

    def isOpened(self) -> bool:
        return bool(self.pictures)

    def read(self) -> tuple[bool, Any]:
        image = self.pictures.pop(0) if self.pictures else None
        return image is not None, image

    def set(self, name: int, value: float) -> None:
        self.properties[name] = value

    def release(self) -> None:
        self.released = True


def open_device(capture: FakeDevice, folder: Path, width: int = 640) -> DeviceCamera:
    """A camera at a file that stands for the device, which OpenCV would open as this capture."""
    path = folder / "video0"
    path.touch()
    return DeviceCamera(str(path), width, lambda name: capture, FakeClock())


def test_camera_in_use_is_refused_and_released(tmp_path: Path) -> None:
    capture = FakeDevice([None])
    with pytest.raises(BadInput, match="may be in use"):
        open_device(capture, tmp_path)
    assert capture.released


def test_gaps_are_skipped_and_an_unplugged_camera_raises(tmp_path: Path) -> None:
    first, second = shades(2)
    opened = open_device(FakeDevice([first, first, None, None, second]), tmp_path)
    assert opened.read().mean() == 0
    assert opened.read().mean() == 20
    with pytest.raises(RunFailed, match="no more pictures; plug it in again"):
        opened.read()


@pytest.mark.parametrize(("width", "requested"), [(320, 640), (1280, 1280), (4000, 1920)])
def test_requested_width_is_limited(width: int, requested: int, tmp_path: Path) -> None:
    capture = FakeDevice(list(shades(2)))
    open_device(capture, tmp_path, width)
    assert capture.properties[cv2.CAP_PROP_FRAME_WIDTH] == requested


def test_device_without_permission(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    with pytest.raises(BadInput, match="usermod -aG video"):
        open_device(FakeDevice([]), tmp_path)


class Scripted:
    """A camera that gives a picture whenever the test allows it."""

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


def test_only_the_newest_frame_is_kept() -> None:
    scripted = Scripted()
    capture = Capture(scripted)
    capture.start()
    scripted.given.acquire()
    assert capture.wait(0, 0.0) is None
    for _ in range(5):
        scripted.turn.release()
        scripted.given.acquire()
    frame = capture.wait(0, 5.0)
    assert frame is not None
    assert (frame.number, frame.image[0, 0, 0]) == (5, 5)
    assert capture.wait(5, 0.0) is None
    scripted.lost = True
    scripted.turn.release()
    assert scripted.closed.wait(5)
    with pytest.raises(RunFailed, match="no more pictures"):
        capture.wait(5, 5.0)
