"""`train(job)`: a network learns a painting on clips, and becomes a file. Joins media and torch, as pipeline.py does."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from itertools import chain, count
from pathlib import Path

import cv2
import numpy as np
import torch

from videostyle.config import TrainJob
from videostyle.errors import BadOutput
from videostyle.events import Event, Progress, TrainingProgress, TrainingStarted
from videostyle.losses.style_targets import StyleTargets
from videostyle.losses.terms import Weights
from videostyle.media.pixels import to_bits
from videostyle.media.resize import fit_size, resize
from videostyle.media.sources import open_source
from videostyle.media.workdir import WorkFolder, check_folder, write_atomically, writing
from videostyle.models.devices import resolve_device
from videostyle.models.model_file import StyleFile, read_style_file, to_bytes
from videostyle.models.transformer_net import Shape, TransformerNet, arrays_of, new_network
from videostyle.models.vgg import load_features
from videostyle.provenance import LIBRARIES, fingerprint, plain_options
from videostyle.rendering.checkpoint import SECONDS_BETWEEN
from videostyle.style_images import check_styles, load_style
from videostyle.temporal.flow import FLOWS
from videostyle.tensors import to_array, to_tensor
from videostyle.training.dataset import HELD_EVERY, Dataset, chosen_pairs
from videostyle.training.state import Check, Identity, TrainState, read_state, save_state, state_path_of
from videostyle.training.trainer import Trainer

CHECKS = 12  # times that the frames held back are looked at

SLOWEST = 0.02  # share of the rate that the last steps have

THUMBNAIL = 512  # longer side of the style in the file, in pixels: enough to measure by

# Options that only say where, and for how long.
NOT_IDENTITY = {"styles", "on", "output", "overwrite", "restart", "minutes", "steps", "threads", "device"}


@dataclass(frozen=True)
class TrainReport:
    """A finished training. seconds: of training, earlier runs of it included. checks: the losses on the frames held back."""

    output: Path
    steps: int
    seconds: float
    checks: tuple[Check, ...]
    notices: tuple[str, ...]

    @property
    def best(self) -> Check:
        return min(self.checks, key=lambda each: each.loss)


def train(
    job: TrainJob, progress: Callable[[Event], None] | None = None, cancel: threading.Event | None = None
) -> TrainReport:
    """Have a network learn the job's painting. The best one so far is always in the output, from the first check on.

    progress: called with each Event of videostyle.report, from this thread. cancel: set it from anywhere to stop; it then
    raises Cancelled, and the same job goes on from there. Raises a child of VideoStyleError for everything a user can mend.
    """
    assert job.output is not None
    tell = Progress(progress, cancel)
    if job.threads:
        torch.set_num_threads(job.threads)
    check_styles(job.styles)
    check_folder(job.output)
    for path in job.on:
        open_source(path).close()  # what is missing or damaged is told first
    device = resolve_device(job)
    with WorkFolder(job.output) as work:
        try:
            done = earlier(job, work, tell)
            training = prepare(job, device, work, tell)
            if done is not None:
                training.resume(done)
            training.run()
        except BaseException:
            if not state_path_of(work.output).exists():
                work.remove()
            raise
        work.remove()
    return TrainReport(
        job.output, training.learner.steps, training.seconds, tuple(training.checks), tuple(tell.notices)
    )


def identity(job: TrainJob) -> Identity:
    """All that the trained weights depend on, each under the name a user knows it by."""
    options = {name: str(value) for name, value in plain_options(job).items() if name not in NOT_IDENTITY}
    files = {f"style {number}": path for number, path in enumerate(job.styles, 1)}
    files |= {f"clip {number}": path for number, path in enumerate(job.on, 1)}
    return {f"--{name.replace('_', '-')}": value for name, value in options.items()} | {
        name: fingerprint(path) for name, path in files.items()
    }


def is_trained(job: TrainJob) -> bool:
    """Whether the output is what this job would make, and no interrupted training of it is to be gone on with."""
    assert job.output is not None
    return not is_begun(job) and job.output.exists() and read_style_file(job.output).settings == identity(job)


def is_begun(job: TrainJob) -> bool:
    """Whether an interrupted training of the output is there to go on with."""
    assert job.output is not None
    return state_path_of(job.output).exists()


def earlier(job: TrainJob, work: WorkFolder, tell: Progress) -> TrainState | None:
    """What an interrupted training of this output has saved; None where there is none, or none is wanted.

    Raises BadOutput where it was another training, or where the output is something that may not be replaced.
    """
    assert job.output is not None
    path = state_path_of(work.output)
    if job.output.exists() and not (job.overwrite or path.exists()):
        raise BadOutput(f"{job.output} exists", todo="add --overwrite to replace it, or give another -o")
    if job.restart or not path.exists():  # the first thing that is saved takes the place of what is there
        return None
    try:
        found = read_state(path)
    except (OSError, ValueError) as error:
        tell.notice(f"what an interrupted training has saved cannot be used ({error}): starting over")
        path.unlink()
        return None
    changes = [name for name, value in identity(job).items() if found.identity.get(name) != value]
    if changes:
        problem = f"an unfinished training of {job.output} differs in {', '.join(changes)}"
        raise BadOutput(problem, todo="repeat its command to go on with it, or add --restart to start over")
    tell.notice(f"an earlier training was interrupted: going on after its first {found.steps} steps")
    return found


def prepare(job: TrainJob, device: str, work: WorkFolder, tell: Progress) -> Training:
    """Looks through the clips and opens everything."""
    assert job.output is not None
    pictures = dict(zip(unlike_names(job.styles), map(load_style, job.styles), strict=True))
    pairs = chosen_pairs(job, device, tell)
    held = pairs[HELD_EVERY // 2 :: HELD_EVERY] or pairs[:1]
    learned = [each for number, each in enumerate(pairs) if number % HELD_EVERY != HELD_EVERY // 2] or held
    extract = load_features(job.features, device)
    styles = StyleTargets(extract, [to_tensor(each, device) for each in pictures.values()], job.style_scale)
    weights = Weights(job.content_weight, job.style_weight, job.tv_weight, job.temporal_weight)
    size = learned[0].frame.shape[:2]
    tell(TrainingStarted(job.output, len(job.on), len(learned), size, device, work.look))
    network = new_network(Shape(), job.seed, device)
    flow = None if job.flow == "none" else FLOWS[job.flow](device)
    lessons = Dataset(learned, held, styles, weights, device, flow, job.seed)
    return Training(job, network, lessons, thumbnails(pictures), work, tell)


def unlike_names(paths: Sequence[Path]) -> list[str]:
    """The files' names, numbered where another folder's has the same."""
    names: list[str] = []
    for path in paths:
        numbered = (f"{path.stem}-{number}{path.suffix}" for number in count(2))
        names.append(next(name for name in chain([path.name], numbered) if name not in names))
    return names


def thumbnails(styles: dict[str, np.ndarray]) -> dict[str, bytes]:
    """Each style as a JPEG no larger than a look at it needs."""
    found = {}
    for name, image in styles.items():
        size = image.shape[0], image.shape[1]
        small = resize(to_bits(image, 8), fit_size(size, min(THUMBNAIL, max(size))))
        found[name] = cv2.imencode(".jpg", cv2.cvtColor(small, cv2.COLOR_RGB2BGR))[1].tobytes()
    return found


class Training:
    """A network on its way. checks: what the frames held back were worth, so far; seconds: of training, so far."""

    def __init__(
        self,
        job: TrainJob,
        network: TransformerNet,
        lessons: Dataset,
        styles: dict[str, bytes],
        work: WorkFolder,
        tell: Progress,
    ):
        self.job, self.lessons, self.styles, self.work, self.tell = job, lessons, styles, work, tell
        self.learner, self.checks, self.identity = Trainer(network), list[Check](), identity(job)
        self.before = 0.0
        self.began = self.saved = time.monotonic()

    def resume(self, state: TrainState) -> None:
        self.learner.restore(state.learner, state.steps)
        self.before, self.checks = state.seconds, list(state.checks)

    @property
    def seconds(self) -> float:
        return self.before + time.monotonic() - self.began

    @property
    def done(self) -> float:
        """The share of the training that is done, 1 or more at its end."""
        return self.share(self.learner.steps, self.seconds)

    def share(self, steps: int, seconds: float) -> float:
        """Which share of the training so many steps or seconds are."""
        return seconds / (60 * self.job.minutes) if self.job.steps is None else steps / self.job.steps

    def check_is_due(self, done: float) -> bool:
        last = self.share(self.checks[-1].steps, self.checks[-1].seconds) if self.checks else 0.0
        return int(done * CHECKS) > int(last * CHECKS)

    def run(self) -> None:
        """Learns until the time is over, or the steps are. Stopped before, all is kept to go on from."""
        self.began = time.monotonic()
        try:
            while (done := self.done) < 1:
                self.tell.stop_if_asked()
                if self.check_is_due(done):
                    self.check()
                value = self.learner.step(self.lessons.of_step(self.learner.steps, done), slowdown(done))
                self.tell_step(value.total)
                if time.monotonic() - self.saved >= SECONDS_BETWEEN:  # a kill lets nothing be saved
                    self.save()
            self.check()
        except BaseException:
            self.save()
            raise

    def tell_step(self, loss: float) -> None:
        done, held = min(1.0, self.done), self.checks[-1].loss if self.checks else None
        remaining = self.seconds * (1 - done) / done if done > 0.01 else None
        self.tell(TrainingProgress(self.learner.steps, loss, held, done, remaining))

    def check(self) -> None:
        """Looks at the frames held back, keeps the network where it is the best so far, and saves everything."""
        loss, spatial = self.learner.value(self.lessons.held_back)
        check = Check(self.learner.steps, self.seconds, loss, spatial)
        if all(loss < each.loss for each in self.checks):
            self.write(check)
        self.checks.append(check)
        self.show()
        self.save()

    def write(self, check: Check) -> None:
        assert self.job.output is not None
        trained = {"steps": check.steps, "seconds": check.seconds, "loss": check.loss, "loss_star": check.spatial_loss}
        network = self.learner.network
        shape = {name: int(value) for name, value in vars(network.shape).items()}
        clips, versions = [each.name for each in self.job.on], {name: version(name) for name in LIBRARIES}
        file = StyleFile(shape, self.styles, clips, self.identity, trained, versions, arrays_of(network))
        with writing(self.job.output):
            write_atomically(self.job.output, to_bytes(file))

    def show(self) -> None:
        """The first frame held back, as it is painted so far."""
        with torch.no_grad():
            picture = to_array(self.learner.network(self.lessons.held_back[0].frame))
        image = cv2.cvtColor((picture * 255).round().astype(np.uint8), cv2.COLOR_RGB2BGR)
        with writing(self.work.output):
            self.work.show(cv2.imencode(".png", image)[1].tobytes())

    def save(self) -> None:
        if self.learner.steps:
            state = TrainState(
                self.identity, self.learner.steps, self.seconds, tuple(self.checks), self.learner.state()
            )
            with writing(self.work.output):
                save_state(state_path_of(self.work.output), state)
            self.saved = time.monotonic()


def slowdown(done: float) -> float:
    """The share of the full rate at this share of the training: half a cosine (Loshchilov & Hutter 2016, arXiv:1608.03983)."""
    return max(SLOWEST, 0.5 * (1 + math.cos(math.pi * min(1.0, done))))
