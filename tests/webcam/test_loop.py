"""The loop, one turn at a time: a camera, a screen and a painter that do what the test says."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.support.thin_vgg import picture as shapes
from tests.webcam.test_recorder import frames_of
from videostyle.config import WebcamJob
from videostyle.errors import RunFailed
from videostyle.media.images import read_picture
from videostyle.webcam import loop as module
from videostyle.webcam.camera import CameraFrame
from videostyle.webcam.interfaces import Request
from videostyle.webcam.loop import Session, painted_size

JOB = WebcamJob(styles=("a.jpg", "b.jpg"), size=64)
STYLES = [np.full((20, 20, 3), (160, 120, 80), np.uint8), np.full((20, 20, 3), (40, 60, 90), np.uint8)]
FRAME = (shapes(48, 64, 3)[0].permute(1, 2, 0).numpy() * 255).astype(np.uint8)


class FakeCapture:
    """Gives each of its pictures once. An exception among them is raised."""

    def __init__(self) -> None:
        self.pictures: list[Any] = []
        self.number = 0

    def after(self, number: int, seconds: float) -> CameraFrame | None:
        if not self.pictures:
            return None
        given = self.pictures.pop(0)
        if isinstance(given, Exception):
            raise given
        self.number += 1
        return CameraFrame(given, self.number, time.monotonic())


class FakeScreen:
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


class FakeBackground:
    """Keeps what it is given; the test says what is painted."""

    def __init__(self) -> None:
        self.free, self.seconds, self.pictures = True, 0.0, 0
        self.given: list[tuple[Any, Request]] = []
        self.painted: list[tuple[Any, np.ndarray]] = []
        self.broken_off = 0

    def give(self, mark: Any, request: Request) -> None:
        self.given.append((mark, request))
        self.free = False

    def take(self) -> list[tuple[Any, np.ndarray]]:
        painted, self.painted = self.painted, []
        return painted

    def break_off(self) -> None:
        self.broken_off += 1
        self.free = True


class Preview:
    """A session with its surroundings."""

    def __init__(self, job: WebcamJob = JOB):
        self.capture, self.screen, self.background = FakeCapture(), FakeScreen(), FakeBackground()
        self.told: list[str] = []
        around: Any = (self.capture, self.screen, self.background)
        self.session = Session(job, STYLES, *around, self.told.append)

    def turn(self, picture: Any = None, keys: str = "") -> np.ndarray:
        """One turn with this camera picture and these keys; what is shown."""
        if picture is not None:
            self.capture.pictures.append(picture)
        self.screen.pressed += keys
        self.session.turn()
        return self.screen.shown[-1]

    def shown_small(self, picture: Any = None, keys: str = "") -> np.ndarray:
        """The same without words, at the painted size."""
        self.session.note_until = 0.0
        return self.turn(picture, keys)[::10, ::10]


def test_a_frame_goes_to_the_screen_and_to_the_painter_and_its_painting_is_shown(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("videostyle.webcam.compositor.FADE", 1e-9)
    preview = Preview()
    shown = preview.shown_small(FRAME)
    assert shown.shape == (48, 64, 3)
    [(mark, request)] = preview.background.given
    np.testing.assert_array_equal(request.image, FRAME)
    assert request.style == 0
    preview.background.painted.append((mark, np.full((48, 64, 3), 0.25, np.float32)))
    preview.turn(FRAME)
    assert np.abs(preview.shown_small(FRAME).astype(int) - 64)[4:-4, 4:-4].mean() < 4
    assert len(preview.background.given) == 1, "the painter is busy"
    assert "first painted picture" in preview.told[0]


def test_it_waits_for_the_first_picture() -> None:
    preview = Preview()
    preview.session.turn()
    assert preview.screen.shown == []
    preview.turn(FRAME)
    assert len(preview.screen.shown) == 1


def test_mirror_and_the_camera_beside_it() -> None:
    preview = Preview(replace(JOB, strength=0.0))
    assert np.abs(preview.shown_small(FRAME).astype(int) - FRAME).mean() < 12
    mirrored = preview.shown_small(FRAME, "m")
    assert np.abs(mirrored.astype(int) - FRAME[:, ::-1]).mean() < np.abs(mirrored.astype(int) - FRAME).mean() / 3
    beside = preview.shown_small(FRAME, "b")
    assert beside.shape == (48, 128, 3)
    assert np.abs(beside[:, :64].astype(int) - beside[:, 64:]).mean() < 12


def test_strength_goes_over_to_the_camera() -> None:
    preview = Preview()
    preview.shown_small(FRAME)
    far = np.abs(preview.shown_small(FRAME).astype(int) - FRAME).mean()
    near = np.abs(preview.shown_small(FRAME, "-" * 10).astype(int) - FRAME).mean()
    assert near < 0.2 * far


def test_freezing_holds_the_frame_and_painting_goes_on() -> None:
    preview = Preview(replace(JOB, strength=0.0))
    before = preview.shown_small(FRAME)
    frozen = preview.turn(255 - FRAME, "f")
    np.testing.assert_array_equal(frozen[:100, ::10][::10], before[:10])
    preview.background.free = True
    preview.turn(255 - FRAME)
    assert preview.background.given[-1][0] is preview.background.given[0][0]
    np.testing.assert_array_equal(preview.background.given[-1][1].image, FRAME)
    after = preview.shown_small(255 - FRAME, "f")
    assert np.abs(after.astype(int) - before).mean() > 20


def test_another_style_begins_anew() -> None:
    preview = Preview()
    preview.turn(FRAME)
    preview.turn(FRAME, "n")
    assert preview.background.broken_off == 1
    assert [request.style for _, request in preview.background.given] == [0, 1]
    assert preview.told[-1] == "style: b.jpg"
    preview.turn(FRAME, "p")
    assert [request.style for _, request in preview.background.given] == [0, 1, 0]


def test_a_scene_that_is_gone_is_not_painted_on() -> None:
    preview = Preview()
    preview.turn(FRAME)
    preview.turn(FRAME)
    assert preview.background.broken_off == 0
    other = np.zeros_like(FRAME)
    other[::2, ::2] = 255
    preview.turn(other)
    assert preview.background.broken_off == 1
    np.testing.assert_array_equal(preview.background.given[-1][1].image, other)


def test_a_snapshot_is_the_picture_without_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    preview = Preview(replace(JOB, strength=0.0))
    preview.turn(FRAME, "ihs")
    preview.turn(FRAME, "s")
    saved = list(tmp_path.glob("*.png"))
    assert len(saved) == 2
    np.testing.assert_array_equal(read_picture(saved[0]).image, FRAME)
    assert set(preview.told) == {f"saved {path.name}" for path in saved}


def test_a_snapshot_that_cannot_be_saved_costs_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(self: Path, data: bytes) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    preview = Preview()
    preview.turn(FRAME, "s")
    assert preview.told == ["no snapshot: No space left on device"]


def test_recording_from_key_to_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    preview = Preview(replace(JOB, strength=0.0))
    preview.turn(FRAME)
    for key in ("r", "", "b", "r", ""):
        preview.turn(FRAME, key)
        time.sleep(0.003)  # each at its own millisecond
    [path] = tmp_path.glob("*.mp4")
    assert preview.told == [f"recording {path.name}", f"recorded {path.name}"]
    assert len(frames_of(path)) == 3
    assert np.abs(frames_of(path)[-1][1] - FRAME.mean()) < 4, "the camera beside it is not recorded"


def test_a_recording_that_cannot_begin_ends_no_preview(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("videostyle.webcam.outputs.free_name", lambda suffix: Path("/dev/null/a.mp4"))
    preview = Preview()
    preview.turn(FRAME)
    preview.turn(FRAME, "r")
    assert preview.told == ["no recording: Not a directory"]
    preview.turn(FRAME)
    assert len(preview.screen.shown) == 3


def test_the_key_does_not_take_the_place_of_the_recording_that_was_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    preview = Preview(replace(JOB, record=path))
    preview.turn(FRAME, "r")
    preview.session.close()
    assert preview.told == [f"recording {path}", f"recorded {path}"]
    assert list(tmp_path.iterdir()) == [path]


def test_a_recording_is_finished_when_the_camera_is_gone(tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    preview = Preview(replace(JOB, record=path))
    for _ in range(3):
        preview.turn(FRAME)
        time.sleep(0.003)
    preview.capture.pictures.append(RunFailed("camera 0 gives no more pictures"))
    with pytest.raises(RunFailed):
        preview.session.run(lambda: False)
    preview.session.close()
    assert preview.screen.closed
    assert len(frames_of(path)) == 3
    assert preview.told == [f"recorded {path}"]


def test_a_camera_that_changes_its_size() -> None:
    preview = Preview()
    preview.turn(FRAME)
    tall = np.ascontiguousarray(np.rot90(FRAME))
    shown = preview.turn(tall)
    assert shown.shape[0] > shown.shape[1]
    assert preview.background.broken_off == 1
    assert preview.background.given[-1][1].image.shape == (64, 48, 3)
    assert preview.told == ["the camera's picture is now 48x64"]


def test_a_slow_camera_is_told_once_and_the_picture_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "SLOW", 0.0)
    preview = Preview()
    preview.turn(FRAME)
    for _ in range(3):
        preview.turn()
    assert len(preview.screen.shown) == 4
    assert preview.told == ["no picture from the camera for 0 seconds; still waiting"]
    preview.turn(FRAME)
    preview.turn()
    assert len(preview.told) == 2


def test_words_are_written_where_they_are_wished_and_only_there() -> None:
    preview = Preview()
    preview.session.note_until = 0.0
    plain = preview.turn(FRAME)
    for keys in ("i", "h"):
        assert (preview.turn(None, keys) != plain).any()
        preview.turn(None, keys)
    assert (preview.turn() == plain).mean() > 0.99


def test_it_ends_by_key_by_time_and_by_its_caller() -> None:
    preview = Preview()
    preview.screen.pressed.append("q")
    preview.session.run(lambda: False)
    Preview(replace(JOB, duration=1e-9)).session.run(lambda: False)
    Preview().session.run(lambda: True)


@pytest.mark.parametrize(
    ("camera", "longer", "size"),
    [
        ((480, 640), 320, (240, 320)),
        ((1080, 1920), 320, (180, 320)),
        ((640, 480), 320, (320, 240)),
        ((9, 999), 64, (16, 64)),
    ],
)
def test_painted_size(camera: tuple[int, int], longer: int, size: tuple[int, int]) -> None:
    assert painted_size(camera, longer) == size
