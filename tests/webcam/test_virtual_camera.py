"""The virtual camera: what is said where there is none. Without the kernel's module nothing more can be tried."""

from __future__ import annotations

from pathlib import Path

import pytest

from videostyle.errors import BadOption
from videostyle.webcam import virtual_camera as virtual
from videostyle.webcam.virtual_camera import VirtualCamera


@pytest.fixture(autouse=True)
def on_linux(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(virtual.sys, "platform", "linux")


def test_a_device_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(BadOption, match=r"does not exist.*modprobe v4l2loopback"):
        VirtualCamera(tmp_path / "video10", (48, 64))


def test_a_file_is_no_device(tmp_path: Path) -> None:
    path = tmp_path / "video10"
    path.write_bytes(b"")
    with pytest.raises(BadOption, match=r"takes no picture.*v4l2loopback"):
        VirtualCamera(path, (48, 64))


def test_another_system(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(virtual.sys, "platform", "darwin")
    with pytest.raises(BadOption, match="on Linux only"):
        VirtualCamera(Path("/dev/video10"), (48, 64))
