"""What the commands do, for Python and for the command line: checks, then training, rendering or measuring, then reports.

This is the only module that joins the commands. It imports them inside its functions, after the checks: loading torch and
FFmpeg takes seconds, and what can be refused without them is refused at once.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from videostyle.checks import (
    check_export,
    check_jobs,
    check_measure,
    check_run,
    check_sheet,
    check_shots,
    check_train,
    clips_of,
    is_film,
)
from videostyle.config import MODEL_SUFFIX, ExportJob, Job, MeasureJob, ShotsJob, TrainJob
from videostyle.errors import RunFailed
from videostyle.media.output_paths import default_output
from videostyle.options import command_line, default_of, options_of, shared_options
from videostyle.sheet_job import SheetJob
from videostyle.threads import choose_waiting_policy

if TYPE_CHECKING:
    import threading

    from videostyle.events import Event, Progress
    from videostyle.rendering.dry_run import DryRun
    from videostyle.rendering.plan import RunPlan
    from videostyle.reports.records import Measurement, RunReport
    from videostyle.sheet import SheetReport
    from videostyle.shots.listing import ShotListing
    from videostyle.training.train import TrainReport

OnEvent = Callable[["Event"], None]


def run(job: Job, progress: OnEvent | None = None, cancel: threading.Event | None = None) -> RunReport:
    """Stylize a video, an image or a folder of frames, and write the reports that the job asks for.

    The output appears under its name when all of it is done. For a report as a page, the output is measured afterwards; where
    that fails or is cancelled, the reports are written without a measurement, and a notice says so.

    progress: called with every event of videostyle.events, in this thread. cancel: set it from any thread to stop; Cancelled
    is raised then. Raises a child of VideoStyleError for everything that a user can fix. A refused run leaves nothing behind;
    one that fails later leaves its work folder, from which the same job resumes. RunFailed is also raised where the output is
    complete and a report could not be written. The comparison that the job asks for is made last.
    """
    report = stylize(job, progress, cancel)
    failed = _write_reports([path for path in job.report if not is_page(path)], job, report, None)
    measurement = None
    if any(map(is_page, job.report)):
        try:
            measurement = measure_run(job, report, progress, cancel)
        except Exception as error:
            report = unmeasured(report, str(error) or type(error).__name__)
    failed += _write_reports(filter(is_page, job.report), job, report, measurement)
    if failed:
        raise RunFailed(f"{report.output} is complete, but not every report could be written: {'; '.join(failed)}")
    if job.compare is not None:
        compare(job, report, progress, cancel)
    return report


def compare(
    job: Job, report: RunReport, progress: OnEvent | None = None, cancel: threading.Event | None = None
) -> None:
    """Write the video of source and result that a job asks for, from the finished result.

    Raises as `run` does; the result stands, whatever happens here.
    """
    assert job.compare is not None
    from videostyle.events import Comparing, Progress
    from videostyle.media.comparison import Stylized, write_comparison
    from videostyle.option_groups import ReadingOptions, TrackOptions

    events, count = Progress(_unless_said(report.notices, progress), cancel), len(report.frames)
    stylized = Stylized(
        source=job.input,
        reading=job.group(ReadingOptions),
        output=report.output,
        size=report.size,
        first=report.frames[0].index,
        times=tuple(frame.time for frame in report.frames),
        trim=report.trim,
        tracks=job.group(TrackOptions),
    )
    for line in write_comparison(job.compare, stylized, lambda done: events(Comparing(done, count, done / count))):
        events.notice(line)


def jobs_of(job: Job) -> list[Job]:
    """A job with several clips (--also) as a job for each clip, in order, with its own output.

    The results lie in the folder that `output` names, or else beside their clips, under the default names. Of a folder of
    videos, those that are results of others in it are left out. Raises BadInput, BadOption and BadOutput for everything that
    can be refused before the first run.
    """
    jobs = [replace(job, input=clip, output=_result_of(clip, job), also=(), frames_out=False) for clip in clips_of(job)]
    named, results = {job.input, *job.also}, {os.path.abspath(str(each.output)) for each in jobs}
    jobs = [each for each in jobs if each.input in named or os.path.abspath(each.input) not in results]
    check_jobs(jobs, named)
    return jobs


def _result_of(clip: Path, job: Job) -> Path:
    """The output of one of several clips."""
    kind = "folder" if os.path.isdir(clip) else "video"
    if kind == "video" and not is_film(clip):
        from videostyle.media.images import kind_of

        kind = "image" if kind_of(clip) == "image" else "video"
    if job.frames_out and kind != "folder":
        clip, kind = clip.with_suffix(""), "folder"
    output = default_output(clip, kind, job.styles)
    return output if job.output is None else job.output / output.name


def stylize(job: Job, progress: OnEvent | None = None, cancel: threading.Event | None = None) -> RunReport:
    """Do a run without its reports: train a style model first if the job says so, then render."""
    check_run(job)
    choose_waiting_policy()
    from videostyle.events import Progress
    from videostyle.provenance import plain_options
    from videostyle.rendering.run import render

    began = time.monotonic()
    reporter = Progress(progress, cancel)
    if job.style_model is not None or job.engine != "learned":
        return render(job, reporter)
    trained = _with_trained_model(job, reporter)
    training_seconds = time.monotonic() - began
    report = render(trained, reporter)
    return replace(report, seconds=report.seconds + training_seconds, options=plain_options(job))


def dry_run(job: Job, progress: OnEvent | None = None, cancel: threading.Event | None = None) -> DryRun:
    """What a run would do: its plan, its shots and its work. Nothing is stylized or trained, and no file is left.

    progress, cancel: as for `run`. Raises what `run` raises before its first frame.
    """
    job = replace(job, dry_run=False)
    check_run(job)
    choose_waiting_policy()
    from videostyle.events import Progress
    from videostyle.rendering.run import dry_run as dry_run_of
    from videostyle.training.engine import training_of

    reporter = Progress(progress, cancel)
    if job.style_model is not None or job.engine != "learned":
        return dry_run_of(job, reporter)
    plan = _resolved(job, reporter)
    model = plan.output.with_suffix(MODEL_SUFFIX)
    training = training_of(job, model, plan.size, reporter)
    ready = job if training else job.with_style_model(model)
    return dry_run_of(replace(ready, output=plan.output), reporter, training)


def _with_trained_model(job: Job, progress: Progress) -> Job:
    """The job with a style model that is trained on its input, now or before."""
    from videostyle.training.engine import with_style_model

    plan = _resolved(job, progress)
    trained = with_style_model(job, plan.output, plan.size, progress)
    return replace(trained, output=plan.output)  # its default name would be the style model's


def _resolved(job: Job, progress: Progress) -> RunPlan:
    """The plan of a job, made for its own sake."""
    from contextlib import closing

    from videostyle.media.sources import open_source
    from videostyle.rendering.plan import resolve

    with closing(open_source(job.input, job)) as source:
        return resolve(job, source.info, progress.notice)


def measure_run(
    job: Job, report: RunReport, progress: OnEvent | None = None, cancel: threading.Event | None = None
) -> Measurement:
    """Measure what a run has just written, as it was stylized: the same part, styles and network.

    An output that was scaled up afterwards is measured at the smaller size: its detail is there, and memory for more may be
    missing. Notices of the run are not repeated. Raises as `measure` does.
    """
    from videostyle.evaluation.measure import measure as measure_job

    scaled = report.stylized_size not in (None, report.size)
    own = {
        "source": job.input,
        "output": report.output,
        "size": max(report.stylized_size) if scaled and report.stylized_size else None,
        "flow": job.flow if job.flow in options_of(MeasureJob)["flow"].choices else default_of(MeasureJob, "flow"),
        "overwrite": False,
    }
    return measure_job(
        MeasureJob(**shared_options(job, MeasureJob) | own), _unless_said(report.notices, progress), cancel
    )


def unmeasured(report: RunReport, why: str) -> RunReport:
    """The report of a run with a notice that its output was not measured."""
    return replace(report, notices=(*report.notices, f"the result was not measured: {' '.join(why.split())}"))


def is_page(path: Path) -> bool:
    """Whether a report is a page rather than JSON, by its suffix. For a page the output is measured."""
    return path.suffix.lower() == ".html"


def write_run_report(path: Path, job: Job, report: RunReport, measurement: Measurement | None = None) -> None:
    """Write one report of a run, as its suffix says. Raises OSError where that fails."""
    if not is_page(path):
        from videostyle.reports.json import write_report

        write_report(report, path)
        return
    from videostyle.reports.page import write_page

    title = f"{job.input.name} in the style of {', '.join(style.name for style in job.styles)}"
    write_page(path, title=title, run=report, measurement=measurement, command=command_line("run", job))


def measure(job: MeasureJob, progress: OnEvent | None = None, cancel: threading.Event | None = None) -> Measurement:
    """Measure a stylized clip against its source and its style, and write the page and the JSON that the job asks for.

    The source as its own output gives the floor of every figure. progress, cancel and errors: as for `run`.
    """
    check_measure(job)
    choose_waiting_policy()
    from videostyle.evaluation.measure import measure as measure_job

    measurement = measure_job(job, progress, cancel)
    if job.json:
        from videostyle.reports.json import write_measurement

        write_measurement(measurement, job.json)
    if job.page:
        from videostyle.reports.page import write_page

        title = f"{job.output.name} beside {job.source.name}"
        write_page(job.page, title=title, measurement=measurement, command=command_line("measure", job))
    return measurement


def make_sheet(job: SheetJob, progress: OnEvent | None = None, cancel: threading.Event | None = None) -> SheetReport:
    """Stylize frames in several styles and with several values, and write them as one labelled picture.

    progress, cancel and errors: as for `run`. Nothing is written before all pictures are done.
    """
    check_sheet(job)
    choose_waiting_policy()
    from videostyle.events import Progress
    from videostyle.sheet import make_sheet as make

    return make(job, Progress(progress, cancel))


def train(job: TrainJob, progress: OnEvent | None = None, cancel: threading.Event | None = None) -> TrainReport:
    """Train a style model. From the first validation on, the best network so far is in the output.

    progress, cancel and errors: as for `run`. A cancelled training is continued by the same job.
    """
    check_train(job)
    choose_waiting_policy()
    from videostyle.training.train import train as train_job

    return train_job(job, progress, cancel)


def list_shots(job: ShotsJob, progress: OnEvent | None = None, cancel: threading.Event | None = None) -> ShotListing:
    """Find the shots of a clip, and write their list and a picture of them. progress, cancel and errors: as for `run`."""
    check_shots(job)
    from videostyle.shots.listing import list_shots as list_shots_of_job

    return list_shots_of_job(job, progress, cancel)


def export(job: ExportJob) -> None:
    """Write the network of a style model as ONNX. Raises a child of VideoStyleError for everything that a user can fix."""
    check_export(job)
    from videostyle.training.onnx_export import export as export_job

    export_job(job)


def _write_reports(paths: Iterable[Path], job: Job, report: RunReport, measurement: Measurement | None) -> list[str]:
    """Write every report that can be written; what failed, in words."""
    failed = []
    for path in paths:
        try:
            write_run_report(path, job, report, measurement)
        except OSError as error:
            failed.append(f"{path}: {error.strerror or error}")
    return failed


def _unless_said(notices: tuple[str, ...], progress: OnEvent | None) -> OnEvent | None:
    """Passes events on, without notices that an earlier stage has given."""
    from videostyle.events import Notice

    if progress is None:
        return None
    return lambda event: None if isinstance(event, Notice) and event.text in notices else progress(event)
