"""The fixed course of a training: learning rate, crop sizes, validations and saves, as functions of its progress."""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True)
class TrainingSchedule:
    """What happens when, in shares of the whole training, so that it fits any number of minutes or steps."""

    validations: int = 12
    """How many times the validation frames are evaluated, at even intervals; the last time is the end."""
    crops: tuple[tuple[float, float], ...] = ((0.0, 0.5), (0.15, 1.0))
    """(start of stage, crop size), both as fractions: of the training, and of the frame's sides. Crops cost less than whole
    frames and are as useful at first. Frames scaled down would not be: a style's strokes keep their size in pixels."""
    slowest: float = 0.02
    """Share of the full learning rate that remains at the end."""
    seconds_between_saves: float = 30.0
    """At least this long from one save of the state to the next, besides those at validations."""

    def crop(self, done: float) -> float:
        """The crop size, as a fraction of the frame's sides, when this share of the training is done."""
        return max(size for start, size in self.crops if done >= start)

    def rate(self, done: float) -> float:
        """The share of the full learning rate when this share of the training is done: half a cosine (Loshchilov & Hutter
        2016, arXiv:1608.03983)."""
        return max(self.slowest, 0.5 * (1 + math.cos(math.pi * min(1.0, done))))

    def validation_due(self, last: float, done: float) -> bool:
        """Whether to validate now. last: share of the training that was done at the last validation, 0 before any."""
        return int(done * self.validations) > int(last * self.validations)
