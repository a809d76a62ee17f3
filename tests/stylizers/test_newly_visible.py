"""The map of what has only come into view: new places, fading, moving with the picture."""

from __future__ import annotations

import numpy as np
import torch

from videostyle.stylizers.newly_visible import FADE, NewlyVisible, widened_by

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
