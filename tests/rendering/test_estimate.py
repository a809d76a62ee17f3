"""Time and memory: the arithmetic by a clock that only moves when told to, and sizes that fit when they are named."""

from __future__ import annotations

import re

import psutil
import pytest
from hypothesis import given
from hypothesis import strategies as st

from videostyle.errors import BadOption
from videostyle.losses.tiles import WHOLE
from videostyle.media.resize import fit_size
from videostyle.rendering.estimate import MEASURED_FIRST, Workload
from videostyle.stylizers.memory import BASE_BYTES, check_memory, memory_needed, peak_memory, pixels_within

# --- memory ----------------------------------------------------------------------------------------------------------


def test_what_fits_is_not_refused_and_one_byte_less_is():
    needed = memory_needed((360, 640))
    check_memory((360, 640), needed)
    with pytest.raises(BadOption, match="640x360"):
        check_memory((360, 640), needed - 1)


@given(st.integers(40, 4096), st.integers(40, 4096), st.floats(0.01, 0.999), st.sampled_from([1, 2]))
def test_the_size_that_is_named_then_fits(height, width, share, multiple):
    """Whatever the shape; and for all but strips, a size a little larger would not."""
    painted = memory_needed((height, width)) - BASE_BYTES
    available = int(BASE_BYTES + share * painted)
    with pytest.raises(BadOption) as caught:
        check_memory((height, width), available)
    named = re.search(r"--size up to about (\d+)", str(caught.value))
    if named:
        longer = int(named[1])
        assert 32 <= longer < max(height, width)
        check_memory(fit_size((height, width), longer, multiple), available)
        if max(height, width) <= 4 * min(height, width):
            assert memory_needed(fit_size((height, width), longer + 32)) > available


@given(st.integers(1, 12_000_000))
def test_so_many_bytes_take_no_fewer_pixels_and_no_more_than_they_hold(pixels):
    available = memory_needed((1, pixels))
    found = pixels_within(available)
    assert found > pixels - 1e-3
    assert memory_needed((1, int(found + 1e-3))) <= available < memory_needed((1, int(found) + 2))


def test_what_is_seen_in_tiles_takes_less_for_each_pixel_and_never_less_in_all():
    whole, tiled, larger, largest = (memory_needed((WHOLE * each, 1)) for each in (1, 4, 5, 6))
    assert largest - larger == larger - tiled < (whole - BASE_BYTES) / 2
    assert whole <= memory_needed((WHOLE + 1, 1)) <= tiled


def test_where_no_size_fits_none_is_named():
    with pytest.raises(BadOption, match="more free memory"):
        check_memory((720, 1280), BASE_BYTES // 2)


def test_free_memory_is_asked_of_the_system():
    check_memory((16, 16))
    with pytest.raises(BadOption):
        check_memory((10**7, 10**7))


def test_peak_memory_is_of_this_process_in_bytes():
    before, held = peak_memory(), psutil.Process().memory_info().rss
    assert 0.9 * held <= before < 64 * held  # the kernel counts pages in batches
    block = bytearray(b"\1") * (max(0, before - held) + 2**26)
    assert before + 2**24 < peak_memory() < before + 2**28
    del block


# --- time ------------------------------------------------------------------------------------------------------------


class Clock:
    def __init__(self):
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def test_a_runs_work_is_its_first_frames_and_its_later_ones(clock):
    workload = Workload(100.0, 10.0, shots=2, frames=12, clock=clock)
    assert workload.total == 2 * 100 + 10 * 10
    assert workload.fraction == 0
    workload.advance(True, 0.5)
    assert workload.fraction == pytest.approx(50 / 300)
    workload.finish_frame(True, 100.0)
    assert workload.fraction == pytest.approx(100 / 300)
    workload.advance(False, 0.5)
    assert workload.fraction == pytest.approx(105 / 300)


def test_later_frames_are_expected_to_take_what_those_before_took(clock):
    workload = Workload(100.0, 10.0, shots=1, frames=5, clock=clock)
    workload.finish_frame(True, 100.0)
    workload.finish_frame(False, 30.0)
    workload.finish_frame(False, 50.0)
    assert workload.total == 100 + 30 + 50 + 2 * 40
    assert workload.fraction == pytest.approx(180 / 260)


def test_the_time_left_is_named_once_enough_was_measured(clock):
    workload = Workload(100.0, 10.0, shots=1, frames=11, clock=clock)
    assert workload.remaining is None
    clock.now += 500  # looking for cuts is no painting
    workload.advance(True, 0.0)
    assert workload.remaining is None
    clock.now += MEASURED_FIRST - 0.5
    workload.advance(True, 0.25)
    assert workload.remaining is None
    clock.now += 0.5
    assert workload.spent == MEASURED_FIRST
    assert workload.remaining == pytest.approx(MEASURED_FIRST * 175 / 25)


def test_nothing_done_leaves_the_time_open(clock):
    workload = Workload(100.0, 10.0, shots=1, frames=2, clock=clock)
    workload.advance(True, 0.0)
    clock.now += 60
    assert workload.remaining is None


@given(st.lists(st.floats(1, 1000), min_size=1, max_size=20), st.integers(1, 5))
def test_at_the_end_all_is_done_and_no_time_is_left(works, shots):
    clock = Clock()
    shots = min(shots, len(works))
    workload = Workload(100.0, 10.0, shots, len(works), clock)
    for index, work in enumerate(works):
        is_first = index < shots
        for step in (0.0, 0.5, 1.0):
            workload.advance(is_first, step)
            clock.now += 2
            assert 0 <= workload.fraction <= 1
        workload.finish_frame(is_first, 100.0 if is_first else work)
    assert workload.fraction == pytest.approx(1)
    assert workload.remaining == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize("way", ["learned", "learning"])
def test_what_a_network_needs_is_refused_where_it_does_not_fit_with_a_size_that_does(way):
    size = (1000, 2000)
    needed = memory_needed(size, way)
    check_memory(size, needed, way)
    with pytest.raises(BadOption, match=r"--size up to about \d+") as refused:
        check_memory(size, needed - 1, way)
    longer = int(re.search(r"up to about (\d+)", str(refused.value))[1])
    assert longer > 1950
    check_memory((longer // 2, longer), needed - 1, way)


def test_painting_with_a_network_needs_less_than_learning_or_optimizing():
    ways = [memory_needed((180, 320), way) for way in ("learned", "optimize", "learning")]
    assert ways == sorted(ways)
