"""Shots within a run: where they start, how many iterations their frames get, and how many frames are in memory."""

from __future__ import annotations

import itertools
import threading
import weakref
from pathlib import Path

import av
import numpy as np

from tests.support.clips import make_clip
from tests.support.runs import iterations, moving_disc, quick_job
from videostyle import Job, run
from videostyle.events import Event, Rendering, RunStarted
from videostyle.frames import Frame
from videostyle.media.images import read_picture
from videostyle.rendering.plan import resolve_schedule
from videostyle.stylizers.schedule import BEGUN, SCHEDULES, IterationSchedule


def test_shots_are_independent(two_shots, style, tmp_path):
    """A shot starts anew: rendered without the one before it, it comes to the same frames."""
    report = run(quick_job(two_shots, style, tmp_path / "out"))
    assert iterations(report) == [4, 1, 1, 4, 1, 1, 1]
    assert [frame.shot for frame in report.frames] == [1, 1, 1, 2, 2, 2, 2]
    assert [frame.new_share == 1 for frame in report.frames] == [True, False, False, True, False, False, False]
    assert report.shots == 2
    events: list[Event] = []
    tail = run(quick_job(two_shots, style, tmp_path / "tail", frames="4:7"), progress=events.append)
    assert [frame.shot for frame in tail.frames] == [2] * 4
    assert tail.shots == 1
    assert {(event.shot, event.shots) for event in events if isinstance(event, Rendering)} == {(2, 2)}
    assert [event.first_shot for event in events if isinstance(event, RunStarted)] == [2]
    for number in range(4, 8):
        one, other = (read_picture(tmp_path / name / f"{number:06d}.png").image for name in ("out", "tail"))
        np.testing.assert_array_equal(one, other)


def test_shot_starts_a_segment(two_shots, style, tmp_path):
    """The first frame of a shot is a keyframe of the video."""
    run(quick_job(two_shots, style, tmp_path / "out.mkv"))
    with av.open(str(tmp_path / "out.mkv")) as file:
        assert [packet.is_keyframe for packet in file.demux(video=0) if packet.size] == [1, 0, 0, 1, 0, 0, 0]


def test_no_flow(clip, style, tmp_path):
    """With --flow none every frame is stylized alone, as a shot's first frame is."""
    report = run(quick_job(clip, style, tmp_path / "out", flow="none", first_iterations=None, iterations=3))
    assert iterations(report) == [3] * 5
    assert [frame.new_share for frame in report.frames] == [1] * 5
    assert all(frame.loss == frame.spatial_loss for frame in report.frames)
    alone = run(quick_job(clip, style, tmp_path / "alone.png", frames="1", first_iterations=3))
    assert report.frames[0].loss == alone.frames[0].loss


def test_resolve_schedule():
    """The schedule follows from preset, iterations, first_iterations and begin_with; exact numbers win."""
    plain = {"input": Path("a"), "styles": (Path("b"),)}
    standard = SCHEDULES["standard"]
    assert resolve_schedule(Job(**plain), alone=False) == standard
    assert resolve_schedule(Job(**plain, preset="high"), alone=False) == SCHEDULES["high"]
    assert resolve_schedule(Job(**plain, first_iterations=7), alone=False).first == 7
    assert resolve_schedule(Job(**plain, begin_with="p.vstyle"), alone=False).first == standard.first * BEGUN
    assert resolve_schedule(Job(**plain, begin_with="p.vstyle", first_iterations=7), alone=False).first == 7
    exact = resolve_schedule(Job(**plain, iterations=3), alone=False)
    assert exact == IterationSchedule(standard.first, 3, 3, for_new=0, collect=0, repeats=False)
    assert resolve_schedule(Job(**plain, iterations=3), alone=True).first == 3
    assert resolve_schedule(Job(**plain, iterations=3, first_iterations=8), alone=True).first == 8


def test_frames_in_memory(style, tmp_path, monkeypatch):
    """However long the clip is, no more than a few of its frames exist at once."""
    path = make_clip(tmp_path / "long.mp4", (moving_disc(10) + moving_disc(10)[::-1]) * 3, rate=25)
    lock, alive, most = threading.Lock(), {}, [0]
    number = itertools.count()
    checked = Frame.__post_init__

    def counted(frame):
        checked(frame)
        key = next(number)
        with lock:
            alive[key] = weakref.ref(frame, lambda _: alive.pop(key, None))
            most[0] = max(most[0], len(alive))

    monkeypatch.setattr(Frame, "__post_init__", counted)
    report = run(quick_job(path, style, tmp_path / "out.mp4", size=32, first_iterations=1))
    assert len(report.frames) == 60
    assert next(number) >= 180  # analyzed, stylized, written
    assert most[0] <= 12
