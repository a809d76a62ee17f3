"""Recordings: every frame at its time, playable however they ended, and errors that are raised."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
from pathlib import Path

import av
import numpy as np
import pytest

from tests.support.recordings import frames_of
from videostyle.errors import RunFailed
from videostyle.webcam.recorder import Recorder, fit

SIZE = 48, 64
TIMES = [50.0, 50.033, 50.07, 50.5, 52.0, 52.01]


def shade(level: int) -> np.ndarray:
    return np.full((*SIZE, 3), level, np.uint8)


@pytest.mark.parametrize("suffix", [".mp4", ".mov", ".mkv", ".webm"])
def test_times_of_frames(suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"a{suffix}"
    recorder = Recorder(path, SIZE)
    for number, time in enumerate(TIMES):
        recorder.add(shade(40 * number), time)
    recorder.close()
    found = frames_of(path)
    np.testing.assert_allclose([time for time, _ in found], np.array(TIMES) - TIMES[0], atol=0.0006)
    np.testing.assert_allclose([level for _, level in found], [40 * number for number in range(len(TIMES))], atol=5)


def test_failure_at_the_end_does_not_hang(tmp_path: Path) -> None:
    """The disk is full when the encoder's last frames and the container's end are written: no more frames come then."""

    class Full:
        def encode(self, frame: av.VideoFrame | None) -> list[av.Packet]:
            if frame is None:
                raise OSError(28, "No space left on device")
            return []

    recorder = Recorder(tmp_path / "a.mkv", SIZE, add_stream=lambda *_: Full())
    recorder.add(shade(10), 0.0)
    raised = threading.Event()

    def close() -> None:
        with pytest.raises(RunFailed, match="No space left"):
            recorder.close()
        raised.set()

    closing = threading.Thread(target=close, daemon=True)
    closing.start()
    closing.join(20)
    assert not closing.is_alive()
    assert raised.is_set()


def test_frame_that_is_not_later_is_dropped(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path / "a.mp4", SIZE)
    for time in (1.0, 1.0, 0.5, 1.1):
        recorder.add(shade(10), time)
    recorder.close()
    assert len(frames_of(tmp_path / "a.mp4")) == 2


def test_picture_of_another_size_is_fitted(tmp_path: Path) -> None:
    wide = np.full((20, 80, 3), 200, np.uint8)
    found = fit(wide, SIZE)
    assert found.shape == (*SIZE, 3)
    assert (found[16:32] == 200).all()
    assert (found[:16] == 0).all()
    assert (found[32:] == 0).all()
    recorder = Recorder(tmp_path / "a.mp4", SIZE)
    recorder.add(shade(200), 0.0)
    recorder.add(wide, 0.1)
    recorder.close()
    np.testing.assert_allclose([level for _, level in frames_of(tmp_path / "a.mp4")], [200, 200 / 3], atol=4)


KILLED = """
import sys, time, numpy as np
from pathlib import Path
from videostyle.webcam.recorder import Recorder
recorder = Recorder(Path(sys.argv[1]), (48, 64))
for number in range(200):
    recorder.add(np.full((48, 64, 3), number, np.uint8), number / 30)
while recorder.waiting:
    time.sleep(0.01)  # or this loop would take the encoder's time
print("written", flush=True)
sys.stdin.read()
"""


@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
def test_killed_recording_is_playable(suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"a{suffix}"
    command = [sys.executable, "-c", KILLED, str(path)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "written\n"
    process.send_signal(signal.SIGKILL)
    process.wait()
    found = frames_of(path)
    assert len(found) >= 150, "all but the last second and what was in the encoder"
    np.testing.assert_allclose([time for time, _ in found], np.arange(len(found)) / 30, atol=0.001)


def record_noise(path: Path) -> None:
    recorder, random = Recorder(path, SIZE), np.random.default_rng(0)
    for number in range(100):
        recorder.add(random.integers(0, 255, (*SIZE, 3), np.uint8), number / 30)
    recorder.close()


def test_file_that_cannot_be_opened(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        Recorder(tmp_path / "none" / "a.mp4", SIZE)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device that is always full")
def test_full_disk(tmp_path: Path) -> None:
    path = tmp_path / "a.mkv"
    path.symlink_to("/dev/full")
    with pytest.raises(RunFailed, match="No space left"):
        record_noise(path)
