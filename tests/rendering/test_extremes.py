"""Inputs of absurd size are answered in bounded memory: painted, or refused in one line."""

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
MEMORY = 1 << 30  # bytes that a process with torch in it may hold

pytestmark = pytest.mark.slow


def answer(pipe, job: Job) -> None:
    """Sends how many frames were painted or why none, and this process's peak memory in bytes."""
    use_identity_stylizer()
    try:
        told: object = len(run(job).frames)
    except BadInput as error:
        told = str(error)
    pipe.send((told, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024))


def asked(job: Job) -> object:
    ours, theirs = multiprocessing.get_context("spawn").Pipe()
    process = multiprocessing.get_context("spawn").Process(target=answer, args=(theirs, job))
    process.start()
    told, peak = ours.recv()
    process.join()
    assert peak < MEMORY, f"{peak >> 20} MiB"
    return told


@pytest.fixture
def style(tmp_path) -> Path:
    path = tmp_path / "style.png"
    cv2.imwrite(str(path), gradient(20, 30))
    return path


def png_that_claims(path: Path, width: int, height: int) -> Path:
    """A PNG of this size whose rows were never written: a few bytes."""
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunks = [(b"IHDR", header), (b"IDAT", zlib.compress(b"")), (b"IEND", b"")]
    body = b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in chunks
    )
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + body)
    return path


@pytest.mark.parametrize("where", ["input", "style"])
def test_a_picture_of_16384_pixels_square(tmp_path, style, where):
    large = tmp_path / "large.png"
    Image.new("L", (16384, 16384), 90).save(large, compress_level=1)
    job = Job(input=large, styles=(style,)) if where == "input" else Job(input=style, styles=(large,))
    assert "large.png" in str(asked(job))


def test_a_picture_that_claims_to_be_huge(tmp_path, style):
    assert "bomb.png" in str(asked(Job(input=png_that_claims(tmp_path / "bomb.png", 60000, 60000), styles=(style,))))


def test_ten_hours_at_a_frame_a_minute(tmp_path, style):
    moments = [60_000 * minute for minute in range(600)]
    clip = make_clip(
        tmp_path / "long.mkv", [gradient(*SIZE)] * 600, codec="mpeg4", pts=moments, time_base=Fraction(1, 1000)
    )
    assert asked(Job(input=clip, styles=(style,), output=tmp_path / "out.mkv", size=48)) == 600


def test_a_folder_of_100_000_files(tmp_path, style):
    folder = tmp_path / "many"
    folder.mkdir()
    picture = cv2.imencode(".png", gradient(*SIZE))[1].tobytes()
    for number in range(100_000):
        (folder / f"{number:06d}.png").write_bytes(picture)
    assert asked(Job(input=folder, styles=(style,), output=tmp_path / "out", frames="5:7")) == 3
