"""A picture in tiles has the value and the gradient of the whole picture; every place belongs to one tile."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from tests.support.thin_vgg import picture, thin_vgg
from videostyle.losses import tiles
from videostyle.losses.objective import Objective
from videostyle.losses.style_targets import StyleTargets, grams_of
from videostyle.losses.terms import Weights
from videostyle.losses.tiles import HALO, STEP, WHOLE, places_of, stride_of, tiles_of
from videostyle.models.vgg import CONTENT_LAYERS, STYLE_LAYERS

LAYERS = sorted({*STYLE_LAYERS, *CONTENT_LAYERS})


@given(st.integers(16, 700), st.integers(16, 700), st.sampled_from([16, 64, 160]))
def test_every_place_of_every_layer_belongs_to_one_tile(height, width, core):
    for layer in LAYERS:
        stride = stride_of(layer)
        covered = np.zeros((height // stride, width // stride), int)
        for tile in tiles_of((height, width), core):
            own = tile.own(layer, torch.zeros(*((outer.stop - outer.start) // stride for outer in tile.outer), 1))
            top, left = (inner.start // stride for inner in tile.inner)
            assert min(own.shape[:2]) > 0
            covered[top : top + own.shape[0], left : left + own.shape[1]] += 1
        assert (covered == 1).all()
        assert covered.size == places_of(layer, (height, width))


@given(st.integers(16, 5000), st.integers(16, 5000))
def test_a_picture_up_to_full_hd_is_one_tile_and_a_larger_one_has_none_larger_than_that(height, width):
    found = tiles_of((height, width))
    assert (len(found) == 1) is (height * width <= WHOLE or max(height, width) <= tiles.CORE + STEP - 1)
    for tile in found:
        rows, columns = (outer.stop - outer.start for outer in tile.outer)
        assert rows * columns <= WHOLE
        assert len(found) == 1 or all((outer.start % STEP, inner.start % STEP) == (0, 0)
                                      for outer, inner in zip(tile.outer, tile.inner, strict=True))  # fmt: skip


SIZES = [(200, 300), (333, 130), (161, 175)]


@pytest.fixture
def small_tiles(monkeypatch):
    """Pictures above 100 x 100 pixels are seen in cores of 96 x 96."""
    monkeypatch.setattr(tiles, "WHOLE", 100 * 100)
    monkeypatch.setattr(tiles, "CORE", 96)


@pytest.mark.parametrize("size", SIZES)
def test_a_tiles_own_activations_are_those_of_the_whole_picture(size):
    extract, image = thin_vgg(), picture(*size)
    whole = extract(image)
    for tile in tiles_of(size, 96):
        for layer, each in extract.passes.forward(tile.of(image), STYLE_LAYERS[-1]).items():
            own = tile.own(layer, each)
            top, left = (inner.start // stride_of(layer) for inner in tile.inner)
            expected = whole[layer][0, :, top : top + own.shape[0], left : left + own.shape[1]]
            torch.testing.assert_close(own, expected.permute(1, 2, 0), rtol=1e-4, atol=1e-5)


def test_a_narrower_margin_would_be_seen():
    extract, image = thin_vgg(), picture(300, 300)
    whole = extract(image)["relu5_1"]
    shown = extract(image[:, :, :, 160 - HALO + 2 * STEP :])["relu5_1"][..., (HALO - 2 * STEP) // STEP]
    assert not torch.allclose(shown, whole[..., 10], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("size", SIZES)
def test_value_and_gradient_are_those_of_the_whole_picture(size, monkeypatch):
    extract, content, image = thin_vgg(), picture(*size, 1), picture(*size, 2)
    warped, consistency = picture(*size, 3), picture(*size, 4)[:, :1]
    styles = [grams_of(extract.passes, picture(120, 90, seed), tiles_of((120, 90), 900)) for seed in (5, 6)]
    arguments = extract, content, styles, Weights(), warped, consistency
    expected = Objective(*arguments)(image)
    monkeypatch.setattr(tiles, "WHOLE", 100 * 100)
    monkeypatch.setattr(tiles, "CORE", 96)
    tiled = Objective(*arguments)
    assert len(tiled.tiles) > 1
    found = tiled(image)
    assert found.total == pytest.approx(expected.total, rel=1e-5)
    assert found.spatial == pytest.approx(expected.spatial, rel=1e-5)
    scale = float(expected.gradient.abs().max())
    torch.testing.assert_close(found.gradient, expected.gradient, rtol=1e-3, atol=1e-4 * scale)
    assert found.gradient.is_contiguous(memory_format=torch.channels_last)


def test_without_a_last_picture_there_is_no_temporal_term(small_tiles):
    extract = thin_vgg()
    styles = [grams_of(extract.passes, picture(120, 90, 5), tiles_of((120, 90), 900))]
    value = Objective(extract, picture(200, 300, 1), styles, Weights())(picture(200, 300, 2))
    assert value.total == value.spatial


def test_a_large_styles_gram_matrices_are_those_of_the_whole_picture(monkeypatch):
    style = picture(150, 260, 7)
    whole = StyleTargets(thin_vgg(), [style]).at((260, 260))
    monkeypatch.setattr(tiles, "WHOLE", 100 * 100)
    monkeypatch.setattr(tiles, "CORE", 96)
    tiled = StyleTargets(thin_vgg(), [style]).at((260, 260))
    for layer, expected in whole[0].items():
        torch.testing.assert_close(tiled[0][layer], expected, rtol=1e-4, atol=1e-6)
