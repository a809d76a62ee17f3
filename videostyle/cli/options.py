"""Typer commands made from jobs: every argument and option of a command is a field of its job."""

from __future__ import annotations

import inspect
import os
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any, TypeVar, get_args, get_origin, get_type_hints

import typer
from typer.core import TyperCommand, TyperGroup

from videostyle.cli.messages import say
from videostyle.config import ExportJob, Job, MeasureJob, TrainJob, WebcamJob
from videostyle.errors import BadOption
from videostyle.options import Option, Options, arguments_of, default_of, flag_of, options_of

AnyJob = TypeVar("AnyJob", bound=Options)

PREFIX = "VIDEOSTYLE_"
"""What the names of this program's environment variables begin with."""

JOBS = (Job, MeasureJob, WebcamJob, TrainJob, ExportJob)
"""The jobs of all commands: a variable may be meant for another one than is called."""

SWITCHES = ("VIDEOSTYLE_DEBUG", "VIDEOSTYLE_FAST")
"""Variables that are no options."""

METAVARS = {int: "N", float: "X", str: "TEXT", Path: "FILE"}

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
            quiet = values.pop("quiet")
            if not quiet:
                for variable in unknown_variables(os.environ, JOBS):
                    say(f"note: {variable} in the environment is not an option of videostyle and is ignored")
            return function(made(job, values, context), quiet, context.obj)

        run.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
            [
                inspect.Parameter("context", inspect.Parameter.POSITIONAL_OR_KEYWORD, annotation=typer.Context),
                *parameters_of(job),
                inspect.Parameter(
                    "quiet", inspect.Parameter.KEYWORD_ONLY, default=False, annotation=Annotated[bool, QUIET]
                ),
            ]
        )
        app.command(name, cls=Command, help=help_text(inspect.getdoc(function) or "", job))(run)

    return register


def made(job: type[AnyJob], values: dict[str, Any], context: typer.Context) -> AnyJob:
    """The job. Raises BadOption, which names the environment variables that gave options, as they may be forgotten."""
    try:
        return job(**values)
    except BadOption as error:
        sources = {name: context.get_parameter_source(name) for name in values}
        variables = [variable_of(name) for name, source in sources.items() if source and source.name == "ENVIRONMENT"]
        if not variables:
            raise
        raise BadOption(str(error), todo=f"the environment sets {', '.join(variables)}") from error


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
    return typer.Option(
        *(record.flags or [flag_of(name, record)]),
        help=f"{record.help} {record.range.capitalize()}." if record.range else record.help,
        metavar=metavar_of(record, hint),
        envvar=variable_of(name),
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
        or "|".join(record.choices)
        or next((word for kind, word in METAVARS.items() if kind in kinds), "")
    )


def variable_of(name: str) -> str:
    """The environment variable that gives an option its default, such as VIDEOSTYLE_SIZE."""
    return f"{PREFIX}{name.upper()}"


def unknown_variables(environment: Mapping[str, str], jobs: Iterable[type[Options]]) -> list[str]:
    """The names of the variables that begin with VIDEOSTYLE_ and are no option of any of the commands."""
    known = {variable_of(name) for job in jobs for name in options_of(job)} | {variable_of("quiet"), *SWITCHES}
    return sorted(name for name in environment if name.startswith(PREFIX) and name not in known)


def _written(hint: Any, record: Option) -> Any:
    """The type in which typer takes a value: text where the job converts it."""
    if record.convert is None:
        return _as_list(hint)
    return str | None if type(None) in get_args(hint) else str


def _as_list(hint: Any) -> Any:
    """The type in typer's terms, where a value that may be repeated is a list."""
    return list[get_args(hint)[0]] if get_origin(hint) is tuple else hint  # type: ignore[misc]


def _as_list_value(default: Any) -> Any:
    return list(default) if isinstance(default, tuple) else default
