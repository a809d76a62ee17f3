"""Each term of L against its formula written out in numpy."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.support.thin_vgg import copied_activations, picture, thin_vgg
from videostyle.config import Job
from videostyle.losses import terms
from videostyle.losses.frame_targets import LEAST_PART, NEW, PAINTED, FrameTargets, LocalColors, StyleStatistics
from videostyle.losses.guides import Guide, guide_at, place_weights
from videostyle.losses.terms import (
    CONTENT_LAYERS,
    STYLE_LAYERS,
    TERMS,
    Color,
    Content,
    Style,
    Term,
    TotalVariation,
    Weights,
    gram,
    temporal_distance,
)
from videostyle.losses.tiles import Tile, reach_of, stride_of, tiles_of
from videostyle.option_groups import ObjectiveOptions
from videostyle.tensors import strips

SIZE = (20, 28)
WHOLE: Tile
(WHOLE,) = tiles_of(SIZE)


def activations(seed: int) -> dict[str, torch.Tensor]:
    return copied_activations(thin_vgg(), picture(*SIZE, seed))


def numpy_gram(activation: torch.Tensor) -> np.ndarray:
    places = activation.double().numpy().reshape(-1, activation.shape[2])
    return np.einsum("pi,pj->ij", places, places) / len(places)


def statistics(seed: int) -> StyleStatistics:
    """Of a style image."""
    own = activations(seed)
    return {"style": {layer: gram(layer, own[layer], WHOLE) for layer in STYLE_LAYERS}}


def targets(style: StyleStatistics) -> FrameTargets:
    return FrameTargets(thin_vgg(), picture(*SIZE, 1), style)


def value_of(term: Term, seed: int) -> float:
    """The term's value at an image that is one tile."""
    own = activations(seed)
    sums = {layer: term.statistic(layer, own[layer], WHOLE) for layer in term.layers}
    return float(term.value(picture(*SIZE, seed), sums))


@pytest.mark.parametrize("layout", ["channels last", "contiguous"])
def test_gram_matrix(layout):
    """The mean product of channels over all places, whatever the memory layout."""
    activation = torch.randn(20, 28, 5, generator=torch.Generator().manual_seed(0))
    if layout == "contiguous":
        activation = activation.permute(2, 0, 1).contiguous().permute(1, 2, 0)
    np.testing.assert_allclose(gram("relu1_1", activation, WHOLE).numpy(), numpy_gram(activation), rtol=1e-5, atol=1e-6)


def test_gram_matrix_of_a_repeated_image():
    """Repeating the image leaves its Gram matrix as it is: places are averaged, not summed."""
    activation = torch.randn(7, 9, 5)
    (once,), (thrice,) = tiles_of((7, 9)), tiles_of((7, 27))
    expected = gram("relu1_1", activation, once)
    torch.testing.assert_close(gram("relu1_1", torch.cat([activation] * 3, dim=1), thrice), expected)


def test_content():
    """The mean relative distance of the content layers' activations."""
    own, target = activations(0), activations(1)
    distances = [
        ((own[layer] - target[layer]).double() ** 2).sum() / (target[layer].double() ** 2).sum()
        for layer in CONTENT_LAYERS
    ]
    assert value_of(Content(1.0, targets(statistics(2))), 0) == pytest.approx(float(np.mean(distances)), rel=1e-4)


def test_style():
    """The mean relative distance of the style layers' Gram matrices."""
    own, style = activations(0), activations(2)
    distances = []
    for layer in STYLE_LAYERS:
        ours, theirs = numpy_gram(own[layer]), numpy_gram(style[layer])
        distances.append(((ours - theirs) ** 2).sum() / (theirs**2).sum())
    assert value_of(Style(1.0, targets(statistics(2))), 0) == pytest.approx(np.mean(distances), rel=1e-4)


def test_strength():
    """The target lies between the Gram matrices of the source frame and of the style, relative to the style's norm."""
    own, source, style = activations(0), activations(1), activations(2)  # targets() has the source frame 1
    distances = []
    for layer in STYLE_LAYERS:
        ours, theirs, goal = (numpy_gram(each[layer]) for each in (own, source, style))
        distances.append(((ours - 0.3 * goal - 0.7 * theirs) ** 2).sum() / (goal**2).sum())
    frame = replace(targets(statistics(2)), strength=0.3)
    assert value_of(Style(1.0, frame), 0) == pytest.approx(np.mean(distances), rel=1e-4)


def test_strength_of_parts():
    """Each part is compared with the source frame's own part, so that the source frame has distance 0 at strength 0."""
    new = (torch.arange(SIZE[0]).float() / 10 - 0.4).clamp(0, 1)[:, None].expand(1, 1, *SIZE).contiguous()
    for strength, expected in ((0.0, 0.0), (1.0, None)):
        frame = replace(targets(statistics(2)), strength=strength, guides={PAINTED: soft_guide(), NEW: new})
        value = value_of(Style(1.0, frame), 1)
        assert value > 0.1 if expected is None else value == pytest.approx(expected, abs=1e-6)


def test_black_style():
    """A style without any activation is no division by zero."""
    black = {"style": {layer: torch.zeros_like(own) for layer, own in statistics(2)["style"].items()}}
    assert np.isfinite(value_of(Style(1.0, targets(black)), 0))


def test_total_variation():
    """The mean squared difference over all pairs of neighbors, both ways."""
    image = torch.rand(1, 3, 5, 8)
    pixels = image.double().numpy()[0]
    differences = [
        (pixels[c, y, x] - pixels[c, y + down, x + across]) ** 2
        for c in range(3)
        for down, across in ((0, 1), (1, 0))
        for y in range(5 - down)
        for x in range(8 - across)
    ]
    actual = TotalVariation(1.0, targets({})).value(image, {})
    assert float(actual) == pytest.approx(np.mean(differences), rel=1e-5)


def test_temporal_mean_is_over_all_pixels():
    """Pixels without consistency add nothing, but count in the denominator."""
    image, warped, consistency = torch.rand(1, 3, 4, 6), torch.rand(1, 3, 4, 6), torch.rand(1, 1, 4, 6)
    consistency[..., :3] = 0
    total = sum(
        float(consistency[0, 0, y, x]) * (float(image[0, c, y, x]) - float(warped[0, c, y, x])) ** 2
        for c in range(3)
        for y in range(4)
        for x in range(6)
    )
    assert float(temporal_distance(image, warped, consistency)) == pytest.approx(total / 72, rel=1e-5)


def test_gram_gradient_is_autograds():
    """Style takes its gradient in one product; autograd through F F^T / (h w) gives the same."""
    own, style = activations(0), Style(1.0, targets(statistics(2)))
    for layer in STYLE_LAYERS:
        slope = torch.randn(own[layer].shape[2], own[layer].shape[2])
        leaf = own[layer].clone().requires_grad_()
        places = leaf.flatten(0, 1)
        (expected,) = torch.autograd.grad(places.T @ places / len(places), leaf, slope)
        gradient = torch.ones_like(own[layer])
        style.add_gradient(layer, own[layer], gradient, slope[None], WHOLE)
        torch.testing.assert_close(gradient - 1, expected, rtol=1e-4, atol=1e-5)


def guided(seed: int, guide: torch.Tensor) -> FrameTargets:
    return FrameTargets(thin_vgg(), picture(*SIZE, 1), statistics(seed), guides={PAINTED: guide})


def soft_guide() -> torch.Tensor:
    """A half plane with a soft edge, (1, 1, H, W)."""
    return (torch.arange(SIZE[1]).float() / 12 - 0.6).clamp(0, 1).expand(1, 1, *SIZE).contiguous()


def numpy_guide(layer: str, mask: torch.Tensor, around: torch.Tensor) -> np.ndarray:
    """The mean of a mask over the pixels of a place, times the mean of `around` over all places that it reaches, (h, w)."""
    step = stride_of(layer)
    height, width, reach = SIZE[0] // step, SIZE[1] // step, math.ceil(reach_of(layer) / step)

    def pooled(pixels: torch.Tensor) -> np.ndarray:
        return (
            pixels.double()
            .numpy()[0, 0, : height * step, : width * step]
            .reshape(height, step, width, step)
            .mean((1, 3))
        )

    inside = pooled(around)
    seen = [
        [inside[max(0, y - reach) : y + reach + 1, max(0, x - reach) : x + reach + 1].mean() for x in range(width)]
        for y in range(height)
    ]
    return pooled(mask) * np.array(seen)


def numpy_guided_gram(layer: str, activation: torch.Tensor, mask: torch.Tensor, around: torch.Tensor) -> np.ndarray:
    """sum(w f f^T) / sum(w), w being the guide at the layer's places."""
    weights = numpy_guide(layer, mask, around).ravel()
    places = activation.double().numpy().reshape(-1, activation.shape[2])
    return np.einsum("p,pi,pj->ij", weights, places, places) / weights.sum()


def part_distance(
    own: dict[str, torch.Tensor], style: dict[str, torch.Tensor], mask: torch.Tensor, around: torch.Tensor
) -> float:
    """The Gram distance over a part of a region, the mean of the layers."""
    distances = []
    for layer in STYLE_LAYERS:
        ours, theirs = numpy_guided_gram(layer, own[layer], mask, around), numpy_gram(style[layer])
        distances.append(((ours - theirs) ** 2).sum() / (theirs**2).sum())
    return float(np.mean(distances))


def test_guided_style():
    """With a guide the Gram matrix is the mean over places weighted by it, and the term counts by the guide's share."""
    guide = soft_guide()
    expected = float(guide.mean()) * part_distance(activations(0), activations(2), guide, guide)
    assert value_of(Style(1.0, guided(2, guide)), 0) == pytest.approx(expected, rel=1e-4)


def test_a_place_counts_fully_only_where_all_that_it_sees_is_inside():
    """Beside the border of a mask it counts half, at the same distance outside it not at all."""
    mask = (torch.arange(60) < 30).float().expand(1, 1, 40, 60).contiguous()
    for layer in ("relu1_1", "relu2_1", "relu3_1"):
        places, border = guide_at(layer, mask, mask)[0, 0, 0], 30 // stride_of(layer)
        reach = math.ceil(reach_of(layer) / stride_of(layer))
        assert 0.5 <= float(places[border - 1]) <= 0.75
        assert bool((places[:border].diff() <= 0).all())
        assert bool((places[: border - reach] == 1).all())
        assert bool((places[border + 1 :] == 0).all())


def test_places_that_do_not_count_are_skipped(monkeypatch):
    """Gram matrix and gradient of a region in the middle are those of all its places, in strips of any height."""
    mask = torch.zeros(1, 1, *SIZE)
    mask[..., 5:13, 6:20], mask[..., 9:11, 24:26] = 1, 0.5
    activation, slope = activations(0)["relu1_1"], torch.randn(4, 4)
    (weights,) = place_weights(mask, [WHOLE], ["relu1_1"], mask)
    guide, every = weights["relu1_1"], Guide(weights["relu1_1"].root)
    assert guide.within(slice(0, 4)) == slice(0, 0)
    assert guide.within(slice(5, 9)) == slice(6, 20)
    assert guide.within(slice(8, 20)) == slice(6, 26)
    assert every.within(slice(5, 9)) == slice(None)
    for rows in (1, 3, 20):
        monkeypatch.setattr(terms, "strips", lambda image, rows=rows: strips(image, rows * image[0].numel() * 4))
        torch.testing.assert_close(gram("relu1_1", activation, WHOLE, guide), gram("relu1_1", activation, WHOLE, every))
        gradients = []
        for each in (guide, every):
            style = Style(1.0, guided(2, mask))
            style.guides = [[{"relu1_1": each}]]
            gradients.append(torch.zeros_like(activation))
            style.add_gradient("relu1_1", activation, gradients[-1], slope[None], WHOLE)
        torch.testing.assert_close(*gradients)
        assert gradients[0].any()


def test_regions():
    """Each has a style of its own, by its share; what none of them claims has the plain style, and soft ones share a pixel."""
    own, styles = activations(0), [activations(seed) for seed in (2, 3, 4)]
    left = soft_guide()
    top = (torch.arange(SIZE[0]) < 8).float()[:, None].expand(1, 1, *SIZE) * (1 - left)
    own_styles = {"region 1": statistics(3), "region 2": statistics(4)}
    frame = replace(targets(statistics(2)), guides={"region 1": left, "region 2": top}, region_styles=own_styles)
    masks = 1 - left - top, left, top
    parts = [
        float(mask.mean()) * part_distance(own, style, mask, mask) for mask, style in zip(masks, styles, strict=True)
    ]
    assert value_of(Style(1.0, frame), 0) == pytest.approx(sum(parts), rel=1e-3)


def test_regions_and_what_is_masked():
    """What is not painted belongs to no region, and a region of which nothing is painted is left out."""
    left = (torch.arange(SIZE[1]) < 12).float().expand(1, 1, *SIZE).contiguous()
    own_styles = {"region 1": statistics(3)}
    frame = replace(targets(statistics(2)), guides={PAINTED: left, "region 1": left}, region_styles=own_styles)
    expected = float(left.mean()) * part_distance(activations(0), activations(3), left, left)
    assert value_of(Style(1.0, frame), 0) == pytest.approx(expected, rel=1e-3)
    assert [region.style for region in frame.regions()] == [own_styles["region 1"]]


def test_gradient_of_guided_gram():
    """Against autograd through sum(w F F^T) / sum(w), at one layer; places of weight 0 have none."""
    own, guide = activations(0), soft_guide()
    style = Style(1.0, guided(2, guide))
    for layer in STYLE_LAYERS:
        slope = torch.randn(own[layer].shape[2], own[layer].shape[2])
        leaf = own[layer].clone().requires_grad_()
        weights = torch.from_numpy(numpy_guide(layer, guide, guide)).float().flatten()
        places = leaf.flatten(0, 1)
        (expected,) = torch.autograd.grad((places * weights[:, None]).T @ places / weights.sum(), leaf, slope)
        gradient = torch.ones_like(own[layer])
        style.add_gradient(layer, own[layer], gradient, slope[None], WHOLE)
        torch.testing.assert_close(gradient - 1, expected, rtol=1e-4, atol=1e-5)


def test_style_of_parts():
    """Half of it is the whole frame's distance, half that of what is new and of the rest, weighted by their shares."""
    own, style, opaque = activations(0), activations(2), soft_guide()
    new = (torch.arange(SIZE[0]).float() / 10 - 0.4).clamp(0, 1)[:, None].expand(1, 1, *SIZE).contiguous()
    frame = replace(targets(statistics(2)), guides={PAINTED: opaque, NEW: new})
    masks = opaque * new, opaque * (1 - new)
    share = float(opaque.mean())
    whole = share * part_distance(own, style, opaque, opaque)
    guides = [numpy_guide(STYLE_LAYERS[0], mask, opaque).sum() for mask in masks]
    distances = [part_distance(own, style, mask, opaque) for mask in masks]
    parts = share * float(np.average(distances, weights=guides))
    assert parts > 1.01 * whole
    assert value_of(Style(1.0, frame), 0) == pytest.approx((whole + parts) / 2, rel=1e-3)
    term = Style(1.0, frame)
    sums = {layer: term.statistic(layer, own[layer], WHOLE) for layer in STYLE_LAYERS}
    assert float(term.spatial_value(picture(*SIZE, 0), sums)) == pytest.approx(whole, rel=1e-3)


@pytest.mark.parametrize("share", [0.0, LEAST_PART / 2, 1 - LEAST_PART / 2, 1.0])
def test_part_too_small_for_a_gram_matrix(share):
    """Next to nothing, or next to everything, is new: the frame is compared as a whole."""
    whole = targets(statistics(2))
    frame = replace(whole, guides={NEW: torch.full((1, 1, *SIZE), share)})
    assert value_of(Style(1.0, frame), 0) == value_of(Style(1.0, whole), 0)


def test_color():
    """The squared difference of each cell's mean color from the target's, both weighted, mean over the cells."""
    image, colors, weights = torch.rand(1, 3, 20, 50), torch.rand(1, 3, 20, 50), torch.rand(1, 1, 20, 50)
    weights[..., :7] = 0
    expected = []
    for top in range(0, 20, 3):  # a sixteenth of 50 pixels
        for left in range(0, 50, 3):
            ours, theirs, weight = (
                part[0, :, top : top + 3, left : left + 3].double() for part in (image, colors, weights)
            )
            off = (weight * (ours - theirs)).sum((1, 2)) / weight.sum().clamp_min(1e-9)
            expected += (weight.mean() * off.square()).tolist()
    frame = replace(targets({}), local_colors=LocalColors(colors, weights))
    assert float(Color(1.0, frame).value(image, {})) == pytest.approx(np.mean(expected), rel=1e-4)


def test_no_color_without_known_colors():
    assert not Color.applies(targets({}))


def test_style_does_not_depend_on_the_source():
    """A black source frame too: clips fade from black."""
    plain = targets(statistics(2))
    black = replace(plain, content=torch.zeros_like(plain.content))
    assert value_of(Style(1.0, black), 0) == value_of(Style(1.0, plain), 0)


def test_guide_of_ones_changes_nothing():
    plain, own = Style(1.0, targets(statistics(2))), activations(0)
    ones = Style(1.0, guided(2, torch.ones(1, 1, *SIZE)))
    for layer in STYLE_LAYERS:
        torch.testing.assert_close(ones.statistic(layer, own[layer], WHOLE), plain.statistic(layer, own[layer], WHOLE))


def test_guide_of_zeros():
    """A frame of which nothing is painted has no style term."""
    assert not Style.applies(guided(2, torch.zeros(1, 1, *SIZE)))
    assert Style.applies(guided(2, soft_guide()))


def test_default_weights_are_the_command_lines():
    options = Job(input=Path("in.mp4"), styles=(Path("s.jpg"),))
    assert Weights() == {name: getattr(options, f"{name}_weight") for name in TERMS} == Weights.of(options)
    assert Weights.of(ObjectiveOptions()) == {**Weights(), "color": 0}  # of training and the preview
    assert Weights.of(ObjectiveOptions(tv_weight=7.0))["tv"] == 7
    assert Weights(style=3.0) == {**Weights(), "style": 3.0}


def test_weights_of_unknown_terms_are_refused():
    with pytest.raises(TypeError, match="styel"):
        Weights(styel=3.0)
