import math

import numpy as np
import pytest
import torch
from torch import nn

from layerscope import Refused
from layerscope.views import Scope, find_method
from layerscope.views.aims import Difference
from layerscope.views.draws import uniform
from layerscope.views.methods.rise import _masks
from views.entries.perturbation import rise as twin
from zoo import build


def looked(net, images, **options):
    kind = "waveform" if images.dim() == 3 else "photo"
    trace = Scope(net, kind=kind).trace(images)
    return trace.view("rise", **{"samples": 20, "cells": 3, "exact": True, **options})["input"]


@pytest.mark.parametrize("name", ["plain", "dense", "plain 1-D", "plain 3-D"])
def test_it_equals_the_loop_over_masks(name):
    net, images = build(name)
    options = {"target": 2, "samples": 20, "cells": 3, "keep": 0.5, "seed": 1}
    view = looked(net, images, **options)
    expected = twin(net.eval(), images, "input", options)
    np.testing.assert_allclose(view.values, expected, rtol=0, atol=1e-5 * expected.max())


def test_more_samples_begin_with_the_same_masks():
    net, images = build("plain")
    few, many = looked(net, images, samples=10), looked(net, images, samples=30)
    drawn = uniform((30, 9 + 2), 0, "0")
    rest = _masks(drawn[10:], [3, 3], (19, 19), 0.5)
    trace = Scope(net).trace(images[:1])
    with torch.no_grad():
        answers = net.eval()(images[:1] * rest[:, None])
    weights = answers.softmax(1)[:, trace.predicted[0]]
    expected = (10 * 0.5 * few.values[0] + torch.tensordot(weights, rest, 1).numpy()) / (30 * 0.5)
    np.testing.assert_allclose(many.values[0], expected, rtol=1e-4)


def test_masks_keep_their_share_and_are_shifted():
    drawn = uniform((4000, 5 * 5 + 2), 0, "a")
    masks = _masks(drawn, [5, 5], (23, 31), 0.3)
    assert masks.min() >= 0
    assert masks.max() <= 1 + 1e-6
    np.testing.assert_allclose(masks.mean((0, 1, 2)), 0.3, atol=0.01)
    np.testing.assert_allclose(masks.mean(0), 0.3, atol=0.04)  # no grid remains in the mean


class Corner(nn.Module):
    """Class 1 is what lies in the lower right corner."""

    def forward(self, x):
        score = 10 * x[:, 0, 20:, 22:].mean((1, 2)) - 5
        return torch.stack([torch.zeros_like(score), score], 1)


def test_it_points_at_what_the_class_is_seen_by():
    images = torch.ones(1, 1, 28, 30)
    view = looked(Corner(), images, target=1, samples=600, cells=6)
    y, x = np.unravel_index(view.values[0].argmax(), (28, 30))
    assert y >= 20
    assert x >= 22
    assert view.values[0, 20:, 22:].mean() > 1.2 * view.values[0].mean()


def test_the_masked_part_is_the_baseline():
    net, images = build("plain")
    inputs = images.clone()
    inputs[:] = torch.tensor([1.0, -1.0, 0.5]).view(3, 1, 1)
    trace = Scope(net, baseline=[1.0, -1.0, 0.5]).trace(inputs)
    view = trace.view("rise", target=0, samples=10, exact=True, keep=1)["input"]
    probability = trace.probabilities[:, 0].numpy()[:, None, None]
    np.testing.assert_allclose(view.values, probability.repeat(19, 1).repeat(19, 2), rtol=1e-5)
    masked = trace.view("rise", target=0, samples=200, exact=True, keep=0.5)["input"]
    shares = masked.values / probability  # the mean mask over its expectation
    assert abs(shares.mean() - 1) < 0.1


def test_a_target_that_is_no_class_weights_by_its_score():
    net, images = build("plain")
    view = looked(net, images, target=Difference(0, 2), samples=1, keep=1.0)
    net.eval()
    with torch.no_grad():
        expected = net(images)[:, 0] - net(images)[:, 2]
    assert view.signed
    np.testing.assert_allclose(view.values.mean((1, 2)), expected, rtol=1e-4)


def test_it_is_registered_as_signed_and_of_a_class_never_below_zero():
    assert find_method("rise", {}).signed
    view = looked(*build("plain"))
    assert not view.signed
    assert (view.values >= 0).all()


def test_a_small_budget_and_a_batch_change_nothing():
    net, images = build("residual")
    scope = Scope(net, memory=1)
    narrow = scope.trace(images[3:], examples=["3", "4"])
    alone = narrow.view("rise", samples=20, cells=3, exact=True)["input"]
    view = looked(net, images)
    np.testing.assert_allclose(alone.values, view.values[3:], atol=1e-5 * view.values.max())


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"samples": 0}, "whole number"),
        ({"keep": 0}, "probability"),
        ({"cells": (1, 2, 3)}, "2 spatial axes"),
    ],
)
def test_wrong_options_are_told_what_is_allowed(options, told):
    net, images = build("plain")
    with pytest.raises(Refused, match=told):
        looked(net, images, **options)


def test_masks_of_any_number_of_axes():
    for space, grid in (((17,), [4]), ((9, 8, 7), [3, 2, 2])):
        masks = _masks(uniform((5, math.prod(grid) + len(grid)), 0, "x"), grid, space, 0.5)
        assert masks.shape == (5, *space)
