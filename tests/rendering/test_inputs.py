"""Which frames a frame is continued from: the previous one and its keyframe, from the start or resumed anywhere."""

from __future__ import annotations

import threading

import numpy as np
import pytest

from videostyle.analysis import ShotList
from videostyle.frames import Frame
from videostyle.rendering.inputs import InputFrames, PreviousFrame, RenderInput
from videostyle.temporal.motion import KEYFRAME_INTERVAL

SIZE = (16, 16)
COUNT = 2 * KEYFRAME_INTERVAL + 5
CUT = 3


class Numbered:
    """A source whose frames are as bright as their ordinals."""

    def frames(self, size, first=0):
        for index in range(first, COUNT + 4):
            yield Frame(np.full((*size, 3), index + 100, np.uint8), index)


def ordinals(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """A flow that encodes the two frames that it was computed between, in fractions of a pixel."""
    return np.full((*SIZE, 2), (int(a[0, 0, 0]) / 1000, int(b[0, 0, 0]) / 1000), np.float32)


@pytest.fixture(autouse=True)
def undisturbed(monkeypatch):
    """Frames and flow as they are given, without gain matching or averaging."""
    monkeypatch.setattr("videostyle.temporal.consistency.gain_match", lambda image, reference: image)
    monkeypatch.setattr("videostyle.temporal.consistency.mean_of_both", lambda backward, forward: backward)
    monkeypatch.setattr("videostyle.temporal.consistency.color_difference", lambda *_: np.zeros(SIZE, np.float32))


def relations(given: RenderInput) -> tuple:
    """(ordinal, the frame before, the keyframe, whether it is one), None for what the frame does not continue from."""
    motion = given.frame.motion
    assert given.frame.index == given.source.index
    if motion is None:
        return given.source.index, None, None, None
    flows = [None if part is None else part.flow for part in (motion, motion.to_keyframe)]
    before, keyframe = (None if flow is None else round(float(flow[0, 0, 1]) * 1000) - 100 for flow in flows)
    return given.source.index, before, keyframe, motion.is_keyframe


def shot_list(first: int) -> ShotList:
    return ShotList(first, COUNT - first, frozenset({first, CUT + first}), None)


def all_relations(first: int, done: int = 0, flow=ordinals, previous: PreviousFrame | None = None) -> list[tuple]:
    with InputFrames(Numbered(), shot_list(first), SIZE, flow).after(done, previous) as inputs:
        return [relations(given) for given in inputs]


@pytest.mark.parametrize("first", [0, 5])
def test_previous_frame_and_keyframe(first):
    """The first frame of a shot has neither; the keyframe moves on every KEYFRAME_INTERVAL frames."""
    by_ordinal = {relation[0]: relation for relation in all_relations(first)}
    assert list(by_ordinal) == list(range(first, COUNT))
    start = first + CUT
    assert by_ordinal[first] == (first, None, None, None)
    assert by_ordinal[start] == (start, None, None, None)
    assert by_ordinal[start + 1] == (start + 1, start, None, False)
    assert by_ordinal[start + 2] == (start + 2, start + 1, start, False)
    last = start + KEYFRAME_INTERVAL
    assert by_ordinal[last] == (last, last - 1, start, True)
    assert by_ordinal[last + 1] == (last + 1, last, None, False)
    assert by_ordinal[last + 2] == (last + 2, last + 1, last, False)


@pytest.mark.parametrize("first", [0, 5])
def test_resume_after_any_frame(first):
    """A resumed run gives every frame the same relations as an uninterrupted one."""
    whole = all_relations(first)
    for done in range(1, COUNT - first):
        assert all_relations(first, done) == whole[done:]


def test_continue_from_earlier_run():
    """The first frame continues from a given previous frame, which becomes the keyframe."""
    previous = PreviousFrame(np.zeros((*SIZE, 3), np.float32), Frame(np.full((*SIZE, 3), 104, np.uint8), 4))
    assert all_relations(5, previous=previous)[:3] == [(5, 4, None, True), (6, 5, None, False), (7, 6, 5, False)]
    assert all_relations(5, done=2)[0] == all_relations(5, previous=previous)[2]


def test_no_flow():
    """Without flow no frame continues another."""
    assert {relation[1:] for relation in all_relations(0, flow=None)} == {(None, None, None)}


def test_no_prefetch_in_tiles(monkeypatch):
    """For a picture of several tiles the flow is computed in the calling thread, to save memory."""
    whole = all_relations(0)
    monkeypatch.setattr("videostyle.rendering.inputs.tiles_of", lambda size: ["left", "right"])
    threads = set()

    def watched(a: np.ndarray, b: np.ndarray) -> np.ndarray:
        threads.add(threading.current_thread())
        return ordinals(a, b)

    assert all_relations(0, flow=watched) == whole
    assert threads == {threading.current_thread()}
