import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from layerscope.tape import receptive_fields, record


class Branches(nn.Module):
    """A stack of layers whose every second output may be joined with its input."""

    def __init__(self, layers, joins):
        super().__init__()
        self.layers = nn.ModuleList(layers)
        self.joins = joins

    def forward(self, x):
        for layer, join in zip(self.layers, self.joins, strict=True):
            y = layer(x)
            if join and y.shape == x.shape:
                y = y + x if join == "sum" else torch.cat([y, x], 1)[:, : x.shape[1]]
            x = y
        return x


def all_ones(module):
    """Make every path carry something, so that what can be seen is seen."""
    for parameter in module.parameters():
        nn.init.ones_(parameter)
    return module


@st.composite
def layers(draw):
    kind = draw(st.sampled_from(["conv", "average"]))
    kernel = draw(st.integers(1, 4))
    stride = draw(st.integers(1, 2))
    padding = draw(st.integers(0, kernel // 2))
    if kind == "average":
        return nn.AvgPool1d(kernel, stride, padding, ceil_mode=draw(st.booleans()))
    return nn.Conv1d(1, 1, kernel, stride, padding, dilation=draw(st.integers(1, 2)))


@given(
    stack=st.lists(layers(), min_size=1, max_size=4),
    joins=st.lists(st.sampled_from(["", "sum"]), min_size=4, max_size=4),
)
@settings(max_examples=60, deadline=None)
def test_the_receptive_field_is_what_a_gradient_reaches(stack, joins):
    size = 64
    net = all_ones(Branches(stack, joins[: len(stack)]))
    images = torch.ones(1, 1, size, requires_grad=True)
    out = net(images)
    tape = record(net, images.detach())
    (field,) = receptive_fields(tape)[tape.output]
    for position in range(out.shape[-1]):
        (reached,) = torch.autograd.grad(out[0, 0, position], images, retain_graph=True)
        touched = reached[0, 0].nonzero()[:, 0]
        first = position * field.stride + field.first
        last = position * field.stride + field.last
        if len(touched):
            assert touched.min() >= first
            assert touched.max() <= last
        if first >= 0 and last < size:
            assert (touched.min(), touched.max()) == (first, last)


def test_a_layer_behind_global_pooling_sees_the_whole_input():
    net = nn.Sequential(nn.Conv2d(3, 4, 3), nn.AdaptiveAvgPool2d(1), nn.Conv2d(4, 4, 1))
    tape = record(net, torch.zeros(1, 3, 9, 9))
    assert receptive_fields(tape)[tape.output][0].size == math.inf


def test_pieces_of_features_without_space_have_a_field_without_axes():
    class Half(nn.Module):
        def forward(self, x):
            return x[:, :1] * x[:, 1:]

    tape = record(Half(), torch.zeros(2, 2))
    assert receptive_fields(tape)[tape.output] == ()


def test_a_resized_map_has_no_known_field():
    net = nn.Sequential(nn.Conv2d(3, 4, 3), nn.Upsample(scale_factor=2), nn.Conv2d(4, 4, 1))
    tape = record(net, torch.zeros(1, 3, 9, 9))
    assert tape.output not in receptive_fields(tape)


class Through(nn.Module):
    """Two convolutions with something between them."""

    def __init__(self, between):
        super().__init__()
        self.first, self.between, self.last = nn.Conv2d(1, 2, 3), between, nn.Conv2d(2, 2, 3)

    def forward(self, x):
        return self.last(self.between(self.first(x)))


@pytest.mark.parametrize(
    "between",
    [
        lambda x: x[:, :, 3:, 5:],
        lambda x: x[..., 2:-2, 1:-4],
        lambda x: x[:, [1, 0], ::2, 1::3],
        lambda x: x[:, :, 2:-2, 2:-2] + torch.nn.functional.avg_pool2d(x, 5, 1),
    ],
)
def test_a_crop_and_a_stride_are_followed(between):
    net = all_ones(Through(between))
    images = torch.ones(1, 1, 20, 23, requires_grad=True)
    out = net(images)
    tape = record(net, images.detach())
    fields = receptive_fields(tape)[tape.output]
    for place in [(0, 0), (2, 1), (out.shape[2] - 1, out.shape[3] - 1)]:
        (reached,) = torch.autograd.grad(out[0, 0][place], images, retain_graph=True)
        for axis, (field, position) in enumerate(zip(fields, place, strict=True)):
            touched = reached[0, 0].sum(1 - axis).nonzero()[:, 0]
            first, last = touched.min().item(), touched.max().item()
            assert (first, last) == (
                position * field.stride + field.first,
                position * field.stride + field.last,
            )


@pytest.mark.parametrize(
    "between",
    [
        nn.ConvTranspose2d(2, 2, 7, padding=3),
        nn.Linear(18, 18),
        lambda x: x.mT,
        lambda x: x @ x.mT,
        lambda x: x.flip(3),
        lambda x: x.roll(4, 2),
        lambda x: x.cumsum(-1),
        lambda x: x.sort(-1).values,
        lambda x: x[..., torch.arange(17, -1, -1)],
        lambda x: x.index_select(3, torch.arange(17, -1, -1)),
        lambda x: torch.fft.ifft2(torch.fft.fft2(x)).real,
    ],
)
def test_what_reads_or_moves_other_positions_has_no_known_field(between):
    tape = record(Through(between), torch.randn(1, 1, 20, 20))
    assert tape.output not in receptive_fields(tape)


@pytest.mark.parametrize("mode", ["reflect", "replicate"])
@pytest.mark.parametrize(("pad", "kernel", "stride"), [(1, 3, 1), (2, 5, 2), (3, 3, 1), (3, 1, 2)])
def test_what_padding_reads_inside_lies_in_the_field(mode, pad, kernel, stride):
    net = all_ones(
        nn.Sequential(
            nn.Conv1d(1, 1, 3, 2),
            (nn.ReflectionPad1d if mode == "reflect" else nn.ReplicationPad1d)(pad),
            nn.Conv1d(1, 1, kernel, stride),
        )
    )
    tape = record(net, torch.ones(1, 1, 31))
    for layer in ("1", "2"):
        (value,) = tape.layers[layer]
        (field,) = receptive_fields(tape)[value]
        images = torch.ones(1, 1, 31, requires_grad=True)
        out = net[: int(layer) + 1](images)
        for position in range(out.shape[-1]):
            (reached,) = torch.autograd.grad(out[0, 0, position], images, retain_graph=True)
            touched = reached[0, 0].nonzero()[:, 0]
            assert touched.min() >= position * field.stride + field.first
            assert touched.max() <= position * field.stride + field.last


def test_a_convolution_that_reflects_as_far_as_it_reaches_sees_no_more_than_its_kernel():
    for mode in ("reflect", "replicate", "zeros"):
        net = nn.Conv2d(1, 1, 5, padding=2, padding_mode=mode)
        tape = record(net, torch.zeros(1, 1, 9, 9))
        assert {field.size for field in receptive_fields(tape)[tape.output]} == {5}


def test_padding_that_wraps_around_has_no_known_field():
    net = nn.Conv2d(1, 1, 3, padding=1, padding_mode="circular")
    tape = record(net, torch.zeros(1, 1, 9, 9))
    assert tape.output not in receptive_fields(tape)
