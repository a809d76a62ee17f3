"""The shots that `--shots` gives for a clip."""

from __future__ import annotations

from pathlib import Path

from videostyle.errors import BadInput, BadOption
from videostyle.frames import VideoInfo
from videostyle.media.image_sources import FOLDER_RATE
from videostyle.option_values import parse_rate
from videostyle.shot_files import ShotTable, is_timeline, read_shots, shots_of_timeline


def shot_tables(path: Path | None, clip: Path, info: VideoInfo, fps: str | None) -> tuple[ShotTable, ...]:
    """The shots in a file, in order; none without one. fps: as given. Raises BadInput, BadOption and MissingModel."""
    if path is None:
        return ()
    if not is_timeline(path):
        return read_shots(path)
    if info.kind == "video" and fps:
        problem = f"--shots {path} counts all frames of a clip and cannot go with --fps {fps}"
        raise BadOption(problem, todo="leave --fps out, or give a list that `videostyle shots` writes")
    rate = info.rate if info.kind == "video" else parse_rate(fps) or FOLDER_RATE
    if rate is None:
        problem = f"--shots {path} needs the clip's frame rate, and {clip} claims none"
        raise BadInput(problem, todo="give a list that `videostyle shots` writes")
    return shots_of_timeline(path, rate)
