"""Options whose value changes over time: as text, as keys, and at a frame once the times of the source are known.

"0: 15; 2s: 30 ease; 5shot: 4" is 15 at the first frame, 30 two seconds later, and 4 from the start of the fifth shot on.
"""

from __future__ import annotations

import math
import re
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import pairwise

from videostyle.errors import BadOption
from videostyle.option_values import parse_time

WAYS = ("linear", "step", "ease")
"""How a value gets from a key to the next: in proportion to time, all at once at the next key, or slowly at both ends."""

TIMES = "48 or 48f (frames), 2s or 00:00:02.5 (seconds), 3shot (the start of a shot, counted from 1)"

_PLACE = re.compile(r"(\d+)(f|shot|)", re.ASCII)


@dataclass(frozen=True)
class Key:
    """A value at a place of the clip. Places count from the clip's first frame, whatever part of it is selected."""

    position: int | Fraction
    """Frames after the first one, seconds after it, or the number of a shot, from 1."""
    unit: str
    """f, s or shot, which means the shot's start."""
    value: float | tuple[float, ...]
    """A number, or one for each style."""
    way: str = "linear"
    """How the value gets here from the key before; one of WAYS."""

    @property
    def numbers(self) -> tuple[float, ...]:
        """The value as a tuple, also of a single number."""
        return self.value if isinstance(self.value, tuple) else (self.value,)

    @property
    def place(self) -> str:
        """Such as 48f, 2.5s or 3shot."""
        return f"{_shortest(self.position)}{self.unit}"

    def __str__(self) -> str:
        text = f"{self.place}: {','.join(map(_shortest, self.numbers))}"
        return text if self.way == "linear" else f"{text} {self.way}"


@dataclass(frozen=True)
class Timeline:
    """Where the frames and the shots of a clip are, from its first frame to as far as it was read."""

    times: tuple[Fraction, ...]
    """Of each frame, in seconds after the first."""
    starts: tuple[int, ...]
    """Ordinals of the frames that start a shot, from 0, in order."""
    end: Fraction
    """Seconds after the first frame at which the last one ends."""

    def time_of(self, key: Key) -> Fraction | None:
        """Seconds after the first frame; None beyond the end."""
        if key.unit == "s":
            return Fraction(key.position) if key.position <= self.end else None
        if key.unit == "f":
            return self.times[int(key.position)] if key.position < len(self.times) else None
        return self.times[self.starts[int(key.position) - 1]] if key.position <= len(self.starts) else None

    def taking_turns(self, styles: int) -> Curve:
        """Shares of styles in which each shot has one of them, around and around."""
        shares = [tuple(float(style == shot % styles) for style in range(styles)) for shot in range(len(self.starts))]
        times = tuple(self.times[start] for start in self.starts)
        return Curve(times, tuple(shares), ("step",) * len(times))

    def extent_in(self, unit: str) -> str:
        """Where the clip ends, in words."""
        if unit == "s":
            return f"{float(self.end):g} s long"
        count = len(self.times if unit == "f" else self.starts)
        return f"{count} {'frame' if unit == 'f' else 'shot'}{'s' if count > 1 else ''} long"


@dataclass(frozen=True)
class Schedule:
    """The values of an option over time. Raises BadOption where keys are out of order or of different lengths."""

    keys: tuple[Key, ...]

    def __post_init__(self) -> None:
        object.__setattr__(self, "keys", tuple(self.keys))
        check_keys("a schedule", self.keys)

    @classmethod
    def parse(cls, text: str, name: str = "the schedule", commas: bool = True) -> Schedule:
        """The schedule that a text means. name: of the option, for messages. commas: whether they separate keys, too.

        Raises BadOption, which names the key.
        """
        parts = re.split(r"[;,]" if commas else ";", text)
        keys = tuple(_parsed_key(name, part.strip()) for part in (parts if parts[-1].strip() else parts[:-1]))
        check_keys(name, keys)
        return cls(keys)

    @property
    def is_constant(self) -> bool:
        """Whether there is a single value, whatever the time."""
        return len(self.keys) == 1

    @property
    def first(self) -> tuple[float, ...]:
        """The value at the first key."""
        return self.keys[0].numbers

    def is_reached(self, ordinal: int, time: Fraction, shots: int) -> bool:
        """Whether all keys lie within the part of a clip that ends with a frame. shots: how many have begun by then."""
        reached = {"f": Fraction(ordinal), "s": time, "shot": Fraction(shots)}
        return all(key.position <= reached[key.unit] for key in self.keys)

    def resolved(self, name: str, timeline: Timeline) -> Curve:
        """The values over the seconds of a clip. name: of the option, for messages.

        Raises BadOption for keys beyond the clip's end, and for keys that are out of order or at one time.
        """
        times = []
        for key in self.keys:
            time = timeline.time_of(key)
            if time is None:
                problem = f"the key {key.place} of {name} is beyond the end: the clip is {timeline.extent_in(key.unit)}"
                raise BadOption(problem, todo="leave the key out, or move it")
            times.append(time)
        for (before, early), (after, late) in pairwise(zip(self.keys, times, strict=True)):
            _check_order(name, before, after, early, late)
        return Curve(tuple(times), tuple(key.numbers for key in self.keys), tuple(key.way for key in self.keys))

    def __str__(self) -> str:
        """The canonical text: the value alone if there is only one from the first frame on."""
        if self.is_constant and self.keys[0].position == 0:
            return ",".join(map(_shortest, self.first))
        return "; ".join(map(str, self.keys))


@dataclass(frozen=True)
class Curve:
    """The values of an option over the seconds after a clip's first frame. The first and the last value hold."""

    times: tuple[Fraction, ...]
    """Of the keys, ascending."""
    values: tuple[tuple[float, ...], ...]
    """At each key."""
    ways: tuple[str, ...]
    """How each value is reached from the key before."""

    def at(self, time: Fraction) -> tuple[float, ...]:
        """The value at a time; one number of an option that has one."""
        later = bisect_right(self.times, time)
        if later in (0, len(self.times)):
            return self.values[min(later, len(self.times) - 1)]
        start, end = self.times[later - 1 : later + 1]
        share = float((time - start) / (end - start))
        if self.ways[later] == "step":
            share = 0.0
        elif self.ways[later] == "ease":
            share = share * share * (3 - 2 * share)
        ends = zip(self.values[later - 1], self.values[later], strict=True)
        return tuple((1 - share) * before + share * after for before, after in ends)


def check_keys(name: str, keys: Sequence[Key]) -> None:
    """Raises BadOption where there is no key, keys of one unit are out of order, or values do not have one length."""
    if not keys:
        raise BadOption(f"{name} has no keys", todo='write them as in "0: 1; 2s: 0.5"')
    if keys[0].way != "linear":
        problem = f"'{keys[0].way}' at {keys[0].place}, the first key of {name}, has no effect"
        raise BadOption(problem, todo="write it after the value that is reached that way")
    latest: dict[str, Key] = {}
    for key in keys:
        if key.unit not in ("f", "s", "shot") or key.way not in WAYS or key.position < (key.unit == "shot"):
            raise BadOption(f"{name} has the impossible key {key}", TIMES)
        if len(key.numbers) != len(keys[0].numbers):
            problem = (
                f"the key {key.place} of {name} has {len(key.numbers)} numbers and the first key {len(keys[0].numbers)}"
            )
            raise BadOption(problem, todo="give all keys equally many")
        if key.unit in latest:
            _check_order(name, latest[key.unit], key, latest[key.unit].position, key.position)
        latest[key.unit] = key


def parse_value(name: str, value: float | str | Schedule) -> float | Schedule:
    """A number, or a schedule of numbers, from either or from text; the `convert` of an option. Raises BadOption."""
    if not isinstance(value, str):
        return value
    if ":" in value:
        schedule = Schedule.parse(value, name)
        for key in schedule.keys:
            if len(key.numbers) > 1:
                raise BadOption(f"the key {key.place} of {name} has several numbers", "one number at each key")
        return schedule
    try:
        return float(value)
    except ValueError:
        accepted = 'a number, or numbers over time such as "0: 15; 2s: 30"'
        raise BadOption(f"{name} {value!r} is not a number", accepted) from None


def parse_mix(name: str, value: str | Sequence[float] | Schedule) -> Schedule:
    """Shares of styles that add up to 1 at each key, from a schedule, from numbers, or from text; the `convert` of an option.

    Raises BadOption, which names the key.
    """
    if isinstance(value, str):
        value = Schedule.parse(value if ":" in value else f"0: {value}", name, commas=False)
    elif not isinstance(value, Schedule):
        value = Schedule((Key(0, "f", tuple(map(float, value))),))
    return Schedule(tuple(_normalized(name, key) for key in value.keys))


def check_shares(mix: Schedule | None, styles: int) -> None:
    """Raises BadOption where a mix does not have a share for each of so many styles."""
    if mix is not None and len(mix.first) != styles:
        problem = f"the number of shares in --mix {mix} is {len(mix.first)}, and that of the styles {styles}"
        raise BadOption(problem, todo="give one share for each style")


def initial(value: float | Schedule) -> float:
    """The number that an option begins with."""
    return value.first[0] if isinstance(value, Schedule) else value


def _parsed_key(name: str, text: str) -> Key:
    """A key such as "2s: 30 ease" or "30:(5)": split at the last colon outside parentheses."""
    match = re.fullmatch(r"(?s)(.*):\s*(?:\(([^()]*)\)|([^:()]*?))\s*([a-z]*)", text)
    if match is None:
        raise BadOption(f"{text!r} in {name} is not a key", 'a time and a value, such as "2s: 30"')
    place, bracketed, bare, way = match.groups()
    numbers = (bracketed or bare or "").split(",")
    try:
        values = tuple(float(number) for number in numbers)
    except ValueError:
        raise BadOption(f"the key {text!r} of {name} has no number", "a value such as 15, not an expression") from None
    if way and way not in WAYS:
        raise BadOption(f"{way!r} in the key {text!r} of {name} is unknown", ", ".join(WAYS))
    position, unit = _parsed_place(name, text, "".join(place.split()).lower())
    return Key(position, unit, values if len(values) > 1 else values[0], way or "linear")


def _parsed_place(name: str, text: str, place: str) -> tuple[int | Fraction, str]:
    """The position and unit of a key. text: the whole key."""
    if match := _PLACE.fullmatch(place):
        position, unit = int(match[1]), match[2] or "f"
        if unit == "shot" and position == 0:
            raise BadOption(f"the key {text!r} of {name} names shot 0", "shots from 1 on")
        return position, unit
    try:
        if not place[-1:].isalpha() and ":" not in place:
            raise BadOption("a number of frames is whole")
        return Fraction(str(float(parse_time(name, place)))), "s"
    except BadOption:
        raise BadOption(f"the key {text!r} of {name} has no known time", TIMES) from None


def _normalized(name: str, key: Key) -> Key:
    total = sum(key.numbers)
    if not (min(key.numbers) >= 0 and 0 < total < math.inf):
        problem = f"{name} {','.join(map(_shortest, key.numbers))} at the key {key.place} is no mix"
        raise BadOption(problem, "shares of 0 or more, not all 0")
    if abs(total - 1) < 1e-9:  # dividing again could change the last digit
        return key
    return replace(key, value=tuple(number / total for number in key.numbers))


def _check_order(name: str, before: Key, after: Key, early: Fraction | int, late: Fraction | int) -> None:
    if early == late:
        problem = f"the keys {before.place} and {after.place} of {name} are at one time"
        raise BadOption(problem, todo="leave one of them out")
    if early > late:
        problem = f"the keys {before.place} and {after.place} of {name} are out of order"
        raise BadOption(problem, todo="write the earlier one first")


def _shortest(number: float | Fraction) -> str:
    """The shortest text that means the number."""
    return repr(float(number)).removesuffix(".0")
