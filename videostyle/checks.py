"""What can be refused before torch, FFmpeg and OpenCV are loaded, which takes seconds: names of files.

Everything here is cheap and certain. What depends on the content of a file is checked where the file is read.
"""

from __future__ import annotations

import os
import shlex
import stat
from collections.abc import Iterable, Sequence
from pathlib import Path

from videostyle.config import ExportJob, Job, MeasureJob, ShotsJob, TrainJob, is_style_model
from videostyle.errors import BadInput, BadOption, BadOutput
from videostyle.mask_values import Mask
from videostyle.media.containers import ANIMATIONS, CONTAINERS
from videostyle.media.output_paths import (
    ADDRESS,
    FILMS,
    IMAGES,
    STILLS,
    check_folder,
    check_output,
    default_output,
    work_folder,
)
from videostyle.option_values import style_name
from videostyle.sheet_job import SheetJob
from videostyle.shot_files import (
    ShotTable,
    check_shots_file,
    is_timeline,
    jobs_of_shots,
    naming,
    read_shots,
)

STREAMS = "/dev/stdin", "/dev/fd/", "/proc/self/fd/"
"""What the names of this process's own streams begin with."""

SOURCES = "a video, an image or a folder of numbered frames"


def check_run(job: Job) -> None:
    """Raises BadInput where a file of a run is missing, BadOption and BadOutput where its output or a report cannot be."""
    if job.also:
        raise BadOption("--also makes several runs", todo="call run for each of jobs_of(job)")
    if job.dry_run:
        raise BadOption("--dry-run makes no result", todo="call dry_run(job) instead of run(job)")
    for path in job.report:
        check_report("--report", path, (".json", ".html"), job.overwrite)
    check_files(job)
    if job.compare is not None:
        check_report("--compare", job.compare.file, (*CONTAINERS, *ANIMATIONS, *IMAGES), job.overwrite)
        if job.output is not None and os.path.abspath(job.output) == os.path.abspath(job.compare.file):
            raise BadOption(f"--compare {job.compare.file} is the output itself", todo="choose another name")
    likely = default_output(job.input, "image" if job.input.suffix.lower() in IMAGES else "video", job.styles)
    if output := expected_output(job):
        check_output(output, job.overwrite, inside=likely.name)
    else:
        check_folder(likely)


def check_files(job: Job) -> None:
    """Raises BadInput where a file that a run reads is missing, or stands in the place of another."""
    check_source(job.input, f"name one of them, and add the others by --also {job.input}")
    check_order(job)
    check_styles(job.styles)
    check_masks(job, job.input)
    if job.begin_with is not None:
        check_file("--begin-with", job.begin_with)
    if job.palette_file is not None:
        check_styles([job.palette_file], "--colors")
    if job.audio not in ("copy", "none"):
        check_file("--audio", Path(job.audio))
    if job.shots is not None:
        check_file("--shots", job.shots)
        check_shots_file(job.shots)
        if not is_timeline(job.shots):
            check_shot_tables(job, read_shots(job.shots))


def check_shot_tables(job: Job, tables: Sequence[ShotTable]) -> None:
    """Raises BadOption and BadInput, which name the table, for what cannot be asked for a shot."""
    for own, table in zip(jobs_of_shots(job, tables), tables, strict=True):
        with naming(table):
            check_order(own)
            check_styles(own.styles)
            if own.begin_with is not None:
                check_file("begin_with", own.begin_with)


def clips_of(job: Job) -> list[Path]:
    """The clips of a job: its input, then those of --also, a folder with more videos than images as its videos; each once.

    Raises BadInput where one is missing, and BadOption where --output is not the name of a folder.
    """
    if job.output is not None and job.output.suffix and not os.path.isdir(job.output):
        problem = f"-o {job.output} is not the name of a folder, and --also makes several results"
        raise BadOption(problem, todo=f"name a folder such as {job.output.with_suffix('')}")
    clips = [job.input]
    for path in job.also:
        mode = mode_of(path, str(path), f"name {SOURCES}, or a folder of videos")
        films, images = clips_in(path) if stat.S_ISDIR(mode) else ([], 0)
        clips += films if len(films) > images else [path]
    first: dict[str, Path] = {}
    for clip in clips:
        first.setdefault(os.path.realpath(clip), clip)
    return list(first.values())


def check_jobs(jobs: list[Job], named: set[Path]) -> None:
    """Raises BadInput and BadOutput for what can be refused before the first of several runs.

    named: the clips that were named one by one. Of a folder's others a bad one only fails by itself.
    """
    readers: dict[Path, Path] = {}
    for job in jobs:
        if job.input in named:
            check_files(job)
        assert job.output is not None
        output = Path(os.path.abspath(job.output))
        if readers.setdefault(output, job.input) != job.input:
            problem = f"{readers[output]} and {job.input} would both be written to {job.output}"
            raise BadOutput(problem, todo="rename one of them, or run it by itself")
        if os.path.isdir(output.parent):
            check_folder(output)
        else:
            check_folder(output.parent)


def is_done(job: Job) -> bool:
    """Whether the output of a run is there, may not be replaced, and no interrupted run of it has left a work folder."""
    if job.output is None or job.overwrite or work_folder(job.output).exists():
        return False
    return bool(os.listdir(job.output)) if os.path.isdir(job.output) else os.path.lexists(job.output)


def check_sheet(job: SheetJob) -> None:
    """Raises BadInput where a file of a sheet is missing, BadOption where options do not go together, BadOutput where the
    sheet cannot be written."""
    check_source(job.input)
    for style in job.styles:
        for texts in job.cells():
            check_files(job.run_of(style, texts, 1))
    assert job.output is not None
    if job.output.suffix.lower() not in IMAGES:
        problem = f"{job.output} is no picture, and a sheet is one"
        raise BadOutput(problem, " ".join(IMAGES), "choose another -o")
    check_output(job.output, job.overwrite)


def check_measure(job: MeasureJob) -> None:
    """Raises BadInput where a file of a measurement is missing, BadOption or BadOutput where its figures cannot be written."""
    for name, path, suffix in (("page", job.page, ".html"), ("json", job.json, ".json")):
        if path is not None:
            check_report(job.flag(name), path, (suffix,), job.overwrite)
    check_source(job.source)
    check_source(job.output)
    check_styles(job.styles)
    if job.palette_file is not None:
        check_styles([job.palette_file], "--colors")
    check_masks(job, job.source)
    if job.flow_dir is not None and not os.path.isdir(job.flow_dir):
        raise BadInput(f"--flow-dir {job.flow_dir} is not a folder", todo="name a folder of .flo files")


def check_train(job: TrainJob) -> None:
    """Raises BadInput where a style or a clip of a training is missing, BadOutput where its output cannot be written."""
    check_styles(job.styles)
    if job.palette_file is not None:
        check_styles([job.palette_file], "--colors")
    for path in job.on:
        check_source(path)
    assert job.output is not None
    check_folder(job.output)
    if not work_folder(job.output).exists():  # an interrupted training has one, and may replace its own output
        check_new(job.output, job.overwrite)


def check_shots(job: ShotsJob) -> None:
    """Raises BadInput where the clip is missing, BadOutput where the list of its shots or their picture cannot be written."""
    check_source(job.input)
    assert job.output is not None
    check_folder(job.output)
    for path in (job.output, job.contact_sheet):
        if path.is_dir():
            raise BadOutput(f"{path} is a folder", todo="choose another -o")
        check_new(path, job.overwrite)


def check_export(job: ExportJob) -> None:
    """Raises BadInput where the style model is missing, BadOutput where the output cannot be written."""
    mode_of(job.model, str(job.model), "name a style model (.vstyle)")
    assert job.output is not None
    check_folder(job.output)
    check_new(job.output, job.overwrite)


def expected_output(job: Job) -> Path | None:
    """The output of a run, as far as it is certain before the input has been opened: the kind of an input is decided by its
    content, and a default output's suffix by its kind."""
    if job.output is not None:
        return job.output
    if job.input.is_dir():
        return default_output(job.input, "folder", job.styles)
    return default_output(job.input, "video", job.styles) if job.input.suffix.lower() in CONTAINERS else None


def check_new(output: Path, overwrite: bool) -> None:
    """Raises BadOutput where a file exists that may not be replaced."""
    if output.exists() and not overwrite:
        raise BadOutput(f"{output} already exists", todo="add --overwrite to replace it, or choose another -o")


def check_source(path: Path, todo: str = "name one of them", name: str = "") -> None:
    """Raises BadInput where there is no file and no folder of this name, or a folder of videos. todo: for the latter. name:
    what messages call the path."""
    if not stat.S_ISDIR(mode_of(path, name or str(path), f"name {SOURCES}")):
        return
    clips, images = clips_in(path)
    if clips and not images:
        raise BadInput(f"{path} is a folder of videos such as {clips[0].name}, not of numbered frames", todo=todo)


def clips_in(folder: Path) -> tuple[list[Path], int]:
    """The videos in a folder, in the order of their names, and the number of images, both by their suffixes.

    Raises BadInput where the folder cannot be read.
    """
    try:
        paths = sorted(path for path in folder.iterdir() if not path.name.startswith("."))
    except OSError as error:
        raise BadInput(f"{folder} cannot be read: {error.strerror}", todo=f"name {SOURCES}") from error
    images = [path for path in paths if path.suffix.lower() in (*IMAGES, *STILLS)]
    return [path for path in paths if is_film(path) or path.suffix.lower() in (".gif", ".apng")], len(images)


def check_order(job: Job) -> None:
    """Raises BadInput where a clip stands in the place of a style, or a style model in that of the input."""
    clips = [style for style in job.styles if is_film(style) or os.path.isdir(style)]
    if clips and (is_film(job.input) or os.path.isdir(job.input)):
        form = (
            f"all images in it as {clips[0]}@all" if os.path.isdir(clips[0]) else f"a frame of it as {clips[0]}@12.5s"
        )
        problem = f"{clips[0]} is no style image"
        raise BadInput(problem, todo=f"name images as styles, {form}, and further clips as --also {clips[0]}")
    if clips or is_style_model(job.input):
        clip = clips[0] if clips else job.styles[0]
        styles = [path for path in (job.input, *job.styles) if path != clip]
        line = shlex.join(["videostyle", "run", *map(str, (clip, *styles))])
        problem = f"{styles[0]} is no clip" if is_style_model(job.input) else f"{clip} is no style image"
        raise BadInput(f"{problem}, and the clip comes first: were they given the wrong way round? {line}")


def check_styles(styles: Iterable[Path], flag: str = "style") -> None:
    """Raises BadInput where a style is neither a file nor `FILE@TIME` nor `FOLDER@all`, BadOption where that has no time.

    flag: what names them, for the message.
    """
    todo = "name an image such as .jpg or .png, or a style model (.vstyle)"
    for style in styles:
        name = style_name(style)
        is_folder = stat.S_ISDIR(mode_of(name.path, f"{flag} {style}", todo))
        if name.all and not is_folder:
            raise BadInput(f"{flag} {style}: {name.path} is not a folder", todo=f"name {name.path} without @all")
        if is_folder and not name.all:
            raise BadInput(f"{flag} {style} is a folder", todo=f"name {todo[5:]}, or all its images by {name.path}@all")
        if name.time is None and is_film(style):
            raise BadInput(f"{flag} {style} is a video", todo=f"name a frame of it by its time, such as {style}@12.5s")


def check_masks(job: Job | MeasureJob, clip: Path) -> None:
    """Raises BadInput where the file of a mask or the style of a region is missing; see `check_mask` too."""
    check_mask(job.painted, clip, job.fps)
    for region in job.regions:
        check_styles([region.style])
        check_mask(region.mask, clip, job.fps, "--region")


def check_mask(mask: Mask | None, clip: Path, fps: str | None, flag: str = "--mask") -> None:
    """Raises BadInput where the file of a mask is missing, BadOption where a folder of masks is matched with frames of a film
    that --fps has picked."""
    if mask is None or mask.path is None:
        return
    check_source(mask.path, f"{flag} takes one film or folder of images", f"{flag} {mask.path}")
    if mask.path.is_dir() and fps and not clip.is_dir():
        problem = f"{flag} {mask.path} is matched with the frames by order, and --fps leaves some of them out"
        raise BadOption(problem, todo="make a film of the folder, or leave --fps out")


def check_file(flag: str, path: Path) -> None:
    """Raises BadInput where the file that an option names is missing."""
    todo = "name an existing file, or leave it out"
    if stat.S_ISDIR(mode_of(path, f"{flag} {path}", todo)):
        raise BadInput(f"{flag} {path} is a folder", todo=todo)


def is_film(path: Path) -> bool:
    """Whether the suffix is one that only videos have."""
    return path.suffix.lower() in FILMS


def mode_of(path: Path, name: str, todo: str) -> int:
    """The mode of a file or a folder, as `os.stat` has it. name, todo: for the message.

    Raises BadInput where it is missing or cannot be read, and for addresses and streams.
    """
    stream = BadInput(
        f"{name} is a stream, and a file is read more than once", todo="write it to a file first, and name that"
    )
    if str(path).startswith(STREAMS):
        raise stream
    try:
        mode = path.stat().st_mode
    except (FileNotFoundError, NotADirectoryError):
        if str(path) == "-":
            raise stream from None
        if match := ADDRESS.match(str(path)):
            if match[1] == "file:":
                raise BadInput(f"{path} is an address", todo="name the file itself, without file://") from None
            problem = f"{match[1]}//{match[2]} is an address, and only files are read"
            raise BadInput(problem, todo="download it first, such as with yt-dlp or curl, and name the file") from None
        raise BadInput(f"{name} does not exist", todo=todo) from None
    except (OSError, ValueError) as error:
        raise BadInput(f"{name} cannot be read: {getattr(error, 'strerror', error)}", todo=todo) from error
    if stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode):
        raise stream
    if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):
        raise BadInput(f"{name} is not a regular file", todo=todo)
    return mode


def check_report(flag: str, path: Path, suffixes: tuple[str, ...], overwrite: bool) -> None:
    """Refuses a report that could not be written after hours of work. Raises BadOption for its suffix, else BadOutput."""
    if path.suffix.lower() not in suffixes:
        names = " or ".join(suffixes)
        raise BadOption(f"{flag} {path} does not end in {names}", todo=f"choose a name that ends in {names}")
    check_folder(path, flag)
    if os.path.isdir(path) or (os.path.lexists(path) and not overwrite):
        raise BadOutput(f"{flag} {path} already exists", todo="add --overwrite to replace it, or choose another name")
