"""Everything beside the film is in the output, or a notice names what is not."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from tests.support.clips import Tone, gradient, make_clip
from tests.support.outputs import copy_frames, sent_packets
from videostyle.frames import Trim
from videostyle.media.proof import missing
from videostyle.media.side_tracks import Sides, SideTracks

MILLISECOND = Fraction(1, 1000)
ALL = [".mkv", ".mov", ".mp4", ".webm"]


def images(count: int) -> list[np.ndarray]:
    return [gradient(32, 48, step=12 * index) for index in range(count)]


def with_track(clip: Path, target: Path, codec: str, contents: list[tuple[int, int, bytes]], **tags: str) -> Path:
    """The clip with one more track, of packets (start and length in milliseconds, payload)."""
    with av.open(str(clip)) as source, av.open(str(target), "w") as container:
        copies = {s.index: container.add_stream_from_template(s, opaque=True) for s in source.streams}
        is_data = codec == "bin_data"
        track = container.add_data_stream(codec) if is_data else container.add_mux_stream(codec)
        track.time_base = MILLISECOND
        track.metadata.update(tags)
        for packet in source.demux():
            if packet.size:
                packet.stream = copies[packet.stream.index]
                container.mux(packet)
        for start, length, payload in contents:
            packet = av.Packet(payload)
            packet.pts = packet.dts = start
            packet.duration, packet.time_base, packet.stream = length, MILLISECOND, track
            container.mux(packet)
    return target


def two_views(folder: Path) -> Path:
    """A clip with a second view: its pictures are the negatives of the first one's."""
    one = make_clip(folder / "one.mp4", images(3))
    two = make_clip(folder / "two.mp4", [255 - image for image in images(4)])
    path = folder / "views.mp4"
    with av.open(str(path), "w") as container, av.open(str(one)) as first, av.open(str(two)) as second:
        streams = [file.streams.video[0] for file in (first, second)]
        copies = [container.add_stream_from_template(stream, opaque=True) for stream in streams]
        for stream, copy in zip(streams, copies, strict=True):
            for packet in stream.container.demux(stream):
                if packet.size:
                    packet.stream = copy
                    container.mux(packet)
    return path


@pytest.mark.parametrize("suffix", ALL)
def test_second_view(tmp_path, suffix):
    """It would be an unstylized copy beside the film: it is left out, and the notice says how to keep it."""
    source, output = two_views(tmp_path), tmp_path / f"out{suffix}"
    _, notices = copy_frames(source, output)
    assert notices == ["video track 2 (h264) is not stylized and is left out; --other-video copy keeps it as it is"]
    with av.open(str(output)) as container:
        assert [stream.type for stream in container.streams] == ["video"]


@pytest.mark.parametrize("suffix", [".mkv", ".mov", ".mp4"])
def test_second_view_copied(tmp_path, suffix):
    source, output = two_views(tmp_path), tmp_path / f"out{suffix}"
    _, notices = copy_frames(source, output, other_video="copy")
    assert notices == []
    views = [[packet.payload for packet in track] for track in sent_packets(source, "video")]
    written = [[packet.payload for packet in track] for track in sent_packets(output, "video")]
    assert [len(track) for track in written] == [3, 4]
    assert views[0] != written[0]
    assert views[1] == written[1]


def test_reordered_frames_of_a_second_view(tmp_path):
    """They keep their times: Matroska does not say when the first ones are decoded."""
    one, reordered = make_clip(tmp_path / "one.mkv", images(9)), {"bf": "2", "b_strategy": "0", "qp": "20"}
    two = make_clip(tmp_path / "two.mkv", images(9), options=reordered)
    both, output = tmp_path / "in.mkv", tmp_path / "out.mp4"
    with av.open(str(both), "w") as container, av.open(str(one)) as first, av.open(str(two)) as second:
        streams = [file.streams.video[0] for file in (first, second)]
        copies = [container.add_stream_from_template(stream, opaque=True) for stream in streams]
        for stream, copy in zip(streams, copies, strict=True):
            for packet in stream.container.demux(stream):
                if packet.size:
                    packet.stream = copy
                    container.mux(packet)
    _, notices = copy_frames(both, output, other_video="copy")
    assert notices == []
    with av.open(str(output)) as container:
        times = [frame.pts * frame.time_base for frame in container.decode(video=1)]
    assert times == [Fraction(number, 25) for number in range(9)]


TELEMETRY = [(0, 400, b"DEVC one"), (400, 400, b"DEVC two")]


@pytest.mark.parametrize(("suffix", "kept"), [(".mov", True), (".mp4", True), (".mkv", False), (".webm", False)])
def test_telemetry(tmp_path, suffix, kept):
    """The data track of an action camera, in QuickTime and MP4 (GoPro's gpmd); Matroska has no such tracks."""
    clip = make_clip(tmp_path / "clip.mp4", images(20))
    source, output = with_track(clip, tmp_path / "in.mp4", "bin_data", TELEMETRY), tmp_path / f"out{suffix}"
    _, notices = copy_frames(source, output)
    if not kept:
        assert notices == [
            f"data track 1 (GoPro MET) cannot be copied into {'matroska' if suffix == '.mkv' else 'webm'} and is left out"
        ]
        return
    assert notices == []
    (data,) = sent_packets(output, "data")
    assert [(packet.pts, packet.payload) for packet in data] == [(0, b"DEVC one"), (Fraction(2, 5), b"DEVC two")]


@pytest.mark.parametrize("suffix", [".mov", ".mp4"])
def test_telemetry_of_a_drone(tmp_path, suffix):
    """Timed metadata of a format that FFmpeg cannot write keeps its format, here DJI's, beside another track."""
    clip = make_clip(tmp_path / "clip.mp4", images(20), tones=[Tone(seconds=0.4)])
    source, output = with_track(clip, tmp_path / "in.mp4", "bin_data", TELEMETRY), tmp_path / f"out{suffix}"
    source.write_bytes(source.read_bytes().replace(b"gpmd", b"djmd"))
    copy_frames(source, output)
    (data,) = sent_packets(output, "data")
    assert [(packet.pts, packet.payload) for packet in data] == [(0, b"DEVC one"), (Fraction(2, 5), b"DEVC two")]
    content = output.read_bytes()
    at = content.rfind(b"stsd")  # of the last track: size, name, version, number of entries, size, format
    assert content[at + 8 : at + 20] == bytes.fromhex("00000001 00000014") + b"djmd"
    assert len(sent_packets(output, "audio")[0]) == len(sent_packets(source, "audio")[0])


def test_telemetry_after_a_track_without_packets(tmp_path):
    """MP4 drops a track that has nothing in the selected part; what follows keeps its own format."""
    clip = make_clip(tmp_path / "clip.mp4", images(20), tones=[Tone("aac", 48000, 0.05), Tone("aac", 48000, 0.8)])
    source, output = with_track(clip, tmp_path / "in.mp4", "bin_data", TELEMETRY), tmp_path / "out.mp4"
    source.write_bytes(source.read_bytes().replace(b"gpmd", b"djmd"))
    _, notices = copy_frames(source, output, Trim(Fraction(5, 25), Fraction(8, 25)))
    assert notices == []
    assert [len(track) > 0 for track in sent_packets(output, "audio")] == [True]
    assert len(sent_packets(output, "data")) == 1
    content = output.read_bytes()
    assert content[content.rfind(b"stsd") + 16 :][:4] == b"djmd"


@pytest.mark.parametrize("suffix", ALL)
def test_keys_of_phones(tmp_path, suffix):
    """QuickTime and Android keys, which MP4's fixed list of tags does not have."""
    keys = {
        "com.apple.quicktime.make": "ACME",
        "com.apple.quicktime.location.ISO6709": "+48.0000+011.0000/",
        "com.android.version": "14",
    }
    options = {"movflags": "use_metadata_tags"}
    source = make_clip(tmp_path / "in.mov", images(3), metadata=keys, container_options=options)
    output = tmp_path / f"out{suffix}"
    _, notices = copy_frames(source, output)
    assert notices == []
    with av.open(str(output)) as container:
        kept = {key.lower(): text for key, text in container.metadata.items()}
    assert {key: kept[key.lower()] for key in keys} == keys


@pytest.mark.parametrize(
    ("layout", "suffix", "written", "words"),
    [
        ("4.0", ".mp4", "4.0", ""),
        ("4.0", ".mov", "4.0", ""),
        ("4.0", ".mkv", "4 channels", "are missing in the output: the channel layout 4.0 of audio track 1 (pcm_s16le)"),
        ("4.0", ".webm", "quad", "re-encoded as libopus, with its channels 4.0 written as quad"),
        ("quad", ".webm", "quad", "re-encoded as libopus"),
        ("stereo", ".webm", "stereo", "re-encoded as libopus"),
    ],
)
def test_channel_layout(tmp_path, layout, suffix, written, words):
    """All channels are kept; where their places are not, a notice says so."""
    source = make_clip(tmp_path / "in.mov", images(5), tones=[Tone("pcm_s16le", 48000, 0.2, layout=layout)])
    output = tmp_path / f"out{suffix}"
    _, notices = copy_frames(source, output)
    assert [line.endswith(words) for line in notices] == [True] * bool(words)
    with av.open(str(output)) as container:
        assert container.streams.audio[0].codec_context.layout.name == written


@pytest.mark.parametrize("layout", ["3.0", "4.0", "quad", "5.0", "5.1"])
def test_layout_of_aac(tmp_path, layout):
    source = make_clip(tmp_path / "in.mkv", images(5), tones=[Tone("flac", 48000, 0.2, layout=layout)])
    output = tmp_path / "out.mov"
    _, notices = copy_frames(source, output)
    assert notices == ["audio track 1 (flac) cannot be copied into mov and is re-encoded as aac"]
    with av.open(str(output)) as container:
        assert container.streams.audio[0].codec_context.layout.name == layout


LINES = [(100, 400, b"Hello, <i>you</i>\nand you"), (600, 100, "Grüße".encode())]


@pytest.mark.parametrize(
    ("suffix", "codec", "texts"),
    [
        (".mp4", "mov_text", [b"Hello, you\nand you", "Grüße".encode()]),
        (".mov", "mov_text", [b"Hello, you\nand you", "Grüße".encode()]),
        (".webm", "webvtt", [b"Hello, <i>you</i>\nand you", "Grüße".encode()]),
        (".mkv", "subrip", [LINES[0][2], LINES[1][2]]),
    ],
)
def test_text_subtitles(tmp_path, suffix, codec, texts):
    """They keep text, line breaks, times and language in each container's own format."""
    clip = make_clip(tmp_path / "clip.mkv", images(20))
    source = with_track(clip, tmp_path / "in.mkv", "subrip", LINES, language="ger")
    output = tmp_path / f"out{suffix}"
    _, notices = copy_frames(source, output)
    name = {".mp4": "mp4", ".mov": "mov", ".webm": "webm"}.get(suffix)
    assert notices == (
        [f"subtitle track 1 (subrip) cannot be copied into {name} and is re-encoded as {codec}"] if name else []
    )
    with av.open(str(output)) as container:
        (track,) = container.streams.subtitles
        assert (track.codec_context.codec.canonical_name, track.metadata["language"]) == (codec, "ger")
    shown = [packet for packet in sent_packets(output, "subtitle")[0] if len(packet.payload) > 2]
    assert [(packet.pts * 1000, packet.duration * 1000) for packet in shown] == [(100, 400), (600, 100)]
    # MP4 begins with the text's length in two bytes, and ends with its styles
    payloads = [
        p.payload[2 : 2 + int.from_bytes(p.payload[:2], "big")] if codec == "mov_text" else p.payload for p in shown
    ]
    assert payloads == texts


OVERLAPPING = [(0, 400, b"a"), (100, 900, b"b"), (600, 100, b"c")]


@pytest.mark.parametrize(
    ("trim", "expected"),
    [
        (
            None,
            [(0, 100, b"a"), (100, 300, b"a\nb"), (400, 200, b"b"), (600, 100, b"b\nc"), (700, 300, b"b")],
        ),
        (
            Trim(Fraction(5, 25), Fraction(20, 25)),
            [(0, 200, b"a\nb"), (200, 200, b"b"), (400, 100, b"b\nc"), (500, 300, b"b")],
        ),
    ],
)
def test_overlapping_subtitles_in_mp4(tmp_path, trim, expected):
    """MP4 shows one text at a time: texts that overlap are joined while they do, and each keeps its times."""
    clip = make_clip(tmp_path / "clip.mkv", images(25))
    source, output = with_track(clip, tmp_path / "in.mkv", "subrip", OVERLAPPING), tmp_path / "out.mp4"
    copy_frames(source, output, trim)
    shown = [packet for packet in sent_packets(output, "subtitle")[0] if len(packet.payload) > 2]
    assert [(packet.pts * 1000, packet.duration * 1000, packet.payload[2:]) for packet in shown] == expected


def test_subtitles_back_to_matroska(tmp_path):
    """From MP4 they become SubRip, without the gaps that MP4 stores as empty texts."""
    clip = make_clip(tmp_path / "clip.mkv", images(20))
    first, output = tmp_path / "in.mp4", tmp_path / "out.mkv"
    copy_frames(with_track(clip, tmp_path / "in.mkv", "subrip", LINES), first)
    copy_frames(first, output)
    (texts,) = sent_packets(output, "subtitle")
    assert [(text.pts * 1000, text.duration * 1000) for text in texts] == [(100, 400), (600, 100)]
    assert texts[1].payload == "Grüße".encode()


CAPTIONS = bytes.fromhex("fc942cfcc8e9")  # CEA-608: resume caption loading, "Hi"
CAPTION_UNIT = bytes.fromhex("00000001 06 04 11 b500314741393403 42ff") + CAPTIONS + bytes.fromhex("ff 80")
"""The same as a unit of H.264 (ATSC A/53 part 4, table 6.7)."""


def with_captions(folder: Path) -> Path:
    """A clip with captions in its second and third frame."""
    plain, path = make_clip(folder / "plain.nut", images(4), options={"qp": "0", "bf": "0"}), folder / "in.nut"
    with av.open(str(plain)) as source, av.open(str(path), "w") as container:
        copy = container.add_stream_from_template(source.streams.video[0], opaque=True)
        for number, packet in enumerate(packet for packet in source.demux() if packet.size):
            content = (CAPTION_UNIT if number in (1, 2) else b"") + bytes(packet)
            captioned = av.Packet(content)
            captioned.pts, captioned.dts, captioned.time_base = packet.pts, packet.dts, packet.time_base
            captioned.is_keyframe, captioned.stream = packet.is_keyframe, copy
            container.mux(captioned)
    return path


def captions_of(path: Path) -> list[bytes]:
    """The captions of each frame."""
    with av.open(str(path)) as container:
        return [
            b"".join(bytes(data) for data in frame.side_data if data.type.name == "A53_CC")
            for frame in container.decode(video=0)
        ]


@pytest.mark.parametrize("suffix", ALL)
def test_closed_captions(tmp_path, suffix):
    """They lie in the video's packets, and go into the same frames of the stylized film; VP9 has no place for them."""
    source, output = with_captions(tmp_path), tmp_path / f"out{suffix}"
    assert captions_of(source) == [b"", CAPTIONS, CAPTIONS, b""]
    _, notices = copy_frames(source, output)
    if suffix == ".webm":
        assert notices == ["these of in.nut are missing in the output: closed captions"]
    else:
        assert notices == []
        assert captions_of(output) == captions_of(source)


def test_captions_of_a_trimmed_run(tmp_path):
    source, output = with_captions(tmp_path), tmp_path / "out.mp4"
    copy_frames(source, output, Trim(Fraction(2, 25), Fraction(4, 25)))
    assert captions_of(output) == [CAPTIONS, b""]


def test_captions_of_a_file_that_is_cut_off(tmp_path):
    """Captions are copied as far as there are frames."""
    source, output = with_captions(tmp_path), tmp_path / "out.mp4"
    content = source.read_bytes()
    source.write_bytes(content[: content.rfind(CAPTIONS) + len(CAPTIONS) + 40])
    frames, _ = copy_frames(source, output)
    assert captions_of(output) == [b"", CAPTIONS, CAPTIONS][: len(frames)]


def test_an_output_that_cannot_be_compared(tmp_path):
    """The film is finished: a notice is enough."""
    sides = Sides(SideTracks(tmp_path / "gone.mkv"), None)
    output = make_clip(tmp_path / "out.mp4", images(2))
    (notice,) = missing(output, sides, [[]], set())
    assert notice.startswith("the output could not be compared with the source: ")


SPHERE = b"""<rdf:SphericalVideo xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"
xmlns:GSpherical="http://ns.google.com/videos/1.0/spherical/"><GSpherical:Spherical>true</GSpherical:Spherical>
<GSpherical:Stitched>true</GSpherical:Stitched><GSpherical:StitchingSoftware>x</GSpherical:StitchingSoftware>
<GSpherical:ProjectionType>equirectangular</GSpherical:ProjectionType>
<GSpherical:StereoMode>top-bottom</GSpherical:StereoMode></rdf:SphericalVideo>"""


def sphere(folder: Path) -> Path:
    """A 360-degree clip, tagged by Google's Spherical Video V1: a box of XML at the end of the track."""
    path = make_clip(folder / "in.mp4", images(2))
    content = bytearray(path.read_bytes())
    box = bytes.fromhex("ffcc8263f8554a938814587a02521fdd") + SPHERE
    box = (8 + len(box)).to_bytes(4, "big") + b"uuid" + box
    track = content.find(b"trak") - 4
    end = track + int.from_bytes(content[track : track + 4], "big")
    for at in (track, content.find(b"moov") - 4):
        content[at : at + 4] = (int.from_bytes(content[at : at + 4], "big") + len(box)).to_bytes(4, "big")
    content[end:end] = box
    path.write_bytes(content)
    return path


def sphere_tags(path: Path) -> dict[str, int]:
    """The first number of each tag: an equirectangular projection is 0, a stereo picture from top to bottom 2."""
    with av.open(str(path)) as container:
        tags = next(container.decode(video=0)).side_data
        return {tag.type.name: bytes(tag)[0] for tag in tags if tag.type.name in ("SPHERICAL", "STEREO3D")}


@pytest.mark.parametrize("suffix", ALL)
def test_sphere(tmp_path, suffix):
    """Players still turn the picture around the viewer, in any container."""
    source, output = sphere(tmp_path), tmp_path / f"out{suffix}"
    assert sphere_tags(source) == {"SPHERICAL": 0, "STEREO3D": 2}
    _, notices = copy_frames(source, output)
    assert notices == []
    assert sphere_tags(output) == sphere_tags(source)
