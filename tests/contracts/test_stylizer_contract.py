"""What every stylizer of the table keeps: stopped after any frame, a fresh object continues to the same bits."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise

import cv2
import numpy as np
import pytest
import torch

from tests.support.style_models import example, written
from tests.support.thin_vgg import picture, thin_vgg, thin_weights
from videostyle.errors import Cancelled
from videostyle.frames import Motion
from videostyle.losses.style_targets import StyleTargets
from videostyle.losses.terms import Weights
from videostyle.models.model_file import to_bytes
from videostyle.models.weights import WEIGHTS
from videostyle.option_groups import OptimizerOptions
from videostyle.stylizers.base import FrameInput, Iteration, OnIteration, State, StylizedFrame, Stylizer, ignore
from videostyle.stylizers.lbfgs import LBFGS
from videostyle.stylizers.optimize import Optimize
from videostyle.stylizers.schedule import IterationSchedule
from videostyle.stylizers.settings import StylizerSettings
from videostyle.stylizers.shared import Shared
from videostyle.stylizers.table import STYLIZERS, MakeStylizer
from videostyle.temporal.consistency import estimate_motion
from videostyle.temporal.flow import FLOWS
from videostyle.tensors import to_tensor

SIZE = (32, 48)
COUNT = 6  # the last frame repeats the one before it


def prepare_with_large_pairs(settings: StylizerSettings, shared: Shared) -> MakeStylizer:
    """Optimize with curvature pairs in bfloat16, as large frames have them."""
    targets = StyleTargets(thin_vgg(), [to_tensor(style, "cpu") for style in settings.styles])
    return lambda on_iteration: Optimize(
        targets,
        settings,
        on_iteration,
        optimizer=LBFGS(bounds=(0.0, 1.0), large=0),
    )


def prepare_grayscale(settings: StylizerSettings, shared: Shared) -> MakeStylizer:
    return STYLIZERS["optimize"].prepare(replace(settings, grayscale=True), shared)


def prepare_begin_with(settings: StylizerSettings, shared: Shared) -> MakeStylizer:
    return STYLIZERS["optimize"].prepare(
        replace(settings, optimizer=OptimizerOptions(begin_with=settings.style_model)), shared
    )


def prepare_neighbors(settings: StylizerSettings, shared: Shared) -> MakeStylizer:
    return STYLIZERS["optimize"].prepare(replace(settings, optimizer=OptimizerOptions(objective="neighbors")), shared)


PREPARE: dict[str, Callable[[StylizerSettings, Shared], MakeStylizer]] = {
    **{name: kind.prepare for name, kind in STYLIZERS.items()},
    "optimize, large pairs": prepare_with_large_pairs,
    "optimize, grayscale": prepare_grayscale,
    "optimize, begin with": prepare_begin_with,
    "optimize, neighbors": prepare_neighbors,
}


@pytest.fixture(scope="module")
def settings(tmp_path_factory) -> StylizerSettings:
    path = written(tmp_path_factory.mktemp("model"), to_bytes(example()))
    style = (picture(30, 40, 9)[0].permute(1, 2, 0).numpy() * 255).astype(np.uint8)
    schedule = IterationSchedule(first=6, least=1, most=7, for_new=3)
    return StylizerSettings(styles=(style,), style_model=path, weights=Weights(), schedule=schedule)


@pytest.fixture(scope="module", params=PREPARE)
def make(request, settings) -> Callable[..., Stylizer]:
    """Makes a fresh stylizer; its one argument, the OnIteration, can be left out."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(WEIGHTS, "vgg19", thin_weights)
        prepared = PREPARE[request.param](settings, Shared())

    def make(on_iteration: OnIteration = ignore) -> Stylizer:
        return prepared(on_iteration)

    return make


@pytest.fixture(scope="module")
def frames() -> list[np.ndarray]:
    """A textured ground that drifts to the left, and a disc that crosses it to the right; the last frame stands still."""
    random = np.random.default_rng(0)
    ground = cv2.GaussianBlur(random.integers(0, 256, (SIZE[0], 80, 3), np.uint8), (0, 0), 2)
    ground = cv2.normalize(ground, None, 20, 235, cv2.NORM_MINMAX)
    images = []
    for index in range(COUNT - 1):
        image = np.ascontiguousarray(ground[:, 2 * index : 2 * index + SIZE[1]])
        images.append(cv2.circle(image, (12 + 3 * index, 16), 7, (230, 40, 30), -1))
    return [*images, images[-1].copy()]


@pytest.fixture(scope="module")
def inputs(frames) -> list[FrameInput]:
    """The frames with their motion; two of them with the motion to a keyframe, the first frame and then the third."""
    flow = FLOWS["dis"]("cpu")
    motions: list[Motion | None] = [None, *(estimate_motion(before, now, flow) for before, now in pairwise(frames))]
    for index, keyframe in ((2, 0), (4, 2)):
        to_keyframe = estimate_motion(frames[keyframe], frames[index], flow)
        motions[index] = replace(motions[index], to_keyframe=to_keyframe, is_keyframe=index == 2)
    return [FrameInput(image, moved, index) for index, (image, moved) in enumerate(zip(frames, motions, strict=True))]


@pytest.fixture(scope="module")
def uninterrupted(make, inputs) -> list[list[StylizedFrame]]:
    """What every step returns, and `finish` last, when nothing interrupts."""
    stylizer = make()
    return [*(stylizer.step(frame) for frame in inputs), stylizer.finish()]


def through_a_file(state: State) -> State:
    file = io.BytesIO()
    np.savez(file, **state)
    file.seek(0)
    with np.load(file, allow_pickle=False) as stored:
        return {name: stored[name] for name in stored.files}


def same(ours: list[StylizedFrame], theirs: list[StylizedFrame]) -> bool:
    def comparable(frame: StylizedFrame) -> tuple:  # losses as text: an unknown one (NaN) does not equal itself
        return frame.picture.tobytes(), str((frame.loss, frame.spatial_loss)), frame.iterations, frame.new_share

    return list(map(comparable, ours)) == list(map(comparable, theirs))


def test_clip_moves(inputs):
    """The clip used here moves, and a part of each frame is new."""
    for frame in inputs[1:-1]:
        assert np.abs(frame.motion.flow).max() > 1
        assert 0.02 < frame.motion.new_share < 0.98


@pytest.mark.parametrize("done", range(COUNT + 1))
def test_restore_continues_to_the_same_bits(make, inputs, uninterrupted, done):
    first = make()
    for frame in inputs[:done]:
        first.step(frame)
    state = through_a_file(first.state())
    torch.rand(1)  # the global random generator must not matter
    second = make()
    second.restore(state)
    rest = [*(second.step(frame) for frame in inputs[done:]), second.finish()]
    for stylized, expected in zip(rest, uninterrupted[done:], strict=True):
        assert same(stylized, expected)


def test_state_has_no_side_effect(make, inputs, uninterrupted):
    """Taking the state changes nothing, and later steps do not change a state that was taken."""
    stylizer, taken = make(), []
    for frame, expected in zip(inputs, uninterrupted, strict=False):
        assert same(stylizer.step(frame), expected)
        state = stylizer.state()
        taken.append((state, {name: array.copy() for name, array in state.items()}))
    for state, copy in taken:
        for name, array in state.items():
            np.testing.assert_array_equal(array, copy[name])


def test_state_is_plain_arrays(make, frames):
    stylizer = make()
    for state in (stylizer.state(), stylizer.step(FrameInput(frames[0])) and stylizer.state()):
        for name, array in state.items():
            assert isinstance(name, str)
            assert isinstance(array, np.ndarray)
            assert array.dtype != object


def test_state_is_empty_only_without_memory(make, inputs):
    """A state may be empty only where a picture does not depend on the frames before it."""
    first, alone = make(), make()
    first.step(inputs[0])
    (carried,), (fresh,) = first.step(inputs[1]), alone.step(FrameInput(inputs[1].image))
    assert bool(first.state()) is (carried.picture.tobytes() != fresh.picture.tobytes())


def test_lookahead(make, uninterrupted):
    """Every frame is returned once, and no later than `lookahead` says."""
    lookahead = make().lookahead
    returned = 0
    for taken, finished in enumerate(uninterrupted[:-1], 1):
        returned += len(finished)
        assert taken - lookahead <= returned <= taken
    assert returned + len(uninterrupted[-1]) == COUNT


def test_stylized_frames_are_consistent(uninterrupted, inputs):
    """Pictures are float32 in [0, 1], and the figures beside them fit each other."""
    stylized = [frame for step in uninterrupted for frame in step]
    for frame, given in zip(stylized, inputs, strict=True):
        assert frame.picture.shape == (*SIZE, 3)
        assert frame.picture.dtype == np.float32
        assert frame.picture.min() >= 0
        assert frame.picture.max() <= 1
        assert frame.picture.std() > 0.02
        known = 0 < frame.spatial_loss <= frame.loss < np.inf
        assert known or (frame.iterations == 0 and np.isnan((frame.loss, frame.spatial_loss)).all())
        assert frame.iterations >= 0
        assert frame.new_share == (1 if given.motion is None else given.motion.new_share)


def test_input_is_not_modified(make, frames):
    image = frames[0].copy()
    make().step(FrameInput(image))
    assert np.array_equal(image, frames[0])


def test_16_bit_input(make, inputs, uninterrupted, request):
    """16-bit frames give the pictures of the 8-bit ones."""
    stylizer = make()
    # luminance of 8 bits is rounded once more, and iterations amplify that: one frame, with a wider tolerance
    count, atol = (1, 0.06) if "grayscale" in request.node.name else (2, 0.02)
    for frame, expected in zip(inputs[:count], uninterrupted, strict=False):
        wide = replace(frame, image=frame.image.astype(np.uint16) * 257)
        (stylized,) = stylizer.step(wide) or stylizer.finish()
        np.testing.assert_allclose(stylized.picture, expected[0].picture, atol=atol)


def test_iterations_are_reported(make, inputs, uninterrupted):
    """For every frame, with a growing share of its work, up to all of it and the finished picture."""
    reports: list[Iteration] = []
    stylizer = make(reports.append)
    for frame, expected in zip(inputs, uninterrupted, strict=False):
        reports.clear()
        stylizer.step(frame)
        fractions = [report.fraction for report in reports]
        assert fractions == sorted(fractions)
        assert 0 <= fractions[0] <= fractions[-1] == 1
        last = reports[-1].picture[0].permute(1, 2, 0).numpy()
        np.testing.assert_array_equal(last, expected[0].picture)
        assert str((reports[-1].loss, reports[-1].spatial_loss)) == str((expected[0].loss, expected[0].spatial_loss))


def test_exception_of_on_iteration_ends_the_step(make, frames):
    def cancel(iteration: Iteration) -> None:
        raise Cancelled("enough")

    with pytest.raises(Cancelled):
        make(cancel).step(FrameInput(frames[0]))


def test_continue_from_a_stylized_frame(make, inputs, uninterrupted):
    """The next frame is stylized as a later one; motion may be used, and the step succeeds."""
    stylizer = make()
    stylizer.continue_from(uninterrupted[0][0].picture, inputs[0].image)
    stylized = [*stylizer.step(inputs[1]), *stylizer.finish()]
    assert len(stylized) == 1
    assert stylized[0].new_share == inputs[1].motion.new_share


@pytest.mark.parametrize("name", STYLIZERS)
def test_table_costs(name, settings):
    """Costs of an entry are positive and grow with the frame."""
    kind = STYLIZERS[name]
    small, large = (90, 160), (180, 320)
    assert 0 < kind.memory.needed(small) < kind.memory.needed(large)
    assert 0 < kind.first_work(small, settings) < kind.first_work(large, settings)
    assert 0 < kind.later_work(small, 3) < kind.later_work(large, 3)
