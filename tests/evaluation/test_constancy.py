"""Color constancy of pictures whose colors are changed by a known distance."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from videostyle.evaluation.constancy import ColorConstancy, blurred_lab, color_distance, colors_of

SIZE = (90, 160)
NOTHING = np.zeros(SIZE, bool)
RIGHT = np.zeros(SIZE, bool)
RIGHT[:, SIZE[1] // 2 :] = True


def lab(color: tuple[float, float, float]) -> np.ndarray:
    """sRGB in [0, 1] as CIE Lab with D65, by the formulas of the standards."""
    value = np.array(color)
    linear = np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4)
    to_xyz = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
    xyz = to_xyz @ linear / to_xyz.sum(axis=1)
    x, y, z = np.where(xyz > (6 / 29) ** 3, np.cbrt(xyz), xyz / (3 * (6 / 29) ** 2) + 4 / 29)
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


def distance(first: tuple[float, float, float], second: tuple[float, float, float]) -> float:
    return float(np.linalg.norm(lab(first) - lab(second)))


def plain(color: tuple[float, float, float], size: tuple[int, int] = SIZE) -> np.ndarray:
    return np.full((*size, 3), color, np.float32)


def halves(left: tuple[float, float, float], right: tuple[float, float, float]) -> np.ndarray:
    return np.where(RIGHT[..., None], plain(right), plain(left))


SNOW, SKY, YELLOW, WHITE = (0.8, 0.82, 0.85), (0.2, 0.3, 0.7), (0.9, 0.8, 0.2), (0.9, 0.9, 0.95)


def test_lab() -> None:
    """The Lab of a plain picture is that of its color, whatever the blur."""
    for color in (SNOW, SKY, YELLOW, WHITE, (0, 0, 0), (1, 1, 1), (0.1, 0.6, 0.2)):
        np.testing.assert_allclose(blurred_lab(plain(color)), np.broadcast_to(lab(color), (*SIZE, 3)), atol=0.4)


def test_drift() -> None:
    """Half of the picture is stylized in another color than in the shot's first frame: the mean is half the distance."""
    shot, source = ColorConstancy(), halves(SNOW, SKY)
    first = shot.scores(halves(WHITE, SKY), source, NOTHING)
    assert (first.color_drift, first.source_color_drift) == (None, None)
    same = shot.scores(halves(WHITE, SKY), source, NOTHING)
    assert (same.color_drift, same.source_color_drift) == (0, 0)
    changed = shot.scores(halves(YELLOW, SKY), source, NOTHING)
    assert changed.color_drift == pytest.approx(distance(WHITE, YELLOW) / 2, rel=0.05)
    assert changed.source_color_drift == 0
    again = shot.scores(halves(WHITE, SKY), source, NOTHING)
    assert again.color_drift == 0, "the first frame is the reference, not the last one"


def test_moved() -> None:
    """A thing keeps its color wherever it moves to; one that stays in its place in the picture does not."""
    shot = ColorConstancy()
    shot.scores(halves(WHITE, YELLOW), halves(SNOW, SKY), NOTHING)
    moved = shot.scores(halves(YELLOW, WHITE), halves(SKY, SNOW), NOTHING)
    assert moved.color_drift == pytest.approx(0, abs=1)
    stuck = shot.scores(halves(WHITE, YELLOW), halves(SKY, SNOW), NOTHING)
    assert stuck.color_drift == pytest.approx(distance(WHITE, YELLOW), rel=0.06)


def test_new() -> None:
    """Snow comes in at the right and is stylized in yellow, the rest of it in white."""
    source = plain(SNOW)
    scores = ColorConstancy().scores(halves(WHITE, YELLOW), source, RIGHT)
    # the blur mixes the two along their border
    assert scores.color_new == pytest.approx(distance(WHITE, YELLOW), rel=0.1)
    assert scores.source_color_new == 0
    kept = ColorConstancy().scores(plain(WHITE), source, RIGHT)
    assert kept.color_new == 0
    other = ColorConstancy().scores(halves(WHITE, YELLOW), halves(SNOW, SKY), NOTHING)
    assert other.color_new is None


def test_source_floor() -> None:
    """A source whose own light changes within a bin has a floor: the distance of its own colors."""
    shot, brighter = ColorConstancy(), (0.82, 0.84, 0.87)
    shot.scores(plain(WHITE), plain(SNOW), NOTHING)
    scores = shot.scores(plain(WHITE), plain(brighter), NOTHING)
    assert scores.color_drift == 0
    assert scores.source_color_drift == pytest.approx(distance(SNOW, brighter), abs=0.3)


def test_gray() -> None:
    """Grays with a trace of any tint are of one bin."""
    shot = ColorConstancy()
    shot.scores(plain(WHITE), plain((0.5, 0.5, 0.5)), NOTHING)
    for tint in ((0.502, 0.5, 0.498), (0.498, 0.5, 0.502), (0.5, 0.502, 0.5), (0.5, 0.498, 0.5)):
        scores = shot.scores(plain(YELLOW), plain(tint), NOTHING)
        assert scores.color_drift == pytest.approx(distance(WHITE, YELLOW), rel=0.02)


def test_wide() -> None:
    """A wider picture has the same figures."""
    grain = np.random.default_rng(1).normal(0, 0.1, (*SIZE, 3)).astype(np.float32)
    pictures = [np.clip(picture + grain, 0, 1) for picture in (halves(WHITE, YELLOW), halves(SNOW, SNOW))]
    small = ColorConstancy().scores(*pictures, RIGHT).color_new
    wide = [np.repeat(np.repeat(picture, 4, axis=0), 4, axis=1) for picture in (*pictures, RIGHT)]
    assert ColorConstancy().scores(*wide).color_new == pytest.approx(small, rel=0.02)


def test_bins() -> None:
    """Each bin has a number of its own, at every corner of the color space; bins below half a percent are left out."""
    corners = [lab((r, g, b)) for r in (0, 1) for g in (0, 1) for b in (0, 1)]
    corners.append(np.array([36, 72, 12]))  # one step of a from blue, ten of b
    source = np.repeat(np.array(corners, np.float32)[:, None], 100, axis=1)
    bins = colors_of(source, source).values()
    assert [count for count, _ in bins] == [100] * 9
    assert {tuple(mean.round()) for _, mean in bins} == {tuple(corner.round()) for corner in corners}
    source = np.zeros((10, 100, 3), np.float32)
    source[0, :5], source[1, :4] = (50, -40, 40), (50, -40, -40)
    assert sorted(count for count, _ in colors_of(source, source).values()) == [5, 991]


def test_weights() -> None:
    """Bins count by their pixels in the frame that is judged, and only where the reference has them."""
    source = np.zeros((10, 100, 3), np.float32)
    source[:3], source[3:4], source[4:] = (20, 0, 0), (50, 0, 0), (80, 0, 0)
    now, first = source.copy(), source.copy()
    now[:3, :, 1], now[3:4, :, 1] = 10, 30
    first_bins = {name: bin_ for name, bin_ in colors_of(source, first).items() if bin_[1][0] < 70}
    assert color_distance(colors_of(source, now), first_bins) == pytest.approx((300 * 10 + 100 * 30) / 400)
    assert color_distance(colors_of(source, now), {}) is None


def test_blur() -> None:
    """Strokes much finer than the blur count as their mean color."""
    stripes = plain((0.2, 0.2, 0.2))
    stripes[:, ::2] = (0.8, 0.8, 0.8)
    assert cv2.cvtColor(stripes, cv2.COLOR_RGB2Lab)[..., 0].std() > 20
    np.testing.assert_allclose(blurred_lab(stripes)[..., 0], lab((0.5, 0.5, 0.5))[0], atol=1)
