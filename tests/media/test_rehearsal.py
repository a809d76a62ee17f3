"""What goes beside the film is tried before the first frame: what fails, overlaps or is hidden does not cost a run."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import av
import numpy as np
import pytest

from tests.support.clips import Tone, gradient, make_clip
from tests.support.outputs import copy_frames, decoded_audio, sent_packets
from videostyle.errors import Cancelled
from videostyle.media.containers import CONTAINERS
from videostyle.media.mux import Written
from videostyle.media.rehearsal import write_what_can_be
from videostyle.media.side_tracks import Sides, SideTrack, SideTracks
from videostyle.media.sinks import open_sink
from videostyle.media.sources import open_source
from videostyle.media.workdir import WorkFolder

MP4 = CONTAINERS[".mp4"]
ALL = [".mkv", ".mov", ".mp4", ".webm"]


def images(count: int) -> list[np.ndarray]:
    return [gradient(32, 48, step=12 * index) for index in range(count)]


def audible_seconds(path: Path) -> float:
    """The length of the first audio track as a player decodes it."""
    with av.open(str(path)) as container:
        return sum(frame.samples / frame.sample_rate for frame in container.decode(audio=0))


@pytest.mark.parametrize("suffix", ALL)
def test_windows_media(tmp_path, suffix):
    """The decoder of WMA gives its last frame no time: it follows the one before it, and the run does not fail."""
    source = make_clip(tmp_path / "in.wmv", images(20), codec="wmv2", tones=[Tone("wmav2", 48000, 0.8, bit_rate=64000)])
    output = tmp_path / f"out{suffix}"
    _, notices = copy_frames(source, output)
    assert len(notices) == 1
    assert "audio track 1 (wmav2) cannot be copied" in notices[0]
    wave, start = decoded_audio(output, 48000)
    loud = np.flatnonzero(np.abs(wave) > 0.06)
    assert start + loud[-1] / 48000 == pytest.approx(0.8, abs=0.05)
    assert np.abs(wave[loud[0] : loud[-1]]).max() > 0.15


def overlapping(folder: Path, seconds: float) -> Path:
    """Two transport streams of 1 s, joined. The second one's audio begins so much before the first one's ends; AAC adds to
    that one packet at the beginning of each, and in the first file the muxer moves it after 0."""
    path = folder / "in.ts"
    one = make_clip(folder / "one.ts", images(25), tones=[Tone("aac", 48000, 1.0)])
    later = Tone("aac", 48000, 1.0, start=1 - seconds)
    two = make_clip(folder / "two.ts", images(25), pts=range(25, 50), tones=[later])
    path.write_bytes(one.read_bytes() + two.read_bytes())
    return path


@pytest.mark.parametrize("suffix", ALL)
def test_overlapping_audio(tmp_path, suffix):
    """Sound that overlaps by more than players forgive is encoded again, in sync: it ends when the source's times say."""
    output = tmp_path / f"out{suffix}"
    _, notices = copy_frames(overlapping(tmp_path, 0.08), output)
    assert len(notices) == 1
    assert "is re-encoded as" in notices[0]
    (sound,) = sent_packets(output, "audio")
    assert all(later.dts > earlier.dts for earlier, later in pairwise(sound))
    (film,) = sent_packets(output, "video")
    assert sound[-1].pts + sound[-1].duration - film[0].pts == pytest.approx(1.92, abs=0.06)


@pytest.mark.parametrize("suffix", [".mp4", ".mov", ".mkv"])
def test_slightly_overlapping_audio(tmp_path, suffix):
    """5 ms before the packet that precedes it are not heard: the packets are copied, and their times rise."""
    source, output = overlapping(tmp_path, -0.0188), tmp_path / f"out{suffix}"
    _, notices = copy_frames(source, output)
    assert ["given new times" in line for line in notices] == [True]
    (before,), (after,) = sent_packets(source, "audio"), sent_packets(output, "audio")
    assert len(after) == len(before)
    assert all(later.dts >= earlier.dts for earlier, later in pairwise(after))


@pytest.mark.parametrize("suffix", ALL)
def test_format_of_audio_that_changes(tmp_path, suffix):
    """The second half of a joined stream has another rate and fewer channels: it is heard all the same."""
    source, output = tmp_path / "in.ts", tmp_path / f"out{suffix}"
    film, commercial = Tone("aac", 44100, 1.0, layout="stereo"), Tone("aac", 48000, 1.0, start=1.1, hertz=1000.0)
    one = make_clip(tmp_path / "one.ts", images(25), tones=[film])
    two = make_clip(tmp_path / "two.ts", images(25), pts=range(25, 50), tones=[commercial])
    source.write_bytes(one.read_bytes() + two.read_bytes())
    _, notices = copy_frames(source, output)
    assert len(notices) == 1
    assert ("as its format changes midway" in notices[0]) == (suffix != ".webm")
    wave, start = decoded_audio(output, 48000)
    later = wave[round((1.5 - start) * 48000) :][:9600]
    assert np.argmax(np.abs(np.fft.rfft(later))) * 5 == pytest.approx(1000, abs=5)
    assert np.abs(later).max() > 0.15


def trimmed(folder: Path) -> Path:
    """A clip whose audio has 0.4 s that an edit list shows, after 0.6 s that it hides."""
    return make_clip(folder / "in.mp4", images(10), tones=[Tone("aac", 48000, 1.0, start=-0.6)])


@pytest.mark.parametrize("suffix", ALL)
def test_trimmed_away(tmp_path, suffix):
    """What an edit list hides stays away, also where the container cannot hide it."""
    source, output = trimmed(tmp_path), tmp_path / f"out{suffix}"
    assert audible_seconds(source) == pytest.approx(0.4, abs=0.03)
    copy_frames(source, output)
    assert audible_seconds(output) == pytest.approx(0.4, abs=0.03)
    (packets,) = sent_packets(output, "audio")
    if suffix not in (".mp4", ".mov"):
        assert packets[0].pts > -0.03


def side(**options: object) -> SideTracks:
    return SideTracks(Path("in.mkv"), **options)


SOUND, WORDS = SideTrack(1, "audio track 1"), SideTrack(2, "subtitle track 1")


def tried(sides: Sides, fails: Callable[[Sides], Exception | None]) -> tuple[Sides, list[str], list[Sides]]:
    """What is left of `sides`, where writing fails as given; the notices; and every trial."""
    trials = []

    def write(trial: Sides) -> Written:
        trials.append(trial)
        if error := fails(trial):
            raise error
        return Written()

    kept, written = write_what_can_be(write, sides, MP4)
    return kept, written.notices, trials


def test_a_track_that_cannot_be_written():
    """It is left out and named; the others stay, and the last trial is what the file holds."""
    sides = Sides(side(tracks=[SOUND, WORDS]), None)
    kept, notices, trials = tried(sides, lambda trial: ValueError("no") if SOUND in trial.source.tracks else None)
    assert kept.source.tracks == [WORDS]
    assert notices == ["audio track 1 cannot be written into mp4 (no) and is left out"]
    assert trials[-1] == kept


def test_tags_that_cannot_be_written():
    sides = Sides(side(tracks=[SOUND]), side(tracks=[SOUND]))
    kept, notices, _ = tried(sides, lambda trial: TypeError("no") if trial.source.has_tags else None)
    assert kept == Sides(side(tracks=[SOUND], has_tags=False), side(tracks=[SOUND]))
    assert "chapters and tags of the source cannot be written" in notices[0]


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), Cancelled("stop")])
def test_no_track_is_given_up_for_the_disk(error):
    """Nor where the run is cancelled: the error is raised at once."""
    with pytest.raises(type(error)):
        tried(Sides(side(tracks=[SOUND]), None), lambda trial: error)


def test_a_film_that_cannot_be_written():
    with pytest.raises(ValueError, match="no"):
        tried(Sides(side(tracks=[SOUND]), None), lambda trial: ValueError("no"))


def rehearsed(source_path: Path, work: WorkFolder, audio_times: list[Fraction]) -> tuple[list[str], int]:
    """The notices of a rehearsal, and how often it asked whether to stop."""
    calls = []
    source = open_source(source_path)
    sink = open_sink(work.output, work, source_path, source.info, source.info.size, None, None)
    sink.rehearse(audio_times, lambda: calls.append(1))
    return sink.notices, len(calls)


def test_rehearsed_once(tmp_path):
    """A run that resumes knows the outcome; one of another file or another selection does not."""
    source, times = overlapping(tmp_path, 0.08), [Fraction(number, 25) for number in range(50)]
    with WorkFolder(tmp_path / "out.mp4") as work:
        notices, first = rehearsed(source, work, times)
        assert first == 100  # the copied packets overlap, so that it was repeated
        assert rehearsed(source, work, times) == (notices, 0)
        assert rehearsed(source, work, times[:20])[1] > 0
        make_clip(source, images(5), tones=[Tone(seconds=0.2)])
        assert rehearsed(source, work, times)[1] > 0
        (work.path / "rehearsal.json").write_text("{")
        assert rehearsed(source, work, times)[1] > 0


def test_cancelled_rehearsal(tmp_path):
    source = make_clip(tmp_path / "in.mp4", images(5), tones=[Tone(seconds=0.2)])

    def stop() -> None:
        raise Cancelled("stop")

    with WorkFolder(tmp_path / "out.mp4") as work:
        opened = open_source(source)
        sink = open_sink(work.output, work, source, opened.info, opened.info.size, None, None)
        with pytest.raises(Cancelled):
            sink.rehearse([Fraction(0)], stop)
        assert sorted(path.name for path in work.path.iterdir()) == ["lock", "parts"]
