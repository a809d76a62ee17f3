"""Inputs of absurd size are stylized or refused in bounded memory."""

from __future__ import annotations

import multiprocessing
import resource
import struct
import zlib
from fractions import Fraction
from pathlib import Path

import cv2
import pytest
from PIL import Image

from tests.fuzz.worker import use_identity_stylizer
from tests.support.clips import gradient, make_clip
from videostyle import Job, run
from videostyle.errors import BadInput

SIZE = (36, 48)
MEMORY_LIMIT = 1 << 30  # bytes of a process that has loaded torch

pytestmark = pytest.mark.slow


def answer(pipe, job: Job) -> None:
    """Send the number of frames, or the message of the refusal; and this process's peak memory in bytes."""
    use_identity_stylizer()
    try:
        result: int | str = len(run(job).frames)
    except BadInput as error:
        result = str(error)
    pipe.send((result, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024))


def outcome(job: Job) -> int | str:
    """Run the job in a process of its own; return its number of frames, or the message of its refusal."""
    ours, theirs = multiprocessing.get_context("spawn").Pipe()
    process = multiprocessing.get_context("spawn").Process(target=answer, args=(theirs, job))
    process.start()
    result, peak = ours.recv()
    process.join()
    assert peak < MEMORY_LIMIT, f"{peak >> 20} MiB"
    return result


@pytest.fixture
def style(tmp_path) -> Path:
    path = tmp_path / "style.png"
    cv2.imwrite(str(path), gradient(20, 30))
    return path


def empty_png(path: Path, width: int, height: int) -> Path:
    """A PNG whose header has this size and whose rows are missing: a few bytes."""
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunks = [(b"IHDR", header), (b"IDAT", zlib.compress(b"")), (b"IEND", b"")]
    body = b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in chunks
    )
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + body)
    return path


@pytest.mark.parametrize("where", ["input", "style"])
def test_large_image(tmp_path, style, where):
    """An image of 16384 x 16384 pixels is refused by name, as input and as style."""
    large = tmp_path / "large.png"
    Image.new("L", (16384, 16384), 90).save(large, compress_level=1)
    job = Job(input=large, styles=(style,)) if where == "input" else Job(input=style, styles=(large,))
    assert "large.png" in str(outcome(job))


def test_decompression_bomb(tmp_path, style):
    """An image of few bytes that declares a huge size is refused by name."""
    assert "bomb.png" in str(outcome(Job(input=empty_png(tmp_path / "bomb.png", 60000, 60000), styles=(style,))))


def test_ten_hours(tmp_path, style):
    """A clip of ten hours with one frame a minute has 600 frames."""
    pts = [60_000 * minute for minute in range(600)]
    clip = make_clip(
        tmp_path / "long.mkv", [gradient(*SIZE)] * 600, codec="mpeg4", pts=pts, time_base=Fraction(1, 1000)
    )
    assert outcome(Job(input=clip, styles=(style,), output=tmp_path / "out.mkv", size=48)) == 600


def test_folder_of_100_000_frames(tmp_path, style):
    """A range of a folder with 100,000 frames is stylized."""
    folder = tmp_path / "many"
    folder.mkdir()
    picture = cv2.imencode(".png", gradient(*SIZE))[1].tobytes()
    for number in range(100_000):
        (folder / f"{number:06d}.png").write_bytes(picture)
    assert outcome(Job(input=folder, styles=(style,), output=tmp_path / "out", frames="5:7")) == 3
