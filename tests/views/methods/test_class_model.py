import sys

import numpy as np
import pytest
import torch
from torch import nn

from layerscope.errors import Refused
from layerscope.nets import study_mnist
from layerscope.views import Scope, find_method
from layerscope.views.interrupted import Interrupted


def linear():
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return nn.Sequential(nn.Flatten(), nn.Linear(2 * 6 * 6, 4))


def looked(net, shape, bounds=None, **options):
    scope = Scope(net, bounds=bounds, classes=list("abcd"))
    return scope.trace(torch.zeros(1, *shape)).view("class_model", **options)["input"]


@pytest.mark.parametrize("l2", [None, 0.7])
@pytest.mark.parametrize("parametrisation", ["pixel", "fourier"])
def test_of_a_linear_network_it_is_the_weights_over_twice_l2(l2, parametrisation):
    net = linear()
    view = looked(net, (2, 6, 6), l2=l2, contrast=0.2, parametrisation=parametrisation, steps=400)
    weights = net[1].weight.detach().view(4, 2, 6, 6).numpy()
    expected = weights / (2 * view.quality["l2"][:, None, None, None])
    np.testing.assert_allclose(view.values, expected, atol=0.02 * np.abs(expected).max())
    if l2 is None:
        size = np.sqrt((view.values**2).mean((1, 2, 3)))
        np.testing.assert_allclose(size, 0.2, rtol=0.02)


def test_the_classes_that_are_asked_for_in_their_order():
    net = linear()
    every = looked(net, (2, 6, 6))
    assert every.unit.tolist() == [0, 1, 2, 3]
    some = looked(net, (2, 6, 6), classes=["c", 0])
    assert some.about == ("c", "a")
    np.testing.assert_allclose(some.values, every.values[[2, 0]], atol=1e-5)
    assert looked(net, (2, 6, 6), classes="b").unit.tolist() == [1]
    with pytest.raises(Refused, match="no class 'e' among a, b, c, d"):
        looked(net, (2, 6, 6), classes=["a", "e"])
    with pytest.raises(Refused, match="whole number"):
        looked(net, (2, 6, 6), steps=0)


def test_it_stays_within_the_bounds_and_is_recognised():
    with torch.random.fork_rng():
        torch.manual_seed(0)
        net = study_mnist(channels=4)
    scope = Scope(net, bounds=(-0.5, 0.5))
    view = scope.trace(torch.zeros(1, 1, 28, 28)).view("class_model")["input"]
    assert np.abs(view.values).max() <= 0.5  # from noise: at zero this network has no slope
    assert (view.quality["activation"] > view.quality["start"] + 1).all()
    with torch.no_grad():
        assert net.eval()(torch.from_numpy(view.values)).argmax(1).tolist() == list(range(10))


def test_classes_in_an_array_of_several_axes_are_refused():
    for classes in (torch.zeros(1, 2, 6, 6), np.zeros((2, 2), dtype=int)):
        with pytest.raises(Refused, match="classes is an array of the shape"):
            looked(linear(), (2, 6, 6), classes=classes)


def test_ctrl_c_gives_the_classes_that_are_finished(monkeypatch):
    module = sys.modules[find_method("class_model", {}).function.__module__]
    made, begun = module._models, []

    def models(*args):
        begun.append(1)
        if len(begun) == 3:
            raise KeyboardInterrupt
        return made(*args)

    monkeypatch.setattr(module, "_models", models)
    tight = Scope(linear(), memory=1).trace(torch.zeros(1, 2, 6, 6))
    with pytest.raises(Interrupted) as stopped:
        tight.view("class_model", steps=2)
    assert stopped.value.views["input"].unit.tolist() == [0, 1]
