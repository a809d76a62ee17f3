"""`videostyle run` as users run it, in a process of its own."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path


def run_command(clip: Path, style: Path, output: Path, *options: object) -> dict:
    """Stylize a clip; return the report of the run, which is kept beside the output."""
    report = output.with_suffix(".json")
    command = ["run", clip, style, "-o", output, "--report", report, "--overwrite", "--restart", "--quiet", *options]
    subprocess.run([sys.executable, "-m", "videostyle", *map(str, command)], check=True)
    return json.loads(report.read_text())
