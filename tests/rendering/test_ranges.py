"""Runs of a part of the source, and ranges of a folder that continue from the frames of an earlier run."""

from __future__ import annotations

import pytest

from tests.support.runs import frame_times, iterations, names_in, packets, quick_job
from videostyle import run
from videostyle.errors import BadInput
from videostyle.events import Rendering


@pytest.mark.parametrize(
    ("part", "count"), [({"start": 0.05, "duration": 0.12}, 2), ({"frames": "2:4"}, 3), ({"frames": "3"}, 3)]
)
def test_part_of_clip(clip, style, tmp_path, part, count):
    """A part of a clip starts at 0 and has the sound of that part."""
    report = run(quick_job(clip, style, tmp_path / "out.mkv", **part))
    times = frame_times(tmp_path / "out.mkv")
    assert len(times) == len(report.frames) == count
    assert times == [frame.time - report.frames[0].time for frame in report.frames]
    sound = [payload for payload, _ in packets(clip, "audio")]
    assert {payload for payload, _ in packets(tmp_path / "out.mkv", "audio")} <= set(sound)


def test_range_continues(folder, style, tmp_path):
    """A range starts from the stylized frame before it, where the output folder holds it, and leaves that file alone."""
    output = tmp_path / "out"
    run(quick_job(folder, style, output, frames="7:9"))
    before = {path.name: path.read_bytes() for path in output.iterdir()}
    events = []
    report = run(quick_job(folder, style, output, frames="10:11", overwrite=True), progress=events.append)
    assert iterations(report) == [1, 1]
    assert [frame.index for frame in report.frames] == [3, 4]
    assert report.frames[0].new_share < 1
    assert names_in(output) == [f"take_{n:03d}.png" for n in range(7, 12)]
    assert all((output / name).read_bytes() == data for name, data in before.items())
    assert [event.fraction for event in events if isinstance(event, Rendering)][-1] == pytest.approx(1)


def test_range_continues_from_a_scaled_frame(folder, style, tmp_path):
    """A frame that was scaled up to the source's size is scaled back down to continue from it."""
    options = {"size": 40, "output_size": "source"}
    run(quick_job(folder, style, tmp_path / "out", frames="7:9", **options))
    report = run(quick_job(folder, style, tmp_path / "out", frames="10:11", **options, overwrite=True))
    assert report.stylized_size != report.size
    assert iterations(report) == [1, 1]


def test_range_without_the_frame_before(folder, style, tmp_path):
    """Where the frame before a range is not in the output folder, the range starts anew."""
    report = run(quick_job(folder, style, tmp_path / "out", frames="10:11"))
    assert iterations(report) == [4, 1]


def test_range_after_another_size(folder, style, tmp_path):
    """Where the frame before a range has another size, the range starts anew."""
    run(quick_job(folder, style, tmp_path / "out", frames="7:9", size=40))
    report = run(quick_job(folder, style, tmp_path / "out", frames="10:11", overwrite=True))
    assert iterations(report) == [4, 1]


def test_range_after_a_damaged_frame(folder, style, tmp_path):
    """Where the frame before a range cannot be read, the run is refused and leaves nothing behind."""
    output = tmp_path / "out"
    output.mkdir()
    (output / "take_009.png").write_bytes(b"no picture")
    with pytest.raises(BadInput, match="take_009"):
        run(quick_job(folder, style, output, frames="10:11", overwrite=True))
    assert names_in(tmp_path) == ["out"]


def test_range_with_keep_colors(folder, style, tmp_path):
    """With `keep_colors` a range continues from the frame before it too, though that has the source's colors."""
    run(quick_job(folder, style, tmp_path / "out", frames="7:9", keep_colors=True))
    report = run(quick_job(folder, style, tmp_path / "out", frames="10:10", keep_colors=True, overwrite=True))
    assert iterations(report) == [1]
