"""The contract of sinks, for every kind of output."""

from __future__ import annotations

import gc
import shutil
import weakref
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import pytest

from tests.support.clips import Tone, gradient, make_clip
from tests.support.outputs import SINK_RATE, SINK_SIZE, frame_times, opened_sink
from videostyle.errors import RunFailed
from videostyle.frames import Frame
from videostyle.media.workdir import WorkFolder

VIDEOS = ["out.mp4", "out.mov", "out.mkv", "out.webm"]
OUTPUTS = [*VIDEOS, "out.gif", "out.apng", "out", "out.png", "out.jpg", "out.tif", "out.webp"]


@pytest.fixture(scope="module")
def clip(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("source")
    return make_clip(folder / "clip.mp4", [gradient(*SINK_SIZE, step=i) for i in range(3)], tones=[Tone(seconds=0.1)])


def stylized(output: Path) -> list[Frame]:
    count = 1 if output.suffix in (".png", ".jpg", ".tif", ".webp") else 3
    return [
        Frame(gradient(*SINK_SIZE, step=90 * index), index, Fraction(index, SINK_RATE), Fraction(1, SINK_RATE))
        for index in range(count)
    ]


@pytest.fixture(params=OUTPUTS)
def output(request, tmp_path) -> Path:
    return tmp_path / request.param


def visible(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if not path.name.startswith("."))


def test_output_appears_when_finished(output, clip):
    """Until then only the preview shows the newest frame."""
    with WorkFolder(output) as work:
        sink = opened_sink(output, work, clip)
        assert sink.bits in (8, 16)
        assert all(isinstance(line, str) for line in sink.notices)
        for frame in stylized(output):
            sink.write(frame)
            assert visible(output.parent) == []
            shown = cv2.imread(str(work.preview))[..., ::-1]
            assert np.array_equal(shown, frame.image)
        sink.end_segment()
        assert visible(output.parent) == []
        sink.finish()
        work.remove()
    assert [path.name for path in output.parent.iterdir()] == [output.name]
    frames = stylized(output)
    if output.name in VIDEOS:
        assert [time for time, _ in frame_times(output)] == [frame.time for frame in frames]
    elif output.suffix:
        assert cv2.imread(str(output)).shape == (*SINK_SIZE, 3)
    else:
        assert visible(output) == ["000001.png", "000002.png", "000003.png", "timestamps.txt"]


def test_abort(output, clip):
    """Nothing is left but the work folder."""
    with WorkFolder(output) as work:
        sink = opened_sink(output, work, clip)
        sink.write(stylized(output)[0])
        sink.abort()
    assert [path.name for path in output.parent.iterdir()] == [work.path.name]


def test_existing_output_is_replaced_at_the_end(output, clip):
    """Until then it is unchanged; other files in a folder are kept."""
    if output.suffix:
        output.write_bytes(b"old")
    else:
        output.mkdir()
        (output / "000001.png").write_bytes(b"old")
        (output / "other.txt").write_bytes(b"not ours")
    old = output if output.suffix else output / "000001.png"
    with WorkFolder(output) as work:
        sink = opened_sink(output, work, clip)
        for frame in stylized(output):
            sink.write(frame)
        sink.end_segment()
        assert old.read_bytes() == b"old"
        sink.finish()
        assert old.read_bytes() != b"old"
    assert output.suffix or (output / "other.txt").read_bytes() == b"not ours"


def test_no_frame(output, clip):
    """Without a frame there is no output."""
    with WorkFolder(output) as work, pytest.raises(RunFailed, match="no frame was stylized"):
        opened_sink(output, work, clip).finish()
    assert visible(output.parent) == []


def test_work_folder_removed_before_write(output, clip):
    with WorkFolder(output) as work:
        sink = opened_sink(output, work, clip)
        shutil.rmtree(work.path)
        with pytest.raises(RunFailed, match=f"{output.name} could not be written: No such file") as caught:
            sink.write(stylized(output)[0])
        assert "\n" not in str(caught.value)
        sink.abort()
    assert list(output.parent.iterdir()) == []


def test_work_folder_removed_before_finish(output, clip):
    with WorkFolder(output) as work:
        sink = opened_sink(output, work, clip)
        for frame in stylized(output):
            sink.write(frame)
        shutil.rmtree(work.path)
        with pytest.raises(RunFailed, match=f"{output.name} could not be written"):
            sink.finish()
        sink.abort()
    assert list(output.parent.iterdir()) == []


def test_frames_are_released(output, clip):
    """No frame stays in memory after it was written."""
    with WorkFolder(output) as work:
        sink = opened_sink(output, work, clip)
        frame = stylized(output)[0]
        alive = weakref.ref(frame)
        sink.write(frame)
        del frame
        gc.collect()
        assert alive() is None


def test_16_bit_frames(output, clip):
    """Every sink accepts them, and keeps 16 bits where it says so."""
    with WorkFolder(output) as work:
        sink = opened_sink(output, work, clip)
        deep = (gradient(*SINK_SIZE).astype(np.uint16)) * 257
        sink.write(Frame(deep, 0, Fraction(0), Fraction(1, SINK_RATE)))
        sink.finish()
    path = output / "000001.png" if output.is_dir() else output
    if output.name not in VIDEOS:
        read = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)[..., ::-1]
        assert read.dtype == (np.uint16 if sink.bits == 16 else np.uint8)
        assert np.abs(read / (257.0 if sink.bits == 16 else 1.0) - gradient(*SINK_SIZE)).mean() < (
            4 if output.suffix == ".gif" else 1
        )
