"""GIF, APNG and animated WebP: times, loops, pixels, transparency, and what is left out."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from tests.support.clips import Tone, gradient, make_clip
from videostyle.errors import BadOutput
from videostyle.frames import Frame, VideoInfo
from videostyle.media.animations import Shown, shown
from videostyle.media.containers import ANIMATIONS
from videostyle.media.encoding import lossless_encoder
from videostyle.media.sinks import open_sink
from videostyle.media.workdir import WorkFolder

SIZE = (48, 64)
TICK = Fraction(1, 1000)
MILLISECONDS = (0, 40, 90, 160, 200)

EVERY = pytest.mark.parametrize("suffix", ANIMATIONS)


def picture(index: int) -> np.ndarray:
    return np.roll(gradient(*SIZE, step=90), 12 * index, axis=1)


def cutout(index: int) -> np.ndarray:
    """The alpha of a square that moves, one column of it half transparent."""
    alpha = np.zeros(SIZE, np.uint8)
    alpha[8:40, 4 + 8 * index : 24 + 8 * index] = 255
    alpha[8:40, 4 + 8 * index] = 90
    return alpha


def written(output: Path, times: Sequence[int], transparent: bool = False, source: Path = Path("unused")) -> list[str]:
    """Write frames that come at these milliseconds, each until the next and the last for 40 ms; the sink's notices."""
    kind = "folder" if source == Path("unused") else "video"
    with WorkFolder(output) as work:
        info = VideoInfo(kind, SIZE, time_base=TICK)
        sink = open_sink(output, work, source, info, SIZE, None, None, lossless_encoder(transparent))
        sink.rehearse([time * TICK for time in times], lambda: None)
        for index, (time, end) in enumerate(zip(times, [*times[1:], times[-1] + 40], strict=True)):
            alpha = cutout(index) if transparent else None
            sink.write(Frame(picture(index), index, time * TICK, (end - time) * TICK, alpha=alpha))
            if index == 2:
                sink.end_segment()
        sink.finish()
        work.remove()
    return sink.notices


def read(path: Path) -> list[tuple[np.ndarray, float]]:
    """The frames as (H, W, 4), each with its duration in milliseconds, by another program than the one that wrote them."""
    with Image.open(path) as file:
        assert file.is_animated
        assert file.info["loop"] == 0  # for ever
        frames = []
        for index in range(file.n_frames):
            file.seek(index)
            file.load()
            frames.append((np.asarray(file.convert("RGBA")), file.info["duration"]))
    return frames


def from_afar(one: np.ndarray, other: np.ndarray) -> float:
    """The mean difference of two images, of 255, where dots of 4 pixels become one color."""
    small = [cv2.resize(image[..., :3], (16, 12), interpolation=cv2.INTER_AREA).astype(int) for image in (one, other)]
    return float(np.abs(small[0] - small[1]).mean())


@EVERY
def test_times(tmp_path, suffix):
    """Frames last as long as they are to, the last one too."""
    assert not written(tmp_path / f"out{suffix}", MILLISECONDS)
    assert [duration for _, duration in read(tmp_path / f"out{suffix}")] == [40, 50, 70, 40, 40]
    assert [path.name for path in tmp_path.iterdir()] == [f"out{suffix}"]


def test_gif_times_are_rounded_cumulatively():
    """60 frames a second: frame n comes at n/60 s to the nearest 1/100, or not at all where that is 1/100 after the last."""
    spans = [(Fraction(index, 60), Fraction(index + 1, 60)) for index in range(120)]
    frames = shown(spans, ANIMATIONS[".gif"])
    assert frames[:5] == [Shown(0, 0, 2), Shown(1, 2, 5), Shown(3, 5, 7), Shown(4, 7, 10), Shown(6, 10, 12)]
    assert frames[-1].end == 200
    assert all(frame.end - frame.start >= 2 for frame in frames)
    assert all(abs(frame.start - 100 * spans[frame.number][0]) <= Fraction(1, 2) for frame in frames)
    slow = shown(
        [(Fraction(5) + Fraction(index, 30), Fraction(5) + Fraction(index + 1, 30)) for index in range(30)],
        ANIMATIONS[".gif"],
    )
    assert len(slow) == 30
    assert (slow[0].start, slow[-1].end) == (0, 100)


def test_frames_left_out_of_a_gif_are_told(tmp_path):
    notices = written(tmp_path / "out.gif", [0, 10, 20, 60, 65])
    assert notices == [
        "2 frames are left out of out.gif, where a frame lasts 0.02 s at least; with --fps 50 fewer are stylized"
    ]
    frames = read(tmp_path / "out.gif")
    assert [duration for _, duration in frames] == [20, 40, 40]
    for (image, _), index in zip(frames, (0, 2, 3), strict=True):
        assert min(range(5), key=lambda other: from_afar(image, picture(other))) == index


@pytest.mark.parametrize(("suffix", "error"), [(".gif", 7), (".apng", 0), (".webp", 2)])
def test_pixels(tmp_path, suffix, error):
    """APNG is lossless, WebP is of good quality, and a GIF has 255 of the million colors here."""
    written(tmp_path / f"out{suffix}", MILLISECONDS)
    for index, (image, _) in enumerate(read(tmp_path / f"out{suffix}")):
        assert from_afar(image, picture(index)) <= error
        assert image[..., 3].min() == 255


@EVERY
def test_transparency(tmp_path, suffix):
    """Nothing of an earlier frame shows through. GIF has no half transparent pixels, which is told."""
    notices = written(tmp_path / f"out{suffix}", MILLISECONDS, transparent=True)
    assert ["less than half opaque" in line for line in notices] == ([True] if suffix == ".gif" else [])
    for index, (image, _) in enumerate(read(tmp_path / f"out{suffix}")):
        expected = np.where(cutout(index) < 128, 0, 255) if suffix == ".gif" else cutout(index)
        assert np.array_equal(image[..., 3], expected)
        seen = cutout(index) == 255
        assert np.abs(image[seen][..., :3].astype(int) - picture(index)[seen]).mean() < 13


@EVERY
def test_one_frame(tmp_path, suffix):
    written(tmp_path / f"out{suffix}", [0])
    with Image.open(tmp_path / f"out{suffix}") as file:
        assert getattr(file, "n_frames", 1) == 1
        assert from_afar(np.asarray(file.convert("RGB")), picture(0)) < 7


@EVERY
def test_same_bytes(tmp_path, suffix):
    for name in ("a", "b"):
        written(tmp_path / f"{name}{suffix}", MILLISECONDS, transparent=True)
    assert (tmp_path / f"a{suffix}").read_bytes() == (tmp_path / f"b{suffix}").read_bytes()


def test_sound_left_out_is_told(tmp_path):
    source = make_clip(tmp_path / "in.mp4", [picture(0)] * 3, tones=[Tone(seconds=0.2)])
    assert written(tmp_path / "out.gif", MILLISECONDS, source=source) == [
        "out.gif has no sound: that of in.mp4 is left out"
    ]


def test_size_that_webp_does_not_hold(tmp_path):
    info = VideoInfo("folder", (16, 16384), time_base=TICK)
    with WorkFolder(tmp_path / "out.webp") as work, pytest.raises(BadOutput, match="at most 16383 pixels"):
        open_sink(tmp_path / "out.webp", work, tmp_path, info, info.size, None, None, lossless_encoder(False))
