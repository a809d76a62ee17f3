"""The command a user would run, in a process of its own."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path


def painted(clip: Path, style: Path, output: Path, *options: object) -> dict:
    """Paints a clip and returns the run's report, which stays beside the output."""
    report = output.with_suffix(".json")
    command = ["run", clip, style, "-o", output, "--report", report, "--overwrite", "--restart", "--quiet", *options]
    subprocess.run([sys.executable, "-m", "videostyle", *map(str, command)], check=True)
    return json.loads(report.read_text())
