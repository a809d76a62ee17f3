"""How a network learns: its gradient is that of L, its optimizer's steps are orthogonal, and it gets better."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from tests.support.thin_vgg import picture, thin_vgg
from videostyle.frames import Motion
from videostyle.losses.objective import Objective
from videostyle.losses.style_targets import StyleTargets
from videostyle.losses.terms import Weights
from videostyle.models.transformer_net import Shape, new_network
from videostyle.temporal.warp import warp
from videostyle.tensors import to_array, to_tensor
from videostyle.training.dataset import Example, Pair
from videostyle.training.muon import Muon, orthogonal
from videostyle.training.trainer import Trainer

SMALL = Shape(width=8, blocks=2, dilated=1, half=6)
SIZE = (32, 48)


def images(seed: int) -> np.ndarray:
    return (to_array(picture(*SIZE, seed)) * 255).round().astype(np.uint8)


def moving_pair() -> Pair:
    """A picture, and the same moved by 2 pixels to the right; what enters on the left is not trusted."""
    image = images(1)
    moved = np.roll(image, 2, axis=1)
    flow = np.zeros((*SIZE, 2), np.float32)
    flow[..., 0] = -2
    consistency = np.ones(SIZE, np.float32)
    consistency[:, :2] = 0
    return Pair(image, moved, Motion(flow, consistency))


@pytest.fixture(scope="module")
def styles() -> StyleTargets:
    return StyleTargets(thin_vgg(), [picture(30, 40, 9)])


def loss_by_hand(learner: Trainer, pair: Pair, styles: StyleTargets, weights: Weights) -> float:
    """L of the pair's second frame, from the Objective that painting by optimization uses."""
    with torch.no_grad():
        before, frame = (learner.network(to_tensor(each, "cpu")) for each in (pair.before, pair.frame))
        warped, consistency = warp(before, pair.motion.flow), torch.from_numpy(pair.motion.consistency)[None, None]
    content = to_tensor(pair.frame, "cpu")
    return Objective(styles.extract, content, styles.at(SIZE), weights, warped, consistency)(frame).total


def test_the_loss_is_that_of_painting_by_optimization(styles):
    weights, pair = Weights(), moving_pair()
    learner = Trainer(new_network(SMALL, 0, "cpu"))
    example = Example(pair, SIZE, styles, weights, "cpu")
    expected = loss_by_hand(learner, pair, styles, weights)
    loss, spatial = learner.value([example])
    assert loss == pytest.approx(expected, rel=1e-5)
    assert spatial < loss
    assert learner.step(example, 1.0).total == pytest.approx(expected, rel=1e-5)


def test_the_gradient_is_that_of_the_loss_through_both_frames(styles):
    """Along a random direction of all weights, against a difference quotient of the loss computed independently."""
    weights, pair = Weights(temporal=3000.0), moving_pair()
    learner = Trainer(new_network(SMALL, 3, "cpu"))
    learner.optimizer.step = lambda slowdown: None
    learner.step(Example(pair, SIZE, styles, weights, "cpu"), 1.0)
    random = torch.Generator().manual_seed(5)
    parameters = list(learner.network.parameters())
    direction = [torch.randn(each.shape, generator=random) * each.abs().mean() for each in parameters]
    slope = sum((each.grad * way).sum().item() for each, way in zip(parameters, direction, strict=True))
    losses = []
    for step in (-1e-3, 1e-3):
        moved = Trainer(new_network(SMALL, 3, "cpu"))
        with torch.no_grad():
            for each, way in zip(moved.network.parameters(), direction, strict=True):
                each.add_(way, alpha=step)
        losses.append(loss_by_hand(moved, pair, styles, weights))
    assert slope == pytest.approx((losses[1] - losses[0]) / 2e-3, rel=0.02)


def test_a_frame_without_motion_has_no_temporal_term(styles):
    pair = replace(moving_pair(), motion=None)
    learner, example = Trainer(new_network(SMALL, 0, "cpu")), Example(pair, SIZE, styles, Weights(), "cpu")
    loss, spatial = learner.value([example])
    assert loss == spatial
    assert learner.step(example, 0.5).total == pytest.approx(spatial, rel=1e-5)
    assert learner.value([example])[0] != loss


def test_learning_brings_the_loss_down(styles):
    learner = Trainer(new_network(SMALL, 0, "cpu"))
    example = Example(moving_pair(), SIZE, styles, Weights(), "cpu")
    before, _ = learner.value([example])
    for _ in range(40):
        learner.step(example, 0.5)
    after, _ = learner.value([example])
    assert after < 0.6 * before


def test_a_temporal_weight_makes_moved_frames_alike(styles):
    errors = []
    for temporal in (0.0, 3000.0):
        learner, pair = Trainer(new_network(SMALL, 0, "cpu")), moving_pair()
        example = Example(pair, SIZE, styles, Weights(temporal=temporal), "cpu")
        for _ in range(40):
            learner.step(example, 0.5)
        with torch.no_grad():
            before, frame = learner.network(example.before), learner.network(example.frame)
            errors.append(float((example.consistency * (frame - warp(before, pair.motion.flow)).square()).mean()))
    assert errors[1] < 0.5 * errors[0]


def test_restored_it_goes_on_to_the_same_weights(styles):
    example = Example(moving_pair(), SIZE, styles, Weights(), "cpu")
    learner = Trainer(new_network(SMALL, 0, "cpu"))
    for _ in range(3):
        learner.step(example, 1.0)
    state = {name: each.clone() for name, each in learner.state().items()}
    again = Trainer(new_network(SMALL, 1, "cpu"))
    again.restore(state, learner.steps)
    for each in (learner, again):
        each.step(example, 0.7)
    for one, other in zip(learner.network.parameters(), again.network.parameters(), strict=True):
        assert torch.equal(one, other)


@pytest.mark.parametrize("shape", [(6, 6), (5, 20), (20, 5)])
def test_orthogonal_matrices_keep_singular_vectors_and_have_values_near_one(shape):
    matrix = torch.randn(shape, generator=torch.Generator().manual_seed(2))
    left, values, right = torch.linalg.svd(matrix, full_matrices=False)
    found = torch.linalg.svdvals(orthogonal(matrix))
    well_above_zero = values > 0.05 * values[0]
    assert float(found.max()) < 1.25
    assert float(found[well_above_zero].min()) > 0.6
    turned = left.T @ orthogonal(matrix) @ right.T
    assert float((turned - torch.diag(turned.diagonal())).abs().max()) < 1e-4


def test_matrices_go_to_muon_and_the_rest_to_adam():
    network = new_network(SMALL, 0, "cpu")
    optimizer = Muon(network)
    counted = len(optimizer.weights) + len(optimizer.adam.param_groups[0]["params"])
    assert counted == len(list(network.parameters()))
    assert all(name.endswith("weight") for name in optimizer.weights)


def test_frames_of_16_bits_are_learned_like_those_of_8(styles):
    pair = moving_pair()
    deep = replace(pair, before=pair.before.astype(np.uint16) * 257, frame=pair.frame.astype(np.uint16) * 257)
    learner = Trainer(new_network(SMALL, 0, "cpu"))
    values = [learner.value([Example(each, SIZE, styles, Weights(), "cpu")])[0] for each in (pair, deep)]
    assert values[0] == pytest.approx(values[1], rel=1e-5)
