"""The config file: arguments and options of jobs as TOML, by the names of the jobs' fields, and presets as tables of them.

The command line comes before the environment, that before a preset, and a preset before the file's own options.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from videostyle.errors import BadOption
from videostyle.option_groups import PRESETS
from videostyle.option_tables import checked_value, toml_of
from videostyle.option_values import as_path
from videostyle.options import ConfigurableOptions, Options, arguments_of, default_of, options_of

NAME = "videostyle.toml"
"""The file that is read without being named: beside the input, and in the user's own folder."""

ONLY_NAMED = ("input", "source", "styles", "output", "overwrite", "restart")
"""What only a file that --config names may set."""

PRESET = "preset"


@dataclass(frozen=True)
class Table:
    """Options that a file sets, by itself or in one of its presets."""

    path: Path
    """The file."""
    preset: str
    """The name of the preset; empty for the file's own options."""
    values: Mapping[str, Any]
    """Values as TOML has them, by the names of fields."""
    is_named: bool
    """Whether --config names the file."""

    @property
    def place(self) -> str:
        """What messages and reports call it."""
        return f"{self.path} [{PRESET}.{self.preset}]" if self.preset else str(self.path)


@dataclass(frozen=True)
class FileValue:
    """The value of an option, and the table that it comes from."""

    value: Any
    place: str


def tables_for(
    job: type[ConfigurableOptions],
    config: Path | None,
    values: Mapping[str, Any],
    user_folder: Callable[[], Path],
    jobs: Iterable[type[Options]],
) -> list[Table]:
    """The tables of the config files of a command, in order of precedence: of the file of --config alone, or else of the one
    beside the input and of the user's own. values: those of the command line. Raises as `read_tables` does."""
    if config is not None:
        return read_tables(config, True, jobs)
    if not job.beside or not values[job.beside]:
        return []
    files: dict[str, Path] = {}
    for folder in (folder_of(as_path(values[job.beside])), user_folder()):
        if os.path.isfile(folder / NAME):
            files.setdefault(os.path.realpath(folder / NAME), folder / NAME)
    return [table for path in files.values() for table in read_tables(path, False, jobs)]


def folder_of(path: Path) -> Path:
    """The folder that a file or a folder lies in."""
    return Path(os.path.abspath(path)).parent if path.name in ("", "..") else path.parent


def read_tables(path: Path, is_named: bool, jobs: Iterable[type[Options]]) -> list[Table]:
    """The presets of a config file, then its own options. jobs: whose fields it may set.

    Raises BadInput where it cannot be read or is not TOML, and BadOption for a key that is no field, or that only a file that
    --config names may set, and for a preset with the name of a built-in one.
    """
    content = toml_of("the config file", path)
    presets = content.pop(PRESET, {}) if isinstance(content.get(PRESET), dict) else {}
    tables = [Table(path, name, values, is_named) for name, values in presets.items()]
    for table in tables:
        if not isinstance(table.values, dict):
            raise BadOption(f"{path}: {PRESET}.{table.preset} is not a table", todo=f"write [{PRESET}.{table.preset}]")
        if table.preset in PRESETS:
            problem = f"{path}: [{PRESET}.{table.preset}] has the name of a built-in preset"
            raise BadOption(problem, todo="choose another name")
    tables.append(Table(path, "", content, is_named))
    known = {name for job in jobs for name in (*arguments_of(job), *options_of(job))}
    for table in tables:
        for key in table.values:
            check_key(table, key, known)
    return tables


def check_key(table: Table, key: str, known: Iterable[str]) -> None:
    """Raises BadOption where a table may not have this key."""
    if key not in known:
        near = get_close_matches(key.replace("-", "_"), known, 1)
        todo = f"did you mean {near[0]}?" if near else "leave it out"
        raise BadOption(f"{table.place}: {key} is not an option of videostyle", todo=todo)
    if key in ONLY_NAMED and not table.is_named:
        problem = f"{table.place}: {key} may only be set by a file that --config names"
        raise BadOption(problem, todo=f"leave it out, or add --config {table.path}")


def values_of(job: type[ConfigurableOptions], tables: list[Table], given: Mapping[str, Any]) -> dict[str, FileValue]:
    """What the tables set of a job's fields, in the job's types and checked like the command line's own.

    tables: of all files, in order of precedence. given: the values of the command line and the environment, which come
    first; a preset of a file that they name is replaced by the built-in one that it is made from. Raises BadOption, which
    names file and key, for a value that the option does not take.
    """
    chosen = preset_of(tables, given.get(PRESET))
    layers = [table for table in tables if table.preset == chosen] if chosen else []
    taken = {meant_by(job, key) for key in given} - ({PRESET} if chosen else set())
    values: dict[str, FileValue] = {}
    for table in [*layers, *(table for table in tables if not table.preset)]:
        for key, value in settable(job, table):
            chooses = key == PRESET and not table.preset and value not in PRESETS
            if meant_by(job, key) not in taken and not chooses:
                values[key] = FileValue(checked_value(job, key, value, table.place, table.path.parent), table.place)
        taken |= {meant_by(job, key) for key in values}
    if chosen and PRESET in options_of(job):
        values.setdefault(PRESET, FileValue(default_of(job, PRESET), layers[0].place))
    return values


def meant_by(job: type[Options], key: str) -> str:
    """The field that a key sets: another one, where it is a flag that is short for a value of that."""
    record = options_of(job).get(key)
    return record.stands_for[0] if record is not None and record.stands_for else key


def preset_of(tables: list[Table], asked: str | None) -> str:
    """The preset of the files that is used; empty where it is a built-in one, or none. asked: on the command line.

    Raises BadOption for a name that is neither.
    """
    names = list(dict.fromkeys(table.preset for table in tables if table.preset))
    place, name = "--preset", asked
    for table in tables:
        if name is None and not table.preset and PRESET in table.values:
            place, name = f"{table.place}: {PRESET}", table.values[PRESET]
    if name is None or name in PRESETS:
        return ""
    if name not in names:
        raise BadOption(f"{place} {name!r} is unknown", ", ".join([*PRESETS, *names]))
    return name


def settable(job: type[ConfigurableOptions], table: Table) -> Iterator[tuple[str, Any]]:
    """The keys of a table that are fields of this job, with their values. Other keys are for other commands."""
    left_out = job.unset_by_default_files if not (table.is_named or table.preset) else ()
    names = {*arguments_of(job), *options_of(job)}.difference(left_out)
    return ((key, value) for key, value in table.values.items() if key in names)
