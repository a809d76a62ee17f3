"""The forms in which masks and regions are written: `--mask` and `--region`."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from videostyle.errors import BadOption
from videostyle.option_values import as_path

ALPHA = "alpha"
"""The mask that is the clip's own transparency."""

FARTHEST = 1000
"""Pixels by which a mask is grown, shrunk or feathered, at most."""

TOLERANCE = 0.2
"""Of a key color, where none is given."""

ACCEPTED = "an image, a video, a folder of images, alpha, luma:0.2-0.6 or key:#00ff00"

_OWN_SETTING = re.compile(r"(.+):(?:(grow|feather)=([^:=]*)|(invert))", re.DOTALL)


@dataclass(frozen=True)
class LumaRange:
    """A mask that is white where the clip's brightness lies between two values in [0, 1]."""

    low: float
    high: float


@dataclass(frozen=True)
class KeyColor:
    """A mask that is black where the clip has a color, as the matte of a keyer."""

    color: tuple[int, int, int]
    """RGB of 8 bits."""
    tolerance: float
    """Distance up to which a color is the same: 1 is that from black to white."""


@dataclass(frozen=True)
class Mask:
    """Where something is done, as it was asked for."""

    origin: Path | LumaRange | KeyColor | str
    """A file or folder, something of the clip itself, or ALPHA."""
    grow: int = 0
    """Pixels of the stylized picture by which white grows; a negative number shrinks it."""
    feather: float = 0.0
    """Pixels over which the border fades to either side."""
    invert: bool = False
    """Whether black and white change places, before everything else."""

    @property
    def path(self) -> Path | None:
        """The file or folder that it is read from; None where it is made from the clip."""
        return self.origin if isinstance(self.origin, Path) else None

    @property
    def identity(self) -> str:
        """All of it but the name of a file, as text."""
        origin = "a file" if self.path else self.origin
        return f"{origin}, grow {self.grow}, feather {self.feather:g}, {'inverted' if self.invert else 'as it is'}"


@dataclass(frozen=True)
class Region:
    """A part of the picture with a style of its own."""

    mask: Mask
    style: Path
    """An image or a style model."""


def parse_origin(text: str, flag: str = "--mask") -> Path | LumaRange | KeyColor | str:
    """Where a mask comes from. Raises BadOption for text that no mask is written as."""
    word, _, value = text.partition(":")
    if text == ALPHA:
        return ALPHA
    if word == "luma":
        return _luma_range(text, value, flag)
    return _key_color(text, value, flag) if word == "key" else as_path(text)


def parse_region(text: str) -> Region:
    """A region from MASK=STYLE, split at the last "="; settings of its own may follow the mask: `:grow=4:feather=6:invert`.

    Raises BadOption for anything else.
    """
    place, _, style = text.rpartition("=")
    if not place or not style or place.endswith((":grow", ":feather")):
        raise BadOption(f"--region {text} is not a mask and a style", "MASK=STYLE such as sky.png=wave.jpg")
    grow, feather, invert, flag = 0.0, 0.0, False, f"--region {text}:"
    while match := _OWN_SETTING.fullmatch(place):
        place, name, number = match[1], match[2], match[3]
        if name == "grow":
            grow = _number(f"{flag} grow={number}", number, -FARTHEST, FARTHEST, whole=True)
        elif name == "feather":
            feather = _number(f"{flag} feather={number}", number, 0, FARTHEST)
        else:
            invert = True
    return Region(Mask(parse_origin(place, flag), int(grow), feather, invert), as_path(style))


def as_texts(_: str, values: str | Sequence[str]) -> tuple[str, ...]:
    """The values of an option that may be repeated, from one or from several."""
    return (values,) if isinstance(values, str) else tuple(values)


def mask_in(text: str, folder: Path) -> str:
    """A mask as text, with the file that it names in a folder."""
    origin = parse_origin(text)
    return str(folder / origin) if isinstance(origin, Path) else text


def regions_in(texts: Sequence[str], folder: Path) -> tuple[str, ...]:
    """Regions as text, with the files that they name in a folder."""
    return tuple(f"{mask_in(text.rpartition('=')[0], folder)}={folder / parse_region(text).style}" for text in texts)


def parse_regions(texts: Sequence[str]) -> tuple[Region, ...]:
    """All values of --region. Raises BadOption."""
    return tuple(map(parse_region, texts))


def check_region_styles(regions: Sequence[Region], plain: Path, is_model: Callable[[Path], bool]) -> None:
    """Raises BadOption where the style of a region is of another kind than the plain one. is_model: tells a style model."""
    given, needed = ("an image", "a style model") if is_model(plain) else ("a style model", "an image")
    for region in regions:
        if is_model(region.style) != is_model(plain):
            problem = f"the style {region.style} of a --region is {given}, and the plain style {plain} is {needed}"
            raise BadOption(problem, todo=f"name {needed} for the region too")


def _luma_range(text: str, value: str, flag: str) -> LumaRange:
    low, _, high = value.partition("-")
    try:
        limits = LumaRange(float(low), float(high))
    except ValueError:
        limits = LumaRange(1.0, 0.0)
    if not 0 <= limits.low < limits.high <= 1:
        accepted = "two numbers from 0 to 1, the smaller one first, such as luma:0.2-0.6"
        raise BadOption(f"{flag} {text} is not a range of brightness", accepted)
    return limits


def _key_color(text: str, value: str, flag: str) -> KeyColor:
    color, _, tolerance = value.partition(":")
    match = re.fullmatch(r"#([0-9a-fA-F]{2})([0-9a-fA-F]{2})([0-9a-fA-F]{2})", color)
    if match is None:
        accepted = "key:#rrggbb such as key:#00ff00, or with a tolerance key:#00ff00:0.3"
        raise BadOption(f"{flag} {text} is not a key color", accepted)
    red, green, blue = (int(part, 16) for part in match.groups())
    within = _number(f"{flag} {text}: tolerance {tolerance}", tolerance, 0, 1) if tolerance else TOLERANCE
    return KeyColor((red, green, blue), within)


def _number(name: str, text: str, low: float, high: float, whole: bool = False) -> float:
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not low <= number <= high or (whole and number != int(number)):
        kind = "a whole number" if whole else "a number"
        raise BadOption(f"{name} is out of range", f"{kind} from {low:g} to {high:g}")
    return number
