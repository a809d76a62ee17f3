"""Cuts from an editing program's timeline, which OpenTimelineIO has written."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import pytest

from tests.support.clips import make_clip
from tests.support.runs import moving_disc
from videostyle import timelines
from videostyle.analysis import analyze
from videostyle.checks import check_run
from videostyle.config import Job
from videostyle.errors import BadInput, BadOption, MissingModel, VideoStyleError
from videostyle.frames import VideoInfo
from videostyle.media.sources import open_source
from videostyle.option_groups import SelectionOptions
from videostyle.rendering.given_shots import shot_tables
from videostyle.shot_files import GivenCuts
from videostyle.timelines import cuts_in

NTSC = Fraction(24000, 1001)

DISSOLVE = """TITLE: cut
FCM: NON-DROP FRAME

001  TAPE1    V     C        00:00:10:00 00:00:11:00 01:00:00:00 01:00:01:00
002  TAPE2    V     C        00:00:10:00 00:00:12:00 01:00:01:00 01:00:03:00
003  TAPE2    A     C        00:00:10:00 00:00:13:00 01:00:00:00 01:00:03:00
004  TAPE3    V     C        00:00:10:00 00:00:10:00 01:00:03:00 01:00:03:00
004  TAPE4    V     D    010 00:00:10:00 00:00:12:00 01:00:03:00 01:00:05:00
005  TAPE5    V     C        00:00:10:00 00:00:11:00 01:00:06:00 01:00:08:00
M2   TAPE5    012.5                         00:00:10:00
006  TAPE6    V     C        00:00:10:00 00:00:11:00 01:00:08:00 01:00:09:00
"""


def timeline_of(rate: float, *tracks: list[int | None]):
    """A timeline of clips with these lengths in frames; a negative one is a gap."""
    otio = pytest.importorskip("opentimelineio")
    pytest.importorskip("otio_cmx3600_adapter")
    timeline = otio.schema.Timeline("a film")
    for lengths in tracks:
        track = otio.schema.Track("V", kind=otio.schema.TrackKind.Video)
        for number, length in enumerate(lengths):
            span = otio.opentime.TimeRange(
                otio.opentime.RationalTime(7, rate), otio.opentime.RationalTime(abs(length), rate)
            )
            kind = otio.schema.Clip if length > 0 else otio.schema.Gap
            track.append(kind(name=f"clip{number}", source_range=span))
        timeline.tracks.append(track)
    return otio, timeline


@pytest.mark.parametrize("suffix", ["edl", "otio"])
@pytest.mark.parametrize("rate", [Fraction(25), NTSC, Fraction(30000, 1001), Fraction(60)])
def test_cuts(tmp_path, suffix, rate):
    """They are the frames at which the timeline's clips begin, to the frame, also far from the beginning."""
    lengths = [10, 25, 1, 90_000, 12]
    otio, timeline = timeline_of(float(rate), lengths)
    path = tmp_path / f"cut.{suffix}"
    otio.adapters.write_to_file(timeline, str(path), **({"rate": float(rate)} if suffix == "edl" else {}))
    assert cuts_in(path, rate) == [0, 10, 35, 36, 90_036]


def test_edl_of_an_hour_code(tmp_path):
    """Timecodes begin anywhere; a dissolve begins a shot where it begins, and so does a gap; speed and sound do not."""
    timeline_of(25, [1])
    path = tmp_path / "cut.EDL"
    path.write_text(DISSOLVE)
    assert cuts_in(path, Fraction(25)) == [0, 25, 75, 125, 150, 200]


def test_another_rate(tmp_path):
    """A timeline at another rate than the clip's means the same times."""
    otio, timeline = timeline_of(50, [20, 50, 50])
    path = tmp_path / "cut.otio"
    otio.adapters.write_to_file(timeline, str(path))
    assert cuts_in(path, Fraction(25)) == [0, 10, 35]


def test_several_tracks(tmp_path):
    """What is seen counts: where an upper track has a clip, what lies below is hidden."""
    otio, timeline = timeline_of(25, [30, 30], [-10, 30])
    path = tmp_path / "cut.otio"
    otio.adapters.write_to_file(timeline, str(path))
    assert cuts_in(path, Fraction(25)) == [0, 10, 40]


def test_cuts_of_a_clip(tmp_path):
    """The clip's rate counts, and shots start at these frames."""
    otio, timeline = timeline_of(25, [3, 4, 1])
    otio.adapters.write_to_file(timeline, str(tmp_path / "cut.edl"), rate=25)
    clip = make_clip(tmp_path / "clip.mp4", moving_disc(8), rate=25)
    source = open_source(clip)
    tables = shot_tables(tmp_path / "cut.edl", clip, source.info, None)
    shots = analyze(source, SelectionOptions(), print, given=GivenCuts(tables, clip))
    assert shots.starts == {0, 3, 7}


def test_frames_of_a_folder(tmp_path):
    """A folder has 25 frames a second, or those of --fps; frames are counted from its first file, whatever its number."""
    otio, timeline = timeline_of(24, [24, 24])
    path = tmp_path / "cut.otio"
    otio.adapters.write_to_file(timeline, str(path))
    folder = VideoInfo("folder", (36, 48))
    for fps, start in ((None, 26), ("24", 25), ("50", 51)):
        tables = shot_tables(path, tmp_path, folder, fps)
        assert [(table.start, table.counts_files) for table in tables] == [(1, False), (start, False)]


@pytest.mark.parametrize(
    ("info", "fps", "error", "sentence"),
    [
        (
            VideoInfo("video", (36, 48)),
            None,
            BadInput,
            r"needs the clip's frame rate, and in\.mp4 claims none; give a list",
        ),
        (VideoInfo("video", (36, 48), rate=Fraction(25)), "5", BadOption, r"cannot go with --fps 5; leave --fps out"),
        (
            VideoInfo("video", (36, 48), rate=Fraction(10)),
            None,
            BadOption,
            r"does not exist for 10 frames a second; give",
        ),
        (
            VideoInfo("video", (36, 48), rate=Fraction(25)),
            None,
            BadInput,
            r"cannot be read as a timeline: .*; export it again",
        ),
    ],
)
def test_refused(tmp_path, info, fps, error, sentence):
    timeline_of(25, [1])
    path = tmp_path / "cut.edl"
    path.write_text("no timeline")
    with pytest.raises(error, match=rf"--shots .*cut\.edl .*{sentence}"):
        shot_tables(path, Path("in.mp4"), info, fps)


@pytest.mark.parametrize("text", ["{}", "[]", "no JSON", '{"OTIO_SCHEMA": "Clip.2"}'])
def test_no_timeline(tmp_path, text):
    timeline_of(25, [1])
    (tmp_path / "cut.otio").write_text(text)
    with pytest.raises(BadInput, match=r"--shots .*cut\.otio (cannot be read as a timeline|has no video track)"):
        cuts_in(tmp_path / "cut.otio", Fraction(25))


def test_empty_timeline(tmp_path):
    otio, timeline = timeline_of(25, [])
    otio.adapters.write_to_file(timeline, str(tmp_path / "cut.otio"))
    with pytest.raises(BadInput, match="has no video track with clips; export the timeline of the film"):
        cuts_in(tmp_path / "cut.otio", Fraction(25))


@pytest.mark.parametrize("name", ["cut.edl", "cut.otio"])
def test_without_the_library(tmp_path, monkeypatch, name):
    """Said in one sentence, before anything else is loaded."""
    monkeypatch.setattr(timelines, "find_spec", lambda package: None)
    monkeypatch.chdir(tmp_path)
    for file in ("in.mp4", "a.jpg", name):
        (tmp_path / file).touch()
    with pytest.raises(MissingModel) as error:
        check_run(Job(input=Path("in.mp4"), styles=("a.jpg",), output="out.mp4", shots=Path(name)))
    assert isinstance(error.value, VideoStyleError)
    assert str(error.value) == (
        f"--shots {name} is read by OpenTimelineIO, which is not installed; "
        "install it with `pip install opentimelineio otio-cmx3600-adapter`"
    )
