"""L as the sum of its terms, and its gradient, against differences and closed forms."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F

from tests.support.thin_vgg import picture, thin_vgg, thin_weights
from videostyle.losses import tiles
from videostyle.losses.frame_targets import NEW, PAINTED, FrameTargets, LocalColors
from videostyle.losses.objective import Objective
from videostyle.losses.style_targets import StyleTargets
from videostyle.losses.terms import (
    TERMS,
    Color,
    Content,
    Style,
    Temporal,
    Term,
    TotalVariation,
    Weights,
    temporal_distance,
)
from videostyle.models.features import features_of
from videostyle.models.vgg import VGG19
from videostyle.models.weights import VGGWeights

SIZE = (20, 28)
PLAIN = VGG19(thin_weights())


def only(**weights: float) -> Weights:
    """Weight 0 for all other terms."""
    return Weights(**dict.fromkeys(Weights(), 0.0) | weights)


def targets(warped: torch.Tensor | None = None, consistency: torch.Tensor | None = None) -> FrameTargets:
    styles = StyleTargets(thin_vgg(), [picture(24, 28, 2)]).at(SIZE)
    return FrameTargets(thin_vgg(), picture(*SIZE, 1), styles, warped, consistency)


def with_last_frame() -> FrameTargets:
    """A later frame: with a last one, and something new of which the colors are known."""
    consistency, new, known = torch.rand(3, 1, 1, *SIZE, generator=torch.Generator().manual_seed(4))
    later = targets(picture(*SIZE, 3), consistency)
    return replace(later, guides={NEW: new}, local_colors=LocalColors(picture(*SIZE, 6), known))


class StyleByAutograd(Style):
    """The style term with a statistic that autograd can differentiate."""

    def statistic(self, layer, activations, tile):
        places = activations.flatten(0, 1)
        weights = [1 if guide is None else guide.root.flatten(0, 1).square() for guide in self._at(layer, tile)]
        return torch.stack([(places * weight).T @ places / len(places) for weight in weights])


REFERENCE = {**TERMS, "style": StyleByAutograd}


def value_by_autograd(term: Term, image: torch.Tensor) -> torch.Tensor:
    """A term's value at an image that is one tile, with autograd from the pixels on, through the plain network."""
    (tile,) = tiles.tiles_of((image.shape[2], image.shape[3]))
    x, statistics = image - PLAIN.mean, {}
    for layer, (weight, bias) in PLAIN.convolutions.items():
        if layer.endswith("_1") and layer != "relu1_1":
            x = F.max_pool2d(x, 2)
        x = F.conv2d(x, weight, bias, padding=1).relu()
        if layer in term.layers:
            statistics[layer] = term.statistic(layer, x[0].permute(1, 2, 0), tile)
    return term.value(image, statistics)


@pytest.mark.parametrize("name", TERMS)
def test_one_term_at_a_time(name):
    """The weighted value and gradient of a term are those of its formula by autograd alone."""
    image, frame = picture(*SIZE, 0), with_last_frame()
    value = Objective(frame, only(**{name: 7.0}))(image)
    leaf = image.clone().requires_grad_()
    expected = 7 * value_by_autograd(REFERENCE[name](7.0, frame), leaf)
    (gradient,) = torch.autograd.grad(expected, leaf)
    assert value.total == pytest.approx(expected.item(), rel=1e-4)
    assert value.spatial > 0 if TERMS[name].spatial else value.spatial == 0
    assert float((value.gradient - gradient).norm() / gradient.norm()) < 1e-3


def test_temporal_gradient():
    """2 consistency (x - w) / N: it must not be lost by detaching the image."""
    frame, image = with_last_frame(), picture(*SIZE, 0)
    expected = 2 * frame.hold * (image - frame.warped) / image.numel()
    image.requires_grad_()
    (gradient,) = torch.autograd.grad(temporal_distance(image, frame.warped, frame.hold), image)
    torch.testing.assert_close(gradient, expected)
    value = Objective(frame, only(temporal=300.0))(image)
    torch.testing.assert_close(value.gradient, 300 * expected.detach(), rtol=1e-4, atol=1e-8)


@pytest.mark.parametrize("guides", [(), (PAINTED,), (PAINTED, NEW)], ids=["", "transparent", "transparent and new"])
def test_gradient_agrees_with_differences(guides):
    """In double precision, along random directions, on the plain and on the fast network."""
    thin = thin_weights()
    exact = VGGWeights(thin.mean, {name: (w.double(), b.double()) for name, (w, b) in thin.layers.items()})
    content, image, warped = (picture(*SIZE, seed).double() for seed in (1, 0, 3))
    for features in (features_of(exact, dtype=torch.float64), VGG19(exact, dtype=torch.float64)):
        styles = StyleTargets(features, [picture(24, 20, 2).double()]).at(SIZE)
        masks = {name: picture(*SIZE, 5 + number)[:, :1].double() for number, name in enumerate(guides)}
        frame = FrameTargets(
            features, content, styles, warped, torch.rand(1, 1, *SIZE).double(), masks, picture(*SIZE, 7).double()
        )
        objective = Objective(frame, Weights())
        gradient, random = objective(image).gradient, torch.Generator().manual_seed(0)
        for _ in range(3):
            direction = torch.randn(image.shape, generator=random, dtype=torch.float64)
            step = 1e-7 * direction
            slope = (objective(image + step).total - objective(image - step).total) / 2e-7
            assert float((gradient * direction).sum()) == pytest.approx(slope, rel=1e-4)


def test_total_is_the_sum_and_spatial_leaves_out_what_refers_to_other_frames():
    image, frame = picture(*SIZE, 0), replace(with_last_frame(), guides={})
    alone = {name: Objective(frame, only(**{name: weight}))(image).total for name, weight in Weights().items()}
    value = Objective(frame, Weights())(image)
    assert value.total == pytest.approx(sum(alone.values()), rel=1e-6)
    assert value.spatial == pytest.approx(sum(alone.values()) - alone["temporal"] - alone["color"], rel=1e-6)


def test_without_last_frame_there_is_no_temporal_term():
    value = Objective(targets(), Weights())(picture(*SIZE, 0))
    assert value.total == value.spatial


def test_content_distance_of_the_source_frame_is_zero():
    assert Objective(targets(), only(content=1.0))(picture(*SIZE, 1)).total == pytest.approx(0, abs=1e-9)


def test_image_keeps_no_graph():
    image = picture(*SIZE)
    value = Objective(targets(), Weights())(image)
    assert not image.requires_grad
    assert not value.gradient.requires_grad
    assert value.gradient.shape == image.shape


def test_evaluation_inside_no_grad():
    image, objective = picture(*SIZE, 0), Objective(with_last_frame(), Weights())
    expected = objective(image)
    with torch.no_grad():
        actual = objective(image)
    assert actual.total == expected.total
    assert torch.equal(actual.gradient, expected.gradient)


# --- another term ----------------------------------------------------------------------------------------------------


class MeanActivation(Term):
    """The squared mean of relu3_2: a term that knows nothing but its statistic and its value."""

    layers = ("relu3_2",)

    def statistic(self, layer, activations, tile):
        return activations.sum() / (tile.places(layer) * activations.shape[2])

    def value(self, image, statistics):
        return statistics["relu3_2"].square()


class PooledActivation(MeanActivation):
    """The same of a layer that the fast network does not keep."""

    layers = ("relu2_2",)

    def value(self, image, statistics):
        return statistics["relu2_2"].square()


@pytest.mark.parametrize("term", [MeanActivation, PooledActivation])
@pytest.mark.parametrize("tiled", [False, True])
def test_added_term_needs_no_gradient_by_hand(term, tiled, monkeypatch):
    """One class and one line in the table: its gradient is autograd's, of the whole image and in tiles."""
    image = picture(200, 300, 0)
    if tiled:
        monkeypatch.setattr(tiles, "WHOLE", 100 * 100)
        monkeypatch.setattr(tiles, "CORE", 96)
    frame = FrameTargets(thin_vgg(), picture(200, 300, 1), [])
    objective = Objective(frame, {"mean": 5.0, "tv": 2.0}, {"mean": term, "tv": TotalVariation})
    assert (len(objective.tiles) > 1) is tiled
    value = objective(image)
    monkeypatch.undo()
    leaf = image.clone().requires_grad_()
    expected = 5 * value_by_autograd(term(5.0, frame), leaf) + 2 * value_by_autograd(TotalVariation(2.0, frame), leaf)
    (gradient,) = torch.autograd.grad(expected, leaf)
    assert value.total == pytest.approx(expected.item(), rel=1e-4)
    assert float((value.gradient - gradient).norm() / gradient.norm()) < 1e-3


def test_pixel_terms_alone():
    frame = FrameTargets(thin_vgg(), picture(*SIZE, 1), [], picture(*SIZE, 2), torch.ones(1, 1, *SIZE))
    value = Objective(frame, Weights(), {"tv": TotalVariation, "temporal": Temporal})(picture(*SIZE, 0))
    assert value.total > value.spatial > 0


def test_terms_of_the_table():
    assert [*TERMS.values()] == [Content, Style, TotalVariation, Temporal, Color]
    assert [name for name, term in TERMS.items() if not term.spatial] == ["temporal", "color"]
