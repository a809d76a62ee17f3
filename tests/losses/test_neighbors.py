"""The neighbors objective against NumPy, autograd through the plain network, and images whose matches are known."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from tests.support.thin_vgg import copied_activations, picture, thin_vgg, thin_weights
from videostyle.losses import neighbors, tiles
from videostyle.losses.frame_targets import PAINTED, FrameTargets, StyleStatistics
from videostyle.losses.neighbors import LAYERS, PITCH, Neighbors, look_up, matches_of, nearest
from videostyle.losses.objective import Objective
from videostyle.losses.objectives import OBJECTIVES
from videostyle.losses.style_targets import StyleTargets
from videostyle.losses.terms import Weights
from videostyle.losses.tiles import stride_of
from videostyle.models.vgg import VGG19

SIZE = (29, 35)  # no multiple of 8: a rest takes no part
GRID = (6, 8)
TERMS = OBJECTIVES["neighbors"].terms
ONLY_STYLE = Weights(style=1.0, content=0.0, tv=0.0, temporal=0.0)


def styles(*images: torch.Tensor) -> StyleStatistics:
    """At their own size."""
    return StyleTargets(thin_vgg(), list(images), terms=TERMS).at((images[0].shape[2], images[0].shape[3]))


def numpy_blocks(image: torch.Tensor) -> dict[str, np.ndarray]:
    """By layer, a row for each place of an image, of the activations of its 4 x 4 pixels."""
    rows, columns = image.shape[2] // 8 * 2, image.shape[3] // 8 * 2
    result = {}
    for layer, activations in copied_activations(thin_vgg(), image, LAYERS).items():
        values, side = activations.double().numpy(), max(1, 4 // stride_of(layer))
        share = max(1, stride_of(layer) // 4)
        result[layer] = np.array([
            values[row // share * side : row // share * side + side, column // share * side : column // share * side + side]
            .ravel()
            for row in range(rows)
            for column in range(columns)
        ])  # fmt: skip
    return result


def cosines(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    unit = [rows / np.linalg.norm(rows, axis=1, keepdims=True) for rows in (first, second)]
    return unit[0] @ unit[1].T


def test_nearest(monkeypatch):
    """In chunks, the row with the largest product."""
    monkeypatch.setattr(neighbors, "CHUNK", 7)
    random = np.random.default_rng(0)
    queries, table = random.standard_normal((50, 9)), random.standard_normal((30, 9))
    found = nearest(torch.from_numpy(queries), torch.from_numpy(table))
    np.testing.assert_array_equal(found.numpy(), [max(range(30), key=lambda n: row @ table[n]) for row in queries])


@pytest.mark.parametrize("apart", [True, False])
def test_look_up(apart):
    """The style's place of the largest cosine, of each layer or of their sum, by brute force."""
    image, style = picture(*SIZE, 1), picture(40, 48, 2)
    maps = look_up(thin_vgg(), image, styles(style), apart)
    ours, tables = numpy_blocks(image), styles(style)["style"]
    similar = {}
    for layer in LAYERS:
        table = tables[layer].double().numpy()
        similar[layer] = cosines(ours[layer] - ours[layer].mean(0), table - table.mean(0))
    total = np.sum([*similar.values()], axis=0)
    for layer in LAYERS:
        similarity = similar[layer] if apart else total
        found = maps[layer].numpy().ravel()
        assert maps[layer].shape == GRID
        # a tie of two repeated activations may go either way
        np.testing.assert_allclose(similarity[np.arange(len(found)), found], similarity.max(1), atol=1e-5)


def test_table_holds_each_place_of_a_small_style_once():
    style = picture(40, 48, 2)
    for layer, expected in numpy_blocks(style).items():
        table = styles(style)["style"][layer].numpy()
        assert len(table) == 10 * 12
        np.testing.assert_allclose(np.sort(table, axis=0), np.sort(expected, axis=0), rtol=1e-4, atol=1e-5)


def test_table_of_a_large_style(monkeypatch):
    """A choice of its places, the same for all layers."""
    style = picture(40, 48, 2)
    monkeypatch.setattr(neighbors, "PLACES", 25)
    expected = numpy_blocks(style)
    chosen = []
    for layer, table in styles(style)["style"].items():
        distances = np.abs(expected[layer][None] - table.numpy()[:, None]).max(2)
        assert distances.shape[0] == 25
        assert distances.min(1).max() < 1e-4
        chosen.append({frozenset(np.nonzero(row < 1e-4)[0]) for row in distances})
    assert {place for places in chosen[0] for place in places} == {place for places in chosen[1] for place in places}


def test_style_is_its_own_neighbor():
    """An image whose places are all the style's has distance 0, also where its parts are in another order."""
    style = picture(40, 48, 2)
    own = styles(style)
    for apart in (True, False):
        frame = FrameTargets(thin_vgg(), style, own, matches=look_up(thin_vgg(), style, own, apart))
        assert Objective(frame, ONLY_STYLE, TERMS)(style).total == pytest.approx(0, abs=1e-5)
    other = picture(40, 48, 3)
    frame = FrameTargets(thin_vgg(), other, own, matches=look_up(thin_vgg(), other, own, True))
    assert Objective(frame, ONLY_STYLE, TERMS)(other).total > 0.025


def test_several_styles_are_one_table():
    """A picture that is one of two styles is matched mostly with that one's part of the table."""
    first, second = picture(40, 48, 2), picture(40, 48, 3)
    for images, expected in (((first, second), 1), ((second, first), 0)):
        for found in look_up(thin_vgg(), second, styles(*images), apart=True).values():
            assert float((found // 120 == expected).float().mean()) > 0.75


@pytest.mark.parametrize(("mix", "counts"), [((0.5, 0.5), (120, 120)), ((0.25, 0.75), (40, 120)), ((1, 0), (120, 0))])
def test_a_mix_has_places_by_its_shares(mix, counts):
    first, second = picture(40, 48, 2), picture(40, 48, 3)
    tables = [styles(image)["style"] for image in (first, second)]
    mixed = StyleTargets(thin_vgg(), [first, second], terms=TERMS).at((40, 48), mix)["style"]
    for layer, table in mixed.items():
        expected = [own[layer][:count] for own, count in zip(tables, counts, strict=True)]
        torch.testing.assert_close(table, torch.cat(expected))


def frame_with(image: torch.Tensor, **options) -> FrameTargets:
    own = styles(picture(40, 48, 2))
    return FrameTargets(thin_vgg(), image, own, matches=look_up(thin_vgg(), image, own, apart=False), **options)


@pytest.mark.parametrize("guided", [False, True])
def test_value_and_gradient(guided):
    """The mean of (1 - cos) / 2 over layers and places, weighted by the guide, with autograd from the pixels on."""
    image = picture(*SIZE, 1)
    guide = picture(*SIZE, 5)[:, :1].square() if guided else torch.ones(1, 1, *SIZE)
    frame = frame_with(picture(*SIZE, 4), guides={PAINTED: guide} if guided else {})
    plain, leaf = VGG19(thin_weights()), image.clone().requires_grad_()
    shares = F.avg_pool2d(guide, PITCH)[0, 0, : GRID[0], : GRID[1]]
    x, distances = leaf - plain.mean, []
    for layer, (weight, bias) in plain.convolutions.items():
        x = F.max_pool2d(x, 2) if layer.endswith("_1") and layer != "relu1_1" else x
        x = F.conv2d(x, weight, bias, padding=1).relu()
        if layer in LAYERS:
            side = PITCH // stride_of(layer)
            places = F.unfold(x, side, stride=side)[0].T if side else F.interpolate(x, scale_factor=2)[0].flatten(1).T
            rows, columns = (size // max(1, side) if side else 2 * size for size in x.shape[2:])
            places = places.reshape(rows, columns, -1)[: GRID[0], : GRID[1]]
            table = frame.style["style"][layer]
            if side:  # unfold has the channel first
                table = table.unflatten(1, (side * side, -1)).transpose(1, 2).flatten(1)
            matched = (table - table.mean(0))[frame.matches[layer]]
            cosine = F.cosine_similarity(places - table.mean(0), matched, dim=2)
            distances.append((shares * (1 - cosine)).mean() / 2)
    expected = torch.stack(distances).mean()
    (gradient,) = torch.autograd.grad(expected, leaf)
    value = Objective(frame, ONLY_STYLE, TERMS)(image)
    assert value.total == pytest.approx(expected.item(), rel=1e-4)
    assert float((value.gradient - gradient).norm() / gradient.norm()) < 1e-3


def test_tiles(monkeypatch):
    """Matches, value and gradient are those of the whole image."""
    content, image, style = picture(200, 301, 1), picture(200, 301, 2), picture(120, 90, 5)
    monkeypatch.setattr(neighbors, "STRIP", 3000)

    def evaluated():
        own = StyleTargets(thin_vgg(), [style], terms=TERMS).at((120, 90))
        matches = look_up(thin_vgg(), content, own, apart=False)
        frame = FrameTargets(thin_vgg(), content, own, guides={PAINTED: picture(200, 301, 7)[:, :1]}, matches=matches)
        return matches, Objective(frame, Weights(), TERMS)(image)

    matches, expected = evaluated()
    monkeypatch.setattr(tiles, "WHOLE", 100 * 100)
    monkeypatch.setattr(tiles, "CORE", 96)
    tiled, actual = evaluated()
    same = [float((tiled[layer] == matches[layer]).float().mean()) for layer in LAYERS]
    assert min(same) > 0.999
    assert actual.total == pytest.approx(expected.total, rel=1e-4)
    assert float((actual.gradient - expected.gradient).norm() / expected.gradient.norm()) < 1e-2


def test_what_is_matched():
    """A start that is stylized already as it is; else three quarters of it and one of the frame, all layers alike."""
    own, content, start = styles(picture(40, 48, 2)), picture(*SIZE, 1), picture(*SIZE, 3)
    begun = matches_of(thin_vgg(), content, start, own, True)
    first = matches_of(thin_vgg(), content, start, own, False)
    for layer in LAYERS:
        assert torch.equal(begun[layer], look_up(thin_vgg(), start, own, True)[layer])
        assert torch.equal(first[layer], look_up(thin_vgg(), 0.25 * content + 0.75 * start, own, False)[layer])
        assert torch.equal(first[layer], first[LAYERS[0]])


def test_no_place_is_opaque():
    """A transparent frame has a finite value."""
    frame = frame_with(picture(*SIZE, 4), guides={PAINTED: torch.zeros(1, 1, *SIZE)})
    value = Objective(frame, ONLY_STYLE, TERMS)(picture(*SIZE, 1))
    assert value.total == 0
    assert bool(value.gradient.isfinite().all())


def test_term_is_the_one_of_the_table():
    assert isinstance(Objective(frame_with(picture(*SIZE)), Weights(), TERMS).terms[1], Neighbors)
