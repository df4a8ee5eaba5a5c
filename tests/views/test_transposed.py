"""The transposed convolution against autograd, with few and with many channels below."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional as F

from layerscope.views.rules import transposed

CONVOLVE = (F.conv1d, F.conv2d, F.conv3d)


@st.composite
def convolutions(draw):
    """Draw weights, an input's shape and how it is convolved."""
    axes = draw(st.integers(1, 3))
    each = st.tuples(*[st.integers(1, 4)] * axes)
    kernel, groups = draw(each), draw(st.sampled_from([1, 1, 1, 2]))
    padding = tuple(draw(st.integers(0, k)) for k in kernel)
    size = tuple(draw(st.integers(k, k + 6)) for k in kernel)
    plain = draw(st.booleans())
    stride = (1,) * axes if plain else draw(st.tuples(*[st.integers(1, 2)] * axes))
    channels = draw(st.integers(1, 5))
    call = {"stride": stride, "dilation": (1,) * axes, "groups": groups}
    return (2 * groups, channels, *kernel), (2, channels * groups, *size), call, padding


@given(convolutions())
@settings(max_examples=150, deadline=None)
def test_it_is_the_gradient_to_what_a_convolution_reads(drawn):
    weight_shape, shape, call, padding = drawn
    weight = torch.randn(weight_shape, dtype=torch.float64)
    seen = torch.randn(shape, dtype=torch.float64, requires_grad=True)
    answer = CONVOLVE[len(padding) - 1](
        seen, weight, None, call["stride"], padding, call["dilation"], call["groups"]
    )
    grad = torch.randn_like(answer)
    (expected,) = torch.autograd.grad(answer, seen, grad)
    found = transposed.carried_down(grad, weight, shape[2:], call, padding)
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize(
    ("channels", "kernel", "stride", "blocks"),
    [
        (3, (5, 5), (1, 1), [2, 2]),
        (1, (5, 5), (1, 1), [4, 4]),
        (1, (5,), (1,), [4]),
        (3, (1, 5), (1, 1), [1, 4]),
        (16, (5, 5), (1, 1), [1, 1]),
        (3, (5, 5), (2, 2), [1, 1]),
    ],
)
def test_few_channels_below_are_computed_in_blocks(channels, kernel, stride, blocks):
    weight = torch.zeros(32, channels, *kernel)
    call = {"stride": stride, "dilation": (1,) * len(kernel), "groups": 1}
    assert transposed._blocks(weight, call, (0,) * len(kernel)) == blocks
