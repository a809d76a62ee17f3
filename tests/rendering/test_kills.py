"""Real runs killed at random moments, and disks that fill up: the same command goes on, to the same bytes."""

from __future__ import annotations

import multiprocessing
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import cv2
import numpy as np
import pytest

from tests.support.clips import Tone, gradient, make_clip
from tests.support.killed_run import paint
from videostyle import Job

SIZE = (36, 48)
KILLS = 20
CLIP_FRAMES = 70  # more than a segment, in two shots


@pytest.fixture(scope="module")
def place(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("kills")
    pictures = [cv2.circle(gradient(*SIZE, step=90), (5 + i // 2, 18), 7, (240, 220, 40), -1) for i in range(60)]
    pictures += [255 - each for each in pictures[: CLIP_FRAMES - 60]]
    make_clip(folder / "in.mp4", pictures, rate=25, tones=[Tone(seconds=2.5)])
    noise = np.random.default_rng(0).integers(0, 256, (40, 50, 3), np.uint8)
    cv2.imwrite(str(folder / "style.png"), cv2.GaussianBlur(noise, (0, 0), 2))
    return folder


@pytest.fixture(scope="module")
def processes():
    """Processes made from one that has loaded everything, as loading torch takes longer than these runs."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.killed_run"])
    return context


def content(path: Path) -> dict[str, bytes] | bytes:
    return {each.name: each.read_bytes() for each in path.iterdir()} if path.is_dir() else path.read_bytes()


@pytest.mark.parametrize("name", ["out.mp4", pytest.param("out", marks=pytest.mark.slow)])
def test_killed_at_random_moments_it_goes_on_to_the_same_bytes(place, processes, tmp_path, name):
    def started(output: Path, overwrite: bool = False):
        job = Job(
            input=place / "in.mp4",
            styles=(place / "style.png",),
            output=output,
            first_iterations=4,
            iterations=1,
            threads=1,
            overwrite=overwrite,
        )
        process = processes.Process(target=paint, args=(job,))
        process.start()
        return process

    whole = tmp_path / name.replace("out", "whole")
    began = time.monotonic()
    uninterrupted = started(whole)
    uninterrupted.join()
    length = time.monotonic() - began
    moments, killed, runs = random.Random(1), 0, 0
    while killed < KILLS:
        runs += 1
        output = tmp_path / name.replace("out", f"out{runs}")
        while not output.exists():
            process = started(output)
            process.join(moments.uniform(0, length))
            if killed < KILLS and process.is_alive():
                process.kill()
                killed += 1
            process.join()
            assert process.exitcode in (0, -signal.SIGKILL)
        if output.with_name(
            f".{output.name}.videostyle"
        ).exists():  # killed between the output's arrival and the clearing up
            again = started(output, overwrite=True)
            again.join()
            assert again.exitcode == 0
        assert content(output) == content(whole)
    assert not [each for each in tmp_path.iterdir() if each.name.startswith(".") and (each / "parts").exists()]


COMMAND = """
import sys
from videostyle.cli import main as cli
from videostyle.rendering import checkpoint
vars(checkpoint.EVERY_HALF_MINUTE).update(seconds=0, share_of_time=float("inf"))
cli.main(sys.argv[1:])
"""
QUICK = ["--size", "48", "--first-iterations", "4", "--iterations", "1", "--threads", "1", "--frames", "6"]


def command(place: Path, output: Path) -> subprocess.Popen:
    arguments = ["run", str(place / "in.mp4"), str(place / "style.png"), "-o", str(output), *QUICK]
    return subprocess.Popen([sys.executable, "-c", COMMAND, *arguments], stderr=subprocess.PIPE, text=True)


def test_a_killed_command_goes_on_with_the_real_network(place, tmp_path):
    whole, output = tmp_path / "whole.mp4", tmp_path / "out.mp4"
    assert command(place, whole).wait() == 0
    first = command(place, output)
    while not list(tmp_path.glob(".out.mp4.videostyle/parts/checkpoint_00000003.json")):
        assert first.poll() is None
        time.sleep(0.01)
    first.kill()
    first.communicate()
    second = command(place, output)
    _, told = second.communicate()
    assert second.returncode == 0
    assert "resuming an interrupted run after its first " in told
    assert output.read_bytes() == whole.read_bytes()


@pytest.fixture
def small_disk(tmp_path) -> Path:
    """A disk with room for little."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=300k", "tmpfs", disk], capture_output=True)
    if mounted.returncode:
        pytest.skip("this user may not mount a tmpfs")
    yield disk
    subprocess.run(["umount", disk], check=True)


def test_on_a_full_disk_it_stops_with_one_line_and_goes_on_when_there_is_room(place, tmp_path, small_disk):
    whole, output = tmp_path / "whole.mp4", small_disk / "out.mp4"
    assert command(place, whole).wait() == 0
    full = command(place, output)
    _, told = full.communicate()
    assert full.returncode == 1
    assert [line for line in told.splitlines() if "error" in line] == told.splitlines()[-1:]
    assert "No space left" in told or "disk is full" in told
    assert [each.name for each in small_disk.iterdir()] == [".out.mp4.videostyle"]
    subprocess.run(["mount", "-o", "remount,size=9m", small_disk], check=True)
    again = command(place, output)
    _, told = again.communicate()
    assert again.returncode == 0, told
    assert "resuming" in told
    assert output.read_bytes() == whole.read_bytes()
