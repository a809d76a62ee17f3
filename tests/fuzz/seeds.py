"""Small undamaged files of every kind that can be read, for the mutations to start from."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from tests.support.clips import Tone, gradient, make_clip
from tests.support.images import encoded, heic, save

SIZE = (36, 48)
FRAGMENTED = {"movflags": "frag_keyframe+empty_moov+default_base_moof"}


def pictures(count: int = 6) -> list[np.ndarray]:
    """A bright disc crosses a colored slope."""
    return [cv2.circle(gradient(*SIZE, step=90), (8 + 5 * i, 18), 7, (240, 220, 40), -1) for i in range(count)]


def make_seeds(folder: Path) -> dict[str, bytes]:
    """Write the files into a folder; return their contents by name."""
    aac, mp3 = [Tone("aac", 48000, 0.3)], [Tone("libmp3lame", 44100, 0.3)]
    make_clip(folder / "h264.mp4", pictures(), tones=aac)
    make_clip(folder / "b_frames.mp4", pictures(), options={"bf": "2", "preset": "fast"}, cover=gradient(8, 8))
    make_clip(folder / "fragmented.mp4", pictures(), tones=aac, container_options=FRAGMENTED)
    make_clip(folder / "mpeg4.mov", pictures(), codec="mpeg4", tones=[Tone("pcm_s16be", 22050, 0.3)])
    make_clip(folder / "h264.mkv", pictures(), tones=[Tone("ac3", 48000, 0.3), *mp3])
    make_clip(folder / "ffv1.mkv", pictures(), codec="ffv1", pix_fmt="yuv444p", tones=[Tone("flac", 48000, 0.3)])
    make_clip(folder / "vp9.webm", pictures(), codec="libvpx-vp9", tones=[Tone("libopus", 48000, 0.3)])
    make_clip(folder / "mpeg4.avi", pictures(), codec="mpeg4", tones=mp3)
    make_clip(folder / "flv1.flv", pictures(), codec="flv", tones=mp3)
    make_clip(folder / "h264.ts", pictures(), tones=aac)
    make_clip(folder / "mpeg2.mpg", pictures(), codec="mpeg2video", tones=[Tone("mp2", 48000, 0.3)])
    make_clip(folder / "moving.gif", pictures(), codec="gif", pix_fmt="bgr8")
    for ending in ("png", "jpg", "webp", "tif"):
        cv2.imwrite(str(folder / f"still.{ending}"), gradient(*SIZE))
    cv2.imwrite(str(folder / "deep.png"), gradient(*SIZE).astype(np.uint16) * 257)
    for ending in ("avif", "jp2", "tga"):
        save(folder / f"still.{ending}", gradient(*SIZE))
    (folder / "still.heic").write_bytes(heic((64, 48), (200, 100, 50)))
    (folder / "still.exr").write_bytes(encoded("exr", gradient(*SIZE).astype(np.float32) / 255, "gbrpf32le", {}))
    (folder / "still.dpx").write_bytes(encoded("dpx", gradient(*SIZE).astype(np.uint16) * 257, "gbrp10le", {}))
    (folder / "moving.mjpeg").write_bytes((folder / "still.jpg").read_bytes() * 4)
    first, *others = map(Image.fromarray, pictures())
    for ending in ("webp", "avif"):
        first.save(folder / f"moving.{ending}", save_all=True, append_images=others, duration=40)
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}
