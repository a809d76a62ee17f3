"""Cut detection against clips whose cuts are known because the test made them."""

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from videostyle.temporal.cuts import CUT_SCORE, ISOLATED_CUT_SCORE, ShotDetector, difference, normalized_thumbnail

HEIGHT, WIDTH = 72, 128


def scene(seed, width=WIDTH, color=(0.0, 0.0, 0.0)):
    """A smooth random pattern with the structure of a scene: large shapes and some texture."""
    noise = np.random.default_rng(seed).normal(size=(HEIGHT, width, 3)).astype(np.float32)
    picture = cv2.GaussianBlur(noise, (0, 0), 12)
    fine = cv2.GaussianBlur(noise, (0, 0), 2)
    picture = 120 + 45 * picture / picture.std() + 12 * fine / fine.std() + np.float32(color)
    return np.clip(np.rint(picture), 0, 255).astype(np.uint8)


SCENES = [scene(seed) for seed in range(12)]


def cuts(frames):
    """The ordinals that start a new shot."""
    detector = ShotDetector()
    pushed = [ordinal for frame in frames for ordinal in detector.push(frame)]
    return pushed + detector.finish()


def brightened(picture, gain):
    return np.clip(np.rint(picture * np.float32(gain)), 0, 255).astype(np.uint8)


def noisy(picture, sigma, seed):
    noise = np.random.default_rng(seed).normal(0, sigma, picture.shape)
    return np.clip(np.rint(picture + noise), 0, 255).astype(np.uint8)


@settings(max_examples=20)
@given(lengths=st.lists(st.integers(1, 6), min_size=1, max_size=8))
def test_hard_cuts_between_still_scenes(lengths):
    """All of them are reported, whatever the lengths of the shots, and nothing else."""
    frames = [SCENES[shot] for shot, length in enumerate(lengths) for _ in range(length)]
    assert cuts(frames) == [int(start) for start in np.cumsum(lengths)[:-1]]


def test_cuts_three_frames_apart_in_motion():
    wide = [scene(seed, width=WIDTH + 60) for seed in (20, 21, 22)]
    frames = [wide[0][:, 2 * i : 2 * i + WIDTH] for i in range(10)]
    frames += [wide[1][:, 2 * i : 2 * i + WIDTH] for i in range(3)]
    frames += [wide[2][:, 2 * i : 2 * i + WIDTH] for i in range(10)]
    assert cuts(frames) == [10, 13]


def test_unlike_stills():
    """A folder of unrelated pictures has one shot per picture."""
    assert cuts(SCENES) == list(range(1, 12))


def test_lookahead():
    """A cut is reported two frames later; one among the last two frames by finish()."""
    detector = ShotDetector()
    answers = [detector.push(SCENES[0 if i < 5 else 1 if i < 9 else 2]) for i in range(10)]
    assert answers == [[], [], [], [], [], [], [], [5], [], []]
    assert detector.lookahead == 2
    assert detector.finish() == [9]


@pytest.mark.parametrize("length", [0, 1, 2])
def test_clip_shorter_than_the_lookahead(length):
    assert cuts(SCENES[:length]) == list(range(1, length))


@pytest.mark.parametrize("light", [255, 0])
def test_single_frame_flash(light):
    """One white or black frame is not a cut, nor is the frame after it."""
    frames = [SCENES[0]] * 12
    frames[6] = np.full_like(SCENES[0], light)
    assert cuts(frames) == []


def test_longer_brightening():
    """A brightening of several frames is not a cut."""
    frames = [brightened(SCENES[0], 0.5 if not 4 <= i < 8 else 0.95) for i in range(14)]
    assert cuts(frames) == []


def test_cut_soon_after_a_flash():
    frames = [SCENES[0]] * 6 + [np.full_like(SCENES[0], 255)] + [SCENES[0]] * 2 + [SCENES[1]] * 5
    assert cuts(frames) == [9]


def test_fades_from_and_to_black():
    """A noisy fade from or to black is not a cut."""
    gains = [0, 0, 0, *np.linspace(0, 1, 13), 1, 1, *np.linspace(1, 0, 13), 0, 0]
    frames = [noisy(brightened(SCENES[3], gain), 1.5, i) for i, gain in enumerate(gains)]
    assert cuts(frames) == []


def test_fast_pan():
    """A pan by 6 % of the width per frame is not a cut."""
    wide = scene(30, width=WIDTH + 240)
    assert cuts([wide[:, 8 * i : 8 * i + WIDTH] for i in range(30)]) == []


def test_noisy_scenes_of_similar_color():
    """The cut between them is detected; the noise itself makes none."""
    frames = [noisy(scene(40 if i < 8 else 41, color=(30, 0, -30)), 20, i) for i in range(16)]
    assert cuts(frames) == [8]


def test_flicker():
    """Brightness that jumps between 70 and 100 % from frame to frame is not a cut."""
    frames = [noisy(brightened(SCENES[5], (0.7, 1.0, 0.8)[i % 3]), 5, i) for i in range(12)]
    assert cuts(frames) == []


def test_extreme_aspect_ratios():
    rows = [np.full((1, 300, 3), 9, np.uint8), np.full((300, 2, 3), 9, np.uint8)]
    assert [cuts([row] * 4) for row in rows] == [[], []]


def test_cut_to_a_similar_view():
    """The difference alone could be motion; the cut is detected because the neighboring frames stand still."""
    near = np.rint(0.6 * SCENES[0] + 0.4 * SCENES[1]).astype(np.uint8)
    score = difference(normalized_thumbnail(SCENES[0]), normalized_thumbnail(near))
    assert ISOLATED_CUT_SCORE < score < CUT_SCORE
    assert cuts([SCENES[0]] * 6 + [near] * 6) == [6]


def test_score_is_the_mean_absolute_difference():
    """Exactly, in float64: scores are compared with thresholds."""
    a, b = (normalized_thumbnail(picture) for picture in SCENES[:2])
    assert difference(a, b) == np.abs(a.astype(int) - b.astype(int)).sum() / a.size
    assert difference(a, a) == 0
