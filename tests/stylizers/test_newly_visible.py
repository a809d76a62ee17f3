"""The map of what has only come into view: new places, fading, moving with the picture."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from videostyle.stylizers.newly_visible import FADE, FIRMER, NewlyVisible, hold, widened_by

SIZE = (24, 40)
STEP = 5


def pan() -> tuple[np.ndarray, torch.Tensor]:
    """The flow and the consistency of a camera that moves STEP pixels to the right: a strip comes in at the right border."""
    flow = np.zeros((*SIZE, 2), np.float32)
    flow[..., 0] = STEP
    consistency = torch.ones(1, 1, *SIZE)
    consistency[..., -STEP:] = 0
    return flow, consistency


def test_strips_fade_as_they_move_in():
    new = NewlyVisible()
    for _ in range(3):
        shares = new.follow(*pan())
    for age in range(3):
        strip = shares[..., SIZE[1] - (age + 1) * STEP : SIZE[1] - age * STEP]
        torch.testing.assert_close(strip[..., 2:-2], torch.full_like(strip[..., 2:-2], FADE**age), atol=0.05, rtol=0)
    assert not shares[..., : SIZE[1] - 3 * STEP - 3].any()


def test_what_is_hidden_again_is_new_again():
    """Something uncovered twice counts from the second time on."""
    new, (flow, consistency) = NewlyVisible(), pan()
    new.follow(np.zeros_like(flow), consistency)
    assert torch.equal(new.follow(np.zeros_like(flow), consistency), 1 - consistency)


def test_state():
    new, restored = NewlyVisible(), NewlyVisible()
    restored.restore(new.state())
    assert restored.map is None
    new.follow(*pan())
    restored.restore(new.state())
    assert torch.equal(new.follow(*pan()), restored.follow(*pan()))


def test_reset_forgets():
    new = NewlyVisible()
    new.follow(*pan())
    new.reset()
    assert new.state() == {}


def test_widened():
    point = torch.zeros(1, 1, 9, 9)
    point[..., 4, 4] = 0.5
    wide = widened_by(point, 2)
    assert torch.equal(wide[..., 2:7, 2:7], torch.full((1, 1, 5, 5), 0.5))
    assert wide.sum() == 25 * 0.5


def test_what_stands_still_is_held_more_firmly_the_longer_it_is_seen():
    """Nothing holds what the flow does not explain; the hold grows with every frame that a place is seen, up to 1 + FIRMER."""
    new, (flow, consistency) = NewlyVisible(), pan()
    new.follow(flow, consistency)
    seen, still = torch.ones_like(consistency), 0 * flow
    holds = [hold(seen, new.follow(still, seen), still) for _ in range(40)]
    at_border = [float(held[..., SIZE[1] - 2].mean()) for held in holds]
    assert at_border == sorted(at_border)
    assert at_border[0] == pytest.approx(1 + FIRMER * (1 - FADE))
    assert at_border[-1] == pytest.approx(1 + FIRMER, rel=0.01)
    assert not hold(torch.zeros_like(consistency), new.map, still).any()
    assert torch.equal(hold(consistency, new.map, flow), consistency), "what moves is held by its consistency"
