"""The clip's sound: a plucked tune over wind in the first scene and waves in the second."""

from __future__ import annotations

import numpy as np

SAMPLE_RATE = 48000

# beats (a third of a second each), semitones above A3 (220 Hz)
TUNE = (
    *((0, 0), (0.5, 7), (1, 12), (1.5, 16), (2, 14), (2.5, 12), (3, 9), (3.5, 12), (4, 7), (4.5, 4), (5, 9), (5.5, 7)),
    *((6, 5), (6.5, 9), (7, 12), (7.5, 17), (8, 16), (8.5, 14), (9, 12), (9.5, 7), (10, 4), (10.5, 7), (11, 12)),
)
BASS = ((0, -12), (2, -5), (4, -12), (6, -7), (8, -5), (10, -12))
BEAT = 1 / 3


def _pluck(rng: np.random.Generator, pitch: float, seconds: float) -> np.ndarray:
    """A plucked string: partials that fade the sooner the higher they are, with the string's slight stiffness."""
    time = np.arange(int(seconds * SAMPLE_RATE)) / SAMPLE_RATE
    tone = np.zeros_like(time)
    for partial in range(1, 13):
        exact = pitch * partial * np.sqrt(1 + 0.0004 * partial**2)
        if exact > 9000:
            break
        strength = np.sin(np.pi * partial * 0.23) / partial
        tone += (
            strength * np.exp(-time * (1.3 + 0.8 * partial)) * np.sin(2 * np.pi * exact * time + rng.uniform(0, 0.3))
        )
    return tone * np.minimum(1, time / 0.004)


def _hiss(rng: np.random.Generator, count: int, low: float, high: float) -> np.ndarray:
    """Noise whose spectrum falls off outside `low` to `high` hertz; deviation 1."""
    spectrum = np.fft.rfft(rng.standard_normal(count))
    hertz = np.fft.rfftfreq(count, 1 / SAMPLE_RATE)
    spectrum *= (hertz / (hertz + low)) ** 2 / (1 + (hertz / high) ** 2)
    rough = np.fft.irfft(spectrum, count)
    return rough / rough.std()


def _strings(rng: np.random.Generator, count: int) -> np.ndarray:
    sound = np.zeros((2, count))
    for notes, strength, place in ((TUNE, 0.20, 0.62), (BASS, 0.26, 0.42)):
        for beat, semitones in notes:
            start = int((beat * BEAT + 0.05) * SAMPLE_RATE)
            tone = strength * _pluck(rng, 220 * 2 ** (semitones / 12), 1.8)[: count - start]
            for side, share in enumerate((1 - place, place)):
                sound[side, start : start + len(tone)] += share * tone
    return sound


def make(seconds: float, cut: float) -> np.ndarray:
    """float32 (2, samples) in [-1, 1] at SAMPLE_RATE; wind until `cut` (seconds), then the sea. Fades in and out."""
    rng = np.random.default_rng(2024)
    count = round(seconds * SAMPLE_RATE)
    time = np.arange(count) / SAMPLE_RATE
    at_sea = np.clip((time - cut) / 0.25 + 0.5, 0, 1)
    sound = _strings(rng, count)
    for side in (0, 1):
        wind = _hiss(rng, count, 120, 700) * (0.02 + 0.012 * np.sin(2 * np.pi * 0.45 * time + side))
        surf = _hiss(rng, count, 200, 2600) * (0.03 + 0.025 * np.sin(2 * np.pi * 0.8 * (time - cut) - 1 + 0.4 * side))
        sound[side] += wind * (1 - at_sea) + surf * at_sea
    fade = np.clip(np.minimum(time / 0.15, (seconds - time) / 0.6), 0, 1)
    sound *= np.sin(fade * np.pi / 2) ** 2
    return (0.8 * sound / np.abs(sound).max()).astype(np.float32)
