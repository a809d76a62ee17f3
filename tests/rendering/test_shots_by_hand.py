"""Runs with cuts and options of shots from a file."""

from __future__ import annotations

import json
from dataclasses import fields
from pathlib import Path

import cv2
import numpy as np
import pytest

from tests.support.clips import gradient, make_clip
from tests.support.runs import iterations, moving_disc, quick_job
from videostyle import dry_run, run
from videostyle.config import Job
from videostyle.errors import BadInput, BadOption, BadOutput, Cancelled
from videostyle.events import Progress, Rendering, Saved
from videostyle.frames import VideoInfo
from videostyle.losses.style_targets import StyleTargets
from videostyle.media.images import read_picture
from videostyle.options import options_of
from videostyle.rendering.checkpoint import Interval
from videostyle.rendering.dry_run import described
from videostyle.rendering.plan import resolve
from videostyle.rendering.run import render


@pytest.fixture(scope="module")
def moving(tmp_path_factory) -> Path:
    """Eight frames of one shot."""
    path = tmp_path_factory.mktemp("clip") / "moving.mkv"
    return make_clip(path, moving_disc(8), rate=10, codec="ffv1", pix_fmt="bgr0")


@pytest.fixture(scope="module")
def stripes_style(tmp_path_factory) -> Path:
    """A style image unlike the other one: broad red stripes."""
    path = tmp_path_factory.mktemp("style") / "stripes.png"
    image = np.where(np.arange(60)[:, None, None] // 6 % 2, (30, 20, 220), (240, 240, 240)).astype(np.uint8)
    cv2.imwrite(str(path), image.repeat(60, 1))
    return path


def shots_file(folder: Path, *tables: str) -> Path:
    path = folder / "shots.toml"
    path.write_text("".join(f"[[shot]]\n{table}\n" for table in tables), encoding="utf-8")
    return path


def frames(folder: Path) -> list[np.ndarray]:
    return [read_picture(path).image for path in sorted(folder.glob("*.png"))]


def test_edited_cuts(moving, style, tmp_path):
    """A cut made by hand starts a shot: its frames are those of the part by itself, where no cut was found."""
    shots = shots_file(tmp_path, "start = 1", "start = 4")
    report = run(quick_job(moving, style, tmp_path / "out", shots=shots))
    assert [frame.shot for frame in report.frames] == [1] * 3 + [2] * 5
    assert iterations(report) == [4, 1, 1, 4, 1, 1, 1, 1]
    run(quick_job(moving, style, tmp_path / "tail", frames="4:8"))
    np.testing.assert_array_equal(frames(tmp_path / "out")[3:], frames(tmp_path / "tail"))


def test_deleted_cuts(two_shots, style, tmp_path):
    """Where the file has no cut, the shot goes on, though one would be detected."""
    report = run(quick_job(two_shots, style, tmp_path / "out", shots=shots_file(tmp_path, "start = 1")))
    assert [frame.shot for frame in report.frames] == [1] * 7


def test_part_of_a_clip(moving, style, tmp_path):
    """Numbers count over the whole source, and a part of it has the options of its shots."""
    shots = shots_file(tmp_path, "start = 1", "start = 3\niterations = 2", "start = 6\niterations = 3", "start = 8")
    report = run(quick_job(moving, style, tmp_path / "out", shots=shots, frames="4:7"))
    assert [frame.shot for frame in report.frames] == [2, 2, 3, 3]
    assert iterations(report) == [4, 2, 4, 3]


def test_folder(folder, style, tmp_path):
    """In a folder, starts are the numbers of the files."""
    report = run(quick_job(folder, style, tmp_path / "out", shots=shots_file(tmp_path, "start = 7", "start = 10")))
    assert [frame.shot for frame in report.frames] == [1, 1, 1, 2, 2]


def test_styles_of_shots(moving, style, stripes_style, tmp_path):
    """Each shot has its own style, and comes to the same frames as by itself in that style."""
    shots = shots_file(tmp_path, "start = 1", f'start = 4\nstyles = "{stripes_style}"\nkeep_colors = true', "start = 7")
    run(quick_job(moving, style, tmp_path / "out", shots=shots))
    for name, part, used, own in (
        ("one", "1:3", style, {}),
        ("two", "4:6", stripes_style, {"keep_colors": True}),
        ("three", "7:8", style, {}),
    ):
        run(quick_job(moving, used, tmp_path / name, frames=part, **own))
    alone = [*frames(tmp_path / "one"), *frames(tmp_path / "two"), *frames(tmp_path / "three")]
    np.testing.assert_array_equal(frames(tmp_path / "out"), alone)


def test_statistics_are_shared(moving, style, stripes_style, tmp_path, monkeypatch):
    """The statistics of a style image are computed once, however many shots have it, with whatever weights."""
    computed = []
    compute = StyleTargets._statistics

    def counting(self, image, longer, palette):
        computed.append((image.shape, longer))
        return compute(self, image, longer, palette)

    monkeypatch.setattr(StyleTargets, "_statistics", counting)
    shots = shots_file(
        tmp_path,
        "start = 1",
        f'start = 3\nstyles = "{stripes_style}"',
        "start = 5\nstyle_weight = 30",
        f'start = 7\nstyles = ["{stripes_style}"]\ntv_weight = 1',
    )
    run(quick_job(moving, style, tmp_path / "out", shots=shots))
    assert len(computed) == len(set(computed)) == 2


@pytest.mark.parametrize("suffix", ["", ".mkv"])
def test_resume_in_the_second_shot(moving, style, stripes_style, tmp_path, suffix):
    """It comes to the same bytes, with the second shot's settings."""
    shots = shots_file(
        tmp_path, "start = 1", f'start = 4\nstyles = "{stripes_style}"\nkeep_colors = true\niterations = 2'
    )
    whole, resumed = tmp_path / f"whole{suffix}", tmp_path / f"resumed{suffix}"
    run(quick_job(moving, style, whole, shots=shots))

    def stop(event):
        if isinstance(event, Rendering) and event.frame == 7:
            raise Cancelled("stopped")

    with pytest.raises(Cancelled):
        render(quick_job(moving, style, resumed, shots=shots), Progress(stop, None), Interval(0, float("inf")))
    events = []
    report = run(quick_job(moving, style, resumed, shots=shots), progress=events.append)
    assert next(event.frames for event in reversed(events) if isinstance(event, Saved) and event.frames < 8) == 6
    assert iterations(report) == [4, 1, 1, 4, 2, 2, 2, 2]
    if suffix:
        assert whole.read_bytes() == resumed.read_bytes()
    else:
        np.testing.assert_array_equal(frames(whole), frames(resumed))


@pytest.mark.parametrize(
    ("table", "changed"),
    [
        ("start = 4\nstyle_weight = 31", r"shot 2, --style-weight was 30\.0 and is now 31\.0"),
        ("start = 4", r"shot 2, --style-weight was 30\.0 and is now not given"),
        ("start = 5\nstyle_weight = 30", "cuts are found in other places"),
    ],
)
def test_changed_shots_do_not_resume(moving, style, tmp_path, table, changed):
    """The identity of a run has what each shot has of its own."""
    job = quick_job(
        moving, style, tmp_path / "out.mkv", shots=shots_file(tmp_path, "start = 1", "start = 4\nstyle_weight = 30")
    )

    def stop(event):
        if isinstance(event, Rendering) and event.frame == 6:
            raise Cancelled("stopped")

    with pytest.raises(Cancelled):
        render(job, Progress(stop, None), Interval(0, float("inf")))
    shots_file(tmp_path, "start = 1", table)
    with pytest.raises(BadOutput, match=changed):
        run(job)


@pytest.mark.parametrize(
    ("tables", "options", "sentence"),
    [
        (["start = 2"], {}, r"shot 1: start = 2 is not the clip's first frame, 1; move the start"),
        (["start = 1", "start = 9"], {}, r"shot 2: start = 9 is beyond the clip's last frame, 8; delete the table"),
        (["start = 2"], {"frames": "4:5"}, r"shot 1: start = 2 is not the clip's first frame, 1"),
    ],
)
def test_refused_by_the_clip(moving, style, tmp_path, tables, options, sentence):
    """What only the frames can say; nothing is left behind."""
    shots = shots_file(tmp_path, *tables)
    with pytest.raises(BadOption, match=sentence):
        run(quick_job(moving, style, tmp_path / "out", shots=shots, **options))
    assert [path.name for path in tmp_path.iterdir()] == ["shots.toml"]


def test_start_between_files(style, tmp_path):
    """A start that no file has is refused."""
    take = tmp_path / "take"
    take.mkdir()
    for number in (1, 2, 4, 5):
        cv2.imwrite(str(take / f"{number}.png"), gradient(36, 48, number))
    shots = shots_file(tmp_path, "start = 1", "start = 3")
    with pytest.raises(BadOption, match=r"shot 2: start = 3 is no frame of .*take; move the start"):
        run(quick_job(take, style, tmp_path / "out", shots=shots, gaps="skip"))


def test_damaged_style(moving, style, tmp_path):
    """A style that cannot be read is refused with its table, before the first frame."""
    (tmp_path / "bad.png").write_bytes(b"no picture")
    shots = shots_file(tmp_path, "start = 1", 'start = 4\nstyles = "bad.png"')
    with pytest.raises(BadInput, match=r"shots\.toml, shot 2: .*bad\.png"):
        run(quick_job(moving, style, tmp_path / "out", shots=shots))


RECORDS = {
    "result_options",
    "options",
    "files",
    "origins",
    "tables",
    "shot_plans",
}  # fields that nothing is rendered from

OTHER_VALUES = {
    "blend": 0.5,
    "strength": 0.5,
    "mix": "0.7,0.3",
    "preset": "high",
    "objective": "neighbors",
    "keep_colors": True,
    "colors": "clip",
    "iterations": 7,
    "first_iterations": 9,
}


@pytest.mark.parametrize("name", [name for name, record in options_of(Job).items() if record.per_shot])
def test_every_option_of_a_shot_reaches_its_plan(style, tmp_path, name):
    """An option marked `per_shot` changes the plan of the shot that has it, and of no other."""
    if name == "begin_with":
        pytest.skip("needs a style model; see tests/rendering/test_begin_with.py")
    value = OTHER_VALUES.get(name, 3)
    text = json.dumps(value)
    shots = shots_file(tmp_path, "start = 1", f"start = 4\n{name} = {text}")
    (tmp_path / "in.mp4").touch()
    job = Job(input=tmp_path / "in.mp4", styles=(style, style), output=tmp_path / "out.mp4", size=64, shots=shots)
    plan = resolve(job, VideoInfo("video", (360, 640)), print)
    rendered_from = [part.name for part in fields(plan) if part.name not in RECORDS]
    own, first, second = ([repr(getattr(each, name)) for name in rendered_from] for each in (plan, *plan.shot_plans))
    assert own == first != second
    assert plan.of_shot(1).result_options == plan.result_options != plan.of_shot(2).result_options


def test_colors_of_shots(moving, style, tmp_path):
    """A shot whose colors are matched comes to the same frames as by itself, and the others keep the style's."""
    shots = shots_file(tmp_path, "start = 1", 'start = 4\ncolors = "match"', "start = 7")
    run(quick_job(moving, style, tmp_path / "out", shots=shots))
    for name, part, own in (("one", "1:3", {}), ("three", "7:8", {})):
        run(quick_job(moving, style, tmp_path / name, frames=part, **own))
    run(quick_job(moving, style, tmp_path / "two", shots=shots, frames="4:6", colors="match"))
    alone = [*frames(tmp_path / "one"), *frames(tmp_path / "two"), *frames(tmp_path / "three")]
    np.testing.assert_array_equal(frames(tmp_path / "out"), alone)
    plain = tmp_path / "plain"
    run(quick_job(moving, style, plain, frames="4:6"))
    assert not np.array_equal(frames(plain), alone[3:6])


def test_dry_run(moving, style, tmp_path):
    """It names what shots have of their own, and counts their iterations."""
    shots = shots_file(tmp_path, "start = 1", "start = 4\niterations = 3\nfirst_iterations = 9")
    dry = dry_run(quick_job(moving, style, tmp_path / "out", shots=shots))
    said = dict(described(dry))
    assert said["shot 2"] == "frames 4 to 8, 0.3 s to 0.8 s (0.5 s long); iterations 3; first_iterations 9"
    assert said["work"].startswith(f"about {4 + 2 * 1 + 9 + 4 * 3} iterations (")


def test_report(moving, style, tmp_path):
    """The report says what each shot had of its own."""
    shots = shots_file(tmp_path, "start = 1", "start = 4\nstyle_weight = 30")
    report = run(quick_job(moving, style, tmp_path / "out", shots=shots, report=(tmp_path / "r.json",)))
    assert report.shot_options == {2: {"style_weight": 30.0}}
    content = json.loads((tmp_path / "r.json").read_text())
    assert content["options"]["shots"] == str(shots)
    assert content["shot_options"] == {"2": {"style_weight": 30.0}}
