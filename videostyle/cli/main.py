"""The command line: a function for each command. Only this package prints and exits."""

from __future__ import annotations

import contextlib
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer

from videostyle import workflow
from videostyle.checks import check_styles
from videostyle.cli.doctor import Check, examine
from videostyle.cli.kept import stylized
from videostyle.cli.messages import counted, failure, one_line, say, say_failure, spoken, table_lines
from videostyle.cli.options import Command, CommandGroup, command
from videostyle.cli.progress import listener
from videostyle.cli.several import stylize_all
from videostyle.cli.signals import Worker, exit_now, noted_signals, result_of, signal_name, wait_or_stop
from videostyle.config import ExportJob, Job, MeasureJob, ShotsJob, TrainJob, WebcamJob, is_style_model
from videostyle.errors import BadOutput
from videostyle.sheet_job import SheetJob

if TYPE_CHECKING:
    from videostyle.reports.records import Measurement, RunReport


def open_webcam(job: WebcamJob, say: Callable[[str], None], stop: Callable[[], bool]) -> None:
    """Shows the live preview; loads OpenCV and FFmpeg after the styles have been checked."""
    check_styles(job.styles)
    from videostyle.webcam import webcam

    webcam(job, say=say, stop=stop)


def rows_on_run(*arguments: Any) -> list[tuple[str, str]]:
    """Names and values for `run --dry-run`. arguments: as for `dry_run`."""
    dry = workflow.dry_run(*arguments)
    from videostyle.rendering.dry_run import described

    return described(dry)


def user_folder() -> Path:
    """The folder of the user's own config file, such as ~/.config/videostyle."""
    from platformdirs import user_config_path

    return user_config_path("videostyle", appauthor=False)


@dataclass(frozen=True)
class Commands:
    """What the command line calls. Tests give functions of their own."""

    jobs_of: Callable[[Job], list[Job]] = workflow.jobs_of
    stylize: Callable[..., Any] = workflow.stylize
    dry_run: Callable[..., list[tuple[str, str]]] = rows_on_run
    measure_run: Callable[..., Any] = workflow.measure_run
    compare: Callable[..., None] = workflow.compare
    write_run_report: Callable[..., None] = workflow.write_run_report
    measure: Callable[..., Any] = workflow.measure
    make_sheet: Callable[..., Any] = workflow.make_sheet
    train: Callable[..., Any] = workflow.train
    list_shots: Callable[..., Any] = workflow.list_shots
    export: Callable[[ExportJob], None] = workflow.export
    webcam: Callable[[WebcamJob, Callable[[str], None], Callable[[], bool]], None] = open_webcam
    examine: Callable[[], list[Check]] = examine
    user_folder: Callable[[], Path] = user_folder


app = typer.Typer(cls=CommandGroup, pretty_exceptions_enable=False)


def main(arguments: list[str] | None = None, commands: Commands | None = None) -> NoReturn:
    """Runs one command and exits with its code: 0 done, 1 failed after the work began, 2 refused, 130 SIGINT, 143 SIGTERM."""
    try:
        code = app(arguments, prog_name="videostyle", standalone_mode=False, obj=commands or Commands()) or 0
    except typer.TyperException as error:
        context = getattr(error, "ctx", None)  # of a usage error: the command that was used wrongly
        usage = one_line(error.format_message()).rstrip(".")
        say(f"error: {usage}; see `{context.command_path if context else 'videostyle'} --help`")
        code = error.exit_code
    except Exception as error:
        code = say_failure(error)
    sys.exit(code)


def print_version(wanted: bool) -> None:
    """Prints the version and ends the program, where that is wanted."""
    if wanted:
        import videostyle

        print(f"videostyle {videostyle.__version__}")
        raise typer.Exit


@app.callback()
def videostyle_command(
    version: Annotated[
        bool, typer.Option("--version", callback=print_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    """Stylizes a video in the manner of a painting, stable over time, and keeps its sound and timing."""


@command(app, "run", Job)
def run_command(job: Job, quiet: bool, commands: Commands) -> int:
    """Stylizes INPUT in the style of one or more STYLE images.

    The result keeps the sound and the timing of a video. Ctrl-C stops at once; the same command resumes after the last
    checkpoint.
    """
    if job.dry_run:
        return run_dry(job, quiet, commands)
    if job.also:
        return run_several(job, quiet, commands)
    report = stylized(commands.stylize, job, quiet)
    if not quiet:
        say(f"{report.output}: {counted(len(report.frames), 'frame')} in {spoken(report.seconds)}")
    code = write_reports(report, job, quiet, commands)
    return code if job.compare is None else max(code, write_comparison(report, job, quiet, commands))


def write_comparison(report: RunReport, job: Job, quiet: bool, commands: Commands) -> int:
    """Writes the video of source and result; 0, or 1 where that failed: the output stands. A signal ends the program."""
    assert job.compare is not None
    file = job.compare.file
    with listener(quiet) as progress:
        worker = Worker(partial(commands.compare, job, report, progress))
        stopped_by = wait_or_stop(worker, lambda: f"the output is complete, and {file} is not written")
    if stopped_by:
        exit_now(128 + stopped_by)
    if worker.error:
        say_failure(worker.error, f"{file} could not be written; the output is complete")
        return 1
    if not quiet:
        say(f"{file}: source and result")
    return 0


def run_dry(job: Job, quiet: bool, commands: Commands) -> int:
    """Prints what a run would do, or each of several."""
    jobs = commands.jobs_of(job) if job.also else [job]
    made = job.output if job.also and job.output is not None and make_folder(job.output) else None
    try:
        for each in jobs:
            rows = result_of(partial(commands.dry_run, each), quiet, lambda: "nothing was written")
            if not quiet:
                print_rows(rows)
    finally:
        if made is not None:
            made.rmdir()
    return 0


def print_rows(rows: list[tuple[str, str]]) -> None:
    """Prints names and values as two columns."""
    width = max(len(name) for name, _ in rows)
    print("\n".join(f"{name:<{width}}  {value}" for name, value in rows))


def run_several(job: Job, quiet: bool, commands: Commands) -> int:
    """Runs a job with several clips; the folder of its results is made where it is missing."""
    jobs = commands.jobs_of(job)
    if job.output is not None:
        make_folder(job.output)
    return stylize_all(jobs, quiet, commands.stylize)


def make_folder(output: Path) -> bool:
    """Makes a folder for the results of several clips; whether it was not there. Raises BadOutput where that fails."""
    is_new = not output.exists()
    try:
        output.mkdir(exist_ok=True)
    except OSError as error:
        raise BadOutput(f"-o {output} cannot be made: {error.strerror}", todo="choose another folder") from error
    return is_new


def write_reports(report: RunReport, job: Job, quiet: bool, commands: Commands) -> int:
    """Writes every report that the job asks for. Returns 0, or 1 where one failed: the output stands.

    For a page the output is measured first, which may take a while: every other report is written before that. A signal ends
    only the measurement; the program exits with the signal's code when the pages are written.
    """
    pages = list(filter(workflow.is_page, job.report))
    others = [path for path in job.report if path not in pages]
    code = max([0, *(written(partial(commands.write_run_report, path, job, report)) for path in others)])
    if not pages:
        return code
    report, measurement, stopped_by = with_measurement(report, job, quiet, commands)
    page_codes = [written(partial(commands.write_run_report, path, job, report, measurement)) for path in pages]
    if stopped_by:
        exit_now(128 + stopped_by)
    return max(code, *page_codes)


def written(write: Callable[[], None]) -> int:
    """Writes a report; 0, or 1 where that failed."""
    try:
        write()
    except Exception as error:
        say_failure(error)
        return 1
    return 0


def with_measurement(
    report: RunReport, job: Job, quiet: bool, commands: Commands
) -> tuple[RunReport, Measurement | None, int | None]:
    """The report and the measurement of its output, and None; or the report with a notice of why there is none, None, and
    the signal that stopped it, if one did."""
    if not quiet:
        say("measuring the result for its report")
    with listener(quiet) as progress:
        worker = Worker(partial(commands.measure_run, job, report, progress))
        stopped_by = wait_or_stop(worker, lambda: "the output is complete, its report is written without a measurement")
    if stopped_by:
        why = f"stopped by {signal_name(stopped_by)}"
    elif worker.error:
        say_failure(worker.error, "the result could not be measured")
        why = failure(worker.error)[0]
    else:
        return report, worker.result, None
    return workflow.unmeasured(report, why), None, stopped_by


@command(app, "sheet", SheetJob)
def sheet_command(job: SheetJob, quiet: bool, commands: Commands) -> int:
    """Stylizes frames of INPUT in each STYLE, with each value of --vary, and shows them side by side in one picture.

    Each picture is the still that `run` makes of its frame with the same values.
    """
    report = result_of(partial(commands.make_sheet, job), quiet, lambda: "nothing was written")
    if not quiet:
        say(f"{report.output}: {counted(report.pictures, 'picture')} in {spoken(report.seconds)}")
    return 0


@command(app, "measure", MeasureJob)
def measure_command(job: MeasureJob, quiet: bool, commands: Commands) -> int:
    """Measures how stable over time OUTPUT is, and how close to the style, next to SOURCE's own figures.

    Prints a table of means; --json and --page write the figures of every frame.
    """
    measurement = result_of(partial(commands.measure, job), quiet, lambda: "nothing was written")
    if not quiet:
        print("\n".join(table_lines(measurement)))
    return 0


@command(app, "shots", ShotsJob)
def shots_command(job: ShotsJob, quiet: bool, commands: Commands) -> int:
    """Lists the shots of INPUT in a file to edit, with a picture that shows the first, the middle and the last frame of each.

    `videostyle run INPUT STYLE --shots FILE` then takes its cuts, and the options that a shot has in it.
    """
    listing = result_of(partial(commands.list_shots, job), quiet, lambda: "nothing was written")
    if not quiet:
        say(f"{listing.output}: {counted(len(listing.shots), 'shot')}, shown in {listing.contact_sheet}")
    return 0


@command(app, "webcam", WebcamJob)
def webcam_command(job: WebcamJob, quiet: bool, commands: Commands) -> int:
    """Shows a camera's picture in the style of STYLE, live.

    In its window, h lists the keys. Ctrl-C or q ends it.
    """
    code = 0
    with noted_signals() as caught:
        try:
            commands.webcam(job, (lambda line: None) if quiet else say, lambda: bool(caught))
        except Exception as error:
            code = say_failure(error)
    code = 128 + caught[0] if caught else code
    if (
        threading.active_count() > 1
    ):  # the stylizer may be inside an iteration: the interpreter's own exit would crash it
        exit_now(code)
    return code


@command(app, "train", TrainJob)
def train_command(job: TrainJob, quiet: bool, commands: Commands) -> int:
    """Trains a style model for STYLE on your own clips.

    `videostyle run INPUT FILE.vstyle` then stylizes each frame in one pass. Ctrl-C stops at once and keeps the best model.
    """
    todo = f"repeat the command to resume; {job.output} is the best model so far, if there is one"
    report = result_of(partial(commands.train, job), quiet, lambda: todo)
    if not quiet:
        loss = f"validation loss {report.best.loss:.3f}"
        say(f"{report.output}: {counted(report.steps, 'step')} in {spoken(report.seconds)}, {loss}")
    return 0


INFO = "Shows what a style model was trained on and how, or the properties of a clip, a picture or a folder of frames."


@app.command(
    "info",
    cls=Command,
    help=f"{INFO}\n\nFILE: a style model (.vstyle), a video, an image or a folder of numbered frames.",
)
def info_command(file: Annotated[Path, typer.Argument(metavar="FILE", hidden=True)]) -> int:
    """Prints the header of a style model, or what a source says of itself."""
    print_rows(rows_on_model(file) if is_style_model(file) else rows_on_source(file))
    return 0


def rows_on_model(file: Path) -> list[tuple[str, str]]:
    """Names and values for `info`. Raises BadInput."""
    from videostyle.models.model_file import described, read_style_model

    return described(read_style_model(file))


def rows_on_source(file: Path) -> list[tuple[str, str]]:
    """Names and values for `info`. Raises BadInput."""
    from videostyle.media.description import described
    from videostyle.media.sources import open_source

    with contextlib.closing(open_source(file)) as source:
        return described(source)


@command(app, "export", ExportJob)
def export_command(job: ExportJob, quiet: bool, commands: Commands) -> int:
    """Writes the network of a style model as ONNX, for other programs.

    Its input `picture` and output `painting` are float32 (1, 3, H, W), RGB from 0 to 1, H and W multiples of 4.
    """
    commands.export(job)
    if not quiet:
        say(f"{job.output}: written")
    return 0


@app.command("doctor", cls=Command)
def doctor_command(context: typer.Context) -> int:
    """Checks libraries, device, codecs and weights. Exits with 1 where something needed is missing."""
    checks: list[Check] = context.obj.examine()
    width = max(len(check.name) for check in checks)
    for check in checks:
        mark = "ok" if check.ok else "MISSING" if check.needed else "-"
        print(f"{mark:<8} {check.name:<{width}}  {check.detail}")
    return 1 if any(check.needed and not check.ok for check in checks) else 0
