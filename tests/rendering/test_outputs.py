"""The files that `run(job)` writes, for every kind of source and output."""

from __future__ import annotations

import itertools
import shutil
from contextlib import closing
from dataclasses import replace
from fractions import Fraction

import av
import cv2
import numpy as np
import pytest
from PIL import Image

from tests.support.clips import BT2020_NCL, LIMITED, Tags, Tone, flat_yuv, gradient, make_clip
from tests.support.runs import SIZE, frame_times, iterations, moving_disc, names_in, packets, quick_job, stripes
from videostyle import Job, run
from videostyle.errors import BadOutput
from videostyle.events import RunStarted
from videostyle.frames import HdrTags
from videostyle.media.images import read_picture
from videostyle.media.sources import open_source
from videostyle.reports.json import write_report

MS = Fraction(1, 1000)


def channel_differences(image: np.ndarray) -> np.ndarray:
    """Green minus red, and blue minus green."""
    return np.diff(image.astype(float), axis=-1)


# --- kinds of sources and outputs ------------------------------------------------------------------------------------


@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
def test_video_to_video(clip, style, tmp_path, suffix):
    """A video keeps its frame times and its sound."""
    output = tmp_path / f"out{suffix}"
    report = run(quick_job(clip, style, output))
    assert frame_times(output) == frame_times(clip) == [ms * MS for ms in (0, 40, 90, 160, 200)]
    sound, expected = packets(output, "audio"), packets(clip, "audio")
    assert [payload for payload, _ in sound] == [payload for payload, _ in expected]
    rounding = MS / 2 if suffix == ".mkv" else 0  # Matroska counts whole milliseconds
    assert max(abs(one - other) for (_, one), (_, other) in zip(sound, expected, strict=True)) <= rounding
    assert names_in(tmp_path) == [output.name]
    assert [frame.time for frame in report.frames] == frame_times(clip)
    with av.open(str(output)) as file:
        assert (file.streams.video[0].height, file.streams.video[0].width) == report.size == SIZE


def test_transport_stream_starts_at_zero(style, tmp_path):
    """The clock of a transport stream starts anywhere; the output starts at 0, with the sound in sync."""
    begin = 90_000 * 36_000  # ten hours
    source = make_clip(
        tmp_path / "in.ts",
        moving_disc(5),
        pts=[begin + 3600 * index for index in range(5)],
        time_base=Fraction(1, 90_000),
        tones=[Tone(seconds=0.3, start=36_000)],
    )
    run(quick_job(source, style, tmp_path / "out.mp4"))
    before, after = frame_times(source), frame_times(tmp_path / "out.mp4")
    shift = before[0] - after[0]
    assert 0 <= after[0] < 1
    assert [time - shift for time in before] == after
    sound_before, sound = (packets(path, "audio") for path in (source, tmp_path / "out.mp4"))
    assert len(sound) == len(sound_before)
    assert abs(sound_before[0][1] - shift - sound[0][1]) < MS


def test_size_that_changes(style, tmp_path):
    """The frames of the second shape are 20 pixels wide in 48; nothing is stylized in the bars beside them."""
    wide = make_clip(tmp_path / "a.ts", moving_disc(3), pts=[25, 26, 27], options={"g": "1"})
    tall = make_clip(tmp_path / "b.ts", [gradient(64, 36)] * 2, pts=[28, 29], options={"g": "1"})
    (tmp_path / "in.ts").write_bytes(wide.read_bytes() + tall.read_bytes())
    report = run(quick_job(tmp_path / "in.ts", style, tmp_path / "out.mkv", codec="ffv1"))
    assert any("change from 48x36 to 36x64 at 0.12 s" in line for line in report.notices)
    with closing(open_source(tmp_path / "out.mkv")) as output:
        frames = [frame.image for frame in output.frames()]
    assert len(frames) == 5
    for image in frames[3:]:
        assert not image[:, :14].any()
        assert not image[:, 34:].any()
        assert image[:, 14:34].any(axis=2).mean() > 0.9
    for image in frames[:3]:
        assert image[:, :14].any()


def test_hdr_kept(style, tmp_path):
    """What is stylized is the tone-mapped picture; what is written is HDR again, and reads as the same picture."""
    tags = Tags(BT2020_NCL, LIMITED, 9, 16)
    codes = [flat_yuv(96, 128, (4 * 120, 4 * 110, 4 * 140), "yuv420p10le") for _ in range(2)]
    source = make_clip(tmp_path / "in.mkv", codes, codec="ffv1", pix_fmt="yuv420p10le", tags=tags)
    run(quick_job(source, style, tmp_path / "sdr.mkv", codec="prores"))
    run(quick_job(source, style, tmp_path / "hdr.mkv", codec="prores", hdr="keep"))
    with closing(open_source(tmp_path / "sdr.mkv")) as sdr, closing(open_source(tmp_path / "hdr.mkv")) as hdr:
        assert (sdr.info.hdr, hdr.info.hdr) == (None, HdrTags(9, 16))
        for one, other in zip(sdr.frames(), hdr.frames(), strict=True):
            assert np.abs(one.image.astype(int) - other.image).mean() < 65535 / 100


def test_folder_to_folder(folder, style, tmp_path):
    """The frames of a folder keep their names and sizes."""
    report = run(quick_job(folder, style, tmp_path / "out"))
    assert names_in(tmp_path / "out") == [f"take_{n:03d}.png" for n in range(7, 12)]
    assert names_in(tmp_path) == ["out"]
    for name in ("take_007.png", "take_011.png"):
        stylized, source = (read_picture(place / name).image for place in (tmp_path / "out", folder))
        assert stylized.shape == source.shape
        assert np.abs(stylized.astype(float) - source).mean() > 2
    assert len(report.frames) == 5


def test_video_to_folder(clip, style, tmp_path):
    """A video becomes numbered frames, with their times in timestamps.txt."""
    run(quick_job(clip, style, tmp_path / "out"))
    names = [f"{n:06d}.png" for n in range(1, 6)]
    assert names_in(tmp_path / "out") == [*names, "timestamps.txt"]
    lines = [line.split() for line in (tmp_path / "out" / "timestamps.txt").read_text().splitlines() if line[0] != "#"]
    assert [name for name, *_ in lines] == names
    assert [Fraction(time) for _, time, _ in lines] == frame_times(clip)


def test_folder_to_video(folder, style, tmp_path):
    """A folder becomes a video of 25 frames a second."""
    run(quick_job(folder, style, tmp_path / "out.mkv"))
    assert frame_times(tmp_path / "out.mkv") == [i * Fraction(1, 25) for i in range(5)]


def test_still(style, tmp_path):
    """A still keeps its size and its alpha channel."""
    pixels = np.dstack([gradient(37, 51), np.linspace(0, 255, 51).round().astype(np.uint8)[None].repeat(37, 0)])
    cv2.imwrite(str(tmp_path / "photo.png"), pixels)
    report = run(quick_job(tmp_path / "photo.png", style, tmp_path / "out.png"))
    result = read_picture(tmp_path / "out.png")
    assert result.image.shape == (37, 51, 3)
    assert result.image.dtype == np.uint8
    np.testing.assert_array_equal(result.alpha, pixels[..., 3])
    assert iterations(report) == [4]


def test_still_of_16_bits(style, tmp_path):
    """A still of 16 bits is written with 16 bits, and not with 8 bits widened."""
    cv2.imwrite(str(tmp_path / "photo.png"), gradient(*SIZE).astype(np.uint16) * 257)
    run(quick_job(tmp_path / "photo.png", style, tmp_path / "out.png"))
    image = read_picture(tmp_path / "out.png").image
    assert image.dtype == np.uint16
    assert len(np.unique(image % 257)) > 100


def test_one_frame_of_clip(clip, style, tmp_path):
    """The first frame of a clip can be written as a picture."""
    report = run(quick_job(clip, style, tmp_path / "frame.png", frames="1", iterations=None))
    assert read_picture(tmp_path / "frame.png").image.shape == (*SIZE, 3)
    assert iterations(report) == [4]


# --- what the options change -----------------------------------------------------------------------------------------


def test_same_bytes_in_every_run(clip, style, tmp_path):
    """Two runs of one job give the same bytes; another seed gives others."""
    for name, seed in (("a.mkv", 0), ("b.mkv", 0), ("c.mkv", 1)):
        run(quick_job(clip, style, tmp_path / name, seed=seed))
    one, same, other = (packets(tmp_path / name, "video") for name in ("a.mkv", "b.mkv", "c.mkv"))
    assert one == same
    assert one != other


def test_output_size(clip, style, tmp_path):
    """`output_size="source"` scales the stylized frames back to the source's size."""
    report = run(quick_job(clip, style, tmp_path / "out", size=32, output_size="source"))
    assert read_picture(tmp_path / "out" / "000001.png").image.shape == (*SIZE, 3)
    assert report.size == SIZE
    report = run(quick_job(clip, style, tmp_path / "small", size=32))
    assert read_picture(tmp_path / "small" / "000001.png").image.shape == (24, 32, 3)
    assert report.size == (24, 32)


def test_keep_colors(folder, style, tmp_path):
    """`keep_colors` keeps the source's chrominance and stylizes its luminance."""
    run(quick_job(folder, style, tmp_path / "kept", keep_colors=True))
    run(quick_job(folder, style, tmp_path / "plain"))
    for name in ("take_007.png", "take_010.png"):
        places = folder, tmp_path / "kept", tmp_path / "plain"
        source, kept, plain = (read_picture(place / name).image for place in places)
        inside = (kept.min(axis=-1) > 0) & (kept.max(axis=-1) < 255)  # elsewhere a color was clipped
        assert inside.mean() > 0.3
        assert np.abs(channel_differences(kept) - channel_differences(source))[inside].max() <= 1.5
        assert np.abs(channel_differences(plain) - channel_differences(source))[inside].max() > 10
        assert np.abs(kept.astype(float) - source).mean() > 2


def test_several_styles(folder, style, tmp_path):
    """Two style images together give another picture than either of them."""
    other = tmp_path / "other.png"
    cv2.imwrite(str(other), stripes(1)[0])
    images = []
    for index, styles in enumerate([(style,), (other,), (style, other)]):
        output = tmp_path / f"out{index}.png"
        run(Job(input=folder / "take_007.png", styles=styles, output=output, first_iterations=6, threads=1))
        images.append(read_picture(output).image)
    assert not any(np.array_equal(one, another) for one, another in itertools.combinations(images, 2))
    (tmp_path / "styles").mkdir()
    for name, path in (("1.png", style), ("2.png", other)):
        shutil.copy(path, tmp_path / "styles" / name)
    job = Job(input=folder / "take_007.png", styles=(tmp_path / "styles@all",), first_iterations=6, threads=1)
    assert np.array_equal(read_picture(run(replace(job, output=tmp_path / "all.png")).output).image, images[2])


def test_animation(clip, style, tmp_path):
    """A clip becomes a GIF without its sound, at its own uneven times; one frame of it becomes a picture in WebP."""
    said = []
    run(quick_job(clip, style, tmp_path / "out.gif"), lambda event: said.append(getattr(event, "text", "")))
    with Image.open(tmp_path / "out.gif") as file:
        assert (file.size, file.n_frames, file.info["loop"]) == (SIZE[::-1], 5, 0)
    assert [time * 100 for time in frame_times(tmp_path / "out.gif")] == [0, 4, 9, 16, 20]
    assert "out.gif has no sound: that of clip.mp4 is left out" in said
    first = make_clip(tmp_path / "one.mp4", moving_disc(1))
    run(quick_job(first, style, tmp_path / "one.webp"))
    run(quick_job(clip, style, tmp_path / "first.webp", frames="1"))
    for name in ("one", "first"):
        with Image.open(tmp_path / f"{name}.webp") as file:
            assert not getattr(file, "is_animated", False)
            assert file.size == SIZE[::-1]


# --- names and existing files ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name", ["a b", "q'\"uote", "new\nline", "-dash", "%04d", "a:b", "\udcff\udcfe", "[red]*?", "ünder", "C:"]
)
def test_unusual_names(clip, style, tmp_path, name):
    """Names of files and folders are taken literally, whatever characters they have."""
    folder = tmp_path / name
    folder.mkdir()
    source, own_style, output = folder / f"{name}.mp4", folder / f"{name}.png", folder / f"{name}_out.mp4"
    source.write_bytes(clip.read_bytes())
    own_style.write_bytes(style.read_bytes())
    report = run(quick_job(source, own_style, output, frames="2"))
    write_report(report, folder / f"{name}.json")
    assert set(names_in(folder)) == {f"{name}{end}" for end in (".mp4", ".png", "_out.mp4", ".json")}
    with closing(open_source(output)) as result:
        assert len(list(result.frames())) == 2


def test_busy_output(clip, style, tmp_path):
    """A second run of the same output is refused while the first one is at work, and does not disturb it."""
    refused = []

    def listen(event):
        if isinstance(event, RunStarted):
            with pytest.raises(BadOutput, match="busy") as error:
                run(quick_job(clip, style, tmp_path / "out.mp4"))
            refused.append(error)

    run(quick_job(clip, style, tmp_path / "out.mp4"), progress=listen)
    assert len(refused) == 1
    assert names_in(tmp_path) == ["out.mp4"]


def test_existing_output(clip, style, tmp_path):
    """An existing output is kept without --overwrite, and with it stays as it was until the new one is finished."""
    output = tmp_path / "out.mp4"
    output.write_bytes(b"old")
    with pytest.raises(BadOutput):
        run(quick_job(clip, style, output))
    assert output.read_bytes() == b"old"
    run(
        quick_job(clip, style, output, overwrite=True),
        progress=lambda _: output.read_bytes() == b"old" or pytest.fail("the output was touched before the end"),
    )
    assert len(frame_times(output)) == 5
