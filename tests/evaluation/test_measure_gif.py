"""Measuring a GIF that lacks frames of its source."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import pytest

from tests.support.clips import make_clip
from tests.support.panning import measured, pan
from videostyle.media.encoding import lossless_encoder
from videostyle.media.sinks import open_sink
from videostyle.media.sources import open_source
from videostyle.media.workdir import WorkFolder


@pytest.mark.usefixtures("small_networks")
def test_frames_are_compared_by_time(tmp_path: Path) -> None:
    """At 100 frames a second a GIF has every second one, and each is compared with its own source frame."""
    clip = make_clip(tmp_path / "in.mkv", pan(8), rate=100, time_base=Fraction(1, 100), codec="ffv1", pix_fmt="bgr0")
    source = open_source(clip)
    with WorkFolder(tmp_path / "out.gif") as work:
        sink = open_sink(work.output, work, clip, source.info, source.info.size, None, None, lossless_encoder(False))
        for frame in source.frames():
            sink.write(frame)
        sink.finish()
        work.remove()
    result = measured(clip, tmp_path / "out.gif", clip.with_name("in.mkv@0"))
    assert [frame.index for frame in result.frames] == [0, 2, 4, 6]
    assert any("4: each is compared with the frame of its time" in notice for notice in result.notices)
    assert result.summary["ssim"] > 0.9
