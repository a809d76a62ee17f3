"""Video files as sources: times, track choice, orientation, deinterlacing, damage, refusals."""

from __future__ import annotations

import contextlib
import errno
import io
import os
import socket
import struct
import threading
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from av.stream import Disposition
from hypothesis import given
from hypothesis import strategies as st

from tests.support.clips import Tone, display_matrix, gradient, make_clip
from videostyle.errors import BadInput
from videostyle.media.frame_shapes import PixelAspects
from videostyle.media.interlacing import Deinterlacing, TimedFrame, deinterlaced
from videostyle.media.sources import open_source
from videostyle.media.tracks import orientation
from videostyle.media.video_source import PresentationClock, VideoSource
from videostyle.option_groups import ReadingOptions

SIZE = (48, 80)
MS = Fraction(1, 1000)
EARLY = {"avoid_negative_ts": "disabled"}


def steps(count: int) -> list[np.ndarray]:
    return [gradient(*SIZE, step=20 * index) for index in range(count)]


def drifting(count: int) -> list[np.ndarray]:
    """A gradient with noise that becomes brighter, so that the encoder uses B-frames."""
    noise = np.random.default_rng(0)
    return [
        (gradient(96, 128, step=8 * i) + noise.integers(-20, 21, (96, 128, 3))).astype(np.uint8) for i in range(count)
    ]


def times(source) -> list[Fraction]:
    return [frame.time for frame in source.frames((16, 16))]


def durations(source) -> list[Fraction]:
    return [frame.duration for frame in source.frames((16, 16))]


# --- times -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["vfr.mp4", "vfr.mkv"])
def test_times_of_variable_rate(tmp_path, name):
    """Gaps and a late start too are exact."""
    pts = [900, 933, 934, 1200, 3000, 3017]
    options = {"movie_timescale": "1000"} if name.endswith("mp4") else None
    path = make_clip(tmp_path / name, steps(6), pts=pts, time_base=MS, container_options=options)
    source = open_source(path)
    assert times(source) == [tick * MS for tick in pts]
    assert durations(source)[:-1] == [ticks * MS for ticks in (33, 1, 266, 1800, 17)]


@pytest.mark.parametrize(
    ("pts", "fps", "kept"),
    [
        ([0, 40, 80, 120, 160, 200], "25", [0, 40, 80, 120, 160, 200]),
        ([0, 40, 80, 120, 160, 200], "12.5", [0, 80, 160]),
        ([0, 40, 80, 120, 160, 200], "1000", [0, 40, 80, 120, 160, 200]),
        (
            [0, 33, 67, 100, 133, 167, 200],
            "30",
            [0, 33, 67, 100, 133, 167, 200],
        ),  # 30 a second, as Matroska rounds them
        ([0, 33, 67, 100, 133, 167, 200], "24", [0, 67, 100, 133, 167]),  # k/24 s: 0, 42, 83, 125, 167
        ([5000, 5010, 5300, 5310, 5320, 5900], "5", [5000, 5300, 5900]),  # a gap is not filled
    ],
)
def test_fewer_frames_a_second(tmp_path, pts, fps, kept):
    """The first frame at or after each k/R seconds is kept, with its own time, until the next one that is kept."""
    clip = make_clip(tmp_path / "clip.mkv", [gradient(36, 64)] * len(pts), pts=pts, time_base=Fraction(1, 1000))
    every = list(open_source(clip).frames())
    frames = list(open_source(clip, ReadingOptions(fps=fps)).frames())
    assert [frame.time for frame in frames] == [Fraction(ticks, 1000) for ticks in kept]
    assert [frame.index for frame in frames] == list(range(len(kept)))
    ends = [frame.time for frame in frames[1:]] + [every[-1].time + every[-1].duration]
    assert [frame.time + frame.duration for frame in frames] == ends
    later = list(open_source(clip, ReadingOptions(fps=fps)).frames(first=2))
    assert [frame.time for frame in later] == [frame.time for frame in frames[2:]]


def test_edit_list(tmp_path):
    """As in clips trimmed on a phone: the file has three frames that its edit list excludes."""
    tick = Fraction(1, 12800)
    pictures = [gradient(36, 48, step=20 * number) for number in range(10)]
    early = {"avoid_negative_ts": "disabled"}
    path = make_clip(
        tmp_path / "in.mp4", pictures, pts=[512 * (i - 3) for i in range(10)], time_base=tick, container_options=early
    )
    frames = list(open_source(path).frames())
    assert [frame.time for frame in frames] == [512 * number * tick for number in range(7)]
    assert abs(int(frames[0].image[0, 0, 2]) - 60) < 5


def test_times_of_ntsc(tmp_path):
    """They are whole ticks of the file's time base."""
    source = open_source(make_clip(tmp_path / "ntsc.mp4", steps(5), rate=Fraction(30000, 1001)))
    assert times(source) == [index * Fraction(1001, 30000) for index in range(5)]
    assert source.info.rate == Fraction(30000, 1001)
    assert (1 / source.info.time_base) % 30000 == 0


def test_b_frames(tmp_path):
    """They come in the order of presentation."""
    pictures = [gradient(*SIZE, step=12 * index) for index in range(16)]
    source = open_source(make_clip(tmp_path / "b.mp4", pictures, options={"bf": "3", "crf": "1"}))
    frames = list(source.frames())
    blue = [int(np.median(frame.image[..., 2])) for frame in frames]
    assert np.abs(np.subtract(blue, [12 * index for index in range(16)])).max() <= 6
    assert [frame.time for frame in frames] == [index * Fraction(1, 25) for index in range(16)]


def test_b_frames_in_avi(tmp_path):
    """AVI has no presentation times; no frame is dropped all the same."""
    source = open_source(make_clip(tmp_path / "b.avi", drifting(20), options={"bf": "2", "crf": "20"}))
    with av.open(str(tmp_path / "b.avi")) as file:
        pts = [frame.pts for frame in file.decode(video=0)]
    assert pts != sorted(pts)  # as FFmpeg reads such a file
    assert all(a < b for a, b in pairwise(times(source)))
    assert len(times(source)) == 20
    assert source.skipped == 0


def test_clock_uses_decoding_times():
    """Presentation times that go back more often are ignored; the pairs are from an AVI file of H.264 with B-frames."""
    pairs = [(1, 2), (3, 3), (4, 4), (2, 5), (6, 6), (5, 7), (7, 8)]
    clock = PresentationClock()
    assert [clock.ticks(*pair) for pair in pairs] == [1, 3, 4, 5, 6, 7, 8]


def test_clock_with_one_repeated_presentation_time():
    """One repetition does not discredit the others."""
    clock = PresentationClock()
    assert [clock.ticks(*pair) for pair in [(5, 0), (6, 1), (6, 2), (8, 3)]] == [5, 6, 6, 8]


def test_duration_of_the_last_frame(tmp_path):
    """It is what the file claims."""
    source = open_source(make_clip(tmp_path / "a.mp4", steps(3), rate=10))
    assert durations(source) == [Fraction(1, 10)] * 3


def test_wrong_claim_about_the_last_frame(tmp_path):
    """Claims that were wrong before are ignored: the last frame lasts as long as the one before it."""
    path = make_clip(tmp_path / "a.mkv", steps(3), rate=1000, pts=[0, 40, 80], time_base=MS)
    assert durations(open_source(path)) == [40 * MS] * 3  # every frame claims a duration of 1 ms


def test_duration_of_a_single_frame(tmp_path):
    (duration,) = durations(open_source(make_clip(tmp_path / "one.mp4", steps(1), rate=10)))
    assert duration == Fraction(1, 10)


def test_repeated_time(tmp_path):
    """A frame with the time of the one before is left out, and a notice says so: nothing is damaged."""
    path = make_clip(tmp_path / "a.mkv", steps(4), pts=[0, 40, 41, 80], time_base=MS, codec="ffv1", pix_fmt="yuv444p")
    data = path.read_bytes()
    at = data.rindex(struct.pack(">BhB", 0x81, 41, 0))  # the block of track 1 that begins 41 ms into its cluster
    path.write_bytes(data[:at] + struct.pack(">BhB", 0x81, 40, 0) + data[at + 4 :])
    source = open_source(path)
    assert times(source) == [0, 40 * MS, 80 * MS]
    times(source)
    assert source.skipped == 0
    assert [line for line in source.info.notices if "1 frame is left out: it has the time of the frame before" in line]
    assert len(source.info.notices) == 1  # counted afresh in every pass


def test_restarted_clock(tmp_path):
    """Files joined end to end are refused, with the command that repairs them."""
    part = make_clip(tmp_path / "part.ts", steps(40), rate=10, pix_fmt="yuv420p")
    whole = tmp_path / "whole.ts"
    whole.write_bytes(part.read_bytes() * 2)
    assert len(times(open_source(part))) == 40
    with pytest.raises(BadInput, match=r"clock of .*starts again.*ffmpeg -i whole\.ts -c copy"):
        times(open_source(whole))


def test_first_frame_of_a_transport_stream_without_a_time(tmp_path):
    """It comes just before the second one, wherever the clock starts, and the output's clock begins with it."""
    pts = [90_000 + 3600 * number for number in range(4)]
    path = make_clip(tmp_path / "a.ts", steps(4), pts=pts, time_base=Fraction(1, 90_000), rate=25, pix_fmt="yuv420p")
    data = bytearray(path.read_bytes())
    data[data.index(b"\0\0\1\xe0") + 7] &= 0x3F  # the first packet's flags of having times
    path.write_bytes(data)
    source = open_source(path)
    assert times(source) == [1, Fraction(104, 100), Fraction(108, 100), Fraction(112, 100)]
    assert source.info.zero == 1


def test_zero_of_a_transport_stream(tmp_path):
    """Its clock starts anywhere, so that the start is known; other formats start at 0."""
    pts = [90_000 * 36_000 + 9000 * index for index in range(4)]
    path = make_clip(tmp_path / "a.ts", steps(4), pts=pts, time_base=Fraction(1, 90_000), pix_fmt="yuv420p")
    source = open_source(path)
    assert source.info.zero == times(source)[0] >= 36_000
    assert open_source(make_clip(tmp_path / "a.mp4", steps(2), pts=[500, 600], time_base=MS)).info.zero == 0


@pytest.mark.parametrize("name", ["a.mkv", "a.flv"])
def test_zero_of_a_live_stream(tmp_path, name):
    """Where every track begins after a minute, the clock is moved to the earliest; the tracks keep their distances."""
    late = {"pts": [3_600_000 + 40 * index for index in range(4)], "time_base": MS, "tones": [Tone(start=3600.5)]}
    codec = {"codec": "flv", "pix_fmt": "yuv420p"} if name == "a.flv" else {}
    source = open_source(make_clip(tmp_path / name, steps(4), container_options=EARLY, **late, **codec))
    assert abs(source.info.zero - 3600) < Fraction(1, 10)
    assert abs(times(source)[0] - 3600) <= MS
    assert source.info.notices == (f"the clock of {name} begins at 01:00:00; the output's begins at 0",)


@pytest.mark.parametrize("name", ["a.mkv", "a.mp4"])
def test_late_film(tmp_path, name):
    """A film that begins after its sound, or within a minute, stays where it is, and so does everything in MP4."""
    pts = [90_000 + 40 * index for index in range(4)]
    path = make_clip(tmp_path / name, steps(4), pts=pts, time_base=MS, tones=[Tone()], container_options=EARLY)
    assert open_source(path).info.zero == 0
    path = make_clip(tmp_path / name, steps(4), pts=[30_000, 30_040, 30_080, 30_120], time_base=MS)
    assert open_source(path).info.zero == 0
    assert open_source(path).info.notices == ()


@given(st.lists(st.integers(0, 10_000), min_size=1, max_size=20, unique=True).map(sorted), st.booleans())
def test_clock_keeps_increasing_presentation_times(pts, known):
    """Whatever the decoding times are."""
    clock = PresentationClock()
    assert [clock.ticks(tick, index if known else None) for index, tick in enumerate(pts)] == pts


# --- track choice -----------------------------------------------------------------------------------------------------


def test_cover_art(tmp_path):
    """It is not taken for the video."""
    cover = np.full((20, 30, 3), 200, np.uint8)
    path = make_clip(tmp_path / "a.mp4", steps(3), cover=cover, tones=[Tone(seconds=0.2)])
    source = open_source(path)
    assert source.info.size == SIZE
    assert len(times(source)) == 3


def test_only_cover_art(tmp_path):
    """A song with a cover has no video track."""
    path = make_clip(tmp_path / "a.mp4", steps(1), cover=np.full((20, 30, 3), 200, np.uint8), tones=[Tone()])
    with av.open(str(path)) as old, av.open(str(tmp_path / "song.mp4"), "w") as new:
        kept = {stream: new.add_stream_from_template(stream) for stream in (*old.streams.audio, old.streams.video[1])}
        kept[old.streams.video[1]].disposition = old.streams.video[1].disposition
        for packet in old.demux(list(kept)):
            if packet.size:
                if packet.dts is None:  # cover art has no time
                    packet.pts = packet.dts = 0
                packet.stream = kept[packet.stream]
                new.mux(packet)
    with av.open(str(tmp_path / "song.mp4")) as song:
        assert len(song.streams.video) == 1
    with pytest.raises(BadInput, match="no video track"):
        open_source(tmp_path / "song.mp4")


def test_empty_track_first(tmp_path):
    """The first track with frames is read."""
    path = make_clip(tmp_path / "a.mkv", steps(3), empty_track_first=True)
    with av.open(str(path)) as file:
        assert len(file.streams.video) == 2
    assert len(times(open_source(path))) == 3


def test_preview_track_first(tmp_path):
    """A track of one frame, or of a sixteenth of the pixels, is a thumbnail; the film follows."""
    film = make_clip(tmp_path / "film.mkv", steps(6))
    for name, pictures in (("one", [gradient(40, 64)]), ("tiny", [gradient(12, 20)] * 6)):
        small = make_clip(tmp_path / f"{name}.mkv", pictures)
        both = tmp_path / f"{name}_first.mkv"
        interleave(both, small, film)
        source = open_source(both)
        assert (source.info.track, source.info.size) == (1, SIZE)
        assert len(times(source)) == 6


def test_second_view(tmp_path):
    """Of two films the default one is read, as players do; without a default the first."""
    front, rear = make_clip(tmp_path / "a.mkv", steps(4)), make_clip(tmp_path / "b.mkv", [gradient(36, 64)] * 4)
    interleave(tmp_path / "both.mkv", rear, front, default=1)
    interleave(tmp_path / "none.mkv", rear, front, default=None)
    assert open_source(tmp_path / "both.mkv").info.size == SIZE
    assert open_source(tmp_path / "none.mkv").info.size == (36, 64)


def test_first_track_damaged(tmp_path):
    """Where no frame of the film decodes, the next track is read, and a notice says so."""
    one, two = (make_clip(tmp_path / name, steps(4)) for name in ("a.mp4", "b.mp4"))
    interleave(tmp_path / "both.mp4", one, two)
    data = bytearray((tmp_path / "both.mp4").read_bytes())
    for at, size in packet_places(tmp_path / "both.mp4"):
        data[at : at + size] = bytes(size)
    (tmp_path / "both.mp4").write_bytes(data)
    source = open_source(tmp_path / "both.mp4")
    assert source.info.track == 1
    assert source.info.notices == ("no frame of track 1 of both.mp4 can be decoded; track 2 is stylized instead",)


def interleave(target: Path, *clips: Path, default: int | None = 0) -> None:
    """One file with the video tracks of several, packet by packet."""
    with contextlib.ExitStack() as files, av.open(str(target), "w") as output:
        inputs = [files.enter_context(av.open(str(clip))) for clip in clips]
        streams = [output.add_stream_from_template(file.streams.video[0], opaque=True) for file in inputs]
        for number, stream in enumerate(streams):
            stream.disposition = Disposition.default if number == default else Disposition(0)
        packets = [(number, packet) for number, file in enumerate(inputs) for packet in file.demux(video=0)]
        packets = [(number, packet) for number, packet in packets if packet.size]
        for number, packet in sorted(packets, key=lambda pair: pair[1].dts * pair[1].time_base):
            packet.stream = streams[number]
            output.mux(packet)


# --- orientation ---------------------------------------------------------------------------------------------------------


def turned(image: np.ndarray, quarters: int, mirror: bool) -> np.ndarray:
    """Pixel by pixel: mirrored left to right, then turned clockwise by `quarters` quarter turns."""
    rows = [row[::-1] for row in image.tolist()] if mirror else image.tolist()
    for _ in range(quarters):
        rows = [list(column) for column in zip(*rows[::-1], strict=True)]
    return np.array(rows, image.dtype)


@pytest.mark.parametrize("mirror", [False, True])
@pytest.mark.parametrize("quarters", [0, 1, 2, 3])
def test_orientation(tmp_path, quarters, mirror):
    """Rotation and mirroring are applied to pixels, size and pixel aspect."""
    path = make_clip(
        tmp_path / "a.mp4", steps(2), matrix=display_matrix(quarters, mirror), sample_aspect=Fraction(4, 3)
    )
    plain = make_clip(tmp_path / "plain.mp4", steps(2))
    expected = turned(next(open_source(plain).frames()).image, quarters, mirror)
    source = open_source(path)
    sideways = quarters % 2 == 1
    assert source.info.size == (SIZE[::-1] if sideways else SIZE)
    assert source.info.sample_aspect == (Fraction(3, 4) if sideways else Fraction(4, 3))
    np.testing.assert_array_equal(next(source.frames()).image, expected)


def test_orientation_of_phones():
    """A phone held upright stores landscape frames and the matrix 0 1, -1 0: a quarter turn clockwise."""
    frame = av.VideoFrame(16, 16, "rgb24")
    assert orientation(frame) == (False, 0)
    assert display_matrix(1)[:5] == [0, 65536, 0, -65536, 0]


def test_side_data_that_pyav_cannot_name(tmp_path):
    """A camera's EXIF block becomes side data newer than PyAV's table: it is passed over, the orientation in it is heeded."""
    exif = b"Exif\0\0II*\0\x08\0\0\0\x01\0" + struct.pack("<HHIHHI", 0x0112, 3, 1, 6, 0, 0)  # orientation 6
    path = make_clip(tmp_path / "a.mkv", steps(2), codec="mjpeg", pix_fmt="yuvj420p", options={"huffman": "default"})
    with av.open(str(path)) as old, av.open(str(tmp_path / "b.avi"), "w") as new:
        stream = new.add_stream_from_template(old.streams.video[0])
        for packet in old.demux(video=0):
            if packet.size:
                data = bytes(packet)
                assert data[:2] == b"\xff\xd8"
                block = b"\xff\xe1" + struct.pack(">H", len(exif) + 2) + exif
                camera = av.Packet(data[:2] + block + data[2:])
                camera.pts, camera.dts, camera.time_base = packet.pts, packet.dts, packet.time_base
                camera.stream = stream
                new.mux(camera)
    source = open_source(tmp_path / "b.avi")
    assert source.info.size == SIZE[::-1]
    plain = next(open_source(path).frames()).image
    np.testing.assert_array_equal(next(source.frames()).image, turned(plain, 1, False))


def test_odd_size(tmp_path):
    pictures = [gradient(31, 45, step=90)]
    source = open_source(make_clip(tmp_path / "odd.mkv", pictures, codec="ffv1", pix_fmt="yuv444p"))
    frame = next(source.frames())
    assert frame.size == (31, 45)
    assert np.abs(frame.image.astype(int) - pictures[0]).max() <= 3


# --- shape -----------------------------------------------------------------------------------------------------------


def framed(height: int, width: int) -> np.ndarray:
    """A white picture with a gray border of a tenth of its height and width."""
    image = np.full((height, width, 3), 120, np.uint8)
    image[height // 10 : -(height // 10), width // 10 : -(width // 10)] = 240
    return image


def joined(folder: Path, *clips: dict) -> Path:
    """Transport streams of ten frames, which begin a second apart, joined."""
    parts = []
    for number, clip in enumerate(clips):
        pts = [25 * (number + 1) + index for index in range(10)]
        path = folder / f"{number}.ts"
        parts.append(make_clip(path, pts=pts, options={"g": "1"}, **clip))
    (folder / "joined.ts").write_bytes(b"".join(part.read_bytes() for part in parts))
    return folder / "joined.ts"


def borders(image: np.ndarray) -> list[int]:
    """Rows and columns (top, bottom, left, right) where the picture begins and ends, by its brightness."""
    bright = image[..., 1] > 60
    rows, columns = np.flatnonzero(bright.any(1)), np.flatnonzero(bright.any(0))
    return [rows[0], rows[-1] + 1, columns[0], columns[-1] + 1]


@pytest.mark.parametrize(
    ("fit", "expected"), [(None, [0, 64, 27, 69]), ("bars", [0, 64, 27, 69]), ("fill", [0, 64, 0, 96])]
)
def test_size_that_changes(tmp_path, fit, expected):
    """A phone that is turned while it records: 96x64 becomes 64x96, which in 96x64 is 64 * 64 / 96 = 42.7 pixels wide."""
    path = joined(tmp_path, {"pictures": [framed(64, 96)] * 10}, {"pictures": [framed(96, 64)] * 10})
    source = open_source(path, ReadingOptions(fit=fit))
    frames = list(source.frames())
    assert [frame.size for frame in frames] == [(64, 96)] * 20
    assert all(np.abs(np.subtract(borders(frame.image), [0, 64, 0, 96])).max() == 0 for frame in frames[:10])
    assert all(np.abs(np.subtract(borders(frame.image), expected)).max() <= 1 for frame in frames[10:])
    (notice,) = source.info.notices
    assert "change from 96x64 to 64x96 at 1.00 s" in notice
    inner = frames[15].image[..., 1] > 180  # the white of a picture that is not stretched keeps its proportions
    white = np.flatnonzero(inner.any(0))
    assert abs(len(white) - (0.8 * 42.7 if fit != "fill" else 0.8 * 96)) <= 3


def test_size_that_changes_refused(tmp_path):
    path = joined(tmp_path, {"pictures": [framed(64, 96)] * 10}, {"pictures": [framed(96, 64)] * 10})
    with pytest.raises(BadInput, match=r"from 96x64 to 64x96 at 1\.00 s; --fit bars"):
        list(open_source(path, ReadingOptions(fit="refuse")).frames())


def test_size_that_changes_with_the_same_proportions(tmp_path):
    """The picture is scaled, without bars."""
    path = joined(tmp_path, {"pictures": [framed(64, 96)] * 10}, {"pictures": [framed(32, 48)] * 10})
    source = open_source(path)
    assert [borders(frame.image) for frame in source.frames()] == [[0, 64, 0, 96]] * 20
    assert "scaled to the first frame's size" in source.info.notices[0]


def test_pixel_shape_that_changes(tmp_path):
    """A broadcast that changes from 4:3 to 16:9 at the same size: the second part is 3/4 as high in the first one's shape."""
    clip = {"pictures": [framed(64, 96)] * 10, "codec": "mpeg2video"}
    path = joined(tmp_path, clip | {"sample_aspect": Fraction(8, 9)}, clip | {"sample_aspect": Fraction(32, 27)})
    source = open_source(path)
    frames = list(source.frames())
    assert source.info.sample_aspect == Fraction(8, 9)
    assert [borders(frame.image) for frame in frames[:10]] == [[0, 64, 0, 96]] * 10
    assert all(np.abs(np.subtract(borders(frame.image), [8, 56, 0, 96])).max() <= 1 for frame in frames[10:])
    assert "at 1.00 s" in source.info.notices[0]


def test_aspect_of_frames_that_come_late():
    """A decoder returns a frame after it has decoded later packets, whose headers may state another aspect."""
    square, wide = Fraction(1), Fraction(4, 3)
    aspects = PixelAspects(square)
    aspects.sent(0, square)
    aspects.sent(1, square)
    assert aspects.of(0) == square
    aspects.sent(1, wide)  # joined: the same time twice
    aspects.sent(2, wide)
    assert [aspects.of(1), aspects.of(1), aspects.of(2)] == [square, wide, wide]


def test_aspect_of_the_container():
    """It wins, as in players, until the codec's own changes."""
    aspects = PixelAspects(Fraction(2))
    aspects.sent(0, Fraction(1))
    aspects.sent(1, Fraction(4, 3))
    assert [aspects.of(0), aspects.of(1)] == [2, Fraction(4, 3)]


# --- interlaced ------------------------------------------------------------------------------------------------------


def bar(at: int) -> np.ndarray:
    image = np.full((64, 96, 3), 40, np.uint8)
    image[:, at : at + 12] = 200
    return image


def interlaced(field: int) -> np.ndarray:
    """Odd lines show the bar at `field`, even lines where it is half a frame later: bottom field first."""
    image = bar(4 * field)
    image[0::2] = bar(4 * field + 4)[0::2]
    return image


def test_deinterlacing(tmp_path):
    """Every interlaced frame becomes one progressive frame at the same time."""
    options = {"qp": "0", "preset": "ultrafast", "x264-params": "bff=1"}
    pictures = [interlaced(2 * index) for index in range(8)]
    source = open_source(make_clip(tmp_path / "a.mkv", pictures, options=options, pix_fmt="yuv444p", rate=25))
    frames = list(source.frames())
    assert "interlaced" in source.info.notices[0]
    assert [frame.time for frame in frames] == [index * 40 * MS for index in range(8)]
    for index, frame in enumerate(frames):
        assert np.abs(frame.image.astype(int) - bar(8 * index)).max() <= 3


def test_interlaced_from_a_later_frame_on(tmp_path):
    """Deinterlacing and its notice begin there."""
    options = {"qp": "0", "preset": "ultrafast", "x264-params": "bff=1"}
    plain = make_clip(tmp_path / "a.mkv", [bar(8 * index) for index in range(3)], pix_fmt="yuv444p")
    woven = make_clip(
        tmp_path / "b.mkv", [interlaced(2 * index) for index in range(3, 8)], options=options, pix_fmt="yuv444p"
    )
    with av.open(str(plain)) as one, av.open(str(woven)) as other:
        pictures = [*one.decode(video=0), *other.decode(video=0)]
    notices: list[bool] = []
    timed = [TimedFrame(picture, Fraction(index), Fraction(1)) for index, picture in enumerate(pictures)]
    for index, frame in enumerate(deinterlaced(iter(timed), Deinterlacing(), lambda: notices.append(True))):
        assert frame.time == index
        assert np.abs(frame.picture.to_ndarray(format="rgb24").astype(int) - bar(8 * index)).max() <= 3
    assert (index, notices) == (7, [True])


def test_progressive_frames_with_combing(tmp_path):
    """Frames that are not marked as interlaced are not deinterlaced."""
    pictures = [interlaced(2 * index) for index in range(4)]
    source = open_source(make_clip(tmp_path / "a.mkv", pictures, pix_fmt="yuv444p"))
    assert source.info.notices == ()
    for frame, picture in zip(source.frames(), pictures, strict=True):
        assert np.abs(frame.image.astype(int) - picture).max() <= 3


# --- damage ----------------------------------------------------------------------------------------------------------


def noisy(count: int) -> list[np.ndarray]:
    noise = np.random.default_rng(1)
    return [noise.integers(0, 256, (*SIZE, 3)).astype(np.uint8) for _ in range(count)]


def packet_places(path: Path) -> list[tuple[int, int]]:
    with av.open(str(path)) as file:
        return [(packet.pos, packet.size) for packet in file.demux(video=0) if packet.size]


def test_corrupt_packet(tmp_path):
    """It is dropped and counted; the frame before it lasts longer."""
    path = make_clip(tmp_path / "a.mov", noisy(8), codec="prores_ks", pix_fmt="yuv422p10le")
    data, (at, size) = bytearray(path.read_bytes()), packet_places(path)[3]
    data[at : at + size] = bytes(size)
    path.write_bytes(data)
    source = open_source(path)
    frames = list(source.frames())
    assert source.skipped == 1
    assert [frame.time * 25 for frame in frames] == [0, 1, 2, 4, 5, 6, 7]
    assert [frame.duration * 25 for frame in frames] == [1, 1, 2, 1, 1, 1, 1]
    assert [frame.index for frame in frames] == list(range(7))


def test_truncated_file(tmp_path):
    """The frames before the break are read."""
    path = make_clip(tmp_path / "a.mkv", noisy(8), codec="ffv1", pix_fmt="yuv444p")
    at, size = packet_places(path)[5]
    path.write_bytes(path.read_bytes()[: at + size // 2])
    source = open_source(path)
    assert 4 <= len(times(source)) <= 6


def test_random_damage(tmp_path):
    """It gives increasing times or BadInput, never another error."""
    path = make_clip(tmp_path / "a.mp4", noisy(6), options={"crf": "20", "bf": "2"}, tones=[Tone(seconds=0.2)])
    data, generator = path.read_bytes(), np.random.default_rng(7)
    for _ in range(12):
        damaged = bytearray(data)
        at = int(generator.integers(0, len(data) - 200))
        damaged[at : at + 200] = generator.integers(0, 256, 200).astype(np.uint8).tobytes()
        path.write_bytes(damaged)
        try:
            frames = list(open_source(path).frames())
        except BadInput:
            continue
        assert all(a.time < b.time for a, b in pairwise(frames))


# --- refusals and names ----------------------------------------------------------------------------------------------


def refused(path: Path) -> str:
    """The one-line message with which the path is refused; no file stays open."""
    before = len(os.listdir("/proc/self/fd")) if Path("/proc/self/fd").exists() else None
    with pytest.raises(BadInput) as caught:
        open_source(path)
    if before is not None:
        caught.value.__traceback__ = caught.value.__cause__ = None
        assert len(os.listdir("/proc/self/fd")) == before
    line = str(caught.value)
    assert "\n" not in line
    assert str(path) in line
    assert "accepted" in line
    return line


def test_a_missing_file(tmp_path):
    assert "does not exist" in refused(tmp_path / "nowhere.mp4")


@pytest.mark.parametrize("text", ["just some words\n" * 40, "", "#EXTM3U\n#EXTINF:1,\nfile:///etc/hostname\n"])
def test_text_file(tmp_path, text):
    (tmp_path / "a.mp4").write_text(text)
    assert "not a video" in refused(tmp_path / "a.mp4")


def test_playlist_is_not_followed(tmp_path):
    """Nothing is fetched from the network."""
    calls: list[object] = []
    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer():
            with contextlib.suppress(OSError):  # the socket is closed at the end of the test
                while True:
                    connection, _ = server.accept()
                    calls.append(connection)
                    connection.close()

        threading.Thread(target=answer, daemon=True).start()
        address = f"http://127.0.0.1:{server.getsockname()[1]}/a.ts"
        lines = ["#EXTM3U", "#EXT-X-TARGETDURATION:1", "#EXTINF:1,", address, "#EXT-X-ENDLIST", ""]
        (tmp_path / "a.m3u8").write_text("\n".join(lines))
        refused(tmp_path / "a.m3u8")
        assert calls == []


def test_audio_only(tmp_path):
    path = make_clip(tmp_path / "a.mkv", steps(1), tones=[Tone(seconds=0.2)])
    with av.open(str(path)) as old, av.open(str(tmp_path / "sound.mkv"), "w") as new:
        stream = new.add_stream_from_template(old.streams.audio[0])
        for packet in old.demux(audio=0):
            if packet.dts is not None:
                packet.stream = stream
                new.mux(packet)
    assert "no video track" in refused(tmp_path / "sound.mkv")


def test_no_decodable_frame(tmp_path):
    """Refused on opening."""
    path = make_clip(tmp_path / "a.mov", noisy(3), codec="prores_ks", pix_fmt="yuv422p10le")
    data = bytearray(path.read_bytes())
    for at, size in packet_places(path):
        data[at : at + size] = bytes(size)
    path.write_bytes(data)
    assert "no frame" in refused(path)


class FailingDisk(io.FileIO):
    def readinto(self, buffer):
        if self.tell() > 20_000:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        return super().readinto(buffer)

    def read(self, size=-1):
        buffer = bytearray(size)
        return bytes(buffer[: self.readinto(buffer)])


def test_failing_disk(tmp_path):
    """An I/O error is not taken for the end of the video."""
    source = open_source(make_clip(tmp_path / "a.mkv", noisy(8), codec="ffv1", pix_fmt="yuv444p"))

    class PathOnIt(type(source.path)):
        def open(self, mode):
            return FailingDisk(self, mode)

    source.path = PathOnIt(source.path)
    with pytest.raises(BadInput, match="cannot be read to its end"):
        list(source.frames())


def test_named_pipe(tmp_path):
    os.mkfifo(tmp_path / "pipe.mp4")
    assert "not a regular file" in refused(tmp_path / "pipe.mp4")


@pytest.mark.parametrize("name", ["a:b.mp4", "-i.mp4", "%04d.mp4", "file:x.mp4", "concat:a|b.mp4", "ünï 'q'", "x.txt"])
def test_unusual_names(tmp_path, name, monkeypatch):
    """FFmpeg would take some of them for protocols, options or patterns."""
    make_clip(tmp_path / "plain.mp4", steps(2)).rename(tmp_path / name)
    monkeypatch.chdir(tmp_path)
    source = open_source(Path(name))
    assert isinstance(source, VideoSource)
    assert len(times(source)) == 2


def test_image_with_a_video_suffix(tmp_path):
    cv2.imwrite(str(tmp_path / "a.png"), steps(1)[0])
    (tmp_path / "a.png").rename(tmp_path / "a.mp4")
    assert open_source(tmp_path / "a.mp4").info.kind == "image"


def test_metadata_that_is_not_utf8(tmp_path):
    path = make_clip(tmp_path / "a.mkv", steps(2), metadata={"title": "QQQQ"})
    data = path.read_bytes()
    assert b"QQQQ" in data
    path.write_bytes(data.replace(b"QQQQ", b"\xff\xfe\xe9Q"))
    assert len(times(open_source(path))) == 2


def test_color_tags_of_the_container_only(tmp_path):
    """A decoder without tags in its own stream discards the container's; they are read all the same."""
    plain = make_clip(tmp_path / "a.mov", steps(2), codec="prores_ks", pix_fmt="yuv422p10le")
    tagged = tmp_path / "b.mov"
    with av.open(str(plain)) as source, av.open(str(tagged), "w") as container:
        stream = container.add_stream_from_template(source.streams.video[0], opaque=True)
        stream.colorspace, stream.color_primaries, stream.color_trc, stream.color_range = 9, 9, 16, 1
        for packet in source.demux(video=0):
            if packet.size:
                packet.stream = stream
                container.mux(packet)
    assert open_source(plain).info.notices == ()
    assert "HDR" in open_source(tagged).info.notices[0]
    plain_frame, tagged_frame = (next(open_source(path).frames()).image for path in (plain, tagged))
    assert np.abs(plain_frame.astype(int) - tagged_frame).mean() > 2000
