"""The saved state of a training: what is written is read back, also what early versions wrote; damage is recognized."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import save

from videostyle.training.state import TrainState, Validation, read_state, save_state

STATE = TrainState(
    {"--seed": "0", "style 1": "abc"}, 7, 3.5, (Validation(3, 1.5, 2.0, 1.75),), {"network a": torch.arange(6.0)}
)


def assert_same(actual: TrainState, expected: TrainState) -> None:
    assert actual.identity == expected.identity
    assert (actual.steps, actual.seconds, actual.validations) == (
        expected.steps,
        expected.seconds,
        expected.validations,
    )
    assert actual.trainer.keys() == expected.trainer.keys()
    assert all(torch.equal(actual.trainer[name], tensor) for name, tensor in expected.trainer.items())


def test_state_round_trip(tmp_path: Path) -> None:
    save_state(tmp_path / "training.safetensors", STATE)
    assert_same(read_state(tmp_path / "training.safetensors"), STATE)


def test_state_of_an_early_version_is_read(tmp_path: Path) -> None:
    """They had other names for the validations and for the spatial loss."""
    checks = [{"steps": 3, "seconds": 1.5, "loss": 2.0, "loss_star": 1.75}]
    content = {"identity": STATE.identity, "steps": 7, "seconds": 3.5, "checks": checks}
    path = tmp_path / "training.safetensors"
    path.write_bytes(save(STATE.trainer, {"training": json.dumps(content)}))
    assert_same(read_state(path), STATE)


@pytest.mark.parametrize("metadata", [None, {"training": "{}"}, {"training": '{"identity": {}}'}])
def test_state_of_something_else_is_damaged(tmp_path: Path, metadata: dict[str, str] | None) -> None:
    path = tmp_path / "training.safetensors"
    path.write_bytes(save(STATE.trainer, metadata))
    with pytest.raises(ValueError, match="damaged"):
        read_state(path)


def test_truncated_state_is_damaged(tmp_path: Path) -> None:
    path = tmp_path / "training.safetensors"
    save_state(path, STATE)
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(ValueError, match="damaged"):
        read_state(path)
