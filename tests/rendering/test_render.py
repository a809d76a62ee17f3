"""How each frame is said to continue others: the one before and its keyframe, whole or taken up anywhere."""

from __future__ import annotations

import threading

import numpy as np
import pytest

from videostyle.analysis import ShotList
from videostyle.frames import Frame
from videostyle.rendering.inputs import Before, Task, tasks
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
    """A Flow that tells between which two frames it was asked for, in fractions of a pixel."""
    return np.full((*SIZE, 2), (int(a[0, 0, 0]) / 1000, int(b[0, 0, 0]) / 1000), np.float32)


@pytest.fixture(autouse=True)
def undisturbed(monkeypatch):
    """Pictures as they are, and the flow from the frame to the other one."""
    monkeypatch.setattr("videostyle.temporal.consistency.gain_match", lambda image, reference: image)
    monkeypatch.setattr("videostyle.temporal.consistency.both_ways", lambda back, forth: back)
    monkeypatch.setattr("videostyle.temporal.consistency.color_difference", lambda *_: np.zeros(SIZE, np.float32))


def told(task: Task) -> tuple:
    """(ordinal, the one before, the keyframe, whether it is one) of a task, None for what it is not continued from."""
    if task.motion is None:
        return task.frame.index, None, None, None
    flows = [None if each is None else each.flow for each in (task.motion, task.motion.to_keyframe)]
    before, keyframe = (None if flow is None else round(float(flow[0, 0, 1]) * 1000) - 100 for flow in flows)
    return task.frame.index, before, keyframe, task.motion.is_keyframe


def clip(first: int) -> ShotList:
    return ShotList(first, COUNT - first, frozenset({first, CUT + first}), None)


def found(first: int, done: int = 0, flow=ordinals, before: Before | None = None) -> list[tuple]:
    with tasks(Numbered(), clip(first), SIZE, flow, before, done) as ready:
        return [told(each) for each in ready]


@pytest.mark.parametrize("first", [0, 5])
def test_each_frame_continues_the_one_before_and_an_anchor_of_its_shot(first):
    by_ordinal = {each[0]: each for each in found(first)}
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
def test_taken_up_after_any_frame_the_rest_is_the_same(first):
    whole = found(first)
    for done in range(1, COUNT - first):
        assert found(first, done) == whole[done:]


def test_after_a_frame_of_an_earlier_run_the_first_one_is_the_anchor():
    before = Before(np.zeros((*SIZE, 3), np.float32), Frame(np.full((*SIZE, 3), 104, np.uint8), 4))
    assert found(5, before=before)[:3] == [(5, 4, None, True), (6, 5, None, False), (7, 6, 5, False)]
    assert found(5, done=2)[0] == found(5, before=before)[2]


def test_without_flow_every_frame_is_alone():
    assert {each[1:] for each in found(0, flow=None)} == {(None, None, None)}


def test_nothing_is_worked_out_beside_the_painting_of_a_picture_in_tiles(monkeypatch):
    whole = found(0)
    monkeypatch.setattr("videostyle.rendering.inputs.tiles_of", lambda size: ["left", "right"])
    threads = set()

    def watched(a: np.ndarray, b: np.ndarray) -> np.ndarray:
        threads.add(threading.current_thread())
        return ordinals(a, b)

    assert found(0, flow=watched) == whole
    assert threads == {threading.current_thread()}
