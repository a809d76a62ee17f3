"""Which pairs of clip and style image a benchmark takes, and what their folders are called."""

from __future__ import annotations

import argparse
from pathlib import Path

from benchmarks.inputs import add_pairs, pair_name, pairs_of


def parsed(*arguments: str) -> list[tuple[Path, Path]]:
    parser = argparse.ArgumentParser()
    add_pairs(parser)
    return pairs_of(parser.parse_args(arguments))


def test_product():
    """Every clip in every style image; without options the sample clip."""
    pairs = parsed("--clips", "a.mp4", "b.mp4", "--styles", "c.jpg", "d.jpg")
    assert [(str(clip), str(style)) for clip, style in pairs] == [
        ("a.mp4", "c.jpg"),
        ("a.mp4", "d.jpg"),
        ("b.mp4", "c.jpg"),
        ("b.mp4", "d.jpg"),
    ]
    assert parsed() == [(Path("sample_media/clip.mp4"), Path("sample_media/styles/swirls.jpg"))]


def test_pairs():
    """Single pairs replace the product."""
    assert parsed("--pairs", "a.mp4", "c.jpg", "--pairs", "b.mp4", "d.jpg") == [
        (Path("a.mp4"), Path("c.jpg")),
        (Path("b.mp4"), Path("d.jpg")),
    ]


def test_names(tmp_path):
    """A folder of frames is named with its parent: many are called frames."""
    (tmp_path / "bmx.trees" / "frames").mkdir(parents=True)
    assert pair_name((tmp_path / "bmx.trees" / "frames", Path("x/lilies.jpg"))) == "bmx.trees_frames_lilies"
    assert pair_name((Path("y/bear.mp4"), Path("x/lilies.jpg"))) == "bear_lilies"
