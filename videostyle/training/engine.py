"""`--engine learned`: train a style model on the clip itself, then render the clip with it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

from videostyle.config import LEARNED, SETTLED, Job, TrainJob
from videostyle.errors import BadOutput
from videostyle.events import Progress
from videostyle.frames import Size
from videostyle.training.train import TrainReport, is_interrupted, is_trained, train


def with_style_model(
    job: Job, output: Path, size: Size, progress: Progress, train: Callable[..., TrainReport] = train
) -> Job:
    """The same job, with a style model in place of the style images. The model is trained on the clip, unless one with the
    same options was trained before; it stays beside the output.

    output: of the run, as resolved. size: (height, width) of the stylized frames. Raises BadOutput if another file has the
    model's name.
    """
    model = output.with_suffix(LEARNED)
    training = training_job(job, model, size, progress)
    if not job.restart and is_trained(training):
        progress.notice(f"using {model}, which was trained before; --restart --overwrite trains it again")
    elif model.exists() and not training.overwrite and not is_interrupted(training):
        problem = f"{model} already exists and was trained on other frames or with other options"
        use = f"render with it by `videostyle run {job.input} {model}`"
        todo = f"{use}, train it again with --restart --overwrite, or choose another -o"
        raise BadOutput(problem, todo=todo)
    else:
        progress.notices.extend(train(training, progress.progress, progress.cancel).notices)
    fixed: dict[str, Any] = {name: Job.__dataclass_fields__[name].default for name in SETTLED}
    return replace(job, styles=(model,), **fixed)


def training_job(job: Job, model: Path, size: Size, progress: Progress) -> TrainJob:
    """The training of a style model for a run, with all options that both commands have."""
    longest = TrainJob.__dataclass_fields__["size"].metadata["high"]
    shortest = TrainJob.__dataclass_fields__["size"].metadata["low"]
    longer = min(max(shortest, *size), longest)
    if longer < max(size):
        progress.notice(
            f"the style model is trained at {longer} pixels, the largest size possible; at {max(size)} its strokes are finer"
        )
    own = {"output", "size", "overwrite"}
    shared = {field.name for field in fields(TrainJob)} & {field.name for field in fields(Job)} - own
    options = {name: getattr(job, name) for name in shared}
    # --overwrite alone refers to the run's output
    return TrainJob(on=(job.input,), output=model, size=longer, overwrite=job.restart and job.overwrite, **options)
