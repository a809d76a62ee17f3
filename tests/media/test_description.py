"""What `videostyle info` says of videos, folders and images."""

from __future__ import annotations

from fractions import Fraction

import cv2
import numpy as np
from av.video.reformatter import ColorPrimaries, ColorTrc
from PIL import Image

from tests.support.clips import BT2020_NCL, LIMITED, Tags, Tone, gradient, make_clip
from videostyle.media.description import described
from videostyle.media.sources import open_source


def rows(path) -> list[tuple[str, str]]:
    return described(open_source(path))


def test_video(tmp_path):
    """Every value is one that the clip was made with."""
    tones = [Tone(rate=48000, seconds=1), Tone(rate=44100, seconds=1, layout="stereo")]
    pictures = [gradient(36, 48, step) for step in range(24)]
    path = make_clip(
        tmp_path / "in.mp4", pictures, rate=Fraction(24000, 1001), tones=tones, sample_aspect=Fraction(4, 3)
    )
    assert rows(path) == [
        ("kind", "video"),
        ("size", "48x36"),
        ("pixel aspect ratio", "4:3"),
        ("codec", "h264, yuv420p"),
        ("bits per color", "8"),
        ("frame rate", "23.976"),
        ("duration", "00:00:01.001"),
        ("frames", "24"),
        ("sound track", "aac, 48000 Hz, mono"),
        ("sound track", "aac, 44100 Hz, stereo"),
    ]


def test_hdr_in_matroska(tmp_path):
    """HDR and 10 bits are named; Matroska does not say how many frames there are."""
    for transfer, curve in ((ColorTrc.SMPTE2084, "PQ"), (ColorTrc.ARIB_STD_B67, "HLG")):
        tags = Tags(BT2020_NCL, LIMITED, int(ColorPrimaries.BT2020), int(transfer))
        path = make_clip(
            tmp_path / f"{curve}.mkv", [gradient(64, 64)] * 50, codec="ffv1", pix_fmt="yuv420p10le", tags=tags
        )
        said = rows(path)
        for row in (("bits per color", "10"), ("HDR", curve), ("duration", "00:00:02.000"), ("frames", "about 50")):
            assert row in said
        assert any(name == "note" and "is HDR" in value for name, value in said)


def test_folder_and_image(tmp_path):
    for number in (1, 2, 3):
        cv2.imwrite(str(tmp_path / f"{number}.png"), np.zeros((36, 48, 3), np.uint16))
    expected = [("kind", "folder of frames"), ("size", "48x36"), ("frames", "3"), ("bits per color", "16")]
    assert rows(tmp_path) == expected
    assert rows(tmp_path / "1.png") == [("kind", "image"), ("size", "48x36"), ("bits per color", "16")]


def test_animation_that_ffmpeg_does_not_decode(tmp_path):
    first, *others = [Image.fromarray(gradient(36, 48, step)) for step in (0, 99)]
    first.save(tmp_path / "in.webp", save_all=True, append_images=others, duration=100)
    expected = [("kind", "video"), ("size", "48x36"), ("codec", "webp"), ("bits per color", "8")]
    assert rows(tmp_path / "in.webp")[:4] == expected
