"""The table of stylizers. To add one, write it in a file beside this one, add an entry here and its name to config.py.

Nothing here imports torch until a stylizer is prepared, so that a plan can be made, and refused, without it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from videostyle.frames import Size
from videostyle.stylizers.base import OnIteration, Stylizer
from videostyle.stylizers.memory import FEEDFORWARD, OPTIMIZE, MemoryModel
from videostyle.stylizers.schedule import work, work_of_first, work_of_later
from videostyle.stylizers.settings import StylizerSettings
from videostyle.stylizers.shared import Shared

MakeStylizer = Callable[[OnIteration], Stylizer]
"""Makes a fresh stylizer; called once for each shot."""


@dataclass(frozen=True)
class StylizerKind:
    """What the renderer needs to know about a stylizer: how to make one, what input it takes, and what it costs."""

    prepare: Callable[[StylizerSettings, Shared], MakeStylizer]
    """Loads what shots of these settings share, such as networks and style targets, but for what others have loaded already.
    Raises MissingModel, and BadInput for a damaged style model."""
    uses_motion: bool
    """Whether it uses FrameInput.motion. If not, no flow is computed and every frame counts as a first one."""
    memory: MemoryModel
    """CPU memory that a run takes, by frame size."""
    first_work: Callable[[Size, StylizerSettings], float]
    """Work of a shot's first frame at (height, width), in pixel-iterations."""
    later_work: Callable[[Size, float], float]
    """Work of a later frame at (height, width) that takes this many iterations, in pixel-iterations."""


def _prepare_optimize(settings: StylizerSettings, shared: Shared) -> MakeStylizer:
    from videostyle.stylizers.optimize import prepare

    return prepare(settings, shared)


def _prepare_feedforward(settings: StylizerSettings, shared: Shared) -> MakeStylizer:
    from videostyle.stylizers.feedforward import prepare

    return prepare(settings, shared)


def _work_of_optimize(size: Size, settings: StylizerSettings) -> float:
    return work_of_first(size, settings.schedule.first, settings.optimizer.begin_with is not None)


STYLIZERS = {
    "optimize": StylizerKind(_prepare_optimize, True, OPTIMIZE, _work_of_optimize, work_of_later),
    "feedforward": StylizerKind(
        _prepare_feedforward, False, FEEDFORWARD, lambda size, settings: work(size), lambda size, iterations: work(size)
    ),
}
