"""The sample style images: small, in color, with strokes of several widths, and as the code makes them."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
import pytest

import sample_media
from sample_media import mosaic, swirls, woodcut
from sample_media.make import STYLES, write_style

FOLDER = Path(sample_media.__file__).parent / "styles"


def test_committed_files():
    """The folder holds the files that the script makes."""
    assert sorted(path.name for path in FOLDER.iterdir()) == sorted(STYLES)
    assert len(STYLES) >= 3


@pytest.mark.parametrize("name", STYLES)
def test_colors_and_strokes(name):
    """A style image has many colors, and structure at several scales."""
    path = FOLDER / name
    assert path.stat().st_size < 400_000
    picture = cv2.imread(str(path))
    assert picture.shape == (700, 900, 3)
    lab = cv2.cvtColor(picture.astype(np.float32) / 255, cv2.COLOR_BGR2LAB)
    assert np.hypot(lab[..., 1].std(), lab[..., 2].std()) > 15
    blurred = [cv2.GaussianBlur(lab[..., 0], (0, 0), sigma) for sigma in (1, 3, 9, 27)]
    for fine, coarse in pairwise(blurred):
        assert (fine - coarse).std() > 2.5  # of 100 steps of lightness


@pytest.mark.slow
@pytest.mark.parametrize("name", STYLES)
def test_committed_style(name, tmp_path):
    """The committed style image is what the code makes."""
    image = STYLES[name]()
    committed = cv2.imread(str(FOLDER / name))[..., ::-1]
    write_style(tmp_path / name, image)
    again = cv2.imread(str(tmp_path / name))[..., ::-1]
    assert np.abs(again.astype(float) - committed).mean() < 0.5  # JPEG's own loss cancels out


@pytest.mark.parametrize("tone", [0.2, 0.5, 0.8])
def test_woodcut_tone(tone):
    """Carved lines cover the share of the paper that the tone asks for."""
    phase = np.broadcast_to(np.arange(4000) / (10 * woodcut.FINE), (3, 4000))
    ink = woodcut._lines(phase, np.full(phase.shape, tone), np.zeros(phase.shape), 10)
    assert ink.mean() == pytest.approx(tone, abs=0.02)


def test_mosaic_region():
    """Stones fill their region, stay inside, and do not touch."""
    plan = np.full(mosaic.LAID, mosaic.NAMES.index("sky"), np.uint8)
    cv2.circle(plan, (500, 500), 160, mosaic.NAMES.index("sun"), -1)
    bed = mosaic._Bed(np.random.default_rng(3))
    mosaic._lay_region(bed, plan, "sun", 28)
    region = plan == mosaic.NAMES.index("sun")
    assert not bed.stones[~region].any()
    assert 0.6 < bed.stones[region].mean() < 0.95
    count, _ = cv2.connectedComponents(bed.stones)
    assert count - 1 > 60  # touching stones would run together: the disc has room for about 100


def test_mosaic_stones_are_cut():
    """A stone is cut where other stones and the rim of the region leave no room."""
    bed, region = mosaic._Bed(np.random.default_rng(3)), np.zeros(mosaic.LAID, np.uint8)
    region[400:600, 400:600] = 1
    bed.lay(region, 500, 500, 0.0, 28, np.array([200.0, 0, 0]))
    first = bed.stones.copy()
    bed.lay(region, 515, 500, 0.0, 28, np.array([0.0, 0, 200]))
    bed.lay(region, 400, 450, 0.0, 28, np.array([0.0, 200, 0]))
    assert (bed.rgb[first > 0] == (200, 0, 0)).all()
    second = (bed.rgb == (0, 0, 200)).all(axis=-1)
    assert second.sum() > 150
    assert not (second & (cv2.dilate(first, np.ones((3, 3), np.uint8)) > 0)).any()  # grout lies between
    assert (bed.rgb == (0, 200, 0)).all(axis=-1).sum() > 150
    assert not bed.stones[region == 0].any()


def test_swirl_strokes():
    """Strokes follow a circular field along circles."""
    y, x = np.indices(swirls.SHAPE, np.float32)
    around = np.arctan2(y - 350, x - 450) + np.pi / 2
    starts = np.array([[450.0, 250.0], [600.0, 350.0]])
    paths = swirls._traced(around, starts, np.array([60.0, 60.0]), steps=30)
    radius = np.hypot(paths[..., 0] - 450, paths[..., 1] - 350)
    assert np.abs(radius - np.array([[100.0], [150.0]])).max() < 2.5
    chord = np.linalg.norm(paths[:, -1] - paths[:, 0], axis=1)
    assert chord == pytest.approx(2 * np.array([100, 150]) * np.sin(30 / np.array([100, 150])), abs=1)
