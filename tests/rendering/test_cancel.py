"""Runs that are cancelled or fail, and runs of damaged files: what is raised, and what is left on the disk."""

from __future__ import annotations

import threading
from fractions import Fraction

import av
import psutil
import pytest

from tests.support.clips import Tone, make_clip
from tests.support.runs import frame_times, moving_disc, names_in, packets, quick_job
from videostyle import run
from videostyle.errors import Cancelled, RunFailed
from videostyle.events import Analyzing, Rendering, RunStarted
from videostyle.media.video_sink import VideoSink
from videostyle.media.video_source import VideoSource


def prefetch_runs() -> bool:
    return any(thread.name.startswith("prefetch") for thread in threading.enumerate())


@pytest.mark.parametrize("kind", [Analyzing, RunStarted, Rendering])
def test_cancel(clip, style, tmp_path, kind):
    """A cancelled run ends before its next event, leaves no file and no thread."""
    cancel, after = threading.Event(), []

    def listen(event):
        if cancel.is_set():
            after.append(event)
        elif isinstance(event, kind):
            cancel.set()

    with pytest.raises(Cancelled):
        run(quick_job(clip, style, tmp_path / "out.mp4", first_iterations=1000), progress=listen, cancel=cancel)
    assert after == []
    assert list(tmp_path.iterdir()) == []
    assert not prefetch_runs()


def test_cancel_after_some_frames(clip, style, tmp_path):
    """Finished frames stay in the work folder and nowhere else, and do not disturb the next run."""
    cancel = threading.Event()

    def listen(event):
        if isinstance(event, Rendering) and event.frame == 3:
            cancel.set()

    with pytest.raises(Cancelled):
        run(quick_job(clip, style, tmp_path / "out.mp4"), progress=listen, cancel=cancel)
    assert names_in(tmp_path) == [".out.mp4.videostyle"]
    run(quick_job(clip, style, tmp_path / "out.mp4"))
    assert names_in(tmp_path) == ["out.mp4"]


def test_sink_fails(clip, style, tmp_path, monkeypatch):
    """An output that cannot be written fails the run, and no output is left."""

    def full(self):
        raise RunFailed("the disk is full")

    monkeypatch.setattr(VideoSink, "finish", full)
    with pytest.raises(RunFailed, match="the disk is full"):
        run(quick_job(clip, style, tmp_path / "out.mp4"))
    assert not (tmp_path / "out.mp4").exists()


def test_error_in_prefetch(clip, style, tmp_path, monkeypatch):
    """An exception in the prefetch thread reaches the caller as it is, and no file or thread stays open."""

    class Broken(Exception):
        pass

    def broken(self, size=None, first=0, frames=VideoSource.frames):
        for frame in frames(self, size, first):
            if frame.index == 2 and threading.current_thread().name.startswith("prefetch"):
                raise Broken("in the middle")
            yield frame

    monkeypatch.setattr(VideoSource, "frames", broken)
    opened = psutil.Process().open_files()
    with pytest.raises(Broken, match="in the middle"):
        run(quick_job(clip, style, tmp_path / "out.mp4"))
    assert not prefetch_runs()
    assert {file.path for file in psutil.Process().open_files()} == {file.path for file in opened}
    assert names_in(tmp_path) == [".out.mp4.videostyle"]


def test_damaged_packet(style, tmp_path):
    """A damaged packet is counted and reported; the times of the other frames and the sound stay as they were."""
    source = make_clip(
        tmp_path / "in.mkv", moving_disc(10), codec="mjpeg", pix_fmt="yuvj420p", tones=[Tone(seconds=0.4)]
    )
    with av.open(str(source)) as file:
        (lost,) = [bytes(packet) for packet in file.demux(video=0) if packet.size and packet.pts == 200]
    data = source.read_bytes()
    source.write_bytes(data.replace(lost, bytes(len(lost))))
    report = run(quick_job(source, style, tmp_path / "out.mkv"))
    assert report.skipped == 1
    assert any("1 damaged packet" in line for line in report.notices)
    assert frame_times(tmp_path / "out.mkv") == [Fraction(40 * number, 1000) for number in range(10) if number != 5]
    assert packets(tmp_path / "out.mkv", "audio") == packets(source, "audio")
