"""Several clips, stylized one after another: one that fails does not stop the others, and a summary ends them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from videostyle.checks import is_done
from videostyle.cli.kept import stylized
from videostyle.cli.messages import counted, failure, say, say_failure, spoken
from videostyle.config import Job


def stylize_all(jobs: list[Job], quiet: bool, stylize: Callable[..., Any]) -> int:
    """Runs the jobs in order; those whose output is there are skipped. Returns 0, or 1 where one failed.

    stylize: called with a job, a listener and an event that asks it to stop. A signal ends all, with its exit code.
    """
    outcomes = []
    for number, job in enumerate(jobs, 1):
        if not quiet:
            say(f"clip {number} of {len(jobs)}: {job.input}")
        outcomes.append(outcome(job, quiet, stylize))
    if not quiet:
        for state, text in outcomes:
            say(f"{state:<7}  {text}")
    return 1 if any(state == "failed" for state, _ in outcomes) else 0


def outcome(job: Job, quiet: bool, stylize: Callable[..., Any]) -> tuple[str, str]:
    """Runs one of several jobs; "done", "skipped" or "failed", and a line about it for the summary."""
    try:
        if is_done(job):
            return "skipped", f"{job.output} is there already; --overwrite makes it again"
        report = stylized(stylize, job, quiet)
    except Exception as error:
        why = failure(error)[0]
        name = "" if str(job.input) in why else f"{job.input}: "
        say_failure(error, f"error: {name}".removesuffix(": "))
        return "failed", name + why
    return "done", f"{report.output}: {counted(len(report.frames), 'frame')} in {spoken(report.seconds)}"
