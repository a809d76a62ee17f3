"""What is new in a frame: how long, where it is carried, what is left of it by erosion, and the box around it."""

from __future__ import annotations

import numpy as np
import pytest

from videostyle.evaluation.new_region import FEWEST_PIXELS, MEMORY, NewRegion, eroded, largest_box

SIZE = (20, 60)


def block(rows: slice, columns: slice, size: tuple[int, int] = SIZE) -> np.ndarray:
    mask = np.zeros(size, bool)
    mask[rows, columns] = True
    return mask


def pan_left(step: int) -> tuple[np.ndarray, np.ndarray]:
    """The exact flow of a scene that moves to the left, and where it holds: not in the strip that comes in."""
    flow = np.tile(np.array([step, 0], np.float32), (*SIZE, 1))
    return flow, block(slice(None), slice(SIZE[1] - step))


def test_strip() -> None:
    """A strip that came into view stays new for five frames while it moves on with the scene, and then no more."""
    region = NewRegion(SIZE)
    assert not region.mask.any()
    for entered in (3, 6, 9, 12, 15, 18, 18, 18):
        region.follow(*pan_left(3))
        np.testing.assert_array_equal(region.mask, block(slice(None), slice(60 - entered, 60)))


def test_camera_stops() -> None:
    """After the pan everything is still: what came in last is the last that is new."""
    region, still = NewRegion(SIZE), np.zeros((*SIZE, 2), np.float32)
    region.follow(*pan_left(4))
    for _ in range(MEMORY):
        region.follow(still, np.ones(SIZE, bool))
        np.testing.assert_array_equal(region.mask, block(slice(None), slice(56, 60)))
    region.follow(still, np.ones(SIZE, bool))
    assert not region.mask.any()


def test_seen_anew() -> None:
    """A place that the flow cannot follow again is new for five more frames."""
    region, still = NewRegion(SIZE), np.zeros((*SIZE, 2), np.float32)
    hidden, everywhere = block(slice(5, 9), slice(10, 20)), np.ones(SIZE, bool)
    for followed in (~hidden, everywhere, everywhere, ~hidden, *[everywhere] * MEMORY):
        region.follow(still, followed)
        np.testing.assert_array_equal(region.mask, hidden)
    region.follow(still, everywhere)
    assert not region.mask.any()


def test_vertical() -> None:
    """A place is carried along both axes, by flow in (x, y)."""
    region = NewRegion(SIZE)
    region.follow(np.zeros((*SIZE, 2), np.float32), ~block(slice(5, 9), slice(10, 20)))
    region.follow(np.tile(np.array([-7.2, 2.9], np.float32), (*SIZE, 1)), np.ones(SIZE, bool))
    np.testing.assert_array_equal(region.mask, block(slice(2, 6), slice(17, 27)))


def test_eroded() -> None:
    """A region loses its edge, but not along the picture's border."""
    np.testing.assert_array_equal(eroded(block(slice(4, 15), slice(40, 60)), 3), block(slice(7, 12), slice(43, 60)))
    assert eroded(np.ones(SIZE, bool), 50).all()
    assert not eroded(block(slice(4, 10), slice(40, 60)), 3).any()


@pytest.mark.parametrize(("height", "known"), [(FEWEST_PIXELS, True), (FEWEST_PIXELS - 1, False)])
def test_largest_box(height: int, known: bool) -> None:
    """The box around the piece with the most pixels, whatever the size of the other boxes."""
    size = (200, 400)
    mask = block(slice(10, 10 + height), slice(20, 140), size)
    mask |= np.eye(200, 400, 200, dtype=bool)  # a diagonal: its box is larger
    assert largest_box(mask) == ((slice(10, 10 + height), slice(20, 140)) if known else None)
    assert largest_box(np.zeros(size, bool)) is None
