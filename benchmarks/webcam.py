"""Frame rate, latency and warp error of the webcam preview: `make bench-webcam ARGS="--seconds 60"`.

A recorded camera of 640x480 at 30 frames a second shows each frame's number as white and black squares at the top of the
picture. The display here reads the number in the camera's half of each picture that it shows: the latency is the time since
the camera delivered that frame. Warp errors are those of `videostyle measure`, of consecutive pictures below the squares.
"""

from __future__ import annotations

import argparse
import itertools
import json
import time
from pathlib import Path

import cv2
import numpy as np
import psutil

import av  # isort: skip  after cv2, as in the program

from videostyle.config import WebcamJob
from videostyle.evaluation import metrics
from videostyle.temporal.flow import DIS
from videostyle.webcam import webcam
from videostyle.webcam.camera import FileCamera
from videostyle.webcam.interfaces import Display
from videostyle.webcam.window import Window

HEIGHT, WIDTH, RATE = 480, 640, 30
BITS, STRIP = 16, 32  # squares in a row, rows of pixels
MEASURED = 150  # pictures, from the second half of the time, whose warp error is measured


def numbered(image: np.ndarray, number: int) -> np.ndarray:
    """A camera frame, uint8 (HEIGHT, WIDTH, 3), with its number written into the top rows."""
    bits = [number >> bit & 1 for bit in range(BITS)]
    image[:STRIP] = np.repeat(np.array(bits, np.uint8) * 255, WIDTH // BITS)[None, :, None]
    return image


def number_in(image: np.ndarray) -> int:
    """The number that a camera frame of any size shows."""
    height, width = image.shape[:2]
    row = image[height * STRIP // HEIGHT // 2].mean(axis=1)
    return sum(int(row[int((bit + 0.5) * width / BITS)] > 127) << bit for bit in range(BITS))


def record_camera(clip: Path, target: Path, frames: int, seconds: float, noise: float) -> None:
    """Record a video with the first frames of a clip, played forth and back again and again, with a camera's noise."""
    with av.open(str(clip)) as source:
        pictures = [frame.to_ndarray(format="rgb24") for frame in itertools.islice(source.decode(video=0), frames)]
    pictures = [cv2.resize(picture, (WIDTH, HEIGHT), interpolation=cv2.INTER_AREA) for picture in pictures]
    random = np.random.default_rng(0)
    there_and_back = itertools.cycle(pictures + pictures[-2:0:-1])
    with av.open(str(target), "w") as container:
        stream = container.add_stream("libx264", rate=RATE, width=WIDTH, height=HEIGHT)
        stream.options = {"preset": "ultrafast", "crf": "12"}
        for number, picture in zip(range(int(seconds * RATE)), there_and_back, strict=False):
            noisy = picture + noise * random.standard_normal(picture.shape, np.float32)
            frame = numbered(np.clip(noisy, 0, 255).astype(np.uint8), number)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
        container.mux(stream.encode(None))


class TimedCamera(FileCamera):
    """A recorded camera that notes when it delivered each frame."""

    def __init__(self, path: Path):
        super().__init__(path)
        self.delivered: dict[int, float] = {}

    def read(self) -> np.ndarray:
        image = super().read()
        self.delivered[number_in(image)] = time.monotonic()
        return image


class Screen:
    """A display that notes which frames it showed and when. The halves of a picture are the camera's and the stylized one."""

    def __init__(self, camera: TimedCamera, window: Display | None, keep_from: float):
        self.camera, self.window, self.keep_from = camera, window, keep_from
        self.began = time.monotonic()
        self.shown: list[tuple[float, int, float]] = []  # when, which frame, its age
        self.kept: list[tuple[np.ndarray, np.ndarray]] = []
        self.storage: np.ndarray | None = None  # allocated at once, so that memory does not grow while it is measured
        self.memory: list[tuple[float, int]] = []

    def show(self, picture: np.ndarray) -> None:
        if self.window:
            self.window.show(picture)
        self._storage_for(picture)
        now = time.monotonic()
        half = picture.shape[1] // 2
        number = number_in(picture[:, :half])
        if not self.shown or number != self.shown[-1][1]:
            self.shown.append((now - self.began, number, now - self.camera.delivered[number]))
            if now - self.began > self.keep_from and len(self.kept) < MEASURED:
                small = self._storage_for(picture)[len(self.kept)]
                cv2.resize(picture, small.shape[1::-1], dst=small, interpolation=cv2.INTER_AREA)
                self.kept.append((small[:, : half // 2], small[:, half // 2 :]))
        if not self.memory or now - self.began - self.memory[-1][0] >= 1:
            self.memory.append((now - self.began, psutil.Process().memory_info().rss))

    def _storage_for(self, picture: np.ndarray) -> np.ndarray:
        if self.storage is None:
            self.storage = np.full((MEASURED, picture.shape[0] // 2, picture.shape[1] // 2, 3), 1, np.uint8)
        return self.storage

    def pressed_keys(self) -> list[str]:
        return self.window.pressed_keys() if self.window else []

    def close(self) -> None:
        if self.window:
            self.window.close()


def warp_errors(kept: list[tuple[np.ndarray, np.ndarray]]) -> tuple[float, float]:
    """The mean warp error at gap 1 of the camera's and of the stylized pictures."""
    flow, errors = DIS(), []
    top = kept[0][0].shape[0] * (STRIP + 8) // HEIGHT
    for before, now in itertools.pairwise([tuple(np.ascontiguousarray(half[top:]) for half in pair) for pair in kept]):
        back, forth = flow(now[0], before[0]), flow(before[0], now[0])
        mask = metrics.visible(back, forth)
        halves = [[half / np.float32(255) for half in pair] for pair in (before, now)]
        differences = [metrics.warp_difference(halves[1][which], halves[0][which], back) for which in (0, 1)]
        errors.append([metrics.warp_error(difference, mask) or 0.0 for difference in differences])
    camera, stylized = np.mean(errors, axis=0)
    return float(camera), float(stylized)


def figures(screen: Screen) -> dict[str, float]:
    """Everything that was measured, by the name that it is printed with."""
    times, _, ages = (np.array(column) for column in zip(*screen.shown, strict=True))
    # the first ten seconds include loading
    steady = times > 10 if times[-1] > 20 else times > 0
    camera, stylized = warp_errors(screen.kept)
    half = [size for at, size in screen.memory if at > times[-1] / 2]
    return {
        "shown frames a second": float((steady.sum() - 1) / np.ptp(times[steady])),
        "latency, ms: median": float(1000 * np.median(ages[steady])),
        "latency, ms: 95 %": float(1000 * np.percentile(ages[steady], 95)),
        "latency, ms: first ten seconds, 95 %": float(1000 * np.percentile(ages[times <= 10], 95)),
        "longest time between two shown frames, s": float(np.diff(times).max()),
        "warp error, gap 1: camera": camera,
        "warp error, gap 1: stylized": stylized,
        "warp error: stylized over camera": stylized / camera,
        "memory, MiB: at half the time": half[0] / 2**20,
        "memory, MiB: at the end": half[-1] / 2**20,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--clip", type=Path, default=Path("sample_media/clip.mp4"))
    parser.add_argument("--style", type=Path, default=Path("sample_media/styles/swirls.jpg"))
    parser.add_argument("--clip-frames", type=int, default=60, help="of the clip, played forth and back")
    parser.add_argument("--noise", type=float, default=2.0, help="of the camera: standard deviation in levels of 255")
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--size", type=int, default=320)
    parser.add_argument("--window", action="store_true", help="show the preview in a window, too")
    parser.add_argument("--folder", type=Path, default=Path("out/bench_webcam"))
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    recorded = options.folder / "camera.mp4"
    record_camera(options.clip, recorded, options.clip_frames, min(options.seconds, 120.0), options.noise)
    camera = TimedCamera(recorded)
    screen = Screen(camera, Window(fullscreen=False) if options.window else None, options.seconds / 2)
    job = WebcamJob(styles=(options.style,), size=options.size, side_by_side=True, duration=options.seconds)
    webcam(job, camera=camera, display=screen)
    if len(screen.kept) < 2:
        raise SystemExit(f"fewer than two frames were shown in the second half of {options.seconds} s; raise --seconds")
    measured = figures(screen)
    for name, value in measured.items():
        print(f"{name:<42} {value:.4g}")
    (options.folder / "figures.json").write_text(json.dumps(measured | {"memory": screen.memory}, indent=1))
    for index in (0, len(screen.kept) // 2, len(screen.kept) - 1):
        cv2.imwrite(str(options.folder / f"shown_{index}.png"), np.hstack(screen.kept[index])[..., ::-1])


if __name__ == "__main__":
    main()
