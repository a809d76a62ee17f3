"""Typer commands made from jobs: every argument and option of a command is a field of its job."""

from __future__ import annotations

import inspect
import os
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any, TypeVar, get_args, get_origin, get_type_hints

import typer
from typer.core import TyperCommand, TyperGroup

from videostyle.cli.config_file import NAME, tables_for, values_of
from videostyle.cli.messages import say
from videostyle.cli.origins import PREFIX, lines_on_files, naming_origins, origins_of, variable_of
from videostyle.config import ExportJob, Job, MeasureJob, ShotsJob, TrainJob, WebcamJob
from videostyle.errors import BadOption
from videostyle.options import (
    ConfigurableOptions,
    Option,
    Options,
    arguments_of,
    default_of,
    flag_of,
    negated,
    options_of,
)
from videostyle.sheet_job import SheetJob

AnyJob = TypeVar("AnyJob", bound=Options)

JOBS = (Job, SheetJob, MeasureJob, WebcamJob, TrainJob, ShotsJob, ExportJob)
"""The jobs of all commands: a variable may be meant for another one than is called."""

SWITCHES = ("VIDEOSTYLE_DEBUG", "VIDEOSTYLE_FAST")
"""Variables that are no options."""

METAVARS = {int: "N", float: "X", str: "TEXT", Path: "FILE"}


def not_required(context: typer.Context, config: str | None) -> str | None:
    """Lets the arguments be left out where a file may set them."""
    for param in context.command.params:
        param.required = param.required and config is None
    return config


CONFIG = typer.Option(
    "--config",
    help="Read options and presets from this TOML file alone.",
    metavar="FILE",
    rich_help_panel="Output",
    show_default=f"{NAME} beside the input and in the user's own folder",
    envvar="VIDEOSTYLE_CONFIG",
    show_envvar=False,
    is_eager=True,
    callback=not_required,
)

QUIET = typer.Option(
    "--quiet",
    help="Print errors only.",
    rich_help_panel="Output",
    show_default=False,
    envvar="VIDEOSTYLE_QUIET",
    show_envvar=False,
)


def without_value(params: list[Any]) -> list[Any]:
    """The parameters; the help of flags such as --help shows no type of a value, which they do not take."""
    for param in params:
        if getattr(param, "is_flag", False):
            param.metavar = ""
    return params


class Command(TyperCommand):
    """A command whose help shows flags without a value."""

    def get_params(self, ctx: Any) -> list[Any]:
        return without_value(super().get_params(ctx))

    def format_help(self, ctx: Any, formatter: Any) -> None:
        for param in self.params:
            param.secondary_opts = []  # the --no- forms would double the width of the names
        super().format_help(ctx, formatter)


class CommandGroup(TyperGroup):
    """The same for the program itself."""

    def get_params(self, ctx: Any) -> list[Any]:
        return without_value(super().get_params(ctx))


def command(app: typer.Typer, name: str, job: type[AnyJob]) -> Callable[[Callable[[AnyJob, bool, Any], int]], None]:
    """Registers a function (job, quiet, commands) -> exit code as the command that makes this job.

    Typer reads the parameters of a command from the function's signature. A job has up to thirty options, which are described
    in the jobs and nowhere else, so that the signature is not written but built from them, here and for all commands.
    """

    def register(function: Callable[[AnyJob, bool, Any], int]) -> None:
        def run(context: typer.Context, **values: Any) -> int:
            quiet, config = values.pop("quiet"), values.pop("config", None)
            tell: Callable[[str], None] = (lambda line: None) if quiet else say
            for variable in unknown_variables(os.environ, JOBS):
                tell(f"note: {variable} in the environment is not an option of videostyle and is ignored")
            origins = origins_of(values, context)
            if issubclass(job, ConfigurableOptions):
                tables = tables_for(job, config, values, context.obj.user_folder, JOBS)
                for key, found in values_of(job, tables, {name: values[name] for name in origins}).items():
                    values[key], origins[key] = found.value, found.place
                check_arguments(job, values, config)
                for line in lines_on_files(origins, tables):
                    tell(line)
                values["origins"] = origins
            with naming_origins(job, origins):
                return function(job(**values), quiet, context.obj)

        run.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
            [
                inspect.Parameter("context", inspect.Parameter.POSITIONAL_OR_KEYWORD, annotation=typer.Context),
                *parameters_of(job),
                *([keyword("config", Path | None, CONFIG, None)] if issubclass(job, ConfigurableOptions) else []),
                keyword("quiet", bool, QUIET, False),
            ]
        )
        app.command(name, cls=Command, help=help_text(inspect.getdoc(function) or "", job))(run)

    return register


def keyword(name: str, hint: Any, option: Any, default: Any) -> inspect.Parameter:
    """A parameter of a command that is no field of its job."""
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=Annotated[hint, option])


def check_arguments(job: type[Options], values: Mapping[str, Any], config: Path | None) -> None:
    """Raises BadOption where an argument is neither on the command line nor in the file of --config."""
    for name, argument in arguments_of(job).items():
        if values[name] in (None, []):
            todo = f"name it on the command line, or set {name} in {config}"
            raise BadOption(f"no {argument.name} was given", todo=todo)


def help_text(text: str, job: type[Options]) -> str:
    """The description of a command, with a paragraph on each of its arguments."""
    return "\n\n".join([text, *(f"{argument.name}: {argument.help}" for argument in arguments_of(job).values())])


def parameters_of(job: type[Options]) -> list[inspect.Parameter]:
    """The fields of a job as the parameters of a command: the arguments, then the options."""
    types, arguments = get_type_hints(job), arguments_of(job)
    return [
        inspect.Parameter(
            name,
            inspect.Parameter.KEYWORD_ONLY,
            # the table of arguments would call STYLE a <list[Path]>; the command's description says more
            annotation=Annotated[
                _as_list(types[name]),
                typer.Argument(metavar=argument.name, hidden=True, path_type=path_type_of(types[name])),
            ],
        )
        for name, argument in arguments.items()
    ] + [
        inspect.Parameter(
            name,
            inspect.Parameter.KEYWORD_ONLY,
            default=_as_list_value(default_of(job, name)),
            annotation=Annotated[
                _written(types[name], record), option_of(name, record, types[name], default_of(job, name))
            ],
        )
        for name, record in options_of(job).items()
    ]


def option_of(name: str, record: Option, hint: Any, default: Any) -> Any:
    """The option as typer shows it. Values are checked by the job, from Python and from the command line alike."""
    flags = record.flags or (flag_of(name, record),)
    return typer.Option(
        *([f"{flag}/{negated(flag)}" for flag in flags] if hint is bool else flags),
        help=f"{record.help} {record.range.capitalize()}." if record.range else record.help,
        metavar=metavar_of(record, hint),
        envvar=None if record.renamed else variable_of(name),
        hidden=bool(record.renamed),
        show_envvar=False,
        path_type=path_type_of(hint),
        rich_help_panel=record.panel,
        show_default=record.default_text or (default is not None and not isinstance(default, (bool, tuple))),
        autocompletion=(lambda incomplete: [choice for choice in record.choices if choice.startswith(incomplete)])
        if record.choices
        else None,
    )


def path_type_of(hint: Any) -> type[str] | None:
    """Paths come as they were written, so that the job can tell an address or an empty name from a path; None for others."""
    return str if Path in {hint, *get_args(hint)} else None


def metavar_of(record: Option, hint: Any) -> str:
    """What stands for the value: its choices, or a word for its type; nothing where the option is a flag."""
    kinds = {hint, *get_args(hint)}
    return (
        record.metavar
        or " ".join(record.parts)
        or "|".join(record.choices)
        or next((word for kind, word in METAVARS.items() if kind in kinds), "")
    )


def unknown_variables(environment: Mapping[str, str], jobs: Iterable[type[Options]]) -> list[str]:
    """The names of the variables that begin with VIDEOSTYLE_ and are no option of any of the commands."""
    known = {variable_of(name) for job in jobs for name in options_of(job)} | {variable_of("quiet"), *SWITCHES}
    return sorted(name for name in environment if name.startswith(PREFIX) and name not in known)


def _written(hint: Any, record: Option) -> Any:
    """The type in which typer takes a value: text where the job converts it."""
    if record.parts:
        return tuple[tuple(str for _ in record.parts)] | None  # type: ignore[misc]
    if record.convert is None or get_origin(hint) is tuple:
        return _as_list(hint)
    return str | None if type(None) in get_args(hint) else str


def _as_list(hint: Any) -> Any:
    """The type in typer's terms, where a value that may be repeated is a list."""
    return list[get_args(hint)[0]] if get_origin(hint) is tuple else hint  # type: ignore[misc]


def _as_list_value(default: Any) -> Any:
    return list(default) if isinstance(default, tuple) else default
