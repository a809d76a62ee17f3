"""Which frames a frame is continued from: the previous one and its keyframe, from the start or resumed anywhere."""

from __future__ import annotations

import threading
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from videostyle.analysis import ShotList
from videostyle.frames import Frame, Motion, VideoInfo
from videostyle.losses.frame_targets import PAINTED
from videostyle.losses.tiles import WHOLE, tiles_of
from videostyle.media.masks import MaskedClip
from videostyle.rendering.inputs import InputFrames, PreviousFrame, RenderInput
from videostyle.rendering.masks import MaskedFrame, RunMasks, guides_of
from videostyle.temporal.flow import DIS, Flow
from videostyle.temporal.motion import KEYFRAME_INTERVAL

SIZE = (16, 16)
COUNT = 2 * KEYFRAME_INTERVAL + 5
CUT = 3
FLOW = DIS()


class Numbered:
    """A source whose frames are as bright as their ordinals."""

    def frames(self, size, first=0):
        for index in range(first, COUNT + 4):
            yield Frame(np.full((*size, 3), index + 100, np.uint8), index)


def ordinals(previous: np.ndarray, current: np.ndarray, flow: Flow) -> Motion:
    """A motion that encodes the two frames that it was estimated between."""
    return Motion(np.full((*SIZE, 2), (current[0, 0, 0], previous[0, 0, 0]), np.float32), np.ones(SIZE, np.float32))


def relations(given: RenderInput) -> tuple:
    """(ordinal, the frame before, the keyframe, whether it is one), None for what the frame does not continue from."""
    motion = given.frame.motion
    assert given.frame.index == given.source.index
    if motion is None:
        return given.source.index, None, None, None
    flows = [None if part is None else part.flow for part in (motion, motion.to_keyframe)]
    before, keyframe = (None if flow is None else int(flow[0, 0, 1]) - 100 for flow in flows)
    return given.source.index, before, keyframe, motion.is_keyframe


def shot_list(first: int) -> ShotList:
    return ShotList(first, COUNT - first, frozenset({first, CUT + first}), None)


def all_relations(
    first: int,
    done: int = 0,
    previous: PreviousFrame | None = None,
    size=SIZE,
    flow: Flow | None = FLOW,
    estimate=ordinals,
) -> list[tuple]:
    masks = RunMasks(MaskedClip(Path("in.mp4"), VideoInfo("video", size), Fraction(0), first, ()), size, size)
    with InputFrames(Numbered(), shot_list(first), masks, flow, estimate).after(done, previous) as inputs:
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
    source = MaskedFrame(Frame(np.full((*SIZE, 3), 104, np.uint8), 4))
    previous = PreviousFrame(np.zeros((*SIZE, 3), np.float32), source)
    assert all_relations(5, previous=previous)[:3] == [(5, 4, None, True), (6, 5, None, False), (7, 6, 5, False)]
    assert all_relations(5, done=2)[0] == all_relations(5, previous=previous)[2]


def test_no_flow():
    """Without flow no frame continues another."""
    assert {relation[1:] for relation in all_relations(0, flow=None)} == {(None, None, None)}


@pytest.mark.parametrize("size", [SIZE, (16, 4 * WHOLE // 16)])
def test_no_prefetch_in_tiles(size):
    """For a picture of several tiles the motion is estimated in the calling thread, to save memory."""
    threads = set()

    def watched(*arguments) -> Motion:
        threads.add(threading.current_thread())
        return ordinals(*arguments)

    assert all_relations(0, size=size, estimate=watched) == all_relations(0)
    assert (threads == {threading.current_thread()}) is (len(tiles_of(size)) > 1)


def test_guides():
    """What is transparent or in a bar counts for nothing; a frame without either has no guide."""
    image, alpha = np.zeros((4, 6, 3), np.uint8), np.full((4, 6), 51, np.uint8)
    assert guides_of(Frame(image)) == {}
    covered = (Fraction(1), Fraction(1, 3))
    bars = guides_of(Frame(image, covered=covered))[PAINTED]
    assert bars.tolist() == [[0, 0, 1, 1, 0, 0]] * 4
    both = guides_of(Frame(image, alpha=alpha, covered=covered))[PAINTED]
    np.testing.assert_allclose(both, bars * 0.2, atol=1e-6)


def test_guides_of_masks_and_regions():
    """A mask leaves out what is transparent too; regions that overlap share a place."""
    frame = Frame(np.zeros((2, 4, 3), np.uint8), alpha=np.array([[255, 255, 255, 0]] * 2, np.uint8))
    mask = np.array([[0, 0.5, 1, 1]] * 2, np.float32)
    regions = [np.array([row] * 2, np.float32) for row in ([1, 1, 0, 0.5], [1, 0, 0, 0.25])]
    guides = guides_of(frame, mask, regions)
    assert guides[PAINTED][0].tolist() == [0, 0.5, 1, 0]
    assert guides["region 1"][0].tolist() == [0.5, 1, 0, 0.5]
    assert guides["region 2"][0].tolist() == [0.5, 0, 0, 0.25]
