"""Progress events of a run, a training or a measurement, and the object that delivers them to the caller."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from videostyle.errors import Cancelled
from videostyle.frames import Size


@dataclass(frozen=True)
class Notice:
    """A line that the user should read; nothing failed."""

    text: str


@dataclass(frozen=True)
class Analyzing:
    """The first pass has read another frame of a clip."""

    frame: int
    """From 1, within the part of the clip that is used."""


@dataclass(frozen=True)
class RunStarted:
    """The source is analyzed, and rendering begins."""

    input: Path
    output: Path
    source_size: Size
    """(height, width) of the source's frames."""
    size: Size
    """(height, width) of the stylized frames."""
    frames: int
    """How many are rendered."""
    shots: int
    """How many shots they belong to."""
    device: str
    preview: Path
    """A picture that always holds the newest stylized frame."""
    first_shot: int = 1
    """Number of the first of these shots, from 1 over the whole source."""


@dataclass(frozen=True)
class Estimate:
    """How long the whole run will take, judged by its first iterations."""

    seconds: float


@dataclass(frozen=True)
class Rendering:
    """An iteration on a frame was done."""

    frame: int
    """From 1, within the run."""
    frames: int
    """How many the run renders."""
    shot: int
    """Number of the frame's shot, from 1 over the whole source."""
    shots: int
    """Number of the run's last shot."""
    loss: float
    """The frame's objective L now."""
    fraction: float
    """Share of the run's work that is done, in [0, 1]."""
    remaining: float | None
    """Seconds; None while unknown."""


@dataclass(frozen=True)
class SheetProgress:
    """An iteration on a picture of a sheet was done."""

    picture: int
    """From 1."""
    pictures: int
    """How many the sheet has."""
    fraction: float
    """Share of the sheet that is done, in [0, 1]."""
    remaining: float | None
    """Seconds; None while unknown."""


@dataclass(frozen=True)
class Saved:
    """If the run is stopped now, the same job resumes it after these frames."""

    frames: int
    """How many; 0 where there is no checkpoint."""


@dataclass(frozen=True)
class Measuring:
    """A frame was measured."""

    frame: int
    """From 1."""
    frames: int
    """How many are measured."""
    fraction: float
    """Share of the measurement that is done, in [0, 1]."""
    remaining: float | None
    """Seconds; None while unknown."""


@dataclass(frozen=True)
class Comparing:
    """A frame of the video of source and result was written."""

    frame: int
    """From 1."""
    frames: int
    """How many it has."""
    fraction: float
    """Share of them that is done, in [0, 1]."""


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


Event = (
    Notice
    | Analyzing
    | RunStarted
    | Estimate
    | Rendering
    | SheetProgress
    | Saved
    | Measuring
    | Comparing
    | TrainingStarted
    | TrainingProgress
)


class Progress:
    """Delivers events to the caller, keeps the notices for the report, and ends the work once the caller has cancelled it.

    progress: called with every event, in the working thread. cancel: set by the caller, from any thread, to stop.
    """

    def __init__(self, progress: Callable[[Event], None] | None, cancel: threading.Event | None):
        self.progress, self.cancel = progress, cancel
        self.notices: list[str] = []
        """The text of every notice so far."""

    def __call__(self, event: Event) -> None:
        """Deliver an event. Raises Cancelled if the caller has cancelled the work."""
        self.stop_if_cancelled()
        if isinstance(event, Notice):
            self.notices.append(event.text)
        if self.progress is not None:
            self.progress(event)

    def stop_if_cancelled(self) -> None:
        """Raises Cancelled if the caller has cancelled the work."""
        if self.cancel is not None and self.cancel.is_set():
            raise Cancelled("cancelled before the end")

    def notice(self, text: str) -> None:
        """Deliver a notice, unless the same one was delivered before."""
        if text not in self.notices:
            self(Notice(text))
