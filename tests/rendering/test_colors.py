"""`--colors`: those of the style, of the clip, of the style matched to each shot, or of another picture."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from tests.support.clips import make_clip
from tests.support.runs import moving_disc, quick_job, stripes
from videostyle import Job, TrainJob, run
from videostyle.analysis import PALETTE_FRAMES, ShotList, analyze
from videostyle.errors import BadInput, BadOption
from videostyle.media.images import read_picture
from videostyle.media.sources import open_source
from videostyle.options import command_line
from videostyle.palettes import in_palette, palette_of, recolored_to, sums_of
from videostyle.provenance import plain_origins
from videostyle.style_images import load_style

LONG = PALETTE_FRAMES + 3


@pytest.fixture(scope="module")
def two_long_shots(tmp_path_factory) -> Path:
    """Two shots; what a shot shows changes after its eighth frame."""
    dark = [image // 3 for image in moving_disc(3)]
    pictures = [*moving_disc(PALETTE_FRAMES), *dark, *stripes(PALETTE_FRAMES), *(image // 3 for image in stripes(3))]
    return make_clip(tmp_path_factory.mktemp("clip") / "long.mkv", pictures, rate=10, codec="ffv1", pix_fmt="bgr0")


def analyzed(path: Path, style: Path) -> ShotList:
    with closing(open_source(path)) as source:
        return analyze(source, Job(input=path, styles=(style,)), lambda count: None, with_palettes=True)


def images(folder: Path) -> list[np.ndarray]:
    return [read_picture(path).image for path in sorted(folder.glob("*.png"))]


def test_match_takes_the_first_frames_of_each_shot(two_long_shots, style):
    """Mean and covariance of the style are those of the first 8 frames, to 1 %, before they are clipped."""
    shots = analyzed(two_long_shots, style)
    assert sorted(shots.starts) == [0, LONG]
    with closing(open_source(two_long_shots)) as source:
        frames = [frame.image for frame in source.frames()]
    for start in shots.starts:
        pixels = np.concatenate(frames[start : start + PALETTE_FRAMES]).reshape(-1, 3) / 255
        matched = in_palette(load_style(style), shots.palette_of(start + 1)).reshape(-1, 3)
        np.testing.assert_allclose(matched.mean(axis=0), pixels.mean(axis=0), rtol=0.01)
        covariance = np.cov(pixels, rowvar=False)
        np.testing.assert_allclose(np.cov(matched, rowvar=False), covariance, atol=0.01 * np.linalg.norm(covariance))


def test_match_is_decided_once_a_shot(two_long_shots, style, tmp_path):
    """Each shot is stylized as by a run of its own, with a style that has its colors."""
    run(quick_job(two_long_shots, style, tmp_path / "match", colors="match"))
    matched = images(tmp_path / "match")
    shots = analyzed(two_long_shots, style)
    for number, start in enumerate(sorted(shots.starts)):
        recolored = recolored_to(load_style(style).astype(np.uint16) * 257, shots.palette_of(start))
        cv2.imwrite(str(tmp_path / f"{number}.png"), cv2.cvtColor(recolored, cv2.COLOR_RGB2BGR))
        part = f"{start + 1}:{start + LONG}"
        run(quick_job(two_long_shots, tmp_path / f"{number}.png", tmp_path / f"shot{number}", frames=part))
        for ours, theirs in zip(matched[start : start + LONG], images(tmp_path / f"shot{number}"), strict=True):
            assert np.abs(ours.astype(int) - theirs).max() <= 3
    run(quick_job(two_long_shots, style, tmp_path / "style"))
    assert np.abs(images(tmp_path / "style")[0].astype(int) - matched[0]).mean() > 10


def test_colors_of_another_picture(folder, style, tmp_path):
    """The style is given the colors of the picture; a picture called "clip" is named ./clip."""
    run(quick_job(folder, style, tmp_path / "file", colors=str(folder / "take_007.png")))
    palette = palette_of([sums_of(read_picture(folder / "take_007.png").image)])
    recolored = recolored_to(load_style(style), palette)
    cv2.imwrite(str(tmp_path / "recolored.png"), cv2.cvtColor(recolored, cv2.COLOR_RGB2BGR))
    run(quick_job(folder, tmp_path / "recolored.png", tmp_path / "same"))
    for ours, theirs in zip(images(tmp_path / "file"), images(tmp_path / "same"), strict=True):
        np.testing.assert_array_equal(ours, theirs)
    assert Job(input=folder, styles=(style,), colors="./clip").palette_file == Path("clip")


def test_keep_colors_is_another_name_for_clip(folder, style):
    job = Job(input=folder, styles=(style,), keep_colors=True)
    assert job == Job(input=folder, styles=(style,), colors="clip")
    assert replace(job, colors="match").colors == "match"
    from_file = replace(job, colors="style", keep_colors=True, origins={"keep_colors": "job.toml"})
    assert plain_origins(from_file) == {"colors": "job.toml"}
    assert command_line("run", from_file).endswith("--colors clip")
    with pytest.raises(BadOption, match="--keep-colors has no effect with --colors; leave it out"):
        Job(input=folder, styles=(style,), keep_colors=True, colors="match")


def test_refused(folder, style, tmp_path):
    with pytest.raises(BadInput, match=r"--colors .*gone\.png does not exist"):
        run(quick_job(folder, style, tmp_path / "out", colors=str(tmp_path / "gone.png")))
    (tmp_path / "text.png").write_text("no picture")
    with pytest.raises(BadInput, match="cannot be read as an image"):
        run(quick_job(folder, style, tmp_path / "out", colors=str(tmp_path / "text.png")))
    with pytest.raises(BadOption, match=r"--colors match has no effect with a.vstyle, trained in its own"):
        Job(input=folder, styles=(Path("a.vstyle"),), colors="match")
    with pytest.raises(BadOption, match="--colors clip has no effect on a training"):
        TrainJob(styles=(style,), on=(folder,), colors="clip")
