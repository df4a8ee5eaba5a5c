"""The networks of recordings, exact to their papers, and what the views read of them."""

import math

import pytest
import torch
import torch.nn.functional as F
from pydantic import ValidationError
from torch import nn

from layerscope.errors import LayerscopeError, Refused
from layerscope.nets import ModelSettings, build, deep_eeg, eegnet, shallow_eeg, study_1d
from layerscope.nets.max_norm import limits
from layerscope.views import Scope

# Lawhern et al. 2018, table 3: (F1, D), channels, samples, kernel, classes, parameters.
EEGNET = [
    ((4, 2), 64, 128, 64, 2, 1_066),  # P300
    ((8, 2), 64, 128, 64, 2, 2_258),
    ((4, 2), 22, 256, 32, 4, 796),  # sensory motor rhythms
    ((8, 2), 22, 256, 32, 4, 1_716),
]


def parameters(net):
    return sum(parameter.numel() for parameter in net.parameters())


@pytest.mark.parametrize(("size", "channels", "times", "kernel", "classes", "count"), EEGNET)
def test_eegnet_has_the_parameters_of_its_papers_table(
    size, channels, times, kernel, classes, count
):
    net = eegnet(*size, kernel=kernel, classes=classes, input_shape=(channels, times))
    assert parameters(net) == count
    assert net(torch.zeros(2, channels, times)).shape == (2, classes)


def test_shallow_eeg_is_counted_by_hand():
    """22 channels, 1125 samples, 4 classes: data set IV-2a of the BCI competition."""
    time, space, norm = 40 * 25 + 40, 40 * 40 * 22, 2 * 40
    pooled = (1125 - 25 + 1 - 75) // 15 + 1  # 69
    assert parameters(shallow_eeg()) == time + space + norm + 40 * pooled * 4 + 4 == 47_364


def test_deep_eeg_is_counted_by_hand():
    time, space, norm = 25 * 10 + 25, 25 * 25 * 22, 2 * 25
    blocks = sum(n * 2 * n * 10 + 2 * 2 * n for n in (25, 50, 100))
    pooled = 1125
    for _ in range(4):
        pooled = (pooled - 9) // 3  # 372, 121, 37, 9
    assert pooled == 9
    count = time + space + norm + blocks + 200 * pooled * 4 + 4
    assert parameters(deep_eeg()) == count == 284_479


def test_the_names_and_order_of_their_layers():
    assert [name for name, _ in shallow_eeg().named_children()] == [
        *("plane", "conv_time", "conv_space", "norm", "square", "pool", "log"),
        *("flatten", "dropout", "fc"),
    ]
    convolutions = [n for n, layer in deep_eeg().named_children() if isinstance(layer, nn.Conv2d)]
    assert convolutions == ["conv_time", "conv_space", "conv2", "conv3", "conv4"]
    dropped = [n for n, layer in deep_eeg().named_children() if isinstance(layer, nn.Dropout)]
    assert dropped == ["dropout2", "dropout3", "dropout4"]  # before a convolution, not before fc


def test_they_start_from_glorots_weights_and_zero_biases():
    torch.manual_seed(0)
    net = shallow_eeg()
    bound = math.sqrt(6 / (25 + 40 * 25))
    assert float(net.conv_time.weight.detach().abs().max()) <= bound
    assert float(net.conv_time.weight.detach().std()) == pytest.approx(
        bound / math.sqrt(3), rel=0.05
    )
    assert not net.conv_time.bias.any()
    assert not net.fc.bias.any()


@pytest.mark.parametrize("kernel", [64, 63, 16, 1])
def test_eegnets_padding_is_that_of_same(kernel):
    torch.manual_seed(0)
    net = eegnet(kernel=kernel, input_shape=(3, 64)).eval()
    x = torch.randn(2, 1, 3, 64)
    found = net.conv_time(net.pad_time(x))
    expected = F.conv2d(x, net.conv_time.weight, padding="same")
    torch.testing.assert_close(found, expected)


def test_a_spatial_filter_of_eegnet_reads_one_temporal_filter():
    torch.manual_seed(0)
    net = eegnet(8, 2, input_shape=(4, 128)).eval()
    maps = torch.zeros(1, 8, 4, 128)
    maps[:, 3] = 1.0
    heard = net.conv_space(maps).abs().amax(dim=(0, 2, 3)) > 0
    assert heard.nonzero().flatten().tolist() == [6, 7]


def test_shallow_eeg_is_log_band_power():
    """Ten times the amplitude is 20 dB more of power: the log rises by log 100."""
    torch.manual_seed(0)
    net = shallow_eeg(input_shape=(2, 500)).eval()
    x = 100 * torch.sin(2 * math.pi * 10 * torch.arange(500) / 250).expand(1, 2, -1)
    low, high = (net[: 1 + list(dict(net.named_children())).index("log")](s * x) for s in (1, 10))
    torch.testing.assert_close(high - low, torch.full_like(low, math.log(100)), rtol=1e-3, atol=0)


def test_their_norms_are_held_as_published():
    assert limits(shallow_eeg()) == {"conv_time": 2.0, "conv_space": 2.0, "fc": 0.5}
    assert limits(eegnet()) == {"conv_space": 1.0, "fc": 0.25}
    deep = dict.fromkeys(("conv_time", "conv_space", "conv2", "conv3", "conv4"), 2.0)
    assert limits(deep_eeg()) == deep | {"fc": 0.5}


@pytest.mark.parametrize("make", [shallow_eeg, deep_eeg, eegnet])
def test_what_they_are_not_built_for_is_refused(make):
    least = {shallow_eeg: 99, deep_eeg: 441, eegnet: 32}[make]
    assert make(input_shape=(4, least))(torch.zeros(2, 4, least)).shape == (2, 4)
    with pytest.raises(LayerscopeError, match=f"needs at least {least} samples, and its input has"):
        make(input_shape=(4, least - 1))
    with pytest.raises(LayerscopeError, match="channel time"):
        make(input_shape=(1, 4, 500))
    with pytest.raises(LayerscopeError, match=r"dropout = 1.0"):
        make(dropout=1.0, input_shape=(4, 500))


def test_a_study_names_them():
    for preset, make in (("shallow-eeg", shallow_eeg), ("deep-eeg", deep_eeg), ("eegnet", eegnet)):
        net = build(ModelSettings(preset=preset, dropout=0.25), (4, 500), ["a", "b"])
        assert parameters(net) == parameters(make(classes=2, input_shape=(4, 500)))
        assert {layer.p for layer in net.modules() if isinstance(layer, nn.Dropout)} == {0.25}
        with pytest.raises(ValidationError, match="has its paper's, leave it out"):
            ModelSettings(preset=preset, blocks=3)
    with pytest.raises(LayerscopeError, match='takes inputs "channel time"'):
        build(ModelSettings(preset="eegnet"), (3, 28, 28), ["a", "b"])


def test_study_1d_takes_the_channels_as_planes():
    net = build(ModelSettings(preset="study-1d", blocks=4), (4, 231), ["a", "b"])
    assert net.conv1.weight.shape == (32, 4, 5)
    assert parameters(net) == parameters(study_1d(4, 32, classes=2, input_shape=(4, 231)))
    assert net(torch.zeros(3, 4, 231)).shape == (3, 2)


def traced(make, times):
    torch.manual_seed(0)
    net = make(classes=2, input_shape=(4, times)).eval()
    scope = Scope(net, kind="recording", classes=["face", "house"], sfreq=256, baseline=0.0)
    images = torch.randn(3, 4, times)
    return net, images, scope.trace(images)


@pytest.mark.parametrize(("make", "times"), [(shallow_eeg, 231), (deep_eeg, 441), (eegnet, 116)])
def test_views_follow_them(make, times):
    net, images, trace = traced(make, times)
    given = trace.scope.layers("conv", (4, times))
    assert given == [n for n, layer in net.named_children() if isinstance(layer, nn.Conv2d)]
    for method in ("saliency", "integrated_gradients"):
        view = trace.view(method, target="face")["input"]
        assert view.axes == ("batch", "channel", "time")
        assert view.values.shape == (3, 4, times)
    x = images.requires_grad_()
    net(x)[:, 0].sum().backward()
    view = trace.view("input_x_gradient", target="face")["input"]
    torch.testing.assert_close(torch.tensor(view.values), x.grad * x.detach())
    maps = trace.view("grad_cam", layers="conv", target="face")
    assert list(maps) == given
    assert all(view.axes == ("batch", "sensor", "time") for view in maps.values())


def test_what_a_method_cannot_read_is_refused_by_name():
    _, _, shallow = traced(shallow_eeg, 231)
    for method in ("lrp", "guided_grad_cam", "concept_relevance"):
        with pytest.raises(Refused, match=r"torch.log in layer 'log'"):
            shallow.view(method, layers=["conv_time"], target=0)
    _, _, compact = traced(eegnet, 116)
    with pytest.raises(Refused, match="elu in layer 'elu2'"):
        compact.view("deconvnet", layers=["conv_point"])
    assert compact.view("lrp", layers=["conv_space"], target=0)["conv_space"].values.any()
