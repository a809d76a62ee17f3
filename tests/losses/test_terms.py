"""Each term of L against its formula written out in numpy."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from tests.support.thin_vgg import copied_activations, picture, thin_vgg
from videostyle.config import Job
from videostyle.losses.terms import (
    CONTENT_LAYERS,
    LEAST_PART,
    NEW,
    OPAQUE,
    STYLE_LAYERS,
    TERMS,
    Color,
    Content,
    FrameTargets,
    LocalColors,
    Style,
    StyleStatistics,
    Term,
    TotalVariation,
    Weights,
    gram,
    relative_distance,
    temporal_distance,
)
from videostyle.losses.tiles import Tile, stride_of, tiles_of
from videostyle.option_groups import ObjectiveOptions

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


def targets(styles: list[StyleStatistics]) -> FrameTargets:
    return FrameTargets(thin_vgg(), picture(*SIZE, 1), styles)


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


@given(st.floats(1e-3, 1e3))
def test_relative_distance_is_free_of_scale(scale):
    value, target = torch.tensor([1.0, 2.0, -1.0]), torch.tensor([2.0, 0.0, 1.0])
    assert float(relative_distance(value * scale, target * scale)) == pytest.approx((1 + 4 + 4) / 5, rel=1e-5)


def test_relative_distance_to_zero():
    assert np.isfinite(float(relative_distance(torch.ones(3), torch.zeros(3))))
    assert float(relative_distance(torch.zeros(3), torch.zeros(3))) == 0


def test_content():
    """The mean relative distance of the content layers' activations."""
    own, target = activations(0), activations(1)
    distances = [
        ((own[layer] - target[layer]).double() ** 2).sum() / (target[layer].double() ** 2).sum()
        for layer in CONTENT_LAYERS
    ]
    assert value_of(Content(1.0, targets([statistics(2)])), 0) == pytest.approx(float(np.mean(distances)), rel=1e-4)


def test_style():
    """The mean relative distance of the style layers' Gram matrices."""
    own, style = activations(0), activations(2)
    distances = []
    for layer in STYLE_LAYERS:
        ours, theirs = numpy_gram(own[layer]), numpy_gram(style[layer])
        distances.append(((ours - theirs) ** 2).sum() / (theirs**2).sum())
    assert value_of(Style(1.0, targets([statistics(2)])), 0) == pytest.approx(np.mean(distances), rel=1e-4)


def test_several_styles_count_equally():
    alone = [value_of(Style(1.0, targets([statistics(seed)])), 0) for seed in (2, 3, 4)]
    together = value_of(Style(1.0, targets([statistics(seed) for seed in (2, 3, 4)])), 0)
    assert together == pytest.approx(np.mean(alone), rel=1e-5)
    assert np.ptp(alone) > 0.05 * np.mean(alone)


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
    actual = TotalVariation(1.0, targets([])).value(image, {})
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
    own, style = activations(0), Style(1.0, targets([statistics(2)]))
    for layer in STYLE_LAYERS:
        slope = torch.randn(own[layer].shape[2], own[layer].shape[2])
        leaf = own[layer].clone().requires_grad_()
        places = leaf.flatten(0, 1)
        (expected,) = torch.autograd.grad(places.T @ places / len(places), leaf, slope)
        gradient = torch.ones_like(own[layer])
        style.add_gradient(layer, own[layer], gradient, slope[None], WHOLE)
        torch.testing.assert_close(gradient - 1, expected, rtol=1e-4, atol=1e-5)


def guided(seed: int, guide: torch.Tensor) -> FrameTargets:
    return FrameTargets(thin_vgg(), picture(*SIZE, 1), [statistics(seed)], guides={OPAQUE: guide})


def soft_guide() -> torch.Tensor:
    """A half plane with a soft edge, (1, 1, H, W)."""
    return (torch.arange(SIZE[1]).float() / 12 - 0.6).clamp(0, 1).expand(1, 1, *SIZE).contiguous()


def numpy_guided_gram(activation: torch.Tensor, guide: torch.Tensor, step: int) -> np.ndarray:
    """sum(w f f^T) / sum(w), w being the mean of the guide over the step x step pixels of a place."""
    height, width, channels = activation.shape
    pixels = guide.double().numpy()[0, 0, : height * step, : width * step]
    weights = pixels.reshape(height, step, width, step).mean((1, 3)).ravel()
    places = activation.double().numpy().reshape(-1, channels)
    return np.einsum("p,pi,pj->ij", weights, places, places) / weights.sum()


def test_guided_style():
    """With a guide the Gram matrix is the mean over places weighted by the guide."""
    own, style, guide = activations(0), activations(2), soft_guide()
    distances = []
    for layer in STYLE_LAYERS:
        ours, theirs = numpy_guided_gram(own[layer], guide, stride_of(layer)), numpy_gram(style[layer])
        distances.append(((ours - theirs) ** 2).sum() / (theirs**2).sum())
    assert value_of(Style(1.0, guided(2, guide)), 0) == pytest.approx(np.mean(distances), rel=1e-4)


def test_gradient_of_guided_gram():
    """Against autograd through sum(w F F^T) / sum(w), at one layer; places of weight 0 have none."""
    own, guide = activations(0), soft_guide()
    style = Style(1.0, guided(2, guide))
    for layer in STYLE_LAYERS:
        slope = torch.randn(own[layer].shape[2], own[layer].shape[2])
        leaf = own[layer].clone().requires_grad_()
        weights = torch.nn.functional.avg_pool2d(guide, stride_of(layer))[0, 0].flatten()
        places = leaf.flatten(0, 1)
        (expected,) = torch.autograd.grad((places * weights[:, None]).T @ places / weights.sum(), leaf, slope)
        gradient = torch.ones_like(own[layer])
        style.add_gradient(layer, own[layer], gradient, slope[None], WHOLE)
        torch.testing.assert_close(gradient - 1, expected, rtol=1e-4, atol=1e-5)


def part_distance(own: dict[str, torch.Tensor], style: dict[str, torch.Tensor], mask: torch.Tensor) -> float:
    """The Gram distance over a mask, the mean of the layers."""
    distances = []
    for layer in STYLE_LAYERS:
        ours, theirs = numpy_guided_gram(own[layer], mask, stride_of(layer)), numpy_gram(style[layer])
        distances.append(((ours - theirs) ** 2).sum() / (theirs**2).sum())
    return float(np.mean(distances))


def test_style_of_parts():
    """Half of it is the whole frame's distance, half that of what is new and of the rest, weighted by their shares."""
    own, style, opaque = activations(0), activations(2), soft_guide()
    new = (torch.arange(SIZE[0]).float() / 10 - 0.4).clamp(0, 1)[:, None].expand(1, 1, *SIZE).contiguous()
    frame = replace(targets([statistics(2)]), guides={OPAQUE: opaque, NEW: new})
    masks = opaque * new, opaque * (1 - new)
    whole = part_distance(own, style, opaque)
    parts = sum(float(mask.sum() / opaque.sum()) * part_distance(own, style, mask) for mask in masks)
    assert parts > 1.01 * whole
    assert value_of(Style(1.0, frame), 0) == pytest.approx((whole + parts) / 2, rel=1e-3)
    term = Style(1.0, frame)
    sums = {layer: term.statistic(layer, own[layer], WHOLE) for layer in STYLE_LAYERS}
    assert float(term.spatial_value(picture(*SIZE, 0), sums)) == pytest.approx(whole, rel=1e-3)


@pytest.mark.parametrize("share", [0.0, LEAST_PART / 2, 1 - LEAST_PART / 2, 1.0])
def test_part_too_small_for_a_gram_matrix(share):
    """Next to nothing, or next to everything, is new: the frame is compared as a whole."""
    whole = targets([statistics(2)])
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
    frame = replace(targets([]), local_colors=LocalColors(colors, weights))
    assert float(Color(1.0, frame).value(image, {})) == pytest.approx(np.mean(expected), rel=1e-4)


def test_no_color_without_known_colors():
    assert not Color.applies(targets([]))


def test_style_does_not_depend_on_the_source():
    """A black source frame too: clips fade from black."""
    plain = targets([statistics(2)])
    black = replace(plain, content=torch.zeros_like(plain.content))
    assert value_of(Style(1.0, black), 0) == value_of(Style(1.0, plain), 0)


def test_guide_of_ones_changes_nothing():
    plain, own = Style(1.0, targets([statistics(2)])), activations(0)
    ones = Style(1.0, guided(2, torch.ones(1, 1, *SIZE)))
    for layer in STYLE_LAYERS:
        torch.testing.assert_close(ones.statistic(layer, own[layer], WHOLE), plain.statistic(layer, own[layer], WHOLE))


def test_guide_of_zeros():
    """A frame that is transparent everywhere has a finite loss, and no gradient."""
    style, own = Style(1.0, guided(2, torch.zeros(1, 1, *SIZE))), activations(0)
    assert value_of(style, 0) == pytest.approx(1)  # |0 - G|^2 / |G|^2
    for layer in STYLE_LAYERS:
        gradient = torch.zeros_like(own[layer])
        style.add_gradient(layer, own[layer], gradient, torch.ones(1, *[own[layer].shape[2]] * 2), WHOLE)
        assert not gradient.any()


def test_default_weights_are_the_command_lines():
    options = Job(input=Path("in.mp4"), styles=(Path("s.jpg"),))
    assert Weights() == {name: getattr(options, f"{name}_weight") for name in TERMS} == Weights.of(options)
    assert Weights.of(ObjectiveOptions()) == {**Weights(), "color": 0}  # of training and the preview
    assert Weights.of(ObjectiveOptions(tv_weight=7.0))["tv"] == 7
    assert Weights(style=3.0) == {**Weights(), "style": 3.0}


def test_weights_of_unknown_terms_are_refused():
    with pytest.raises(TypeError, match="styel"):
        Weights(styel=3.0)
