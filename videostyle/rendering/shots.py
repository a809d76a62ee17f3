"""A shot is the unit of work: rendering one needs no other shot, so shots can be resumed and distributed."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator

from videostyle.rendering.inputs import RenderInput
from videostyle.reports.records import FrameRecord
from videostyle.stylizers.base import State, StylizedFrame, Stylizer

Deliver = Callable[[RenderInput, StylizedFrame], FrameRecord]
"""Takes a finished frame, with the input that it was made from, and returns its record."""


class ShotRenderer:
    """Renders the frames of one shot, or what is left of it. `deliver` receives each finished frame, in order."""

    def __init__(self, stylizer: Stylizer, deliver: Deliver):
        self.stylizer, self.deliver = stylizer, deliver
        self.pending: deque[RenderInput] = deque()  # given to the stylizer and not finished yet

    @property
    def state(self) -> State | None:
        """The stylizer's state after the frames delivered so far; None while it holds frames back."""
        return None if self.pending else self.stylizer.state()

    def render(self, inputs: Iterable[RenderInput]) -> Iterator[FrameRecord]:
        """Stylize frame by frame; yields the record of each frame once it is delivered."""
        for given in inputs:
            self.pending.append(given)
            yield from self._deliver(self.stylizer.step(given.frame))
        yield from self._deliver(self.stylizer.finish())

    def _deliver(self, finished: list[StylizedFrame]) -> Iterator[FrameRecord]:
        for stylized in finished:
            yield self.deliver(self.pending.popleft(), stylized)
