"""The figures of each frame and of pairs of frames, source beside output."""

from __future__ import annotations

import time
from collections import Counter, deque
from dataclasses import replace

import numpy as np

from videostyle.analysis import ShotList
from videostyle.evaluation import metrics
from videostyle.evaluation.flow_files import ExactFlow
from videostyle.evaluation.perceptual import FramePair, PerceptualMetrics, similarity
from videostyle.events import Measuring, Progress
from videostyle.frames import Size
from videostyle.media.image_sources import frame_number
from videostyle.media.pixels import to_bits
from videostyle.reports.records import FrameMeasure, SampleFrame
from videostyle.temporal.flow import Flow, gain_match

GAPS = (1, 10)  # frames between the two that are compared

MOST_SEEN = 24  # frames shown to the network, which takes far longer than all else; evenly spaced

PICTURED = 3


def spread(count: int, most: int) -> list[int]:
    """At most `most` of the numbers below `count`, evenly spaced, the first and the last among them."""
    chosen = min(count, most)
    return sorted({round(each) for each in np.linspace(0, count - 1, chosen)})


def as_float(image: np.ndarray) -> np.ndarray:
    """uint8 or uint16 as float32 in [0, 1]."""
    return image.astype(np.float32) / np.float32(np.iinfo(image.dtype).max)


class Measurer:
    """Takes the moments of a clip in order; has a record of each, the pictures to look at, and what was skipped, and why.

    exact: flow that is known, in place of the estimated one for the warp error. Raises BadInput where it does not fit.
    """

    def __init__(
        self,
        clip: ShotList,
        count: int,
        size: Size,
        flow: Flow,
        exact: ExactFlow | None,
        sight: PerceptualMetrics,
        tell: Progress,
    ):
        self.clip, self.count, self.size, self.flow, self.exact = clip, count, size, flow, exact
        self.sight, self.tell = sight, tell
        self.gaps = GAPS if exact is None else GAPS[:1]
        self.recent: deque[FramePair] = deque(maxlen=max(self.gaps) + 1)
        self.frames: dict[int, FrameMeasure] = {}
        self.pictures: dict[int, SampleFrame] = {}
        self.skipped: Counter[str] = Counter()
        self.seen = {clip.first + each for each in spread(count, MOST_SEEN)}
        # with exact flow the last frame, else the first one, has no error to show
        shift = 0 if exact else min(1, count - 1)
        self.pictured = {clip.first + shift + each for each in spread(max(1, count - 1), PICTURED)}
        self.began = time.monotonic()

    def push(self, moment: FramePair) -> None:
        """Measure a frame alone and against the earlier ones."""
        index = moment.source.index
        self.frames[index] = self._alone(moment)
        if index in self.pictured:
            source, output = (to_bits(each.image, 8) for each in (moment.source, moment.output))
            self.pictures[index] = SampleFrame(index, source, output, None)
        self.recent.append(moment)
        self._check_times()
        for gap in self.gaps:
            if len(self.recent) > gap:
                self._compare(gap, moment, self.recent[-1 - gap])
        done, spent = len(self.frames), time.monotonic() - self.began
        self.tell(Measuring(done, self.count, done / self.count, spent / done * (self.count - done)))

    def _alone(self, moment: FramePair) -> FrameMeasure:
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
            new_share=1.0,
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

    def _compare(self, gap: int, now: FramePair, earlier: FramePair) -> None:
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

    def _judge_exactly(self, exact: ExactFlow, now: FramePair, earlier: FramePair) -> None:
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

    def _judge(self, gap: int, here: FramePair, there: FramePair, flow: np.ndarray, mask: np.ndarray) -> None:
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
            frame = replace(frame, all_pixel=whole, all_pixel_floor=whole_floor, new_share=left_out)
            if index in self.pictures:
                self.pictures[index] = replace(self.pictures[index], heat=metrics.heat(painted, mask))
        self.frames[index] = frame

    def _compare_unmoved(self, now: FramePair, earlier: FramePair, back: np.ndarray) -> None:
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
