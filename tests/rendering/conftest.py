"""What the tests of runs share: the thin network, a style image, and small sources."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import cv2
import pytest

from tests.support.clips import Tone, make_clip, make_style_image
from tests.support.runs import moving_disc, stripes
from tests.support.thin_vgg import thin_weights
from videostyle.models.weights import WEIGHTS


@pytest.fixture(autouse=True)
def thin_network(monkeypatch):
    """Runs in this process use the thin network."""
    monkeypatch.setitem(WEIGHTS, "vgg19", thin_weights)


@pytest.fixture(scope="session")
def style(tmp_path_factory) -> Path:
    """A style image."""
    return make_style_image(tmp_path_factory.mktemp("style") / "style.png")


@pytest.fixture(scope="session")
def clip(tmp_path_factory) -> Path:
    """Five frames at uneven times, with sound."""
    path = tmp_path_factory.mktemp("clip") / "clip.mp4"
    pts, milliseconds = [0, 40, 90, 160, 200], Fraction(1, 1000)
    return make_clip(path, moving_disc(5), pts=pts, time_base=milliseconds, tones=[Tone(seconds=0.25)])


@pytest.fixture(scope="session")
def folder(tmp_path_factory) -> Path:
    """A folder of five frames, take_007.png to take_011.png."""
    path = tmp_path_factory.mktemp("clip") / "frames"
    path.mkdir()
    for number, image in enumerate(moving_disc(5), 7):
        cv2.imwrite(str(path / f"take_{number:03d}.png"), image[..., ::-1])
    return path


@pytest.fixture(scope="session")
def two_shots(tmp_path_factory) -> Path:
    """Three frames of one shot and four of another."""
    path = tmp_path_factory.mktemp("clip") / "cut.mp4"
    return make_clip(path, [*moving_disc(3), *stripes(4)], rate=10)
