"""`run(job)` from file to file, on the thin network: what comes out, what is told, and what is left behind."""

from __future__ import annotations

import itertools
import threading
import weakref
from contextlib import closing
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import psutil
import pytest

from tests.support.clips import Tone, gradient, make_clip, make_style_image
from tests.support.runs import SIZE, frame_times, moving_disc, quick_job, stripes
from tests.support.thin_vgg import thin_weights
from videostyle import Job, run
from videostyle.errors import BadInput, BadOutput, Cancelled, RunFailed
from videostyle.events import Analyzing, Estimate, Notice, Rendering, RunStarted
from videostyle.frames import Frame
from videostyle.media.images import read_picture
from videostyle.media.sources import open_source
from videostyle.media.video_source import VideoSource
from videostyle.models.weights import WEIGHTS
from videostyle.rendering.plan import resolve_schedule
from videostyle.reports.json import write_report
from videostyle.stylizers.optimize import Optimize
from videostyle.stylizers.schedule import BEGUN, SCHEDULES, Schedule

MS = Fraction(1, 1000)


@pytest.fixture(autouse=True)
def thin_network(monkeypatch):
    monkeypatch.setitem(WEIGHTS, "vgg19", thin_weights)


@pytest.fixture(scope="module")
def style(tmp_path_factory) -> Path:
    return make_style_image(tmp_path_factory.mktemp("style") / "style.png")


@pytest.fixture(scope="module")
def clip(tmp_path_factory) -> Path:
    """Five frames at uneven times, and sound."""
    path = tmp_path_factory.mktemp("clip") / "clip.mp4"
    return make_clip(path, moving_disc(5), pts=[0, 40, 90, 160, 200], time_base=MS, tones=[Tone(seconds=0.25)])


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("clip") / "frames"
    path.mkdir()
    for number, image in enumerate(moving_disc(5), 7):
        cv2.imwrite(str(path / f"take_{number:03d}.png"), image[..., ::-1])
    return path


def packets(path: Path, kind: str) -> list[tuple[bytes, Fraction]]:
    with av.open(str(path)) as file:
        (stream,) = getattr(file.streams, kind)
        return [(bytes(each), each.pts * stream.time_base) for each in file.demux(stream) if each.size]


def differences(image: np.ndarray) -> np.ndarray:
    """Red less green and green less blue."""
    return np.diff(image.astype(float), axis=-1)


# --- what comes out --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
def test_a_video_keeps_its_times_and_its_sound(clip, style, tmp_path, suffix):
    output = tmp_path / f"out{suffix}"
    report = run(quick_job(clip, style, output))
    assert frame_times(output) == frame_times(clip) == [each * MS for each in (0, 40, 90, 160, 200)]
    sound, expected = packets(output, "audio"), packets(clip, "audio")
    assert [payload for payload, _ in sound] == [payload for payload, _ in expected]
    rounding = MS / 2 if suffix == ".mkv" else 0  # Matroska counts whole milliseconds
    assert max(abs(one - other) for (_, one), (_, other) in zip(sound, expected, strict=True)) <= rounding
    assert [each.name for each in tmp_path.iterdir()] == [output.name]
    assert [each.time for each in report.frames] == frame_times(clip)
    with av.open(str(output)) as file:
        assert (file.streams.video[0].height, file.streams.video[0].width) == report.size == SIZE


def test_a_transport_stream_begins_at_0_with_its_sound_in_time(style, tmp_path):
    """Its clock begins anywhere: kept, it would be ten hours of nothing."""
    begin = 90_000 * 36_000
    pts = [begin + 3600 * index for index in range(5)]
    source = make_clip(
        tmp_path / "in.ts",
        moving_disc(5),
        pts=pts,
        time_base=Fraction(1, 90_000),
        tones=[Tone(seconds=0.3, start=36_000)],
    )
    run(quick_job(source, style, tmp_path / "out.mp4"))
    before, after = frame_times(source), frame_times(tmp_path / "out.mp4")
    shift = before[0] - after[0]
    assert 0 <= after[0] < 1
    assert [each - shift for each in before] == after
    heard_before, heard = (packets(path, "audio") for path in (source, tmp_path / "out.mp4"))
    assert len(heard) == len(heard_before)
    assert abs(heard_before[0][1] - shift - heard[0][1]) < MS


def test_a_folder_keeps_its_names(folder, style, tmp_path):
    report = run(quick_job(folder, style, tmp_path / "out"))
    assert sorted(each.name for each in (tmp_path / "out").iterdir()) == [f"take_{n:03d}.png" for n in range(7, 12)]
    assert [each.name for each in tmp_path.iterdir()] == ["out"]
    for name in ("take_007.png", "take_011.png"):
        painted, source = (read_picture(place / name).image for place in (tmp_path / "out", folder))
        assert painted.shape == source.shape
        assert np.abs(painted.astype(float) - source).mean() > 2
    assert len(report.frames) == 5


def test_a_video_becomes_a_folder_with_its_times(clip, style, tmp_path):
    run(quick_job(clip, style, tmp_path / "out"))
    names = [f"{n:06d}.png" for n in range(1, 6)]
    assert sorted(each.name for each in (tmp_path / "out").iterdir()) == [*names, "timestamps.txt"]
    lines = [line.split() for line in (tmp_path / "out" / "timestamps.txt").read_text().splitlines() if line[0] != "#"]
    assert [name for name, *_ in lines] == names
    assert [Fraction(time) for _, time, _ in lines] == frame_times(clip)


def test_a_folder_becomes_a_video(folder, style, tmp_path):
    run(quick_job(folder, style, tmp_path / "out.mkv"))
    assert frame_times(tmp_path / "out.mkv") == [i * Fraction(1, 25) for i in range(5)]


def test_a_still_becomes_a_picture_of_its_size_and_keeps_its_transparency(style, tmp_path):
    pixels = np.dstack([gradient(37, 51), np.linspace(0, 255, 51).round().astype(np.uint8)[None].repeat(37, 0)])
    cv2.imwrite(str(tmp_path / "photo.png"), pixels)
    report = run(quick_job(tmp_path / "photo.png", style, tmp_path / "out.png"))
    found = read_picture(tmp_path / "out.png")
    assert found.image.shape == (37, 51, 3)
    assert found.image.dtype == np.uint8
    np.testing.assert_array_equal(found.alpha, pixels[..., 3])
    assert [each.iterations for each in report.frames] == [4]


def test_a_still_of_16_bits_is_written_in_16(style, tmp_path):
    cv2.imwrite(str(tmp_path / "photo.png"), gradient(*SIZE).astype(np.uint16) * 257)
    run(quick_job(tmp_path / "photo.png", style, tmp_path / "out.png"))
    found = read_picture(tmp_path / "out.png").image
    assert found.dtype == np.uint16
    assert len(np.unique(found % 257)) > 100


def test_a_preview_is_one_picture(clip, style, tmp_path):
    report = run(quick_job(clip, style, tmp_path / "look.png", frames="1", iterations=None))
    assert read_picture(tmp_path / "look.png").image.shape == (*SIZE, 3)
    assert [each.iterations for each in report.frames] == [4]


@pytest.mark.parametrize(
    ("part", "count"), [({"start": 0.05, "duration": 0.12}, 2), ({"frames": "2:4"}, 3), ({"frames": "3"}, 3)]
)
def test_a_part_of_a_clip_is_painted_with_its_own_sound(clip, style, tmp_path, part, count):
    report = run(quick_job(clip, style, tmp_path / "out.mkv", **part))
    found = frame_times(tmp_path / "out.mkv")
    assert len(found) == len(report.frames) == count
    first = report.frames[0].time
    assert found == [each.time - first for each in report.frames]
    sound = [payload for payload, _ in packets(clip, "audio")]
    assert {payload for payload, _ in packets(tmp_path / "out.mkv", "audio")} <= set(sound)


def test_the_painting_is_the_same_byte_for_byte_in_every_run(clip, style, tmp_path):
    for name, seed in (("a.mkv", 0), ("b.mkv", 0), ("c.mkv", 1)):
        run(quick_job(clip, style, tmp_path / name, seed=seed))
    one, same, other = (packets(tmp_path / name, "video") for name in ("a.mkv", "b.mkv", "c.mkv"))
    assert one == same
    assert one != other


def test_output_size_source_scales_back(clip, style, tmp_path):
    report = run(quick_job(clip, style, tmp_path / "out", size=32, output_size="source"))
    assert read_picture(tmp_path / "out" / "000001.png").image.shape == (*SIZE, 3)
    assert report.size == SIZE
    report = run(quick_job(clip, style, tmp_path / "small", size=32))
    assert read_picture(tmp_path / "small" / "000001.png").image.shape == (24, 32, 3)
    assert report.size == (24, 32)


def test_keep_colors_keeps_the_colors_and_changes_the_light(folder, style, tmp_path):
    run(quick_job(folder, style, tmp_path / "kept", keep_colors=True))
    run(quick_job(folder, style, tmp_path / "painted"))
    for name in ("take_007.png", "take_010.png"):
        source, kept, painted = (
            read_picture(p / name).image for p in (folder, tmp_path / "kept", tmp_path / "painted")
        )
        inside = (kept.min(axis=-1) > 0) & (kept.max(axis=-1) < 255)  # elsewhere a color was cut off
        assert inside.mean() > 0.3
        assert np.abs(differences(kept) - differences(source))[inside].max() <= 1.5
        assert np.abs(differences(painted) - differences(source))[inside].max() > 10
        assert np.abs(kept.astype(float) - source).mean() > 2


def test_several_styles_are_mixed(folder, style, tmp_path):
    other = tmp_path / "other.png"
    cv2.imwrite(str(other), stripes(1)[0])
    found = []
    for index, styles in enumerate([(style,), (other,), (style, other)]):
        output = tmp_path / f"out{index}.png"
        run(Job(input=folder / "take_007.png", styles=styles, output=output, first_iterations=6, threads=1))
        found.append(read_picture(output).image)
    assert not any(np.array_equal(one, another) for one, another in itertools.combinations(found, 2))


# --- shots and iterations --------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def two_shots(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("clip") / "cut.mp4"
    return make_clip(path, [*moving_disc(3), *stripes(4)], rate=10)


def test_every_shot_starts_afresh(two_shots, style, tmp_path):
    report = run(quick_job(two_shots, style, tmp_path / "out"))
    assert [each.iterations for each in report.frames] == [4, 1, 1, 4, 1, 1, 1]
    assert [each.shot for each in report.frames] == [1, 1, 1, 2, 2, 2, 2]
    assert [each.new_share == 1 for each in report.frames] == [True, False, False, True, False, False, False]
    assert report.shots == 2
    run(quick_job(two_shots, style, tmp_path / "tail", frames="4:7"))
    for number in range(4, 8):  # alone, the second shot comes to the same pictures
        one, other = (read_picture(tmp_path / name / f"{number:06d}.png").image for name in ("out", "tail"))
        np.testing.assert_array_equal(one, other)


def test_every_shot_begins_a_segment(two_shots, style, tmp_path):
    run(quick_job(two_shots, style, tmp_path / "out.mkv"))
    with av.open(str(tmp_path / "out.mkv")) as file:
        assert [packet.is_keyframe for packet in file.demux(video=0) if packet.size] == [1, 0, 0, 1, 0, 0, 0]


def test_without_flow_every_frame_is_painted_alone(clip, style, tmp_path):
    report = run(quick_job(clip, style, tmp_path / "out", flow="none", first_iterations=None, iterations=3))
    assert [each.iterations for each in report.frames] == [3] * 5
    assert [each.new_share for each in report.frames] == [1] * 5
    assert all(each.loss == each.spatial_loss for each in report.frames)
    alone = run(quick_job(clip, style, tmp_path / "alone.png", frames="1", first_iterations=3))
    assert report.frames[0].loss == alone.frames[0].loss


def test_a_jobs_effort():
    plain = {"input": Path("a"), "styles": (Path("b"),)}
    assert resolve_schedule(Job(**plain), alone=False) == SCHEDULES["standard"]
    assert resolve_schedule(Job(**plain, preset="high"), alone=False) == SCHEDULES["high"]
    assert resolve_schedule(Job(**plain, first_iterations=7), alone=False).first == 7
    assert (
        resolve_schedule(Job(**plain, begin_with="p.vstyle"), alone=False).first == SCHEDULES["standard"].first * BEGUN
    )
    assert resolve_schedule(Job(**plain, begin_with="p.vstyle", first_iterations=7), alone=False).first == 7
    exact = resolve_schedule(Job(**plain, iterations=3), alone=False)
    assert exact == Schedule(SCHEDULES["standard"].first, 3, 3, for_new=0, collect=0, repeats=False)
    assert resolve_schedule(Job(**plain, iterations=3), alone=True).first == 3
    assert resolve_schedule(Job(**plain, iterations=3, first_iterations=8), alone=True).first == 8


# --- a range that continues ------------------------------------------------------------------------------------------


def test_a_range_of_a_folder_starts_from_the_frame_painted_before_it(folder, style, tmp_path):
    output = tmp_path / "out"
    run(quick_job(folder, style, output, frames="7:9"))
    before = {each.name: each.read_bytes() for each in output.iterdir()}
    events = []
    report = run(quick_job(folder, style, output, frames="10:11", overwrite=True), progress=events.append)
    assert [each.iterations for each in report.frames] == [1, 1]
    assert [each.index for each in report.frames] == [3, 4]
    assert report.frames[0].new_share < 1
    assert sorted(each.name for each in output.iterdir()) == [f"take_{n:03d}.png" for n in range(7, 12)]
    assert all((output / name).read_bytes() == data for name, data in before.items())
    assert [each.fraction for each in events if isinstance(each, Rendering)][-1] == pytest.approx(1)


def test_a_range_continues_a_picture_that_was_scaled_up(folder, style, tmp_path):
    run(quick_job(folder, style, tmp_path / "out", frames="7:9", size=40, output_size="source"))
    report = run(
        quick_job(folder, style, tmp_path / "out", frames="10:11", size=40, output_size="source", overwrite=True)
    )
    assert report.stylized_size != report.size
    assert [each.iterations for each in report.frames] == [1, 1]


def test_a_range_starts_afresh_where_the_frame_before_it_is_not_painted(folder, style, tmp_path):
    report = run(quick_job(folder, style, tmp_path / "out", frames="10:11"))
    assert [each.iterations for each in report.frames] == [4, 1]


def test_a_range_starts_afresh_where_the_frame_before_it_has_another_size(folder, style, tmp_path):
    run(quick_job(folder, style, tmp_path / "out", frames="7:9", size=40))
    report = run(quick_job(folder, style, tmp_path / "out", frames="10:11", overwrite=True))
    assert [each.iterations for each in report.frames] == [4, 1]


def test_a_damaged_frame_before_a_range_is_refused_and_nothing_is_left(folder, style, tmp_path):
    output = tmp_path / "out"
    output.mkdir()
    (output / "take_009.png").write_bytes(b"no picture")
    with pytest.raises(BadInput, match="take_009"):
        run(quick_job(folder, style, output, frames="10:11", overwrite=True))
    assert [each.name for each in tmp_path.iterdir()] == ["out"]


def test_with_kept_colors_a_range_goes_on_in_gray(folder, style, tmp_path, monkeypatch):
    continued = []
    original = Optimize.continue_from

    def continue_from(self, *args):
        original(self, *args)
        continued.append(self.state())

    monkeypatch.setattr(Optimize, "continue_from", continue_from)
    run(quick_job(folder, style, tmp_path / "out", frames="7:9", keep_colors=True))
    continued.clear()
    run(quick_job(folder, style, tmp_path / "out", frames="10:10", keep_colors=True, overwrite=True))
    assert np.ptp(continued[0]["picture"], axis=-1).max() < 1e-6
    assert np.ptp(continued[0]["source"], axis=-1).max() == 0


# --- what is told ----------------------------------------------------------------------------------------------------


def test_events_come_in_order_and_the_newest_frame_can_be_looked_at(two_shots, style, tmp_path):
    events, looks = [], []

    def listen(event):
        events.append(event)
        if isinstance(event, Rendering) and event.frame > 1:
            looks.append(read_picture(events[plan_at()].preview).image.shape)

    def plan_at():
        return next(index for index, event in enumerate(events) if isinstance(event, RunStarted))

    report = run(quick_job(two_shots, style, tmp_path / "out.mp4", size=64), progress=listen)
    kinds = [kind for kind, _ in itertools.groupby(type(each) for each in events)]
    assert [kind for kind in kinds if kind is not Estimate] == [Notice, Analyzing, RunStarted, Rendering]
    assert [each.frame for each in events if isinstance(each, Analyzing)] == [1, 2, 3, 4, 5, 6, 7]
    plan = events[plan_at()]
    assert (plan.frames, plan.shots, plan.size, plan.source_size, plan.device) == (7, 2, (48, 64), SIZE, "cpu")
    painting = [each for each in events if isinstance(each, Rendering)]
    assert len(painting) == sum(each.iterations + 1 for each in report.frames)
    fractions = [each.fraction for each in painting]
    assert fractions == sorted(fractions)
    assert 0 <= fractions[0] < 0.05
    assert fractions[-1] == pytest.approx(1)
    assert {(each.frame, each.shot) for each in painting} == {(n, 1 + (n > 3)) for n in range(1, 8)}
    assert set(looks) == {(48, 64, 3)}
    assert not plan.preview.exists()
    assert any("enlarged" in each for each in report.notices)


def test_the_report_holds_the_options_the_machine_and_the_measurements(clip, style, tmp_path):
    report = run(quick_job(clip, style, tmp_path / "out.mp4"))
    assert report.options["first_iterations"] == 4
    assert report.options["styles"] == [str(style)]
    assert report.options["size"] is None
    assert {"torch", "av", "videostyle"} <= set(report.versions)
    assert report.device == "cpu"
    assert report.peak_memory > 2**26
    assert 0 < sum(each.seconds for each in report.frames) <= report.seconds


# --- stopping and failing --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [Analyzing, RunStarted, Rendering])
def test_a_cancelled_run_ends_at_the_next_event_and_leaves_no_output(clip, style, tmp_path, kind):
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
    assert not any(thread.name.startswith("prefetch") for thread in threading.enumerate())


def test_a_run_cancelled_after_some_frames_keeps_them_in_its_work_folder_only(clip, style, tmp_path):
    cancel = threading.Event()

    def listen(event):
        if isinstance(event, Rendering) and event.frame == 3:
            cancel.set()

    with pytest.raises(Cancelled):
        run(quick_job(clip, style, tmp_path / "out.mp4"), progress=listen, cancel=cancel)
    (left,) = tmp_path.iterdir()
    assert left.name == ".out.mp4.videostyle"
    run(quick_job(clip, style, tmp_path / "out.mp4"))  # which is in nobody's way
    assert [each.name for each in tmp_path.iterdir()] == ["out.mp4"]


def test_a_sink_that_fails_is_told_and_leaves_no_output(clip, style, tmp_path, monkeypatch):
    def full(self):
        raise RunFailed("the disk is full")

    monkeypatch.setattr("videostyle.media.video_sink.VideoSink.finish", full)
    with pytest.raises(RunFailed):
        run(quick_job(clip, style, tmp_path / "out.mp4"))
    assert not (tmp_path / "out.mp4").exists()


def test_what_a_thread_raises_comes_out_as_itself_and_nothing_stays_open(clip, style, tmp_path, monkeypatch):
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
    assert not any(thread.name.startswith("prefetch") for thread in threading.enumerate())
    assert {each.path for each in psutil.Process().open_files()} == {each.path for each in opened}
    assert [each.name for each in tmp_path.iterdir()] == [".out.mp4.videostyle"]


def test_damaged_packets_are_counted_and_the_sound_stays_in_step(style, tmp_path):
    source = make_clip(
        tmp_path / "in.mkv", moving_disc(10), codec="mjpeg", pix_fmt="yuvj420p", tones=[Tone(seconds=0.4)]
    )
    with av.open(str(source)) as file:
        (lost,) = [bytes(each) for each in file.demux(video=0) if each.size and each.pts == 200]
    data = source.read_bytes()
    source.write_bytes(data.replace(lost, bytes(len(lost))))
    report = run(quick_job(source, style, tmp_path / "out.mkv"))
    assert report.skipped == 1
    assert any("1 damaged packet" in line for line in report.notices)
    assert frame_times(tmp_path / "out.mkv") == [Fraction(40 * number, 1000) for number in range(10) if number != 5]
    assert packets(tmp_path / "out.mkv", "audio") == packets(source, "audio")


@pytest.mark.parametrize(
    "name", ["a b", "q'\"uote", "new\nline", "-dash", "%04d", "a:b", "\udcff\udcfe", "[red]*?", "ünder", "C:"]
)
def test_names_are_taken_literally(clip, style, tmp_path, name):
    folder = tmp_path / name
    folder.mkdir()
    source, own_style, output = folder / f"{name}.mp4", folder / f"{name}.png", folder / f"{name}_out.mp4"
    source.write_bytes(clip.read_bytes())
    own_style.write_bytes(style.read_bytes())
    report = run(quick_job(source, own_style, output, frames="2"))
    write_report(report, folder / f"{name}.json")
    assert {each.name for each in folder.iterdir()} == {f"{name}{end}" for end in (".mp4", ".png", "_out.mp4", ".json")}
    assert len(times_of(output)) == 2


def times_of(path: Path) -> list[Fraction]:
    with closing(open_source(path)) as source:
        return [frame.time for frame in source.frames()]


def test_two_runs_do_not_write_one_output(clip, style, tmp_path):
    caught = []

    def listen(event):
        if isinstance(event, RunStarted):
            with pytest.raises(BadOutput, match="busy") as error:
                run(quick_job(clip, style, tmp_path / "out.mp4"))
            caught.append(error)

    run(quick_job(clip, style, tmp_path / "out.mp4"), progress=listen)
    assert len(caught) == 1
    assert [each.name for each in tmp_path.iterdir()] == ["out.mp4"]


def test_an_output_that_is_there_stays_as_it_was_until_it_is_replaced(clip, style, tmp_path):
    output = tmp_path / "out.mp4"
    output.write_bytes(b"old")
    with pytest.raises(BadOutput):
        run(quick_job(clip, style, output))
    assert output.read_bytes() == b"old"
    run(
        quick_job(clip, style, output, overwrite=True),
        progress=lambda _: output.read_bytes() == b"old" or pytest.fail("!"),
    )
    assert len(frame_times(output)) == 5


# --- memory ----------------------------------------------------------------------------------------------------------


def test_few_frames_are_alive_at_once_however_long_the_clip(style, tmp_path, monkeypatch):
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
    assert next(number) >= 180  # looked through, painted, written
    assert most[0] <= 12
