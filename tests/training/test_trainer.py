"""One training step: its gradient is that of L, the optimizer's steps are orthogonal, and the loss falls."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from tests.support.style_models import SMALL
from tests.support.thin_vgg import picture, thin_vgg
from videostyle.frames import Motion
from videostyle.losses.frame_targets import FrameTargets
from videostyle.losses.objective import Objective
from videostyle.losses.style_targets import StyleTargets
from videostyle.losses.terms import Weights
from videostyle.models.transformer_net import new_network
from videostyle.temporal.warp import warp
from videostyle.tensors import to_array, to_tensor
from videostyle.training.dataset import Example, Pair
from videostyle.training.muon import Muon, orthogonalized
from videostyle.training.trainer import Trainer

SIZE = (32, 48)


def images(seed: int) -> np.ndarray:
    return (to_array(picture(*SIZE, seed)) * 255).round().astype(np.uint8)


def moving_pair() -> Pair:
    """A picture, and the same moved by 2 pixels to the right; the columns that enter on the left are not consistent."""
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


def loss_by_hand(trainer: Trainer, pair: Pair, styles: StyleTargets, weights: Weights) -> float:
    """L of the pair's second frame, from the Objective of the optimizing stylizer, with the temporal term in it."""
    with torch.no_grad():
        before, frame = (trainer.network(to_tensor(image, "cpu")) for image in (pair.before, pair.frame))
        warped, consistency = warp(before, pair.motion.flow), torch.from_numpy(pair.motion.consistency)[None, None]
    content = to_tensor(pair.frame, "cpu")
    return Objective(FrameTargets(styles.features, content, styles.at(SIZE), warped, consistency), weights)(frame).total


def test_loss_matches_objective(styles):
    """The loss of a step is L as the optimizing stylizer computes it."""
    weights, pair = Weights(), moving_pair()
    trainer = Trainer(new_network(SMALL, 0, "cpu"))
    example = Example(pair, SIZE, styles, weights, "cpu")
    expected = loss_by_hand(trainer, pair, styles, weights)
    loss, spatial = trainer.mean_losses([example])
    assert loss == pytest.approx(expected, rel=1e-5)
    assert spatial < loss
    assert trainer.step(example, 1.0).total == pytest.approx(expected, rel=1e-5)


def test_gradient_flows_through_both_frames(styles):
    """Along a random direction of all weights, against a difference quotient of the loss computed independently. A rate of 0
    leaves the weights as they are."""
    weights, pair = Weights(temporal=3000.0), moving_pair()
    trainer = Trainer(new_network(SMALL, 3, "cpu"))
    trainer.step(Example(pair, SIZE, styles, weights, "cpu"), 0.0)
    random = torch.Generator().manual_seed(5)
    parameters = list(trainer.network.parameters())
    direction = [torch.randn(tensor.shape, generator=random) * tensor.abs().mean() for tensor in parameters]
    slope = sum((tensor.grad * way).sum().item() for tensor, way in zip(parameters, direction, strict=True))
    losses = []
    for step in (-1e-3, 1e-3):
        moved = Trainer(new_network(SMALL, 3, "cpu"))
        with torch.no_grad():
            for weight, way in zip(moved.network.parameters(), direction, strict=True):
                weight.add_(way, alpha=step)
        losses.append(loss_by_hand(moved, pair, styles, weights))
    assert slope == pytest.approx((losses[1] - losses[0]) / 2e-3, rel=0.02)


def test_no_temporal_term_without_motion(styles):
    pair = replace(moving_pair(), motion=None)
    trainer, example = Trainer(new_network(SMALL, 0, "cpu")), Example(pair, SIZE, styles, Weights(), "cpu")
    loss, spatial = trainer.mean_losses([example])
    assert loss == spatial
    assert trainer.step(example, 0.5).total == pytest.approx(spatial, rel=1e-5)
    assert trainer.mean_losses([example])[0] != loss


def test_training_reduces_loss(styles):
    trainer = Trainer(new_network(SMALL, 0, "cpu"))
    example = Example(moving_pair(), SIZE, styles, Weights(), "cpu")
    before, _ = trainer.mean_losses([example])
    for _ in range(40):
        trainer.step(example, 0.5)
    after, _ = trainer.mean_losses([example])
    assert after < 0.6 * before


def test_temporal_weight_reduces_warp_error(styles):
    errors = []
    for temporal in (0.0, 3000.0):
        trainer, pair = Trainer(new_network(SMALL, 0, "cpu")), moving_pair()
        example = Example(pair, SIZE, styles, Weights(temporal=temporal), "cpu")
        for _ in range(40):
            trainer.step(example, 0.5)
        with torch.no_grad():
            before, frame = trainer.network(example.before), trainer.network(example.frame)
            errors.append(float((example.consistency * (frame - warp(before, pair.motion.flow)).square()).mean()))
    assert errors[1] < 0.5 * errors[0]


def test_restore_continues_to_same_weights(styles):
    example = Example(moving_pair(), SIZE, styles, Weights(), "cpu")
    trainer = Trainer(new_network(SMALL, 0, "cpu"))
    for _ in range(3):
        trainer.step(example, 1.0)
    state = {name: tensor.clone() for name, tensor in trainer.state().items()}
    again = Trainer(new_network(SMALL, 1, "cpu"))
    again.restore(state, trainer.steps)
    for either in (trainer, again):
        either.step(example, 0.7)
    for one, other in zip(trainer.network.parameters(), again.network.parameters(), strict=True):
        assert torch.equal(one, other)


@pytest.mark.parametrize("shape", [(6, 6), (5, 20), (20, 5)])
def test_orthogonalized_keeps_singular_vectors(shape):
    """The singular values become nearly one."""
    matrix = torch.randn(shape, generator=torch.Generator().manual_seed(2))
    left, values, right = torch.linalg.svd(matrix, full_matrices=False)
    actual = torch.linalg.svdvals(orthogonalized(matrix))
    well_above_zero = values > 0.05 * values[0]
    assert float(actual.max()) < 1.25
    assert float(actual[well_above_zero].min()) > 0.6
    turned = left.T @ orthogonalized(matrix) @ right.T
    assert float((turned - torch.diag(turned.diagonal())).abs().max()) < 1e-4


def test_muon_takes_matrices_and_adam_the_rest():
    network = new_network(SMALL, 0, "cpu")
    optimizer = Muon(network)
    assigned = len(optimizer.weights) + len(optimizer.adam.param_groups[0]["params"])
    assert assigned == len(list(network.parameters()))
    assert all(name.endswith("weight") for name in optimizer.weights)


def test_16_bit_frames_give_same_loss(styles):
    pair = moving_pair()
    deep = replace(pair, before=pair.before.astype(np.uint16) * 257, frame=pair.frame.astype(np.uint16) * 257)
    trainer = Trainer(new_network(SMALL, 0, "cpu"))
    values = [trainer.mean_losses([Example(depth, SIZE, styles, Weights(), "cpu")])[0] for depth in (pair, deep)]
    assert values[0] == pytest.approx(values[1], rel=1e-5)
