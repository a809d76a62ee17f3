"""`train(job)`: a network learns a painting on clips, and becomes a file. Joins media and torch, as pipeline.py does."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from importlib.metadata import version
from itertools import chain, count
from pathlib import Path

import cv2
import numpy as np
import torch

from videostyle.checkpoint import SECONDS_BETWEEN, fingerprint
from videostyle.choices import check_styles, choose_device
from videostyle.config import TrainJob
from videostyle.errors import BadInput, BadOutput
from videostyle.estimate import check_memory
from videostyle.frames import Size
from videostyle.media.images import load_style, resize, to_bits
from videostyle.media.sinks import check_folder
from videostyle.media.sources import fit_size, open_source
from videostyle.media.work import WorkFolder, write_atomically, writing
from videostyle.models.features import SMALLEST_SIDE, load_features
from videostyle.models.feedforward import PaintingNetwork, Shape, arrays_of, new_network
from videostyle.pictures import frames_at
from videostyle.pipeline import LIBRARIES, Telling, plain_options
from videostyle.report import Counting, Event, Learning, Lesson
from videostyle.scan import Clip, scan
from videostyle.stylefile import StyleFile, read_style_file, to_bytes
from videostyle.stylizers.learning import Example, Learner, Pair
from videostyle.stylizers.losses import StyleTargets, Weights
from videostyle.stylizers.optimize import to_array, to_tensor
from videostyle.temporal.flow import FLOWS, Flow
from videostyle.temporal.trust import motion
from videostyle.trainstate import Check, Identity, TrainState, read_state, save_state, state_path_of

PAIRS = 100  # of frames, over all clips, as evenly as they come
MOST_HELD = 3  # of them looked at
HELD_EVERY = 9  # one of so many is held back: it is not learned on, and tells how good the network is
# From this share of the training on, parts of frames with this share of their sides: they cost less and teach as much at
# first. Frames scaled down would not: a style's strokes keep their size relative to the picture.
STAGES = ((0.0, 0.5), (0.15, 1.0))
SMALLEST_PART = 96  # pixels of the longer side
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
    tell = Telling(progress, cancel)
    if job.threads:
        torch.set_num_threads(job.threads)
    check_styles(job.styles)
    check_folder(job.output)
    for path in job.on:
        open_source(path).close()  # what is missing or damaged is told first
    device = choose_device(job)
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


def earlier(job: TrainJob, work: WorkFolder, tell: Telling) -> TrainState | None:
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


def prepare(job: TrainJob, device: str, work: WorkFolder, tell: Telling) -> Training:
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
    tell(Lesson(job.output, len(job.on), len(learned), size, device, work.look))
    network = new_network(Shape(), job.seed, device)
    flow = None if job.flow == "none" else FLOWS[job.flow](device)
    lessons = Lessons(learned, held, styles, weights, device, flow, job.seed)
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


def chosen_pairs(job: TrainJob, device: str, tell: Telling) -> list[Pair]:
    """At most PAIRS pairs of consecutive frames, evenly over all clips, at the size of the training, still without motion."""
    clips = [scanned(path, job, tell) for path in job.on]
    pairs = [(path, size, pair) for path, (clip, size) in zip(job.on, clips, strict=True) for pair in pairs_of(clip)]
    taken = [pairs[place] for place in sorted({*np.linspace(0, len(pairs) - 1, PAIRS).round().astype(int).tolist()})]
    found = []
    for path, (_, size) in zip(job.on, clips, strict=True):
        if device == "cpu":
            check_memory(size, way="learning")
        own = [pair for each, _, pair in taken if each == path]
        wanted = sorted({ordinal for pair in own for ordinal in pair})
        images = {frame.index: frame.image for frame in (frames_at(path, size, wanted) if wanted else [])}
        if not images.keys() >= set(wanted):
            raise BadInput(
                f"{path} ended before its frame {max(wanted) + 1}: it has changed", "a clip that stays as it is"
            )
        found += [Pair(images[before], images[frame], None) for before, frame in own]
    return found


def scanned(path: Path, job: TrainJob, tell: Telling) -> tuple[Clip, Size]:
    """The part of a clip to learn on, and the size to learn at. Raises BadInput where it is too narrow for the network."""
    with closing(open_source(path)) as source:
        size = fit_size(source.info.size, min(job.size, max(source.info.size)))
        if min(size) < SMALLEST_SIDE:
            raise BadInput(
                f"{path} would be {size[1]}x{size[0]} pixels", f"sides of {SMALLEST_SIDE} and more", "raise --size"
            )
        return scan(source, job, lambda count: tell(Counting(count))), size


def pairs_of(clip: Clip) -> list[tuple[int, int]]:
    """The ordinals of each frame and the one before it in its shot; of a clip without such, its frames alone."""
    ordinals = range(clip.first, clip.first + clip.count)
    pairs = [(each - 1, each) for each in ordinals if each not in clip.starts]
    return pairs or [(each, each) for each in ordinals]


def part_size(size: Size, share: float) -> Size:
    """(height, width) of the parts of a frame in a stage of the training."""
    least = max(SMALLEST_PART / max(size), SMALLEST_SIDE / min(size))
    scale = min(1.0, max(share, least))
    return math.ceil(size[0] * scale), math.ceil(size[1] * scale)


@dataclass
class Lessons:
    """What is learned on, in an order that the seed and the number of the step decide, and what is held back."""

    pairs: list[Pair]
    held: list[Pair]
    styles: StyleTargets
    weights: Weights
    device: str
    flow: Flow | None
    seed: int

    def __post_init__(self) -> None:
        self.share = 0.0
        self.made: dict[int, Example] = {}
        self.checked: list[Example] = []

    def of_step(self, step: int, done: float) -> Example:
        """The example of a step, from 0, where this share of the training is done."""
        share = max(each for begin, each in STAGES if done >= begin)
        if share != self.share:
            self.share, self.made = share, {}
        count = len(self.pairs)
        order = np.random.default_rng([self.seed, step // count]).permutation(count)
        place = int(order[step % count])
        if place not in self.made:
            self.made[place] = self._example(self.pairs[place], share, place)
        return self.made[place]

    @property
    def held_back(self) -> list[Example]:
        self.checked = self.checked or [self._example(each, 1.0) for each in self.held[:MOST_HELD]]
        return self.checked

    def _example(self, pair: Pair, share: float, place: int = 0) -> Example:
        size = pair.frame.shape[0], pair.frame.shape[1]
        height, width = part_size(size, share)
        random = np.random.default_rng([self.seed, place])
        top, left = (int(random.integers(whole - own + 1)) for whole, own in zip(size, (height, width), strict=True))
        before, frame = (
            np.ascontiguousarray(each[top : top + height, left : left + width]) for each in (pair.before, pair.frame)
        )
        alone = self.flow is None or pair.before is pair.frame
        moved = None if alone or self.flow is None else motion(before, frame, self.flow)
        return Example(Pair(before, frame, moved), size, self.styles, self.weights, self.device)


class Training:
    """A network on its way. checks: what the frames held back were worth, so far; seconds: of training, so far."""

    def __init__(
        self,
        job: TrainJob,
        network: PaintingNetwork,
        lessons: Lessons,
        styles: dict[str, bytes],
        work: WorkFolder,
        tell: Telling,
    ):
        self.job, self.lessons, self.styles, self.work, self.tell = job, lessons, styles, work, tell
        self.learner, self.checks, self.identity = Learner(network), list[Check](), identity(job)
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
        self.tell(Learning(self.learner.steps, loss, held, done, remaining))

    def check(self) -> None:
        """Looks at the frames held back, keeps the network where it is the best so far, and saves everything."""
        loss, star = self.learner.value(self.lessons.held_back)
        check = Check(self.learner.steps, self.seconds, loss, star)
        if all(loss < each.loss for each in self.checks):
            self.write(check)
        self.checks.append(check)
        self.show()
        self.save()

    def write(self, check: Check) -> None:
        assert self.job.output is not None
        trained = {"steps": check.steps, "seconds": check.seconds, "loss": check.loss, "loss_star": check.loss_star}
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
