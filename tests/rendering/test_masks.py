"""Runs with masks and regions: the clip where the mask is black, to the bit, and each region in its own style."""

from __future__ import annotations

import shutil
import threading
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from PIL import Image

from tests.support.clips import gradient, make_clip
from tests.support.runs import SIZE, moving_disc, names_in, quick_job
from tests.support.style_models import write_style_model
from tests.support.thin_vgg import copied_activations, thin_vgg
from videostyle import run
from videostyle.errors import BadInput, BadOption, BadOutput, Cancelled
from videostyle.events import Progress, Saved
from videostyle.frames import Frame
from videostyle.losses.guides import place_weights
from videostyle.losses.style_targets import StyleTargets
from videostyle.losses.terms import STYLE_LAYERS, gram
from videostyle.losses.tiles import tiles_of
from videostyle.media.sources import open_source
from videostyle.rendering.checkpoint import Interval
from videostyle.rendering.run import render
from videostyle.style_images import load_style
from videostyle.tensors import to_tensor

COUNT = 4


def sweep(index: int, soft: bool = False) -> np.ndarray:
    """A mask whose white lies left of a border that moves to the right, uint8 (H, W)."""
    edge = 14 + 6 * index
    columns = np.clip(0.5 + (edge - np.arange(SIZE[1])) / 10, 0, 1) if soft else np.arange(SIZE[1]) < edge
    return np.repeat((255 * columns).astype(np.uint8)[None], SIZE[0], 0)


@pytest.fixture(scope="module")
def source(tmp_path_factory) -> Path:
    """A film whose RGB is stored exactly."""
    path = tmp_path_factory.mktemp("masked") / "in.mkv"
    return make_clip(path, moving_disc(COUNT), rate=10, codec="ffv1", pix_fmt="bgr0")


def mask_film(path: Path, masks: list[np.ndarray]) -> Path:
    pictures = [mask[..., None].repeat(3, 2) for mask in masks]
    return make_clip(path, pictures, rate=10, codec="ffv1", pix_fmt="bgr0")


@pytest.fixture(scope="module")
def mask(tmp_path_factory) -> Path:
    """A film of `sweep`."""
    return mask_film(tmp_path_factory.mktemp("mask") / "mask.mkv", [sweep(index) for index in range(COUNT)])


@pytest.fixture(scope="module")
def other_style(tmp_path_factory) -> Path:
    """A style image unlike the other: coarse stripes of two colors."""
    stripes = np.where(np.arange(48)[:, None, None] // 6 % 2, (250, 40, 20), (20, 60, 40)).astype(np.uint8)
    path = tmp_path_factory.mktemp("style") / "stripes.png"
    Image.fromarray(stripes.repeat(48, 1)).save(path)
    return path


def read(path: Path) -> list[Frame]:
    return list(open_source(path).frames())


# --- the clip where the mask is black ---------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["out", "out.mkv"])
@pytest.mark.parametrize("soft", [False, True])
def test_black_is_the_clip(source, style, tmp_path, name, soft):
    """Bit for bit in a folder of PNGs and in FFV1; white is painted, gray between both."""
    masks = [sweep(index, soft) for index in range(COUNT)]
    path = mask_film(tmp_path / "m.mkv", masks)
    options = {"codec": "ffv1", "crf": None} if name.endswith(".mkv") else {}
    run(quick_job(source, style, tmp_path / "whole", mask=None))
    run(quick_job(source, style, tmp_path / name, mask=path, **options))
    for original, written, own in zip(moving_disc(COUNT), read(tmp_path / name), masks, strict=True):
        assert np.array_equal(written.image[own <= 4], original[own <= 4])
        difference = np.abs(written.image.astype(int) - original).mean(axis=2)
        assert difference[own >= 251].mean() > 5
        if soft:
            gray = (own > 30) & (own < 100)
            assert 0 < difference[gray].mean() < difference[own > 155].mean()


def test_black_at_the_source_size(source, style, mask, tmp_path):
    """With --output-size source the clip at its own size, however small it was stylized."""
    run(quick_job(source, style, tmp_path / "out", mask=mask, size=32, output_size="source"))
    for index, (original, written) in enumerate(zip(moving_disc(COUNT), read(tmp_path / "out"), strict=True)):
        assert written.image.shape == original.shape
        assert np.array_equal(written.image[sweep(index) == 0], original[sweep(index) == 0])
        assert np.abs(written.image.astype(int) - original)[sweep(index) > 0].mean() > 5


def test_deep_source(style, tmp_path):
    """Of 16 bits all are kept."""
    (tmp_path / "in").mkdir()
    image = gradient(*SIZE).astype(np.uint16) * 251
    cv2.imwrite(str(tmp_path / "in" / "1.png"), image[..., ::-1])
    Image.fromarray(sweep(0)).save(tmp_path / "m.png")
    run(quick_job(tmp_path / "in", style, tmp_path / "out", mask=tmp_path / "m.png"))
    written = read(tmp_path / "out")[0].image
    assert written.dtype == np.uint16
    assert np.array_equal(written[:, 14:], image[:, 14:])
    assert not np.array_equal(written[:, :14], image[:, :14])


@pytest.mark.parametrize("engine", ["optimize", "model"])
def test_black_frames_are_written_untouched(source, style, tmp_path, engine):
    """They cost no iteration; the first frame in which something is painted is stylized like a shot's first."""
    black = np.zeros(SIZE, np.uint8)
    path = mask_film(tmp_path / "m.mkv", [black, black, 255 - black, 255 - black])
    if engine == "model":
        style = write_style_model(tmp_path / "a.vstyle")
    options = {} if engine == "optimize" else {"first_iterations": None, "iterations": None}
    report = run(quick_job(source, style, tmp_path / "out", mask=path, **options))
    written = [frame.image for frame in read(tmp_path / "out")]
    changes = [np.abs(a.astype(int) - b).mean() for a, b in zip(written, moving_disc(COUNT), strict=True)]
    assert changes[:2] == [0, 0]
    assert min(changes[2:]) > 5
    if engine == "optimize":
        assert [frame.iterations for frame in report.frames] == [0, 0, 4, 1]


def test_invert_and_grow(source, style, mask, tmp_path):
    run(quick_job(source, style, tmp_path / "out", mask=mask, mask_invert=True, mask_grow=-2))
    for index, (original, written) in enumerate(zip(moving_disc(COUNT), read(tmp_path / "out"), strict=True)):
        painted = np.arange(SIZE[1]) >= 14 + 6 * index + 2
        assert np.array_equal(written.image[:, ~painted], original[:, ~painted])
        assert np.abs(written.image.astype(int) - original)[:, painted].mean() > 5


def test_transparent_clip(style, tmp_path):
    """With `alpha` as its mask, what is transparent is the clip too, and its alpha is kept."""
    alpha = sweep(1)
    image = np.dstack([gradient(*SIZE), alpha])
    Image.fromarray(image).save(tmp_path / "in.png")
    run(quick_job(tmp_path / "in.png", style, tmp_path / "out.png", mask="alpha"))
    written = np.asarray(Image.open(tmp_path / "out.png"))
    assert np.array_equal(written[..., 3], alpha)


# --- regions ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("swapped", [False, True])
def test_each_region_has_its_style(source, style, other_style, mask, tmp_path, swapped):
    """On both sides of a moving mask the Gram distance to the side's own style is lower than to the other's."""
    plain, own = (other_style, style) if swapped else (style, other_style)
    options = {"first_iterations": 40, "iterations": 8, "style_weight": 100.0}
    run(quick_job(source, plain, tmp_path / "out", region=f"{mask}={own}", **options))
    for index, frame in enumerate(read(tmp_path / "out")):
        inside = sweep(index) > 0
        for part, right, wrong in ((inside, own, plain), (~inside, plain, own)):
            assert gram_distance(frame.image, part, right) < gram_distance(frame.image, part, wrong)


def gram_distance(image: np.ndarray, part: np.ndarray, style: Path) -> float:
    """The mean over layers of the relative Gram distance of a part of an image, without its border, from a style image."""
    guide = torch.from_numpy(cv2.erode(part.astype(np.float32), np.ones((5, 5))))[None, None]
    features, layers, (tile,) = thin_vgg(), STYLE_LAYERS[:3], tiles_of(SIZE)
    target = StyleTargets(features, [to_tensor(load_style(style), "cpu")]).at(SIZE)["style"]
    own = copied_activations(features, to_tensor(image, "cpu"), layers)
    (weights,) = place_weights(guide, [tile], layers)
    grams = {layer: gram(layer, own[layer], tile, weights[layer]) for layer in layers}
    distances = [(grams[layer] - target[layer]).square().sum() / target[layer].square().sum() for layer in layers]
    return float(torch.stack(distances).mean())


def test_still_clip(other_style, style, mask, tmp_path):
    """Where nothing moves but the mask, the paint follows it: what it has left is not held."""
    source = make_clip(tmp_path / "in.mkv", moving_disc(1) * COUNT, rate=10, codec="ffv1", pix_fmt="bgr0")
    options = {"first_iterations": 20, "iterations": None, "preset": "draft"}
    report = run(quick_job(source, style, tmp_path / "out", region=f"{mask}={other_style}", **options))
    assert min(frame.iterations for frame in report.frames) > 0
    frames = [frame.image.astype(int) for frame in read(tmp_path / "out")]
    for index in range(1, COUNT):
        change = np.abs(frames[index] - frames[index - 1]).mean(axis=(0, 2))
        edge = 14 + 6 * index
        assert change[edge - 4 : edge].mean() > 3 * change[edge + 6 :].mean()


def test_region_of_style_models(source, tmp_path, mask):
    """The picture is each model's own on its side of the mask."""
    models = [write_style_model(tmp_path / f"{seed}.vstyle", seed=seed) for seed in (1, 2)]
    options = {"first_iterations": None, "iterations": None}
    for number, model in enumerate(models):
        run(quick_job(source, model, tmp_path / f"whole{number}", **options))
    run(quick_job(source, models[0], tmp_path / "out", region=f"{mask}={models[1]}", **options))
    plain, own, both = (read(tmp_path / name) for name in ("whole0", "whole1", "out"))
    for index in range(COUNT):
        inside = sweep(index) > 0
        assert np.array_equal(both[index].image[inside], own[index].image[inside])
        assert np.array_equal(both[index].image[~inside], plain[index].image[~inside])
    assert not np.array_equal(plain[0].image, own[0].image)


# --- resuming, identity, refusals -------------------------------------------------------------------------------------


@pytest.mark.parametrize("after", [1, 2, 3])
def test_resume(source, style, other_style, mask, tmp_path, after):
    """A run with mask and region that is interrupted gives the same bytes."""
    options = {"mask": mask, "mask_feather": 3.0, "region": f"luma:0.5-1:grow=1={other_style}"}
    run(quick_job(source, style, tmp_path / "whole", **options))
    job = quick_job(source, style, tmp_path / "out", **options)
    stop_after(job, after)
    run(job)
    assert names_in(tmp_path / "whole") == names_in(tmp_path / "out")
    for name in names_in(tmp_path / "whole"):
        assert (tmp_path / "whole" / name).read_bytes() == (tmp_path / "out" / name).read_bytes()


def stop_after(job, count: int) -> None:
    """Interrupt a run once so many frames are saved."""
    cancel = threading.Event()

    def watch(event) -> None:
        if isinstance(event, Saved) and event.frames >= count:
            cancel.set()

    with pytest.raises(Cancelled):
        render(job, Progress(watch, cancel), Interval(0, float("inf")))


def test_changed_mask_is_another_run(source, style, mask, tmp_path):
    """An interrupted run goes on with the same file under another name, and not with another file or setting."""
    job = quick_job(source, style, tmp_path / "out", mask=mask)
    stop_after(job, 1)
    other = mask_film(tmp_path / "other.mkv", [255 - sweep(index) for index in range(COUNT)])
    with pytest.raises(BadOutput, match="had other settings: the mask was"):
        run(quick_job(source, style, tmp_path / "out", mask=other))
    with pytest.raises(BadOutput, match=r"--mask was a file, grow 0.* and is now a file, grow 2"):
        run(quick_job(source, style, tmp_path / "out", mask=mask, mask_grow=2))
    shutil.copy(mask, tmp_path / "copy.mkv")
    run(quick_job(source, style, tmp_path / "out", mask=tmp_path / "copy.mkv"))


def test_report_has_the_masks(source, style, other_style, mask, tmp_path):
    report = run(quick_job(source, style, tmp_path / "out", mask=mask, region=(f"{mask}:invert={other_style}",)))
    assert report.options["mask"] == str(mask)
    assert report.options["region"] == [f"{mask}:invert={other_style}"]


@pytest.mark.parametrize(("options", "error", "sentence"), [
    ({"mask": "no.png"}, BadInput, "--mask no.png does not exist"),
    ({"region": "no.png={style}"}, BadInput, "--region no.png does not exist"),
    ({"region": "{mask}=no.jpg"}, BadInput, "style no.jpg does not exist"),
    ({"mask": "alpha"}, BadOption, "--mask alpha has no effect, as .*in.mkv is opaque"),
    ({"region": "alpha={style}"}, BadOption, "--region alpha has no effect, as .*in.mkv is opaque"),
    ({"mask": "{short}"}, BadInput, "--mask .*short.mkv ends after 0.10 s"),
    ({"region": "{short}={style}"}, BadInput, "--region .*short.mkv ends after 0.10 s"),
    ({"mask": "{folder}", "fps": "5"}, BadOption, "matched with the frames by order, and --fps leaves some of them out"),
])  # fmt: skip
def test_refused(source, style, mask, tmp_path, options, error, sentence):
    """Before the first frame is painted, and nothing is left behind."""
    short = mask_film(tmp_path / "short.mkv", [sweep(0)])
    (tmp_path / "folder").mkdir()
    Image.fromarray(sweep(0)).save(tmp_path / "folder" / "1.png")
    files = {"style": style, "mask": mask, "short": short, "folder": tmp_path / "folder"}
    before = names_in(tmp_path)
    with pytest.raises(error, match=sentence):
        run(
            quick_job(source, style, tmp_path / "out", **{name: text.format(**files) for name, text in options.items()})
        )
    assert names_in(tmp_path) == before
