"""What the keys of the preview do."""

from __future__ import annotations

import pytest

from videostyle.webcam.keys import ESCAPE, KEYS, Controls


@pytest.mark.parametrize(
    ("key", "name"), [("m", "mirror"), ("b", "beside"), ("f", "frozen"), ("i", "stats"), ("h", "help")]
)
def test_toggles(key: str, name: str) -> None:
    controls = Controls(1)
    before = getattr(controls, name)
    controls.press(key)
    assert getattr(controls, name) is not before
    controls.press(key.upper())
    assert getattr(controls, name) is before


def test_styles_wrap_around() -> None:
    controls = Controls(3)
    styles = []
    for key in "nnnpp":
        controls.press(key)
        styles.append(controls.style)
    assert styles == [1, 2, 0, 2, 1]


def test_blend_is_limited() -> None:
    controls = Controls(1)
    for _ in range(3):
        controls.press("-")
    assert controls.blend == pytest.approx(0.7)
    for key in "+=" * 4:
        controls.press(key)
    assert controls.blend == 1.0
    for _ in range(20):
        controls.press("_")
    assert controls.blend == 0.0


@pytest.mark.parametrize("key", ["q", "Q", ESCAPE])
def test_quit(key: str) -> None:
    controls = Controls(1)
    controls.press(key)
    assert controls.quit


def test_pending_actions_are_kept_until_taken() -> None:
    controls = Controls(1)
    for key in "srs":
        controls.press(key)
    assert controls.take_pending() == {"snapshot", "record"}
    assert controls.take_pending() == set()


def test_every_listed_key_does_something() -> None:
    for key in KEYS:
        controls = Controls(3, blend=0.5)
        controls.press(key)
        assert controls != Controls(3, blend=0.5), key
    controls = Controls(3)
    for key in "xyz1\x00\xff":
        controls.press(key)
    assert controls == Controls(3)
