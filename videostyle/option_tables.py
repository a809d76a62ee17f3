"""Options as a TOML file has them: in an option's type, checked like the command line's, files relative to the file."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any, get_origin

from videostyle.errors import BadInput, BadOption
from videostyle.media.output_paths import ADDRESS
from videostyle.option_values import as_path, of_type
from videostyle.options import Options, check_value, flag_of, options_of, path_fields, type_hints


def toml_of(name: str, path: Path) -> dict[str, Any]:
    """What a file of TOML holds. name: what it is. Raises BadInput where it cannot be read or is not TOML."""
    try:
        return tomllib.loads(path.read_bytes().decode("utf-8-sig"))
    except OSError as error:
        raise BadInput(f"{name} {path} cannot be read: {error.strerror}", todo="name a TOML file") from error
    except ValueError as error:  # of TOML, or of UTF-8
        raise BadInput(f"{name} {path} is not TOML: {error}", todo="mend it") from error


def checked_value(job: type[Options], key: str, value: Any, place: str, folder: Path) -> Any:
    """A value in the option's type, its files relative to a folder. key: the name of the field. place: of the value, such as
    the file. Raises BadOption, which names place and key."""
    hint, record, label = type_hints(job)[key], options_of(job).get(key), f"{place}: {key}"

    if record is not None and record.parts:
        hint = tuple[str, ...]
    text = record is not None and record.convert is not None and get_origin(hint) is not tuple
    typed = of_type(label, str if text else hint, value)
    if key in path_fields(job):
        return in_folder(typed, folder)
    if record is None:
        return typed
    if record.parts:
        typed = in_folder_of_last(typed, folder)
    if record.relative is not None:
        typed = record.relative(typed, folder)
    try:
        check_value(label, record.convert(label, typed) if record.convert else typed, record)
    except BadOption as error:  # an option that parses text says its own name
        raise BadOption(str(error).replace(flag_of(key, record), label)) from error
    return typed


def in_folder_of_last(values: tuple[str, ...], folder: Path) -> tuple[str, ...]:
    """The values of an option that ends with a file, which is relative to a folder."""
    return (*values[:-1], *(in_folder(file, folder) for file in values[-1:]))


def in_folder(value: Any, folder: Path) -> Any:
    """A path, or each of several, relative to a folder; an address stays, so that it is refused as one."""
    if isinstance(value, tuple):
        return tuple(in_folder(each, folder) for each in value)
    return value if not value or ADDRESS.match(value) else str(folder / as_path(value))
