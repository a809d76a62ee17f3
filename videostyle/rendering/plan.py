"""From a job as asked to a run as decided: every option is resolved here, once, against the source and the machine.

Nothing below this module sees a `Job`: the frame loop, the inputs, the identity and the executors take the `RunPlan`.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from videostyle.analysis import ShotList
from videostyle.config import Job
from videostyle.errors import BadOption
from videostyle.frames import SMALLEST_SIDE, Size, VideoInfo
from videostyle.losses.terms import Weights
from videostyle.mask_values import Mask
from videostyle.media.encoding import EncoderSettings, EncodingRequest
from videostyle.media.masks import MaskedClip
from videostyle.media.output_paths import output_kind
from videostyle.media.pixels import BLACK
from videostyle.media.resize import fit_size
from videostyle.models.devices import resolve_device
from videostyle.option_groups import (
    ColorOptions,
    FinishingOptions,
    OptimizerOptions,
    SelectionOptions,
    StyleOptions,
    TrackOptions,
)
from videostyle.option_values import SIDES, parse_color, parse_frames
from videostyle.options import resolved, result_options
from videostyle.provenance import plain_options, plain_origins
from videostyle.rendering.given_shots import shot_tables
from videostyle.rendering.masks import RunMasks
from videostyle.rendering.outputs import (
    check_comparison,
    encoding_request,
    files_of,
    kind_of_output,
    masks_in_words,
    resolve_encoders,
    resolve_output,
    resolve_rate,
)
from videostyle.schedules import Curve, Schedule, initial
from videostyle.shot_files import ShotTable, jobs_of_shots, naming
from videostyle.style_images import check_styles, in_colors_of, style_pictures
from videostyle.stylizers.memory import check_memory
from videostyle.stylizers.schedule import BEGUN, SCHEDULES, IterationSchedule
from videostyle.stylizers.settings import StylizerSettings
from videostyle.stylizers.table import STYLIZERS

Pictures = Callable[[Path, Path | None], list[np.ndarray]]
"""The pictures of a style, in the colors of a picture in a file."""

LONGEST_ON_CPU = 512  # default longer side without a GPU, in pixels


@dataclass(frozen=True)
class RunPlan:
    """A run as decided. It is complete but for the shots, which the first pass over the source finds."""

    input: Path
    """The video, image or folder of frames."""
    output: Path
    """Where the result goes: a video, an image or a folder."""
    size: Size
    """(height, width) that frames are stylized at."""
    out_size: Size
    """(height, width) that frames are written at."""
    device: str
    """The torch device."""
    threads: int | None
    """CPU threads of torch, where they were given."""
    engine: str
    """A key of STYLIZERS."""
    stylizer: StylizerSettings
    """What the engine is set up with."""
    flow: str | None
    """A key of FLOWS; None where frames are stylized alone."""
    encoder: EncoderSettings | None
    """How the video is encoded; None where pictures are written."""
    transparent_encoder: EncoderSettings | None
    """The same for transparent frames: with alpha where codec and container can."""
    request: EncodingRequest
    """What was asked of the video's encoding."""
    rate: Fraction | None
    """Frames a second of a video made from a folder, or the most of a clip, where it was given."""
    tracks: TrackOptions
    """What goes into the video beside the film."""
    selection: SelectionOptions
    """The part of the source that is rendered."""
    coloring: ColorOptions
    """Where the colors of a stylized picture come from."""
    mask: Mask | None
    """Where the clip is stylized; None for all of it."""
    regions: tuple[Mask, ...]
    """The parts that have a style of their own."""
    schedules: Mapping[str, Schedule]
    """The options that change over time, by the names of their fields."""
    each_shot: bool
    """Whether each shot has one of the styles, in turn."""
    finishing: FinishingOptions
    """What is done to a stylized picture before it is written."""
    single_frame_iterations: int | None
    """Iterations for a clip of one frame, where `--iterations` was given without `--first-iterations`."""
    continues_range: bool
    """Whether a range of frames continues from the stylized frame before it, where the output folder holds that."""
    restart: bool
    """Whether an interrupted run of the same output is discarded."""
    mixed: bool
    """Whether an interrupted run is resumed although libraries, processor or threads have changed."""
    files: dict[str, Path] = field(default_factory=dict)
    """The files that the result depends on, by the name that a user knows them by."""
    result_options: dict[str, str] = field(default_factory=dict)
    """The options that change the output's bytes, as given, by their flags."""
    options: dict[str, object] = field(default_factory=dict)
    """All options as given, for the report."""
    origins: dict[str, str] = field(default_factory=dict)
    """Where each of them came from that is not a default; for the report only."""
    tables: tuple[ShotTable, ...] = ()
    """The shots of the whole source as a file gives them; empty where cuts are detected."""
    shot_plans: tuple[RunPlan, ...] = ()
    """The plans of shots 1, 2, ... of the source, around and around; empty where all shots have this one."""

    curves: Mapping[str, Curve] = field(default_factory=dict)
    """The options that change over time as values over the seconds of the clip, once the shots are known; see `values_at`."""

    def of_shot(self, number: int) -> RunPlan:
        """The plan with the settings of a shot, by its number from 1."""
        return self.shot_plans[(number - 1) % len(self.shot_plans)] if self.shot_plans else self

    @property
    def needs_palettes(self) -> bool:
        """Whether the colors of any shot are matched."""
        return any(plan.coloring.colors == "match" for plan in (self, *self.shot_plans))

    def with_palettes_used(self, shots: ShotList) -> ShotList:
        """The shots without the palettes of those whose colors are not matched."""
        palettes = {
            start: palette if self.of_shot(number).coloring.colors == "match" else None
            for number, (start, palette) in enumerate(sorted(shots.palettes.items()), 1)
        }
        return replace(shots, palettes=palettes)

    @property
    def all_schedules(self) -> list[Schedule]:
        """The schedules of all shots."""
        return [schedule for plan in (self, *self.shot_plans) for schedule in plan.schedules.values()]

    def values_at(self, shot: int, time: Fraction) -> dict[str, tuple[float, ...]]:
        """What the options that change over time are, by the names of their fields, in the shot of a number from 1, so many
        seconds after the clip's first frame."""
        return {name: curve.at(time) for name, curve in self.of_shot(shot).curves.items()}

    def own_options(self, number: int) -> dict[str, object]:
        """The options that a shot has in place of the run's, for the report."""
        own = self.of_shot(number).options
        return {key: value for key, value in own.items() if value != self.options[key]}

    def for_shots(self, shots: ShotList) -> RunPlan:
        """The plan once the shots are known: the only frame of a still gets `--iterations` as its first ones, transparent
        frames are encoded with their alpha where that is possible, a .webp of one frame is a picture, and schedules
        have their times. Raises BadOption where one does not fit the clip."""
        turns = len(self.stylizer.style_counts) if self.each_shot else 0
        curves = resolved(Job, self.schedules, shots.timeline, turns)
        encoder = self.transparent_encoder if shots.transparent and self.finishing.background is None else self.encoder
        if shots.count == 1 and output_kind(self.output) == "image":
            encoder = None
        plan = replace(
            self, encoder=encoder, curves=curves, shot_plans=tuple(each.for_shots(shots) for each in self.shot_plans)
        )
        if shots.count > 1 or self.single_frame_iterations is None:
            return plan
        schedule = replace(self.stylizer.schedule, first=self.single_frame_iterations)
        return replace(plan, stylizer=replace(self.stylizer, schedule=schedule))

    def masks_of(self, info: VideoInfo, shots: ShotList) -> RunMasks:
        """The masks for these frames."""
        clip = MaskedClip(self.input, info, shots.origin, shots.first, shots.times, shots.transparent)
        return RunMasks(clip, self.size, self.out_size, self.mask, self.regions)

    def background(self, keeps_alpha: bool) -> tuple[int, int, int] | None:
        """The RGB color of 8 bits that transparent frames are composed over; None where they stay transparent.

        keeps_alpha: whether the output can be transparent.
        """
        if self.finishing.background is None:
            return None if keeps_alpha else BLACK
        return parse_color(self.finishing.background)


def resolve(job: Job, info: VideoInfo, notice: Callable[[str], None]) -> RunPlan:
    """Decide everything that a job leaves open. `notice` is called with each line that the user should read.

    Raises BadOption, BadInput, BadOutput and MissingModel for everything that can be refused before the first pass.
    """
    check_styles(job.styles, job.begin_with)
    output, device = resolve_output(job, info), resolve_device(job.device)
    check_comparison(job, info, output)
    encoder, transparent_encoder = resolve_encoders(job, info, output)
    size = resolve_size(job, info, notice, device, max(encoder.sides) if encoder else 1)
    engine = engine_of(job)
    if device == "cpu":
        check_memory(size, STYLIZERS[engine].memory)
    flow = job.flow if STYLIZERS[engine].uses_motion and job.flow != "none" else None
    pictures = functools.cache(pictures_of)  # shots with a style in common have its arrays in common
    plan = RunPlan(
        input=job.input,
        output=output,
        size=size,
        out_size=info.size if job.output_size == "source" else size,
        device=device,
        threads=job.threads,
        engine=engine,
        flow=flow,
        encoder=encoder,
        transparent_encoder=transparent_encoder,
        request=encoding_request(job, info),
        rate=resolve_rate(job, info, kind_of_output(job, info, output), notice),
        tracks=job.group(TrackOptions),
        selection=job.group(SelectionOptions),
        mask=job.painted,
        regions=tuple(region.mask for region in job.regions),
        continues_range=parse_frames(job.frames)[0] is not None,
        restart=job.restart,
        mixed=job.mixed,
        origins=plain_origins(job),
        tables=shot_tables(job.shots, job.input, info, job.fps),
        **varying(job, device, flow is None, pictures),
    )
    return replace(plan, shot_plans=tuple(shot_plans(plan, job, pictures)))


def varying(job: Job, device: str, alone: bool, pictures: Pictures) -> dict[str, Any]:
    """The fields of a plan that options marked `per_shot` decide. device, alone, pictures: as in `stylizer_settings`."""
    return {
        "stylizer": stylizer_settings(job, device, alone, pictures),
        "coloring": job.group(ColorOptions),
        "schedules": job.schedules(),
        "each_shot": job.each_shot,
        "finishing": job.group(FinishingOptions),
        "single_frame_iterations": None if job.first_iterations else job.iterations,
        "files": files_of(job),
        "result_options": result_options(job) | masks_in_words(job),
        "options": plain_options(job),
    }


def shot_plans(plan: RunPlan, job: Job, pictures: Pictures) -> Iterator[RunPlan]:
    """The plan of each shot of `plan.tables`; none where all shots have the run's. Raises BadInput, naming the table."""
    if not any(table.values for table in plan.tables):
        return
    for own, table in zip(jobs_of_shots(job, plan.tables), plan.tables, strict=True):
        with naming(table):
            if own is job:
                yield plan
            else:
                check_styles(own.styles, own.begin_with)
                yield replace(plan, **varying(own, plan.device, plan.flow is None, pictures))


def pictures_of(style: Path, palette_file: Path | None) -> list[np.ndarray]:
    """The pictures of a style, in the colors of a picture in a file. Raises BadInput."""
    return in_colors_of(palette_file, style_pictures(style))


def engine_of(job: Job) -> str:
    """The key in STYLIZERS. `--engine learned` is no stylizer: what it trains is rendered as a style model."""
    if job.style_model is not None:
        return "feedforward"
    return job.engine if job.engine in STYLIZERS else "optimize"


def stylizer_settings(job: Job, device: str, alone: bool, pictures: Pictures) -> StylizerSettings:
    """What the engine is set up with. alone: whether each frame is stylized without the one before it. pictures: reads those
    of a style. Raises BadInput."""
    styles = [] if job.style_model else [pictures(style, job.palette_file) for style in job.styles]
    own = [] if job.style_model else [pictures(region.style, job.palette_file) for region in job.regions]
    return StylizerSettings(
        styles=tuple(picture for style in styles for picture in style),
        style_counts=tuple(map(len, styles)),
        style_model=job.style_model,
        region_styles=tuple(map(tuple, own)),
        region_models=tuple(region.style for region in job.regions) if job.style_model else (),
        weights=Weights.of(job),
        schedule=resolve_schedule(job, alone),
        style=job.group(StyleOptions),
        optimizer=job.group(OptimizerOptions),
        device=device,
        strength=initial(job.strength),
        seed=job.seed,
        grayscale=job.colors == "clip" and job.style_model is None,  # style models are trained on colors
    )


def resolve_schedule(job: Job, alone: bool) -> IterationSchedule:
    """The preset's iterations with those that the job asks for. alone: as in `stylizer_settings`."""
    schedule = SCHEDULES[job.preset]
    by_preset = schedule.first if job.begin_with is None else round(BEGUN * schedule.first)
    first = job.first_iterations or (job.iterations if alone else None) or by_preset
    schedule = replace(schedule, first=first)
    return schedule.exactly(job.iterations) if job.iterations else schedule


def resolve_size(job: Job, info: VideoInfo, notice: Callable[[str], None], device: str, multiple: int) -> Size:
    """The (height, width) that frames are stylized at, both multiples of `multiple`. Raises BadOption if too small."""
    own = max(info.size)
    longer = longer_side(job.size, info.size) if job.size else min(own, LONGEST_ON_CPU) if device == "cpu" else own
    if longer > SIDES[1]:
        problem = f"--size {job.size} makes frames {longer} pixels long"
        raise BadOption(problem, f"a longer side of {SIDES[0]} to {SIDES[1]}")
    if job.size is None and longer < own:
        notice(
            f"stylizing at {longer} pixels instead of the source's {own}, as there is no GPU; --size {own} keeps the full size"
        )
    if longer > own:
        own = min(info.size) if isinstance(job.size, str) else own
        notice(f"--size {job.size} is larger than the source's {own} pixels: frames are enlarged before stylizing")
    size = fit_size(info.size, longer, multiple)
    if min(size) < SMALLEST_SIDE:
        problem = f"frames would be {size[1]}x{size[0]} pixels, and both sides must have at least {SMALLEST_SIDE}"
        raise BadOption(problem, todo="raise --size")
    return size


def longer_side(asked: int | str, own: Size) -> int:
    """The longer side that --size asks for: a number is that side, text such as "720p" the shorter one."""
    if isinstance(asked, int):
        return asked
    return round(Fraction(int(asked.removesuffix("p")) * max(own), min(own)))
