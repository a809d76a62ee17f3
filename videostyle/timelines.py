"""Cuts from an editing program's timeline: EDL (CMX 3600) and OTIO, read by OpenTimelineIO, the extra `timeline`."""

from __future__ import annotations

from fractions import Fraction
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from videostyle.errors import BadInput, BadOption, MissingModel

SUFFIXES = {".edl": "cmx_3600", ".otio": "otio_json"}
"""Of the files that are read, with OpenTimelineIO's names of their formats."""

ROUNDING = 0.01
"""Frames a second by which a clip's rate may differ from one that timecodes are defined for."""


def check_library(path: Path) -> None:
    """Raises MissingModel where OpenTimelineIO, or what it needs to read the file, is not installed."""
    needed = ["opentimelineio", *(["otio_cmx3600_adapter"] if path.suffix.lower() == ".edl" else [])]
    if not all(map(find_spec, needed)):
        problem = f"--shots {path} is read by OpenTimelineIO, which is not installed"
        raise MissingModel(problem, todo="install it with `pip install opentimelineio otio-cmx3600-adapter`")


def cuts_in(path: Path, rate: Fraction) -> list[int]:
    """The frames, from 0, at which something else is shown on a timeline's video tracks, 0 among them.

    rate: frames a second of the clip that was made from it. Raises MissingModel, BadOption where timecodes are not defined for
    the rate, and BadInput where the file is no timeline.
    """
    check_library(path)
    import opentimelineio as otio

    kind = SUFFIXES[path.suffix.lower()]
    options = {"rate": timecode_rate(path, rate)} if path.suffix.lower() == ".edl" else {}
    try:
        timeline = otio.adapters.read_from_file(str(path), kind, **options)
        track = otio.algorithms.flatten_stack(timeline.video_tracks())
        starts = [item.range_in_parent().start_time for item in track if isinstance(item, otio.core.Item)]
    except Exception as error:  # of many kinds, from parsers and from timelines that contradict themselves
        raise BadInput(f"--shots {path} cannot be read as a timeline: {error}", todo="export it again") from error
    if not starts:
        raise BadInput(f"--shots {path} has no video track with clips", todo="export the timeline of the film")
    return sorted({round(seconds(start) * rate) for start in starts})


def timecode_rate(path: Path, rate: Fraction) -> float:
    """The rate at which the timecodes of an EDL for a clip of this rate count. Raises BadOption where there is none."""
    import opentimelineio as otio

    nearest = otio.opentime.RationalTime.nearest_smpte_timecode_rate(float(rate))
    if abs(nearest - rate) > ROUNDING:
        problem = f"--shots {path} counts frames by timecode, which does not exist for {float(rate):g} frames a second"
        raise BadOption(problem, todo="give the timeline as .otio, or a list that `videostyle shots` writes")
    return nearest


def seconds(time: Any) -> Fraction:
    """A time of OpenTimelineIO, exactly where its rate is one of NTSC's."""
    rate = Fraction(time.rate).limit_denominator(1001)
    return Fraction(time.value) / rate
