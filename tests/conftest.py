"""Settings and fixtures of all tests."""

from __future__ import annotations

import os
import signal
from typing import Any

import pytest
import torch
from hypothesis import settings

os.environ["XDG_CONFIG_HOME"] = os.devnull  # a developer's own config file is not for tests

settings.register_profile("untimed", deadline=None)  # on a busy machine examples may take long
settings.load_profile("untimed")


@pytest.fixture(autouse=True)
def keep_signal_handlers() -> Any:
    """Restore the signal handlers after every test: a run replaces those of the process."""
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.fixture
def dirty_memory() -> Any:
    """Fill new memory with NaN: it is mostly zeros in a test, which would hide values that were never written."""
    torch.use_deterministic_algorithms(True)
    yield
    torch.use_deterministic_algorithms(False)
