"""What each implementation of VGG-19 promises the losses, and that all give the same numbers."""

from __future__ import annotations

from collections.abc import Callable, Collection

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.replay import ReplayedOnCPU
from tests.support.thin_vgg import LOSS_LAYERS, copied_activations, double_weights, picture, thin_weights
from videostyle.models.fast.cuda_graph import GraphedVGG19
from videostyle.models.fast.inplace import InPlaceVGG19
from videostyle.models.vgg import LAYERS, VGG19, Features
from videostyle.models.weights import VGGWeights

Make = Callable[[VGGWeights, torch.dtype], Features]

IMPLEMENTATIONS: dict[str, Make] = {
    "plain": lambda weights, dtype: VGG19(weights, "cpu", dtype),
    "in place": InPlaceVGG19,
    "graphed": lambda weights, dtype: GraphedVGG19(weights, "cpu", dtype, ReplayedOnCPU()),
}


@pytest.fixture(params=IMPLEMENTATIONS)
def features(request) -> Features:
    return IMPLEMENTATIONS[request.param](thin_weights(), torch.float32)


def pulled(
    features: Features, image: torch.Tensor, layers: Collection[str] = LOSS_LAYERS
) -> tuple[dict[str, torch.Tensor], torch.Tensor]:
    """The activations, and the gradient of the sum of their products with fixed random numbers."""
    activations = {layer: item.clone() for layer, item in features.forward(image, layers).items()}
    random = torch.Generator().manual_seed(image.shape[2])
    pull = {layer: torch.randn(activations[layer].shape, generator=random, dtype=image.dtype) for layer in activations}
    called = []

    def add_gradient(layer: str, shown: torch.Tensor, gradient: torch.Tensor) -> None:
        torch.testing.assert_close(shown, activations[layer], rtol=0, atol=0)
        called.append(layer)
        gradient += pull[layer]

    gradient = features.backward(add_gradient)
    assert called == list(activations)[::-1]
    return activations, gradient


@pytest.mark.parametrize("name", [name for name in IMPLEMENTATIONS if name != "plain"])
@settings(max_examples=40)
@given(st.integers(16, 70), st.integers(16, 70), st.data())
def test_same_as_the_plain_network(name, height, width, data):
    """In double precision: no two pixels of a pool are equal but for rounding, which would change where a gradient goes."""
    layers = data.draw(st.sets(st.sampled_from(LAYERS), min_size=1))
    features, plain = (IMPLEMENTATIONS[item](double_weights(), torch.float64) for item in (name, "plain"))
    image = picture(height, width).double()
    (actual, gradient), (expected, slope) = pulled(features, image, layers), pulled(plain, image, layers)
    assert set(actual) == layers
    for layer, item in actual.items():
        torch.testing.assert_close(item, expected[layer], rtol=1e-6, atol=1e-6 * float(item.abs().max()))
    torch.testing.assert_close(gradient, slope, rtol=1e-5, atol=1e-6 * float(slope.abs().max()))


def test_layers_in_the_networks_order(features):
    assert features.layers == LAYERS
    assert list(features.forward(picture(20, 30), {"relu4_2", "relu1_1", "relu3_4"})) == [
        "relu1_1",
        "relu3_4",
        "relu4_2",
    ]


def test_activations_do_not_depend_on_which_others_are_asked_for(features):
    image = picture(33, 50)
    whole = copied_activations(features, image)
    for layer, item in copied_activations(features, image, ["relu1_1", "relu4_2"]).items():
        torch.testing.assert_close(item, whole[layer])


def test_gradient_shape_and_layout(features):
    _, gradient = pulled(features, picture(20, 30))
    assert gradient.shape == (1, 3, 20, 30)
    assert gradient.is_contiguous(memory_format=torch.channels_last)
    assert not gradient.requires_grad


def test_image_is_left_as_it_was(features):
    image = 3 * picture(20, 30) - 1
    kept = image.clone()
    pulled(features, image)
    assert torch.equal(image, kept)
    assert not image.requires_grad


def test_values_outside_0_to_1_pass_through(features):
    image = 3 * picture(16, 16) - 1
    first, clamped = (copied_activations(features, item)["relu1_1"] for item in (image, image.clamp(0, 1)))
    assert not torch.equal(first, clamped)


def test_memory_layout_of_the_image_does_not_matter(features):
    image = picture(24, 32)
    (one, gradient), (other, slope) = pulled(features, image), pulled(features, image.contiguous())
    for layer in one:
        torch.testing.assert_close(one[layer], other[layer])
    torch.testing.assert_close(gradient, slope)


def test_released_memory_is_taken_again(features):
    first = pulled(features, picture(40, 30))[1]
    features.release()
    assert torch.equal(pulled(features, picture(40, 30))[1], first)


def test_one_size_after_another(features):
    """Nothing of an earlier image is left in the memory of the next."""
    plain = VGG19(thin_weights())
    for size in ((16, 16), (70, 33), (33, 70), (70, 33), (20, 18)):
        image = picture(*size)
        (actual, gradient), (expected, slope) = pulled(features, image), pulled(plain, image)
        for layer, item in actual.items():
            torch.testing.assert_close(item, expected[layer], rtol=1e-4, atol=1e-5)
        assert float((gradient - slope).norm() / slope.norm()) < 1e-3


def test_forward_only_passes(features):
    """Without grad mode there is no graph to hold, and the next full pass is as always."""
    expected = pulled(features, picture(40, 30))[1]
    with torch.no_grad():
        features.forward(picture(40, 30, 1), ["relu4_2"])
    assert torch.equal(pulled(features, picture(40, 30))[1], expected)


def test_run_calls_the_work(features):
    """With the state and the image of each call."""

    class Factor:
        def __init__(self, value: float):
            self.value = torch.tensor(value)

    for value in (2.0, 3.0):
        image = picture(16, 16, int(value))
        (actual,) = features.run(lambda state, x: (x * state[0].value,), [Factor(value)], image)
        torch.testing.assert_close(actual, image * value)
