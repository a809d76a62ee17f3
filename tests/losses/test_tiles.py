"""Tiles: each place belongs to one of them, and L in tiles has the value and gradient of the whole image."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from tests.support.thin_vgg import copied_activations, picture, thin_vgg, thin_weights
from videostyle.losses import tiles
from videostyle.losses.frame_targets import PAINTED, FrameTargets
from videostyle.losses.objective import Objective, sum_over_tiles
from videostyle.losses.style_targets import StyleTargets
from videostyle.losses.terms import CONTENT_LAYERS, STYLE_LAYERS, Weights, gram
from videostyle.losses.tiles import HALO, STEP, WHOLE, places_of, stride_of, tiles_of
from videostyle.models.vgg import VGG19

LAYERS = sorted({*STYLE_LAYERS, *CONTENT_LAYERS})


@given(st.integers(16, 700), st.integers(16, 700), st.sampled_from([16, 64, 160]))
def test_each_place_belongs_to_one_tile(height, width, core):
    for layer in LAYERS:
        stride = stride_of(layer)
        covered = np.zeros((height // stride, width // stride), int)
        for tile in tiles_of((height, width), core):
            own = tile.own(layer, torch.zeros(*((outer.stop - outer.start) // stride for outer in tile.outer), 1))
            top, left = (inner.start // stride for inner in tile.inner)
            assert min(own.shape[:2]) > 0
            covered[top : top + own.shape[0], left : left + own.shape[1]] += 1
            assert tile.places(layer) == covered.size
        assert (covered == 1).all()
        assert covered.size == places_of(layer, (height, width))


@given(st.integers(16, 5000), st.integers(16, 5000))
def test_tiles_are_no_larger_than_full_hd(height, width):
    """An image up to that size is one tile."""
    actual = tiles_of((height, width))
    assert (len(actual) == 1) is (height * width <= WHOLE or max(height, width) <= tiles.CORE + STEP - 1)
    assert [tile.index for tile in actual] == [*range(len(actual))]
    for tile in actual:
        rows, columns = (outer.stop - outer.start for outer in tile.outer)
        assert rows * columns <= WHOLE
        assert len(actual) == 1 or all((outer.start % STEP, inner.start % STEP) == (0, 0)
                                      for outer, inner in zip(tile.outer, tile.inner, strict=True))  # fmt: skip


SIZES = [(200, 300), (333, 130), (161, 175)]


@pytest.fixture
def small_tiles(monkeypatch):
    """Images above 100 x 100 pixels are computed in cores of 96 x 96."""
    monkeypatch.setattr(tiles, "WHOLE", 100 * 100)
    monkeypatch.setattr(tiles, "CORE", 96)


@pytest.mark.parametrize("size", SIZES)
def test_activations_of_a_tile_are_those_of_the_whole_image(size):
    image = picture(*size)
    whole = copied_activations(thin_vgg(), image)
    for tile in tiles_of(size, 96):
        for layer, activations in thin_vgg().forward(tile.of(image), LAYERS).items():
            own = tile.own(layer, activations)
            top, left = (inner.start // stride_of(layer) for inner in tile.inner)
            expected = whole[layer][top : top + own.shape[0], left : left + own.shape[1]]
            torch.testing.assert_close(own, expected, rtol=1e-4, atol=1e-5)


def test_narrower_margin_would_show():
    image = picture(300, 300)
    whole = copied_activations(thin_vgg(), image)["relu5_1"]
    part = copied_activations(thin_vgg(), image[:, :, :, 160 - HALO + 2 * STEP :])["relu5_1"]
    assert not torch.allclose(part[:, (HALO - 2 * STEP) // STEP], whole[:, 10], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("plain", [False, True], ids=["fast", "plain"])
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("guided", [False, True], ids=["", "guided"])
def test_value_and_gradient_are_those_of_the_whole_image(size, plain, guided, monkeypatch):
    features = VGG19(thin_weights()) if plain else thin_vgg()
    content, image, warped, consistency = *(picture(*size, seed) for seed in (1, 2, 3)), picture(*size, 4)[:, :1]
    styles = StyleTargets(features, [picture(120, 90, seed) for seed in (5, 6)]).at((120, 90))
    guides = {PAINTED: picture(*size, 7)[:, :1].square()} if guided else {}
    frame = FrameTargets(features, content, styles, warped, consistency, guides)
    expected = Objective(frame, Weights())(image)
    monkeypatch.setattr(tiles, "WHOLE", 100 * 100)
    monkeypatch.setattr(tiles, "CORE", 96)
    tiled = Objective(frame, Weights())
    assert len(tiled.tiles) > 1
    actual = tiled(image)
    assert actual.total == pytest.approx(expected.total, rel=1e-5)
    assert actual.spatial == pytest.approx(expected.spatial, rel=1e-5)
    scale = float(expected.gradient.abs().max())
    torch.testing.assert_close(actual.gradient, expected.gradient, rtol=1e-3, atol=1e-4 * scale)
    assert actual.gradient.is_contiguous(memory_format=torch.channels_last)


def test_without_last_frame_there_is_no_temporal_term(small_tiles):
    styles = StyleTargets(thin_vgg(), [picture(120, 90, 5)]).at((120, 90))
    frame = FrameTargets(thin_vgg(), picture(200, 300, 1), styles)
    value = Objective(frame, Weights())(picture(200, 300, 2))
    assert value.total == value.spatial


def test_gram_matrices_summed_over_tiles():
    style = picture(150, 260, 7)
    (whole,), (tiled,) = (
        sum_over_tiles(thin_vgg(), tiles_of((150, 260), core), style, [(STYLE_LAYERS, gram)]) for core in (260, 96)
    )
    for layer, expected in whole.items():
        torch.testing.assert_close(tiled[layer], expected, rtol=1e-4, atol=1e-6)
