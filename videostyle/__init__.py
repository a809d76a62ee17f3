"""Stylizes video after a painting: `from videostyle import Job, run`, or TrainJob and train, or `stylize_image` for a picture.

The names are imported when they are first used, so that `import videostyle` itself loads neither torch nor FFmpeg. The live
preview is `videostyle.webcam.webcam`: a function of that name here would hide the package that it lives in.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from videostyle.config import ExportJob, Job, MeasureJob, ShotsJob, TrainJob, WebcamJob
    from videostyle.errors import (
        BadInput,
        BadOption,
        BadOutput,
        Cancelled,
        MissingModel,
        RunFailed,
        VideoStyleError,
    )
    from videostyle.events import (
        Analyzing,
        Comparing,
        Estimate,
        Event,
        Measuring,
        Notice,
        Rendering,
        RunStarted,
        Saved,
        SheetProgress,
        TrainingProgress,
        TrainingStarted,
    )
    from videostyle.rendering.dry_run import DryRun
    from videostyle.reports.records import Measurement, RunReport
    from videostyle.schedules import Key, Schedule
    from videostyle.sheet import SheetReport
    from videostyle.sheet_job import SheetJob
    from videostyle.shots.listing import ShotListing
    from videostyle.stylizers.still import stylize_image
    from videostyle.training.train import TrainReport
    from videostyle.workflow import dry_run, export, jobs_of, list_shots, make_sheet, measure, run, train

_MODULES = {
    "videostyle.config": ("ExportJob", "Job", "MeasureJob", "ShotsJob", "TrainJob", "WebcamJob"),
    "videostyle.errors": (
        "BadInput", "BadOption", "BadOutput", "Cancelled", "MissingModel", "RunFailed", "VideoStyleError",
    ),
    "videostyle.events": (
        "Analyzing", "Comparing", "Estimate", "Event", "Measuring", "Notice", "Rendering", "RunStarted", "Saved",
        "SheetProgress", "TrainingProgress", "TrainingStarted",
    ),
    "videostyle.rendering.dry_run": ("DryRun",),
    "videostyle.reports.records": ("Measurement", "RunReport"),
    "videostyle.schedules": ("Key", "Schedule"),
    "videostyle.sheet": ("SheetReport",),
    "videostyle.sheet_job": ("SheetJob",),
    "videostyle.shots.listing": ("ShotListing",),
    "videostyle.stylizers.still": ("stylize_image",),
    "videostyle.training.train": ("TrainReport",),
    "videostyle.workflow": ("dry_run", "export", "jobs_of", "list_shots", "make_sheet", "measure", "run", "train"),
}  # fmt: skip
"""The public names by the module that each of them is imported from."""

_HOMES = {name: module for module, names in _MODULES.items() for name in names}

__all__ = [
    "Analyzing",
    "BadInput",
    "BadOption",
    "BadOutput",
    "Cancelled",
    "Comparing",
    "DryRun",
    "Estimate",
    "Event",
    "ExportJob",
    "Job",
    "Key",
    "MeasureJob",
    "Measurement",
    "Measuring",
    "MissingModel",
    "Notice",
    "Rendering",
    "RunFailed",
    "RunReport",
    "RunStarted",
    "Saved",
    "Schedule",
    "SheetJob",
    "SheetProgress",
    "SheetReport",
    "ShotListing",
    "ShotsJob",
    "TrainJob",
    "TrainReport",
    "TrainingProgress",
    "TrainingStarted",
    "VideoStyleError",
    "WebcamJob",
    "dry_run",
    "export",
    "jobs_of",
    "list_shots",
    "make_sheet",
    "measure",
    "run",
    "stylize_image",
    "train",
]


def __getattr__(name: str) -> object:
    if name == "__version__":
        from importlib.metadata import version

        return version("videostyle")
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *_HOMES, "__version__"])
