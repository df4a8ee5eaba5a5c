import numpy as np
import pytest
import torch
from captum.attr import GuidedBackprop, NeuronGuidedBackprop
from torch import nn

from layerscope import Refused
from layerscope.nets import study_2d, study_mnist
from layerscope.views import Scope
from zoo import build

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")  # the peer's own


def studied():
    torch.manual_seed(0)
    net, images = study_2d(3, 8, input_shape=(3, 41, 41)).eval(), torch.randn(2, 3, 41, 41)
    return net, images, Scope(net).trace(images)


def assert_close(found, expected):
    assert np.abs(expected).max() > 0
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-5 * np.abs(expected).max())


def test_of_a_class_equals_captum():
    net, images, trace = studied()
    view = trace.view("guided_backprop", target=4)["input"]
    assert_close(view.values, GuidedBackprop(net).attribute(images, 4).detach().numpy())


def test_of_a_unit_equals_captum_times_the_activation():
    net, images, trace = studied()
    view = trace.view("guided_backprop", layers=["conv3"], unit=5)["conv3"]
    peer = NeuronGuidedBackprop(net, net.relu3)
    for row in range(2):
        place = (5, *view.quality["position"][row])
        theirs = peer.attribute(images[row : row + 1], place)[0].detach().numpy()
        assert_close(view.values[row], view.quality["activation"][row] * theirs)


def test_of_a_whole_map_equals_captum_s_of_half_its_sum_of_squares():
    net, images, trace = studied()
    view = trace.view("guided_backprop", layers=["conv2"], unit=3, whole=True)["conv2"]
    peer = NeuronGuidedBackprop(net, net.relu2)
    theirs = peer.attribute(images, lambda maps: (maps[:, 3] ** 2).flatten(1).sum(1) / 2)
    assert_close(view.values, theirs.detach().numpy())


def test_functional_rectifiers_are_seen():
    """captum misses them silently: its guided backprop of such a network is the plain gradient."""
    net, images = build("functional")
    trace = Scope(net).trace(images)
    guided = trace.view("guided_backprop", target=1)["input"].values
    plain = trace.view("saliency", target=1)["input"].values
    assert np.abs(np.abs(guided) - plain).max() > 0.01 * plain.max()


def test_ranks_come_strongest_first():
    trace = Scope(study_mnist(channels=4)).trace(torch.randn(3, 1, 28, 28))
    top = trace.view("guided_backprop", layers="conv3", top=3)["conv3"]
    assert top.axes == ("rank", "batch", "channel", "y", "x")
    assert (np.diff(top.quality["activation"], axis=0) <= 0).all()
    alone = trace.view("guided_backprop", layers="conv3", unit=top.unit[1])["conv3"]
    np.testing.assert_allclose(top.values[1], alone.values, atol=1e-6)


def test_units_and_a_class_are_not_mixed():
    net, images = build("plain")
    with pytest.raises(Refused, match="top= chooses units of a layer"):
        Scope(net).trace(images).view("guided_backprop", top=3)


@pytest.mark.parametrize("unit", [0, np.int64(0), [0] * 5, torch.zeros(5, dtype=torch.long)])
def test_the_first_unit_is_a_unit_too(unit):
    net, images = build("plain")
    trace = Scope(net).trace(images)
    for method, options in [("guided_backprop", {}), ("deconvnet", {"target": 1})]:
        with pytest.raises(Refused, match="unit= chooses units of a layer"):
            trace.view(method, unit=unit, **options)


@pytest.mark.parametrize("activation", [nn.SiLU(), nn.GELU()])
def test_what_is_no_rectifier_is_refused_by_name(activation):
    net = nn.Sequential(nn.Conv2d(3, 4, 3), activation, nn.Flatten(), nn.Linear(144, 2))
    with pytest.raises(Refused, match=r"silu|gelu"):
        Scope(net).trace(torch.randn(2, 3, 8, 8)).view("guided_backprop")
