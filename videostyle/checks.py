"""What can be refused before torch, FFmpeg and OpenCV are loaded, which takes seconds: names of files.

Everything here is cheap and certain. What depends on the content of a file is checked where the file is read.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from videostyle.config import ExportJob, Job, MeasureJob, TrainJob
from videostyle.errors import BadInput, BadOption, BadOutput
from videostyle.media.containers import CONTAINERS
from videostyle.media.output_paths import check_folder, check_output, default_output, work_folder

SOURCES = "a video, an image or a folder of numbered frames"


def check_run(job: Job) -> None:
    """Raises BadInput where a file of a run is missing, BadOption and BadOutput where its output or a report cannot be."""
    for path in job.report:
        check_report("--report", path, (".json", ".html"), job.overwrite)
    check_source(job.input)
    check_styles(job.styles)
    if job.begin_with is not None:
        check_file("--begin-with", job.begin_with)
    if job.audio not in ("copy", "none"):
        check_file("--audio", Path(job.audio))
    if output := expected_output(job):
        check_output(output, job.overwrite)


def check_measure(job: MeasureJob) -> None:
    """Raises BadInput where a file of a measurement is missing, BadOption or BadOutput where its figures cannot be written."""
    for name, path, suffix in (("page", job.page, ".html"), ("json", job.json, ".json")):
        if path is not None:
            check_report(job.flag(name), path, (suffix,), job.overwrite)
    check_source(job.source)
    check_source(job.output)
    check_styles(job.styles)
    if job.flow_dir is not None and not job.flow_dir.is_dir():
        raise BadInput(f"--flow-dir {job.flow_dir} is not a folder", todo="name a folder of .flo files")


def check_train(job: TrainJob) -> None:
    """Raises BadInput where a style or a clip of a training is missing, BadOutput where its output cannot be written."""
    check_styles(job.styles)
    for path in job.on:
        check_source(path)
    assert job.output is not None
    check_folder(job.output)
    if not work_folder(job.output).exists():  # an interrupted training has one, and may replace its own output
        check_new(job.output, job.overwrite)


def check_export(job: ExportJob) -> None:
    """Raises BadInput where the style model is missing, BadOutput where the output cannot be written."""
    if not job.model.is_file():
        raise BadInput(f"{job.model} does not exist", todo="name a style model (.vstyle)")
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


def check_source(path: Path) -> None:
    """Raises BadInput where there is nothing of this name."""
    if not path.exists():
        raise BadInput(f"{path} does not exist", todo=f"name {SOURCES}")


def check_styles(styles: Iterable[Path]) -> None:
    """Raises BadInput where a style is not a file."""
    for style in styles:
        if not style.is_file():
            problem = "is not a file" if style.exists() else "does not exist"
            raise BadInput(
                f"style {style} {problem}", todo="name an image such as .jpg or .png, or a style model (.vstyle)"
            )


def check_file(flag: str, path: Path) -> None:
    """Raises BadInput where the file that an option names is missing."""
    if not path.is_file():
        raise BadInput(f"{flag} {path} does not exist", todo="name an existing file, or leave it out")


def check_report(flag: str, path: Path, suffixes: tuple[str, ...], overwrite: bool) -> None:
    """Refuses a report that could not be written after hours of work. Raises BadOption for its suffix, else BadOutput."""
    if path.suffix.lower() not in suffixes:
        names = " or ".join(suffixes)
        raise BadOption(f"{flag} {path} does not end in {names}", todo=f"choose a name that ends in {names}")
    if not path.parent.is_dir():
        raise BadOutput(f"{flag} {path}: there is no folder {path.parent}", todo="create the folder first")
    if path.is_dir() or (path.exists() and not overwrite):
        raise BadOutput(f"{flag} {path} already exists", todo="add --overwrite to replace it, or choose another name")
