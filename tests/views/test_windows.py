import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from layerscope.nets import study_2d
from layerscope.views import Scope
from layerscope.views.methods import deconvnet as way
from layerscope.views.projection import position_seeds, project
from layerscope.views.rules import COMPOSITES
from layerscope.views.windows import chain_below
from zoo import build


@st.composite
def stacks(draw, axes):
    """Random chains of convolutions, rectifiers and pools, overlapping and ceil-mode ones too."""
    conv = (nn.Conv1d, nn.Conv2d, nn.Conv3d)[axes - 1]
    pool = (nn.MaxPool1d, nn.MaxPool2d, nn.MaxPool3d)[axes - 1]
    layers, channels = [], 2
    for _ in range(draw(st.integers(1, 2))):
        kernel, groups = draw(st.integers(1, 3)), draw(st.sampled_from([1, 2]))
        stride, dilation = draw(st.integers(1, 2)), draw(st.integers(1, 2))
        padding = draw(st.integers(0, kernel))
        layers += [
            conv(channels, 8, kernel, stride, padding, dilation, groups=groups),
            nn.ReLU(inplace=draw(st.booleans())),
        ]
        channels = 8
        kernel = draw(st.integers(1, 3))
        if draw(st.booleans()):
            padding, ceil = draw(st.integers(0, kernel // 2)), draw(st.booleans())
            layers.append(pool(kernel, draw(st.integers(1, 3)), padding, ceil_mode=ceil))
    return nn.Sequential(*layers, nn.Flatten())


@pytest.mark.parametrize("axes", [1, 2, 3])
@given(data=st.data())
@settings(max_examples=20, deadline=None)
def test_windows_equal_whole_maps(axes, data):
    net = data.draw(stacks(axes))
    least = 22 if axes == 3 else 30
    size = [data.draw(st.integers(least, least + 10)) for _ in range(axes)]
    scope = Scope(net, kind="waveform" if axes == 1 else "photo")
    trace = scope.trace(torch.randn(2, 2, *size))
    for name in trace.layer_names("conv"):
        value = trace.value(name)
        assert chain_below(trace.tape, value)
        units = torch.tensor([[0, 1], [3, 2]])
        activations, positions = way.strongest_positions(value.tensor, units)
        windows = way._project(trace, value, units, activations, positions)
        seeds = position_seeds(value, units, activations, positions)
        whole = project(trace, value, seeds, 2, COMPOSITES["deconvnet"])
        torch.testing.assert_close(windows, whole, rtol=0, atol=2e-6 * float(whole.abs().max()))


def test_a_small_budget_changes_nothing():
    net, images = study_2d(4, 4, input_shape=(3, 50, 50)), torch.randn(3, 3, 50, 50)
    wide = Scope(net).trace(images).view("deconvnet", top=3)
    narrow = Scope(net, memory=1).trace(images).view("deconvnet", top=3)
    for layer, view in wide.items():
        scale = np.abs(view.values).max()
        np.testing.assert_allclose(view.values, narrow[layer].values, atol=1e-6 * scale)


def test_a_residual_network_is_no_chain():
    net, images = build("residual")
    trace = Scope(net).trace(images)
    assert chain_below(trace.tape, trace.value("b1")) is None


def test_overlapping_pools_are_not_rectified_early():
    """Values of both signs meet in the unpooling: their sum is rectified, not each of them."""
    net = nn.Sequential(
        *(nn.Conv2d(2, 8, 3), nn.ReLU(), nn.MaxPool2d(3, stride=1), nn.Conv2d(8, 8, 3)),
        nn.Flatten(),
    )
    trace = Scope(net).trace(torch.rand(2, 2, 20, 20))
    value, units = trace.value("3"), torch.tensor([[0, 1], [3, 2]])
    activations, positions = torch.ones(2, 2), torch.full((2, 2), 77)
    windows = way._project(trace, value, units, activations, positions)
    seeds = position_seeds(value, units, activations, positions)
    whole = project(trace, value, seeds, 2, COMPOSITES["deconvnet"])
    torch.testing.assert_close(windows, whole, rtol=0, atol=2e-6 * float(whole.abs().max()))
