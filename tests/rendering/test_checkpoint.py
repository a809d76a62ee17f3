"""Interrupted runs resume to the same bytes; changed options are refused, and damaged checkpoints are reported."""

from __future__ import annotations

import json
import pickle
import threading
from fractions import Fraction
from itertools import islice
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.clips import Tone, make_clip
from tests.support.outputs import opened_sink
from tests.support.runs import frame_times, moving_disc, names_in, quick_job, stripes
from tests.support.transparent import write_transparent
from videostyle.analysis import ShotList
from videostyle.errors import BadOutput, Cancelled, RunFailed
from videostyle.events import Notice, Progress, Rendering, Saved
from videostyle.frames import Frame, VideoInfo
from videostyle.media.encoding import EncodingRequest, choose_encoder
from videostyle.media.segments import SEGMENT_FRAMES
from videostyle.media.sinks import open_sink
from videostyle.media.video_sink import VideoSink
from videostyle.media.video_source import VideoSource
from videostyle.media.workdir import WorkFolder
from videostyle.provenance import sha256_of
from videostyle.rendering import checkpoint
from videostyle.rendering.checkpoint import Checkpoints, Interval
from videostyle.rendering.run import render
from videostyle.reports.json import frame_as_json, frame_from_json, write_report
from videostyle.reports.records import FrameRecord

MS = Fraction(1, 1000)
COUNT = 7


def run(job, progress=None, cancel=None):
    """Render with a checkpoint after every frame."""
    return render(job, Progress(progress, cancel), Interval(0, float("inf")))


@pytest.fixture(scope="module")
def clip(tmp_path_factory) -> Path:
    """Seven frames in two shots, at uneven times from 1 s on, with sound."""
    path = tmp_path_factory.mktemp("clip") / "clip.mp4"
    pts = [1000, 1040, 1090, 1160, 1200, 1300, 1333]
    return make_clip(path, moving_disc(4) + stripes(3), pts=pts, time_base=MS, tones=[Tone(seconds=0.4)])


def interrupt(job, after: int) -> None:
    """Run the job and cancel it when this many frames are finished."""
    cancel = threading.Event()

    def listen(event):
        if isinstance(event, Rendering) and event.frame == after + 1:
            cancel.set()

    with pytest.raises(Cancelled):
        run(job, progress=listen, cancel=cancel)


def notices(job) -> list[str]:
    """Run the job; return its notices."""
    texts = []
    run(job, progress=lambda event: texts.append(event.text) if isinstance(event, Notice) else None)
    return texts


def content(path: Path) -> dict[str, bytes]:
    """The bytes of a file, or of the files in a folder, by name; an output named "whole" compares equal to one named "out"."""
    files = [file for file in path.rglob("*") if file.is_file()] if path.is_dir() else [path]
    return {file.name.replace("whole", "out"): file.read_bytes() for file in files}


# --- resuming --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("after", range(1, COUNT))
@pytest.mark.parametrize("name", ["out.mp4", "out.webm", "out"])
def test_resume_after_any_frame(clip, style, tmp_path, name, after):
    """The same command resumes a run that was stopped in any frame, and the output has the same bytes."""
    whole, output = tmp_path / name.replace("out", "whole"), tmp_path / name
    expected = run(quick_job(clip, style, whole))
    interrupt(quick_job(clip, style, output), after)
    assert not output.exists()
    numbers = []
    report = run(quick_job(clip, style, output), progress=lambda event: numbers.append(getattr(event, "frame", COUNT)))
    assert content(output) == content(whole)
    assert min(numbers[-5:]) > after or after == COUNT - 1
    assert [frame.loss for frame in report.frames] == [frame.loss for frame in expected.frames]
    assert [frame.time for frame in report.frames] == [frame.time for frame in expected.frames]
    assert names_in(tmp_path) == sorted([output.name, whole.name])


def test_what_is_saved_is_said(clip, style, tmp_path):
    """At any time the newest Saved event has the number of frames that the same job would resume after."""
    output, said = tmp_path / "out.mp4", []

    def saved(**options) -> list[int]:
        said.clear()
        cancel = threading.Event()

        def listen(event):
            if isinstance(event, Saved):
                said.append(event.frames)
            elif isinstance(event, Rendering) and event.frame == 3:
                cancel.set()

        with pytest.raises(Cancelled):
            run(quick_job(clip, style, output, **options), progress=listen, cancel=cancel)
        return said

    assert saved() == [0, 0, 1, 2]
    assert saved() == [2, 2]
    assert saved(restart=True) == [2, 0, 1, 2]
    run(quick_job(clip, style, output), progress=lambda event: said.append(getattr(event, "frames", None)))
    assert [count for count in said if count is not None][-1] == COUNT


def test_resume_around_the_end_of_a_segment(style, tmp_path):
    """The frames of a long shot are encoded in segments; a run resumes within one, at its end, and after it."""
    clip, whole = make_clip(tmp_path / "clip.mp4", stripes(SEGMENT_FRAMES + 3)), tmp_path / "whole.mp4"
    run(quick_job(clip, style, whole, flow="none"))
    for after in (1, SEGMENT_FRAMES - 1, SEGMENT_FRAMES, SEGMENT_FRAMES + 1):
        output = tmp_path / f"{after}.mp4"
        interrupt(quick_job(clip, style, output, flow="none"), after)
        run(quick_job(clip, style, output, flow="none"))
        assert output.read_bytes() == whole.read_bytes()


CHANGING = {"style_weight": "0: 15; 3: 30", "style_scale": "0: 1; 6: 1.5 ease", "blend": "0: 1; 0.2s: 0.5"}
FADING = {"strength": "0: 1; 2: 0.2; 3: 0; 2shot: 1 ease", "color_weight": 0.0}


@pytest.mark.parametrize(
    "options",
    [{"keep_colors": True}, {"flow": "none"}, {"frames": "2:6"}, {"start": 0.05}, CHANGING, FADING],
    ids=str,
)
def test_resume_with_options(clip, style, tmp_path, options):
    """A run with other options resumes too, also when it is interrupted twice."""
    whole, output = tmp_path / "whole.mp4", tmp_path / "out.mp4"
    run(quick_job(clip, style, whole, **options))
    interrupt(quick_job(clip, style, output, **options), 2)
    interrupt(quick_job(clip, style, output, **options), 3)
    run(quick_job(clip, style, output, **options))
    assert content(output) == content(whole)


@pytest.mark.parametrize(
    ("name", "codec"),
    [
        ("out.webm", None),
        ("out.mov", "prores"),
        ("out.mkv", "ffv1"),
        ("out.mp4", None),
        ("out.gif", None),
        ("out.apng", None),
        ("out.webp", None),
        ("out", None),
    ],
)
def test_resume_of_transparent_film(style, tmp_path, name, codec):
    """Alpha, composition and the guide of the style are made from the source again: the bytes are the same."""
    film = write_transparent(tmp_path / "in.webm", "libvpx-vp9", 4)
    whole, output = tmp_path / name.replace("out", "whole"), tmp_path / name
    run(quick_job(film, style, whole, codec=codec))
    interrupt(quick_job(film, style, output, codec=codec), 2)
    run(quick_job(film, style, output, codec=codec))
    assert content(output) == content(whole)


def test_resume_with_matched_colors(two_shots, style, tmp_path):
    """A run resumes within and after a shot; when more frames are asked for, the colors are still those of the whole shot."""
    whole = tmp_path / "whole"
    run(quick_job(two_shots, style, whole, colors="match"))
    for after in (1, 4, 5):
        output = tmp_path / f"out{after}" / "out"
        output.parent.mkdir()
        interrupt(quick_job(two_shots, style, output, colors="match"), after)
        run(quick_job(two_shots, style, output, colors="match"))
        assert content(output) == content(whole)
    clip = make_clip(tmp_path / "clip.mkv", [moving_disc(1)[0], *(image // 3 for image in moving_disc(3)[1:])])
    interrupt(quick_job(clip, style, tmp_path / "more", colors="match", frames="2"), 1)
    run(quick_job(clip, style, tmp_path / "more", colors="match", frames="4"))
    run(quick_job(clip, style, tmp_path / "all", colors="match"))
    assert content(tmp_path / "more") == content(tmp_path / "all")


def test_resume_after_failed_mux(clip, style, tmp_path, monkeypatch):
    """A run that failed after its last frame only writes the output; no frame is stylized again."""
    output = tmp_path / "out.mp4"
    with monkeypatch.context() as full:
        full.setattr(VideoSink, "finish", lambda self: (_ for _ in ()).throw(RunFailed("the disk is full")))
        with pytest.raises(RunFailed):
            run(quick_job(clip, style, output))
    events = []
    run(quick_job(clip, style, output), progress=events.append)
    assert len(frame_times(output)) == COUNT
    assert not any(isinstance(event, Rendering) for event in events)


def test_output_inside_the_source_folder(style, tmp_path):
    """A run whose output lies in the folder of its frames resumes: the output does not count as a change of the source."""
    for number, image in enumerate(moving_disc(4), 1):
        cv2.imwrite(str(tmp_path / f"{number:03d}.png"), image)
    job = quick_job(tmp_path, style, tmp_path / "out.mkv")
    interrupt(job, 2)
    assert any("after its first 2 frames" in text for text in notices(job))


def test_resume_after_failed_publish(clip, style, tmp_path):
    """A finished picture that could not be moved to its place is kept, and the next run only moves it."""
    output = tmp_path / "one.png"
    job = quick_job(clip, style, output, frames="1")
    with pytest.raises(RunFailed):
        run(job, progress=lambda event: output.mkdir(exist_ok=True) if isinstance(event, Rendering) else None)
    output.rmdir()
    parts = tmp_path / ".one.png.videostyle" / "parts"
    assert sum(file.stat().st_size for file in parts.glob("*.safetensors")) < 1000  # no frame follows: no state
    events = []
    run(job, progress=events.append)
    assert not any(isinstance(event, Rendering) for event in events)
    run(quick_job(clip, style, tmp_path / "whole.png", frames="1"))
    assert content(tmp_path / "one.png")["one.png"] == content(tmp_path / "whole.png")["out.png"]


def test_raise_frames(clip, style, tmp_path):
    """An interrupted run resumes with a larger --frames."""
    whole, output = tmp_path / "whole.mp4", tmp_path / "out.mp4"
    run(quick_job(clip, style, whole, frames="6"))
    interrupt(quick_job(clip, style, output, frames="5"), 3)
    run(quick_job(clip, style, output, frames="6"))
    assert content(output) == content(whole)


def test_resume_while_replacing_frames(clip, style, tmp_path):
    """A run that failed while it replaced the frames of a folder one by one replaces them all when it is resumed."""
    output = tmp_path / "out"
    run(quick_job(clip, style, output))
    expected = content(output)
    for file in output.glob("*.png"):
        file.write_bytes(b"old")
    job, obstacle = quick_job(clip, style, output, overwrite=True), output / "000003.png"

    def obstruct(event):
        if isinstance(event, Rendering) and obstacle.is_file():
            obstacle.unlink()
            obstacle.mkdir()

    with pytest.raises(RunFailed):
        run(job, progress=obstruct)
    assert (output / "000002.png").read_bytes() == expected["000002.png"]
    assert (output / "000004.png").read_bytes() == b"old"
    obstacle.rmdir()
    run(job)
    assert content(output) == expected


def test_source_ends_early(clip, style, tmp_path, monkeypatch):
    """A source that ends before the analysis said fails the run; the frames stylized so far are kept."""

    passes = []

    def shorter(self, size=None, first=0, frames=VideoSource.frames):
        passes.append(size)
        yield from islice(frames(self, size, first), None if len(passes) == 1 else 4)

    with monkeypatch.context() as shrunk:
        shrunk.setattr(VideoSource, "frames", shorter)
        with pytest.raises(RunFailed, match="after 4 of 7 frames"):
            run(quick_job(clip, style, tmp_path / "out.mp4"))
    texts = notices(quick_job(clip, style, tmp_path / "out.mp4"))
    assert any("after its first 4 frames" in text for text in texts)


# --- refusing to resume ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "difference"),
    [
        ({"style_weight": 31.0}, "--style-weight was 15.0 and is now 31.0"),
        ({"seed": 5}, "--seed was 0 and is now 5"),
        ({"threads": 2}, "had other settings: --threads was 1 and is now 2; restore them, add --mixed"),
        ({"size": 64}, "size was 48x36, written as 48x36 and is now 64x48"),
        ({"frames": "2:5"}, "first frame was 1 and is now 2"),
        ({"frames": "2"}, "3 frames are done and now 2 are asked for"),
    ],
)
def test_changed_option(clip, style, tmp_path, options, difference):
    """Another option is refused with the difference, and the work folder stays as it was."""
    output = tmp_path / "out.mp4"
    interrupt(quick_job(clip, style, output), 3)
    left = content(tmp_path / ".out.mp4.videostyle")
    with pytest.raises(BadOutput) as error:
        run(quick_job(clip, style, output, **options))
    assert difference in str(error.value)
    assert "--restart" in str(error.value)
    assert content(tmp_path / ".out.mp4.videostyle") == left
    run(quick_job(clip, style, output))
    assert len(frame_times(output)) == COUNT


def test_changed_style_and_restart(clip, style, tmp_path):
    """Another style image is refused; --restart starts over, and only once nothing else is wrong."""
    output, own = tmp_path / "out.mp4", tmp_path / "own.png"
    own.write_bytes(style.read_bytes())
    interrupt(quick_job(clip, own, output), 3)
    cv2.imwrite(str(own), cv2.imread(str(own))[::-1])
    with pytest.raises(BadOutput, match="style 1 was"):
        run(quick_job(clip, own, output))
    with pytest.raises(BadOutput, match="pixels"):  # refused late: the encoder's smallest size
        run(quick_job(clip, own, output, restart=True, size=32, codec="hevc"))
    assert any((tmp_path / ".out.mp4.videostyle" / "parts").glob("checkpoint_*.json"))
    run(quick_job(clip, own, output, restart=True))
    run(quick_job(clip, own, tmp_path / "whole.mp4"))
    assert content(output) == content(tmp_path / "whole.mp4")


# --- another version or machine --------------------------------------------------------------------------------------


def rewrite(parts: Path, change) -> None:
    """Change the content of every checkpoint in a work folder, with a valid checksum."""
    for path in checkpoint.checkpoint_files(parts):
        listing = checkpoint.read_listing(path)
        change(listing)
        text = json.dumps(listing).encode()
        path.write_bytes(checkpoint.hashlib.sha256(text).hexdigest().encode() + b"\n" + text)


def with_torch(version: str):
    return lambda listing: listing["identity"].update(torch=version)


def test_another_library_is_refused_with_both_ways(clip, style, tmp_path):
    """Another torch is refused without --mixed; the message names --mixed, with what it keeps, and --restart."""
    output, parts = tmp_path / "out.mp4", tmp_path / ".out.mp4.videostyle" / "parts"
    interrupt(quick_job(clip, style, output), 3)
    rewrite(parts, with_torch("2.0.0"))
    left = content(parts)
    with pytest.raises(
        BadOutput,
        match=r"torch was 2\.0\.0 and is now .*; restore them, add --mixed to go on after its 3 finished frames",
    ):
        run(quick_job(clip, style, output))
    assert content(parts) == left


def test_mixed_goes_on_and_the_report_says_so(clip, style, tmp_path):
    """With --mixed the finished frames are kept, as a notice and the report say, also after another interruption."""
    output, parts = tmp_path / "out.mp4", tmp_path / ".out.mp4.videostyle" / "parts"
    interrupt(quick_job(clip, style, output), 3)
    rewrite(parts, with_torch("2.0.0"))
    interrupt(quick_job(clip, style, output, mixed=True), 5)
    steps, texts = [], []

    def listen(event):
        steps.append(getattr(event, "frame", COUNT))
        texts.append(getattr(event, "text", ""))

    report = run(quick_job(clip, style, output), listen)  # the checkpoints are now of this torch: --mixed is not needed
    assert min(steps[-5:]) > 3
    (place,) = report.mixed
    assert place.index == 3
    assert [text.split(" and is now")[0] for text in place.differences] == ["torch was 2.0.0"]
    assert any(text.startswith("from frame 4 on, the bytes may differ") for text in texts)
    assert set(report.notices) <= set(texts)
    write_report(report, tmp_path / "r.json")
    assert json.loads((tmp_path / "r.json").read_text())["mixed"] == [
        {"index": 3, "differences": list(place.differences)}
    ]
    run(quick_job(clip, style, tmp_path / "whole.mp4"))
    assert content(output) == content(tmp_path / "whole.mp4")  # as only the name of the version was another one


def test_mixed_without_effect(clip, style, tmp_path):
    """A notice says that --mixed was not needed: nothing has changed, or there is nothing to resume."""
    output = tmp_path / "out.mp4"
    interrupt(quick_job(clip, style, output), 3)
    expected = "--mixed has no effect: nothing has changed since the run was interrupted"
    assert expected in notices(quick_job(clip, style, output, mixed=True))
    output.unlink()
    (line,) = (line for line in notices(quick_job(clip, style, output, mixed=True)) if "--mixed" in line)
    assert line == f"--mixed has no effect: no unfinished run of {output} is there to resume"


@pytest.mark.parametrize(
    ("options", "difference"), [({"seed": 5}, "--seed was 0 and is now 5"), ({"size": 64}, "size was 48x36")]
)
def test_mixed_never_allows_other_options(clip, style, tmp_path, options, difference):
    output, parts = tmp_path / "out.mp4", tmp_path / ".out.mp4.videostyle" / "parts"
    interrupt(quick_job(clip, style, output), 3)
    rewrite(parts, with_torch("2.0.0"))
    with pytest.raises(BadOutput, match=difference) as refused:
        run(quick_job(clip, style, output, mixed=True, **options))
    assert "--mixed" not in str(refused.value)


def test_mixed_allows_an_option_of_a_newer_version(clip, style, tmp_path):
    """A checkpoint of an older version of the program lacks the options that came since."""
    output, parts = tmp_path / "out.mp4", tmp_path / ".out.mp4.videostyle" / "parts"

    def older(listing):
        listing["identity"]["videostyle"] = "0.1.9"
        del listing["identity"]["--tv-weight"]

    interrupt(quick_job(clip, style, output), 3)
    rewrite(parts, older)
    assert (
        run(quick_job(clip, style, output, mixed=True)).mixed[0].differences[0].startswith("--tv-weight was not given")
    )


def test_mixed_keeps_the_cuts_of_the_finished_frames(clip, style, tmp_path):
    """Another library may find other cuts: those of the finished frames stay, later ones are found anew."""
    output, parts = tmp_path / "out.mp4", tmp_path / ".out.mp4.videostyle" / "parts"

    def older(listing):
        with_torch("2.0.0")(listing)
        listing["starts"] = [0, 2]

    interrupt(quick_job(clip, style, output), 3)
    rewrite(parts, older)
    report = run(quick_job(clip, style, output, mixed=True))
    assert report.shots == 3
    assert [frame.shot for frame in report.frames[3:]] == [2, 3, 3, 3]


# --- damage ----------------------------------------------------------------------------------------------------------


def damage(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


@pytest.mark.parametrize("kind", ["checkpoint_*.json", "checkpoint_*.safetensors", "pictures/*.png"])
@pytest.mark.parametrize("harm", [damage, Path.unlink, lambda path: path.write_bytes(b"")])
def test_damaged_checkpoint(clip, style, tmp_path, kind, harm):
    """Where a file of the newest checkpoint is damaged, it is named and the run resumes from the checkpoint before."""
    output, whole = tmp_path / "out.mp4", tmp_path / "whole.mp4"
    interrupt(quick_job(clip, style, output), 3)
    newest = sorted((tmp_path / ".out.mp4.videostyle" / "parts").glob(kind))[-1]
    harm(newest)
    texts = notices(quick_job(clip, style, output))
    assert any("after its first 2 frames" in text for text in texts)
    if (kind, harm) != ("checkpoint_*.json", Path.unlink):  # a checkpoint that is gone cannot be named
        assert any("checkpoint_00000003.json" in text and "unusable" in text for text in texts)
    run(quick_job(clip, style, whole))
    assert content(output) == content(whole)


def test_all_checkpoints_damaged(clip, style, tmp_path):
    """Where every checkpoint is damaged, the run starts over."""
    output, whole = tmp_path / "out.mp4", tmp_path / "whole.mp4"
    interrupt(quick_job(clip, style, output), 3)
    for path in (tmp_path / ".out.mp4.videostyle" / "parts").glob("*.json"):
        damage(path)
    run(quick_job(clip, style, output))
    run(quick_job(clip, style, whole))
    assert content(output) == content(whole)


def test_pickle_is_not_executed(clip, style, tmp_path):
    """A pickle in place of a checkpoint's arrays, with a valid checksum, is unusable and never executed."""

    class Bomb:
        def __reduce__(self):
            return (Path.touch, (tmp_path / "executed",))

    output = tmp_path / "out.mp4"
    interrupt(quick_job(clip, style, output), 3)
    parts = tmp_path / ".out.mp4.videostyle" / "parts"
    arrays = sorted(parts.glob("*.safetensors"))[-1]
    old = sha256_of(arrays)
    arrays.write_bytes(pickle.dumps(Bomb()))
    listing = arrays.with_suffix(".json")
    text = listing.read_bytes().split(b"\n", 1)[1].replace(old.encode(), sha256_of(arrays).encode())
    listing.write_bytes(checkpoint.hashlib.sha256(text).hexdigest().encode() + b"\n" + text)
    assert any("unusable" in text for text in notices(quick_job(clip, style, output)))
    assert not (tmp_path / "executed").exists()


# --- parts -----------------------------------------------------------------------------------------------------------


def record(index: int) -> FrameRecord:
    return FrameRecord(index, Fraction(index, 30), 1, 3, 1.5, 1.25, 0.125, 0.1)


def test_two_checkpoints_are_kept(tmp_path):
    """Two checkpoints are kept, with the files that they need and no others."""
    with WorkFolder(tmp_path / "out") as work:
        pictures = [work.folder("pictures") / f"{number}.png" for number in range(4)]
        saved = Checkpoints(work, {}, ShotList(0, 9, frozenset({0}), None), print)
        for number, picture in enumerate(pictures):
            picture.write_bytes(bytes([number]))
            saved.save([record(index) for index in range(number + 1)], [picture], {"picture": np.ones(number)})
        kept = {file.relative_to(work.parts).as_posix() for file in work.parts.rglob("*") if file.is_file()}
        listed = {f"checkpoint_0000000{n}.{kind}" for n in (3, 4) for kind in ("json", "safetensors")}
        assert kept == listed | {"pictures/2.png", "pictures/3.png"}
        newest = Checkpoints(work, {}, ShotList(0, 9, frozenset({0}), None), print).newest()
        assert newest.records == tuple(record(index) for index in range(4))
        assert list(newest.files) == ["pictures/3.png"]
        np.testing.assert_array_equal(newest.state["picture"], np.ones(3))


def test_interval(tmp_path):
    """Checkpoints are at least 30 seconds apart, and at least 100 times the time that the last one took."""
    now = iter([0, 29.9, 30, 30, 32, 32, 231.9, 232])  # opened, asked twice, saved from 30 to 32, asked twice
    with WorkFolder(tmp_path / "out") as work:
        work.folder("pictures")
        checkpoints = Checkpoints(work, {}, ShotList(0, 9, frozenset({0}), None), print, clock=lambda: next(now))
        assert (checkpoints.due(), checkpoints.due()) == (False, True)
        checkpoints.save([], [], {})
        assert (checkpoints.due(), checkpoints.due()) == (False, True)


def test_other_version_is_refused(clip, style, tmp_path):
    """Checkpoints without a format number are those of 0.1.0; they are refused and left as they are."""
    output = tmp_path / "out.mp4"
    interrupt(quick_job(clip, style, output), 3)
    parts = tmp_path / ".out.mp4.videostyle" / "parts"
    rewrite(parts, lambda listing: listing.pop("format"))
    left = content(parts)
    with pytest.raises(BadOutput, match="checkpoints of another version of videostyle"):
        run(quick_job(clip, style, output))
    assert content(parts) == left


@given(st.integers(0, 2**40), st.fractions(), st.floats(allow_nan=False, allow_infinity=False), st.integers(1, 9))
def test_record_round_trip(index, time, loss, iterations):
    """A frame's record comes back from JSON unchanged."""
    one = FrameRecord(index, time, 1, iterations, loss, loss, 0.5, 0.25)
    assert frame_from_json(frame_as_json(one)) == one


def test_a_segment_of_another_encoder(tmp_path):
    """Segments whose stream headers differ cannot be in one file, which is said when the run is resumed, not at its end."""
    info = VideoInfo("video", (64, 64), time_base=Fraction(1, 25), rate=Fraction(25))
    settings = choose_encoder(EncodingRequest(), ".mkv", 8)
    other = settings._replace(options={**settings.options, "refs": "1"})
    clip, output = make_clip(tmp_path / "clip.mp4", moving_disc(2), tones=[]), tmp_path / "out.mkv"
    with WorkFolder(output) as work:
        sink, resumed, refused = (
            open_sink(output, work, clip, info, (64, 64), None, None, used) for used in (settings, settings, other)
        )
        times = [Fraction(index, 25) for index in range(SEGMENT_FRAMES + 2)]
        for index, time in enumerate(times):
            sink.write(Frame(np.full((64, 64, 3), index, np.uint8), index, time, Fraction(1, 25)))
        with pytest.raises(BadOutput, match="begun with another version of libx264, and one file cannot hold both"):
            refused.resume(sink.files(), times)
        resumed.resume(sink.files(), times)
        resumed.finish()
    assert len(frame_times(output)) == len(times)


def test_sink_lists_newest_picture(tmp_path):
    """The newest picture stays listed though it is encoded: its name says where the next frame goes."""
    clip = make_clip(tmp_path / "clip.mp4", moving_disc(2), tones=[])
    image = np.zeros((36, 64, 3), np.uint8)
    with WorkFolder(tmp_path / "out.mp4") as work:
        sink = opened_sink(tmp_path / "out.mp4", work, clip)
        for index in range(48):
            sink.write(Frame(image, index, Fraction(index, 25), Fraction(1, 25)))
        assert [path.suffix for path in sink.files()] == [".nut", ".png"]
