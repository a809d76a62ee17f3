"""`measure(job)`: how steady a painted clip is, how near to its style and its source, each beside the source's own figure.

Source and output are read in lockstep, the source scaled to the output's size; as many frames are held as the longest gap
needs. metrics.py has the formulas of what is seen in the pixels; what the network sees is here.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from importlib.metadata import version
from itertools import islice

import torch

from videostyle.analysis import ShotList, analyze
from videostyle.config import Job, MeasureJob
from videostyle.errors import BadInput
from videostyle.evaluation.embedding import PACKAGE
from videostyle.evaluation.flow_files import ExactFlow
from videostyle.evaluation.pairs import FramePair, Measurer
from videostyle.evaluation.perceptual import PerceptualMetrics
from videostyle.evaluation.summary import floor_of, summary_of
from videostyle.events import Analyzing, Event, Progress
from videostyle.frames import Size
from videostyle.media.image_sinks import output_name
from videostyle.media.resize import fit_size
from videostyle.media.sources import Source, open_source, skipped_lines
from videostyle.models.vgg import SMALLEST_SIDE
from videostyle.provenance import LIBRARIES, plain_options
from videostyle.reports.records import Measurement, RunReport
from videostyle.style_images import check_styles
from videostyle.temporal.flow import FLOWS


def measure(
    job: MeasureJob, progress: Callable[[Event], None] | None = None, cancel: threading.Event | None = None
) -> Measurement:
    """Measure a painted clip against its source and style; with `source` as its output it gives the floor of both.

    progress: called with each Event of videostyle.report, from this thread. cancel: set it from anywhere to stop; Cancelled
    is then raised. Raises a child of VideoStyleError for everything a user can mend.
    """
    tell = Progress(progress, cancel)
    if job.threads:
        torch.set_num_threads(job.threads)
    check_styles(job.style)
    exact = None if job.flow_dir is None else ExactFlow(job.flow_dir)
    with closing(open_source(job.source)) as source, closing(open_source(job.output)) as output:
        size = measured_size(output, job.size)
        clip, begin, count = common_part(job, source, output, tell)
        sight = PerceptualMetrics(job, size)
        measurer = Measurer(clip, count, size, FLOWS[job.flow](sight.device), exact, sight, tell)
        for line in (*source.info.notices, *output.info.notices):
            tell.notice(line)
        if job.keep_colors:
            tell.notice("distances from style and content are those of gray pictures, as --keep-colors paints")
        for moment in moments(source, output, clip, begin, count, size):
            measurer.push(moment)
        for line in (*skipped_lines(source), *skipped_lines(output)):
            tell.notice(line)
        measurer.skipped["damaged"] = source.skipped + output.skipped
    frames = tuple(measurer.frames.values())
    return Measurement(
        source=job.source,
        output=job.output,
        styles=job.style,
        size=size,
        frames=frames,
        summary=summary_of(frames),
        floor=floor_of(frames),
        skipped=dict(measurer.skipped),
        options=plain_options(job),
        versions={name: version(name) for name in (*LIBRARIES, "piq", *([PACKAGE] if sight.embed else []))},
        notices=tuple(tell.notices),
        pictures=tuple(measurer.pictures.values()),
    )


def measure_run(
    job: Job,
    painted: RunReport,
    progress: Callable[[Event], None] | None = None,
    cancel: threading.Event | None = None,
) -> Measurement:
    """Measure what a run has just painted, as it was painted: the same part, styles and network, at the painted size.

    An output that was scaled up afterwards is measured at the smaller size: what was painted is there, and memory for
    more may be missing. Raises as `measure` does.
    """
    scaled = painted.stylized_size is not None and painted.stylized_size != painted.size
    same = ("start", "duration", "frames", "keep_colors", "style_scale", "features", "device", "threads")
    measuring = MeasureJob(
        source=job.input,
        output=painted.output,
        style=job.styles,
        size=max(painted.stylized_size) if scaled and painted.stylized_size else None,
        flow="raft" if job.flow == "raft" else "dis",
        **{name: getattr(job, name) for name in same},
    )
    return measure(measuring, progress, cancel)


def measured_size(output: Source, longer: int | None) -> Size:
    """The (height, width) that everything is measured at: the output's, its longer side at most `longer`.

    Raises BadInput where it is too small for the network.
    """
    own = max(output.info.size)
    height, width = fit_size(output.info.size, min(own, longer or own))
    if min(height, width) < SMALLEST_SIDE:
        raise BadInput(f"{output.path} is {width}x{height} pixels", f"{SMALLEST_SIDE} or more on both sides")
    return height, width


def common_part(job: MeasureJob, source: Source, output: Source, tell: Progress) -> tuple[ShotList, int, int]:
    """The part of the source that the job names, with its cuts; the output's first frame of it; how many both have.

    Raises BadOption where the part is empty and BadInput where the output is.
    """
    clip = analyze(source, job, lambda count: tell(Analyzing(count)))
    name = first_name(source, clip) if output.info.kind == "folder" else ""
    found, ended = None, 0
    for ended, frame in enumerate(output.frames((SMALLEST_SIDE, SMALLEST_SIDE)), 1):
        found = ended - 1 if name and frame.name == name else found
        tell(Analyzing(ended))
    # a folder may hold what other runs painted before this part; one of just as many frames has numbers of its own
    begin = 0 if found is None or ended == clip.count else found
    painted = ended - begin
    count = min(clip.count, painted)
    if not count:
        raise BadInput(f"{output.path} has no frame in common with {source.path}", "what was painted from it")
    if begin or painted != clip.count:
        here = f" from {name} on" if begin else ""
        # a whole output against a part of the source would be compared with the wrong frames
        where = ", OUTPUT's from its beginning on" if found is None and clip.first and painted > clip.count else ""
        tell.notice(
            f"this part of {source.path} has {clip.count} frames and {output.path} has {painted}{here}: "
            f"the first {count} of both are measured{where}"
        )
    return clip, begin, count


def first_name(source: Source, clip: ShotList) -> str:
    """The name of the clip's first frame in a folder that it was painted into."""
    with closing(source.frames((SMALLEST_SIDE, SMALLEST_SIDE), clip.first)) as frames:
        return output_name(next(frames))


def moments(source: Source, output: Source, clip: ShotList, begin: int, count: int, size: Size) -> Iterator[FramePair]:
    """The source's frames from the clip's first one on, beside the output's from `begin` on."""
    with closing(source.frames(size, clip.first)) as ours, closing(output.frames(size, begin)) as theirs:
        for own, painted in islice(zip(ours, theirs, strict=False), count):
            yield FramePair(own, painted)
