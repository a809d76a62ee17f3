"""The command line in this process, and in a process of its own that gets a signal."""

from __future__ import annotations

import signal
import subprocess
import sys

import pytest

from videostyle.cli.main import Commands, main


def run_command(*arguments: object, commands: Commands | None = None) -> int:
    """Runs the program in this process and returns its exit code."""
    with pytest.raises(SystemExit) as left:
        main([str(argument) for argument in arguments], commands)
    return int(left.value.code or 0)


def start_python(*arguments: str) -> subprocess.Popen[str]:
    """Python in a process of its own, with both outputs as pipes, that is stopped by SIGINT and SIGTERM.

    A test run that was started in the background hands down an ignored SIGINT, which the program rightly respects.
    """

    def listen() -> None:
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.SIG_DFL)

    pipe = subprocess.PIPE
    return subprocess.Popen([sys.executable, *arguments], stdout=pipe, stderr=pipe, text=True, preexec_fn=listen)
