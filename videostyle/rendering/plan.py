"""What a job leaves open, decided from the source and the machine."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path

from videostyle.config import Job, parse_frames, parse_rate
from videostyle.errors import BadOption, BadOutput
from videostyle.frames import SMALLEST_SIDE, Size, VideoInfo
from videostyle.media.containers import container_of
from videostyle.media.encoding import EncoderSettings, EncodingRequest, choose_encoder
from videostyle.media.image_sources import FOLDER_RATE
from videostyle.media.output_paths import check_output, default_output, output_kind
from videostyle.media.resize import fit_size
from videostyle.media.side_tracks import plan_sound
from videostyle.models.devices import resolve_device
from videostyle.stylizers.memory import FEEDFORWARD, OPTIMIZE, check_memory
from videostyle.stylizers.schedule import BEGUN, SCHEDULES, Schedule

LONGEST_ON_CPU = 512


@dataclass(frozen=True)
class RunPlan:
    """size, out_size: (height, width) painted and written. pixels: how a video is encoded, None for pictures. rate: of a
    video made from a folder, in frames a second."""

    output: Path
    device: str
    size: Size
    out_size: Size
    pixels: EncoderSettings | None
    rate: Fraction | None


def choose(job: Job, info: VideoInfo, notice: Callable[[str], None]) -> RunPlan:
    """Everything a job leaves open. Raises BadOutput and BadOption as the choices below do."""
    output, device = choose_output(job, info), resolve_device(job.device)
    pixels = choose_encoding(job, info, output)
    if pixels and info.bits > 8 == pixels.bits and job.pix_fmt is None:
        todo = "--codec hevc, or --pix-fmt yuv420p10le, keeps them"
        notice(f"{job.input.name} has more than 8 bits a color, {output.name} has 8, which every player takes; {todo}")
    size = choose_size(job, info, notice, device, max(pixels.sides) if pixels else 1)
    if device == "cpu":
        check_memory(size, FEEDFORWARD if job.style_model else OPTIMIZE)
    out_size = info.size if job.output_size == "source" else size
    return RunPlan(output, device, size, out_size, pixels, parse_rate(job.fps))


def choose_encoding(job: Job, info: VideoInfo, output: Path) -> EncoderSettings | None:
    """How the video is encoded, None where pictures are written.

    Raises BadOption for what cannot be, or has no effect, and BadInput where `--audio` holds no sound.
    """
    kind = output_kind(output)
    if job.fps is not None and (kind != "video" or info.kind != "folder"):
        raise BadOption(f"--fps {job.fps}: {job.input} to {output}", "a folder of frames that becomes a video")
    if parse_rate(job.fps) not in (None, FOLDER_RATE) and (job.start or job.duration):
        problem = f"--fps {job.fps} with --start or --duration, which count a folder's frames as {FOLDER_RATE} a second"
        raise BadOption(problem, "--frames A:B, by the files' numbers")
    if kind == "video":
        if job.audio not in ("copy", "none"):
            plan_sound(Path(job.audio), container_of(output))  # told before anything slow is done
        return choose_encoder(EncodingRequest(job.codec, job.crf, job.pix_fmt), output.suffix, info.bits)
    for name, default in (("codec", None), ("crf", None), ("pix_fmt", None), ("audio", "copy")):
        if getattr(job, name) != default:
            raise BadOption(f"--{name.replace('_', '-')}: {output} is no video", "an output such as out.mp4")
    return None


def choose_output(job: Job, info: VideoInfo) -> Path:
    """Where the result goes, checked. Raises BadOutput where it cannot be written, exists, or cannot hold the source."""
    output = job.output or default_output(job.input, info.kind, job.styles)
    kind = output_kind(output)
    check_output(output, job.overwrite)
    given = [job.input, *job.styles, Path(job.audio)]
    if output.exists() and any(os.path.samefile(output, each) for each in given if each.exists()):
        raise BadOutput(f"{output} is what would be read", "another place", "give another -o")
    if kind == "image" and info.kind != "image" and not _one_frame(job.frames):
        raise BadOutput(f"{output} holds one picture", "a video or a folder", "add --frames 1 for a preview")
    if kind == "video" and info.kind == "image":
        raise BadOutput(f"{output} is a video and {job.input} a still", "a picture such as .png", "give another -o")
    return output


def _one_frame(frames: str | None) -> bool:
    low, high = parse_frames(frames)
    return high is not None and high == (1 if low is None else low)


def choose_size(job: Job, info: VideoInfo, notice: Callable[[str], None], device: str, multiple: int) -> Size:
    """The (height, width) asked for, both multiples of `multiple`. Tells by `notice` what a user may wonder about.

    Raises BadOption where it is too narrow for the network.
    """
    own = max(info.size)
    longer = job.size or (min(own, LONGEST_ON_CPU) if device == "cpu" else own)
    if job.size is None and longer < own:
        notice(f"painting at {longer} pixels, not the source's {own}, as there is no GPU; --size {own} paints it whole")
    if longer > own:
        notice(f"--size {longer} is larger than the source's {own} pixels: it is enlarged before painting")
    size = fit_size(info.size, longer, multiple)
    if min(size) < SMALLEST_SIDE:
        raise BadOption(
            f"the picture would be {size[1]}x{size[0]} pixels", f"both sides {SMALLEST_SIDE} or more", "raise --size"
        )
    return size


def schedule_of(job: Job, alone: bool) -> Schedule:
    """The preset's iterations with what the job says of them. alone: every frame is painted without the one before."""
    schedule = SCHEDULES[job.preset]
    by_preset = schedule.first if job.begin_with is None else round(BEGUN * schedule.first)
    first = job.first_iterations or (job.iterations if alone else None) or by_preset
    schedule = replace(schedule, first=first)
    return schedule.exactly(job.iterations) if job.iterations else schedule
