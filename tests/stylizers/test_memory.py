"""The memory check: what fits is accepted, and where a frame does not fit, the size named in the message does."""

from __future__ import annotations

import re

import psutil
import pytest
from hypothesis import given
from hypothesis import strategies as st

from videostyle.errors import BadOption
from videostyle.losses.tiles import WHOLE
from videostyle.media.resize import fit_size
from videostyle.stylizers.memory import FEEDFORWARD, OPTIMIZE, TRAINING, check_memory, peak_memory


def test_check_is_exact():
    """Exactly the memory needed is enough; one byte less is not."""
    needed = OPTIMIZE.needed((360, 640))
    check_memory((360, 640), OPTIMIZE, available=needed)
    with pytest.raises(BadOption, match="640x360"):
        check_memory((360, 640), OPTIMIZE, available=needed - 1)


@given(st.integers(40, 4096), st.integers(40, 4096), st.floats(0.01, 0.999), st.sampled_from([1, 2]))
def test_suggested_size_fits(height, width, share, multiple):
    """Whatever the shape; and except for strips, a slightly larger size would not."""
    base = OPTIMIZE.whole.base
    available = int(base + share * (OPTIMIZE.needed((height, width)) - base))
    with pytest.raises(BadOption) as caught:
        check_memory((height, width), OPTIMIZE, available=available)
    suggestion = re.search(r"--size (\d+) or smaller", str(caught.value))
    if suggestion:
        longer = int(suggestion[1])
        assert 32 <= longer < max(height, width)
        check_memory(fit_size((height, width), longer, multiple), OPTIMIZE, available=available)
        if max(height, width) <= 4 * min(height, width):
            assert OPTIMIZE.needed(fit_size((height, width), longer + 32)) > available


@given(st.integers(1, 12_000_000))
def test_pixels_within_inverts_needed(pixels):
    available = OPTIMIZE.needed((1, pixels))
    result = OPTIMIZE.pixels_within(available)
    assert result > pixels - 1e-3
    assert OPTIMIZE.needed((1, int(result + 1e-3))) <= available < OPTIMIZE.needed((1, int(result) + 2))


def test_tiles_take_less_per_pixel():
    """Above the largest whole frame each pixel takes less, and a larger frame never takes less in total."""
    whole, tiled, larger, largest = (OPTIMIZE.needed((WHOLE * factor, 1)) for factor in (1, 4, 5, 6))
    assert largest - larger == larger - tiled < (whole - OPTIMIZE.whole.base) / 2
    assert whole <= OPTIMIZE.needed((WHOLE + 1, 1)) <= tiled


def test_no_suggestion_where_no_size_fits():
    with pytest.raises(BadOption, match="free some memory"):
        check_memory((720, 1280), OPTIMIZE, available=OPTIMIZE.whole.base // 2)


def test_free_memory_of_the_system_is_the_default():
    check_memory((16, 16), OPTIMIZE)
    with pytest.raises(BadOption):
        check_memory((10**7, 10**7), OPTIMIZE)


@pytest.mark.parametrize("model", [FEEDFORWARD, TRAINING])
def test_linear_memory_suggestion_fits(model):
    size = (1000, 2000)
    needed = model.needed(size)
    check_memory(size, model, available=needed)
    with pytest.raises(BadOption, match=r"--size \d+ or smaller") as refused:
        check_memory(size, model, available=needed - 1)
    longer = int(re.search(r"--size (\d+)", str(refused.value))[1])
    assert longer > 1950
    check_memory((longer // 2, longer), model, available=needed - 1)


def test_order_of_needs():
    """A forward pass takes less than optimizing, optimizing less than training."""
    needs = [model.needed((180, 320)) for model in (FEEDFORWARD, OPTIMIZE, TRAINING)]
    assert needs == sorted(needs)


def test_peak_memory_is_of_this_process_in_bytes():
    before, resident = peak_memory(), psutil.Process().memory_info().rss
    assert 0.9 * resident <= before < 64 * resident  # the kernel counts pages in batches
    block = bytearray(b"\1") * (max(0, before - resident) + 2**26)
    assert before + 2**24 < peak_memory() < before + 2**28
    del block
