"""A damaged file gives a playable output or one clear error. `make fuzz` runs two thousand cases."""

from __future__ import annotations

import pytest

from tests.fuzz.fuzz import fuzz
from tests.fuzz.mutations import MUTATIONS, mutated


@pytest.mark.parametrize("count", [60, pytest.param(2000, marks=[pytest.mark.slow, pytest.mark.timeout(3600)])])
def test_damaged_files(tmp_path, count):
    """Damaged files are stylized or refused; the program never crashes, hangs or grows."""
    counts, wrong = fuzz(list(range(count)), 2, tmp_path)
    assert wrong == {}
    assert sum(counts.values()) == count
    assert min(counts["finished"], counts["refused"]) > 0


def test_mutations():
    """A case is the same every time, and cases differ."""
    seeds = {"a.mp4": bytes(range(256)) * 4, "b.mkv": b"b" * 999}
    assert mutated(seeds, 7) == mutated(seeds, 7)
    assert len({mutated(seeds, case) for case in range(40)}) > 35
    assert len(MUTATIONS) == 7
