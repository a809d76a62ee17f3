"""What every test has."""

from __future__ import annotations

import signal
from typing import Any

import pytest


@pytest.fixture(autouse=True)
def keep_signal_handlers() -> Any:
    """Painting replaces the handlers of this process; they are put back after each test."""
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)
