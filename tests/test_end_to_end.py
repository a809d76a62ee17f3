"""The program as a user runs it, with the real network, and one clear line for everything that it refuses."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from PIL import Image

from tests.support.clips import Tone, gradient, make_clip
from tests.support.command import run_command
from tests.support.thin_vgg import real_weights, thin_weights
from videostyle import stylize_image
from videostyle.media.images import read_picture
from videostyle.models.weights import WEIGHTS
from videostyle.style_images import load_style

SIZE = (36, 48)
QUICK = ("--size", "48", "--preset", "draft", "--first-iterations", "4", "--iterations", "1", "--threads", "1")


@pytest.fixture
def place(tmp_path) -> Path:
    """A folder with a clip of five frames with sound, a photo and a style."""
    pictures = [cv2.circle(gradient(*SIZE, step=90), (10 + 3 * i, 18), 7, (240, 220, 40), -1) for i in range(5)]
    make_clip(tmp_path / "in.mp4", pictures, rate=Fraction(30000, 1001), tones=[Tone(seconds=0.2)])
    cv2.imwrite(str(tmp_path / "photo.png"), gradient(*SIZE))
    noise = np.random.default_rng(0).integers(0, 256, (40, 50, 3), np.uint8)
    cv2.imwrite(str(tmp_path / "style.png"), cv2.GaussianBlur(noise, (0, 0), 2))
    return tmp_path


def listing(folder: Path) -> dict[str, bytes]:
    return {str(each.relative_to(folder)): each.read_bytes() for each in folder.rglob("*") if each.is_file()}


def packets(path: Path, kind: str) -> list[tuple[bytes, int]]:
    with av.open(str(path)) as file:
        (stream,) = getattr(file.streams, kind)
        return [(bytes(each), each.pts) for each in file.demux(stream) if each.size]


def times(path: Path) -> list[Fraction]:
    with av.open(str(path)) as file:
        return [frame.pts * frame.time_base for frame in file.decode(video=0)]


# --- what works ------------------------------------------------------------------------------------------------------


def test_run_video(place):
    """The command stylizes a video with the real network, keeps time and sound, and leaves nothing else behind."""
    before = listing(place)
    command = [sys.executable, "-m", "videostyle", "run", "in.mp4", "style.png", *QUICK, "--report", "report.json"]
    done = subprocess.run(command, cwd=place, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout == ""
    output = place / "in_style.mp4"
    assert times(output) == times(place / "in.mp4")
    assert len(times(output)) == 5
    assert packets(output, "audio") == packets(place / "in.mp4", "audio")
    after = listing(place)
    assert set(after) == {*before, "in_style.mp4", "report.json"}
    assert {name: after[name] for name in before} == before
    lines = done.stderr.splitlines()
    assert any("48x36, 5 frames in 1 shot -> " in line for line in lines)
    assert any(".in_style.mp4.videostyle" in line for line in lines)
    assert lines[-1].startswith(f"{Path('in_style.mp4')}: 5 frames in ") or "in_style.mp4: 5 frames in " in lines[-1]
    report = json.loads((place / "report.json").read_text())
    assert report["schema"] == 1
    assert (report["width"], report["height"], report["shots"], report["device"]) == (48, 36, 1, "cpu")
    assert [frame["iterations"] for frame in report["frames"]] == [4, 1, 1, 1, 1]
    assert [Fraction(frame["time"]) for frame in report["frames"]] == times(output)
    assert {"loss", "loss_star", "untrusted", "seconds", "index", "shot"} < set(report["frames"][0])
    assert {"options", "versions", "seconds", "peak_memory", "notices", "output"} < set(report)


def test_run_still(place, monkeypatch, capsys):
    """A still becomes a still, the same as from Python; --quiet prints nothing."""
    monkeypatch.setitem(WEIGHTS, "vgg19", real_weights)
    output = place / "out.png"
    assert run_command("run", place / "photo.png", place / "style.png", "-o", output, "--quiet", *QUICK) == 0
    assert capsys.readouterr() == ("", "")
    assert read_picture(output).image.shape == (*SIZE, 3)
    stylized = stylize_image(read_picture(place / "photo.png").image, load_style(place / "style.png"), iterations=4)
    np.testing.assert_array_equal(stylized, read_picture(output).image)


def test_objective_neighbors(place, monkeypatch):
    """The command stylizes a clip, and its pictures are other than Gram's."""
    monkeypatch.setitem(WEIGHTS, "vgg19", real_weights)
    outputs = {}
    for objective in ("gram", "neighbors"):
        output = place / f"{objective}.mkv"
        options = ("--objective", objective, "--codec", "ffv1", "--quiet", *QUICK)
        assert run_command("run", place / "in.mp4", place / "style.png", "-o", output, *options) == 0
        outputs[objective] = output.read_bytes()
        assert len(times(output)) == 5
    assert outputs["gram"] != outputs["neighbors"]


def test_stylize_image(monkeypatch):
    """Colored noise and a style image of orange blots: a few iterations with the real network turn the noise orange."""
    monkeypatch.setitem(WEIGHTS, "vgg19", real_weights)
    noise = np.random.default_rng(0).integers(0, 256, (32, 48, 3), np.uint8)
    orange = (cv2.GaussianBlur(noise, (0, 0), 1.5) * (1.0, 0.6, 0.2)).astype(np.uint8)
    stylized = stylize_image(noise, orange, iterations=14)
    assert stylized.shape == noise.shape
    assert stylized.dtype == np.uint8
    red, green, blue = stylized.mean(axis=(0, 1)) - noise.mean(axis=(0, 1))
    assert red > green + 5 > blue + 10


# --- refused ---------------------------------------------------------------------------------------------------------


@pytest.fixture(autouse=True)
def keep_signal_handlers():
    """A run replaces the handlers of this process; they are put back after each test."""
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


def save(place: Path, name: str, mode: str, size=(48, 36)) -> None:
    Image.effect_noise(size, 60).convert(mode).save(place / name)


def audio_only(place: Path) -> None:
    with av.open(str(place / "song.mp4"), "w") as new, av.open(str(place / "in.mp4")) as old:
        stream = new.add_stream_from_template(old.streams.audio[0])
        for packet in old.demux(audio=0):
            if packet.size:
                packet.stream = stream
                new.mux(packet)


def nothing_decodable(place: Path) -> None:
    """A good head, and noise where the pictures were."""
    make_clip(place / "noise.mkv", [gradient(*SIZE, step=i) for i in range(4)])
    data = (place / "noise.mkv").read_bytes()
    pictures = packets(place / "noise.mkv", "video")
    for payload, _ in pictures:
        data = data.replace(payload, bytes(len(payload)))
    (place / "noise.mkv").write_bytes(data)


def frames_in(place: Path, *names: str, sizes=((48, 36),)) -> None:
    (place / "frames").mkdir()
    for index, name in enumerate(names):
        Image.new("RGB", sizes[min(index, len(sizes) - 1)]).save(place / "frames" / name)


def strip(place: Path) -> None:
    make_clip(place / "strip.mp4", [gradient(20, 160)] * 2)


def text_as_video(place: Path) -> None:
    (place / "text.mp4").write_text("this is not a video\n" * 50)


def text_as_style(place: Path) -> None:
    (place / "text.jpg").write_text("this is not an image\n" * 50)


REFUSED = {
    "missing input": (None, ["gone.mp4", "style.png"], "gone.mp4 does not exist"),
    "missing style": (None, ["in.mp4", "gone.jpg"], "gone.jpg does not exist"),
    "text named .mp4": (text_as_video, ["text.mp4", "style.png"], "text.mp4"),
    "audio only": (audio_only, ["song.mp4", "style.png"], "song.mp4"),
    "nothing decodable": (nothing_decodable, ["noise.mkv", "style.png"], "noise.mkv"),
    "an empty file": (lambda place: (place / "no.mp4").touch(), ["no.mp4", "style.png"], "no.mp4"),
    "style is text": (text_as_style, ["in.mp4", "text.jpg"], "text.jpg"),
    "style is a video": (None, ["in.mp4", "in.mp4"], "in.mp4"),
    "style is a folder": (frames_in, ["in.mp4", "frames"], "frames is no style image"),
    "style of 1x1": (lambda place: save(place, "dot.png", "RGB", (1, 1)), ["in.mp4", "dot.png"], "1x1"),
    "size 31": (None, ["in.mp4", "style.png", "--size", "31"], "32 to 8192"),
    "size 8193": (None, ["in.mp4", "style.png", "--size", "8193"], "32 to 8192"),
    "a strip": (strip, ["strip.mp4", "style.png", "--size", "64"], "64x8"),
    "missing folder": (None, ["in.mp4", "style.png", "-o", "nowhere/out.mp4"], "nowhere"),
    "mp3": (None, ["in.mp4", "style.png", "-o", "out.mp3"], ".mp3"),
    "txt": (None, ["in.mp4", "style.png", "-o", "out.txt"], ".txt"),
    "a picture for a clip": (None, ["in.mp4", "style.png", "-o", "out.png"], "--frames 1"),
    "a video for a still": (None, ["photo.png", "style.png", "-o", "out.mp4"], "still"),
    "output is there": (None, ["in.mp4", "style.png", "-o", "photo.png", "--frames", "1"], "--overwrite"),
    "output is the input": (None, ["in.mp4", "style.png", "-o", "in.mp4", "--overwrite"], "in.mp4"),
    "folder with a gap": (lambda p: frames_in(p, "1.png", "2.png", "4.png"), ["frames", "style.png"], "3"),
    "folder of mixed sizes": (
        lambda p: frames_in(p, "1.png", "2.png", sizes=((48, 36), (40, 36))),
        ["frames", "style.png"],
        "40x36",
    ),
    "folder without images": (frames_in, ["frames", "style.png"], "no images"),
    "nan": (None, ["in.mp4", "style.png", "--style-weight", "nan"], "--style-weight"),
    "nan seconds": (None, ["in.mp4", "style.png", "--start", "nan"], "--start"),
    "infinite": (None, ["in.mp4", "style.png", "--temporal-weight", "inf"], "--temporal-weight"),
    "negative": (None, ["in.mp4", "style.png", "--tv-weight=-1"], "--tv-weight"),
    "no number": (None, ["in.mp4", "style.png", "--size", "big"], "--size"),
    "unknown preset": (None, ["in.mp4", "style.png", "--preset", "best"], "draft, standard, high"),
    "unknown device": (None, ["in.mp4", "style.png", "--device", "abacus"], "abacus"),
    "wrong range": (None, ["in.mp4", "style.png", "--frames", "5:2"], "5:2"),
    "behind the end": (None, ["in.mp4", "style.png", "--start", "99"], "no frame"),
    "no style": (None, ["in.mp4"], "STYLE"),
    "unknown option": (None, ["in.mp4", "style.png", "--sise", "48"], "--sise"),
    "report is no json": (None, ["in.mp4", "style.png", "--report", "r.txt"], ".json"),
    "report nowhere": (None, ["in.mp4", "style.png", "--report", "nowhere/r.json"], "nowhere"),
}


@pytest.mark.parametrize(("prepare", "arguments", "named"), REFUSED.values(), ids=REFUSED)
def test_refused(prepare, arguments, named, place, monkeypatch, capfd):
    if prepare:
        prepare(place)
    monkeypatch.chdir(place)
    before = listing(place)
    capfd.readouterr()
    code = run_command("run", *arguments, "--quiet")
    out, err = capfd.readouterr()
    assert (code, out) == (2, "")
    assert err.startswith("error: ")
    assert err.count("\n") == 1
    assert err.endswith("\n")
    assert named in err
    assert "Traceback" not in err
    assert "bug" not in err
    assert listing(place) == before
    assert sorted(each.name for each in place.iterdir()) == sorted(
        {name.split("/")[0] for name in before} | ({"frames"} if (place / "frames").exists() else set())
    )


# --- unusual style images --------------------------------------------------------------------------------------------


@pytest.fixture
def thin_network(monkeypatch):
    monkeypatch.setitem(WEIGHTS, "vgg19", thin_weights)


def deep_style(place: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 65536, (36, 48, 3)).astype(np.uint16)
    cv2.imwrite(str(place / "odd.png"), noise)


ODD_STYLES = {
    "grayscale": (lambda place: save(place, "odd.png", "L"), "odd.png"),
    "RGBA": (lambda place: save(place, "odd.png", "RGBA"), "odd.png"),
    "gray with alpha": (lambda place: save(place, "odd.png", "LA"), "odd.png"),
    "16-bit": (deep_style, "odd.png"),
    "CMYK": (lambda place: save(place, "odd.jpg", "CMYK"), "odd.jpg"),
    "palette": (lambda place: save(place, "odd.png", "P"), "odd.png"),
    "2x2": (lambda place: save(place, "odd.png", "RGB", (2, 2)), "odd.png"),
    "a strip": (lambda place: save(place, "odd.png", "RGB", (300, 3)), "odd.png"),
}


@pytest.mark.usefixtures("thin_network")
@pytest.mark.parametrize(("prepare", "name"), ODD_STYLES.values(), ids=ODD_STYLES)
def test_unusual_style_images(prepare, name, place, capsys):
    prepare(place)
    loaded = load_style(place / name)
    assert loaded.ndim == 3
    assert loaded.shape[2] == 3
    assert run_command("run", place / "photo.png", place / name, "-o", place / "out.png", "--quiet", *QUICK) == 0
    assert capsys.readouterr().err == ""
    assert read_picture(place / "out.png").image.shape == (*SIZE, 3)


# --- the page of a run -----------------------------------------------------------------------------------------------


def warp_errors(page: Path) -> tuple[str, str]:
    """The warp errors at gap 1 in the page's table: of the output and of the source."""
    row = re.search(r"warp 1</th><td>(.*?)</td><td>(.*?)</td>", page.read_text(encoding="utf-8"))
    assert row, "the page has no measurement"
    return row[1], row[2]


@pytest.fixture
def stylize(place, thin_network, monkeypatch, capsys):
    """Runs in this process with a thin network and writes a page; returns the page."""
    monkeypatch.setitem(WEIGHTS, "vgg19", thin_weights)
    page = place / "look.html"

    def stylize(*arguments: object, quick: tuple[str, ...] = QUICK) -> str:
        words = ["--overwrite", "--report", page, "--device", "cpu", *quick]
        assert run_command("run", *arguments, place / "style.png", *words, "--quiet") == 0
        assert capsys.readouterr() == ("", "")
        text = page.read_text(encoding="utf-8")
        assert "not measured" not in text
        return text

    return stylize


def test_page_and_measure_agree(place, stylize):
    """The page of a run has the figures that `measure` has of its output."""
    text = stylize(place / "in.mp4", "-o", place / "out.mp4")
    assert text.count("<img") == 9
    assert {"Loss", "Iterations", "New share", "Warp error, gap 1", "Gram distance"} < set(
        re.findall(r"<b>(.*?)</b>", text)
    )
    actual = warp_errors(place / "look.html")
    again = [place / "in.mp4", place / "out.mp4", "--style", place / "style.png", "--device", "cpu", "--quiet"]
    assert run_command("measure", *again, "-o", place / "again.html") == 0
    assert warp_errors(place / "again.html") == actual


def test_page_of_a_range(place, stylize):
    """A range that was written into a folder with other frames is measured alone."""
    stylize(place / "in.mp4", "-o", place / "stylized", "--frames", "1:2")
    for path in (place / "stylized").glob("*.png"):
        Image.new("RGB", (48, 36)).save(path)
    text = stylize(place / "in.mp4", "-o", place / "stylized", "--frames", "3:5")
    assert "has 3 from 000003.png on" in text
    assert "frame 4, " in text
    alone = place / "alone"
    alone.mkdir()
    for number in (3, 4, 5):
        (place / "stylized" / f"{number:06d}.png").rename(alone / f"{number:06d}.png")
    again = [place / "in.mp4", alone, "--style", place / "style.png", "--device", "cpu", "--frames", "3:5", "--quiet"]
    assert run_command("measure", *again, "-o", place / "again.html") == 0
    assert warp_errors(place / "again.html") == warp_errors(place / "look.html")


def test_page_of_a_still(place, stylize):
    """What needs two frames is left out."""
    text = stylize(place / "photo.png", "-o", place / "out.png")
    assert warp_errors(place / "look.html") == ("\N{EN DASH}", "\N{EN DASH}")
    assert text.count("<img") == 2
    assert "Warp error" not in text
    assert "Gram distance" in text


def test_page_of_an_enlarged_output(place, stylize):
    """It is measured at the smaller size, and the page says so."""
    small = ("--size", "32", *QUICK[2:])
    text = stylize(place / "in.mp4", "-o", place / "out.mp4", "--output-size", "source", quick=small)
    assert "48 \N{MULTIPLICATION SIGN} 36 pixels" in text
    assert re.search("measured at.*32 \N{MULTIPLICATION SIGN} 24 pixels", text)


def test_page_with_keep_colors(place, stylize):
    """An output that keeps the clip's colors is measured in gray."""
    text = stylize(place / "in.mp4", "-o", place / "out.mp4", "--keep-colors", "--frames", "2")
    figures = place / "figures.json"
    again = [place / "in.mp4", place / "out.mp4", "--style", place / "style.png", "--device", "cpu", "--keep-colors"]
    assert run_command("measure", *again, "--frames", "2", "--json", figures, "--quiet") == 0
    assert f"gram</th><td>{json.loads(figures.read_text())['summary']['gram']:.4g}</td>" in text
