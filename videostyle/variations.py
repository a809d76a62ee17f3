"""Options that a sheet tries with several values: `--vary "style-weight=5,15,45"`."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any, get_type_hints

from videostyle.errors import BadOption
from videostyle.option_values import of_type
from videostyle.options import Options, check_value, options_of

EXAMPLE = '--vary "style-weight=5,15,45"'


@dataclass(frozen=True)
class Variation:
    """The values of one option."""

    name: str
    """The name of its field."""
    values: Mapping[str, Any]
    """By the text that means each of them."""


def parse_variation(text: str, job: type[Options], names: Collection[str]) -> Variation:
    """The variation that a text means: the option's name, "=", and values separated by commas, or by ";" where values have
    commas. job, names: whose options these are, and which of them may vary. Raises BadOption."""
    flag, equals, values = text.partition("=")
    name = flag.strip().removeprefix("--").replace("-", "_")
    if not equals or not values.strip():
        raise BadOption(f"--vary {text!r} has no values", todo=f"write it as in {EXAMPLE}")
    if name not in options_of(job):
        raise BadOption(f"--vary {text!r}: there is no option {flag.strip()}", ", ".join(flags_of(names)))
    if name not in names:
        problem = f"--vary {text!r}: {job.flag(name)} does not change a still picture"
        raise BadOption(problem, ", ".join(flags_of(names)))
    parts = [part.strip() for part in values.split(";" if ";" in values else ",")]
    if len(set(parts)) < len(parts):
        raise BadOption(f"--vary {text!r} has a value twice", todo="leave one of them out")
    return Variation(name, {part: _value(job, name, part) for part in parts})


def flags_of(names: Collection[str]) -> list[str]:
    """The names of options as they are written after --vary."""
    return [name.replace("_", "-") for name in sorted(names)]


def combinations(variations: Sequence[Variation]) -> list[dict[str, str]]:
    """Every combination of the values, the last option's changing fastest: the text of each option's value by its name."""
    texts = product(*(variation.values for variation in variations))
    return [dict(zip((variation.name for variation in variations), each, strict=True)) for each in texts]


def _value(job: type[Options], name: str, text: str) -> Any:
    """A value in the option's type, checked. Raises BadOption."""
    record, label = options_of(job)[name], f"--vary {name.replace('_', '-')}"
    value = of_type(label, str if record.convert else get_type_hints(job)[name], text)
    check_value(label, record.convert(label, value) if record.convert else value, record)
    return value
