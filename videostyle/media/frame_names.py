"""The numbers in the names of a folder's images, as cameras, renderers and upscalers write them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from itertools import pairwise
from pathlib import Path

from videostyle.errors import BadInput

EXAMPLE = "numbered images such as 000001.png"

_TICKS = tuple(10**digits for digits in (0, 3, 6, 9))  # a second in the units that clock times are written in

_EARLIEST, _LATEST = 10**9, 2 * 10**9  # seconds since 1970: from 2001 to 2033; dates such as 2026112817 lie outside


def numbers_of(names: Sequence[str]) -> list[int]:
    """The number of each name: the run of digits that changes from name to name.

    Where several runs change, it is one without gaps; else one that orders the names as all of them do, read as one number;
    else that number, as in 12.960, 13.000 and 13.040. Where none changes, and where several remain, it is the longest run, the
    last among equals. Of names with different counts of runs, it is the last run of each.
    Raises BadInput for a name without digits.
    """
    runs = [re.findall(r"[0-9]+", Path(name).stem) for name in names]
    for name, digits in zip(names, runs, strict=True):
        if not digits:
            raise BadInput(f"the file name {name!r} has no number", EXAMPLE)
    if len({len(digits) for digits in runs}) > 1:
        return _integers(digits[-1] for digits in runs)
    columns: list[tuple[str, ...]] = list(zip(*runs, strict=True))
    changing = [column for column in columns if len(set(_integers(column))) > 1]
    if not changing:
        longest = max(reversed(columns), key=_width)  # of equals max takes the first
        return _integers(longest)
    together = _integers("".join(digits) for digits in zip(*map(_padded, changing), strict=True))
    alone = [column for column in changing if _has_no_gap(column) or _order(_integers(column)) == _order(together)]
    if not alone:
        return together
    best = max(reversed(alone), key=lambda column: (_has_no_gap(column), _width(column)))
    return _integers(best)


def _integers(column: Iterable[str]) -> list[int]:
    return [int(digits) for digits in column]


def _padded(column: tuple[str, ...]) -> list[str]:
    width = max(map(len, column))
    return [digits.zfill(width) for digits in column]


def _width(column: tuple[str, ...]) -> int:
    return len(column[0])


def _has_no_gap(column: tuple[str, ...]) -> bool:
    numbers = set(_integers(column))
    return len(numbers) == len(column) == max(numbers) - min(numbers) + 1


def _order(numbers: Sequence[int]) -> list[int]:
    """The places of the smallest number, the next one, and so on; empty where a number is repeated."""
    return sorted(range(len(numbers)), key=numbers.__getitem__) if len(set(numbers)) == len(numbers) else []


def by_number(folder: Path, names: Iterable[str]) -> dict[int, str]:
    """The names of images in a folder by their numbers, in order. Raises BadInput if a number is absent or occurs twice."""
    names = sorted(names)
    numbered: dict[int, str] = {}
    for number, name in zip(numbers_of(names), names, strict=True):
        other = numbered.setdefault(number, name)
        if other != name:
            problem = f"{other} and {name} in {folder} have the same number"
            raise BadInput(problem, todo="remove or renumber one of them")
    return dict(sorted(numbered.items()))


def missing(numbers: Iterable[int]) -> str:
    """The numbers that are missing between rising ones, such as "3, 5 to 9"; empty where there are none."""
    gaps = [(a + 1, b - 1) for a, b in pairwise(numbers) if b > a + 1]
    return ", ".join(str(a) if a == b else f"{a} to {b}" for a, b in gaps[:8]) + (" ..." if gaps[8:] else "")


def ticks_per_second(numbers: Iterable[int]) -> int | None:
    """Whether numbers are Unix times: how many of their units a second has (1, 1000, ...), or None where they are not."""
    numbers = list(numbers)
    for ticks in _TICKS:
        if _EARLIEST * ticks <= min(numbers) and max(numbers) < _LATEST * ticks:
            return ticks
    return None
