"""`run --begin-with`: a style model draws the first frame of a shot, from which the iterations continue."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace

import numpy as np
import pytest

from tests.support.runs import iterations, quick_job
from tests.support.style_models import SMALL, example, written
from tests.support.thin_vgg import picture
from videostyle import run
from videostyle.analysis import analyze
from videostyle.errors import BadInput
from videostyle.media.sources import open_source
from videostyle.models.model_file import to_bytes
from videostyle.models.transformer_net import new_network
from videostyle.rendering.identity import identity
from videostyle.rendering.plan import resolve
from videostyle.stylizers.colors import luminance
from videostyle.stylizers.feedforward import first_picture_by
from videostyle.tensors import to_array


def test_first_frames(two_shots, style, tmp_path):
    """The first frame of every shot starts from the style model's picture."""
    model = written(tmp_path, to_bytes(example()))
    begun = run(quick_job(two_shots, style, tmp_path / "begun", begin_with=model, first_iterations=1))
    plain = run(quick_job(two_shots, style, tmp_path / "plain", first_iterations=1))
    assert iterations(begun) == [1] * 7
    firsts = [number for number, frame in enumerate(begun.frames) if frame.new_share == 1]
    assert len(firsts) == 2
    assert all(begun.frames[number].loss != plain.frames[number].loss for number in firsts)


def test_identity(two_shots, style, tmp_path):
    """The style model is part of a run's identity: a run that began with another one is not resumed."""
    source = open_source(two_shots)
    model = written(tmp_path, to_bytes(example()))
    job = quick_job(two_shots, style, tmp_path / "out", begin_with=model)
    with closing(source):
        plan = resolve(job, source.info, print)
        shots = analyze(source, job, print)
        before = identity(plan, source.info, shots)
        model.write_bytes(to_bytes(replace(example(), clips=["other.mp4"])))
        after = identity(plan, source.info, shots)
    assert {name for name in before if before[name] != after[name]} == {"the model of --begin-with"}


def test_grayscale():
    """For a grayscale stylizer the style model's picture is reduced to its luminance."""
    content = picture(20, 24)
    network = new_network(SMALL, 0, "cpu")
    gray, colored = (to_array(first_picture_by(network, grayscale)(content)) for grayscale in (True, False))
    np.testing.assert_allclose(gray, luminance(colored), atol=1e-6)
    assert np.ptp(colored, axis=2).max() > 0.01


@pytest.mark.parametrize("name", ["style.png", "missing.vstyle"])
def test_not_a_style_model(two_shots, style, tmp_path, name):
    """Anything but an existing style model is refused, and nothing is written."""
    with pytest.raises(BadInput, match=name):
        run(quick_job(two_shots, style, tmp_path / "out", begin_with=style.with_name(name)))
    assert not any(tmp_path.iterdir())
