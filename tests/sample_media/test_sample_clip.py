"""The sample clip: its motion is exact, drawing is reproducible, and the committed file is what the code draws."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

import sample_media
from sample_media import figure, meadow, sea
from sample_media.clip import CUT, FRAMES, RATE, SIZE, exact_flow, render
from sample_media.figure import STANCE, bent, foot
from sample_media.layers import Sprite, composite, drawn_at, motion, moved_view, shift, turn
from sample_media.sound import SAMPLE_RATE

CLIP = Path(sample_media.__file__).parent / "clip.mp4"


def warped(image: np.ndarray, flow: np.ndarray) -> np.ndarray:
    rows, columns = np.indices(SIZE, np.float32)
    return cv2.remap(image, columns + flow[..., 0], rows + flow[..., 1], cv2.INTER_LINEAR).astype(np.float32)


@pytest.mark.parametrize(("index", "to"), [(1, None), (45, None), (70, None), (95, None), (20, 21), (44, 45), (69, 70)])
def test_warp_by_exact_flow(index, to):
    """The other frame, warped by the exact flow, is this frame."""
    now, before = render(index).astype(np.float32), render(index - 1 if to is None else to)
    flow, visible = exact_flow(index, to)
    moved = np.abs(warped(before, flow) - now).mean(axis=-1)[visible]
    still = np.abs(before - now).mean(axis=-1)[visible]
    assert visible.mean() > 0.75
    assert moved.mean() < 1.8  # what is left is the blur of resampling: measured 0.5 to 1.3 on the frames of the clip
    assert moved.mean() < still.mean() / 3
    assert np.percentile(moved, 99) < 16


def test_exact_flow_to_half_a_pixel():
    """A flow that is off by half a pixel fits worse in every direction."""
    now, before = render(31).astype(np.float32), render(30)
    flow, visible = exact_flow(31)
    right = np.abs(warped(before, flow) - now)[visible].mean()
    for wrong in ((0.5, 0), (-0.5, 0), (0, 0.5), (0, -0.5)):
        assert np.abs(warped(before, flow + np.array(wrong, np.float32)) - now)[visible].mean() > 1.5 * right


def test_visible():
    """Points that were occluded or outside the frame are not visible."""
    flow, visible = exact_flow(45)
    rows, columns = np.indices(SIZE)
    x, y = columns + flow[..., 0], rows + flow[..., 1]
    outside = (x < 0) | (x > SIZE[1] - 1) | (y < 0) | (y > SIZE[0] - 1)
    assert outside.any()
    assert not (visible & outside).any()
    change = np.abs(warped(render(44), flow) - render(45)).mean(axis=-1)
    assert (~visible & ~outside & (change > 40)).sum() > 50  # the moving figure disoccludes something in every frame


def test_no_flow_across_the_cut():
    """There is no flow across the cut, nor before the first frame."""
    for ends in ((0,), (CUT,), (CUT - 1, CUT)):
        flow, visible = exact_flow(*ends)
        assert flow.shape == (*SIZE, 2)
        assert not flow.any()
        assert not visible.any()
    assert exact_flow(CUT + 1)[1].any()


@pytest.mark.parametrize("index", [-1, FRAMES])
def test_frame_out_of_range(index):
    """Frames outside the clip are refused."""
    with pytest.raises(ValueError, match="frames 0 to 95"):
        render(index)
    with pytest.raises(ValueError, match="frames 0 to 95"):
        exact_flow(index)


def test_one_cut():
    """The clip has one cut, and no other change is as abrupt."""
    with av.open(str(CLIP)) as file:
        small = [cv2.resize(frame.to_ndarray(format="gray"), (80, 45)) for frame in file.decode(video=0)]
    steps = np.array([np.abs(b.astype(float) - a).mean() for a, b in pairwise(small)])
    assert int(steps.argmax()) + 1 == CUT
    rest = np.delete(steps, CUT - 1)
    assert steps[CUT - 1] > 5 * rest.max()
    assert rest.max() < 3 * np.median(rest)


def test_motion_of_a_rotation():
    """Two sprites of known motion: a card turning about a point in front of a still wall."""
    wall = Sprite(np.full((760, 1320, 4), 255, np.uint8), drawn_at(-10, -10))
    card = np.full((100, 140, 4), 255, np.uint8)

    def scene(angle: float) -> list[Sprite]:
        return [wall, Sprite(card, shift(300, 200) @ turn(angle) @ drawn_at(-35, -25))]

    flow, visible = motion(scene(0.1), scene(0.0))
    assert np.allclose(flow[40, 40], 0)
    away = np.array([10.0, -7.0])
    expected = turn(-0.1)[:2, :2] @ away - away
    assert np.allclose(flow[193, 310], expected, atol=1e-5)
    assert visible[193, 310]
    assert visible[40, 40]
    assert not visible[223, 268:272].any()  # disoccluded by the turn
    assert not flow[223, 268:272].any()


def test_moved_view():
    """A moved camera shows points of an upright and of a level plane where projection, f (X - C) / (Z - Cz), puts them."""
    camera, horizon = np.array([0.7, -0.2, 1.1]), 150.0
    middle = (SIZE[1] - 1) / 2

    def projected(point, eye):
        x, y, z = np.asarray(point) - eye
        return np.array([640 * x / z + middle, 640 * y / z + horizon])

    for point, normal, distance in (((1.5, 0.4, 9.0), (0, 0, 1), 9.0), ((-2.0, 1.8, 7.0), (0, 1, 0), 1.8)):
        there = moved_view(camera, normal, distance, horizon) @ [*projected(point, np.zeros(3)), 1]
        assert np.allclose(there[:2] / there[2], projected(point, camera))


def test_standing_foot():
    """A standing foot does not slide on the ground."""
    reach, frames = 30.0, 20.0
    speed = 2 * reach / (STANCE * frames)
    standing = [f for f in range(int(frames)) if f / frames < STANCE]
    spots = [foot(f / frames, reach, 8.0)[0] + speed * f for f in standing]
    assert np.ptp(spots) < 1e-9
    assert foot(STANCE - 1e-9, reach, 8.0)[:2] == pytest.approx(foot(STANCE, reach, 8.0)[:2], abs=1e-5)
    assert foot(1 - 1e-9, reach, 8.0)[:2] == pytest.approx(foot(0, reach, 8.0)[:2], abs=1e-2)


def test_bent():
    """Two bent bones reach from the hip to the ankle, and the knee points ahead."""
    hip, ankle = np.array([3.0, -70.0]), np.array([22.0, -8.0])
    first, second = bent(hip, ankle, (38, 36), 1)
    knee = hip + 38 * np.array([np.sin(first), np.cos(first)])
    assert np.allclose(knee + 36 * np.array([np.sin(second), np.cos(second)]), ankle)
    assert np.cross([*(ankle - hip), 0], [*(knee - hip), 0])[2] < 0  # the knee points ahead


def test_committed_clip():
    """The committed clip has the frames and times that the code draws."""
    with av.open(str(CLIP)) as file:
        frames = list(file.decode(video=0))
    assert len(frames) == FRAMES
    assert [Fraction(frame.pts) * frame.time_base for frame in frames] == [k / RATE for k in range(FRAMES)]
    for index in (0, 59, CUT, 95):
        decoded = frames[index].to_ndarray(format="rgb24").astype(np.float32)
        assert decoded.shape == (*SIZE, 3)
        drawn = render(index).astype(np.float32)
        assert np.abs(decoded - drawn).mean() < 6
        assert np.abs(decoded.mean(axis=(0, 1)) - drawn.mean(axis=(0, 1))).max() < 2.5  # the colors are tagged right
    assert CLIP.stat().st_size < 1_500_000


def test_sound():
    """The sound is stereo, as long as the clip, fades out, and does not clip."""
    with av.open(str(CLIP)) as file:
        stream = file.streams.audio[0]
        assert (stream.codec_context.name, stream.codec_context.channels, stream.rate) == ("aac", 2, SAMPLE_RATE)
        sound = np.concatenate([frame.to_ndarray() for frame in file.decode(stream)], axis=1)
    assert abs(sound.shape[1] / SAMPLE_RATE - float(FRAMES / RATE)) < 0.05
    assert 0.5 < np.abs(sound).max() < 0.95
    loudness = np.sqrt((sound[:, : 4 * SAMPLE_RATE].reshape(2, 40, -1) ** 2).mean(axis=(0, 2)))
    assert loudness[1:-6].min() > 0.01
    assert max(loudness[-1], np.abs(sound[:, :200]).max()) < 0.01


@pytest.mark.parametrize("draw", [sea._headland, sea._boat, meadow._birch, meadow._fence, figure._dog_parts])
def test_layers_are_reproducible(draw):
    """Drawing a layer again gives the same pixels."""
    first, again = draw(), draw.__wrapped__()
    if isinstance(first, dict):
        first, again = list(first.values()), list(again.values())
    assert all(np.array_equal(one, other) for one, other in zip(first, again, strict=True))


@pytest.mark.parametrize("frame", [0, 59])
@pytest.mark.parametrize("scene", [meadow, sea])
def test_no_holes(scene, frame):
    """The layers leave no hole: a bright wall behind them changes nothing."""
    sprites = scene.sprites(frame * (0.6 if scene is sea else 1))
    wall = Sprite(np.full((740, 1300, 4), (255, 0, 255, 255), np.uint8), drawn_at(-5, -5))
    assert np.array_equal(composite([wall, *sprites]), composite(sprites))


@pytest.mark.parametrize("angle", [0, np.pi / 2, np.pi, -np.pi / 2])
def test_rotation_about_a_pixel(angle):
    """A square turned about a pixel stays centered on that pixel."""
    square = Sprite(np.full((42, 42, 4), 255, np.uint8), shift(300, 200) @ turn(angle) @ drawn_at(-10, -10))
    expected = np.zeros((*SIZE, 3), np.uint8)
    expected[190:211, 290:311] = 255
    assert np.abs(composite([square]).astype(int) - expected).max() <= 1
