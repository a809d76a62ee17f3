"""What the tests of this folder share: a style image and a clip, and VGG-19 with a few channels instead of the real one."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.clips import make_clip, make_style_image
from tests.support.thin_vgg import thin_weights
from tests.support.training import moving
from videostyle.models.weights import WEIGHTS


@pytest.fixture(autouse=True)
def thin_features(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(WEIGHTS, "vgg19", thin_weights)


@pytest.fixture(scope="session")
def style(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_style_image(tmp_path_factory.mktemp("style") / "style.png")


@pytest.fixture(scope="session")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_clip(tmp_path_factory.mktemp("clip") / "clip.mp4", moving(8))
