"""The saved state of a training that can be resumed: one safetensors file in the work folder, replaced as a whole."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from videostyle.media.workdir import WorkFolder, write_atomically
from videostyle.provenance import Identity

KEY = "training"
"""The metadata entry of the safetensors file that holds everything but the tensors, as JSON."""


@dataclass(frozen=True)
class Validation:
    """One evaluation of the validation frames."""

    steps: int
    """Training steps that were done."""
    seconds: float
    """Time that was spent on training, earlier runs included."""
    loss: float
    """Mean of L over the validation frames."""
    spatial_loss: float
    """Mean of L without its temporal term."""


@dataclass(frozen=True)
class TrainState:
    """A training after some steps."""

    identity: Identity
    """Everything that the trained weights depend on."""
    steps: int
    seconds: float
    """Time that was spent on training, earlier runs included."""
    validations: tuple[Validation, ...]
    """All so far, oldest first."""
    trainer: dict[str, Tensor]
    """`Trainer.state`."""


def state_path(output: Path) -> Path:
    """Where a training of this output saves its state."""
    return WorkFolder(output).path / "training.safetensors"


def save_state(path: Path, state: TrainState) -> None:
    """Replace the saved state. Raises OSError."""
    content = {
        "identity": state.identity,
        "steps": state.steps,
        "seconds": state.seconds,
        "validations": [asdict(validation) for validation in state.validations],
    }
    tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in state.trainer.items()}
    write_atomically(path, save(tensors, {KEY: json.dumps(content)}))


def read_state(path: Path) -> TrainState:
    """Read a saved state. Raises OSError, or ValueError if it is damaged."""
    try:
        with safe_open(path, framework="pt") as file:
            content = json.loads((file.metadata() or {})[KEY])
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        validations = tuple(map(_validation, content["validations" if "validations" in content else "checks"]))
        return TrainState(content["identity"], content["steps"], content["seconds"], validations, tensors)
    except (SafetensorError, KeyError, TypeError) as error:
        raise ValueError(f"it is damaged: {error}") from error


def _validation(content: dict[str, Any]) -> Validation:
    """Early versions called the list `checks` and the spatial loss `loss_star`; their trainings can be resumed."""
    spatial = content["spatial_loss" if "spatial_loss" in content else "loss_star"]
    return Validation(content["steps"], content["seconds"], content["loss"], spatial)
