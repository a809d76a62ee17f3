"""From a job as asked to a run as decided: every option is resolved here, once, against the source and the machine.

Nothing below this module sees a `Job`: the frame loop, the inputs, the identity and the executors take the `RunPlan`.
"""

from __future__ import annotations

import functools
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from videostyle.analysis import ShotList
from videostyle.config import Job
from videostyle.errors import BadOption, BadOutput
from videostyle.frames import SMALLEST_SIDE, Size, VideoInfo
from videostyle.losses.terms import Weights
from videostyle.mask_values import Mask
from videostyle.media.containers import container_of
from videostyle.media.encoding import EncoderSettings, EncodingRequest, choose_encoder, lossless_encoder
from videostyle.media.image_sources import FOLDER_RATE
from videostyle.media.masks import MaskedClip
from videostyle.media.output_paths import check_output, default_output, is_animation, output_kind
from videostyle.media.pixels import BLACK
from videostyle.media.resize import fit_size
from videostyle.media.side_tracks import plan_sound
from videostyle.models.devices import resolve_device
from videostyle.option_groups import (
    ColorOptions,
    FinishingOptions,
    OptimizerOptions,
    SelectionOptions,
    StyleOptions,
    TrackOptions,
)
from videostyle.option_values import SIDES, parse_color, parse_frames, parse_rate, style_name
from videostyle.options import default_of, result_options
from videostyle.provenance import plain_options, plain_origins
from videostyle.rendering.masks import RunMasks
from videostyle.shot_files import ShotTable, jobs_of_shots, naming, read_shots
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

    def own_options(self, number: int) -> dict[str, object]:
        """The options that a shot has in place of the run's, for the report."""
        own = self.of_shot(number).options
        return {key: value for key, value in own.items() if value != self.options[key]}

    def for_shots(self, shots: ShotList) -> RunPlan:
        """The plan once the shots are known: the only frame of a still gets `--iterations` as its first ones, transparent
        frames are encoded with their alpha where that is possible, and a .webp of one frame is a picture."""
        encoder = self.transparent_encoder if shots.transparent and self.finishing.background is None else self.encoder
        if shots.count == 1 and output_kind(self.output) == "image":
            encoder = None
        plan = replace(self, encoder=encoder, shot_plans=tuple(each.for_shots(shots) for each in self.shot_plans))
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
    encoder, transparent_encoder = resolve_encoders(job, info, output)
    size = resolve_size(job, info, notice, device, max(encoder.sides) if encoder else 1)
    engine = engine_of(job)
    if device == "cpu":
        check_memory(size, STYLIZERS[engine].memory)
    flow = job.flow if STYLIZERS[engine].uses_motion and job.flow != "none" else None
    tables = read_shots(job.shots) if job.shots else ()
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
        tables=tables,
        **varying(job, device, flow is None, pictures),
    )
    return replace(plan, shot_plans=tuple(shot_plans(plan, job, pictures)))


def varying(job: Job, device: str, alone: bool, pictures: Pictures) -> dict[str, Any]:
    """The fields of a plan that options marked `per_shot` decide. device, alone, pictures: as in `stylizer_settings`."""
    return {
        "stylizer": stylizer_settings(job, device, alone, pictures),
        "coloring": job.group(ColorOptions),
        "finishing": job.group(FinishingOptions),
        "single_frame_iterations": None if job.first_iterations else job.iterations,
        "files": files_of(job),
        "result_options": result_options(job) | masks_in_words(job),
        "options": plain_options(job),
    }


def shot_plans(plan: RunPlan, job: Job, pictures: Pictures) -> Iterator[RunPlan]:
    """The plan of each shot of `plan.tables`. Raises BadInput, which names the table."""
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
    styles = () if job.style_model else job.styles
    own = [] if job.style_model else [pictures(region.style, job.palette_file) for region in job.regions]
    return StylizerSettings(
        styles=tuple(picture for style in styles for picture in pictures(style, job.palette_file)),
        style_model=job.style_model,
        region_styles=tuple(map(tuple, own)),
        region_models=tuple(region.style for region in job.regions) if job.style_model else (),
        weights=Weights.of(job),
        schedule=resolve_schedule(job, alone),
        style=job.group(StyleOptions),
        optimizer=job.group(OptimizerOptions),
        device=device,
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


def files_of(job: Job) -> dict[str, Path]:
    """The files that the result depends on, by the name that a user knows them by."""
    styles = {f"style {number}": path for number, path in enumerate(job.styles, 1)}
    begin_with = {"the model of --begin-with": job.begin_with} if job.begin_with else {}
    palette = {"the picture of --colors": job.palette_file} if job.palette_file else {}
    masks = {"the mask": job.painted.path} if job.painted and job.painted.path else {}
    for number, region in enumerate(job.regions, 1):
        masks |= {f"the mask of region {number}": region.mask.path} if region.mask.path else {}
        masks[f"the style of region {number}"] = region.style
    return {"the input": job.input} | styles | begin_with | palette | masks


def masks_in_words(job: Job) -> dict[str, str]:
    """What of the masks changes the output's bytes, beside their files."""
    words = {"--mask": job.painted.identity} if job.painted else {}
    return words | {f"region {number}": region.mask.identity for number, region in enumerate(job.regions, 1)}


def resolve_output(job: Job, info: VideoInfo) -> Path:
    """Where the result goes. Raises BadOutput where it cannot be written, already exists, or cannot hold the source."""
    output = job.output or default_output(job.input, info.kind, job.styles)
    kind = kind_of_output(job, info, output)
    check_output(output, job.overwrite)
    files = (style_name(path).path for path in files_of(job).values())
    inputs = [path for path in (*files, Path(job.audio)) if path.exists()]
    if output.exists() and any(os.path.samefile(output, path) for path in inputs):
        raise BadOutput(f"{output} is a file that this run reads", todo="choose another -o")
    if kind == "image" and info.kind != "image" and not selects_one_frame(job.frames):
        raise BadOutput(
            f"{output} holds a single picture", "a video or a folder", "add --frames 1 to stylize the first frame only"
        )
    if kind in ("video", "animation") and info.kind == "image":
        name = "a video" if kind == "video" else "an animation"
        raise BadOutput(f"{output} is {name} and {job.input} is a still", "a picture such as .png", "choose another -o")
    return output


def kind_of_output(job: Job, info: VideoInfo, output: Path) -> str:
    """As `output_kind`, also of a .webp, as far as that is known before the frames are counted."""
    single = info.kind == "image" or selects_one_frame(job.frames)
    return "animation" if is_animation(output, single) else output_kind(output)


def selects_one_frame(frames: str | None) -> bool:
    """Whether `--frames` selects a single frame."""
    low, high = parse_frames(frames)
    return high is not None and high == (1 if low is None else low)


def encoding_request(job: Job, info: VideoInfo) -> EncodingRequest:
    """What the job asks of the video's encoding."""
    return EncodingRequest(job.codec, job.crf, job.pix_fmt, info.hdr if job.hdr == "keep" else None)


def resolve_encoders(job: Job, info: VideoInfo, output: Path) -> tuple[EncoderSettings | None, EncoderSettings | None]:
    """How the video is encoded if its frames are opaque, and if they are transparent; None where pictures are written.

    Raises BadOption for settings that cannot be or have no effect, and BadInput where `--audio` names a file without sound.
    """
    kind = kind_of_output(job, info, output)
    for name, kind_needed in (("deinterlace", "video"), ("other_video", "video"), ("gaps", "folder")):
        if info.kind != kind_needed and (value := getattr(job, name)) != default_of(Job, name):
            flag = name.replace("_", "-")
            raise BadOption(
                f"--{flag} {value} has no effect, as {job.input} is not a {kind_needed}", todo="leave it out"
            )
    if job.hdr == "keep" and info.hdr is None:
        raise BadOption(f"--hdr keep has no effect, as {job.input} is not HDR", todo="leave it out")
    if kind == "video":
        if job.audio not in ("copy", "none"):
            plan_sound(Path(job.audio), container_of(output))  # refused before anything slow is done
        request = encoding_request(job, info)
        opaque, transparent = (choose_encoder(request, output.suffix, info.bits, alpha) for alpha in (False, True))
        return opaque, transparent
    for name in ("codec", "crf", "pix_fmt", "hdr", "audio", "other_video"):
        if getattr(job, name) != default_of(Job, name):
            flag = name.replace("_", "-")
            raise BadOption(
                f"--{flag} has no effect, as {output} is not a video", todo="leave it out, or choose -o out.mp4"
            )
    return (lossless_encoder(False), lossless_encoder(True)) if kind == "animation" else (None, None)


def resolve_rate(job: Job, info: VideoInfo, kind: str, notice: Callable[[str], None]) -> Fraction | None:
    """`--fps` as an exact fraction. kind: of the output. Raises BadOption where it has no effect or seconds are ambiguous."""
    rate = parse_rate(job.fps)
    if rate is None:
        return None
    if info.kind == "image" or (info.kind == "folder" and kind not in ("video", "animation")):
        todo = "leave it out: it is for clips, and for folders of frames that become a video"
        raise BadOption(f"--fps {job.fps} has no effect here", todo=todo)
    if info.kind == "folder" and info.time_base is not None:
        problem = f"--fps {job.fps} has no effect, as the numbers of the images in {job.input} are their times"
        raise BadOption(problem, todo="leave it out, or add --gaps skip to ignore the times")
    if info.kind == "folder" and rate != FOLDER_RATE and (job.start or job.duration):
        problem = (
            f"--start and --duration count {FOLDER_RATE} frames a second in a folder and cannot go with --fps {job.fps}"
        )
        raise BadOption(problem, todo="select frames by their file numbers with --frames A:B")
    if info.kind == "video" and info.rate and rate >= info.rate:
        notice(f"--fps {job.fps} leaves no frame out: {job.input.name} has {float(info.rate):.4g} frames a second")
    return rate


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
