"""A learned painting that begins first frames: `run --begin-with`, from file to file on the thin network."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from tests.support.clips import make_clip
from tests.support.runs import moving_disc, quick_job, stripes
from tests.support.style_models import SMALL, example, written
from tests.support.thin_vgg import picture, thin_weights
from videostyle import run
from videostyle.analysis import analyze
from videostyle.errors import BadInput
from videostyle.media.sources import open_source
from videostyle.models.model_file import to_bytes
from videostyle.models.transformer_net import new_network
from videostyle.models.weights import WEIGHTS
from videostyle.rendering.identity import identity
from videostyle.rendering.plan import resolve
from videostyle.stylizers.colors import luminance
from videostyle.stylizers.feedforward import first_picture_by
from videostyle.tensors import to_array


@pytest.fixture(autouse=True)
def thin_network(monkeypatch):
    monkeypatch.setitem(WEIGHTS, "vgg19", thin_weights)


@pytest.fixture(scope="module")
def place(tmp_path_factory) -> Path:
    """A clip of two shots and a painting."""
    found = tmp_path_factory.mktemp("place")
    make_clip(found / "cut.mp4", [*moving_disc(3), *stripes(4)], rate=10)
    cv2.imwrite(str(found / "style.png"), np.random.default_rng(0).integers(0, 256, (30, 40, 3), np.uint8))
    return found


def test_a_learned_painting_begins_the_first_frame_of_each_shot(place, tmp_path):
    painting = written(tmp_path, to_bytes(example()))
    begun = run(
        quick_job(place / "cut.mp4", place / "style.png", tmp_path / "begun", begin_with=painting, first_iterations=1)
    )
    plain = run(quick_job(place / "cut.mp4", place / "style.png", tmp_path / "plain", first_iterations=1))
    assert [each.iterations for each in begun.frames] == [1] * 7
    firsts = [number for number, each in enumerate(begun.frames) if each.new_share == 1]
    assert len(firsts) == 2
    assert all(begun.frames[each].loss != plain.frames[each].loss for each in firsts)


def test_a_run_that_was_begun_with_another_painting_is_not_gone_on_with(place, tmp_path):
    source = open_source(place / "cut.mp4")
    job = quick_job(
        place / "cut.mp4", place / "style.png", tmp_path / "out", begin_with=written(tmp_path, to_bytes(example()))
    )
    with closing(source):
        plan = resolve(job, source.info, print)
        shots = analyze(source, job, print)
        before = identity(plan, source.info, shots)
        job.begin_with.write_bytes(to_bytes(replace(example(), clips=["other.mp4"])))
        after = identity(plan, source.info, shots)
    assert {name for name in before if before[name] != after[name]} == {"--begin-with"}


def test_a_painting_in_gray_begins_in_gray():
    content = picture(20, 24)
    network = new_network(SMALL, 0, "cpu")
    gray, painted = first_picture_by(network, True)(content), first_picture_by(network, False)(content)
    np.testing.assert_allclose(to_array(gray), luminance(to_array(painted)), atol=1e-6)
    assert np.ptp(to_array(painted), axis=2).max() > 0.01


@pytest.mark.parametrize("name", ["style.png", "gone.vstyle"])
def test_only_a_learned_painting_begins_a_frame(place, tmp_path, name):
    with pytest.raises(BadInput, match=name):
        run(quick_job(place / "cut.mp4", place / "style.png", tmp_path / "out", begin_with=place / name))
    assert not any(tmp_path.iterdir())
