"""Muxing: side tracks, tags and times, read back from the output with PyAV alone."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import av
import numpy as np
import pytest
from av.stream import Disposition

from tests.support.clips import Tone, display_matrix, gradient, make_clip
from tests.support.outputs import copy_frames, decoded_audio, frame_times, sent_packets
from videostyle.errors import BadInput, BadOutput, RunFailed
from videostyle.frames import Frame, Trim, VideoInfo
from videostyle.media.encoding import EncodingRequest, choose_encoder
from videostyle.media.sinks import open_sink
from videostyle.media.workdir import WorkFolder
from videostyle.option_groups import TrackOptions

SIZE = (32, 48)
MILLISECOND = Fraction(1, 1000)


def images(count: int) -> list[np.ndarray]:
    return [gradient(*SIZE, step=12 * index) for index in range(count)]


def chapters(path: Path) -> list[tuple[Fraction, Fraction, str]]:
    with av.open(str(path)) as container:
        return [
            (
                chapter["start"] * chapter["time_base"],
                chapter["end"] * chapter["time_base"],
                chapter["metadata"]["title"],
            )
            for chapter in container.chapters()
        ]


def add_texts(clip: Path, lines: list[tuple[int, int, str]], marks: list[tuple[int, int, str]]) -> Path:
    """The clip as Matroska with a subtitle track in German and chapters; times in milliseconds."""
    path = clip.with_name("texts.mkv")
    with av.open(str(clip)) as source, av.open(str(path), "w") as container:
        copies = {s.index: container.add_stream_from_template(s, opaque=True) for s in source.streams}
        texts = container.add_mux_stream("subrip")
        texts.time_base = MILLISECOND
        texts.metadata.update(language="ger", title="Worte")
        container.metadata["title"] = "A clip"
        container.set_chapters(
            [
                {"id": number, "start": start, "end": end, "time_base": MILLISECOND, "metadata": {"title": title}}
                for number, (start, end, title) in enumerate(marks, 1)
            ]
        )
        packets = [packet for packet in source.demux() if packet.size]
        for packet in packets:
            packet.stream = copies[packet.stream.index]
            container.mux(packet)
        for start, end, line in lines:
            packet = av.Packet(line.encode())
            packet.pts = packet.dts = start
            packet.duration, packet.time_base, packet.stream = end - start, MILLISECOND, texts
            container.mux(packet)
    return path


# audio


@pytest.mark.parametrize("suffix", [".mp4", ".mov", ".mkv"])
@pytest.mark.parametrize(
    "tones",
    [
        [Tone(seconds=0.4)],  # AAC begins with priming, before 0
        [Tone("libmp3lame", 44100, 0.3), Tone("ac3", 48000, 0.3, layout="stereo")],
        [Tone("pcm_s16be", 22050, 0.2, start=0.25)],
        [Tone(seconds=0.2, start=0.0213)],
    ],
    ids=["aac", "two tracks", "late pcm", "late aac"],
)
def test_copied_audio(tmp_path, suffix, tones):
    """Copied audio is the same packets at the same times; in Matroska, times are rounded to milliseconds."""
    source = make_clip(tmp_path / "in.mov", images(6), rate=Fraction(30000, 1001), tones=tones)
    output = tmp_path / f"out{suffix}"
    frames, notices = copy_frames(source, output)
    before, after = sent_packets(source, "audio"), sent_packets(output, "audio")
    assert notices == []
    assert len(after) == len(tones)
    near = MILLISECOND / 2 if suffix == ".mkv" else 0
    for old, new in zip(before, after, strict=True):
        assert [packet.payload for packet in new] == [packet.payload for packet in old]
        assert all(abs(a.pts - b.pts) <= near and abs(a.dts - b.dts) <= near for a, b in zip(old, new, strict=True))
    assert all(abs(time - frame.time) <= near for (time, _), frame in zip(frame_times(output), frames, strict=True))


@pytest.mark.parametrize(
    ("suffix", "codec", "begins"),
    [
        (
            ".mp4",
            "vorbis",
            "is copied, and some players are silent with such sound in mp4; choose an -o that ends in .mkv",
        ),
        (".mov", "aac", "cannot be copied into mov and is re-encoded as aac"),
        (".mkv", "vorbis", ""),
        (".webm", "vorbis", ""),
    ],
)
def test_vorbis(tmp_path, suffix, codec, begins):
    """MP4 takes Vorbis, but some players do not play it there: a notice says what helps."""
    source = make_clip(
        tmp_path / "in.webm", images(6), codec="libvpx-vp9", options={}, tones=[Tone("vorbis", layout="stereo")]
    )
    output = tmp_path / f"out{suffix}"
    _, notices = copy_frames(source, output)
    assert [line.startswith(f"audio track 1 (vorbis) {begins}") for line in notices] == [True] * bool(begins)
    with av.open(str(output)) as container:
        assert container.streams.audio[0].codec_context.codec.canonical_name == codec


@pytest.mark.parametrize("suffix", [".mp4", ".mov", ".mkv", ".webm"])
def test_late_start(tmp_path, suffix):
    """Film and audio that begin late keep their start, to the tick where the container allows it."""
    ticks = [128_001, 128_700, 129_000]  # no whole number of milliseconds after the first
    source = make_clip(
        tmp_path / "in.mp4",
        images(3),
        pts=ticks,
        time_base=Fraction(1, 12800),
        tones=[Tone("libopus", 48000, 0.2, start=10.0)],
        container_options={"movie_timescale": "12800"},
    )
    output = tmp_path / f"out{suffix}"
    frames, _ = copy_frames(source, output)
    assert [frame.time for frame in frames] == [Fraction(tick, 12800) for tick in ticks]
    near = 0 if suffix in (".mp4", ".mov") else MILLISECOND / 2
    assert all(abs(time - frame.time) <= near for (time, _), frame in zip(frame_times(output), frames, strict=True))


@pytest.mark.parametrize("suffix", [".mp4", ".mov"])
def test_duration_of_the_last_frame(tmp_path, suffix):
    source = make_clip(tmp_path / "in.mp4", images(3), pts=[0, 512, 2048], time_base=Fraction(1, 12800))
    with WorkFolder(tmp_path / f"out{suffix}") as work:
        info = VideoInfo("video", SIZE, time_base=Fraction(1, 12800))
        sink = open_sink(work.output, work, source, info, SIZE, None, None)
        for index, (tick, ticks) in enumerate(((0, 512), (512, 1536), (2048, 7000))):
            sink.write(Frame(gradient(*SIZE), index, Fraction(tick, 12800), Fraction(ticks, 12800)))
        sink.finish()
    assert [packet.duration * 12800 for packet in sent_packets(work.output, "video")[0]] == [512, 1536, 7000]


@pytest.mark.parametrize(
    ("suffix", "tone", "codec", "trim"),
    [
        (".webm", Tone("aac", 44100, 0.6, start=0.5), "opus", None),
        (".webm", Tone("aac", 44100, 0.6, start=0.5), "opus", Trim(Fraction(1, 5), Fraction(9, 10))),
        (".mov", Tone("libopus", 48000, 0.6, start=0.5), "aac", Trim(Fraction(1, 5), Fraction(9, 10))),
        (".webm", Tone("ac3", 48000, 0.6, start=0.5, layout="5.1"), "opus", None),
        (".webm", Tone("pcm_s16be", 22050, 0.6, start=0.5), "opus", None),
    ],
)
def test_reencoded_audio_is_in_sync(tmp_path, suffix, tone, codec, trim):
    """The tone begins and ends where it did in the source, and has its pitch."""
    source = make_clip(tmp_path / ("in.mov" if "pcm" in tone.codec else "in.mp4"), images(30), tones=[tone])
    output = tmp_path / f"out{suffix}"
    _, notices = copy_frames(source, output, trim)
    assert len(notices) == 1
    assert "cannot be copied into" in notices[0]
    with av.open(str(output)) as container:
        assert container.streams.audio[0].codec_context.codec.canonical_name == codec
    wave, start = decoded_audio(output, 48000)
    loud = np.flatnonzero(np.abs(wave) > 0.06)
    shift = float(trim.start) if trim else 0.0
    end = float(trim.end) if trim else 1.1
    assert start + loud[0] / 48000 == pytest.approx(0.5 - shift, abs=0.008)
    assert start + loud[-1] / 48000 == pytest.approx(end - shift, abs=0.008)
    spectrum = np.abs(np.fft.rfft(wave[loud[0] : loud[0] + 9600]))
    assert np.argmax(spectrum) * 5 == pytest.approx(tone.hertz, abs=5)


def test_gap_in_reencoded_audio(tmp_path):
    """Missing packets become silence: what follows is still in sync."""
    whole = make_clip(tmp_path / "whole.mkv", images(30), tones=[Tone("pcm_s16le", 48000, 1.2)])
    source = tmp_path / "gap.mkv"
    with av.open(str(whole)) as old, av.open(str(source), "w") as new:
        copies = {stream.index: new.add_stream_from_template(stream, opaque=True) for stream in old.streams}
        for packet in old.demux():
            if packet.size and not (packet.stream.type == "audio" and 0.3 < packet.pts * packet.time_base < 0.8):
                packet.stream = copies[packet.stream.index]
                new.mux(packet)
    output = tmp_path / "out.webm"
    copy_frames(source, output)
    wave, start = decoded_audio(output, 48000)
    loud = np.flatnonzero(np.abs(wave) > 0.1) / 48000 + start
    assert loud[-1] == pytest.approx(1.2, abs=0.01)
    assert not np.any((loud > 0.36) & (loud < 0.78))


def test_copied_audio_of_a_trimmed_run(tmp_path):
    """The packets that overlap the interval are copied, and shifted as the frames are."""
    source = make_clip(tmp_path / "in.mp4", images(30), tones=[Tone(seconds=1.2)])
    trim = Trim(Fraction(10, 25), Fraction(20, 25))
    for suffix, near in ((".mp4", Fraction(1, 88200)), (".mkv", MILLISECOND / 2)):
        output = tmp_path / f"out{suffix}"
        frames, _ = copy_frames(source, output, trim)
        assert [time for time, _ in frame_times(output)] == [frame.time - trim.start for frame in frames]
        expected = [
            packet
            for packet in sent_packets(source, "audio")[0]
            if packet.pts < trim.end and packet.pts + packet.duration > trim.start
        ]
        written = sent_packets(output, "audio")[0]
        assert [packet.payload for packet in written] == [packet.payload for packet in expected]
        assert written[0].pts < 0
        for new, old in zip(written, expected, strict=True):
            assert abs(new.pts - (old.pts - trim.start)) <= near


def test_audio_with_repeated_times(tmp_path):
    """Packets of one time get increasing times, with a notice; none is lost."""
    source = tmp_path / "standing.mkv"
    whole = make_clip(tmp_path / "whole.mkv", images(5), tones=[Tone("ac3", 48000, 0.3)])
    with av.open(str(whole)) as old, av.open(str(source), "w") as new:
        copies = {stream.index: new.add_stream_from_template(stream, opaque=True) for stream in old.streams}
        for packet in old.demux():
            if packet.size:
                packet.stream = copies[packet.stream.index]
                if packet.stream.type == "audio" and 0 < packet.pts < 100:
                    packet.pts = packet.dts = 32
                new.mux(packet)
    output = tmp_path / "out.mp4"
    _, notices = copy_frames(source, output)
    assert any("given new times" in line for line in notices)
    before, after = sent_packets(source, "audio")[0], sent_packets(output, "audio")[0]
    assert [packet.payload for packet in after] == [packet.payload for packet in before]
    assert all(b.dts > a.dts for a, b in pairwise(after))


# everything else


LINES = [(0, 2000, "eins"), (900, 1100, "zwei"), (1150, 1200, "drei")]
MARKS = [(0, 500, "Dawn"), (500, 1200, "Noon")]


def test_subtitles_chapters_and_tags(tmp_path):
    clip = make_clip(tmp_path / "in.mkv", images(30), tones=[Tone("ac3", 48000, 1.2)])
    source = add_texts(clip, LINES, MARKS)
    output = tmp_path / "out.mkv"
    _, notices = copy_frames(source, output)
    assert notices == []
    assert sent_packets(output, "subtitle") == sent_packets(source, "subtitle")
    assert chapters(output) == chapters(source)
    assert len(chapters(output)) == 2
    with av.open(str(output)) as container:
        assert container.metadata["title"] == "A clip"
        texts = container.streams.subtitles[0]
        assert (texts.metadata["language"], texts.metadata["title"]) == ("ger", "Worte")


def test_subtitles_of_the_same_time(tmp_path):
    """Subtitles may begin at the same time, as in signs and karaoke."""
    clip = make_clip(tmp_path / "in.mkv", images(30))
    lines = [(at, at + 300, f"{at} {number}") for at in (40, 80, 120) for number in range(60)]
    source, output = add_texts(clip, lines, []), tmp_path / "out.mkv"
    _, notices = copy_frames(source, output)
    assert notices == []
    assert sent_packets(output, "subtitle") == sent_packets(source, "subtitle")


@pytest.mark.parametrize("suffix", [".mov", ".mp4"])
def test_timecode(tmp_path, suffix):
    """It is kept in a whole run, and left out with a notice where the first frame is another one."""
    tagged = {"timecode": "10:00:00:00"}
    source = make_clip(
        tmp_path / "in.mov", images(6), rate=25, codec="prores_ks", pix_fmt="yuv422p10le", metadata=tagged
    )
    output = tmp_path / f"out{suffix}"
    _, notices = copy_frames(source, output)
    assert notices == []
    with av.open(str(output)) as container:
        assert container.streams.video[0].metadata["timecode"] == "10:00:00:00"
        assert [stream.type for stream in container.streams] == ["video", "data"]
    _, notices = copy_frames(source, output, Trim(Fraction(1, 25), Fraction(4, 25)))
    assert ["timecode is left out" in line for line in notices] == [True]
    with av.open(str(output)) as container:
        assert "timecode" not in {**container.metadata, **container.streams.video[0].metadata}


def test_audio_tagged_with_the_timecode(tmp_path):
    """It is audio all the same: QuickTime tags its audio tracks with the timecode too."""
    plain = make_clip(tmp_path / "plain.mkv", images(6), tones=[Tone("pcm_s16le", seconds=0.2)])
    source, output = tmp_path / "in.nut", tmp_path / "out.mkv"
    with av.open(str(plain)) as origin, av.open(str(source), "w") as container:
        copies = {copy.index: container.add_stream_from_template(copy, opaque=True) for copy in origin.streams}
        for copy in copies.values():
            copy.metadata["timecode"] = "10:00:00:00"
        for packet in origin.demux():
            if packet.size:
                packet.stream = copies[packet.stream.index]
                container.mux(packet)
    with av.open(str(source)) as container:
        assert all("timecode" in stream.metadata for stream in container.streams)
    copy_frames(source, output)
    assert len(sent_packets(output, "audio")[0]) == len(sent_packets(source, "audio")[0])


def test_codec_tag_of_hevc(tmp_path):
    """It is hvc1, which Apple's players open too."""
    output = tmp_path / "out.mov"
    with WorkFolder(output) as work:
        pixels = choose_encoder(EncodingRequest("hevc"), ".mov", 8)
        sink = open_sink(output, work, tmp_path, VideoInfo("folder", (64, 64)), (64, 64), None, None, pixels)
        sink.write(Frame(gradient(64, 64), 0))
        sink.finish()
    with av.open(str(output)) as container:
        assert container.streams.video[0].codec_context.codec_tag == "hvc1"


def test_audio_of_unknown_format(tmp_path):
    """It is left out, with a notice."""
    source = make_clip(tmp_path / "in.mkv", images(6), tones=[Tone(seconds=0.2)])
    source.write_bytes(source.read_bytes().replace(b"A_AAC", b"A_XYZ"))
    _, notices = copy_frames(source, tmp_path / "out.mkv")
    assert [line for line in notices if "audio track 1" in line and "left out" in line]


def test_subtitles_and_chapters_of_a_trimmed_run(tmp_path):
    """They are cut to the interval and shifted."""
    clip = make_clip(tmp_path / "in.mkv", images(30), tones=[Tone("ac3", 48000, 1.2)])
    source = add_texts(clip, LINES, MARKS)
    output = tmp_path / "out.mkv"
    _, notices = copy_frames(source, output, Trim(Fraction(1), Fraction(11, 10)))
    texts = sent_packets(output, "subtitle")[0]
    shown = [(text.pts * 1000, (text.pts + text.duration) * 1000, text.payload) for text in texts]
    assert shown == [(0, 1000, b"eins"), (0, 100, b"zwei")]
    assert not any("new times" in line for line in notices)
    assert chapters(output) == [(0, Fraction(1, 10), "Noon")]


def test_chapters_in_mp4(tmp_path):
    """MP4 takes the chapters, and has a subtitle format of its own."""
    clip = make_clip(tmp_path / "in.mkv", images(30))
    source = add_texts(clip, LINES, MARKS)
    output = tmp_path / "out.mp4"
    _, notices = copy_frames(source, output)
    assert notices == [
        "subtitle track 1 (subrip) cannot be copied into mp4 and is re-encoded as mov_text",
        "these of texts.mkv are missing in the output: the title of subtitle track 1 (subrip)",
    ]
    assert chapters(output) == chapters(source)
    again = tmp_path / "again.mp4"
    _, notices = copy_frames(output, again)  # MP4's own text track of the chapters is no loss
    assert notices == []
    assert chapters(again) == chapters(source)


@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".webm"])
@pytest.mark.parametrize(("name", "options"), [("in.mkv", {}), ("in.mp4", {"movflags": "frag_keyframe+empty_moov"})])
def test_empty_first_video_track(tmp_path, suffix, name, options):
    """The track that is read is the film for the muxer too: the original is not copied beside its stylized frames."""
    source = make_clip(tmp_path / name, images(3), empty_track_first=True, container_options=options)
    assert [len(track) for track in sent_packets(source, "video")] == [0, 3]
    output = tmp_path / f"out{suffix}"
    _, notices = copy_frames(source, output)
    assert notices == ["video track 1 (h264) is empty and is left out"]
    with av.open(str(output)) as container:
        assert [stream.type for stream in container.streams] == ["video"]
    originals = {packet.payload for packet in sent_packets(source, "video")[1]}
    assert not originals & {packet.payload for packet in sent_packets(output, "video")[0]}


def cover_of(path: Path) -> bytes | None:
    with av.open(str(path)) as container:
        covers = [stream for stream in container.streams if stream.disposition & Disposition.attached_pic]
        return next((bytes(packet) for packet in container.demux(covers) if packet.size), None) if covers else None


@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
@pytest.mark.parametrize("trim", [None, Trim(Fraction(1, 25), Fraction(2, 25))])
def test_cover_art(tmp_path, suffix, trim):
    """It is kept, as a track in MP4 and as an attachment in Matroska, and from there once more."""
    source = make_clip(tmp_path / "in.mp4", images(3), cover=gradient(8, 8), tones=[Tone(seconds=0.1)])
    output = tmp_path / f"out{suffix}"
    _, notices = copy_frames(source, output, trim)
    assert notices == []
    assert cover_of(output) == cover_of(source) is not None
    again = tmp_path / f"again{suffix}"
    copy_frames(output, again)  # and from there once more
    assert cover_of(again) == cover_of(source)


@pytest.mark.parametrize(("suffix", "name"), [(".mov", "mov"), (".webm", "webm")])
def test_cover_art_that_cannot_be_kept(tmp_path, suffix, name):
    source = make_clip(tmp_path / "in.mp4", images(2), cover=gradient(8, 8))
    output = tmp_path / f"out{suffix}"
    _, notices = copy_frames(source, output)
    assert notices == [f"the cover art cannot be copied into {name} and is left out"]
    assert cover_of(output) is None


def test_attachments(tmp_path):
    """Matroska keeps them; other containers give a notice."""
    source = tmp_path / "in.mkv"
    with av.open(str(source), "w") as container:
        stream = container.add_stream("libx264", rate=25, width=48, height=32)
        container.add_attachment("Letters.ttf", "font/ttf", b"letters" * 9)
        container.mux(stream.encode(av.VideoFrame(48, 32, "yuv420p")))
        container.mux(stream.encode(None))
    _, notices = copy_frames(source, tmp_path / "out.mkv")
    assert notices == []
    with av.open(str(tmp_path / "out.mkv")) as container:
        (kept,) = container.streams.attachments
        assert (kept.name, kept.mimetype, kept.data) == ("Letters.ttf", "font/ttf", b"letters" * 9)
    _, notices = copy_frames(source, tmp_path / "out.mp4")
    assert notices == ["attachment track 1 (unknown) cannot be copied into mp4 and is left out"]


def test_tags_of_the_file(tmp_path):
    """They are copied, and those that the container cannot hold are named in a notice."""
    source = make_clip(tmp_path / "in.mkv", images(2), metadata={"title": "Named", "odd_tag": "x"})
    output = tmp_path / "out.mp4"
    _, notices = copy_frames(source, output)
    assert len(notices) == 1
    assert notices[0].endswith("ODD_TAG")
    with av.open(str(output)) as container:
        assert container.metadata["title"] == "Named"


@pytest.mark.parametrize("suffix", [".mp4", ".mov", ".mkv"])
def test_sample_aspect_and_rotation(tmp_path, suffix):
    """The sample aspect ratio is kept, turned with the frame; the rotation is applied and not stored again."""
    source = make_clip(tmp_path / "in.mp4", images(2), matrix=display_matrix(1), sample_aspect=Fraction(1137, 800))
    output = tmp_path / f"out{suffix}"
    copy_frames(source, output)
    with av.open(str(output)) as container:
        stream = container.streams.video[0]
        frame = next(container.decode(stream))
        assert (frame.height, frame.width, frame.rotation) == (SIZE[1], SIZE[0], 0)
        assert stream.sample_aspect_ratio == Fraction(800, 1137)


def test_sample_aspect_in_webm(tmp_path):
    """WebM stores none, so the frame is written wider instead."""
    source = make_clip(tmp_path / "in.mp4", images(2), sample_aspect=Fraction(3, 2))
    output = tmp_path / "out.webm"
    _, notices = copy_frames(source, output)
    assert "square pixels" in notices[0]
    with av.open(str(output)) as container:
        frame = next(container.decode(video=0)).to_ndarray(format="rgb24")
    assert frame.shape[:2] == (32, 72)
    assert np.abs(frame.astype(int) - gradient(32, 72)).mean() < 3


def test_segments_of_different_settings(tmp_path):
    """They cannot share one stream header: the run is not resumed, and no output appears."""
    output = tmp_path / "out.mp4"
    with WorkFolder(output) as work:
        sinks = [
            open_sink(output, work, tmp_path, VideoInfo("folder", SIZE), SIZE, None, None, settings)
            for settings in (
                choose_encoder(EncodingRequest(pix_fmt=name), ".mp4", 8) for name in ("yuv420p", "yuv444p")
            )
        ]
        sinks[0].write(Frame(gradient(*SIZE), 0))
        sinks[0].end_segment()
        with pytest.raises(BadOutput, match="one file cannot hold both"):
            sinks[1].resume(sinks[0].files(), [Fraction(0)])
        sinks[1].abort()
    assert [path.name for path in tmp_path.iterdir()] == [work.path.name]


def test_source_deleted_before_muxing(tmp_path):
    source = make_clip(tmp_path / "in.mp4", images(2), tones=[Tone(seconds=0.1)])
    output = tmp_path / "out.mp4"
    with WorkFolder(output) as work:
        info = VideoInfo("video", SIZE, time_base=Fraction(1, 12800))
        sink = open_sink(output, work, source, info, SIZE, None, None)
        sink.write(Frame(gradient(*SIZE), 0, Fraction(0), Fraction(1, 25)))
        source.unlink()
        with pytest.raises(RunFailed, match="No such file"):
            sink.finish()
    assert not output.exists()


# an audio file


def test_no_audio(tmp_path):
    """With --audio none, subtitles are still copied."""
    clip = make_clip(tmp_path / "in.mp4", images(3), tones=[Tone(seconds=0.1)])
    source = add_texts(clip, [(0, 40, "eins")], [(0, 80, "A")])
    _, notices = copy_frames(source, tmp_path / "out.mkv", audio="none")
    assert notices == []
    assert sent_packets(tmp_path / "out.mkv", "audio") == []
    assert len(sent_packets(tmp_path / "out.mkv", "subtitle")) == 1


@pytest.mark.parametrize("trim", [None, Trim(Fraction(13, 25) + 9, Fraction(20, 25) + 9)])
@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
def test_audio_file(tmp_path, suffix, trim):
    """It begins with the first frame and ends with the last, whatever the source's clock says."""
    pts = [9000 + 40 * number for number in range(20)]
    source = make_clip(
        tmp_path / "in.mp4", images(20), pts=pts, time_base=MILLISECOND, tones=[Tone("libmp3lame", 44100, 0.5)]
    )
    sound = make_clip(tmp_path / "sound.mkv", images(1), tones=[Tone("ac3", 48000, 2.0)])
    output = tmp_path / f"out{suffix}"
    frames, notices = copy_frames(source, output, trim, str(sound))
    assert notices == []
    length = frames[-1].time + frames[-1].duration - frames[0].time
    (theirs,), (ours,) = sent_packets(sound, "audio"), sent_packets(output, "audio")
    first = frame_times(output)[0][0]
    expected = [packet for packet in theirs if packet.pts < length]
    assert [packet.payload for packet in ours] == [packet.payload for packet in expected]
    rounding = MILLISECOND / 2 if suffix == ".mkv" else 0
    assert all(abs(a.pts - first - b.pts) <= rounding for a, b in zip(ours, expected, strict=True))


def test_audio_file_with_a_folder_of_frames(tmp_path):
    """It is encoded again where it cannot be copied."""
    sound = make_clip(tmp_path / "sound.mp4", images(1), tones=[Tone("aac", 48000, 1.0)])
    output = tmp_path / "out.webm"
    with WorkFolder(output) as work:
        info = VideoInfo("folder", SIZE)
        sink = open_sink(output, work, tmp_path, info, SIZE, None, Fraction(10), None, TrackOptions(audio=str(sound)))
        for index, image in enumerate(images(5)):
            sink.write(Frame(image, index, Fraction(index, 25), Fraction(1, 25)))
        sink.finish()
    assert "audio track 1 of sound.mp4 (aac) cannot be copied into webm and is re-encoded as libopus" in sink.notices
    samples, start = decoded_audio(output, 48000)
    assert abs(start) < 0.01
    assert abs(len(samples) / 48000 - 0.5) < 0.05
    assert np.abs(samples[4800:19200]).max() > 0.05


@pytest.mark.parametrize(("name", "problem"), [("gone.wav", "cannot be opened"), ("silent.mp4", "has no audio")])
def test_audio_file_without_audio(tmp_path, name, problem):
    """It is refused when the sink is opened, before any frame."""
    make_clip(tmp_path / "silent.mp4", images(1))
    source = make_clip(tmp_path / "in.mp4", images(2))
    with pytest.raises(BadInput, match=problem):
        copy_frames(source, tmp_path / "out.mp4", audio=str(tmp_path / name))
    (tmp_path / "text.wav").write_text("no sound")
    with pytest.raises(BadInput, match="cannot be opened"):
        copy_frames(source, tmp_path / "out.mp4", audio=str(tmp_path / "text.wav"))
