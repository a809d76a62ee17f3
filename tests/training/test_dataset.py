"""What a training trains on: pairs within shots, crops of allowed sizes, a validation split."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests.support.clips import make_clip
from tests.support.thin_vgg import picture, thin_vgg
from tests.support.training import SIZE, moving, training_job
from videostyle.analysis import ShotList
from videostyle.events import Progress
from videostyle.losses.style_targets import StyleTargets
from videostyle.losses.terms import Weights
from videostyle.tensors import to_tensor
from videostyle.training.dataset import MAX_PAIRS, AnalyzedClip, Dataset, Pair, crop_size, load_pairs, split


@pytest.mark.parametrize(
    ("shots", "pairs"),
    [
        (ShotList(3, 6, frozenset({3, 6}), None), [(3, 4), (4, 5), (6, 7), (7, 8)]),
        (ShotList(3, 2, frozenset({3, 4}), None), [(3, 3), (4, 4)]),
    ],
)
def test_no_pair_spans_a_cut(shots, pairs):
    assert AnalyzedClip(Path("a.mp4"), shots, SIZE).pairs() == pairs


@pytest.mark.parametrize(("size", "share"), [((180, 320), 0.4), ((20, 320), 0.4), ((64, 48), 0.4), ((180, 320), 1.0)])
def test_crop_size_limits(size, share):
    """A crop is never larger than the frame, nor too small for the network, and keeps the frame's proportions."""
    height, width = crop_size(size, share)
    assert height <= size[0]
    assert width <= size[1]
    assert min(height, width) >= 16
    assert height / width == pytest.approx(size[0] / size[1], rel=0.06)


@pytest.mark.parametrize("count", [1, 2, 4, 5, 30])
def test_split_keeps_validation_pairs_out_of_training(count):
    pairs = [Pair(np.zeros(0), np.full(1, number), None) for number in range(count)]
    training, validation = split(pairs)
    numbers = [{int(pair.frame[0]) for pair in part} for part in (training, validation)]
    assert numbers[0]
    assert numbers[1]
    assert numbers[0] | numbers[1] == set(range(count))
    assert count < 5 or not numbers[0] & numbers[1]


def test_pairs_are_limited_over_all_clips(style, clip, tmp_path):
    """Clips that are given twice count twice, but never give more than MAX_PAIRS together."""
    long = make_clip(tmp_path / "long.mp4", moving(70))
    job = replace(training_job(style, clip, tmp_path / "a.vstyle"), on=(long, long))
    pairs = load_pairs(job, "cpu", Progress(None, None))
    assert len(pairs) == MAX_PAIRS


def test_examples_depend_on_step_and_seed_only(style, clip, tmp_path):
    """Every pair comes once before any comes again, at any crop size."""
    pairs = load_pairs(training_job(style, clip, tmp_path / "a.vstyle"), "cpu", Progress(None, None))
    styles = StyleTargets(thin_vgg(), [picture(30, 40, 9)])
    data, same, other = (Dataset(pairs, [], styles, Weights(), "cpu", None, seed) for seed in (1, 1, 2))

    def frames(of: Dataset, steps: range, crop: float) -> list[bytes]:
        return [of.example(step, crop).frame.numpy().tobytes() for step in steps]

    first = frames(data, range(len(pairs)), 1.0)
    assert sorted(first) == sorted(to_tensor(pair.frame, "cpu").numpy().tobytes() for pair in pairs)
    assert frames(data, range(3), 0.5) == frames(same, range(3), 0.5)
    assert first == frames(same, range(len(pairs)), 1.0)
    assert first != frames(other, range(len(pairs)), 1.0)
