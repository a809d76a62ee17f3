"""The command line: with terminal.py the only place that prints or exits. Everything heavy is imported inside the commands."""

from __future__ import annotations

import inspect
import shlex
import signal
import sys
import threading
from collections.abc import Callable
from dataclasses import fields, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import typer

from videostyle.cli.messages import check_report, counted, failure, one_line, say, say_failure, spoken, table_lines
from videostyle.cli.options import PanelCommand, argument_of, parameters_of
from videostyle.cli.progress import listener
from videostyle.cli.signals import Worker, leave, leave_after, noted_signals, result_of, wait_or_stop
from videostyle.config import ExportJob, Job, MeasureJob, TrainJob, WebcamJob

if TYPE_CHECKING:
    from videostyle.events import Event
    from videostyle.reports.records import Measurement, RunReport
    from videostyle.training.train import TrainReport

REPORTS = (".json", ".html")

# Typer names only the child; its parent is what every bad use of the command line raises.
UsageError: Any = typer.BadParameter.__mro__[1]

# Without rich's markup `--help` answers in half the time: rich alone takes 0.2 s to load on a slow machine.
app = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)


def main(arguments: list[str] | None = None) -> NoReturn:
    """Runs one command and exits with its code: 0 done, 1 failed while painting, 2 refused, 130 SIGINT, 143 SIGTERM."""
    try:
        code = app(arguments, prog_name="videostyle", standalone_mode=False) or 0
    except UsageError as error:
        command = error.ctx.command_path if error.ctx else "videostyle"
        say(f"error: {one_line(error.format_message())}; see `{command} --help`")
        code = error.exit_code
    except (typer.Abort, KeyboardInterrupt):
        code = 128 + signal.SIGINT
    except Exception as error:
        code = say_failure(error)
    sys.exit(code)


def print_version(wanted: bool) -> None:
    if wanted:
        import videostyle

        print(f"videostyle {videostyle.__version__}")
        raise typer.Exit


def print_help(context: typer.Context, wanted: bool) -> None:
    if wanted:
        print(context.get_help())
        raise typer.Exit


# Typer's own --help, when it is not given, makes typer load pydantic, which takes `run --help` over half a second.
@app.callback(add_help_option=False)
def videostyle_command(
    version: bool = typer.Option(False, "--version", callback=print_version, is_eager=True, help="Show the version."),
    help: bool = typer.Option(False, "--help", callback=print_help, is_eager=True, help="Show this message."),
) -> None:
    """Paints a clip in the style of a painting, steady over time, with its sound."""


def paint(job: Job, progress: Callable[[Event], None] | None, cancel: threading.Event) -> RunReport:
    from videostyle.rendering.run import run

    return run(job, progress=progress, cancel=cancel)


def run_command(**values: Any) -> int:
    """Paints INPUT in the style of the painting STYLE.

    The result keeps the clip's sound and timing. Ctrl-C stops at once.
    """
    quiet = values.pop("quiet")
    job = Job(**values)
    for path in job.report:
        check_report("--report", path, REPORTS, job.overwrite)
    report = result_of(partial(paint, job), quiet, "repeat the command to go on")
    if not quiet:
        say(f"{report.output}: {counted(len(report.frames), 'frame')} in {spoken(report.seconds)}")
    return write_reports(report, job, quiet)


def write_reports(report: RunReport, job: Job, quiet: bool) -> int:
    """Writes every report that the job asks for, by its suffix. Returns 0, or 1 where one failed: the painting stands.

    For a page the output is measured first, which may take a while: every other report is written before that. A signal
    ends the measurement only; the program exits, as it says, when the pages are written.
    """
    pages = [path for path in job.report if path.suffix.lower() == ".html"]
    others = [path for path in job.report if path not in pages]
    code = max([0, *(written(path, partial(write_json, report)) for path in others)])
    if not pages:
        return code
    report, measurement, stopped_by = with_measurement(report, job, quiet)
    code = max([code, *(written(path, partial(write_run_page, report, measurement, job)) for path in pages)])
    if stopped_by:
        leave_after(stopped_by)
    return code


def written(path: Path, write: Callable[[Path], None]) -> int:
    """Has a report written; 0, or 1 where that failed."""
    try:
        write(path)
    except Exception as error:
        say_failure(error)
        return 1
    return 0


def write_json(report: RunReport, path: Path) -> None:
    from videostyle.reports.json import write_report

    write_report(report, path)


def write_run_page(report: RunReport, measurement: Measurement | None, job: Job, path: Path) -> None:
    from videostyle.reports.page import write_page

    title = f"{job.input.name} in the style of {', '.join(style.name for style in job.styles)}"
    write_page(path, title=title, run=report, measurement=measurement, command=command_of("run", job))


def with_measurement(report: RunReport, job: Job, quiet: bool) -> tuple[RunReport, Measurement | None, int | None]:
    """The run with what was measured of its output; else with a notice that says why not. Last, the signal that stopped it."""
    if not quiet:
        say("measuring the result for its report")
    with listener(quiet) as progress:
        worker = Worker(partial(measured_run, report, job, progress))
        stopped_by = wait_or_stop(worker, "the painting is done, its report goes without a measurement")
    if stopped_by:
        why = f"stopped by {signal.Signals(stopped_by).name}"
    elif worker.error:
        say_failure(worker.error, "the result could not be measured")
        why = one_line(failure(worker.error)[0])
    else:
        return report, worker.report, None
    return replace(report, notices=(*report.notices, f"the result was not measured: {why}")), None, stopped_by


def measured_run(
    report: RunReport, job: Job, progress: Callable[[Event], None] | None, cancel: threading.Event
) -> Measurement:
    from videostyle.evaluation.measure import measure_run
    from videostyle.events import Notice

    def tell_news(event: Event) -> None:
        if progress and not (isinstance(event, Notice) and event.text in report.notices):
            progress(event)

    return measure_run(job, report, tell_news, cancel)


def command_of(command: str, job: Job | MeasureJob) -> str:
    """The line for a POSIX shell that does this job again: its arguments, and what differs from the defaults."""
    words = ["videostyle", command]
    for each in fields(job):
        value = getattr(job, each.name)
        values = value if isinstance(value, tuple) else (value,)
        if not each.metadata:
            words += map(str, values)
        elif value != each.default:
            flag = "--" + each.name.replace("_", "-")
            words += [flag] if value is True else [word for one in values for word in (flag, str(one))]
    return shlex.join(words)


# Typer reads a command's parameters from its signature.
run_command.__signature__ = inspect.Signature(parameters_of(Job))  # type: ignore[attr-defined]

app.command("run", cls=PanelCommand)(run_command)


def measured(job: MeasureJob, progress: Callable[[Event], None] | None, cancel: threading.Event) -> Measurement:
    from videostyle.evaluation.measure import measure

    return measure(job, progress=progress, cancel=cancel)


def write_figures(measurement: Measurement, job: MeasureJob) -> None:
    if job.json:
        from videostyle.reports.json import write_measurement

        write_measurement(measurement, job.json)
    if job.page:
        from videostyle.reports.page import write_page

        title = f"{job.output.name} beside {job.source.name}"
        write_page(job.page, title=title, measurement=measurement, command=command_of("measure", job))


def measure_command(**values: Any) -> int:
    """Measures how steady OUTPUT is, and how near to the style, beside SOURCE's own figures.

    Prints a table of means; --json and -o have every frame.
    """
    quiet = values.pop("quiet")
    job = MeasureJob(**values)
    for flag, path, suffix in (("--page", job.page, ".html"), ("--json", job.json, ".json")):
        if path is not None:
            check_report(flag, path, (suffix,), job.overwrite)
    measurement = result_of(partial(measured, job), quiet, "nothing was written")
    write_figures(measurement, job)
    if not quiet:
        print("\n".join(table_lines(measurement)))
    return 0


measure_command.__signature__ = inspect.Signature(parameters_of(MeasureJob))  # type: ignore[attr-defined]

app.command("measure", cls=PanelCommand)(measure_command)


def webcam_command(**values: Any) -> int:
    """Shows a camera painted in the style of STYLE, live.

    The window's keys: h lists them. Ctrl-C or q ends it.
    """
    quiet = values.pop("quiet")
    job = WebcamJob(**values)
    from videostyle.webcam import webcam

    code = 0
    with noted_signals() as caught:
        try:
            webcam(job, say=(lambda line: None) if quiet else say, stop=lambda: bool(caught))
        except Exception as error:
            code = say_failure(error)
    code = 128 + caught[0] if caught else code
    if threading.active_count() > 1:  # the painter may be inside an iteration: Python's own end would crash there
        leave(code)
    return code


webcam_command.__signature__ = inspect.Signature(parameters_of(WebcamJob))  # type: ignore[attr-defined]

app.command("webcam", cls=PanelCommand)(webcam_command)


def trained(job: TrainJob, progress: Callable[[Event], None] | None, cancel: threading.Event) -> TrainReport:
    from videostyle.training.train import train

    return train(job, progress=progress, cancel=cancel)


def train_command(**values: Any) -> int:
    """Has a small network learn the painting STYLE on your own clips.

    `videostyle run INPUT FILE.vstyle` then paints each frame at once. Ctrl-C stops at once; the best network so far is kept.
    """
    quiet = values.pop("quiet")
    job = TrainJob(**values)
    report = result_of(
        partial(trained, job), quiet, f"repeat the command to go on; {job.output} holds the best so far, if any"
    )
    if not quiet:
        loss = f"validation loss {report.best.loss:.3f}"
        say(f"{report.output}: {counted(report.steps, 'step')} in {spoken(report.seconds)}, {loss}")
    return 0


train_command.__signature__ = inspect.Signature(parameters_of(TrainJob))  # type: ignore[attr-defined]

app.command("train", cls=PanelCommand)(train_command)


@app.command("info")
def info_command(file: Path = argument_of("learned")) -> int:  # noqa: B008
    """Shows what a learned painting was learned from, and how."""
    from videostyle.models.model_file import described, read_style_file

    rows = described(read_style_file(file))
    width = max(len(name) for name, _ in rows)
    print("\n".join(f"{name:<{width}}  {value}" for name, value in rows))
    return 0


def export_command(**values: Any) -> int:
    """Writes the network of a learned painting as ONNX, for other programs.

    Its input `picture` and output `painting` are float32 (1, 3, H, W), RGB from 0 to 1, H and W multiples of 4.
    """
    quiet = values.pop("quiet")
    job = ExportJob(**values)
    from videostyle.training.onnx_export import export

    export(job)
    if not quiet:
        say(f"{job.output}: written")
    return 0


export_command.__signature__ = inspect.Signature(parameters_of(ExportJob))  # type: ignore[attr-defined]

app.command("export", cls=PanelCommand)(export_command)


@app.command("doctor")
def doctor_command() -> int:
    """Checks what painting needs: libraries, device, codecs, weights. Exits with 1 where something is missing."""
    from videostyle.cli.doctor import examine

    checks = examine()
    width = max(len(check.name) for check in checks)
    for check in checks:
        mark = "ok" if check.ok else "MISSING" if check.needed else "-"
        print(f"{mark:<8} {check.name:<{width}}  {check.detail}")
    return 1 if any(check.needed and not check.ok for check in checks) else 0
