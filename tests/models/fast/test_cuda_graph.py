"""What is recorded once and replayed gives what computing gives. Without a GPU, a stand-in for the graph repeats the work."""

from __future__ import annotations

import pytest
import torch

from tests.support.thin_vgg import picture, thin_vgg, thin_weights
from videostyle.losses.objective import Objective
from videostyle.losses.style_targets import StyleTargets
from videostyle.losses.terms import Weights, gram
from videostyle.models.fast.cuda_graph import Replayed, at_once
from videostyle.models.vgg import STYLE_LAYERS, VGG19Features
from videostyle.tensors import resize

SIZE = (20, 28)


class StandIn(Replayed):
    """Like a graph, it reads and writes always the same tensors; unlike one, it runs on a CPU."""

    records = 0

    def _record(self, work, own):
        self.records += 1
        found = work(*own)

        def replay():
            for old, new in zip(found, work(*own), strict=True):
                old.copy_(new)

        return replay, found


def test_results_are_the_callers_own_and_those_of_its_own_tensors():
    run, given = StandIn(), [torch.tensor([1.0, 2.0])]
    first = run(lambda x: (2 * x, x.sum()), "twice", given)
    given[0] = torch.tensor([5.0, 7.0])
    second = run(lambda x: (2 * x, x.sum()), "twice", given)
    assert [each.tolist() for each in first] == [[2.0, 4.0], 3.0]
    assert [each.tolist() for each in second] == [[10.0, 14.0], 12.0]
    assert run.records == 1


def test_other_shapes_and_other_work_are_recorded_anew():
    run = StandIn()
    assert run(lambda x: (2 * x,), "twice", [torch.ones(3)])[0].tolist() == [2, 2, 2]
    assert run(lambda x: (2 * x,), "twice", [torch.ones(2)])[0].tolist() == [2, 2]
    assert run(lambda x: (3 * x,), "thrice", [torch.ones(3)])[0].tolist() == [3, 3, 3]
    assert run(lambda x: (2 * x,), "twice", [torch.ones(3)])[0].tolist() == [2, 2, 2]
    assert run.records == 3


def test_what_was_recorded_of_smaller_ones_makes_way_for_a_larger_one():
    run = StandIn()
    for size in (2, 3, 2, 3, 2):
        run(lambda x: (2 * x,), "twice", [torch.ones(size)])
    assert run.records == 3
    assert len(run.recorded) == 2


def objectives(run):
    """Two frames of a size, each alone and after another: what they are evaluated at, and by."""
    extract = VGG19Features(thin_weights())
    extract.run = run
    targets = StyleTargets(extract, [picture(24, 20, 2)])
    for seed in (1, 5):
        content, image, warped = (picture(*SIZE, seed + each) for each in range(3))
        consistency = torch.rand(1, 1, *SIZE, generator=torch.Generator().manual_seed(seed))
        yield image, Objective(extract, content, targets.at(SIZE), Weights())
        yield image, Objective(extract, content, targets.at(SIZE), Weights(), warped, consistency)
        yield image, Objective(extract, content, targets.at(SIZE), Weights(style=3))


def test_a_replayed_objective_is_the_objective_of_each_frame():
    """A content target or a last picture that stayed in the recording would show from the second frame on."""
    run = StandIn()
    for (image, replayed), (_, plain) in zip(objectives(run), objectives(at_once), strict=True):
        found, expected = replayed(image), plain(image)
        assert found.total == pytest.approx(expected.total, rel=1e-6)
        assert found.spatial == pytest.approx(expected.spatial, rel=1e-6)
        torch.testing.assert_close(found.gradient, expected.gradient)
    assert run.records == 3


def test_bfloat16_is_summed_up_in_float32():
    low = VGG19Features(thin_weights(), dtype=torch.bfloat16)(picture(200, 300))
    exact = thin_vgg()(picture(200, 300))
    for layer in STYLE_LAYERS:
        assert low[layer].dtype == torch.bfloat16
        assert gram(low[layer]).dtype == torch.float32
        ours, places = gram(low[layer]), low[layer].double()[0].flatten(1)
        torch.testing.assert_close(ours.double(), places @ places.T / places.shape[1], rtol=1e-4, atol=1e-6)
        assert float((ours - gram(exact[layer])).norm() / gram(exact[layer]).norm()) < 0.02


def test_an_objective_in_bfloat16_leads_the_same_way():
    values = []
    for dtype in (torch.bfloat16, torch.float32):
        extract = VGG19Features(thin_weights(), dtype=dtype)
        targets = StyleTargets(extract, [picture(24, 20, 2)])
        values.append(Objective(extract, picture(*SIZE, 1), targets.at(SIZE), Weights())(picture(*SIZE, 0)))
    low, exact = values
    assert low.gradient.dtype == torch.float32
    assert low.total == pytest.approx(exact.total, rel=0.02)
    assert float(torch.cosine_similarity(low.gradient.flatten(), exact.gradient.flatten(), dim=0)) > 0.99


# --- on a GPU, where there is one ------------------------------------------------------------------------------------


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
@pytest.mark.parametrize(("dtype", "close"), [(torch.float32, 1e-3), (torch.bfloat16, 0.05)])
def test_a_gpu_finds_what_a_cpu_finds(dtype, close):
    torch.backends.cudnn.allow_tf32 = False
    extract = VGG19Features(thin_weights(), "cuda", dtype)
    targets = StyleTargets(extract, [picture(24, 20, 2).cuda()])
    plain = StyleTargets(thin_vgg(), [picture(24, 20, 2)])
    kept = []
    for seed in (1, 5, 9):
        parts = [picture(*SIZE, seed + each) for each in range(3)]
        consistency = torch.rand(1, 1, *SIZE)
        there = [each.cuda() for each in (*parts, consistency)]
        found = Objective(extract, there[0], targets.at(SIZE), Weights(), there[2], there[3])(there[1])
        expected = Objective(thin_vgg(), parts[0], plain.at(SIZE), Weights(), parts[2], consistency)(parts[1])
        assert found.total == pytest.approx(expected.total, rel=close)
        kept.append((found.gradient, expected.gradient))
    for found, expected in kept:  # compared last: none may have been written over
        assert float((found.cpu() - expected).norm() / expected.norm()) < 10 * close


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_a_gpu_shrinks_a_picture_by_any_factor():
    found = resize(picture(1080, 1920).cuda(), (18, 32)).cpu()
    torch.testing.assert_close(found, resize(picture(1080, 1920), (18, 32)), rtol=0, atol=0.02)
