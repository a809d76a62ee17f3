"""The virtual camera: the errors if there is none. Without the kernel module v4l2loopback nothing more can be tested."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from videostyle.errors import BadOption
from videostyle.webcam.virtual_camera import VirtualCamera


@pytest.fixture(autouse=True)
def on_linux(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "linux")


def test_missing_device(tmp_path: Path) -> None:
    with pytest.raises(BadOption, match=r"does not exist.*modprobe v4l2loopback"):
        VirtualCamera(tmp_path / "video10", (48, 64))


def test_file_is_not_a_device(tmp_path: Path) -> None:
    path = tmp_path / "video10"
    path.write_bytes(b"")
    with pytest.raises(BadOption, match=r"takes no picture.*v4l2loopback"):
        VirtualCamera(path, (48, 64))


def test_other_system(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    with pytest.raises(BadOption, match="on Linux only"):
        VirtualCamera(Path("/dev/video10"), (48, 64))
