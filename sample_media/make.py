"""`python -m sample_media.make` makes clip.mp4 and styles/ again, the same every time."""

from __future__ import annotations

from pathlib import Path

import av
import cv2
import numpy as np

from sample_media import mosaic, sound, swirls, woodcut
from sample_media.clip import CUT, FRAMES, RATE, SIZE, render

HERE = Path(__file__).parent
STYLES = {"swirls.jpg": swirls.paint, "woodcut.jpg": woodcut.paint, "mosaic.jpg": mosaic.paint}


def write_clip(path: Path) -> None:
    """H.264 (CRF 18) and AAC in MP4, with BT.601 written as its tags."""
    with av.open(str(path), "w", options={"movflags": "+faststart"}) as file:
        video = file.add_stream("libx264", rate=RATE, options={"crf": "18", "preset": "slow"})
        video.height, video.width = SIZE
        video.pix_fmt = "yuv420p"
        context = video.codec_context
        context.thread_count = 1  # the same bytes on every machine
        context.color_range = 1
        context.colorspace = context.color_primaries = context.color_trc = 6
        audio = file.add_stream("aac", rate=sound.SAMPLE_RATE, layout="stereo", bit_rate=128000)
        for index in range(FRAMES):
            frame = av.VideoFrame.from_ndarray(render(index), "rgb24").reformat(format="yuv420p", dst_colorspace=5)
            frame.pts, frame.time_base = index, 1 / RATE
            file.mux(video.encode(frame))
        file.mux(video.encode(None))
        samples = sound.make(float(FRAMES / RATE), float(CUT / RATE))
        heard = av.AudioFrame.from_ndarray(np.ascontiguousarray(samples), format="fltp", layout="stereo")
        heard.sample_rate = sound.SAMPLE_RATE
        heard.pts = 0
        file.mux(audio.encode(heard))
        file.mux(audio.encode(None))


def write_style(path: Path, rgb: np.ndarray) -> None:
    if not cv2.imwrite(str(path), rgb[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 88]):
        raise OSError(f"cannot write {path}")


def main() -> None:
    (HERE / "styles").mkdir(exist_ok=True)
    for name, paint in STYLES.items():
        write_style(HERE / "styles" / name, paint())
    write_clip(HERE / "clip.mp4")


if __name__ == "__main__":
    main()
