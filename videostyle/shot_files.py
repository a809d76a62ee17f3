"""Lists of shots as files: written by `videostyle shots`, edited by hand, and read by `run --shots`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

from videostyle import timelines
from videostyle.config import Job
from videostyle.errors import BadInput, BadOption, VideoStyleError
from videostyle.option_tables import checked_value, toml_of
from videostyle.options import LEARNED, MODEL, default_of, options_of

if TYPE_CHECKING:
    from videostyle.frames import Frame

SUFFIXES = (".toml", *timelines.SUFFIXES)
"""Of the files that --shots takes."""

HEAD = """\
# The shots of {name}, found by `videostyle shots`. After editing: videostyle run {name} STYLE --shots {file}
#
# Only `start` counts, the number of a shot's first frame as --frames counts it: a shot ends where the next one starts.
# Move a start, add tables or delete them; the first one stays. Inside a table these options hold for that shot alone:
#
{options}
#
# such as style_weight = 30 or styles = ["other.jpg"]. Paths are relative to this file.
"""


@dataclass(frozen=True)
class ListedShot:
    """A shot as a file lists it."""

    number: int
    """From 1 over the whole source."""
    first: int
    """Number of its first frame, as --frames counts."""
    last: int
    """Number of its last frame."""
    begin: Fraction
    """Time of its first frame in seconds since the clip's first one."""
    end: Fraction
    """Time of its last frame."""

    @property
    def extent(self) -> str:
        """Its frames and times in words."""
        return f"frames {self.first} to {self.last}, {timecode(self.begin)} to {timecode(self.end)}"


def shots_text(name: str, file: str, shots: Iterable[ListedShot]) -> str:
    """A list of shots as TOML. name: of the clip. file: that the text is for."""
    words = ["styles", *per_shot_names()]
    lines = ["#   " + ", ".join(words[at : at + 6]) for at in range(0, len(words), 6)]
    head = HEAD.format(name=printable(name), file=printable(file), options=",\n".join(lines))
    return "\n".join([head, *(f"[[shot]]  # {shot.number}: {shot.extent}\nstart = {shot.first}\n" for shot in shots)])


@dataclass(frozen=True)
class ShotTable:
    """A shot as a file asks for it."""

    place: str
    """What the table is called in messages: the file, and the table's number."""
    start: int
    """Number of its first frame, as --frames counts."""
    values: dict[str, Any] = field(default_factory=dict)
    """What holds for this shot alone, by the names of fields of Job."""
    counts_files: bool = True
    """Whether `start` is the number of a file where the clip is a folder; else frames are counted from 1 in any clip."""


def check_shots_file(path: Path) -> None:
    """Raises BadOption for another kind of file, and MissingModel where the library that reads it is not installed."""
    if path.suffix.lower() not in SUFFIXES:
        raise BadOption(f"--shots {path} does not end in {' or '.join(SUFFIXES)}", todo="`videostyle shots` writes one")
    if is_timeline(path):
        timelines.check_library(path)


def is_timeline(path: Path) -> bool:
    """Whether a file is an editing program's timeline, which has cuts only and whose frames depend on the clip's rate."""
    return path.suffix.lower() in timelines.SUFFIXES


def shots_of_timeline(path: Path, rate: Fraction) -> tuple[ShotTable, ...]:
    """The shots of a timeline, for a clip of so many frames a second. Raises as `timelines.cuts_in` does."""
    cuts = timelines.cuts_in(path, rate)
    return tuple(ShotTable(f"{path}, shot {n}", cut + 1, counts_files=False) for n, cut in enumerate(cuts, 1))


def read_shots(path: Path) -> tuple[ShotTable, ...]:
    """The shots in a list (.toml), in order. Raises BadInput and BadOption, which name the file, the table and the key."""
    content = toml_of("--shots", path)
    tables = content.pop("shot", None)
    if content:
        problem = f"{path}: {next(iter(content))} stands outside the [[shot]] tables"
        raise BadOption(problem, todo="move it into the table of each shot that it is for")
    if not isinstance(tables, list) or not tables or not all(isinstance(table, dict) for table in tables):
        raise BadInput(f"{path} has no [[shot]] tables", todo="`videostyle shots` writes such a file")
    shots = tuple(_shot_table(path, f"{path}, shot {number}", table) for number, table in enumerate(tables, 1))
    for before, after in pairwise(shots):
        if after.start == before.start:
            problem = f"{after.place}: start = {after.start} is the start of the shot before it, too"
            raise BadOption(problem, todo="delete one of the two tables, or move a start")
        if after.start < before.start:
            problem = (
                f"{after.place}: start = {after.start} comes before the start of the shot before it, {before.start}"
            )
            raise BadOption(problem, todo="sort the tables")
    return shots


def _shot_table(path: Path, place: str, table: dict[str, Any]) -> ShotTable:
    values = dict(table)
    start = values.pop("start", None)
    if type(start) is not int or start < 0:
        given = "start is missing" if start is None else f"start = {start!r} is no number of a frame"
        raise BadOption(f"{place}: {given}", "the number of the shot's first frame, as --frames counts")
    names = "styles", *per_shot_names()
    for name in values:
        if name not in names:
            known = name in options_of(Job)
            what = "cannot differ from shot to shot" if known else "is unknown"
            raise BadOption(f"{place}: {name} {what}", ", ".join(("start", *names)))
    checked = {name: checked_value(Job, name, value, place, path.parent) for name, value in values.items()}
    return ShotTable(place, start, checked)


def jobs_of_shots(job: Job, tables: Sequence[ShotTable]) -> list[Job]:
    """The job of each shot: the run's, with the values of the shot's table. Raises BadOption, which names the table."""
    return [_job_of_shot(job, table) if table.values else job for table in tables]


def _job_of_shot(job: Job, table: ShotTable) -> Job:
    records = options_of(Job)
    for name in table.values:
        if job.engine_used == LEARNED and not (name in records and records[name].heeded_by(MODEL)):
            problem = f"{table.place}: {name} has no effect with --engine learned, as one style model is trained for all shots"
            raise BadOption(problem, todo="leave it out")
    with naming(table):
        own = replace(job, **_as_meant(job, table.values))
        if job.engine_used == LEARNED:
            _job_of_shot(
                job.with_style_model(Path("the trained model.vstyle")), table
            )  # what is refused then is refused now
    if (own.style_model is None) != (job.style_model is None):
        kinds = ("images", "a style model")[:: 1 if job.style_model is None else -1]
        problem = f"{table.place}: styles names {kinds[1]}, and the run has {kinds[0]}"
        raise BadOption(problem, todo="give all shots the same kind of style")
    return own


def _as_meant(job: Job, values: dict[str, Any]) -> dict[str, Any]:
    """The values with flags that are short for another option's value as that: switched off, they take the run's back."""
    meant = dict(values)
    for name, record in options_of(Job).items():
        if name in meant and record.stands_for is not None:
            field_name, value = record.stands_for
            if meant.pop(name):
                meant.setdefault(field_name, value)
            elif getattr(job, field_name) == value:
                meant.setdefault(field_name, default_of(Job, field_name))
    return meant


@contextmanager
def naming(table: ShotTable) -> Iterator[None]:
    """Errors of what stands in a table name the table."""
    try:
        yield
    except VideoStyleError as error:
        raise type(error)(f"{table.place}: {error}") from error


class GivenCuts:
    """Decides by a file which frames start a shot; the counterpart of ShotDetector, of no lookahead.

    source: what the clip is called in messages. push and finish raise BadOption where the file does not fit the clip.
    """

    lookahead = 0

    def __init__(self, tables: Sequence[ShotTable], source: Path):
        self.tables, self.source, self.counts_files = list(tables), source, tables[0].counts_files
        self._last: int | None = None

    def push(self, frame: Frame) -> list[int]:
        """Take the next frame of the source; its ordinal, if it starts a shot."""
        number, table = frame.number if self.counts_files else frame.index + 1, self.tables[0] if self.tables else None
        is_first, self._last = self._last is None, number
        if table is None or (number < table.start and not is_first):
            return []
        if number != table.start:
            what = f"is not the clip's first frame, {number}" if is_first else f"is no frame of {self.source}"
            raise BadOption(f"{table.place}: start = {table.start} {what}", todo="move the start")
        del self.tables[0]
        return [frame.index]

    def finish(self, is_whole: bool) -> list[int]:
        """The source ends here, or nothing after it is read."""
        if self.tables and is_whole:
            problem = (
                f"{self.tables[0].place}: start = {self.tables[0].start} is beyond the clip's last frame, {self._last}"
            )
            raise BadOption(problem, todo="delete the table, or move its start")
        return []


def per_shot_names() -> list[str]:
    """The options that may differ from shot to shot, by the names of their fields."""
    return [name for name, record in options_of(Job).items() if record.per_shot]


def printable(name: str) -> str:
    """A file's name as a comment of TOML can have it."""
    return "".join(letter if letter.isprintable() else "?" for letter in name)


def timecode(seconds: Fraction) -> str:
    """A time as H:MM:SS.mmm."""
    milliseconds = round(seconds * 1000)
    return f"{timedelta(seconds=milliseconds // 1000)}.{milliseconds % 1000:03d}"
