"""Ctrl-C in long work: the layers or the examples that are finished come with the exception."""

import sys

import numpy as np
import pytest
import torch

from layerscope.views import find_method
from layerscope.views.interrupted import Interrupted, first_of
from views.look import options_of, trace_of
from zoo import build

BY_EXAMPLE = (
    *("integrated_gradients", "expected_gradients", "smooth_grad", "var_grad"),
    *("occlusion", "rise"),
)
BY_LAYER = ("ablation_cam", "score_cam")


def looked(method, stop=None):
    """Look with a method; Ctrl-C comes in the network's pass `stop`. Returns the passes too."""
    net, images = build("plain")
    trace, passes = trace_of(net, images), []

    def count(*_):
        passes.append(1)
        if len(passes) == stop:
            raise KeyboardInterrupt

    net.register_forward_hook(count)
    more = {"layers": "conv"} if method in BY_LAYER else {}
    if find_method(method, {}).tolerance is not None:
        more["exact"] = True
    return trace.view(method, **options_of(method, images, **more)), len(passes)


@pytest.mark.parametrize("method", [name for name in BY_EXAMPLE if name != "rise"])
def test_the_finished_examples_are_kept(method):
    whole, passes = looked(method)
    with pytest.raises(Interrupted) as stopped:
        looked(method, passes)
    assert_first(stopped.value.views["input"], whole["input"], 4)
    with pytest.raises(Interrupted) as stopped:
        looked(method, 1)
    assert stopped.value.views == {}


def test_the_finished_examples_of_rise_are_kept(monkeypatch):
    module = sys.modules[find_method("rise", {}).function.__module__]
    whole, (made, calls) = looked("rise")[0], (module._masks, [])

    def masks(*args):
        calls.append(1)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return made(*args)

    monkeypatch.setattr(module, "_masks", masks)
    with pytest.raises(Interrupted) as stopped:
        looked("rise")
    assert_first(stopped.value.views["input"], whole["input"], 2)


def assert_first(view, whole, count):
    assert view.examples == whole.examples[:count]
    assert view.about == whole.about[:count]
    assert np.array_equal(view.target, whole.target[:count])
    assert np.array_equal(view.values, whole.values[:count])
    assert set(view.quality) == set(whole.quality)
    for name, array in view.quality.items():
        assert np.array_equal(array, whole.quality[name][:count])


@pytest.mark.parametrize("method", BY_LAYER)
def test_the_finished_layers_are_kept(method):
    whole, passes = looked(method)
    with pytest.raises(Interrupted) as stopped:
        looked(method, passes)
    assert list(stopped.value.views) == list(whole)[:-1] != []
    for layer, view in stopped.value.views.items():
        assert np.array_equal(view.values, whole[layer].values)


def test_a_unit_of_each_example_is_cut_and_one_of_all_is_kept():
    net, images = build("plain")
    trace = trace_of(net, images)
    value, values = trace.tape.input, torch.zeros(5, 2)
    each = trace.make_view("m", "input", value, values, ("batch", "unit"), unit=torch.arange(5))
    assert first_of(each, 2).unit.tolist() == [0, 1]
    one = trace.make_view("m", "input", value, values, ("batch", "unit"), unit=3)
    assert first_of(one, 2).unit == 3
