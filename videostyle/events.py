"""Progress events: what a run, a training or a measurement reports while it works, and who hears of it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from videostyle.errors import Cancelled
from videostyle.frames import Size


@dataclass(frozen=True)
class Notice:
    """A line the user should read; nothing failed."""

    text: str


@dataclass(frozen=True)
class Analyzing:
    """The quick first pass is at this frame (from 1)."""

    frame: int


@dataclass(frozen=True)
class RunStarted:
    """What is about to be painted. sizes: (height, width). look: a file that always holds the newest painted frame."""

    input: Path
    output: Path
    source_size: Size
    size: Size
    frames: int
    shots: int
    device: str
    look: Path


@dataclass(frozen=True)
class Estimate:
    """Seconds the whole run will take, from the first measured iterations."""

    seconds: float


@dataclass(frozen=True)
class Rendering:
    """One iteration was done. frame, shot: from 1, within the run. loss: L now. fraction: of the whole run's work done,
    in [0, 1]. remaining: seconds, None while unknown."""

    frame: int
    frames: int
    shot: int
    shots: int
    loss: float
    fraction: float
    remaining: float | None


@dataclass(frozen=True)
class Measuring:
    """A frame was measured. frame: from 1. fraction: of the whole, in [0, 1]. remaining: seconds, None while unknown."""

    frame: int
    frames: int
    fraction: float
    remaining: float | None


@dataclass(frozen=True)
class TrainingStarted:
    """The clips are analyzed, and the training of a style model begins."""

    output: Path
    """The style model."""
    clips: int
    """How many are trained on."""
    pairs: int
    """Pairs of frames that were chosen in them for training."""
    size: Size
    """(height, width) of the first clip's training frames."""
    device: str
    preview: Path
    """A PNG that always holds a validation frame as the network stylizes it so far."""


@dataclass(frozen=True)
class TrainingProgress:
    """A training step was done."""

    step: int
    """From 1."""
    loss: float
    """L of one frame, before the step."""
    validation_loss: float | None
    """Mean of L over the validation frames, when it was last evaluated; None before the first time."""
    fraction: float
    """Share of the training that is done, in [0, 1]."""
    remaining: float | None
    """Seconds; None while unknown."""


Event = Notice | Analyzing | RunStarted | Estimate | Rendering | Measuring | TrainingStarted | TrainingProgress


class Progress:
    """Passes events on, keeps the notices, and stops the run from inside where it was cancelled."""

    def __init__(self, progress: Callable[[Event], None] | None, cancel: threading.Event | None):
        self.progress, self.cancel = progress, cancel
        self.notices: list[str] = []

    def __call__(self, event: Event) -> None:
        """Raises Cancelled where the caller has asked to stop."""
        self.stop_if_asked()
        if isinstance(event, Notice):
            self.notices.append(event.text)
        if self.progress is not None:
            self.progress(event)

    def stop_if_asked(self) -> None:
        """Raises Cancelled where the caller has asked to stop."""
        if self.cancel is not None and self.cancel.is_set():
            raise Cancelled("cancelled before the end")

    def notice(self, text: str) -> None:
        """Tell a line the user should read, once."""
        if text not in self.notices:
            self(Notice(text))
