"""What an interrupted training goes on from: one safetensors file in the work folder, replaced as a whole."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from videostyle.media.workdir import WorkFolder, write_atomically

KEY = "training"

Identity = dict[str, str]


@dataclass(frozen=True)
class Check:
    """What the frames held back were worth, L and L*, after so many steps and seconds."""

    steps: int
    seconds: float
    loss: float
    spatial_loss: float


@dataclass(frozen=True)
class TrainState:
    """A training after some steps. identity: all that it depends on. learner: the tensors of `Learner.state`."""

    identity: Identity
    steps: int
    seconds: float
    checks: tuple[Check, ...]
    learner: dict[str, Tensor]


def state_path_of(output: Path) -> Path:
    """Where a training of this output saves what it goes on from."""
    return WorkFolder(output).path / "training.safetensors"


def save_state(path: Path, state: TrainState) -> None:
    """Raises OSError."""
    told = {"identity": state.identity, "steps": state.steps, "seconds": state.seconds}
    text = json.dumps(told | {"checks": [asdict(each) for each in state.checks]})
    tensors = {name: each.detach().cpu().contiguous() for name, each in state.learner.items()}
    write_atomically(path, save(tensors, {KEY: text}))


def read_state(path: Path) -> TrainState:
    """Raises OSError, or ValueError where it is damaged."""
    try:
        with safe_open(path, framework="pt") as file:
            told = json.loads((file.metadata() or {})[KEY])
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        checks = tuple(Check(**each) for each in told["checks"])
        return TrainState(told["identity"], told["steps"], told["seconds"], checks, tensors)
    except (SafetensorError, KeyError, TypeError) as error:
        raise ValueError(f"it is damaged: {error}") from error
