"""`list_shots(job)`: finds the shots of a clip and writes them as tables to edit, with a contact sheet beside them."""

from __future__ import annotations

import io
import threading
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from videostyle.analysis import ShotList, analyze
from videostyle.config import ShotsJob
from videostyle.errors import BadInput
from videostyle.events import Analyzing, Event, Progress
from videostyle.media.sources import Source, open_source, skipped_lines
from videostyle.media.workdir import write_atomically
from videostyle.option_groups import SelectionOptions
from videostyle.reports.thumbnails import display_size, opaque
from videostyle.shot_files import ListedShot, shots_text, timecode
from videostyle.shots.contact_sheet import ContactSheet, shown_frames

JPEG_QUALITY = 88


@dataclass(frozen=True)
class ShotListing:
    """The shots of a clip, as they were written."""

    output: Path
    """The list (.toml)."""
    contact_sheet: Path
    """The picture of them."""
    shots: tuple[ListedShot, ...]


def list_shots(
    job: ShotsJob, progress: Callable[[Event], None] | None = None, cancel: threading.Event | None = None
) -> ShotListing:
    """Find the shots of a clip; write their list, and a picture with the first, the middle and the last frame of each.

    progress, cancel: as for a run. Raises BadInput where the clip cannot be read, and OSError where nothing can be written.
    """
    events = Progress(progress, cancel)
    with closing(open_source(job.input, job)) as source:
        shots = analyze(source, SelectionOptions(), lambda count: events(Analyzing(count)))
        listed, sheet = drawn(source, shots, events)
        for line in (*source.info.notices, *skipped_lines(source)):
            events.notice(line)
    assert job.output is not None
    jpeg = io.BytesIO()
    sheet.picture.save(jpeg, "JPEG", quality=JPEG_QUALITY)
    write_atomically(job.contact_sheet, jpeg.getvalue())
    text = shots_text(job.input.name, job.output.name, listed)
    write_atomically(job.output, text.encode("utf-8", "replace"))
    return ShotListing(job.output, job.contact_sheet, listed)


def drawn(source: Source, shots: ShotList, events: Progress) -> tuple[tuple[ListedShot, ...], ContactSheet]:
    """The shots of a whole source, and their contact sheet. Their frames are read once more: where a shot's middle is, is not
    known before its end."""
    starts = sorted(shots.starts)
    extents = list(zip(starts, [*(start - 1 for start in starts[1:]), shots.count - 1], strict=True))
    sheet = ContactSheet(display_size(source.info), len(extents))
    numbers: dict[int, int] = {}
    with closing(source.frames(sheet.frame_size)) as frames:
        for frame in frames:
            events(Analyzing(frame.index + 1))
            shot = shots.shot_of(frame.index) - 1
            for place, ordinal in enumerate(shown_frames(*extents[shot])):
                if frame.index == ordinal:
                    numbers[ordinal] = frame.number
                    sheet.show(shot, place, opaque(frame.image, frame.alpha))
    if not numbers.keys() >= {ordinal for extent in extents for ordinal in extent}:
        raise BadInput(
            f"{source.path} ended early: it has changed since its shots were found", todo="repeat the command"
        )
    times = [time - shots.origin for time in shots.times]
    listed = tuple(
        ListedShot(number, numbers[first], numbers[last], times[first], times[last])
        for number, (first, last) in enumerate(extents, 1)
    )
    for shot, each in enumerate(listed):
        sheet.label(shot, f"{each.number}   {timecode(each.begin)}   frames {each.first} to {each.last}")
    return listed, sheet
