"""Writes docs/options.md from the records of the options: `python tools/options_page.py`, or `make options`."""

from __future__ import annotations

from pathlib import Path

from videostyle.config import ExportJob, Job, MeasureJob, ShotsJob, TrainJob, WebcamJob
from videostyle.options import LEARNED, MODEL, OPTIMIZE, Option, Options, arguments_of, default_of, flag_of, options_of
from videostyle.sheet_job import SheetJob

PAGE = Path(__file__).parents[1] / "docs" / "options.md"

COMMANDS: dict[str, type[Options]] = {
    "run": Job,
    "sheet": SheetJob,
    "measure": MeasureJob,
    "webcam": WebcamJob,
    "train": TrainJob,
    "shots": ShotsJob,
    "export": ExportJob,
}

HEAD = """<!-- made by tools/options_page.py from videostyle/config.py; `make options` makes it again -->

# Options

Every option of every command, with its range and default, as `--help` shows them. The commands `info FILE` and `doctor` have
none. From Python, the options are the fields of the command's job: `--style-weight` is `style_weight`.

An option that would have no effect is refused, and the message says why. `--quiet`, which every command here has, prints
errors only. `run`, `sheet`, `measure` and `train` take `--config FILE`, a [config file](controls.md#a-config-file); its keys
are the names of the fields. A flag that a file or a variable has switched on is switched off by its `--no-` form.
"""

NOT_WITH = {LEARNED: "`--engine learned`", MODEL: "a style model"}


def page() -> str:
    """The text of the page."""
    return "\n".join([HEAD, *(section(command, job) for command, job in COMMANDS.items())])


def section(command: str, job: type[Options]) -> str:
    """A command: its usage, its arguments, and a table for each panel of options."""
    arguments = arguments_of(job).items()
    names = [argument.name + (" ..." if name == "styles" else "") for name, argument in arguments]
    lines = [f"## {command}", "", f"`videostyle {command} [OPTIONS] {' '.join(names)}`", ""]
    lines += [f"- `{argument.name}`: {argument.help}" for _, argument in arguments]
    panels: dict[str, list[str]] = {}
    for name, record in options_of(job).items():
        if record.renamed:
            continue
        panels.setdefault(record.panel, []).append(row(job, name, record))
    for panel, rows in panels.items():
        lines += ["", f"**{panel}**", "", "| option | | values | default |", "|---|---|---|---|", *rows]
    return "\n".join([*lines, ""])


def row(job: type[Options], name: str, record: Option) -> str:
    """An option as a row: flags, help, values, default."""
    flags = ", ".join(f"`{flag}`" for flag in record.flags or [flag_of(name, record)])
    values = ", ".join(f"`{choice}`" for choice in record.choices) or record.range
    cells = flags, " ".join([record.help, *restrictions(job, record)]), values, default_text(job, name, record)
    return f"| {' | '.join(cells)} |"


def restrictions(job: type[Options], record: Option) -> list[str]:
    """Where the option has an effect, as sentences; nothing where it always has."""
    sentences = []
    if (
        job is Job
        and record.heeded_by(OPTIMIZE)
        and (unheeding := [text for engine, text in NOT_WITH.items() if not record.heeded_by(engine)])
    ):
        sentences.append(f"Not with {' or '.join(unheeding)}.")
    if job is SheetJob and not record.heeded_by(MODEL):
        sentences.append("Not with a style model.")
    if job is WebcamJob and not record.heeded_by(MODEL):
        sentences.append("Not where all styles are style models.")
    if record.requires:
        sentences.append(f"Only with `{job.flag(record.requires)}`.")
    if record.excludes:
        sentences.append(f"Not with `{job.flag(record.excludes)}`.")
    return sentences


def default_text(job: type[Options], name: str, record: Option) -> str:
    """The default in words, or its value; "off" for a flag."""
    value = default_of(job, name)
    if record.default_text or value in (None, ()):
        return record.default_text or "none"
    if isinstance(value, bool):
        return "off"
    return f"`{value:g}`" if isinstance(value, float) else f"`{value}`"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
