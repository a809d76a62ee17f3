"""`train(job)`: train a style model on clips and write it to a .vstyle file."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import chain, count
from pathlib import Path

import cv2
import numpy as np
import torch

from videostyle.config import TrainJob
from videostyle.errors import BadOutput
from videostyle.events import Event, Progress, TrainingStarted
from videostyle.losses.style_targets import StyleTargets
from videostyle.losses.terms import Weights
from videostyle.media.output_paths import check_folder
from videostyle.media.pixels import to_bits
from videostyle.media.resize import fit_size, resize
from videostyle.media.sources import open_source
from videostyle.media.workdir import WorkFolder
from videostyle.models.devices import resolve_device
from videostyle.models.features import load_features
from videostyle.models.model_file import read_style_model
from videostyle.models.transformer_net import Shape, new_network
from videostyle.options import result_options
from videostyle.palettes import palette_of, recolored_to, sums_of
from videostyle.provenance import Identity, fingerprint
from videostyle.style_images import check_styles, in_colors_of, load_style, style_files
from videostyle.temporal.flow import FLOWS
from videostyle.tensors import to_tensor
from videostyle.training.dataset import Dataset, Pair, load_pairs, split
from videostyle.training.loop import TrainingLoop
from videostyle.training.schedule import TrainingSchedule
from videostyle.training.state import TrainState, Validation, read_state, state_path
from videostyle.training.trainer import Trainer

THUMBNAIL = 512
"""Longer side, in pixels, of a style image in the style model: enough to measure by."""


@dataclass(frozen=True)
class TrainReport:
    """A finished training."""

    output: Path
    """The style model."""
    steps: int
    seconds: float
    """Time that was spent on training, earlier runs included."""
    validations: tuple[Validation, ...]
    """All, oldest first."""
    notices: tuple[str, ...]

    @property
    def best(self) -> Validation:
        """The one whose network is in the output."""
        return min(self.validations, key=lambda validation: validation.loss)


def train(
    job: TrainJob,
    progress: Callable[[Event], None] | None = None,
    cancel: threading.Event | None = None,
    *,
    shape: Shape | None = None,
    schedule: TrainingSchedule | None = None,
) -> TrainReport:
    """Train a style model. From the first validation on, the best network so far is in the output.

    progress: called with every Event of videostyle.events, in this thread. cancel: set it from any thread to stop; Cancelled
    is raised then, and the same job continues the training. shape: of the network. schedule: of validations, crops, saves.
    Raises a child of VideoStyleError for everything that a user can fix.
    """
    assert job.output is not None
    reporter = Progress(progress, cancel)
    if job.threads:
        torch.set_num_threads(job.threads)
    check_styles(job.styles)
    check_folder(job.output)
    for path in job.on:
        open_source(path, job).close()  # a missing or damaged clip is refused before anything slow is done
    device = resolve_device(job.device)
    with WorkFolder(job.output) as work:
        try:
            saved = saved_state(job, work, reporter)
            loop = prepare(job, device, work, reporter, shape or Shape(), schedule or TrainingSchedule())
            if saved is not None:
                loop.resume(saved)
            loop.run()
        except BaseException:
            if not state_path(work.output).exists():
                work.remove()
            raise
        work.remove()
    return TrainReport(job.output, loop.trainer.steps, loop.seconds, tuple(loop.validations), tuple(reporter.notices))


def identity(job: TrainJob) -> Identity:
    """Everything that the trained weights depend on, under the names a user knows it by."""
    files = {f"style {number}": path for number, path in enumerate(job.styles, 1)}
    files |= {f"clip {number}": path for number, path in enumerate(job.on, 1)}
    files |= {"the picture of --colors": job.palette_file} if job.palette_file else {}
    return result_options(job) | {name: fingerprint(path) for name, path in files.items()}


def is_trained(job: TrainJob) -> bool:
    """Whether the output is the finished model of this very job."""
    assert job.output is not None
    return not is_interrupted(job) and job.output.exists() and read_style_model(job.output).settings == identity(job)


def is_interrupted(job: TrainJob) -> bool:
    """Whether there is an interrupted training of the output to resume."""
    assert job.output is not None
    return state_path(job.output).exists()


def saved_state(job: TrainJob, work: WorkFolder, progress: Progress) -> TrainState | None:
    """The state to resume from; None to start from the beginning.

    Raises BadOutput if it belongs to a training with other options or files, or if the output may not be replaced.
    """
    assert job.output is not None
    path = state_path(work.output)
    if job.output.exists() and not (job.overwrite or path.exists()):
        raise BadOutput(f"{job.output} already exists", todo="add --overwrite to replace it, or choose another -o")
    if job.restart or not path.exists():  # an earlier state stays until the first save replaces it
        return None
    try:
        state = read_state(path)
    except (OSError, ValueError) as error:
        progress.notice(f"the saved state of an interrupted training cannot be used ({error}); starting over")
        path.unlink()
        return None
    changes = [name for name, value in identity(job).items() if state.identity.get(name) != value]
    if changes:
        problem = f"an interrupted training of {job.output} had other values of {', '.join(changes)}"
        raise BadOutput(problem, todo="repeat its command to continue it, or add --restart to start over")
    progress.notice(f"resuming an interrupted training after its first {state.steps} steps")
    return state


def prepare(
    job: TrainJob, device: str, work: WorkFolder, progress: Progress, shape: Shape, schedule: TrainingSchedule
) -> TrainingLoop:
    """Analyze the clips, load the networks, and put the loop together."""
    assert job.output is not None
    training, validation = split(load_pairs(job, device, progress))
    images = style_images(job, training)
    extract = load_features(job.features, device)
    mix, counts = job.mix.first if job.mix else (), [len(style_files(style)) for style in job.styles]
    styles = StyleTargets(extract, [to_tensor(image, device) for image in images.values()], job, mix=mix, counts=counts)
    weights = Weights.of(job)
    size = training[0].frame.shape[:2]
    progress(TrainingStarted(job.output, len(job.on), len(training), size, device, work.preview))
    trainer = Trainer(new_network(shape, job.seed, device))
    flow = None if job.flow == "none" else FLOWS[job.flow](device)
    dataset = Dataset(training, validation, styles, weights, device, flow, job.seed)
    return TrainingLoop(job, identity(job), trainer, dataset, thumbnails(images), work, progress, schedule)


def style_images(job: TrainJob, pairs: Sequence[Pair]) -> dict[str, np.ndarray]:
    """The style images by their names, in the colors that `--colors` says. pairs: those that are trained on."""
    files = list(chain.from_iterable(map(style_files, job.styles)))
    images = in_colors_of(job.palette_file, map(load_style, files))
    if job.colors == "match":
        palette = palette_of(sums_of(pair.frame) for pair in pairs)
        images = [recolored_to(image, palette) for image in images]
    return dict(zip(unique_names(files), images, strict=True))


def unique_names(paths: Sequence[Path]) -> list[str]:
    """The file names, numbered where files in different folders have the same one."""
    names: list[str] = []
    for path in paths:
        numbered = (f"{path.stem}-{number}{path.suffix}" for number in count(2))
        names.append(next(name for name in chain([path.name], numbered) if name not in names))
    return names


def thumbnails(images: dict[str, np.ndarray]) -> dict[str, bytes]:
    """A JPEG of every style image, at most THUMBNAIL pixels long."""
    jpegs = {}
    for name, image in images.items():
        size = image.shape[0], image.shape[1]
        small = resize(to_bits(image, 8), fit_size(size, min(THUMBNAIL, max(size))))
        jpegs[name] = cv2.imencode(".jpg", cv2.cvtColor(small, cv2.COLOR_RGB2BGR))[1].tobytes()
    return jpegs
