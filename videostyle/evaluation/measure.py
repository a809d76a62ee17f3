"""`measure(job)`: how steady a stylized clip is, and how close it is to its style and its source.

Source and output are read side by side, the source scaled to the output's size; at most as many frames are in memory as the
longest gap between two compared frames. metrics.py has the formulas, summary.py the table of metrics.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, suppress
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import partial
from importlib.metadata import version
from itertools import chain, islice

import torch

from videostyle.analysis import ShotList, analyze
from videostyle.config import MeasureJob
from videostyle.errors import BadInput, MissingModel
from videostyle.evaluation.embedding import PACKAGE, load_embedding
from videostyle.evaluation.flow_files import FlowFolder
from videostyle.evaluation.pairs import FramePair, Measurer
from videostyle.evaluation.perceptual import PerceptualMetrics
from videostyle.evaluation.summary import floor_of, summary_of
from videostyle.events import Analyzing, Event, Progress
from videostyle.frames import SMALLEST_SIDE, Frame, Size
from videostyle.media.image_sinks import output_name
from videostyle.media.masks import MaskedClip, check_mask, open_mask
from videostyle.media.resize import fit_size
from videostyle.media.sources import AS_WRITTEN, Source, open_source, skipped_lines
from videostyle.models.devices import resolve_device
from videostyle.models.features import load_features
from videostyle.options import resolved
from videostyle.provenance import LIBRARIES, plain_options, plain_origins
from videostyle.reports.records import Measurement
from videostyle.schedules import initial
from videostyle.style_images import check_styles, in_colors_of, style_pictures
from videostyle.temporal.flow import FLOWS

GIF_ROUNDING = Fraction(1, 200)
"""Seconds by which a frame of a GIF may be early or late."""


@dataclass(frozen=True)
class Overlap:
    """The frames that source and output have in common."""

    shots: ShotList
    """The selected part of the source, with its cuts."""
    begin: int
    """Ordinal of its first frame in the output, from 0."""
    count: int
    """Number of frames in both."""


def measure(
    job: MeasureJob, progress: Callable[[Event], None] | None = None, cancel: threading.Event | None = None
) -> Measurement:
    """Measure a stylized clip against its source and style; a source measured against itself gives the floors.

    progress: called from this thread with the events of videostyle.events. cancel: may be set from any thread; measuring
    then ends with Cancelled. Raises a subclass of VideoStyleError for everything that a user can mend.
    """
    events = Progress(progress, cancel)
    if job.threads:
        torch.set_num_threads(job.threads)
    check_styles(job.styles)
    exact = None if job.flow_dir is None else FlowFolder(job.flow_dir)
    as_numbered = replace(AS_WRITTEN, gaps=job.gaps)  # an output folder has the names of its source
    with closing(open_source(job.source, job)) as source, closing(open_source(job.output, as_numbered)) as output:
        size = measured_size(output, job.size)
        overlap = overlap_of(job, source, output, events)
        check_masks(job, masked_clip(source, overlap))
        measurer = measurer_of(job, overlap, size, exact, events)
        for line in (*source.info.notices, *output.info.notices):
            events.notice(line)
        if job.colors == "clip":
            events.notice("the distances from style and content are those of gray images, because of --colors clip")
        for pair in pairs(job, source, output, overlap, size):
            measurer.push(pair)
        for line in (*skipped_lines(source), *skipped_lines(output)):
            events.notice(line)
        damaged = source.skipped + output.skipped
    frames = tuple(measurer.frames.values())
    libraries = (*LIBRARIES, "piq", *([PACKAGE] if measurer.perceptual.embed else []))
    return Measurement(
        source=job.source,
        output=job.output,
        styles=job.styles,
        size=size,
        frames=frames,
        summary=summary_of(frames),
        floor=floor_of(frames),
        skipped={**measurer.skipped, "damaged": damaged},
        options=plain_options(job),
        origins=plain_origins(job),
        versions={name: version(name) for name in libraries},
        notices=tuple(events.notices),
        pictures=tuple(measurer.samples.values()),
    )


def measured_size(output: Source, longer: int | None) -> Size:
    """The (height, width) of the measurement: the output's, scaled down to a longer side of at most `longer`.

    Raises BadInput if it is too small for the network.
    """
    own = max(output.info.size)
    height, width = fit_size(output.info.size, min(own, longer or own))
    if min(height, width) < SMALLEST_SIDE:
        raise BadInput(
            f"{output.path} is measured at {width}x{height} pixels; both sides must be {SMALLEST_SIDE} or more"
        )
    return height, width


def overlap_of(job: MeasureJob, source: Source, output: Source, events: Progress) -> Overlap:
    """Find the frames to compare; a notice says so where source and output have different counts.

    An output folder may also have frames of other runs, before or after this part. If the folder has exactly as many frames
    as the part, it starts with the part, whatever its file names are. Raises BadOption if the selected part of the source is
    empty, and BadInput if the output is.
    """
    schedules = tuple(job.schedules().values())
    shots = analyze(source, job, lambda count: events(Analyzing(count)), job.colors == "match", schedules=schedules)
    name = first_name(source, shots) if output.info.kind == "folder" else ""
    place, total = None, 0
    for total, frame in enumerate(output.frames((SMALLEST_SIDE, SMALLEST_SIDE)), 1):
        place = total - 1 if name and frame.name == name else place
        events(Analyzing(total))
    if not total:
        raise BadInput(f"no frame of {output.path} can be decoded, so there is nothing to compare with {source.path}")
    begin = 0 if place is None or total == shots.count else place
    available = total - begin
    count = min(shots.count, available)
    if begin or available != shots.count:
        from_name = f" from {name} on" if begin else ""
        # a complete output against a part of the source would be compared with the wrong frames
        unsure = place is None and shots.first and available > shots.count
        from_start = ", in OUTPUT from its first frame on" if unsure else ""
        which = (
            "each is compared with the frame of its time"
            if drops_frames(output)
            else f"the first {count} of both are measured"
        )
        events.notice(
            f"this part of {source.path} has {shots.count} frames and {output.path} has {available}{from_name}: "
            f"{which}{from_start}"
        )
    return Overlap(shots, begin, count)


def first_name(source: Source, shots: ShotList) -> str:
    """The file name that a run gives to its first frame in an output folder."""
    with closing(source.frames((SMALLEST_SIDE, SMALLEST_SIDE), shots.first)) as frames:
        return output_name(next(frames))


def measurer_of(job: MeasureJob, overlap: Overlap, size: Size, exact: FlowFolder | None, events: Progress) -> Measurer:
    """The measurer with its networks: those of the job, and the style embedding if its package is installed."""
    device = resolve_device(job.device)
    features = load_features(job.features, device, exact=True)
    pictures = [style_pictures(style) for style in job.styles]
    styles = in_colors_of(job.palette_file, chain.from_iterable(pictures))
    turns = len(pictures) if job.each_shot else 0
    embed = None
    with suppress(MissingModel):
        embed = load_embedding(torch.get_num_threads())
    perceptual = PerceptualMetrics(
        features,
        device,
        styles,
        size,
        options=job,
        gray=job.colors == "clip",
        embed=embed,
        strength=initial(job.strength),
        counts=[len(images) for images in pictures],
        region_styles=[in_colors_of(job.palette_file, style_pictures(region.style)) for region in job.regions],
    )
    return Measurer(
        shots=overlap.shots,
        count=overlap.count,
        size=size,
        flow=FLOWS[job.flow](device),
        exact=exact,
        perceptual=perceptual,
        progress=events,
        curves=resolved(MeasureJob, job.schedules(), overlap.shots.timeline, turns),
    )


def pairs(job: MeasureJob, source: Source, output: Source, overlap: Overlap, size: Size) -> Iterator[FramePair]:
    """The frames of source and output, side by side, scaled to `size`, with the masks of the job."""
    clip = masked_clip(source, overlap)
    with ExitStack() as stack:
        source_frames = stack.enter_context(closing(source.frames(size, overlap.shots.first)))
        output_frames = stack.enter_context(closing(output.frames(size, overlap.begin)))
        own = [] if job.painted is None else [stack.enter_context(closing(open_mask(job.painted, clip)))]
        regions = [stack.enter_context(closing(open_mask(region.mask, clip))) for region in job.regions]
        both = (by_time if drops_frames(output) else partial(zip, strict=False))(source_frames, output_frames)
        for frame, stylized in islice(both, overlap.count):
            mask = own[0].at(frame) if own else None
            yield FramePair(frame, stylized, mask, tuple(reader.at(frame) for reader in regions))


def check_masks(job: MeasureJob, clip: MaskedClip) -> None:
    """Raises BadInput and BadOption for a mask of the job that does not fit the clip."""
    masks = [("--mask", job.painted)] if job.painted else []
    for name, mask in (*masks, *(("--region", region.mask) for region in job.regions)):
        check_mask(mask, clip, name)


def masked_clip(source: Source, overlap: Overlap) -> MaskedClip:
    """What a mask of the source has to fit."""
    shots = overlap.shots
    return MaskedClip(
        source.path, source.info, shots.origin, shots.first, shots.times[: overlap.count], shots.transparent
    )


def drops_frames(output: Source) -> bool:
    """Whether an output may lack frames of its source in between, as a GIF does where they would be shown too briefly."""
    return output.path.suffix.lower() == ".gif"


def by_time(sources: Iterator[Frame], outputs: Iterator[Frame]) -> Iterator[tuple[Frame, Frame]]:
    """Each output frame with the source frame that comes at its time, to half of a hundredth of a second."""
    start: Fraction | None = None
    frame = next(sources, None)
    for output in outputs:
        if frame is not None and start is None:
            start = output.time - frame.time
        while frame is not None and start is not None and output.time - start - frame.time > GIF_ROUNDING:
            frame = next(sources, None)
        if frame is None:
            return
        yield frame, output
