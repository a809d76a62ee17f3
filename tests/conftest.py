"""What every test has."""

from __future__ import annotations

import signal
from typing import Any

import pytest
import torch
from hypothesis import settings

settings.register_profile("untimed", deadline=None)  # a busy machine is no mistake of the code's
settings.load_profile("untimed")


@pytest.fixture(autouse=True)
def keep_signal_handlers() -> Any:
    """Painting replaces the handlers of this process; they are put back after each test."""
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.fixture
def dirty_memory() -> Any:
    """New memory is full of NaN, as it may be in a long run; mostly it is zeros, which would hide what was never written."""
    torch.use_deterministic_algorithms(True)
    yield
    torch.use_deterministic_algorithms(False)
