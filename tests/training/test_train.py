"""Training from clip to file with thin networks: what the file holds, resuming, and what is refused."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace

import cv2
import numpy as np
import pytest

from tests.support.clips import make_style_image
from tests.support.training import SIZE, STEPS, listener, moving, stop_after, train_small, training_job
from videostyle.config import TrainJob
from videostyle.errors import BadInput, BadOption, BadOutput
from videostyle.events import Notice, TrainingProgress, TrainingStarted
from videostyle.media.images import picture_bytes, read_picture
from videostyle.media.sources import open_source
from videostyle.models.model_file import read_style_model
from videostyle.models.transformer_net import load_network
from videostyle.style_images import style_pictures
from videostyle.training.schedule import TrainingSchedule
from videostyle.training.state import read_state, state_path

SCHEDULE = TrainingSchedule()


def test_train_writes_one_file(style, clip, tmp_path):
    """The style model says what it was trained on, and holds the network with the lowest validation loss."""
    events: list = []
    report = train_small(training_job(style, clip, tmp_path / "out.vstyle"), events.append)
    assert [path.name for path in tmp_path.iterdir()] == ["out.vstyle"]
    model = read_style_model(tmp_path / "out.vstyle")
    assert report.steps == STEPS
    assert (list(model.styles), model.clips) == (["style.png"], ["clip.mp4"])
    assert model.settings["--style-weight"] == "15.0"
    assert model.trained["loss"] == report.best.loss == min(validation.loss for validation in report.validations)
    assert len(report.validations) == SCHEDULE.validations
    assert report.validations[-1].loss < 0.8 * report.validations[0].loss
    assert [event.step for event in events if isinstance(event, TrainingProgress)] == list(range(1, STEPS + 1))
    (started,) = (event for event in events if isinstance(event, TrainingStarted))
    assert (started.pairs, started.size, started.clips) == (6, SIZE, 1)
    (picture,) = style_pictures(tmp_path / "out.vstyle")
    np.testing.assert_allclose(picture, read_picture(style).image, atol=40)


def test_resume_to_same_weights(style, clip, tmp_path):
    whole = training_job(style, clip, tmp_path / "whole.vstyle")
    train_small(whole)
    expected = read_style_model(tmp_path / "whole.vstyle").weights
    for steps in (1, 7, STEPS - 1):
        interrupted = replace(whole, output=tmp_path / f"interrupted{steps}.vstyle")
        stop_after(steps, interrupted)
        notices: list[Notice] = []
        train_small(interrupted, listener(Notice, notices))
        assert f"resuming an interrupted training after its first {steps} steps" in notices[0].text
        actual = read_style_model(interrupted.output).weights
        for name, weights in expected.items():
            np.testing.assert_array_equal(actual[name], weights)


def test_interrupted_training_leaves_usable_model_and_preview(style, clip, tmp_path):
    job = training_job(style, clip, tmp_path / "out.vstyle")
    stop_after(STEPS // 2, job)
    load_network(job.output, "cpu")
    work = tmp_path / ".out.vstyle.videostyle"
    assert read_picture(work / "newest.png").image.shape == (*SIZE, 3)


def test_resume_with_more_steps_but_not_with_other_options(style, clip, tmp_path):
    first = training_job(style, clip, tmp_path / "out.vstyle")
    stop_after(5, first)
    with pytest.raises(BadOutput, match="--style-weight"):
        train_small(replace(first, style_weight=30.0))
    longer = train_small(replace(first, steps=4 * STEPS))
    assert longer.steps == 4 * STEPS
    gaps = np.diff([validation.steps for validation in longer.validations])
    assert max(gaps) <= 1.5 * longer.steps / SCHEDULE.validations


def test_restart_discards_saved_state(style, clip, tmp_path):
    first = training_job(style, clip, tmp_path / "out.vstyle")
    stop_after(5, first)
    stop_after(1, replace(first, restart=True, style_weight=30.0))
    assert train_small(replace(first, style_weight=30.0)).steps == STEPS


def test_refused_restart_keeps_saved_state(style, clip, tmp_path):
    first = training_job(style, clip, tmp_path / "out.vstyle")
    stop_after(5, first)
    for options in ({}, {"restart": True}):
        with pytest.raises(BadInput, match="typo"):
            train_small(replace(first, on=(tmp_path / "typo.mp4",), **options))
    assert "after its first 5 steps" in train_small(first).notices[0]


def test_state_is_saved_between_validations(style, clip, tmp_path):
    """A killed process saves nothing, and validations may be minutes apart."""
    job = training_job(style, clip, tmp_path / "out.vstyle")
    saved: list[int] = []

    def watch(event) -> None:
        path = state_path(job.output)
        if isinstance(event, TrainingProgress) and path.exists():
            saved.append(read_state(path).steps)

    train_small(job, watch, schedule=TrainingSchedule(validations=1, seconds_between_saves=0.0))
    assert saved == list(range(1, STEPS))


def test_style_images_of_one_name_are_both_kept(style, clip, tmp_path):
    (tmp_path / "other").mkdir()
    other = make_style_image(tmp_path / "other" / style.name)
    cv2.imwrite(str(other), 255 - cv2.imread(str(other)))
    train_small(replace(training_job(style, clip, tmp_path / "out.vstyle", steps=2), styles=(style, other)))
    assert list(read_style_model(tmp_path / "out.vstyle").styles) == ["style.png", "style-2.png"]
    for kept, path in zip(style_pictures(tmp_path / "out.vstyle"), (style, other), strict=True):
        np.testing.assert_allclose(kept, read_picture(path).image, atol=40)


def test_style_image_in_other_colors(style, clip, tmp_path):
    """It is trained on, and kept, in the colors of the frames trained on, or of another picture."""
    with closing(open_source(clip)) as source:
        frames = np.stack([frame.image for frame in source.frames()])
    (tmp_path / "pale.png").write_bytes(picture_bytes(np.full((8, 8, 3), (200, 150, 180), np.uint8), None, ".png"))
    for colors, mean in (("match", frames.mean(axis=(0, 1, 2))), (str(tmp_path / "pale.png"), (200, 150, 180))):
        train_small(training_job(style, clip, tmp_path / "out.vstyle", steps=2, colors=colors, overwrite=True))
        (kept,) = style_pictures(tmp_path / "out.vstyle")
        np.testing.assert_allclose(kept.mean(axis=(0, 1)), mean, atol=6)


def test_damaged_state_starts_over_with_notice(style, clip, tmp_path):
    first = training_job(style, clip, tmp_path / "out.vstyle")
    stop_after(5, first)
    path = state_path(first.output)
    path.write_bytes(path.read_bytes()[:-9])
    report = train_small(first)
    assert "cannot be used" in report.notices[0]
    assert report.steps == STEPS


def test_existing_output_needs_overwrite(style, clip, tmp_path):
    output = tmp_path / "out.vstyle"
    output.write_bytes(b"mine")
    with pytest.raises(BadOutput, match="already exists"):
        train_small(training_job(style, clip, output))
    assert output.read_bytes() == b"mine"
    assert [path.name for path in tmp_path.iterdir()] == ["out.vstyle"]
    train_small(training_job(style, clip, output, overwrite=True, steps=2))
    read_style_model(output)


def test_refused_training_leaves_no_files(style, tmp_path):
    text = tmp_path / "notes.mp4"
    text.write_text("no film")
    (tmp_path / "out").mkdir()
    for bad in (text, tmp_path / "missing.mp4"):
        with pytest.raises(BadInput):
            train_small(training_job(style, bad, tmp_path / "out" / "out.vstyle"))
    with pytest.raises(BadOutput, match="no folder"):
        train_small(training_job(style, text, tmp_path / "nowhere" / "out.vstyle"))
    assert not list((tmp_path / "out").iterdir())


def test_train_on_still_and_folder(style, tmp_path):
    folder = tmp_path / "frames"
    folder.mkdir()
    for number, image in enumerate(moving(4), 7):
        cv2.imwrite(str(folder / f"{number:03d}.png"), image[..., ::-1])
    events: list[TrainingStarted] = []
    job = TrainJob(styles=(style,), on=(folder, folder / "007.png"), output=tmp_path / "a.vstyle", steps=3, threads=1)
    train_small(job, listener(TrainingStarted, events))
    (started,) = events
    assert (started.pairs, started.clips) == (4, 2)


@pytest.mark.parametrize("bad", [{"on": ()}, {"styles": ()}, {"output": "a.mp4"}, {"minutes": 0.0}, {"size": 8}])
def test_incomplete_or_invalid_job_is_refused(bad):
    with pytest.raises(BadOption):
        TrainJob(**({"styles": ("a.jpg",), "on": ("a.mp4",)} | bad))
