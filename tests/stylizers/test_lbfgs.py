"""L-BFGS on problems with a known minimum, alone and against torch's own."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from videostyle.stylizers import lbfgs
from videostyle.stylizers.lbfgs import LBFGS, MAX_CUTS

SHAPE = (1, 3, 4, 5)
COUNT = int(np.prod(SHAPE))


@dataclass(frozen=True)
class Value:
    total: float
    gradient: torch.Tensor


class Quadratic:
    """(x - goal) A (x - goal) / 2 with A's eigenvalues from 1 to `condition`, in a random basis; minimum 0 at `goal`."""

    def __init__(self, goal: torch.Tensor, condition: float):
        random = torch.Generator().manual_seed(7)
        basis, _ = torch.linalg.qr(torch.randn(COUNT, COUNT, generator=random))
        self.hessian = basis @ torch.diag(torch.logspace(0, np.log10(condition), COUNT)) @ basis.T
        self.goal, self.evaluations = goal, 0

    def loss(self, x: torch.Tensor) -> torch.Tensor:
        self.evaluations += 1
        away = (x - self.goal).flatten()
        return away @ self.hessian @ away / 2

    def __call__(self, x: torch.Tensor) -> Value:
        loss = self.loss(x)
        return Value(float(loss), (self.hessian @ (x - self.goal).flatten()).view_as(x))


def random_picture(seed: int) -> torch.Tensor:
    return torch.rand(SHAPE, generator=torch.Generator().manual_seed(seed))


def after(optimizer: LBFGS, objective, start: torch.Tensor, iterations: int) -> tuple[torch.Tensor, float]:
    x, value = list(islice(optimizer.minimize(objective, start), iterations + 1))[-1]
    return x, value.total


def torch_after(objective: Quadratic, start: torch.Tensor, evaluations: int, memory: int = 10) -> float:
    x = start.clone().requires_grad_()
    optimizer = torch.optim.LBFGS(
        [x], max_iter=evaluations, max_eval=evaluations, history_size=memory, tolerance_change=0, tolerance_grad=0
    )

    def closure():
        optimizer.zero_grad()
        loss = objective.loss(x)
        loss.backward()
        return loss

    optimizer.step(closure)
    return float(objective.loss(x.detach()))


# --- one quadratic ---------------------------------------------------------------------------------------------------


def test_minimum_of_a_quadratic():
    goal = random_picture(1)
    x, value = after(LBFGS(), Quadratic(goal, 50), random_picture(0), 100)
    assert value < 1e-9
    torch.testing.assert_close(x, goal, rtol=0, atol=1e-4)


def test_full_memory_matches_torch():
    """With full memory it is as good as torch's L-BFGS after as many evaluations."""
    objective = Quadratic(random_picture(1), 100)
    _, own = after(LBFGS(memory=100), objective, random_picture(0), 60)
    used, objective.evaluations = objective.evaluations, 0
    assert own <= 1.5 * torch_after(objective, random_picture(0), used, memory=100)
    assert own < 1e-5 * objective(random_picture(0)).total


def test_yields_start_and_iterations():
    objective = Quadratic(random_picture(1), 10)
    path = list(islice(LBFGS().minimize(objective, random_picture(0)), 6))
    assert torch.equal(path[0][0], random_picture(0))
    assert len(path) == 6
    for x, value in path:
        assert value.total == objective(x).total


def test_start_is_not_modified():
    start = random_picture(0)
    after(LBFGS(), Quadratic(random_picture(1), 10), start, 5)
    assert torch.equal(start, random_picture(0))


# --- a quadratic whose minimum moves from frame to frame -------------------------------------------------------------


def moving_target(seed: int) -> np.ndarray:
    """A minimum that moves in the same few directions, soft and stiff, as the pictures of a clip do.

    Returns sums over frames 9 to 16: the value at the start; after two iterations with carried pairs; after three and after
    sixty evaluations with a fresh history, from the same start.
    """
    curvatures = Quadratic(random_picture(1), 1000)
    directions = torch.linalg.eigh(curvatures.hessian).eigenvectors[:, torch.linspace(0, COUNT - 1, 4).long()]
    random = torch.Generator().manual_seed(seed)
    carried, goal = LBFGS(), curvatures.goal
    x, results = goal.clone(), []
    for _ in range(16):
        goal = goal + 0.05 * (directions @ torch.randn(4, generator=random)).view(SHAPE)
        objective, start = Quadratic(goal, 1000), x
        x, value = after(carried, objective, start, 2)
        results.append((objective(start).total, value, *(torch_after(objective, start, count) for count in (3, 60))))
    return np.sum(results[8:], axis=0)  # the first eight collect the pairs


def test_carried_pairs_follow_a_moving_target():
    """Two iterations per frame leave a third of what a fresh history leaves, and gain all but 2 % of what sixty fresh ones do.

    Summed over several targets: rounding alone makes a single one twice as good or as bad."""
    began, value, fresh, many = np.sum([moving_target(seed) for seed in range(6)], axis=0)
    assert value < fresh / 3
    assert value - many < 0.02 * began


# --- what is kept ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("curvature", "kept"), [(1.0, 1), (-1.0, 0), (0.0, 0)])
def test_only_positive_curvature_is_kept(curvature, kept):
    optimizer, s = LBFGS(), random_picture(0)
    optimizer.remember(s, curvature * s)
    assert len(optimizer.pairs) == kept


def test_large_pairs_are_bfloat16():
    """Large pairs take half the memory and give the same direction."""
    exact, rounded, again = LBFGS(), LBFGS(large=0), LBFGS(large=0)
    after(exact, Quadratic(random_picture(1), 100), random_picture(0), 10)
    rounded.restore(exact.state())
    rounded.carry(lambda stack: stack)
    again.restore(rounded.state())
    assert {tensor.dtype for pair in rounded.pairs for tensor in (pair.s, pair.y)} == {torch.bfloat16}
    assert sum(tensor.nbytes for tensor in rounded.state().values()) * 2 == sum(
        tensor.nbytes for tensor in exact.state().values()
    )
    directions = [optimizer.direction(random_picture(5)).flatten() for optimizer in (exact, rounded, again)]
    assert torch.equal(directions[1], directions[2])
    assert torch.cosine_similarity(directions[0], directions[1], dim=0) > 0.999


def test_tiny_curvature_is_not_kept():
    optimizer = LBFGS()
    y = torch.zeros(SHAPE)
    y[0, 0, 0, 0] = 1e6
    s = torch.zeros(SHAPE)
    s[0, 0, 0, 0] = 0.9e-4  # s.y is 0.9e-10 of y.y
    optimizer.remember(s, y)
    assert not optimizer.pairs
    optimizer.remember(1.2 * s, y)
    assert len(optimizer.pairs) == 1


def test_oldest_pairs_go_first():
    optimizer = LBFGS(memory=3)
    for scale in range(1, 6):
        optimizer.remember(scale * torch.ones(SHAPE), torch.ones(SHAPE))
    assert [float(pair.s.max()) for pair in optimizer.pairs] == [3, 4, 5]


# --- steps -----------------------------------------------------------------------------------------------------------


def test_first_direction():
    """Without pairs, the direction is the negative gradient over its absolute sum."""
    gradient = random_picture(0) - 0.5
    direction = LBFGS().direction(gradient)
    np.testing.assert_allclose(direction.numpy(), -gradient.numpy() / np.abs(gradient.numpy()).sum(), rtol=1e-5)
    assert torch.equal(LBFGS().direction(torch.zeros(SHAPE)), torch.zeros(SHAPE))


def test_max_step():
    """No element of a step is above a half, and its direction is kept."""
    optimizer = LBFGS()
    s = random_picture(0)
    optimizer.remember(s, 1e-3 * s)  # a flat valley: Newton's step would be 1000 times the gradient
    gradient = random_picture(1) - 0.3
    step = optimizer.direction(gradient)
    assert float(step.abs().max()) == pytest.approx(0.5, rel=1e-5)
    torch.testing.assert_close(step / step.norm(), -gradient / gradient.norm())
    single = torch.zeros(SHAPE)
    single[0, 0, 0, 0] = 4.0  # its -g / |g|_1 is one whole
    assert float(LBFGS().direction(single).min()) == -0.5


def test_direction_is_bfgs():
    """H as a matrix, updated pair by pair (Nocedal & Wright, eq. 6.17), from the newest pair's s.y / y.y."""
    optimizer, objective = LBFGS(max_step=1e9), Quadratic(random_picture(1), 20)
    for seed in range(4):
        s = random_picture(20 + seed) - 0.5
        optimizer.remember(s, (objective.hessian @ s.flatten()).view_as(s))
    newest = optimizer.pairs[-1]
    inverse = torch.eye(COUNT, dtype=torch.float64) * newest.curvature / float(newest.y.square().sum())
    for s, y in ((pair.s.flatten().double(), pair.y.flatten().double()) for pair in optimizer.pairs):
        rho = 1 / (s @ y)
        left = torch.eye(COUNT, dtype=torch.float64) - rho * torch.outer(s, y)
        inverse = left @ inverse @ left.T + rho * torch.outer(s, s)
    gradient = random_picture(5) - 0.5
    expected = -(inverse @ gradient.flatten().double()).view(SHAPE)
    torch.testing.assert_close(optimizer.direction(gradient).double(), expected, rtol=1e-4, atol=1e-5)


class Walled:
    """|x|^2 + 1, and `height` times as much further than `reach` from the start."""

    def __init__(self, start: torch.Tensor, reach: float, height: float):
        self.start, self.reach, self.height, self.tried = start, reach, height, []

    def __call__(self, x: torch.Tensor) -> Value:
        far = float((x - self.start).abs().max())
        self.tried.append(far)
        value = float(x.square().sum()) + 1
        return Value(value * (self.height if far > self.reach else 1), 2 * x)


def test_bad_step_is_cut():
    """A step that raises the value by half is cut to a quarter."""
    start = torch.full(SHAPE, 1.0)
    walled = Walled(start, 0.3 / COUNT, 2.0)  # the first step is 1 / COUNT everywhere
    x, _ = after(LBFGS(), walled, start, 1)
    assert np.multiply(walled.tried, COUNT) == pytest.approx([0, 1, 0.25], rel=1e-4)
    torch.testing.assert_close(x, start - 0.25 / COUNT)


def test_slightly_bad_step_is_taken():
    start = torch.full(SHAPE, 1.0)
    walled = Walled(start, 0.3 / COUNT, 1.45)
    after(LBFGS(), walled, start, 1)
    assert np.multiply(walled.tried, COUNT) == pytest.approx([0, 1], rel=1e-4)


def test_ends_where_no_step_helps():
    start = torch.full(SHAPE, 1.0)
    walled = Walled(start, 0.0, 2.0)
    assert len(list(LBFGS().minimize(walled, start))) == 1
    assert len(walled.tried) == 1 + MAX_CUTS


def test_nan_is_rejected():
    """A step to a value that is not a number is cut."""

    def broken(x):
        far = float((x - start).abs().max())
        return Value(float("nan") if far > 0.1 / COUNT else 1.0, torch.ones(SHAPE))

    start = torch.full(SHAPE, 1.0)
    _, value = after(LBFGS(), broken, start, 1)
    assert value == 1.0


# --- bounds ----------------------------------------------------------------------------------------------------------


@given(st.integers(0, 10_000))
def test_minimum_within_bounds(seed):
    """Of a quadratic without mixed terms that is the minimum, moved to the bounds element by element."""
    random = torch.Generator().manual_seed(seed)
    goal = 3 * torch.rand(SHAPE, generator=random) - 1
    curvature = 1 + 9 * torch.rand(SHAPE, generator=random)

    def bowl(x: torch.Tensor) -> Value:
        return Value(float((curvature * (x - goal).square()).sum() / 2), curvature * (x - goal))

    path = list(islice(LBFGS(bounds=(0.0, 1.0)).minimize(bowl, 3 * random_picture(seed) - 1), 120))
    assert all(torch.equal(x, x.clamp(0, 1)) for x, _ in path)
    torch.testing.assert_close(path[-1][0], goal.clamp(0, 1), rtol=0, atol=0.01)


def test_pair_is_the_clamped_step():
    """A pair holds the step that was made, not the one that the bounds cut short."""
    optimizer, start = LBFGS(bounds=(0.0, 1.0)), torch.full(SHAPE, 0.999)
    x, _ = after(optimizer, Quadratic(torch.full(SHAPE, 5.0), 20), start, 1)
    assert torch.equal(optimizer.pairs[0].s, x - start)


# --- state -----------------------------------------------------------------------------------------------------------


def with_seven_pairs() -> LBFGS:
    optimizer = LBFGS()
    after(optimizer, Quadratic(random_picture(1), 30), random_picture(0), 7)
    return optimizer


def test_state_and_restore():
    first, second = with_seven_pairs(), LBFGS()
    second.restore(first.state())
    assert len(second.pairs) == len(first.pairs) == 7
    objective = Quadratic(random_picture(2), 30)
    ours, _ = after(first, objective, random_picture(3), 4)
    theirs, _ = after(second, objective, random_picture(3), 4)
    assert torch.equal(ours, theirs)


def test_state_without_pairs():
    second = with_seven_pairs()
    second.restore(LBFGS().state())
    assert not second.pairs


@pytest.mark.parametrize(("together", "stacks"), [(None, [14]), (5.5, [5, 5, 4]), (0.2, [1] * 14)])
def test_carry_warps_in_batches(monkeypatch, together, stacks):
    """Both tensors of every pair are warped, a few at once."""
    optimizer = with_seven_pairs()
    before, shapes = optimizer.state(), []
    if together:
        monkeypatch.setattr(lbfgs, "CARRY_BYTES", int(together * before["s0"].nbytes))

    def warp(stack):
        shapes.append(tuple(stack.shape))
        return stack.roll(1, dims=3)

    optimizer.carry(warp)
    assert shapes == [(count, *SHAPE[1:]) for count in stacks]
    after = optimizer.state()
    assert list(after) == list(before)
    assert len(after) == 14
    for name, tensor in after.items():
        assert torch.equal(tensor, before[name].roll(1, dims=3))


@pytest.mark.parametrize("together", [None, 0.2])
def test_carry_scales_gradients(monkeypatch, together):
    """gradient_scale is a factor on every y and on no s, however many are warped at once."""
    optimizer = with_seven_pairs()
    before = optimizer.state()
    if together:
        monkeypatch.setattr(lbfgs, "CARRY_BYTES", int(together * before["s0"].nbytes))
    optimizer.carry(lambda stack: stack, gradient_scale=0.25)
    after = optimizer.state()
    assert list(after) == list(before)
    for name, tensor in after.items():
        assert torch.equal(tensor, before[name] * (0.25 if name.startswith("y") else 1))


def test_carry_drops_pairs_without_curvature():
    optimizer = with_seven_pairs()
    optimizer.carry(torch.zeros_like)
    assert not optimizer.pairs
    optimizer.carry(lambda stack: pytest.fail("there is nothing to warp"))


def test_forget():
    optimizer = with_seven_pairs()
    optimizer.forget()
    gradient = random_picture(4)
    assert torch.equal(optimizer.direction(gradient), LBFGS().direction(gradient))
