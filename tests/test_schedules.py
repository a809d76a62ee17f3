"""Schedules: what their texts mean, their value at each frame by hand-made tables, and what is refused."""

from __future__ import annotations

from fractions import Fraction

import pytest

from videostyle import Key, Schedule
from videostyle.errors import BadOption
from videostyle.schedules import Timeline, initial, parse_value

STEADY = Timeline(tuple(Fraction(n, 25) for n in range(100)), (0, 40, 75), Fraction(4))
"""Four seconds at 25 frames a second in three shots."""

UNEVEN = Timeline(tuple(Fraction(ms, 1000) for ms in (0, 40, 90, 160, 200)), (0, 3), Fraction(240, 1000))
"""A clip with a variable frame rate, in two shots."""


def values(text: str, timeline: Timeline) -> list[float]:
    """At every frame."""
    curve = Schedule.parse(text).resolved("--strength", timeline)
    return [curve.at(time)[0] for time in timeline.times]


def test_frames_by_hand() -> None:
    """0 at frame 10, 1 at frame 20, and what lies between them in proportion; the ends hold."""
    found = values("10: 0; 20f: 1", STEADY)
    assert found[:11] == [0.0] * 11
    assert found[11:20] == pytest.approx([0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9])
    assert found[20:] == [1.0] * 80


def test_seconds_by_hand() -> None:
    """Two seconds are 50 frames."""
    found = values("0s: 15; 2s: 30", STEADY)
    assert found[:3] == pytest.approx([15, 15.3, 15.6])
    assert found[49:52] == pytest.approx([29.7, 30, 30])


def test_shots_by_hand() -> None:
    """The second shot starts at frame 40, the third at 75."""
    found = values("1shot: 1; 2shot: 3 step; 3shot: 10 step", STEADY)
    assert found == [1.0] * 40 + [3.0] * 35 + [10.0] * 25


def test_units_may_be_mixed() -> None:
    """0f is 0 s, 2shot is 1.6 s, 3 s is frame 75."""
    found = values("0: 0; 2shot: 16; 3s: 2", STEADY)
    assert [found[n] for n in (0, 10, 40, 75, 99)] == pytest.approx([0, 4, 16, 2, 2])


def test_a_variable_frame_rate_by_hand() -> None:
    """Between keys by frames, too, values go by time: 40, 90 and 160 of 200 ms."""
    assert values("0: 0; 4: 1", UNEVEN) == pytest.approx([0, 0.2, 0.45, 0.8, 1])
    assert values("40ms: 0; 0.2s: 1", UNEVEN) == pytest.approx([0, 0, 50 / 160, 120 / 160, 1])
    assert values("1shot: 0; 2shot: 1", UNEVEN) == pytest.approx([0, 40 / 160, 90 / 160, 1, 1])


def test_ways() -> None:
    """A way says how its value is reached: step jumps at its key, ease is 3 t^2 - 2 t^3."""
    assert values("0: 1; 4: 0 step", UNEVEN) == [1, 1, 1, 1, 0]
    assert values("0: 0; 100ms: 1 ease", UNEVEN)[:2] == pytest.approx([0, 0.352])
    eased = values("0: 0; 10: 1 ease", STEADY)
    assert eased[1] + eased[9] == pytest.approx(1)
    assert 0 < eased[1] < 0.1


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("0: 15; 2s: 30; 120f: 5", "0f: 15; 2s: 30; 120f: 5"),
        ("0:(15), 30:(5)", "0f: 15; 30f: 5"),
        (" 0 :(15) ,30 : 5 ; ", "0f: 15; 30f: 5"),
        ("00:00:02.5: 3; 1m30s: 4", "2.5s: 3; 90s: 4"),
        ("0: 1e1; 2 shot: 0.25 ease", "0f: 10; 2shot: 0.25 ease"),
        ("0: 1; 2s: 0 linear", "0f: 1; 2s: 0"),
        ("0: 15", "15"),
    ],
)
def test_texts(text: str, canonical: str) -> None:
    assert str(Schedule.parse(text)) == canonical
    assert str(parse_value("--x", canonical)).removesuffix(".0") == canonical


def test_from_python() -> None:
    made = Schedule((Key(0, "f", 15), Key(Fraction(5, 2), "s", 30, "ease")))
    assert made == Schedule.parse("0: 15; 2.5s: 30 ease")
    assert parse_value("--x", made) is made
    assert (initial(made), initial(7.0), parse_value("--x", "7")) == (15, 7.0, 7.0)
    assert Schedule.parse("0: 1,0; 4s: 0,1", commas=False).keys[1].numbers == (0, 1)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("much", "--x 'much' is not a number; accepted: a number, or numbers over time such as \"0: 15; 2s: 30\""),
        ("0: 1; 2", "'2' in --x is not a key; accepted: a time and a value, such as \"2s: 30\""),
        ("0: 1; 2s: t*2", "the key '2s: t*2' of --x has no number; accepted: a value such as 15, not an expression"),
        ("0: 1; 2s: 3 bounce", "'bounce' in the key '2s: 3 bounce' of --x is unknown; accepted: linear, step, ease"),
        ("0: 1; 1:30: 3", "the key '1:30: 3' of --x has no known time; accepted: 48 or 48f (frames), 2s or"),
        ("2.5: 1", "the key '2.5: 1' of --x has no known time; accepted: 48 or 48f (frames), 2s or"),
        ("-3: 1", "the key '-3: 1' of --x has no known time; accepted: 48 or 48f (frames), 2s or"),
        ("0shot: 1", "the key '0shot: 1' of --x names shot 0; accepted: shots from 1 on"),
        ("48: 1; 24: 2", "the keys 48f and 24f of --x are out of order; write the earlier one first"),
        ("2s: 1; 3: 4; 2s: 2", "the keys 2s and 2s of --x are at one time; leave one of them out"),
        ("0: (1,2)", "'0: (1' in --x is not a key; accepted: a time and a value, such as \"2s: 30\""),
        ("0: 1 ease; 2s: 3", "'ease' at 0f, the first key of --x, has no effect; write it after the value that is"),
    ],
)
def test_texts_refused(text: str, message: str) -> None:
    with pytest.raises(BadOption) as refused:
        parse_value("--x", text)
    assert str(refused.value).startswith(message)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("0: 1; 100: 2", "the key 100f of --x is beyond the end: the clip is 100 frames long; leave the key out, or"),
        ("0: 1; 4.5s: 2", "the key 4.5s of --x is beyond the end: the clip is 4 s long; leave the key out, or move it"),
        ("0: 1; 4shot: 2", "the key 4shot of --x is beyond the end: the clip is 3 shots long; leave the key out, or"),
        ("0: 1; 1shot: 2", "the keys 0f and 1shot of --x are at one time; leave one of them out"),
        ("50: 1; 1s: 2", "the keys 50f and 1s of --x are out of order; write the earlier one first"),
    ],
)
def test_refused_once_the_clip_is_known(text: str, message: str) -> None:
    with pytest.raises(BadOption) as refused:
        Schedule.parse(text).resolved("--x", STEADY)
    assert str(refused.value).startswith(message)


def test_a_key_may_be_the_clips_end() -> None:
    assert values("0: 0; 4s: 4", STEADY)[-1] == pytest.approx(3.96)


@pytest.mark.parametrize(
    "keys",
    [
        (),
        (Key(0, "h", 1),),
        (Key(-1, "f", 1),),
        (Key(0, "shot", 1),),
        (Key(0, "f", 1), Key(1, "f", 1, "bounce")),
        (Key(0, "f", 1), Key(1, "f", (1, 2))),
    ],
)
def test_impossible_keys(keys: tuple[Key, ...]) -> None:
    with pytest.raises(BadOption):
        Schedule(keys)


def test_how_far_a_clip_has_to_be_read() -> None:
    schedule = Schedule.parse("0: 1; 2s: 3; 2shot: 4")
    assert not schedule.is_reached(50, Fraction(2), 1)
    assert not schedule.is_reached(49, Fraction(49, 25), 2)
    assert schedule.is_reached(50, Fraction(2), 2)
