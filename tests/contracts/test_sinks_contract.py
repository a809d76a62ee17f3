"""What every sink keeps, wherever the frames go."""

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
from tests.support.outputs import shown_times
from videostyle.errors import RunFailed
from videostyle.frames import Frame, VideoInfo
from videostyle.media.sinks import Sink, open_sink
from videostyle.media.workdir import WorkFolder

SIZE = (36, 64)
RATE = 25
VIDEOS = ["out.mp4", "out.mov", "out.mkv", "out.webm"]
OUTPUTS = [*VIDEOS, "out", "out.png", "out.jpg", "out.tif", "out.webp"]


@pytest.fixture(scope="module")
def clip(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("source")
    return make_clip(folder / "clip.mp4", [gradient(*SIZE, step=i) for i in range(3)], tones=[Tone(seconds=0.1)])


def painted(output: Path) -> list[Frame]:
    count = 1 if output.suffix in (".png", ".jpg", ".tif", ".webp") else 3
    return [
        Frame(gradient(*SIZE, step=90 * index), index, Fraction(index, RATE), Fraction(1, RATE))
        for index in range(count)
    ]


def opened(output: Path, work: WorkFolder, clip: Path) -> Sink:
    info = VideoInfo("video", SIZE, time_base=Fraction(1, 12800), rate=Fraction(RATE))
    return open_sink(output, work, clip, info, SIZE, None, None)


@pytest.fixture(params=OUTPUTS)
def output(request, tmp_path) -> Path:
    return tmp_path / request.param


def visible(folder: Path) -> list[str]:
    return sorted(each.name for each in folder.iterdir() if not each.name.startswith("."))


def test_the_output_appears_only_when_it_is_finished(output, clip):
    with WorkFolder(output) as work:
        sink = opened(output, work, clip)
        assert sink.bits in (8, 16)
        assert all(isinstance(line, str) for line in sink.notices)
        for frame in painted(output):
            sink.write(frame)
            assert visible(output.parent) == []
            shown = cv2.imread(str(work.preview))[..., ::-1]
            assert np.array_equal(shown, frame.image)
        sink.end_segment()
        assert visible(output.parent) == []
        sink.finish()
        work.remove()
    assert [each.name for each in output.parent.iterdir()] == [output.name]
    frames = painted(output)
    if output.name in VIDEOS:
        assert [time for time, _ in shown_times(output)] == [frame.time for frame in frames]
    elif output.suffix:
        assert cv2.imread(str(output)).shape == (*SIZE, 3)
    else:
        assert visible(output) == ["000001.png", "000002.png", "000003.png", "timestamps.txt"]


def test_giving_up_leaves_nothing_but_the_work_folder(output, clip):
    with WorkFolder(output) as work:
        sink = opened(output, work, clip)
        sink.write(painted(output)[0])
        sink.abort()
    assert [each.name for each in output.parent.iterdir()] == [work.path.name]


def test_what_was_there_stays_until_the_end(output, clip):
    if output.suffix:
        output.write_bytes(b"old")
    else:
        output.mkdir()
        (output / "000001.png").write_bytes(b"old")
        (output / "other.txt").write_bytes(b"not ours")
    old = output if output.suffix else output / "000001.png"
    with WorkFolder(output) as work:
        sink = opened(output, work, clip)
        for frame in painted(output):
            sink.write(frame)
        sink.end_segment()
        assert old.read_bytes() == b"old"
        sink.finish()
        assert old.read_bytes() != b"old"
    assert output.suffix or (output / "other.txt").read_bytes() == b"not ours"


def test_without_a_frame_there_is_no_output(output, clip):
    with WorkFolder(output) as work, pytest.raises(RunFailed, match="no frame was stylized"):
        opened(output, work, clip).finish()
    assert visible(output.parent) == []


def test_a_work_folder_removed_while_writing_is_one_clear_line(output, clip):
    with WorkFolder(output) as work:
        sink = opened(output, work, clip)
        shutil.rmtree(work.path)
        with pytest.raises(RunFailed, match=f"{output.name} could not be written: No such file") as caught:
            sink.write(painted(output)[0])
        assert "\n" not in str(caught.value)
        sink.abort()
    assert list(output.parent.iterdir()) == []


def test_a_work_folder_removed_before_the_end_is_one_clear_line(output, clip):
    with WorkFolder(output) as work:
        sink = opened(output, work, clip)
        for frame in painted(output):
            sink.write(frame)
        shutil.rmtree(work.path)
        with pytest.raises(RunFailed, match=f"{output.name} could not be written"):
            sink.finish()
        sink.abort()
    assert list(output.parent.iterdir()) == []


def test_no_frame_is_held_after_it_was_written(output, clip):
    with WorkFolder(output) as work:
        sink = opened(output, work, clip)
        frame = painted(output)[0]
        alive = weakref.ref(frame)
        sink.write(frame)
        del frame
        gc.collect()
        assert alive() is None


def test_deep_pictures_are_taken_by_all(output, clip):
    with WorkFolder(output) as work:
        sink = opened(output, work, clip)
        deep = (gradient(*SIZE).astype(np.uint16)) * 257
        sink.write(Frame(deep, 0, Fraction(0), Fraction(1, RATE)))
        sink.finish()
    path = output / "000001.png" if output.is_dir() else output
    if output.name not in VIDEOS:
        read = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)[..., ::-1]
        assert read.dtype == (np.uint16 if sink.bits == 16 else np.uint8)
        assert np.abs(read / (257.0 if sink.bits == 16 else 1.0) - gradient(*SIZE)).mean() < 1
