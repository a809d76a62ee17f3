"""Runs killed at random times, and full disks: the same command resumes, and the output has the same bytes."""

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
from tests.support.killed_run import run_on_thin_network
from videostyle import Job

SIZE = (36, 48)
KILLS = 20
CLIP_FRAMES = 70  # more than a segment, in two shots


@pytest.fixture(scope="module")
def place(tmp_path_factory) -> Path:
    """A folder with a clip, in.mp4, and a style image, style.png."""
    folder = tmp_path_factory.mktemp("kills")
    pictures = [cv2.circle(gradient(*SIZE, step=90), (5 + i // 2, 18), 7, (240, 220, 40), -1) for i in range(60)]
    pictures += [255 - image for image in pictures[: CLIP_FRAMES - 60]]
    make_clip(folder / "in.mp4", pictures, rate=25, tones=[Tone(seconds=2.5)])
    noise = np.random.default_rng(0).integers(0, 256, (40, 50, 3), np.uint8)
    cv2.imwrite(str(folder / "style.png"), cv2.GaussianBlur(noise, (0, 0), 2))
    return folder


@pytest.fixture(scope="module")
def processes():
    """Processes forked from one that has loaded torch, which takes longer than these runs."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.support.killed_run"])
    return context


def content(path: Path) -> dict[str, bytes] | bytes:
    return {file.name: file.read_bytes() for file in path.iterdir()} if path.is_dir() else path.read_bytes()


@pytest.mark.parametrize("name", ["out.mp4", pytest.param("out", marks=pytest.mark.slow)])
def test_resume_after_kill(place, processes, tmp_path, name):
    """A run killed at random times resumes, as often as it takes, to the bytes of an uninterrupted run."""

    def start(output: Path, overwrite: bool = False):
        job = Job(
            input=place / "in.mp4",
            styles=(place / "style.png",),
            output=output,
            first_iterations=4,
            iterations=1,
            threads=1,
            overwrite=overwrite,
        )
        process = processes.Process(target=run_on_thin_network, args=(job,))
        process.start()
        return process

    whole = tmp_path / name.replace("out", "whole")
    began = time.monotonic()
    uninterrupted = start(whole)
    uninterrupted.join()
    length = time.monotonic() - began
    times, killed, runs = random.Random(1), 0, 0
    while killed < KILLS:
        runs += 1
        output = tmp_path / name.replace("out", f"out{runs}")
        while not output.exists():
            process = start(output)
            process.join(times.uniform(0, length))
            if killed < KILLS and process.is_alive():
                process.kill()
                killed += 1
            process.join()
            assert process.exitcode in (0, -signal.SIGKILL)
        # killed after the output was in its place and before the work folder was removed
        if output.with_name(f".{output.name}.videostyle").exists():
            again = start(output, overwrite=True)
            again.join()
            assert again.exitcode == 0
        assert content(output) == content(whole)
    assert not list(tmp_path.glob(".*/parts"))


COMMAND = """
import sys
from videostyle.cli import main as cli
from videostyle.rendering import checkpoint
vars(checkpoint.EVERY_HALF_MINUTE).update(seconds=0, share_of_time=float("inf"))
cli.main(sys.argv[1:])
"""
QUICK = ["--size", "48", "--first-iterations", "4", "--iterations", "1", "--threads", "1", "--frames", "6"]


def start_command(place: Path, output: Path) -> subprocess.Popen:
    """`videostyle run` in a process of its own, with a checkpoint after every frame."""
    arguments = ["run", str(place / "in.mp4"), str(place / "style.png"), "-o", str(output), *QUICK]
    return subprocess.Popen([sys.executable, "-c", COMMAND, *arguments], stderr=subprocess.PIPE, text=True)


def test_resume_command_after_kill(place, tmp_path):
    """The command, with the real network, is killed after its third checkpoint and resumes."""
    whole, output = tmp_path / "whole.mp4", tmp_path / "out.mp4"
    assert start_command(place, whole).wait() == 0
    first = start_command(place, output)
    while not list(tmp_path.glob(".out.mp4.videostyle/parts/checkpoint_00000003.json")):
        assert first.poll() is None
        time.sleep(0.01)
    first.kill()
    first.communicate()
    second = start_command(place, output)
    _, messages = second.communicate()
    assert second.returncode == 0
    assert "resuming an interrupted run after its first " in messages
    assert output.read_bytes() == whole.read_bytes()


@pytest.fixture
def small_disk(tmp_path) -> Path:
    """A disk of 300 kB."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=300k", "tmpfs", disk], capture_output=True)
    if mounted.returncode:
        pytest.skip("this user may not mount a tmpfs")
    yield disk
    subprocess.run(["umount", disk], check=True)


def test_resume_after_full_disk(place, tmp_path, small_disk):
    """On a full disk the run stops with one line, and resumes once there is room."""
    whole, output = tmp_path / "whole.mp4", small_disk / "out.mp4"
    assert start_command(place, whole).wait() == 0
    full = start_command(place, output)
    _, messages = full.communicate()
    assert full.returncode == 1
    assert [line for line in messages.splitlines() if "error" in line] == messages.splitlines()[-1:]
    assert "No space left" in messages or "disk is full" in messages
    assert [path.name for path in small_disk.iterdir()] == [".out.mp4.videostyle"]
    subprocess.run(["mount", "-o", "remount,size=9m", small_disk], check=True)
    again = start_command(place, output)
    _, messages = again.communicate()
    assert again.returncode == 0, messages
    assert "resuming" in messages
    assert output.read_bytes() == whole.read_bytes()
