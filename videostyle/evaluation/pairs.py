"""The metrics of each frame of a clip, alone and against earlier frames, for output and source alike."""

from __future__ import annotations

import time
from collections import Counter, deque
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from types import MappingProxyType
from typing import Any

import numpy as np

from videostyle.analysis import ShotList
from videostyle.evaluation import metrics
from videostyle.evaluation.constancy import ColorConstancy
from videostyle.evaluation.flow_files import FlowFolder
from videostyle.evaluation.new_region import NewRegion
from videostyle.evaluation.perceptual import EVERYTHING, FrameMasks, PerceptualMetrics, similarity
from videostyle.events import Measuring, Progress
from videostyle.frames import Frame, Size
from videostyle.media.pixels import to_bits
from videostyle.reports.records import FrameMeasure, SampleFrame
from videostyle.schedules import Curve
from videostyle.temporal.flow import Flow, gain_match

GAPS = (1, 10)
"""Distances in frames between the two frames of a pair."""

MOST_SCORED = 24
"""Frames that get perceptual scores, evenly spaced: the networks take far longer than everything else."""

SAMPLES = 3
"""Frames whose images are kept for the page."""


SourceFlow = tuple[np.ndarray, np.ndarray]
"""The source's flow from a frame to an earlier one and from there to it, (H, W, 2) each."""


@dataclass(frozen=True)
class FramePair:
    """A source frame and the output frame stylized from it, of one size."""

    source: Frame
    """The source frame, scaled to the size of the measurement."""
    output: Frame
    """The output frame, likewise."""
    mask: np.ndarray | None = None
    """Where the output is painted, float32 (H, W) in [0, 1]; None for all of it."""
    regions: tuple[np.ndarray, ...] = ()
    """Where it has styles of their own, likewise."""

    @property
    def painted(self) -> np.ndarray:
        """The pixels that are measured, bool (H, W): those that are painted by half or more."""
        return np.ones(self.source.size, bool) if self.mask is None else self.mask >= 0.5

    @property
    def masks(self) -> FrameMasks:
        """The same of all masks."""
        if self.mask is None and not self.regions:
            return EVERYTHING
        return FrameMasks(self.painted, tuple(region >= 0.5 for region in self.regions))


def spread(count: int, most: int) -> list[int]:
    """At most `most` of the numbers below `count`, evenly spaced, with the first and the last."""
    return sorted({round(place) for place in np.linspace(0, count - 1, min(count, most))})


def as_float(image: np.ndarray) -> np.ndarray:
    """uint8 or uint16 as float32 in [0, 1]."""
    return image.astype(np.float32) / np.float32(np.iinfo(image.dtype).max)


def unpainted_difference(output: Frame, source: Frame, mask: np.ndarray) -> float | None:
    """The largest difference of two frames inside a bool mask (H, W), in levels of 255."""
    images = to_bits(output.image, 8), to_bits(source.image, 8)
    return metrics.largest_difference(*images, mask)


class Measurer:
    """Measures the frames of a clip, pushed in order.

    shots: the frames and cuts of the source. count: how many frames will be pushed. size: their (height, width). flow:
    estimates optical flow. exact: known flow, which replaces the estimate for the warp error at gap 1; it has no other gaps.
    curves: the options that change over time, by their fields.
    """

    frames: dict[int, FrameMeasure]
    """The metrics so far, by index in the source."""
    samples: dict[int, SampleFrame]
    """A few frames with their images, by index in the source."""
    skipped: Counter[str]
    """How many pairs were left out, by reason; reports/json.py documents the keys."""

    def __init__(
        self,
        *,
        shots: ShotList,
        count: int,
        size: Size,
        flow: Flow,
        exact: FlowFolder | None,
        perceptual: PerceptualMetrics,
        progress: Progress,
        curves: Mapping[str, Curve] = MappingProxyType({}),
    ):
        self.shots, self.count, self.size, self.flow, self.exact = shots, count, size, flow, exact
        self.perceptual, self.progress, self.curves = perceptual, progress, curves
        self.gaps = GAPS if exact is None else GAPS[:1]
        self.frames, self.samples, self.skipped = {}, {}, Counter()
        self._earlier: deque[FramePair] = deque(maxlen=max(self.gaps))
        self._new, self._colors = NewRegion(size), ColorConstancy()
        self._scored = {shots.first + place for place in spread(count, MOST_SCORED)}
        # the first frame has no warp error to show; with exact flow it is the last one
        shift = 0 if exact else min(1, count - 1)
        self._sampled = {shots.first + shift + place for place in spread(max(1, count - 1), SAMPLES)}
        self._began = time.monotonic()

    def push(self, pair: FramePair) -> None:
        """Measure a frame alone and against earlier ones. Raises BadInput where the exact flow does not fit."""
        earlier = {gap: self._earlier[-gap] for gap in self.gaps if self._comparable(gap, pair)}
        flows = {gap: self._source_flow(pair, other) for gap, other in earlier.items()}
        if GAPS[0] in flows:
            self._new.follow(flows[GAPS[0]][0], metrics.followed(*flows[GAPS[0]]))
        else:
            self._new, self._colors = NewRegion(self.size), ColorConstancy()
        self._measure_alone(pair)
        self._measure_split(pair, starts=GAPS[0] not in flows)
        if self._earlier:
            self._check_pace(pair, self._earlier[-1])
        for gap, other in earlier.items():
            self._compare(gap, pair, other, *flows[gap])
        self._earlier.append(pair)
        done, spent = len(self.frames), time.monotonic() - self._began
        self.progress(Measuring(done, self.count, done / self.count, spent / done * (self.count - done)))

    def _comparable(self, gap: int, pair: FramePair) -> bool:
        """Whether there is a frame so many frames before this one, and in the same shot."""
        if len(self._earlier) < gap:
            return False
        if self.shots.shot_of(pair.source.index) == self.shots.shot_of(self._earlier[-gap].source.index):
            return True
        self.skipped[f"cut_{gap}"] += 1
        return False

    def _source_flow(self, now: FramePair, earlier: FramePair) -> SourceFlow:
        current = to_bits(now.source.image, 8)
        previous = gain_match(to_bits(earlier.source.image, 8), current)
        return self.flow(current, previous), self.flow(previous, current)

    def _update(self, index: int, **values: Any) -> None:
        self.frames[index] = replace(self.frames[index], **values)

    def _measure_alone(self, pair: FramePair) -> None:
        """The metrics that need no other frame."""
        index = pair.source.index
        source, output = (metrics.luma(as_float(frame.image)) for frame in (pair.source, pair.output))
        painted = pair.painted
        self.frames[index] = FrameMeasure(
            index=index,
            time=pair.source.time,
            shot=self.shots.shot_of(index),
            warp=dict.fromkeys(GAPS),
            floor=dict.fromkeys(GAPS),
            unpainted=None if pair.mask is None else unpainted_difference(pair.output, pair.source, pair.mask == 0),
            ssim=similarity(source, output) if pair.mask is None else None,
            sharpness=metrics.sharpness(output, painted),
            luminance=metrics.brightness(output, painted),
            contrast=metrics.contrast(output, painted),
            source_sharpness=metrics.sharpness(source, painted),
            source_luminance=metrics.brightness(source, painted),
            source_contrast=metrics.contrast(source, painted),
        )
        outlines = (*(() if pair.mask is None else (pair.painted,)), *pair.masks.regions)
        if index in self._sampled:
            shown, stylized = (to_bits(frame.image, 8) for frame in (pair.source, pair.output))
            self.samples[index] = SampleFrame(index, shown, stylized, None, outlines)

    def _measure_split(self, pair: FramePair, starts: bool) -> None:
        """The perceptual scores and color constancy, of the whole frame, of what is new in it, and of the rest.

        starts: whether the frame starts a shot.
        """
        source, output, new = pair.source, pair.output, self._new.mask
        colors = self._colors.scores(as_float(output.image), as_float(source.image), new, pair.masks.painted)
        self._update(source.index, new=None if starts else metrics.share(new, pair.painted), **asdict(colors))
        if source.index in self._scored:
            time, palette = source.time - self.shots.origin, self.shots.palette_of(source.index)
            values = {name: curve.at(time) for name, curve in self.curves.items()}
            scores = self.perceptual.scores(output.image, source.image, new, values, palette, pair.masks)
            self._update(source.index, **asdict(scores))
            if new.any() and scores.embedding is not None and scores.embedding_new is None:
                self.skipped["small_new"] += 1

    def _check_pace(self, now: FramePair, earlier: FramePair) -> None:
        """Add a notice if the output's times differ from the source's: it may be of another part, or of another clip."""
        source_step, output_step = now.source.time - earlier.source.time, now.output.time - earlier.output.time
        both_videos = not now.source.name and not now.output.name
        if both_videos and abs(source_step - output_step) > source_step / 2:
            self.progress.notice(
                "the times of the output's frames differ from the source's; was it stylized from this part of the source?"
            )

    def _compare(self, gap: int, now: FramePair, earlier: FramePair, back: np.ndarray, forth: np.ndarray) -> None:
        """The metrics of two frames of a shot. back, forth: the source's flow between them, see SourceFlow."""
        if gap == GAPS[0]:
            self._compare_unwarped(now, earlier, back)
        if self.exact is None:
            self._compare_warped(gap, now, earlier, back, metrics.visible(back, forth))
        else:
            self._compare_exactly(self.exact, now, earlier)

    def _compare_exactly(self, exact: FlowFolder, now: FramePair, earlier: FramePair) -> None:
        """The warp error by known flow. It leads forward, so the error belongs to the earlier frame."""
        known = exact.after(earlier.source.number, self.size)
        if known is None:
            self.skipped["no_flow"] += 1
            return
        if known.stored_size != self.size:
            (height, width), (h, w) = known.stored_size, self.size
            self.progress.notice(f"the exact flow is scaled from {width}x{height} to the output's {w}x{h} pixels")
        if not known.has_masks:
            self.progress.notice(
                "without an occlusion mask, pixels that are occluded in the next frame count as errors"
            )
        self._compare_warped(GAPS[0], earlier, now, known.flow, known.mask)

    def _compare_warped(self, gap: int, here: FramePair, there: FramePair, flow: np.ndarray, mask: np.ndarray) -> None:
        """The warp error of the frame `here`, along the flow from here to there, of what is painted in both."""
        index, painted = here.source.index, here.painted
        if there.mask is not None:
            painted = painted & (metrics.bilinear_warp(there.mask[..., None], flow)[..., 0] >= 0.5)
        new_share, mask = 1 - metrics.share(mask, painted), mask & painted
        output = metrics.warp_difference(as_float(here.output.image), as_float(there.output.image), flow)
        source = metrics.warp_difference(as_float(here.source.image), as_float(there.source.image), flow)
        error, floor = metrics.warp_error(output, mask), metrics.warp_error(source, mask)
        if error is None:
            self.skipped[f"empty_{gap}"] += 1
        frame = self.frames[index]
        self._update(index, warp={**frame.warp, gap: error}, floor={**frame.floor, gap: floor})
        if gap != GAPS[0]:
            return
        self._update(
            index,
            all_pixel=metrics.all_pixel_error(output, mask),
            all_pixel_floor=metrics.all_pixel_error(source, mask),
            new_share=new_share,
        )
        if index in self.samples:
            self.samples[index] = replace(self.samples[index], heat=metrics.heat(output, mask))

    def _compare_unwarped(self, now: FramePair, earlier: FramePair, back: np.ndarray) -> None:
        """tOF, and the flicker of what does not move. back: the source's flow to the earlier frame."""
        output = to_bits(now.output.image, 8)
        output_back = self.flow(output, gain_match(to_bits(earlier.output.image, 8), output))
        current, previous = as_float(now.source.image), as_float(earlier.source.image)
        mask = metrics.still(back, current, previous) & now.painted & earlier.painted
        flicker = metrics.flicker(as_float(now.output.image), as_float(earlier.output.image), mask)
        if flicker is None:
            self.skipped["moving"] += 1
        self._update(
            now.source.index,
            tof=metrics.flow_difference(back, output_back, now.painted),
            flicker=flicker,
            flicker_floor=metrics.flicker(current, previous, mask),
        )
