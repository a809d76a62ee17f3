"""Runs of transparent sources: what is stylized, what is written, and what the user is told."""

from __future__ import annotations

import json

import cv2
import numpy as np
import pytest
from PIL import Image

from tests.support.clips import gradient
from tests.support.runs import names_in, quick_job
from tests.support.transparent import SIZE, disc, with_noise, write_transparent, write_transparent_folder
from videostyle import MeasureJob, measure, run
from videostyle.errors import BadOption
from videostyle.frames import Frame
from videostyle.losses.frame_targets import PAINTED
from videostyle.media.images import read_picture
from videostyle.media.sources import open_source
from videostyle.rendering.masks import guides_of


def read(path) -> list[Frame]:
    return list(open_source(path).frames())


@pytest.fixture
def film(tmp_path):
    return write_transparent(tmp_path / "in.mov", "qtrle", 3)


@pytest.mark.parametrize("fast", ["1", "0"])
@pytest.mark.parametrize("size", [None, 40])
def test_hidden_colors_have_no_effect(style, tmp_path, monkeypatch, fast, size):
    """The stylized frames are the same to the bit whatever the transparent pixels of the source hold."""
    monkeypatch.setenv("VIDEOSTYLE_FAST", fast)
    for seed in (1, 100):
        source = write_transparent_folder(tmp_path / f"in{seed}", seed=seed)
        run(quick_job(source, style, tmp_path / f"out{seed}", size=size))
    one, other = tmp_path / "out1", tmp_path / "out100"
    assert names_in(one) == names_in(other) == ["1.png", "2.png", "3.png"]
    for name in names_in(one):
        assert (one / name).read_bytes() == (other / name).read_bytes()


@pytest.mark.parametrize(("name", "options"), [
    ("out", {}), ("out.mkv", {"codec": "ffv1"}), ("out.mov", {"codec": "prores"}), ("out.webm", {}),
])  # fmt: skip
def test_alpha_is_kept(film, style, tmp_path, name, options):
    """By a folder and by FFV1 to the bit, by ProRes and VP9 within the codec's error; nothing is said of it."""
    report = run(quick_job(film, style, tmp_path / name, **options))
    error = {"out.mov": 0.5, "out.webm": 16}.get(name, 0)
    for index, frame in enumerate(read(tmp_path / name)):
        assert np.abs(frame.alpha / np.iinfo(frame.alpha.dtype).max * 255 - disc(index)).max() <= error
    assert not any("transparent" in line for line in report.notices)


def test_alpha_at_the_source_size(film, style, tmp_path):
    """Written at the source's size, the alpha is the source's own, however small the frames were stylized."""
    run(quick_job(film, style, tmp_path / "out", size=32, output_size="source"))
    for index, frame in enumerate(read(tmp_path / "out")):
        assert np.array_equal(frame.alpha, disc(index))


def test_alpha_of_a_smaller_output(film, style, tmp_path):
    run(quick_job(film, style, tmp_path / "out", size=32))
    expected = cv2.resize(disc(0), (32, 24), interpolation=cv2.INTER_AREA)
    assert np.abs(read(tmp_path / "out")[0].alpha.astype(int) - expected).max() <= 1


def test_keep_colors(style, tmp_path):
    """The colors that are kept at the edge are those of the figure, not of what is hidden beside it."""
    alpha = disc(0)
    image = with_noise(np.full((*SIZE, 3), (180, 120, 60), np.uint8), alpha, 0)
    cv2.imwrite(str(tmp_path / "in.png"), np.dstack([image[..., ::-1], alpha]))
    run(quick_job(tmp_path / "in.png", style, tmp_path / "out.png", size=40, keep_colors=True))
    result = read_picture(tmp_path / "out.png")
    shown = result.alpha > 16
    difference = np.diff(result.image.astype(int), axis=-1)[shown]
    unclipped = (result.image.min(axis=-1) > 0)[shown] & (result.image.max(axis=-1) < 255)[shown]
    assert np.abs(difference - (-60, -60))[unclipped].max() <= 2


def test_composed_over_black(film, style, tmp_path):
    """A video without alpha has black where the source is transparent, as one line says."""
    report = run(quick_job(film, style, tmp_path / "out.mp4", crf=0))
    for index, frame in enumerate(read(tmp_path / "out.mp4")):
        assert frame.alpha is None
        outside = cv2.dilate(disc(index), np.ones((5, 5))) == 0
        assert frame.image[outside].max() <= 8
    (line,) = (line for line in report.notices if "transparent" in line)
    assert "composed over black" in line


@pytest.mark.parametrize(("name", "options"), [("out.mp4", {"crf": 0}), ("out.webm", {}), ("out", {})])
def test_background(film, style, tmp_path, name, options):
    """A color that is asked for replaces the transparency of any output; a half transparent place is half of it."""
    report = run(quick_job(film, style, tmp_path / name, background="#00ff00", **options))
    frame = read(tmp_path / name)[0]
    assert frame.alpha is None
    outside = cv2.dilate(disc(0), np.ones((9, 9))) == 0
    assert np.abs(frame.image[outside].astype(int) - (0, 255, 0)).mean() < 4
    assert frame.image[1:4, 4:-4, 1].min() >= 120
    assert not any("transparent" in line for line in report.notices)


def test_jpeg(style, tmp_path):
    """A still that becomes a JPEG is composed too."""
    cv2.imwrite(str(tmp_path / "in.png"), np.dstack([gradient(*SIZE), disc(0)]))
    report = run(quick_job(tmp_path / "in.png", style, tmp_path / "out.jpg"))
    assert read_picture(tmp_path / "out.jpg").image[20:30, 50:].max() < 12
    assert any("out.jpg cannot be transparent" in line and ".png" in line for line in report.notices)


def test_png_called_jpg(style, tmp_path):
    """Names of a folder are kept, and what such a file cannot hold is said."""
    (tmp_path / "in").mkdir()
    Image.fromarray(np.dstack([gradient(*SIZE), disc(0)])).save(tmp_path / "in" / "1.jpg", format="png")
    report = run(quick_job(tmp_path / "in", style, tmp_path / "out"))
    assert names_in(tmp_path / "out") == ["1.jpg"]
    assert any("not kept" in line and "transparency" in line for line in report.notices)


def test_background_of_an_opaque_source(clip, style, tmp_path):
    """It has no effect, which is said."""
    report = run(quick_job(clip, style, tmp_path / "out.mp4", background="navy"))
    assert any("--background navy has no effect" in line for line in report.notices)


@pytest.mark.parametrize("color", ["blak", "#12", "#11223344", ""])
def test_unknown_background(clip, style, tmp_path, color):
    with pytest.raises(BadOption, match="--background"):
        quick_job(clip, style, tmp_path / "out.mp4", background=color)


def test_opaque_gif(style, tmp_path):
    """It is written like any opaque film."""
    pictures = [Image.fromarray(gradient(*SIZE, step=30 * index)) for index in range(3)]
    pictures[0].save(tmp_path / "in.gif", save_all=True, append_images=pictures[1:], duration=100)
    report = run(quick_job(tmp_path / "in.gif", style, tmp_path / "out.webm"))
    assert [frame.alpha for frame in read(tmp_path / "out.webm")] == [None] * 3
    assert not any("transparent" in line for line in report.notices)


def test_transparent_places_take_no_part_in_the_style(style, tmp_path):
    """The stylizer is given a guide, from the source's own alpha."""
    frame = Frame(gradient(24, 32), alpha=disc(0))
    guide = guides_of(frame)[PAINTED]
    assert guide.dtype == np.float32
    assert guide.shape == (24, 32)
    expected = cv2.resize(disc(0), (32, 24), interpolation=cv2.INTER_AREA) / 255
    np.testing.assert_allclose(guide, expected, atol=0.003)
    assert guides_of(Frame(gradient(24, 32))) == {}


def test_measured(film, style, tmp_path):
    """A transparent output is measured like any other."""
    run(quick_job(film, style, tmp_path / "out.webm"))
    measure(MeasureJob(source=film, output=tmp_path / "out.webm", styles=(style,), json=tmp_path / "m.json"))
    assert json.loads((tmp_path / "m.json").read_text())
