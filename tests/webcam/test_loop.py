"""The preview's loop, step by step: the camera, the display, the worker and the clock do what the test says."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.support.recordings import frames_of
from tests.support.thin_vgg import picture as shapes
from videostyle.config import WebcamJob
from videostyle.errors import RunFailed
from videostyle.media.images import read_picture
from videostyle.webcam.camera import CameraFrame
from videostyle.webcam.interfaces import Request
from videostyle.webcam.loop import SLOW, PreviewLoop, working_size

JOB = WebcamJob(styles=("a.jpg", "b.jpg"), size=64)
STYLES = [np.full((20, 20, 3), (160, 120, 80), np.uint8), np.full((20, 20, 3), (40, 60, 90), np.uint8)]
FRAME = (shapes(48, 64, 3)[0].permute(1, 2, 0).numpy() * 255).astype(np.uint8)


class FakeClock:
    """Time passes only where the test says so."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


class FakeCapture:
    """Gives each of its images once. An exception among them is raised."""

    def __init__(self, clock: FakeClock) -> None:
        self.images: list[Any] = []
        self.number, self.clock = 0, clock

    def wait(self, after: int, seconds: float) -> CameraFrame | None:
        if not self.images:
            return None
        given = self.images.pop(0)
        if isinstance(given, Exception):
            raise given
        self.number += 1
        return CameraFrame(given, self.number, self.clock.now)


class FakeDisplay:
    """Keeps what it is to show; the test presses the keys."""

    def __init__(self) -> None:
        self.shown: list[np.ndarray] = []
        self.pressed: list[str] = []
        self.closed = False

    def show(self, picture: np.ndarray) -> None:
        self.shown.append(picture)

    def pressed_keys(self) -> list[str]:
        pressed, self.pressed = self.pressed, []
        return pressed

    def close(self) -> None:
        self.closed = True


class FakeWorker:
    """Keeps the requests; the test puts in the results."""

    def __init__(self) -> None:
        self.idle, self.seconds, self.pictures = True, 0.0, 0
        self.submitted: list[tuple[Any, Request]] = []
        self.stylized: list[tuple[Any, np.ndarray]] = []
        self.canceled = 0

    def submit(self, tag: Any, request: Request) -> None:
        self.submitted.append((tag, request))
        self.idle = False

    def results(self) -> list[tuple[Any, np.ndarray]]:
        stylized, self.stylized = self.stylized, []
        return stylized

    def cancel(self) -> None:
        self.canceled += 1
        self.idle = True


class Preview:
    """A loop with fakes around it. A step takes no time, unless the test says so."""

    def __init__(self, job: WebcamJob = JOB):
        self.clock = FakeClock()
        self.capture, self.display, self.worker = FakeCapture(self.clock), FakeDisplay(), FakeWorker()
        self.said: list[str] = []
        around: Any = (self.capture, self.display, self.worker)
        self.loop = PreviewLoop(job, STYLES, *around, self.said.append, self.clock)

    def step(self, image: Any = None, keys: str = "", seconds: float = 0.0) -> np.ndarray:
        """One step with this camera image and these keys, after some seconds; returns the shown picture."""
        self.clock.now += seconds
        if image is not None:
            self.capture.images.append(image)
        self.display.pressed += keys
        self.loop.step()
        return self.display.shown[-1]

    def small_step(self, image: Any = None, keys: str = "", seconds: float = 0.0) -> np.ndarray:
        """The same without messages, as they are gone by then, and at the working size."""
        return self.step(image, keys, seconds or 60.0)[::10, ::10]


def test_stylized_picture_is_shown() -> None:
    """A camera frame goes to the display and to the worker, and the worker's picture comes back over the next frames."""
    preview = Preview()
    shown = preview.small_step(FRAME)
    assert shown.shape == (48, 64, 3)
    [(tag, request)] = preview.worker.submitted
    np.testing.assert_array_equal(request.image, FRAME)
    assert request.style == 0
    preview.worker.stylized.append((tag, np.full((48, 64, 3), 0.25, np.float32)))
    preview.step(FRAME)
    assert np.abs(preview.small_step(FRAME).astype(int) - 64)[4:-4, 4:-4].mean() < 4
    assert len(preview.worker.submitted) == 1, "the worker is busy"
    assert preview.said == ["first stylized picture after 60.0 seconds"]


def test_waits_for_first_frame() -> None:
    preview = Preview()
    preview.loop.step()
    assert preview.display.shown == []
    preview.step(FRAME)
    assert len(preview.display.shown) == 1


def test_mirror_and_camera_beside() -> None:
    preview = Preview(replace(JOB, blend=0.0))
    assert np.abs(preview.small_step(FRAME).astype(int) - FRAME).mean() < 12
    mirrored = preview.small_step(FRAME, "m")
    assert np.abs(mirrored.astype(int) - FRAME[:, ::-1]).mean() < np.abs(mirrored.astype(int) - FRAME).mean() / 3
    beside = preview.small_step(FRAME, "b")
    assert beside.shape == (48, 128, 3)
    assert np.abs(beside[:, :64].astype(int) - beside[:, 64:]).mean() < 12


def test_blend_fades_to_camera() -> None:
    preview = Preview()
    preview.small_step(FRAME)
    far = np.abs(preview.small_step(FRAME).astype(int) - FRAME).mean()
    near = np.abs(preview.small_step(FRAME, "-" * 10).astype(int) - FRAME).mean()
    assert near < 0.2 * far


def test_freeze_keeps_refining() -> None:
    preview = Preview(replace(JOB, blend=0.0))
    before = preview.small_step(FRAME)
    frozen = preview.step(255 - FRAME, "f")
    np.testing.assert_array_equal(frozen[:100, ::10][::10], before[:10])
    preview.worker.idle = True
    preview.step(255 - FRAME)
    assert preview.worker.submitted[-1][0] is preview.worker.submitted[0][0]
    np.testing.assert_array_equal(preview.worker.submitted[-1][1].image, FRAME)
    after = preview.small_step(255 - FRAME, "f")
    assert np.abs(after.astype(int) - before).mean() > 20


def test_next_style_cancels_and_submits() -> None:
    preview = Preview()
    preview.step(FRAME)
    preview.step(FRAME, "n")
    assert preview.worker.canceled == 1
    assert [request.style for _, request in preview.worker.submitted] == [0, 1]
    assert preview.said[-1] == "style: b.jpg"
    preview.step(FRAME, "p")
    assert [request.style for _, request in preview.worker.submitted] == [0, 1, 0]


def test_lost_scene_is_canceled() -> None:
    preview = Preview()
    preview.step(FRAME)
    preview.step(FRAME)
    assert preview.worker.canceled == 0
    other = np.zeros_like(FRAME)
    other[::2, ::2] = 255
    preview.step(other)
    assert preview.worker.canceled == 1
    np.testing.assert_array_equal(preview.worker.submitted[-1][1].image, other)


def test_snapshot_has_no_text(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    preview = Preview(replace(JOB, blend=0.0))
    preview.step(FRAME, "ihs")
    preview.step(FRAME, "s")
    saved = list(tmp_path.glob("*.png"))
    assert len(saved) == 2
    np.testing.assert_array_equal(read_picture(saved[0]).image, FRAME)
    assert set(preview.said) == {f"saved {path.name}" for path in saved}


@pytest.fixture
def removed_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The current folder is one that somebody has removed: nothing can be written there."""
    folder = tmp_path / "removed"
    folder.mkdir()
    monkeypatch.chdir(folder)
    folder.rmdir()


@pytest.mark.usefixtures("removed_folder")
@pytest.mark.parametrize(("key", "message"), [("s", "no snapshot"), ("r", "no recording")])
def test_preview_goes_on_if_nothing_can_be_written(key: str, message: str) -> None:
    preview = Preview()
    preview.step(FRAME)
    preview.step(FRAME, key)
    assert preview.said == [f"{message}: No such file or directory"]
    preview.step(FRAME)
    assert len(preview.display.shown) == 3


def test_record_key_starts_and_stops(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    preview = Preview(replace(JOB, blend=0.0))
    preview.step(FRAME)
    for key in ("r", "", "b", "r", ""):
        preview.step(FRAME, key, seconds=0.01)
    [path] = tmp_path.glob("*.mp4")
    assert preview.said == [f"recording {path.name}", f"recorded {path.name}"]
    assert len(frames_of(path)) == 3
    assert np.abs(frames_of(path)[-1][1] - FRAME.mean()) < 4, "the camera beside it is not recorded"


def test_record_key_does_not_replace_the_jobs_recording(tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    preview = Preview(replace(JOB, record=path))
    preview.step(FRAME, "r")
    preview.loop.close()
    assert preview.said == [f"recording {path}", f"recorded {path}"]
    assert list(tmp_path.iterdir()) == [path]


def test_recording_is_finished_if_the_camera_fails(tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    preview = Preview(replace(JOB, record=path))
    for _ in range(3):
        preview.step(FRAME, seconds=0.01)
    preview.capture.images.append(RunFailed("camera 0 gives no more pictures"))
    with pytest.raises(RunFailed):
        preview.loop.run(lambda: False)
    preview.loop.close()
    assert preview.display.closed
    assert len(frames_of(path)) == 3
    assert preview.said == [f"recorded {path}"]


def test_camera_changes_its_size() -> None:
    preview = Preview()
    preview.step(FRAME)
    tall = np.ascontiguousarray(np.rot90(FRAME))
    shown = preview.step(tall)
    assert shown.shape[0] > shown.shape[1]
    assert preview.worker.canceled == 1
    assert preview.worker.submitted[-1][1].image.shape == (64, 48, 3)
    assert preview.said == ["the camera's picture is now 48x64"]


def test_slow_camera_is_reported_once() -> None:
    """The last picture stays meanwhile. After another frame it can be reported again."""
    preview = Preview()
    preview.step(FRAME)
    preview.step(seconds=SLOW - 0.1)
    assert preview.said == []
    for _ in range(3):
        preview.step(seconds=0.2)
    assert len(preview.display.shown) == 5
    assert preview.said == ["no picture from the camera for 3 seconds; still waiting"]
    preview.step(FRAME)
    preview.step(seconds=SLOW + 0.1)
    assert len(preview.said) == 2


def test_text_appears_only_if_it_is_on() -> None:
    preview = Preview()
    preview.step(FRAME)
    plain = preview.step(FRAME, seconds=60.0)
    for keys in ("i", "h"):
        assert (preview.step(None, keys) != plain).any()
        preview.step(None, keys)
    assert (preview.step() == plain).mean() > 0.99


def test_messages_stay_for_a_while() -> None:
    """At first the key of the help is shown."""
    preview = Preview()
    first = preview.step(FRAME)
    later = preview.step(FRAME, seconds=60.0)
    assert (first[-20:, :80] != later[-20:, :80]).any()
    preview.step(None, "n")
    assert preview.said == ["style: b.jpg"]
    noted = preview.step()
    assert (noted[-20:, :80] != preview.step(FRAME, seconds=60.0)[-20:, :80]).any()


def test_ends_by_key_duration_and_caller() -> None:
    preview = Preview()
    preview.display.pressed.append("q")
    preview.loop.run(lambda: False)
    timed = Preview(replace(JOB, duration=2.0))
    steps: list[float] = []

    def one_second() -> bool:
        timed.clock.now += 1.0
        steps.append(timed.clock.now)
        return False

    timed.loop.run(one_second)
    assert len(steps) == 2
    Preview().loop.run(lambda: True)


@pytest.mark.parametrize(
    ("camera", "longer", "size"),
    [
        ((480, 640), 320, (240, 320)),
        ((1080, 1920), 320, (180, 320)),
        ((640, 480), 320, (320, 240)),
        ((9, 999), 64, (16, 64)),
    ],
)
def test_working_size(camera: tuple[int, int], longer: int, size: tuple[int, int]) -> None:
    assert working_size(camera, longer) == size
