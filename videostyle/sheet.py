"""`videostyle sheet`: stills of some frames, in several styles and with several values, side by side in one picture."""

from __future__ import annotations

import time
from bisect import bisect_right
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from hashlib import sha256
from itertools import product
from pathlib import Path

import numpy as np
import torch

from videostyle.analysis import ShotList, analyze
from videostyle.errors import BadOption
from videostyle.events import Analyzing, Event, Progress, Rendering, SheetProgress
from videostyle.frames import Frame, Size
from videostyle.media.image_sources import numbered_names
from videostyle.media.images import picture_bytes
from videostyle.media.pixels import to_bits
from videostyle.media.sources import Source, open_source
from videostyle.media.workdir import write_atomically, writing
from videostyle.option_groups import SelectionOptions
from videostyle.option_values import parse_time
from videostyle.rendering.plan import RunPlan, resolve
from videostyle.rendering.render import Renderer
from videostyle.reports.grid import Row, grid
from videostyle.sheet_job import SheetJob
from videostyle.stylizers.shared import Shared


@dataclass(frozen=True)
class SheetReport:
    """A finished sheet."""

    output: Path
    """The picture that was written."""
    frames: tuple[int, ...]
    """The frames on it, by their numbers: a folder's file numbers, else counted from 1."""
    pictures: int
    """How many stylized pictures it has."""
    seconds: float
    """Wall time."""
    notices: tuple[str, ...]
    """Lines that the user should read."""


def make_sheet(job: SheetJob, progress: Progress) -> SheetReport:
    """Stylize each picture of a sheet as a run of its frame alone would, and write the sheet.

    Raises a child of VideoStyleError for everything that a user can mend; nothing is written then.
    """
    began = time.monotonic()
    assert job.output is not None
    if job.threads:
        torch.set_num_threads(job.threads)
    with closing(open_source(job.input, job)) as source:
        looks = [Look(style, texts) for style, texts in product(job.styles, job.cells())]
        shots = checked_shots(job, source, looks, progress)
        ordinals = chosen_frames(job, numbers_of(source, shots), shots)
        stills = Stills(job, source, shots, len(ordinals) * len(looks), progress)
        rows = rows_of(job, looks, {ordinal: label_of(source, shots, ordinal) for ordinal in ordinals}, stills.of)
    with writing(job.output):
        write_atomically(job.output, picture_bytes(grid(columns_of(job, looks), rows), None, job.output.suffix))
    numbers = tuple(numbers_of(source, shots)[ordinal - shots.first] for ordinal in ordinals)
    return SheetReport(job.output, numbers, stills.count, time.monotonic() - began, tuple(progress.notices))


def checked_shots(job: SheetJob, source: Source, looks: Sequence[Look], progress: Progress) -> ShotList:
    """The frames of the selection and their shots. Raises what the runs of all looks would raise before their first frame."""
    plans = []
    for look in looks:
        plan = look.plan(job, source, progress)
        plans.append(replace(plan, stylizer=replace(plan.stylizer, styles=(), region_styles=())))  # without pictures
    shots = analyze(
        source,
        job.group(SelectionOptions),
        lambda count: progress(Analyzing(count)),
        any(plan.needs_palettes for plan in plans),
        schedules=[schedule for plan in plans for schedule in plan.all_schedules],
    )
    for plan in plans:
        plan.for_shots(shots)
    for plan in {(plan.size, plan.mask, plan.regions): plan for plan in plans}.values():
        plan.masks_of(source.info, shots).check()
    return shots


@dataclass(frozen=True)
class Look:
    """A style with values of the options that vary."""

    style: Path
    texts: Mapping[str, str]
    """The values as text, by the names of the options."""

    @property
    def lines(self) -> tuple[str, ...]:
        """A line for each value."""
        return tuple(f"{name.replace('_', '-')} {text}" for name, text in self.texts.items())

    def plan(self, job: SheetJob, source: Source, progress: Progress, ordinal: int = 0) -> RunPlan:
        """The run of one frame with this look."""
        return resolve(job.run_of(self.style, self.texts, ordinal + 1), source.info, progress.notice)


class Stills:
    """Stylizes one frame after another, each with a look. The network, style statistics and decoded frames are shared."""

    def __init__(self, job: SheetJob, source: Source, shots: ShotList, count: int, progress: Progress):
        self.job, self.source, self.shots, self.count, self.progress = job, KeptFrames(source), shots, count, progress
        self.shared = Shared()
        self.images: dict[bytes, np.ndarray] = {}
        self.done, self.began = 0, time.monotonic()

    def of(self, look: Look, ordinal: int) -> np.ndarray:
        """The stylized frame, uint8 (H, W, 3) RGB, as `run` writes it."""
        plan = look.plan(self.job, self.source, self.progress, ordinal)
        shots = plan.with_palettes_used(self.shots).only(ordinal)
        plan = plan.for_shots(shots)
        styles = tuple(
            self.images.setdefault(sha256(style.tobytes()).digest(), style) for style in plan.stylizer.styles
        )
        plan = replace(plan, stylizer=replace(plan.stylizer, styles=styles))
        still = Still()
        for _ in Renderer(plan, shots, still, self._report, self.shared).render(self.source):
            self.done += 1
        return still.picture

    def _report(self, event: Event) -> None:
        self.progress.stop_if_cancelled()
        if isinstance(event, Rendering):
            fraction, spent = (self.done + event.fraction) / self.count, time.monotonic() - self.began
            remaining = spent * (1 - fraction) / fraction if fraction and spent > SETTLED else None
            self.progress(SheetProgress(self.done + 1, self.count, fraction, remaining))


SETTLED = 4.0
"""Seconds after which the remaining time is estimated."""


class KeptFrames:
    """A source whose frames are decoded once for each size. A pass ends after its first frame."""

    def __init__(self, source: Source):
        self.source, self.path, self.info, self.skipped = source, source.path, source.info, source.skipped
        self.kept: dict[tuple[Size | None, int], Frame] = {}

    def frames(self, size: Size | None = None, first: int = 0) -> Generator[Frame]:
        if (size, first) not in self.kept:
            with closing(self.source.frames(size, first)) as frames:
                self.kept[size, first] = next(frames)
        yield self.kept[size, first]

    def close(self) -> None:
        self.source.close()


class Still:
    """A sink for one frame, which it keeps."""

    bits = 8
    alpha = False
    picture: np.ndarray

    def write(self, frame: Frame) -> None:
        self.picture = to_bits(frame.image, 8)

    def end_segment(self) -> None:
        """A still has no segments."""


def columns_of(job: SheetJob, looks: list[Look]) -> list[tuple[str, ...]]:
    """The lines above each column: of a style, or of a look where there is a single style."""
    names = {style: style.name if "@" in style.name else style.stem for style in job.styles}
    if len(job.styles) == 1:
        return [(names[look.style], *look.lines) for look in looks]
    return [(names[style],) for style in job.styles]


def rows_of(
    job: SheetJob, looks: list[Look], frames: Mapping[int, tuple[str, ...]], still: Callable[[Look, int], np.ndarray]
) -> list[Row]:
    """The rows: one for each frame, or for each frame with each value where there are several styles.

    frames: their labels, by ordinal. still: makes a picture of a look and an ordinal.
    """
    if len(job.styles) == 1:
        return [Row(label, tuple(still(look, frame) for look in looks)) for frame, label in frames.items()]
    rows = []
    for (frame, label), texts in product(frames.items(), job.cells()):
        across = [look for look in looks if look.texts == texts]
        rows.append(Row((*label, *across[0].lines), tuple(still(look, frame) for look in across)))
    return rows


def label_of(source: Source, shots: ShotList, ordinal: int) -> tuple[str, ...]:
    """The number and the time of a frame, as lines; nothing for an image."""
    if source.info.kind == "image":
        return ()
    seconds = float(shots.times[ordinal - shots.first] - shots.origin)
    return f"frame {numbers_of(source, shots)[ordinal - shots.first]}", f"{seconds:.3f}".rstrip("0").rstrip(".") + " s"


def numbers_of(source: Source, shots: ShotList) -> list[int]:
    """The numbers of the selected frames: a folder's file numbers, else counted from 1."""
    if source.info.kind == "folder":
        return list(numbered_names(source.path))[shots.first : shots.first + shots.count]
    return list(range(shots.first + 1, shots.first + shots.count + 1))


def chosen_frames(job: SheetJob, numbers: list[int], shots: ShotList) -> list[int]:
    """The ordinals in the source of the frames on the sheet. numbers: of the selected ones. Raises BadOption."""
    if job.at is None:
        count = min(job.count, shots.count)
        return [shots.first + (2 * number + 1) * shots.count // (2 * count) for number in range(count)]
    ordinals = []
    for part in (part.strip() for part in job.at.split(",")):
        if part.isdecimal():
            place = numbers.index(int(part)) if int(part) in numbers else -1
        else:
            place = bisect_right([time - shots.origin for time in shots.times], parse_time("--at", part)) - 1
        if place < 0:
            extent = f"frames {numbers[0]} to {numbers[-1]}, from {float(shots.times[0] - shots.origin):g} s on"
            raise BadOption(f"--at {part} is none of the selected frames", extent)
        ordinals.append(shots.first + place)
    return ordinals
