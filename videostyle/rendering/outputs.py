"""Where the result of a run goes and how it is encoded, and the files that it is made from."""

from __future__ import annotations

import os
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

from videostyle.config import Job
from videostyle.errors import BadOption, BadOutput
from videostyle.frames import VideoInfo
from videostyle.media.containers import container_of
from videostyle.media.encoding import EncoderSettings, EncodingRequest, choose_encoder, lossless_encoder
from videostyle.media.image_sources import FOLDER_RATE
from videostyle.media.output_paths import check_output, default_output, is_animation, output_kind
from videostyle.media.side_tracks import plan_sound
from videostyle.option_values import parse_frames, parse_rate, style_name
from videostyle.options import default_of


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


def check_comparison(job: Job, info: VideoInfo, output: Path) -> None:
    """Raises BadOption where the comparison that a job asks for cannot be made of this source, or is one of its files."""
    if job.compare is None:
        return
    layout, file = job.compare
    if info.kind == "image" and layout == "wipe":
        raise BadOption(f"--compare wipe needs a clip, and {job.input} is a still", "side, below")
    kind = kind_of_output(job, info, file)
    if (kind == "image") != (info.kind == "image"):
        name, todo = (
            ("a still", "a picture such as .png") if info.kind == "image" else ("a clip", "a video such as .mp4")
        )
        raise BadOption(f"--compare {file} cannot hold a comparison of {name}", todo)
    if os.path.abspath(file) == os.path.abspath(output) or any(
        file.exists() and os.path.samefile(file, path) for path in (job.input, *job.styles) if path.exists()
    ):
        raise BadOption(f"--compare {file} is a file of this run", todo="choose another name")


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
    counted = any(key.unit == "s" for schedule in job.schedules().values() for key in schedule.keys)
    if info.kind == "folder" and rate != FOLDER_RATE and (job.start or job.duration or counted):
        given = "--start and --duration count" if job.start or job.duration else "keys in seconds count"
        problem = f"{given} {FOLDER_RATE} frames a second in a folder and cannot go with --fps {job.fps}"
        raise BadOption(problem, todo="select frames by their file numbers with --frames A:B")
    if info.kind == "video" and info.rate and rate >= info.rate:
        notice(f"--fps {job.fps} leaves no frame out: {job.input.name} has {float(info.rate):.4g} frames a second")
    return rate
