"""Replayed evaluations give what evaluating gives. Without a GPU, a stand-in for the graph repeats the work."""

from __future__ import annotations

import pytest
import torch

from tests.support.replay import ReplayedOnCPU
from tests.support.thin_vgg import copied_activations, picture, thin_vgg, thin_weights
from videostyle.losses.frame_targets import PAINTED, FrameTargets
from videostyle.losses.objective import Objective
from videostyle.losses.style_targets import StyleTargets
from videostyle.losses.terms import STYLE_LAYERS, Weights, gram
from videostyle.losses.tiles import tiles_of
from videostyle.models.fast.cuda_graph import GraphedVGG19
from videostyle.models.features import features_of
from videostyle.models.vgg import VGG19
from videostyle.tensors import resize

SIZE = (20, 28)


class Factor:
    """A state for the work below: tensors in a list, and a plain value."""

    def __init__(self, power: int, *factors: float):
        self.power, self.factors = power, [torch.tensor(factor) for factor in factors]


def scaled(state, image):
    """The image times all factors, to a power; and its sum."""
    (factor,) = state
    for item in factor.factors:
        image = image * item
    return image**factor.power, image.sum()


def test_results_are_the_callers_own():
    """Replays neither overwrite earlier results nor keep earlier inputs."""
    replayed = ReplayedOnCPU()
    first = replayed(scaled, [Factor(1, 2.0)], torch.tensor([1.0, 2.0]))
    second = replayed(scaled, [Factor(1, 3.0)], torch.tensor([5.0, 7.0]))
    assert [item.tolist() for item in first] == [[2.0, 4.0], 6.0]
    assert [item.tolist() for item in second] == [[15.0, 21.0], 36.0]
    assert replayed.records == 1


def test_inputs_are_left_as_they_were():
    replayed, factor, image = ReplayedOnCPU(), Factor(1, 2.0), torch.tensor([1.0, 2.0])
    replayed(scaled, [factor], image)
    replayed(scaled, [Factor(1, 3.0)], torch.tensor([5.0, 7.0]))
    assert factor.factors[0] == 2
    assert image.tolist() == [1, 2]


def test_recorded_again_for_other_shapes_and_plain_values():
    replayed = ReplayedOnCPU()
    assert replayed(scaled, [Factor(1, 2.0)], torch.ones(3))[0].tolist() == [2, 2, 2]
    assert replayed(scaled, [Factor(1, 2.0)], torch.ones(2))[0].tolist() == [2, 2]
    assert replayed(scaled, [Factor(2, 2.0)], torch.ones(3))[0].tolist() == [4, 4, 4]
    assert replayed(scaled, [Factor(1, 2.0, 3.0)], torch.ones(3))[0].tolist() == [6, 6, 6]
    assert replayed(scaled, [Factor(1, 2.0)], torch.ones(3))[0].tolist() == [2, 2, 2]
    assert replayed.records == 4


def test_larger_image_drops_the_recordings_of_smaller_ones():
    replayed = ReplayedOnCPU()
    for size in (2, 3, 2, 3, 2):
        replayed(scaled, [Factor(1, 2.0)], torch.ones(size))
    assert replayed.records == 3
    assert len(replayed.recordings) == 2


def objectives(features):
    """Two frames of a size, each alone and after another, with other weights and a guide too, and images to evaluate at."""
    styles = StyleTargets(features, [picture(24, 20, 2)]).at(SIZE)
    for seed in (1, 5):
        content, image, warped = (picture(*SIZE, seed + offset) for offset in range(3))
        consistency = torch.rand(1, 1, *SIZE, generator=torch.Generator().manual_seed(seed))
        yield image, Objective(FrameTargets(features, content, styles), Weights())
        yield image, Objective(FrameTargets(features, content, styles, warped, consistency), Weights())
        yield image, Objective(FrameTargets(features, content, styles), Weights(style=3))
        yield image, Objective(FrameTargets(features, content, styles, guides={PAINTED: consistency}), Weights())


def test_replayed_objective():
    """A content target, a last frame or a weight that stayed in the recording would show: one serves all frames alone, one all
    later frames, one all guided frames."""
    replayed = ReplayedOnCPU()
    graphed, plain = GraphedVGG19(thin_weights(), "cpu", replayed=replayed), VGG19(thin_weights())
    for (image, ours), (_, theirs) in zip(objectives(graphed), objectives(plain), strict=True):
        actual, expected = ours(image), theirs(image)
        assert actual.total == pytest.approx(expected.total, rel=1e-6)
        assert actual.spatial == pytest.approx(expected.spatial, rel=1e-6)
        torch.testing.assert_close(actual.gradient, expected.gradient)
    assert replayed.records == 3


def test_other_styles_are_not_recorded_again():
    replayed = ReplayedOnCPU()
    features, image = GraphedVGG19(thin_weights(), "cpu", replayed=replayed), picture(*SIZE, 1)
    for seed in (2, 3):
        styles = StyleTargets(features, [picture(24, 20, seed)]).at(SIZE)
        plain = StyleTargets(VGG19(thin_weights()), [picture(24, 20, seed)]).at(SIZE)
        actual = Objective(FrameTargets(features, image, styles), Weights())(image)
        expected = Objective(FrameTargets(VGG19(thin_weights()), image, plain), Weights())(image)
        assert actual.total == pytest.approx(expected.total, rel=1e-6)
    assert replayed.records == 1


# --- bfloat16, which GPUs compute in ---------------------------------------------------------------------------------


def test_gram_matrices_of_bfloat16_are_summed_in_float32():
    size = (200, 300)
    (tile,) = tiles_of(size)
    low = copied_activations(VGG19(thin_weights(), dtype=torch.bfloat16), picture(*size))
    exact = copied_activations(thin_vgg(), picture(*size))
    for layer in STYLE_LAYERS:
        assert low[layer].dtype == torch.bfloat16
        ours, theirs = (gram(layer, item[layer], tile) for item in (low, exact))
        assert ours.dtype == torch.float32
        places = low[layer].double().flatten(0, 1)
        torch.testing.assert_close(ours.double(), places.T @ places / len(places), rtol=1e-4, atol=1e-6)
        assert float((ours - theirs).norm() / theirs.norm()) < 0.02


def test_gradient_in_bfloat16_points_the_same_way():
    values = []
    for dtype in (torch.bfloat16, torch.float32):
        features = features_of(thin_weights(), dtype=dtype)
        styles = StyleTargets(features, [picture(24, 20, 2)]).at(SIZE)
        values.append(Objective(FrameTargets(features, picture(*SIZE, 1), styles), Weights())(picture(*SIZE, 0)))
    low, exact = values
    assert low.gradient.dtype == torch.float32
    assert low.total == pytest.approx(exact.total, rel=0.02)
    assert float(torch.cosine_similarity(low.gradient.flatten(), exact.gradient.flatten(), dim=0)) > 0.99


# --- on a GPU, where there is one ------------------------------------------------------------------------------------


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
@pytest.mark.parametrize("kind", [VGG19, GraphedVGG19])
@pytest.mark.parametrize(("dtype", "close"), [(torch.float32, 1e-3), (torch.bfloat16, 0.05)])
def test_gpu_agrees_with_cpu(kind, dtype, close):
    torch.backends.cudnn.allow_tf32 = False
    features = kind(thin_weights(), "cuda", dtype)
    styles = StyleTargets(features, [picture(24, 20, 2).cuda()]).at(SIZE)
    plain = StyleTargets(thin_vgg(), [picture(24, 20, 2)]).at(SIZE)
    kept = []
    for seed in (1, 5, 9):
        content, image, warped = (picture(*SIZE, seed + offset) for offset in range(3))
        consistency = torch.rand(1, 1, *SIZE)
        there = FrameTargets(features, content.cuda(), styles, warped.cuda(), consistency.cuda())
        actual = Objective(there, Weights())(image.cuda())
        expected = Objective(FrameTargets(thin_vgg(), content, plain, warped, consistency), Weights())(image)
        assert actual.total == pytest.approx(expected.total, rel=close)
        kept.append((actual.gradient, expected.gradient))
    for actual, expected in kept:  # compared last: none may have been overwritten
        assert float((actual.cpu() - expected).norm() / expected.norm()) < 10 * close


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_gpu_shrinks_an_image_by_any_factor():
    actual = resize(picture(1080, 1920).cuda(), (18, 32)).cpu()
    torch.testing.assert_close(actual, resize(picture(1080, 1920), (18, 32)), rtol=0, atol=0.02)
