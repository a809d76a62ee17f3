"""`--engine learned`: train a style model on the clip itself, then render the clip with it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from videostyle.config import MODEL_SUFFIX, Job, TrainJob
from videostyle.errors import BadOutput
from videostyle.events import Progress
from videostyle.frames import Size
from videostyle.options import options_of, shared_options
from videostyle.training.train import TrainReport, is_interrupted, is_trained, train


def with_style_model(
    job: Job, output: Path, size: Size, progress: Progress, train: Callable[..., TrainReport] = train
) -> Job:
    """The same job, with a style model in place of the style images. The model is trained on the clip, unless one with the
    same options was trained before; it stays beside the output.

    output: of the run, as resolved. size: (height, width) of the stylized frames. Raises BadOutput if another file has the
    model's name.
    """
    model = output.with_suffix(MODEL_SUFFIX)
    if training := training_of(job, model, size, progress):
        progress.notices.extend(train(training, progress.progress, progress.cancel).notices)
    return job.with_style_model(model)


def training_of(job: Job, model: Path, size: Size, progress: Progress) -> TrainJob | None:
    """The training that comes before a run; None where `model` is there already. Raises BadOutput as `with_style_model`."""
    training = training_job(job, model, size, progress)
    if not job.restart and is_trained(training):
        progress.notice(f"using {model}, which was trained before; --restart --overwrite trains it again")
        return None
    if model.exists() and not training.overwrite and not is_interrupted(training):
        problem = f"{model} already exists and was trained on other frames or with other options"
        use = f"render with it by `videostyle run {job.input} {model}`"
        todo = f"{use}, train it again with --restart --overwrite, or choose another -o"
        raise BadOutput(problem, todo=todo)
    return training


def training_job(job: Job, model: Path, size: Size, progress: Progress) -> TrainJob:
    """The training of a style model for a run, with all options that both commands have."""
    limits = options_of(TrainJob)["size"]
    longer = int(min(max(limits.low or 0, *size), limits.high or max(size)))
    if longer < max(size):
        progress.notice(
            f"the style model is trained at {longer} pixels, the largest size possible; at {max(size)} its strokes are finer"
        )
    overwrite = job.restart and job.overwrite  # --overwrite alone refers to the run's output
    colors = "style" if job.colors == "clip" else job.colors  # the clip's are put back when frames are rendered
    own = {"on": (job.input,), "output": model, "size": longer, "overwrite": overwrite, "colors": colors}
    return TrainJob(**shared_options(job, TrainJob) | own)
