import numpy as np
import pytest
import torch
from captum.attr import Occlusion
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from torch import nn
from torch.nn import functional as F

from layerscope import Refused
from layerscope.nets import study_2d
from layerscope.views import Scope
from layerscope.views.aims import Channel, Difference, Unit
from layerscope.views.local import Box
from layerscope.views.regions import route
from views.entries.perturbation import occluded_scores
from zoo import NETWORKS, build


def close(view, expected, share=1e-5):
    scale = max(np.abs(expected).max(), 1e-9)
    np.testing.assert_allclose(view.values, expected, rtol=0, atol=share * scale)


def kind_of(images):
    return {3: "waveform", 4: "photo", 5: "photo"}[images.dim()]


class Joins(nn.Module):
    """Two branches that read neighbourhoods of different sizes, summed and concatenated."""

    def __init__(self, conv, norm, channels):
        super().__init__()
        self.wide = conv(channels, channels, 5, padding=4, dilation=2)
        self.even = conv(channels, channels, 2, padding="same")
        self.norm = norm(channels)

    def forward(self, x):
        y = F.silu(self.norm(self.wide(x))) + x
        y += 0.5 * x
        return torch.cat([torch.tanh(self.even(y)), x * y], 1)


@st.composite
def networks(draw, axes):
    """Random stacks of all that can be followed in boxes, with a head that reads everything."""
    conv, norm, biggest, mean = (
        (nn.Conv1d, nn.BatchNorm1d, nn.MaxPool1d, nn.AvgPool1d),
        (nn.Conv2d, nn.BatchNorm2d, nn.MaxPool2d, nn.AvgPool2d),
    )[axes - 1]
    layers, channels = [], 2
    for _ in range(draw(st.integers(1, 3))):
        kernel, padding = draw(st.integers(1, 3)), draw(st.integers(0, 3))
        stride, dilation = draw(st.integers(1, 2)), draw(st.integers(1, 2))
        groups = draw(st.sampled_from([1, 2]))
        layers.append(conv(channels, 4, kernel, stride, padding, dilation, groups=groups))
        layers.append(nn.ReLU(inplace=draw(st.booleans())))
        channels = 4
        if draw(st.booleans()):
            kernel, stride = draw(st.integers(2, 3)), draw(st.integers(1, 3))
            padding, ceil = draw(st.integers(0, 1)), draw(st.booleans())
            if draw(st.booleans()):
                layers.append(biggest(kernel, stride, padding, ceil_mode=ceil))
            else:
                layers.append(mean(kernel, stride, padding, ceil, draw(st.booleans())))
        if draw(st.integers(0, 3)) == 0:
            layers.append(Joins(conv, norm, channels))
            channels = 8
    return nn.Sequential(*layers, nn.Flatten(), nn.LazyLinear(3))


@pytest.mark.parametrize("axes", [1, 2])
@given(data=st.data())
@settings(max_examples=20, deadline=None)
def test_boxes_equal_running_the_whole_network(axes, data):
    net = data.draw(networks(axes))
    images = torch.randn(2, 2, *[data.draw(st.integers(36, 44)) for _ in range(axes)])
    try:
        net.eval()(images)  # gives the lazy head its size
    except RuntimeError:
        assume(False)  # a map became smaller than a kernel
    net, images = net.double(), images.double()  # so that only a wrong box can differ
    window = data.draw(st.integers(1, 9))
    options = {"window": window, "stride": data.draw(st.integers(7, 11)), "fill": 0.5, "target": 1}
    scope = Scope(net, kind=kind_of(images), memory=data.draw(st.sampled_from([1, 2**29])))
    view = scope.trace(images).view("occlusion", **options)["input"]
    close(view, occluded_scores(net, images, "input", options))


@pytest.mark.parametrize("name", NETWORKS)
def test_every_network_equals_the_naive_loop(name):
    net, images = build(name)
    net, images = net.double(), images.double()
    options = {"target": 2, "window": 3, "stride": 2 + images.dim()}
    view = Scope(net, kind=kind_of(images)).trace(images).view("occlusion", **options)["input"]
    net.ends_in_softmax = False
    close(view, occluded_scores(net.eval(), images, "input", options))


def test_the_study_s_network_in_float32():
    net, images = study_2d(5, 8, input_shape=(3, 100, 100)), torch.rand(2, 3, 100, 100)
    options = {"target": 2, "window": 24, "stride": 12}
    view = Scope(net).trace(images).view("occlusion", **options)["input"]
    close(view, occluded_scores(net.eval(), images, "input", options), share=1e-4)


def followed(net, images, size):
    trace = Scope(net).trace(images)
    way = route(trace.tape, Box(np.array([[0] * 2, [8] * 2]), (size, size)), trace.output)
    return trace, way, {operation.module for operation in way.steps}


def test_layers_are_followed_in_boxes_until_these_fill_the_map():
    trace, way, layers = followed(study_2d(4, 4), torch.randn(1, 3, 172, 172), 24)
    assert {"conv1", "relu1", "pool1", "conv2", "conv3", "pool3"} <= layers
    assert [value.producer.module for value in way.whole] == ["pool4"]
    assert way.boxes[trace.value("conv1")].size == (28, 28)
    assert way.boxes[trace.value("pool1")].size == (14, 14)


def test_residual_and_dense_networks_are_followed_too():
    for name, expected in (("residual", {"a2", "b1", "short"}), ("dense", {"c1", "c2"})):
        net, _ = build(name)
        assert expected <= followed(net, torch.randn(1, 3, 60, 60), 4)[2]


def test_captum_spreads_the_same_drops_over_the_covered_pixels():
    net, images = build("plain")
    window, stride = (5, 4), (3, 2)
    view = (
        Scope(net)
        .trace(images)
        .view("occlusion", target=1, window=window, stride=stride, fill=0.25)["input"]
    )
    theirs = Occlusion(net.eval()).attribute(
        images, (3, *window), strides=(3, *stride), target=1, baselines=0.25
    )
    sums, counts = np.zeros((5, 19, 19)), np.zeros((19, 19))
    for i in range(view.values.shape[1]):
        for j in range(view.values.shape[2]):
            here = np.s_[3 * i : 3 * i + 5, 2 * j : 2 * j + 4]
            sums[(slice(None), *here)] += view.values[:, i, j, None, None]
            counts[here] += 1
    mean = (sums / counts)[:, None].repeat(3, 1)
    np.testing.assert_allclose(theirs.detach().numpy(), mean, atol=1e-5 * np.abs(mean).max())


@pytest.mark.parametrize("fill", [None, "mean", 0.5, [0.1, -0.2, 0.3]])
def test_what_covers_is_the_baseline_a_mean_a_number_or_one_per_channel(fill):
    net, images = build("plain")
    scope = Scope(net, baseline=[1.0, 2.0, 3.0])
    options = {"target": 0, "window": 6, "stride": 5, "fill": fill}
    view = scope.trace(images).view("occlusion", **options)["input"]
    if fill == "mean":
        seen = images.mean((2, 3), keepdim=True)
    else:
        seen = torch.tensor([1.0, 2.0, 3.0] if fill is None else fill).view(-1, 1, 1)
    expected = occluded_scores(net.eval(), images, "input", {**options, "fill": seen})
    close(view, expected, share=1e-4)


@pytest.mark.parametrize("target", [Difference(0, 2), Channel("0", 1), Unit("3", 2, (1, 1))])
def test_any_aim_is_explained(target):
    net, images = build("plain")
    trace = Scope(net).trace(images)
    view = trace.view("occlusion", target=target, window=5, stride=7)["input"]
    aim = trace.aim(target)
    covered = images.clone()
    covered[:, :, 7:12, :5] = 0
    rows = torch.arange(5)
    other = trace.again(covered, rows)
    drop = aim.score(aim.at.tensor) - aim.score(aim.on(other, rows).at.tensor)
    np.testing.assert_allclose(view.values[:, 1, 0], drop, atol=1e-6)


class Placed(nn.Module):
    """A pool of negative values, padded, and a bias that is another at each position."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3, padding=1)
        self.place = nn.Parameter(torch.randn(4, 19, 19))
        self.fc = nn.LazyLinear(3)

    def forward(self, x):
        x = F.max_pool2d(-self.conv(x).abs() - 1, 3, stride=2, padding=1)
        x = F.interpolate(x, size=19) + self.place
        return self.fc((x * self.place).flatten(1))


def test_padding_is_never_a_maximum_and_constants_stay_in_place():
    net, images = Placed().double(), torch.randn(2, 3, 19, 19).double()
    net(images)
    options = {"target": 1, "window": 3, "stride": 4}
    view = Scope(net).trace(images).view("occlusion", **options)["input"]
    close(view, occluded_scores(net, images, "input", options))


class PlacedFirst(Placed):
    """The bias comes first."""

    def forward(self, x):
        return self.fc(F.relu(self.conv(x) + self.place).mul(self.place).flatten(1))


def test_constants_of_every_position_are_not_cut():
    net, images = PlacedFirst().double(), torch.randn(2, 3, 19, 19).double()
    net(images)
    options = {"target": 1, "window": 3, "stride": 4}
    view = Scope(net).trace(images).view("occlusion", **options)["input"]
    close(view, occluded_scores(net, images, "input", options))


def test_a_network_written_to_through_views_is_run_again_whole():
    class Writes(nn.Module):
        def forward(self, x):
            y = x.clone()
            y[:, :, 1:][:, :1] += 1
            return y.square().flatten(2).sum(-1)

    net, images = Writes(), torch.randn(2, 3, 9, 9)
    options = {"target": 1, "window": 3, "stride": 3}
    view = Scope(net).trace(images).view("occlusion", **options)["input"]
    close(view, occluded_scores(net, images, "input", options))


def test_windows_of_a_waveform_are_those_of_a_picture_of_height_one():
    net, images = build("plain 1-D")
    flat = nn.Sequential(*(as_2d(layer) for layer in net))
    options = {"target": 1, "window": 4, "stride": 3}
    view = Scope(net, kind="waveform").trace(images).view("occlusion", **options)["input"]
    twin = Scope(flat).trace(images[:, :, None]).view("occlusion", **options)["input"]
    close(view, twin.values[:, 0])


def as_2d(layer):
    """Return the layer's twin over a height of 1."""
    if isinstance(layer, nn.Conv1d):
        twin = nn.Conv2d(
            layer.in_channels, layer.out_channels, (1, *layer.kernel_size), padding=(0, 1)
        )
        twin.weight.data, twin.bias.data = layer.weight.data[:, :, None], layer.bias.data
        return twin
    if isinstance(layer, nn.MaxPool1d):
        kernel, stride, padding = (
            (one, n if isinstance(n, int) else n[0])
            for one, n in ((1, layer.kernel_size), (1, layer.stride), (0, layer.padding))
        )
        return nn.MaxPool2d(kernel, stride, padding, ceil_mode=layer.ceil_mode)
    return nn.AdaptiveAvgPool2d((1, 2)) if isinstance(layer, nn.AdaptiveAvgPool1d) else layer


def test_the_view_lies_where_the_windows_were():
    class Reads(nn.Module):
        def forward(self, x):
            return x[:, :, 20, 9]

    images = torch.ones(1, 1, 32, 40)
    view = Scope(Reads()).trace(images).view("occlusion", target=0, window=3, stride=3)["input"]
    assert view.values.sum() == 1
    over = view.over_input().values[0]
    assert np.unravel_index(over.argmax(), over.shape) == (19, 10)  # the window's centre


def test_windows_that_the_network_cannot_see_change_nothing():
    net, images = build("residual")
    blind = nn.Sequential(nn.ZeroPad2d((-8, 0, 0, 0)), net)
    view = Scope(blind).trace(images).view("occlusion", window=4, stride=2)["input"]
    assert np.abs(view.values[..., :3]).max() <= 1e-6
    assert np.abs(view.values[..., 3:]).max() > 1e-4


def test_a_fall_that_is_tiny_beside_the_score_does_not_depend_on_the_batch():
    net, images = build("plain")
    with torch.no_grad():
        net[9].bias.fill_(1000)
    many = Scope(net).trace(images).view("occlusion", target=1)["input"].values
    for row in range(5):
        one = Scope(net).trace(images[row : row + 1]).view("occlusion", target=1)["input"]
        close(one, many[row : row + 1])


@pytest.mark.parametrize("options", [{"window": 0}, {"stride": (1, 2, 3)}, {"fill": "black"}])
def test_wrong_windows_are_told_what_is_allowed(options):
    net, images = build("plain")
    with pytest.raises(Refused, match=r"spatial axes|one per channel"):
        Scope(net).trace(images).view("occlusion", **options)
