"""The objectives that a frame can be optimized for: `--objective`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from torch import Tensor

from videostyle.losses.frame_targets import StyleStatistics
from videostyle.losses.neighbors import Neighbors, matches_of
from videostyle.losses.terms import TERMS, Term
from videostyle.models.vgg import Features

Match = Callable[[Features, Tensor, Tensor, StyleStatistics, bool], Mapping[str, Tensor]]
"""Takes the network, the source frame and the picture that its iterations start from, both (1, 3, H, W), the statistics of the
style, and whether the picture is stylized at this size already; returns `FrameTargets.matches`."""


@dataclass(frozen=True)
class ObjectiveKind:
    """One way to say what is a good picture."""

    terms: Mapping[str, type[Term]]
    """What L is a sum of."""

    match: Match
    """What the places of a frame are matched to before its iterations."""

    rounds: int
    """How often the finest scale of a first frame is matched."""


OBJECTIVES: Mapping[str, ObjectiveKind] = {
    "gram": ObjectiveKind(TERMS, lambda *_: {}, 1),
    "neighbors": ObjectiveKind({**TERMS, "style": Neighbors}, matches_of, 3),
}
"""By their names on the command line."""
