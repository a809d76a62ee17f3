"""A run on the command line, and what a signal says that is kept of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from videostyle.cli.messages import counted
from videostyle.cli.progress import Listener
from videostyle.cli.signals import result_of
from videostyle.config import Job

if TYPE_CHECKING:
    import threading

    from videostyle.events import Event


class Kept:
    """What of a run the same command would resume, by the run's events."""

    def __init__(self) -> None:
        self.frames: int | None = None
        """None before the run has looked for what an earlier one left."""
        self.is_training = False

    def hear(self, event: Event) -> None:
        from videostyle.events import Saved, TrainingProgress

        match event:
            case Saved(frames):
                self.frames, self.is_training = frames, False
            case TrainingProgress():  # a training saves its state when it is stopped
                self.is_training = True

    def todo(self, name: str) -> str:
        """What is kept of the clip with this name, and what the user can do."""
        if self.is_training:
            return "the training so far is kept; repeat the command to resume"
        if self.frames is None:
            return "repeat the command to go on"
        if self.frames == 0:
            return f"nothing of {name} is kept yet; repeat the command to start over"
        verb = "is" if self.frames == 1 else "are"
        return f"{counted(self.frames, 'frame')} of {name} {verb} kept; repeat the command to resume"


def stylized(stylize: Callable[..., Any], job: Job, quiet: bool) -> Any:
    """What `stylize` returns for a job; its progress is shown, unless `quiet`. Raises what it raises, exits after a signal."""
    kept = Kept()

    def task(show: Listener, cancel: threading.Event) -> Any:
        def listen(event: Event) -> None:
            kept.hear(event)
            if show is not None:
                show(event)

        return stylize(job, listen, cancel)

    return result_of(task, quiet, lambda: kept.todo(job.input.name))
