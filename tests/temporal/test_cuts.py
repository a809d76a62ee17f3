import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from videostyle.temporal.cuts import PERHAPS_UNLIKE, UNLIKE, ShotDetector, _normalized

HEIGHT, WIDTH = 72, 128


def _scene(seed, width=WIDTH, color=(0.0, 0.0, 0.0)):
    """A smooth random pattern with the structure of a scene: large shapes and some texture."""
    noise = np.random.default_rng(seed).normal(size=(HEIGHT, width, 3)).astype(np.float32)
    picture = cv2.GaussianBlur(noise, (0, 0), 12)
    fine = cv2.GaussianBlur(noise, (0, 0), 2)
    picture = 120 + 45 * picture / picture.std() + 12 * fine / fine.std() + np.float32(color)
    return np.clip(np.rint(picture), 0, 255).astype(np.uint8)


SCENES = [_scene(seed) for seed in range(12)]


def _cuts(frames):
    detector = ShotDetector()
    found = [place for frame in frames for place in detector.push(frame)]
    return found + detector.finish()


def _scaled(picture, gain):
    return np.clip(np.rint(picture * np.float32(gain)), 0, 255).astype(np.uint8)


def _noisy(picture, sigma, seed):
    noise = np.random.default_rng(seed).normal(0, sigma, picture.shape)
    return np.clip(np.rint(picture + noise), 0, 255).astype(np.uint8)


@settings(max_examples=20)
@given(lengths=st.lists(st.integers(1, 6), min_size=1, max_size=8))
def test_every_hard_cut_between_still_scenes_is_found_and_nothing_else(lengths):
    frames = [SCENES[shot] for shot, length in enumerate(lengths) for _ in range(length)]
    assert _cuts(frames) == [int(start) for start in np.cumsum(lengths)[:-1]]


def test_cuts_three_frames_apart_inside_moving_shots():
    wide = [_scene(seed, width=WIDTH + 60) for seed in (20, 21, 22)]
    frames = [wide[0][:, 2 * i : 2 * i + WIDTH] for i in range(10)]
    frames += [wide[1][:, 2 * i : 2 * i + WIDTH] for i in range(3)]
    frames += [wide[2][:, 2 * i : 2 * i + WIDTH] for i in range(10)]
    assert _cuts(frames) == [10, 13]


def test_a_folder_of_stills_is_a_shot_each():
    assert _cuts(SCENES) == list(range(1, 12))


def test_a_cut_is_known_two_frames_later_and_the_last_ones_at_the_end():
    detector = ShotDetector()
    answers = [detector.push(SCENES[0 if i < 5 else 1 if i < 9 else 2]) for i in range(10)]
    assert answers == [[], [], [], [], [], [], [], [5], [], []]
    assert detector.lookahead == 2
    assert detector.finish() == [9]


@pytest.mark.parametrize("length", [0, 1, 2])
def test_clips_shorter_than_the_lookahead(length):
    assert _cuts(SCENES[:length]) == list(range(1, length))


@pytest.mark.parametrize("light", [255, 0])
def test_one_frame_of_blinding_light_or_darkness_is_no_cut(light):
    frames = [SCENES[0]] * 12
    frames[6] = np.full_like(SCENES[0], light)
    assert _cuts(frames) == []


def test_a_longer_flash_that_only_brightens_is_no_cut():
    frames = [_scaled(SCENES[0], 0.5 if not 4 <= i < 8 else 0.95) for i in range(14)]
    assert _cuts(frames) == []


def test_a_cut_right_after_a_flash_is_found():
    frames = [SCENES[0]] * 6 + [np.full_like(SCENES[0], 255)] + [SCENES[0]] * 2 + [SCENES[1]] * 5
    assert _cuts(frames) == [9]


def test_fades_from_and_to_black_are_no_cuts():
    gains = [0, 0, 0, *np.linspace(0, 1, 13), 1, 1, *np.linspace(1, 0, 13), 0, 0]
    frames = [_noisy(_scaled(SCENES[3], gain), 1.5, i) for i, gain in enumerate(gains)]
    assert _cuts(frames) == []


def test_a_fast_pan_is_no_cut():
    wide = _scene(30, width=WIDTH + 240)
    assert _cuts([wide[:, 8 * i : 8 * i + WIDTH] for i in range(30)]) == []


def test_noisy_scenes_of_like_colors_are_told_apart_and_the_noise_is_no_cut():
    frames = [_noisy(_scene(40 if i < 8 else 41, color=(30, 0, -30)), 20, i) for i in range(16)]
    assert _cuts(frames) == [8]


def test_flicker_is_no_cut():
    frames = [_noisy(_scaled(SCENES[5], (0.7, 1.0, 0.8)[i % 3]), 5, i) for i in range(12)]
    assert _cuts(frames) == []


def test_extreme_shapes_are_taken():
    rows = [np.full((1, 300, 3), 9, np.uint8), np.full((300, 2, 3), 9, np.uint8)]
    assert [_cuts([row] * 4) for row in rows] == [[], []]


def test_a_cut_to_a_view_that_shares_much_with_the_last_is_found_in_a_calm_clip():
    """Too alike for a difference that could as well be motion; that all is calm around it tells."""
    near = np.rint(0.6 * SCENES[0] + 0.4 * SCENES[1]).astype(np.uint8)
    difference = np.abs(_normalized(SCENES[0]).astype(int) - _normalized(near)).mean()
    assert PERHAPS_UNLIKE < difference < UNLIKE
    assert _cuts([SCENES[0]] * 6 + [near] * 6) == [6]
