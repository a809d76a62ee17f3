"""Training from clip to file on the thin network: what is learned on, what is kept, and how it goes on after a stop."""

from __future__ import annotations

import threading
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from tests.support.clips import gradient, make_clip, make_painting
from tests.support.thin_vgg import thin_weights
from videostyle import Job, run
from videostyle.analysis import ShotList
from videostyle.config import TrainJob
from videostyle.errors import BadInput, BadOption, BadOutput, Cancelled
from videostyle.events import Notice, Progress, TrainingProgress, TrainingStarted
from videostyle.media.images import read_picture
from videostyle.media.sources import open_source
from videostyle.models.model_file import read_style_file
from videostyle.models.transformer_net import Shape, load_network
from videostyle.models.weights import WEIGHTS
from videostyle.rendering import render as painter
from videostyle.rendering.plan import RunPlan
from videostyle.style_images import style_pictures
from videostyle.stylizers.colors import luminance
from videostyle.tensors import to_array, to_tensor
from videostyle.training import train as training
from videostyle.training.dataset import pairs_of, part_size
from videostyle.training.engine import with_learned
from videostyle.training.state import read_state, state_path_of
from videostyle.training.train import CHECKS, train

SIZE = (48, 64)
STEPS = 24


@pytest.fixture(autouse=True)
def thin_networks(monkeypatch):
    for module in (painter, training):
        monkeypatch.setitem(WEIGHTS, "vgg19", thin_weights)
    monkeypatch.setattr(training, "Shape", lambda: Shape(width=8, blocks=2, dilated=1, half=6))


def moving(count: int) -> list[np.ndarray]:
    """A bright disc crosses a colored slope."""
    return [cv2.circle(gradient(*SIZE, step=90), (12 + 3 * i, 24), 9, (240, 220, 40), -1) for i in range(count)]


@pytest.fixture(scope="module")
def style(tmp_path_factory) -> Path:
    return make_painting(tmp_path_factory.mktemp("style") / "style.png")


@pytest.fixture(scope="module")
def clip(tmp_path_factory) -> Path:
    return make_clip(tmp_path_factory.mktemp("clip") / "clip.mp4", moving(8))


def job(style: Path, clip: Path, output: Path, **options) -> TrainJob:
    return TrainJob(
        styles=(style,), on=(clip,), output=output, **({"steps": STEPS, "threads": 1, "size": 64} | options)
    )


def stopped_after(steps: int, job: TrainJob) -> None:
    """Trains until the step of this number was told, and is cancelled then."""
    cancel = threading.Event()

    def hear(event) -> None:
        if isinstance(event, TrainingProgress) and event.step == steps:
            cancel.set()

    with pytest.raises(Cancelled):
        train(job, hear, cancel)


def test_a_training_leaves_one_file_that_says_what_it_is(style, clip, tmp_path):
    told: list = []
    report = train(job(style, clip, tmp_path / "out.vstyle"), told.append)
    assert [each.name for each in tmp_path.iterdir()] == ["out.vstyle"]
    file = read_style_file(tmp_path / "out.vstyle")
    assert report.steps == STEPS
    assert (list(file.styles), file.clips) == (["style.png"], ["clip.mp4"])
    assert file.settings["--style-weight"] == "15.0"
    assert file.trained["loss"] == report.best.loss == min(each.loss for each in report.checks)
    assert len(report.checks) == CHECKS
    assert report.checks[-1].loss < 0.8 * report.checks[0].loss
    assert [each.step for each in told if isinstance(each, TrainingProgress)] == list(range(1, STEPS + 1))
    (lesson,) = (each for each in told if isinstance(each, TrainingStarted))
    assert (lesson.pairs, lesson.size, lesson.clips) == (6, SIZE, 1)
    (picture,) = style_pictures(tmp_path / "out.vstyle")
    np.testing.assert_allclose(picture, read_picture(style).image, atol=40)


def test_stopped_anywhere_it_goes_on_to_the_same_weights(style, clip, tmp_path):
    whole = job(style, clip, tmp_path / "whole.vstyle")
    train(whole)
    expected = read_style_file(tmp_path / "whole.vstyle").weights
    for steps in (1, 7, STEPS - 1):
        broken = replace(whole, output=tmp_path / f"broken{steps}.vstyle")
        stopped_after(steps, broken)
        notices: list = []
        train(broken, lambda event, heard=notices: heard.append(event) if isinstance(event, Notice) else None)
        assert f"after its first {steps} steps" in notices[0].text
        found = read_style_file(broken.output).weights
        for name, each in expected.items():
            np.testing.assert_array_equal(found[name], each)


def test_stopped_after_a_check_the_best_so_far_paints(style, clip, tmp_path):
    training_job = job(style, clip, tmp_path / "out.vstyle")
    stopped_after(STEPS // 2, training_job)
    load_network(training_job.output, "cpu")
    work = tmp_path / ".out.vstyle.videostyle"
    assert read_picture(work / "newest.png").image.shape == (*SIZE, 3)


def test_more_time_makes_a_stopped_training_longer_and_another_option_is_refused(style, clip, tmp_path):
    first = job(style, clip, tmp_path / "out.vstyle")
    stopped_after(5, first)
    with pytest.raises(BadOutput, match="--style-weight"):
        train(replace(first, style_weight=30.0))
    longer = train(replace(first, steps=4 * STEPS))
    assert longer.steps == 4 * STEPS
    assert max(np.diff([each.steps for each in longer.checks])) <= 1.5 * longer.steps / CHECKS


def test_restart_forgets_what_was_interrupted(style, clip, tmp_path):
    first = job(style, clip, tmp_path / "out.vstyle")
    stopped_after(5, first)
    stopped_after(1, replace(first, restart=True, style_weight=30.0))
    assert train(replace(first, style_weight=30.0)).steps == STEPS


def test_a_restart_that_is_refused_forgets_nothing(style, clip, tmp_path):
    first = job(style, clip, tmp_path / "out.vstyle")
    stopped_after(5, first)
    for options in ({}, {"restart": True}):
        with pytest.raises(BadInput, match="typo"):
            train(replace(first, on=(tmp_path / "typo.mp4",), **options))
    assert "after its first 5 steps" in train(first).notices[0]


def test_a_training_is_saved_now_and_then_as_a_kill_lets_nothing_be_saved(style, clip, tmp_path, monkeypatch):
    """Between checks too, which may lie minutes apart."""
    monkeypatch.setattr(training, "SECONDS_BETWEEN", 0)
    monkeypatch.setattr(training, "CHECKS", 1)
    asked = job(style, clip, tmp_path / "out.vstyle")
    saved: list[int] = []

    def look(event) -> None:
        path = state_path_of(asked.output)
        if isinstance(event, TrainingProgress) and path.exists():
            saved.append(read_state(path).steps)

    train(asked, look)
    assert saved == list(range(1, STEPS))


def test_styles_of_one_name_in_two_folders_are_both_learned_and_kept(style, clip, tmp_path):
    (tmp_path / "other").mkdir()
    other = make_painting(tmp_path / "other" / style.name)
    cv2.imwrite(str(other), 255 - cv2.imread(str(other)))
    train(replace(job(style, clip, tmp_path / "out.vstyle", steps=2), styles=(style, other)))
    assert list(read_style_file(tmp_path / "out.vstyle").styles) == ["style.png", "style-2.png"]
    for kept, path in zip(style_pictures(tmp_path / "out.vstyle"), (style, other), strict=True):
        np.testing.assert_allclose(kept, read_picture(path).image, atol=40)


def test_a_damaged_state_is_told_and_starts_over(style, clip, tmp_path):
    first = job(style, clip, tmp_path / "out.vstyle")
    stopped_after(5, first)
    path = state_path_of(first.output)
    path.write_bytes(path.read_bytes()[:-9])
    report = train(first)
    assert "cannot be used" in report.notices[0]
    assert report.steps == STEPS


def test_a_file_that_is_there_stays_unless_it_may_be_replaced(style, clip, tmp_path):
    output = tmp_path / "out.vstyle"
    output.write_bytes(b"mine")
    with pytest.raises(BadOutput, match="exists"):
        train(job(style, clip, output))
    assert output.read_bytes() == b"mine"
    assert [each.name for each in tmp_path.iterdir()] == ["out.vstyle"]
    train(job(style, clip, output, overwrite=True, steps=2))
    read_style_file(output)


def test_what_cannot_be_learned_on_is_refused_and_leaves_nothing(style, tmp_path):
    text = tmp_path / "notes.mp4"
    text.write_text("no film")
    (tmp_path / "out").mkdir()
    for bad in (text, tmp_path / "missing.mp4"):
        with pytest.raises(BadInput):
            train(job(style, bad, tmp_path / "out" / "out.vstyle"))
    with pytest.raises(BadOutput, match="no folder"):
        train(job(style, text, tmp_path / "nowhere" / "out.vstyle"))
    assert not list((tmp_path / "out").iterdir())


def test_a_still_and_a_folder_can_be_learned_on(style, tmp_path):
    folder = tmp_path / "frames"
    folder.mkdir()
    for number, image in enumerate(moving(4), 7):
        cv2.imwrite(str(folder / f"{number:03d}.png"), image[..., ::-1])
    told: list = []
    both = TrainJob(styles=(style,), on=(folder, folder / "007.png"), output=tmp_path / "a.vstyle", steps=3, threads=1)
    train(both, told.append)
    (lesson,) = (each for each in told if isinstance(each, TrainingStarted))
    assert (lesson.pairs, lesson.clips) == (4, 2)


def test_no_pair_spans_a_cut():
    assert pairs_of(ShotList(3, 6, frozenset({3, 6}), None)) == [(3, 4), (4, 5), (6, 7), (7, 8)]
    assert pairs_of(ShotList(3, 2, frozenset({3, 4}), None)) == [(3, 3), (4, 4)]


@pytest.mark.parametrize(("size", "share"), [((180, 320), 0.4), ((20, 320), 0.4), ((64, 48), 0.4), ((180, 320), 1.0)])
def test_a_part_is_never_larger_than_the_frame_nor_too_small_for_the_network(size, share):
    height, width = part_size(size, share)
    assert height <= size[0]
    assert width <= size[1]
    assert min(height, width) >= 16
    assert height / width == pytest.approx(size[0] / size[1], rel=0.06)


@pytest.mark.parametrize("bad", [{"on": ()}, {"styles": ()}, {"output": "a.mp4"}, {"minutes": 0.0}, {"size": 8}])
def test_a_job_that_says_too_little_or_what_cannot_be_is_refused(bad):
    with pytest.raises(BadOption):
        TrainJob(**({"styles": ("a.jpg",), "on": ("a.mp4",)} | bad))


# --- painting with what was learned -----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def learned(tmp_path_factory, style, clip) -> Path:
    path = tmp_path_factory.mktemp("learned") / "style.vstyle"
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(WEIGHTS, "vgg19", thin_weights)
        patch.setattr(training, "Shape", lambda: Shape(width=8, blocks=2, dilated=1, half=6))
        train(job(style, clip, path))
    return path


@pytest.mark.parametrize("size", [None, 50, 100])
def test_a_run_paints_each_frame_as_the_network_does(learned, clip, tmp_path, size):
    report = run(Job(input=clip, styles=(learned,), output=tmp_path / "out", threads=1, size=size))
    network, source = load_network(learned, "cpu"), open_source(clip)
    for number, frame in enumerate(source.frames(report.size), 1):
        painted = to_array(network(to_tensor(frame.image, "cpu")))
        found = read_picture(tmp_path / "out" / f"{number:06d}.png").image
        assert np.abs(found / 255 - painted).max() < 1 / 255
    assert [each.iterations for each in report.frames] == [0] * 8


def test_kept_colors_are_the_clips_and_the_light_is_the_networks(learned, clip, tmp_path):
    run(Job(input=clip, styles=(learned,), output=tmp_path / "out", threads=1, keep_colors=True))
    (frame, *_) = open_source(clip).frames()
    network = load_network(learned, "cpu")
    light = luminance(to_array(network(to_tensor(frame.image, "cpu"))))
    found = read_picture(tmp_path / "out" / "000001.png").image / np.float32(255)
    inside = (found.min(2) > 0.01) & (found.max(2) < 0.99)  # elsewhere a color was cut off
    assert inside.mean() > 0.2
    assert np.abs(luminance(found) - light)[inside].max() < 0.02


def test_engine_learned_trains_on_the_clip_keeps_the_painting_and_uses_it_again(style, clip, tmp_path, monkeypatch):
    asked = Job(input=clip, styles=(style,), output=tmp_path / "out.mp4", engine="learned", minutes=0.02, threads=1)
    run(asked)
    assert sorted(each.name for each in tmp_path.iterdir()) == ["out.mp4", "out.vstyle"]
    monkeypatch.setattr(training, "train", lambda *_: pytest.fail("it has learned already"))
    report = run(replace(asked, overwrite=True))
    assert any("learned before" in line for line in report.notices)
    assert report.options["engine"] == "learned"
    assert report.options["styles"] == [str(style)]


def test_what_is_painted_larger_than_a_network_can_learn_is_learned_at_the_most(style, clip, tmp_path, monkeypatch):
    learned: list[TrainJob] = []

    class Trained:
        notices = ()

    monkeypatch.setattr(training, "train", lambda job, *_: learned.append(job) or Trained())
    chosen = RunPlan(tmp_path / "out.mp4", "cpu", (2160, 3840), (2160, 3840), None, None)
    tell = Progress(None, None)
    with_learned(Job(input=clip, styles=(style,), engine="learned"), chosen, tell)
    assert learned[0].size == 2048
    assert "learns at 2048 pixels" in tell.notices[0]


def test_engine_learned_takes_the_place_of_no_other_learned_painting(style, clip, tmp_path):
    """--overwrite means the clip that is painted; another training may have taken hours."""
    asked = Job(input=clip, styles=(style,), output=tmp_path / "out.mp4", engine="learned", minutes=0.02, threads=1)
    run(asked)
    before = (tmp_path / "out.vstyle").read_bytes()
    with pytest.raises(BadOutput, match="videostyle run"):
        run(replace(asked, frames="3", overwrite=True))
    assert (tmp_path / "out.vstyle").read_bytes() == before
    run(replace(asked, frames="3", overwrite=True, restart=True))
    assert (tmp_path / "out.vstyle").read_bytes() != before


@pytest.mark.parametrize(
    "options", [{"style_weight": 30.0}, {"preset": "high"}, {"iterations": 3}, {"styles": ("a.vstyle", "b.jpg")}]
)
def test_what_a_learned_painting_cannot_follow_is_refused(options):
    with pytest.raises(BadOption):
        Job(**({"input": "in.mp4", "styles": ("a.vstyle",)} | options))


def test_a_foreign_file_is_refused_before_anything_is_made(clip, tmp_path):
    (tmp_path / "bad.vstyle").write_bytes(b"PK\x03\x04 something else")
    with pytest.raises(BadInput, match=r"bad\.vstyle"):
        run(Job(input=clip, styles=(tmp_path / "bad.vstyle",), output=tmp_path / "out.mp4"))
    assert [each.name for each in tmp_path.iterdir()] == ["bad.vstyle"]
