"""`measure(job)`: how steady a painted clip is, how near to its style and its source, each beside the source's own figure.

Source and output are read in lockstep, the source scaled to the output's size; as many frames are held as the longest gap
needs. metrics.py has the formulas of what is seen in the pixels; what the network sees is here.
"""

from __future__ import annotations

import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass, replace
from importlib.metadata import version
from itertools import islice

import numpy as np
import piq
import torch

from videostyle import metrics
from videostyle.choices import check_styles, choose_device
from videostyle.config import Job, MeasureJob
from videostyle.errors import BadInput, MissingModel
from videostyle.frames import Frame, Size
from videostyle.media.images import frame_number, to_bits
from videostyle.media.sinks import painted_name
from videostyle.media.sources import Source, fit_size, open_source
from videostyle.models.embedding import PACKAGE, Embed, embedding_distance, load_embedding
from videostyle.models.features import CONTENT_LAYERS, SMALLEST_SIDE, STYLE_LAYERS, VGG19Features, load_features
from videostyle.pipeline import LIBRARIES, Telling, plain_options, skipped_lines
from videostyle.report import Counting, Event, FrameMeasure, Measurement, Measuring, Pictured, RunReport
from videostyle.scan import Clip, scan
from videostyle.stylefile import style_pictures
from videostyle.stylizers.colors import luminance
from videostyle.stylizers.losses import StyleTargets, content_distance, gram, relative_distance
from videostyle.stylizers.optimize import to_tensor
from videostyle.temporal.exact import ExactFlow
from videostyle.temporal.flow import FLOWS, Flow, gain_match

GAPS = (1, 10)  # frames between the two that are compared
MOST_SEEN = 24  # frames shown to the network, which takes far longer than all else; evenly spaced
PICTURED = 3


@dataclass(frozen=True)
class Moment:
    """A source frame and the output frame painted from it, of one size."""

    source: Frame
    output: Frame


def measure(
    job: MeasureJob, progress: Callable[[Event], None] | None = None, cancel: threading.Event | None = None
) -> Measurement:
    """Measure a painted clip against its source and style; with `source` as its output it gives the floor of both.

    progress: called with each Event of videostyle.report, from this thread. cancel: set it from anywhere to stop; Cancelled
    is then raised. Raises a child of VideoStyleError for everything a user can mend.
    """
    tell = Telling(progress, cancel)
    if job.threads:
        torch.set_num_threads(job.threads)
    check_styles(job.style)
    exact = None if job.flow_dir is None else ExactFlow(job.flow_dir)
    with closing(open_source(job.source)) as source, closing(open_source(job.output)) as output:
        size = measured_size(output, job.size)
        clip, begin, count = common_part(job, source, output, tell)
        sight = Sight(job, size)
        measurer = Measurer(clip, count, size, FLOWS[job.flow](sight.device), exact, sight, tell)
        for line in (*source.info.notices, *output.info.notices):
            tell.notice(line)
        if job.keep_colors:
            tell.notice("distances from style and content are those of grey pictures, as --keep-colors paints")
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
    scaled = painted.painted_size is not None and painted.painted_size != painted.size
    same = ("start", "duration", "frames", "keep_colors", "style_scale", "features", "device", "threads")
    measuring = MeasureJob(
        source=job.input,
        output=painted.output,
        style=job.styles,
        size=max(painted.painted_size) if scaled and painted.painted_size else None,
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


def common_part(job: MeasureJob, source: Source, output: Source, tell: Telling) -> tuple[Clip, int, int]:
    """The part of the source that the job names, with its cuts; the output's first frame of it; how many both have.

    Raises BadOption where the part is empty and BadInput where the output is.
    """
    clip = scan(source, job, lambda count: tell(Counting(count)))
    name = first_name(source, clip) if output.info.kind == "folder" else ""
    found, ended = None, 0
    for ended, frame in enumerate(output.frames((SMALLEST_SIDE, SMALLEST_SIDE)), 1):
        found = ended - 1 if name and frame.name == name else found
        tell(Counting(ended))
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


def first_name(source: Source, clip: Clip) -> str:
    """The name of the clip's first frame in a folder that it was painted into."""
    with closing(source.frames((SMALLEST_SIDE, SMALLEST_SIDE), clip.first)) as frames:
        return painted_name(next(frames))


def moments(source: Source, output: Source, clip: Clip, begin: int, count: int, size: Size) -> Iterator[Moment]:
    """The source's frames from the clip's first one on, beside the output's from `begin` on."""
    with closing(source.frames(size, clip.first)) as ours, closing(output.frames(size, begin)) as theirs:
        for own, painted in islice(zip(ours, theirs, strict=False), count):
            yield Moment(own, painted)


def spread(count: int, most: int) -> list[int]:
    """At most `most` of the numbers below `count`, evenly spaced, the first and the last among them."""
    chosen = min(count, most)
    return sorted({round(each) for each in np.linspace(0, count - 1, chosen)})


def as_float(image: np.ndarray) -> np.ndarray:
    """uint8 or uint16 as float32 in [0, 1]."""
    return image.astype(np.float32) / np.float32(np.iinfo(image.dtype).max)


# --- what the network sees ----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Seen:
    """Relative distances of one frame: gram, gram_layers and embedding from the style, content from the source; those that
    begin with source_ are the source's own from the style. The embedding is None where its network is absent."""

    gram: float
    gram_layers: dict[str, float]
    content: float
    source_gram: float
    embedding: float | None
    source_embedding: float | None


class Sight:
    """The networks, and what they see of the styles. size: (height, width) of the frames. Raises BadInput, MissingModel.

    With keep_colors they see grey pictures of all, as the painter did: the painting's colours were no target.
    embed: None where the package of the style embedding is not installed.
    """

    def __init__(self, job: MeasureJob, size: Size):
        self.device, self.grey = choose_device(job), job.keep_colors
        self.extract: VGG19Features = load_features(job.features, self.device, exact=True)
        pictures = [self._shown(picture) for path in job.style for picture in style_pictures(path)]
        self.styles = StyleTargets(self.extract, [self._tensor(each) for each in pictures], job.style_scale).at(size)
        self.embed: Embed | None = None
        with suppress(MissingModel):
            self.embed = load_embedding(torch.get_num_threads())
        self.vectors = [self.embed(to_bits(each, 8)) for each in pictures] if self.embed else []

    @torch.no_grad()
    def of(self, moment: Moment) -> Seen:
        """How far a painted frame is from style and source."""
        pictures = [self._shown(each.image) for each in (moment.output, moment.source)]
        painted, source = (self.extract(self._tensor(each)) for each in pictures)
        layers, own = self._gram_distances(painted), self._gram_distances(source)
        target = {layer: source[layer] for layer in CONTENT_LAYERS}
        content = float(content_distance(painted, target))
        return Seen(
            gram=float(np.mean(list(layers.values()))),
            gram_layers=layers,
            content=content,
            source_gram=float(np.mean(list(own.values()))),
            embedding=self._embedding_distance(pictures[0]),
            source_embedding=self._embedding_distance(pictures[1]),
        )

    def _shown(self, image: np.ndarray) -> np.ndarray:
        return luminance(image) if self.grey else image

    def _tensor(self, image: np.ndarray) -> torch.Tensor:
        return to_tensor(image, self.device)

    def _embedding_distance(self, image: np.ndarray) -> float | None:
        return embedding_distance(self.embed(to_bits(image, 8)), self.vectors) if self.embed else None

    def _gram_distances(self, features: dict[str, torch.Tensor]) -> dict[str, float]:
        """By layer, |G(x) - G(s)|^2 / |G(s)|^2, the mean over the styles s."""
        distances = {}
        for layer in STYLE_LAYERS:
            found = gram(features[layer])
            distances[layer] = float(np.mean([float(relative_distance(found, each[layer])) for each in self.styles]))
        return distances


def similarity(source: np.ndarray, output: np.ndarray) -> float:
    """SSIM of two grey pictures (H, W) in [0, 1] (Wang et al. 2004, doi 10.1109/TIP.2003.819861), by piq.

    As in the authors' code, a picture whose shorter side is well above 256 is averaged down to about that first.
    """
    first, second = (torch.from_numpy(each)[None, None].clamp(0, 1) for each in (source, output))
    return float(piq.ssim(first, second, data_range=1.0))


# --- frame by frame -----------------------------------------------------------------------------------------------


class Measurer:
    """Takes the moments of a clip in order; has a record of each, the pictures to look at, and what was skipped, and why.

    exact: flow that is known, in place of the estimated one for the warp error. Raises BadInput where it does not fit.
    """

    def __init__(
        self, clip: Clip, count: int, size: Size, flow: Flow, exact: ExactFlow | None, sight: Sight, tell: Telling
    ):
        self.clip, self.count, self.size, self.flow, self.exact = clip, count, size, flow, exact
        self.sight, self.tell = sight, tell
        self.gaps = GAPS if exact is None else GAPS[:1]
        self.recent: deque[Moment] = deque(maxlen=max(self.gaps) + 1)
        self.frames: dict[int, FrameMeasure] = {}
        self.pictures: dict[int, Pictured] = {}
        self.skipped: Counter[str] = Counter()
        self.seen = {clip.first + each for each in spread(count, MOST_SEEN)}
        # with exact flow the last frame, else the first one, has no error to show
        shift = 0 if exact else min(1, count - 1)
        self.pictured = {clip.first + shift + each for each in spread(max(1, count - 1), PICTURED)}
        self.began = time.monotonic()

    def push(self, moment: Moment) -> None:
        """Measure a frame alone and against the earlier ones."""
        index = moment.source.index
        self.frames[index] = self._alone(moment)
        if index in self.pictured:
            source, output = (to_bits(each.image, 8) for each in (moment.source, moment.output))
            self.pictures[index] = Pictured(index, source, output, None)
        self.recent.append(moment)
        self._check_times()
        for gap in self.gaps:
            if len(self.recent) > gap:
                self._compare(gap, moment, self.recent[-1 - gap])
        done, spent = len(self.frames), time.monotonic() - self.began
        self.tell(Measuring(done, self.count, done / self.count, spent / done * (self.count - done)))

    def _alone(self, moment: Moment) -> FrameMeasure:
        source, output = (metrics.luminance(as_float(each.image)) for each in (moment.source, moment.output))
        seen = self.sight.of(moment) if moment.source.index in self.seen else None
        return FrameMeasure(
            index=moment.source.index,
            time=moment.source.time,
            shot=self.clip.shot_of(moment.source.index),
            warp=dict.fromkeys(GAPS),
            floor=dict.fromkeys(GAPS),
            all_pixel=None,
            tof=None,
            flicker=None,
            flicker_floor=None,
            untrusted=1.0,
            gram=seen.gram if seen else None,
            gram_layers=seen.gram_layers if seen else None,
            content=seen.content if seen else None,
            ssim=similarity(source, output),
            sharpness=metrics.sharpness(output),
            luminance=metrics.brightness(output),
            contrast=metrics.contrast(output),
            source_luminance=metrics.brightness(source),
            source_contrast=metrics.contrast(source),
            source_sharpness=metrics.sharpness(source),
            source_gram=seen.source_gram if seen else None,
            embedding=seen.embedding if seen else None,
            source_embedding=seen.source_embedding if seen else None,
        )

    def _compare(self, gap: int, now: Moment, earlier: Moment) -> None:
        if self.clip.shot_of(now.source.index) != self.clip.shot_of(earlier.source.index):
            self.skipped[f"cut_{gap}"] += 1
            return
        current = to_bits(now.source.image, 8)
        previous = gain_match(to_bits(earlier.source.image, 8), current)
        back = self.flow(current, previous)
        if gap == GAPS[0]:
            self._compare_unmoved(now, earlier, back)
        if self.exact is None:
            self._judge(gap, now, earlier, back, metrics.visible(back, self.flow(previous, current)))
        else:
            self._judge_exactly(self.exact, now, earlier)

    def _judge_exactly(self, exact: ExactFlow, now: Moment, earlier: Moment) -> None:
        """The file's flow goes forward, so that the error is the earlier frame's and its source of truth is the later."""
        name = earlier.source.name
        known = exact.after(frame_number(name) if name else earlier.source.index + 1, self.size)
        if known is None:
            self.skipped["no_flow"] += 1
            return
        if known.size != self.size:
            (height, width), (h, w) = known.size, self.size
            self.tell.notice(f"the exact flow is scaled from {width}x{height} to the output's {w}x{h} pixels")
        if not known.maps:
            self.tell.notice("where no map of occlusions is given, what the next frame hides counts as an error")
        self._judge(GAPS[0], earlier, now, known.flow, known.mask)

    def _judge(self, gap: int, here: Moment, there: Moment, flow: np.ndarray, mask: np.ndarray) -> None:
        """The warp error at `here`, along the flow from here to there."""
        index = here.source.index
        painted = metrics.warp_difference(as_float(here.output.image), as_float(there.output.image), flow)
        source = metrics.warp_difference(as_float(here.source.image), as_float(there.source.image), flow)
        error, floor = (metrics.warp_error(each, mask) for each in (painted, source))
        if error is None:
            self.skipped[f"empty_{gap}"] += 1
        frame = self.frames[index]
        frame = replace(frame, warp={**frame.warp, gap: error}, floor={**frame.floor, gap: floor})
        if gap == GAPS[0]:
            whole, whole_floor = (metrics.all_pixel_error(each, mask) for each in (painted, source))
            left_out = 1.0 - float(mask.mean())
            frame = replace(frame, all_pixel=whole, all_pixel_floor=whole_floor, untrusted=left_out)
            if index in self.pictures:
                self.pictures[index] = replace(self.pictures[index], heat=metrics.heat(painted, mask))
        self.frames[index] = frame

    def _compare_unmoved(self, now: Moment, earlier: Moment, back: np.ndarray) -> None:
        """tOF, and the flicker of what is still. back: the source's flow to the earlier frame."""
        output = to_bits(now.output.image, 8)
        painted = self.flow(output, gain_match(to_bits(earlier.output.image, 8), output))
        current, previous = as_float(now.source.image), as_float(earlier.source.image)
        mask = metrics.still(back, current, previous)
        flickering = metrics.flicker(as_float(now.output.image), as_float(earlier.output.image), mask)
        if flickering is None:
            self.skipped["moving"] += 1
        self.frames[now.source.index] = replace(
            self.frames[now.source.index],
            tof=metrics.flow_difference(back, painted),
            flicker=flickering,
            flicker_floor=metrics.flicker(current, previous, mask),
        )

    def _check_times(self) -> None:
        """A notice where the output does not keep the source's pace: it was painted from another part, or another clip."""
        if len(self.recent) < 2:
            return
        before, now = self.recent[-2], self.recent[-1]
        own, painted = now.source.time - before.source.time, now.output.time - before.output.time
        if not now.source.name and not now.output.name and abs(own - painted) > own / 2:
            self.tell.notice("the output's frames do not keep the source's times: is it painted from this part of it?")


# --- averages -----------------------------------------------------------------------------------------------------

Figure = Callable[[FrameMeasure], float | None]


def gram_at(layer: str) -> Figure:
    return lambda each: None if each.gram_layers is None else each.gram_layers[layer]


# the output's figure of each metric, and the source's own, None where it has none or is what is compared with
METRICS: dict[str, tuple[Figure, Figure]] = {
    "warp_1": (lambda each: each.warp[1], lambda each: each.floor[1]),
    "warp_10": (lambda each: each.warp[10], lambda each: each.floor[10]),
    "all_pixel": (lambda each: each.all_pixel, lambda each: each.all_pixel_floor),
    "tof": (lambda each: each.tof, lambda each: None),
    "flicker": (lambda each: each.flicker, lambda each: each.flicker_floor),
    "untrusted": (lambda each: None if each.all_pixel is None else each.untrusted, lambda each: None),
    "gram": (lambda each: each.gram, lambda each: each.source_gram),
    **{f"gram_{layer}": (gram_at(layer), lambda each: None) for layer in STYLE_LAYERS},
    "embedding": (lambda each: each.embedding, lambda each: each.source_embedding),
    "content": (lambda each: each.content, lambda each: None),
    "ssim": (lambda each: each.ssim, lambda each: None),
    "sharpness": (lambda each: each.sharpness, lambda each: each.source_sharpness),
    "luminance": (lambda each: each.luminance, lambda each: each.source_luminance),
    "contrast": (lambda each: each.contrast, lambda each: each.source_contrast),
}


def summary_of(frames: Sequence[FrameMeasure]) -> dict[str, float | None]:
    """The mean of each metric over the frames that have it, and how far light and contrast drift from first to last."""
    return _means_and_drift({name: [of(each) for each in frames] for name, (of, _) in METRICS.items()})


def floor_of(frames: Sequence[FrameMeasure]) -> dict[str, float | None]:
    """The same of the source itself; None where a metric compares with the source."""
    return _means_and_drift({name: [of(each) for each in frames] for name, (_, of) in METRICS.items()})


def _means_and_drift(values: dict[str, list[float | None]]) -> dict[str, float | None]:
    means = {name: mean(each) for name, each in values.items()}
    ends = {name: (values[name][0], values[name][-1]) for name in ("luminance", "contrast")}
    return means | {
        f"{name}_drift": None if first is None or last is None else last - first for name, (first, last) in ends.items()
    }


def mean(values: Sequence[float | None]) -> float | None:
    """The mean of what is there; None where nothing is."""
    present = [each for each in values if each is not None]
    return float(np.mean(present)) if present else None
