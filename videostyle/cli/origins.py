"""Where the values of a command come from: the command line, the environment, or a config file."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator, Mapping
from typing import Any

import typer

from videostyle.cli.config_file import Table
from videostyle.errors import BadOption
from videostyle.options import Options, options_of

PREFIX = "VIDEOSTYLE_"
"""What the names of this program's environment variables begin with."""

COMMAND_LINE = "command line"
"""Where an option comes from that is neither set by a variable nor by a file."""


def variable_of(name: str) -> str:
    """The environment variable that gives an option its default, such as VIDEOSTYLE_SIZE."""
    return f"{PREFIX}{name.upper()}"


def origins_of(values: Mapping[str, Any], context: typer.Context) -> dict[str, str]:
    """Where each value comes from that the command line or the environment gave."""
    words = {"COMMANDLINE": lambda name: COMMAND_LINE, "ENVIRONMENT": variable_of}
    sources = {name: context.get_parameter_source(name) for name, value in values.items() if value not in (None, [])}
    return {name: words[source.name](name) for name, source in sources.items() if source and source.name in words}


def lines_on_files(origins: Mapping[str, str], tables: list[Table]) -> Iterator[str]:
    """What each config file sets, as it may be forgotten."""
    for place in dict.fromkeys(table.place for table in tables):
        if keys := [key for key, origin in origins.items() if origin == place]:
            yield f"from {place}: {', '.join(keys)}"


@contextlib.contextmanager
def naming_origins(job: type[Options], origins: Mapping[str, str]) -> Iterator[None]:
    """Adds to a BadOption which variable or config file gave the options that it names, as they may be forgotten."""
    try:
        yield
    except BadOption as error:
        sets: dict[str, list[str]] = {}
        for name, origin in origins.items():
            if name in options_of(job) and re.search(rf"{job.flag(name)}(?![\w-])", str(error)):
                if origin == variable_of(name):
                    sets.setdefault("the environment", []).append(origin)
                elif origin != COMMAND_LINE:
                    sets.setdefault(origin, []).append(name)
        todo = "; ".join(f"{place} sets {', '.join(names)}" for place, names in sets.items())
        raise BadOption(str(error), todo=todo) from error
