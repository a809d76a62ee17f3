"""The options of a command, made from the fields of its job: nothing that config.py says is said again."""

from __future__ import annotations

import inspect
from dataclasses import Field, fields
from pathlib import Path
from typing import Any, get_args, get_origin, get_type_hints

import typer
from typer.core import TyperCommand

from videostyle.config import AnyJob

ARGUMENTS = {
    "input": ("INPUT", "A video, an image or a folder of numbered frames."),
    "styles": (
        "STYLE...",
        "The style: an image, or a style model (.vstyle). `run` mixes several images; in the webcam preview n and p switch.",
    ),
    "source": ("SOURCE", "What was painted: a video, an image or a folder of numbered frames."),
    "learned": ("FILE", "A learned painting (.vstyle)."),
    "output": ("OUTPUT", "What was painted from it, from the first frame of that part of SOURCE on."),
}

SHORT = {"output": ["-o"], "page": ["-o"]}


def parameters_of(job: type[AnyJob]) -> list[inspect.Parameter]:
    """The fields of a job as the parameters of a typer command: help, choices, range and panel as each field says."""
    types = get_type_hints(job)
    parameters = [
        inspect.Parameter(
            each.name,
            inspect.Parameter.KEYWORD_ONLY,
            default=option_of(each, types[each.name]) if each.metadata else argument_of(each.name),
            annotation=_command_type(types[each.name]),
        )
        for each in fields(job)
    ]
    quiet = typer.Option(False, "--quiet", help="Print errors only.", rich_help_panel="Output", show_default=False)
    return [*parameters, inspect.Parameter("quiet", inspect.Parameter.KEYWORD_ONLY, default=quiet, annotation=bool)]


def argument_of(name: str) -> Any:
    metavar, help = ARGUMENTS[name]
    return typer.Argument(..., metavar=metavar, help=help, show_default=False)


def option_of(each: Field[Any], type_: Any) -> Any:
    flags = ["--" + each.name.replace("_", "-"), *SHORT.get(each.name, [])]
    default = list(each.default) if isinstance(each.default, tuple) else each.default
    return typer.Option(
        default,
        *flags,
        help=help_of(each),
        metavar=_metavar(each, type_),
        rich_help_panel=each.metadata["panel"],
        show_default=False,  # help_of says it, in the words of the field
    )


def help_of(each: Field[Any]) -> str:
    """The field's help with its range and default, such as "Stroke size. [0.1 to 10.0; default: 1.0]"."""
    low, high, default = each.metadata["low"], each.metadata["high"], each.metadata["default_text"]
    notes = []
    if low is not None:
        notes.append(f"{low} to {high}" if high is not None else f"{low} or more")
    if default or not (each.default in (None, ()) or isinstance(each.default, bool)):
        notes.append(f"default: {default or each.default}")
    return each.metadata["help"] + (f" [{'; '.join(notes)}]" if notes else "")


def _command_type(type_: Any) -> Any:
    """Typer knows a repeated value as a list."""
    return list[get_args(type_)[0]] if get_origin(type_) is tuple else type_  # type: ignore[misc]


def _metavar(each: Field[Any], type_: Any) -> str | None:
    if each.metadata["choices"]:
        return "|".join(each.metadata["choices"])
    kinds = {type_, *get_args(type_)}
    names = {bool: None, Path: "FILE", int: "N", float: "X", str: "TEXT"}
    return next(name for kind, name in names.items() if kind in kinds)


class PanelCommand(TyperCommand):
    """A command whose plain help shows its options under the headings of their panels."""

    def format_options(self, ctx: Any, formatter: Any) -> None:
        panels: dict[str, list[tuple[str, str]]] = {}
        for parameter in self.get_params(ctx):
            fallback = "Arguments" if parameter.param_type_name == "argument" else "Options"
            record = parameter.get_help_record(ctx)
            if record:
                panels.setdefault(getattr(parameter, "rich_help_panel", None) or fallback, []).append(record)
        for panel, records in panels.items():
            with formatter.section(panel):
                formatter.write_dl(records)
