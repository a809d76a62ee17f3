"""The kinds of fields that a job is made of: what a field says about itself, and the checks made from that.

An option is a dataclass field with a default. Its record says everything about it once: help text, range, choices, which
engines heed it, whether a resumed run must repeat it. The command line, the checks, the identity of a run and the page of
options in the documentation are all made from these records.
"""

from __future__ import annotations

import functools
import math
import os
import shlex
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any, ClassVar, TypeVar, get_args, get_type_hints

from videostyle.errors import BadOption
from videostyle.option_values import as_path
from videostyle.schedules import Curve, Schedule, Timeline

OPTIMIZE = "optimize"
"""The engine that optimizes the pixels of each frame."""

LEARNED = "learned"
"""The engine that trains a style model on the clip first, and renders with it."""

MODEL = "model"
"""Rendering with a style model that was trained before."""

TRAINED = (OPTIMIZE, LEARNED)
"""The engines that heed what is fixed in a style model when it is trained."""


@dataclass(frozen=True, kw_only=True)
class Option:
    """What is known of one option."""

    help: str
    """A sentence or two, for `--help` and the documentation."""
    panel: str
    """The heading that the option stands under."""
    flags: tuple[str, ...] = ()
    """Its flags on the command line, the long one first; empty where that is the field's name."""
    choices: tuple[str, ...] = ()
    """All values that it takes; empty where its type or its range says that."""
    low: float | None = None
    """The smallest value."""
    above: float | None = None
    """The value has to be larger than this."""
    high: float | None = None
    """The largest value."""
    parse: Callable[[str], object] | None = None
    """Raises BadOption for text that the option does not take."""
    convert: Callable[[str, Any], Any] | None = None
    """(flag, value) -> the value that the job holds, where it may be given as text in several forms. Raises BadOption."""
    parts: tuple[str, ...] = ()
    """What stands for each of its values, where it takes several at once; `convert` is given them as texts."""
    relative: Callable[[str, Path], str] | None = None
    """(text, folder) -> the text with the files that it names in that folder, where it is not a path but may name files."""
    metavar: str = ""
    """What stands for its value in the help; empty where its type says that."""
    default_text: str = ""
    """The default in words, where the value does not say it."""
    required: str = ""
    """What to do where the option is left out; empty where it may be."""
    engines: tuple[str, ...] = ()
    """The engines that heed it; empty where all do. With another one it is refused, as it would have no effect."""
    over_time: tuple[str, ...] = ()
    """The engines with which its value may be a Schedule; with others, and in jobs that say so, it is constant."""
    requires: str = ""
    """The field without which it has no effect."""
    excludes: str = ""
    """The field with which it has no effect."""
    stands_for: tuple[str, Any] | None = None
    """A field and its value, for which a flag is another name: the job then holds that value, and the flag's default."""
    per_shot: bool = False
    """Whether it may differ from shot to shot: a value that changes at a shot's start and leaves everything else as it is."""
    renamed: str = ""
    """The field that took its place: it is left out of the help, and refused."""
    affects_result: bool = True
    """Whether an interrupted run can be resumed only with the same value. False for what does not change the result (the name
    of a report), and for what the identity of a run has in a resolved form (the size in pixels, the files' fingerprints)."""

    def heeded_by(self, engine: str) -> bool:
        """Whether the option has an effect with this engine."""
        return not self.engines or engine in self.engines

    @property
    def range(self) -> str:
        """The range in words, such as "32 to 8192"; empty where there is none."""
        if self.above is not None:
            return f"more than {_number(self.above)}"
        if self.low is None:
            return ""
        return f"{_number(self.low)} " + ("or more" if self.high is None else f"to {_number(self.high)}")

    def allows(self, value: float) -> bool:
        """Whether a number is finite and within the range."""
        return (
            math.isfinite(value)
            and (self.low is None or value >= self.low)
            and (self.above is None or value > self.above)
            and (self.high is None or value <= self.high)
        )


@dataclass(frozen=True)
class Argument:
    """What is known of a field without a default, which the command line takes without a flag."""

    name: str
    """Its name in the usage line, such as STYLE."""
    help: str
    """A sentence, for `--help` and the documentation."""


def option(default: Any, help: str, **record: Any) -> Any:
    """A dataclass field that is an option. record: the other fields of its Option."""
    return field(default=default, metadata={"option": Option(help=help, **record)})


def restated(group: type[Options], name: str, help: str = "", **changes: Any) -> Any:
    """An option of another class, with its own help, and other changes of its Option, where they differ here."""
    origin = group.__dataclass_fields__[name]
    changes |= {"help": help} if help else {}
    return field(default=origin.default, metadata={"option": replace(origin.metadata["option"], **changes)})


def argument(name: str, help: str) -> Any:
    """A dataclass field without a default that is an argument of the command line."""
    return field(metadata={"argument": Argument(name, help)})


Group = TypeVar("Group", bound="Options")


@dataclass(frozen=True, kw_only=True)
class Options:
    """The base of jobs and of groups of options. A job that exists is complete and has been checked.

    Raises BadOption where a value is out of range, not a number or not one of its choices, and where an option has no effect.
    """

    def __post_init__(self) -> None:
        self._convert_values()
        for name, place in arguments_of(self).items():
            if getattr(self, name) == ():
                raise BadOption(f"no {place.name} was given", todo=f"name at least one {place.name}")
        for name, record in options_of(self).items():
            if record.required and not is_given(self, name):
                raise BadOption(f"no {flag_of(name, record)} was given", todo=record.required)
            check_value(flag_of(name, record), getattr(self, name), record)
            if is_given(self, name):
                self._check_effect(name, record)

    @property
    def engine_used(self) -> str:
        """The engine that decides which options have an effect."""
        return OPTIMIZE

    def group(self, kind: type[Group]) -> Group:
        """The options of one of a job's groups, by themselves."""
        return kind(**{part.name: getattr(self, part.name) for part in fields(kind)})

    def without_effect(self, engine: str, record: Option) -> str:
        """Why an engine does not heed an option, to follow "--flag has no effect "."""
        return f"with --engine {engine}"

    def constant_only(self, record: Option) -> str:
        """Why an option may not change over time, to follow "--flag cannot change over time "; empty where it may."""
        return "" if self.engine_used in record.over_time else f"with --engine {self.engine_used}"

    def schedules(self) -> dict[str, Schedule]:
        """The options that change over time, by the names of their fields."""
        values = {name: getattr(self, name) for name, record in options_of(self).items() if record.over_time}
        return {name: value for name, value in values.items() if isinstance(value, Schedule)}

    def defaults_for(self, engine: str) -> dict[str, Any]:
        """The defaults of all options that an engine does not heed."""
        records = options_of(self).items()
        return {name: default_of(self, name) for name, record in records if not record.heeded_by(engine)}

    def _complete_output(self, origin: Path, suffix: str) -> None:
        """Resolve the field `output` of a job that is being made: by default the name of `origin` with this suffix.

        Raises BadOption where the output has another suffix, or `origin` is not the name of a file.
        """
        given: Path | None = getattr(self, "output", None)
        if given is None and not origin.name:
            raise BadOption(f"{origin} is a folder", todo="name a file")
        output = given or origin.with_suffix(suffix)
        if output.suffix.lower() != suffix:
            raise BadOption(f"--output {output} does not end in {suffix}", todo=f"choose a name that ends in {suffix}")
        object.__setattr__(self, "output", output)

    def _convert_values(self) -> None:
        """Replace the values that were given in another form than the job holds. Raises BadOption where one cannot be."""
        for name, kind in path_fields(type(self)).items():
            if "" in map(str, _as_tuple(getattr(self, name))):
                raise BadOption(f"{self._label(name)} is an empty text", todo="name a file or a folder")
            object.__setattr__(self, name, kind(getattr(self, name)))
        for name, record in options_of(self).items():
            if record.convert is not None and getattr(self, name) is not None:
                object.__setattr__(self, name, record.convert(self.flag(name), getattr(self, name)))
            if record.stands_for is not None and is_given(self, name):
                self._set_meant(name, *record.stands_for)

    def _set_meant(self, name: str, meant: str, value: Any) -> None:
        """Replace a flag that is another name by what it means. Raises BadOption where that has another value."""
        if getattr(self, meant) not in (value, default_of(self, meant)):
            raise BadOption(f"{self.flag(name)} has no effect with {self.flag(meant)}", todo="leave it out")
        object.__setattr__(self, meant, value)
        object.__setattr__(self, name, default_of(self, name))
        if isinstance(self, ConfigurableOptions) and name in self.origins:
            origins = {meant if key == name else key: origin for key, origin in self.origins.items()}
            object.__setattr__(self, "origins", origins)

    def _label(self, name: str) -> str:
        """What a user calls a field: its flag, or the name of the argument."""
        arguments = arguments_of(self)
        return arguments[name].name if name in arguments else self.flag(name)

    def _check_effect(self, name: str, record: Option) -> None:
        if record.renamed:
            raise BadOption(f"{flag_of(name, record)} is now called {self.flag(record.renamed)}", todo="write that")
        why = ""
        if not record.heeded_by(self.engine_used):
            why = self.without_effect(self.engine_used, record)
        elif record.requires and not is_given(self, record.requires):
            why = f"without {self.flag(record.requires)}"
        elif record.excludes and is_given(self, record.excludes):
            why = f"with {self.flag(record.excludes)}"
        if why:
            raise BadOption(f"{flag_of(name, record)} has no effect {why}", todo="leave it out")
        value = getattr(self, name)
        if isinstance(value, Schedule) and not value.is_constant and (why := self.constant_only(record)):
            raise BadOption(f"{flag_of(name, record)} cannot change over time {why}", todo="give a single value")

    @classmethod
    def flag(cls, name: str) -> str:
        """The flag of an option of this class, such as "--style-weight"."""
        return flag_of(name, options_of(cls)[name])


@dataclass(frozen=True, kw_only=True)
class ConfigurableOptions(Options):
    """A job whose arguments and options may come from a config file (docs/controls.md)."""

    beside: ClassVar[str] = ""
    """The field beside whose file `videostyle.toml` is read; empty where only the file of --config is."""
    unset_by_default_files: ClassVar[tuple[str, ...]] = ()
    """Fields that such a file sets for other commands only."""

    origins: Mapping[str, str] = field(default_factory=dict, compare=False, repr=False, metadata={"origins": True})
    """Where each value came from that is not a default, by the names of the fields: for the reports, and never compared."""


def options_of(job: Options | type[Options]) -> Mapping[str, Option]:
    """The records of a job's options, by the names of their fields: its own first, then those of its groups."""
    kind: Any = job if isinstance(job, type) else type(job)  # to mypy, a class of these cannot be hashed
    return _options_of(kind)


@functools.cache  # a list of shots makes a job for each of thousands
def _options_of(job: type[Options]) -> Mapping[str, Option]:
    own = list(job.__annotations__)
    ordered = sorted(fields(job), key=lambda part: own.index(part.name) if part.name in own else len(own))
    return {part.name: part.metadata["option"] for part in ordered if "option" in part.metadata}


def arguments_of(job: Options | type[Options]) -> Mapping[str, Argument]:
    """The records of a job's arguments, by the names of their fields."""
    return {part.name: part.metadata["argument"] for part in fields(job) if "argument" in part.metadata}


def flag_of(name: str, record: Option) -> str:
    """The long flag of an option, such as "--style-weight"."""
    return record.flags[0] if record.flags else "--" + name.replace("_", "-")


def default_of(job: Options | type[Options], name: str) -> Any:
    """The default of an option."""
    return job.__dataclass_fields__[name].default


def is_given(job: Options, name: str) -> bool:
    """Whether an option has another value than its default."""
    return bool(getattr(job, name) != default_of(job, name))


def result_options(job: Options) -> dict[str, str]:
    """The options that a resumed run has to repeat, by their flags, each as text: times in seconds, however given."""
    records = options_of(job).items()
    values = {flag_of(name, record): getattr(job, name) for name, record in records if record.affects_result}
    return {flag: repr(value) if isinstance(value, float) else str(value) for flag, value in values.items()}


def shared_options(job: Options, other: type[Options]) -> dict[str, Any]:
    """The job's values of all fields that another kind of job has by the same name."""
    names = {part.name for part in fields(job)} & {part.name for part in fields(other)}
    return {name: getattr(job, name) for name in sorted(names)}


def check_value(flag: str, value: Any, record: Option) -> None:
    """Raises BadOption where the option does not take this value."""
    if value is None:
        return
    if value == "":
        raise BadOption(f"{flag} is an empty text", todo="leave it out")
    if record.choices and value not in record.choices:
        raise BadOption(f"{flag} {value!r} is unknown", ", ".join(record.choices))
    if record.parse is not None:
        record.parse(value)
    if isinstance(value, Schedule):
        for key in value.keys:
            for number in key.numbers:
                if not record.allows(number):
                    problem = f"{flag} {_number(number)} at the key {key.place} is out of range"
                    raise BadOption(problem, record.range or "a finite number")
    elif isinstance(value, (int, float)) and not isinstance(value, bool) and not record.allows(value):
        raise BadOption(f"{flag} {value} is out of range", record.range or "a finite number")


def type_hints(job: type[Options]) -> Mapping[str, Any]:
    """The types of a job's fields, by their names."""
    kind: Any = job
    return _type_hints(kind)


_type_hints = functools.cache(get_type_hints)


def path_fields(job: type[Options]) -> dict[str, Callable[[Any], Any]]:
    """What makes paths of the values that may be given as text, by the names of the fields that hold paths."""

    def kind(hint: Any) -> Callable[[Any], Any] | None:
        if hint is Path:
            return as_path
        if hint == tuple[Path, ...]:
            return lambda values: tuple(map(as_path, values))
        return (lambda value: None if value is None else as_path(value)) if Path in get_args(hint) else None

    kinds = {name: kind(hint) for name, hint in type_hints(job).items()}
    return {name: kind for name, kind in kinds.items() if kind is not None}


def command_line(command: str, job: Options) -> str:
    """The line for a POSIX shell that does a job again: its arguments, and the options that were given, wherever, or differ
    from their defaults."""
    words, origins = ["videostyle", command], getattr(job, "origins", {})
    for name in arguments_of(job):
        words += map(str, _as_tuple(getattr(job, name)))
    for name, record in options_of(job).items():
        flag, value = flag_of(name, record), getattr(job, name)
        if isinstance(value, bool) and (value or name in origins):
            words.append(flag if value else negated(flag))
        elif is_given(job, name) or (name in origins and value is not None):
            values = [value] if record.parts else [(part,) for part in _as_tuple(value)]
            words += [word for parts in values for word in (flag, *map(str, parts))]
    return shlex.join(words)


def negated(flag: str) -> str:
    """The flag that switches an option off which a variable or a file has switched on."""
    return f"--no-{flag.removeprefix('--')}"


def _number(value: float) -> str:
    return str(int(value) if math.isfinite(value) and value == int(value) else value)


def _as_tuple(value: Any) -> tuple[Any, ...]:
    return value if isinstance(value, tuple) else (value,)


def resolved(
    job: type[Options], schedules: Mapping[str, Schedule], timeline: Timeline, turns: int = 0
) -> dict[str, Curve]:
    """The schedules of a job as values over the seconds of a clip, by the names of their fields.

    turns: the number of styles where each shot has one of them in turn, as a mix. Raises BadOption, which names the key.
    """
    curves = {name: schedule.resolved(job.flag(name), timeline) for name, schedule in schedules.items()}
    return curves | ({"mix": timeline.taking_turns(turns)} if turns else {})


def switch(variable: str, default: bool) -> bool:
    """Whether an environment variable is on (1, true, yes, on) or off (anything else); the default where it is not set."""
    text = os.environ.get(variable, "").strip().lower()
    return text in ("1", "true", "yes", "on") if text else default
