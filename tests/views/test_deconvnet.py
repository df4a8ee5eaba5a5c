import numpy as np
import pytest
import torch
from captum.attr import Deconvolution, NeuronDeconvolution
from torch import nn
from torch.nn import functional as F

from layerscope import Refused
from layerscope.nets import study_1d, study_2d, study_mnist
from layerscope.views import Scope
from zoo import RECTIFIED, build


def explicit_deconvnet(net, images, block, unit):
    """The paper's network, written out for conv-relu-pool blocks named conv1, relu1, pool1, ...

    Up: convolve, rectify, pool with switches. Down, from the unit's strongest rectified
    activation with its value: transposed convolution, then unpool, rectify, transposed
    convolution, block by block; nothing after the last one. Unpooling is written as a loop.
    """
    transposed = {3: F.conv_transpose1d, 4: F.conv_transpose2d}[images.dim()]
    pool = {3: F.max_pool1d, 4: F.max_pool2d}[images.dim()]
    maps, switches, sizes = images, {}, {}
    for number in range(1, block + 1):
        maps = getattr(net, f"conv{number}")(maps).relu()
        if number < block:
            sizes[number] = maps.shape
            p = getattr(net, f"pool{number}")
            maps, switches[number] = pool(
                maps, p.kernel_size, p.stride, ceil_mode=p.ceil_mode, return_indices=True
            )
    seed = torch.zeros_like(maps)
    for example in range(len(maps)):
        plane = maps[example, unit].flatten()
        seed[example, unit].view(-1)[plane.argmax()] = plane.max()
    down = seed
    for number in range(block, 0, -1):
        if number < block:
            down = unpool_by_hand(down, switches[number], sizes[number]).relu()
        conv = getattr(net, f"conv{number}")
        down = transposed(down, conv.weight, None, padding=conv.padding)
    return down


def unpool_by_hand(maps, switches, size):
    result = torch.zeros(size)
    flat, planes = result.view(*size[:2], -1), maps.flatten(2)
    for example, channel, cell in np.ndindex(*planes.shape):
        place = switches.flatten(2)[example, channel, cell]
        flat[example, channel, place] += planes[example, channel, cell]
    return result


CASES = {
    "photographs, ceil mode, odd sizes": (study_2d, (3, 37, 29), 6, 3),
    "digits": (study_mnist, (1, 28, 28), 10, 3),
    "waveforms": (study_1d, (1, 400), 16, 4),
}


@pytest.mark.parametrize("name", CASES)
@torch.no_grad()
def test_equals_the_paper_s_network_written_out(name):
    torch.manual_seed(0)
    make, shape, classes, blocks = CASES[name]
    net = make(blocks=blocks, channels=8, classes=classes, input_shape=shape)
    for parameter in net.parameters():  # biases count on the way up and not on the way down
        if parameter.dim() == 1:
            parameter.normal_(0, 0.3)
    images = torch.randn(3, *shape)
    trace = Scope(net, kind="photo" if len(shape) == 3 else "waveform").trace(images)
    for block in range(1, blocks + 1):
        unit = int(trace.value(f"conv{block}").tensor.amax((0, *range(2, images.dim()))).argmax())
        view = trace.view("deconvnet", layers=f"conv{block}", unit=unit)[f"conv{block}"]
        expected = explicit_deconvnet(net, images, block, unit).numpy()
        scale = np.abs(expected).max()
        assert scale > 0
        assert np.abs(view.values - expected).max() <= 2e-6 * scale


@pytest.mark.filterwarnings("ignore::UserWarning")  # the peer's own
def test_equals_captum_times_the_activation():
    torch.manual_seed(0)
    net = study_2d(3, 8, input_shape=(3, 41, 41)).eval()
    images = torch.randn(2, 3, 41, 41)
    view = Scope(net).trace(images).view("deconvnet", layers=["conv3"], unit=5)["conv3"]
    peer = NeuronDeconvolution(net, net.relu3)
    for row in range(2):
        place = (5, *view.quality["position"][row])
        theirs = peer.attribute(images[row : row + 1], place)[0].detach().numpy()
        ours = view.values[row] / view.quality["activation"][row]
        np.testing.assert_allclose(ours, theirs, atol=1e-5 * np.abs(theirs).max())


@pytest.mark.filterwarnings("ignore::UserWarning")  # the peer's own
def test_of_a_whole_map_and_of_a_class_equals_captum():
    torch.manual_seed(0)
    net = study_2d(3, 8, input_shape=(3, 41, 41)).eval()
    images = torch.randn(2, 3, 41, 41)
    trace = Scope(net).trace(images)
    found = [
        trace.view("deconvnet", layers=["conv3"], unit=5, whole=True)["conv3"].values,
        trace.view("deconvnet", target=1)["input"].values,
    ]
    weighted = NeuronDeconvolution(net, net.relu3).attribute(
        images, lambda maps: (maps[:, 5] ** 2).flatten(1).sum(1) / 2
    )
    expected = [weighted, Deconvolution(net).attribute(images, 1)]
    for ours, theirs in zip(found, expected, strict=True):
        scale = float(theirs.abs().max())
        assert scale > 0
        np.testing.assert_allclose(ours, theirs.detach().numpy(), rtol=0, atol=1e-5 * scale)


def test_units_and_a_class_are_not_mixed():
    trace = Scope(study_mnist(channels=4)).trace(torch.randn(2, 1, 28, 28))
    with pytest.raises(Refused, match="unit= and whole= choose units of a layer"):
        trace.view("deconvnet", target=1, unit=3, whole=True)


def test_a_silent_unit_gives_zeros():
    net = study_mnist(channels=4)
    with torch.no_grad():
        net.conv2.bias[1] = -1e6
    view = Scope(net).trace(torch.randn(2, 1, 28, 28)).view("deconvnet", layers="conv2", unit=1)
    assert view["conv2"].values.shape == (2, 1, 28, 28)
    assert not view["conv2"].values.any()


def test_zero_outside_the_receptive_field_of_the_strongest_position():
    net = study_2d(3, 8, input_shape=(3, 60, 60))
    trace = Scope(net).trace(torch.randn(4, 3, 60, 60))
    view = trace.view("deconvnet", layers="conv2")["conv2"]
    for row in range(4):
        y, x = view.quality["position"][row] * 2 - 6
        inside = np.zeros((60, 60), dtype=bool)
        inside[max(y, 0) : y + 14, max(x, 0) : x + 14] = True
        assert view.values[row][:, inside].any()
        assert not view.values[row][:, ~inside].any()


def test_top_units_are_the_single_ones_in_order_of_strength():
    trace = Scope(study_mnist(channels=4)).trace(torch.randn(3, 1, 28, 28))
    top = trace.view("deconvnet", layers="conv3", top=5)["conv3"]
    assert top.axes == ("rank", "batch", "channel", "y", "x")
    peaks = trace.value("conv3").tensor.amax((2, 3)).numpy()
    np.testing.assert_array_equal(top.unit, np.argsort(-peaks, axis=1, kind="stable")[:, :5].T)
    for rank in range(5):
        alone = trace.view("deconvnet", layers="conv3", unit=top.unit[rank])["conv3"]
        np.testing.assert_allclose(top.values[rank], alone.values, atol=1e-6)


def test_a_small_memory_budget_changes_nothing():
    net, images = study_mnist(channels=4), torch.randn(3, 1, 28, 28)
    wide = Scope(net).trace(images).view("deconvnet", layers="conv3", top=5)["conv3"]
    narrow = Scope(net, memory=1).trace(images).view("deconvnet", layers="conv3", top=5)["conv3"]
    np.testing.assert_allclose(wide.values, narrow.values, atol=1e-6)


@pytest.mark.parametrize("name", RECTIFIED)
def test_every_rectified_network_is_passed(name):
    net, images = build(name)
    kind = "waveform" if images.dim() == 3 else "photo"
    views = Scope(net, kind=kind).trace(images).view("deconvnet")
    assert all(view.values.shape == images.shape for view in views.values())
    assert any(view.values.any() for view in views.values())


def test_what_has_no_such_reading_is_refused_by_name():
    net, images = build("gated")
    with pytest.raises(Refused, match=r"silu|gelu|group_norm|sigmoid|mul"):
        Scope(net).trace(images).view("deconvnet")


def test_overlapping_pools_sum_what_meets():
    net = nn.Sequential(nn.Identity(), nn.MaxPool1d(3, stride=1), nn.Conv1d(1, 1, 2, bias=False))
    nn.init.ones_(net[2].weight)
    images = torch.tensor([[[1.0, 5.0, 2.0, 3.0]]])  # both windows hold the 5
    view = Scope(net, kind="waveform").trace(images).view("deconvnet", layers=["2"], unit=0)["2"]
    assert view.values.tolist() == [[[0.0, 20.0, 0.0, 0.0]]]


@pytest.mark.parametrize("unit", [8, -1, 1.5, [1, 2], "a"])
def test_a_wrong_unit_is_told_what_there_is(unit):
    trace = Scope(study_mnist(channels=8)).trace(torch.randn(3, 1, 28, 28))
    with pytest.raises(Refused, match=r"units 0 to 7|one per example \(3 here\)"):
        trace.view("deconvnet", layers="conv1", unit=unit)
