"""Runs with a style model: frames are the network's, and `--engine learned` trains, keeps and reuses the model."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests.support.thin_vgg import thin_weights
from tests.support.training import train_small, training_job
from videostyle import Job, run
from videostyle.config import TrainJob
from videostyle.errors import BadInput, BadOption, BadOutput
from videostyle.events import Progress
from videostyle.media.images import read_picture
from videostyle.media.sources import open_source
from videostyle.models.transformer_net import load_network
from videostyle.models.weights import WEIGHTS
from videostyle.stylizers.colors import luminance
from videostyle.tensors import to_array, to_tensor
from videostyle.training.engine import with_style_model
from videostyle.training.train import TrainReport


@pytest.fixture(scope="module")
def model(tmp_path_factory, style, clip) -> Path:
    path = tmp_path_factory.mktemp("trained") / "style.vstyle"
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(WEIGHTS, "vgg19", thin_weights)
        train_small(training_job(style, clip, path))
    return path


@pytest.mark.parametrize("size", [None, 50, 100])
def test_run_writes_what_the_network_gives(model, clip, tmp_path, size):
    report = run(Job(input=clip, styles=(model,), output=tmp_path / "out", threads=1, size=size))
    network, source = load_network(model, "cpu"), open_source(clip)
    for number, frame in enumerate(source.frames(report.size), 1):
        expected = to_array(network(to_tensor(frame.image, "cpu")))
        actual = read_picture(tmp_path / "out" / f"{number:06d}.png").image
        assert np.abs(actual / 255 - expected).max() < 1 / 255
    assert [record.iterations for record in report.frames] == [0] * 8


def test_keep_colors_takes_luminance_from_the_network(model, clip, tmp_path):
    run(Job(input=clip, styles=(model,), output=tmp_path / "out", threads=1, keep_colors=True))
    (frame, *_) = open_source(clip).frames()
    network = load_network(model, "cpu")
    light = luminance(to_array(network(to_tensor(frame.image, "cpu"))))
    actual = read_picture(tmp_path / "out" / "000001.png").image / np.float32(255)
    inside = (actual.min(2) > 0.01) & (actual.max(2) < 0.99)  # elsewhere a color was clipped
    assert inside.mean() > 0.2
    assert np.abs(luminance(actual) - light)[inside].max() < 0.02


def learned_job(style: Path, clip: Path, output: Path) -> Job:
    return Job(input=clip, styles=(style,), output=output, engine="learned", minutes=0.02, threads=1)


def test_engine_learned_trains_once(style, clip, tmp_path):
    job = learned_job(style, clip, tmp_path / "out.mp4")
    run(job)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out.mp4", "out.vstyle"]
    before = (tmp_path / "out.vstyle").stat()
    report = run(replace(job, overwrite=True))
    after = (tmp_path / "out.vstyle").stat()
    assert (after.st_ino, after.st_mtime_ns) == (before.st_ino, before.st_mtime_ns), "it was trained again"
    assert any("trained before" in line for line in report.notices)
    assert report.options["engine"] == "learned"
    assert report.options["styles"] == [str(style)]


def test_training_size_is_limited(style, clip, tmp_path):
    """A run larger than any training gets a model of the largest size, and a notice."""
    trained: list[TrainJob] = []

    def train(job: TrainJob, *_: object) -> TrainReport:
        trained.append(job)
        return TrainReport(tmp_path / "out.vstyle", 1, 1.0, (), ())

    progress = Progress(None, None)
    job = Job(input=clip, styles=(style,), engine="learned")
    with_style_model(job, tmp_path / "out.mp4", (2160, 3840), progress, train)
    assert trained[0].size == 2048
    assert "trained at 2048 pixels" in progress.notices[0]


def test_engine_learned_never_replaces_another_model(style, clip, tmp_path):
    """--overwrite refers to the run's output; the other training may have taken hours."""
    job = learned_job(style, clip, tmp_path / "out.mp4")
    run(job)
    before = (tmp_path / "out.vstyle").read_bytes()
    with pytest.raises(BadOutput, match="videostyle run"):
        run(replace(job, frames="3", overwrite=True))
    assert (tmp_path / "out.vstyle").read_bytes() == before
    run(replace(job, frames="3", overwrite=True, restart=True))
    assert (tmp_path / "out.vstyle").read_bytes() != before


@pytest.mark.parametrize(
    "options", [{"style_weight": 30.0}, {"preset": "high"}, {"iterations": 3}, {"styles": ("a.vstyle", "b.jpg")}]
)
def test_options_without_effect_on_a_style_model_are_refused(options):
    with pytest.raises(BadOption):
        Job(**({"input": "in.mp4", "styles": ("a.vstyle",)} | options))


def test_run_refuses_a_foreign_file(clip, tmp_path):
    (tmp_path / "bad.vstyle").write_bytes(b"PK\x03\x04 something else")
    with pytest.raises(BadInput, match=r"bad\.vstyle"):
        run(Job(input=clip, styles=(tmp_path / "bad.vstyle",), output=tmp_path / "out.mp4"))
    assert [path.name for path in tmp_path.iterdir()] == ["bad.vstyle"]
