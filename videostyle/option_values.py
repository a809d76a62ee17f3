"""The forms in which options are written as text: names of files, times, sizes, ranges of frames, rates."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, NamedTuple, get_args, get_origin

from videostyle.errors import BadOption


def as_path(value: str | Path) -> Path:
    """A path; a leading ~ stands for the home folder, as where a shell has not replaced it."""
    return Path(os.path.expanduser(value))


def as_file_or_word(_: str, value: str) -> str:
    """Text that is a word or the name of a file, in which a leading ~ stands for the home folder."""
    return os.path.expanduser(value)


def word_or_file_in(*words: str) -> Callable[[str, Path], str]:
    """What makes of text that is one of these words, or else the name of a file, the file's name in a folder."""
    return lambda text, folder: text if text in words else str(folder / as_path(text))


def of_type(label: str, hint: Any, value: object) -> Any:
    """The value of an option from text, or from a value of TOML. hint: the option's type. label: what messages call it.

    Raises BadOption where it is of another type.
    """
    kinds = (hint, *get_args(hint))
    if get_origin(hint) is tuple:
        return tuple(of_type(label, kinds[1], each) for each in (value if isinstance(value, list) else [value]))
    if bool in kinds:
        if (word := str(value).strip().lower()) not in _SWITCHES:
            raise BadOption(f"{label} {value!r} is neither true nor false", todo="write true or false")
        return _SWITCHES[word]
    if isinstance(value, (bool, list, dict)):
        raise BadOption(f"{label} takes neither true and false nor several values", todo="give a number or a text")
    for kind, words in ((int, "a whole number"), (float, "a number")):
        if kind in kinds and str not in kinds:
            try:
                return kind(str(value))
            except ValueError:
                raise BadOption(f"{label} {value!r} is not {words}", todo=f"give {words}") from None
    return str(value)


_SWITCHES = {"true": True, "yes": True, "on": True, "1": True, "false": False, "no": False, "off": False, "0": False}

_NUMBER = r"(\d+\.?\d*|\.\d+)"

_TIMECODE = re.compile(r"(\d+):([0-5]?\d):([0-5]?\d(?:\.\d*)?)()")

_UNITS = re.compile(rf"(?=.)(?:{_NUMBER}h)?(?:{_NUMBER}m(?!s))?(?:{_NUMBER}s)?(?:{_NUMBER}ms)?")


_WITH_FRAMES = re.compile(r"\d+:\d+:\d+[:;]\d+")


class Seconds(float):
    """A time in seconds. As text it is what was given, so that messages repeat a user's own words."""

    def __new__(cls, seconds: float, given: str = "") -> Seconds:
        return super().__new__(cls, seconds)

    def __init__(self, seconds: float, given: str = ""):
        """given: the text that meant these seconds."""
        self.given = given or repr(float(seconds))

    def __str__(self) -> str:
        return self.given


def parse_time(flag: str, value: float | str) -> float:
    """A time in seconds, from a number or from text such as "10", "10s", "1m30s", "500ms" or "00:01:30.5".

    Raises BadOption for anything else.
    """
    if not isinstance(value, str):
        return value
    text = value.strip().lower()
    if _WITH_FRAMES.fullmatch(text):
        problem = f"{flag} {value} has a field for frames, and times have none"
        raise BadOption(problem, "HH:MM:SS.mmm such as 00:00:03.500", "or select by numbers with --frames A:B")
    match = _TIMECODE.fullmatch(text) or _UNITS.fullmatch(text)
    try:
        if match is None:
            return Seconds(float(text), text)
        hours, minutes, seconds, milliseconds = (Fraction(part or 0) for part in match.groups())
        return Seconds(float(3600 * hours + 60 * minutes + seconds + milliseconds / 1000), text)
    except (ValueError, OverflowError):
        accepted = "seconds such as 10 or 2.5, 10s, 1m30s, 500ms, or HH:MM:SS.mmm such as 00:01:30.500"
        raise BadOption(f"{flag} {value!r} is not a time", accepted) from None


class Comparison(NamedTuple):
    """A video of source and result that is asked for."""

    layout: str
    """One of LAYOUTS."""
    file: Path


LAYOUTS = ("side", "wipe", "below")
"""How a comparison shows source and result: side by side, with a line between them that moves, one below the other."""


def parse_comparison(flag: str, value: Sequence[str | Path]) -> Comparison:
    """A layout and a file. Raises BadOption for anything else."""
    if isinstance(value, str) or len(value) != 2 or value[0] not in LAYOUTS or not str(value[1]):
        given = value if isinstance(value, str) else " ".join(map(str, value))
        raise BadOption(
            f"{flag} {given} is not a layout and a file", f"{', '.join(LAYOUTS)}, and a name such as both.mp4"
        )
    return Comparison(str(value[0]), as_path(value[1]))


@dataclass(frozen=True)
class StyleName:
    """What a style is given as: a file, `FILE@TIME` or `FOLDER@all`."""

    path: Path
    """The file or the folder."""
    time: float | None = None
    """Seconds from the first frame of a film, of which the frame shown then is the style image; None where it is no film."""
    all: bool = False
    """Whether all images of a folder are the style, mixed evenly."""

    @property
    def as_file(self) -> Path:
        """A path in the place of the file or the folder, whose stem names the style: b@12_5s.mp4 or folder@all."""
        if self.all:
            return self.path.with_name(f"{self.path.name.replace('.', '_')}@all")
        if self.time is None:
            return self.path
        return self.path.with_stem(f"{self.path.stem}@{str(self.time).replace('.', '_').replace(':', '_')}")


def style_name(style: Path) -> StyleName:
    """What a style is given as. A file whose own name has an @ is a file. Raises BadOption for an @ without a time."""
    file, mark, rest = str(style).rpartition("@")
    if not mark or not file or os.path.lexists(style) or not os.path.exists(file):
        return StyleName(style)
    if rest == "all":
        return StyleName(Path(file), all=True)
    return StyleName(Path(file), parse_time("the time of style", rest))


SIDES = 32, 8192
"""The smallest and the largest side that --size takes, in pixels."""


def parse_size(flag: str, value: int | str) -> int | str:
    """A longer side in pixels as a number, or a shorter one as text such as "720p". Raises BadOption for anything else."""
    if not isinstance(value, str):
        return value
    text = value.strip().lower()
    try:
        side = int(text.removesuffix("p"))
    except ValueError:
        accepted = "the longer side in pixels, such as 640, or the shorter one, such as 720p"
        raise BadOption(f"{flag} {value!r} is not a size", accepted) from None
    if text.endswith("p") and not SIDES[0] <= side <= SIDES[1]:
        raise BadOption(f"{flag} {value} is out of range", f"{SIDES[0]}p to {SIDES[1]}p")
    return f"{side}p" if text.endswith("p") else side


def parse_frames(text: str | None) -> tuple[int | None, int | None]:
    """`--frames` as (A, B), both included: "N" is (None, N), a count from wherever the run starts; None is (None, None).

    Raises BadOption for anything else, for A above B, and for a count below 1.
    """
    if text is None:
        return None, None
    try:
        numbers = [int(part) for part in str(text).split(":")]
    except ValueError:
        numbers = []
    if len(numbers) == 1 and numbers[0] >= 1:
        return None, numbers[0]
    if len(numbers) == 2 and 0 <= numbers[0] <= numbers[1]:
        return numbers[0], numbers[1]
    accepted = "a count such as 48, or a range such as 100:200 with the smaller number first"
    raise BadOption(f"--frames {text} is neither a count nor a range of frames", accepted)


def parse_rate(text: str | None) -> Fraction | None:
    """`--fps` as an exact fraction; 23.976, 29.97 and 59.94 mean NTSC's 24000/1001, 30000/1001 and 60000/1001.

    Raises BadOption for everything but a number above 0 and up to 1000.
    """
    if text is None:
        return None
    try:
        rate = Fraction(str(text))
    except (ValueError, ZeroDivisionError):
        rate = Fraction(0)
    if not 0 < rate <= 1000:
        accepted = "a number such as 24 or 29.97, or a fraction such as 30000/1001"
        raise BadOption(f"--fps {text} is not a frame rate", accepted)
    ntsc = Fraction(round(rate) * 1000, 1001)
    return ntsc if rate.denominator > 1 and ntsc and abs(rate - ntsc) < Fraction(1, 200) else rate


def parse_color(text: str) -> tuple[int, int, int]:
    """`--background` as (R, G, B) of 8 bits: a name of CSS, or #rrggbb. Raises BadOption for anything else."""
    from PIL import ImageColor  # not at the top: every `--help` would wait for it

    refusal = BadOption(f"--background {text} is not a color", "a name such as black or forestgreen, or #rrggbb")
    try:
        red, green, blue, *alpha = ImageColor.getrgb(str(text))
    except ValueError:
        raise refusal from None
    if alpha:
        raise refusal
    return red, green, blue
