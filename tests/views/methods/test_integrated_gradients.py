"""Integrated gradients against a dense sum, captum and its own promises about the gap."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from layerscope import Refused
from layerscope.views import Channel, Difference, Scope, Unit
from peers import peer
from zoo import build

NETWORKS = ("plain", "gated", "plain 1-D", "plain 3-D")


def scope_of(net, images, **more):
    return Scope(net, kind="waveform" if images.dim() == 3 else "photo", **more)


def look(net, images, **options):
    trace = scope_of(net, images).trace(images)
    return trace.view("integrated_gradients", **options)["input"]


def dense_sum(score, images, start, count=1000):
    """Follow equation 1 of the paper with a plain Riemann sum over many steps."""
    places = (torch.arange(count) + 0.5) / count
    found = torch.zeros_like(images)
    for row, (image, first) in enumerate(zip(images, start, strict=True)):
        for part in places.split(250):
            share = part.view(-1, *[1] * image.dim())
            leaf = (first + share * (image - first)).requires_grad_()
            (gradient,) = torch.autograd.grad(score(leaf).sum(), leaf)
            found[row] += gradient.sum(0) / count
    return (images - start) * found


@pytest.mark.parametrize("network", NETWORKS)
def test_it_converges_to_the_integral_of_the_paper(network):
    net, images = build(network)
    net.eval()
    images = images[:2]
    found = look(net, images, target=2, tolerance=0, steps=100).values
    expected = dense_sum(lambda x: net(x)[:, 2], images, torch.zeros_like(images)).numpy()
    error = np.linalg.norm(found - expected) / np.linalg.norm(expected)
    assert error < 0.05
    coarse = look(net, images, target=2, steps=8).values
    assert np.linalg.norm(coarse - expected) / np.linalg.norm(expected) > error


@pytest.mark.parametrize("network", ["plain", "plain 1-D"])
def test_captum_finds_the_same(network):
    attributed = peer("captum.attr").IntegratedGradients(build(network)[0].eval())
    net, images = build(network)
    start = torch.full_like(images, 0.25)
    expected = attributed.attribute(
        images, start, target=1, n_steps=200, method="riemann_middle", internal_batch_size=200
    )
    found = look(net, images, target=1, baseline=0.25, tolerance=0, steps=100).values
    error = np.linalg.norm(found - expected.numpy()) / np.linalg.norm(expected.numpy())
    assert error < 0.05


TARGETS = {
    "class": (1, lambda net, x: net(x)[:, 1]),
    "difference": (Difference(1, 2), lambda net, x: net(x)[:, 1] - net(x)[:, 2]),
    "unit": (Unit("3", 2, (4, 4)), lambda net, x: net[:5](x)[:, 2, 4, 4]),
    "channel": (Channel("3", 2), lambda net, x: net[:5](x)[:, 2].mean((1, 2))),
}


@pytest.mark.parametrize("target", TARGETS)
def test_the_values_sum_to_the_difference_but_for_the_gap_that_is_told(target):
    net, images = build("plain")
    net.eval()
    aim, score = TARGETS[target]
    view = look(net, images, target=aim, baseline=[0.5, 0.0, -0.5], tolerance=1e-3, steps=200)
    start = torch.tensor([0.5, 0.0, -0.5]).view(3, 1, 1).expand_as(images)
    with torch.no_grad():
        difference = (score(net, images) - score(net, start)).numpy()
    gap = view.values.reshape(5, -1).sum(1) - difference
    np.testing.assert_allclose(view.quality["gap"], gap, atol=1e-5)
    np.testing.assert_allclose(
        view.quality["relative_gap"], abs(gap) / abs(difference), rtol=0.05, atol=1e-5
    )
    assert (abs(gap) <= 1.1e-3 * abs(difference) + 1e-6).all()


def test_places_are_added_only_while_the_gap_is_too_large():
    net, images = build("plain")
    loose, tight = (look(net, images, target=1, tolerance=share) for share in (0.05, 1e-3))
    assert (loose.quality["steps"] >= 7).all()
    assert (tight.quality["steps"] >= loose.quality["steps"]).all()
    assert tight.quality["steps"].max() > loose.quality["steps"].max()
    assert (loose.quality["relative_gap"] <= 0.05).all()
    straight = nn.Sequential(nn.Flatten(), nn.Linear(12, 2))
    view = look(straight, torch.randn(2, 3, 2, 2), target=0)
    assert view.quality["steps"].tolist() == [7, 7]
    assert (view.quality["relative_gap"] < 1e-4).all()


def test_few_steps_leave_their_gap_and_nothing_is_rescaled():
    net, images = build("plain")
    view = look(net, images, target=1, tolerance=0, steps=2)
    assert view.quality["steps"].tolist() == [2] * 5
    assert view.quality["relative_gap"].max() > 0.02
    net.eval()
    for row, image in enumerate(images):  # cells that meet halfway between 1/16 and 9/16
        mean = 0
        for place, weight in ((1 / 16, 5 / 16), (9 / 16, 11 / 16)):
            leaf = (place * image[None]).requires_grad_()
            mean = mean + weight * torch.autograd.grad(net(leaf)[0, 1], leaf)[0][0]
        np.testing.assert_allclose(view.values[row], image * mean, atol=1e-6)


def test_the_scope_s_baseline_is_the_default_and_an_example_at_its_baseline_gets_zeros():
    net, images = build("plain")
    given = look(net, images, target=1, baseline=0.3).values
    trace = scope_of(net, images, baseline=[0.3, 0.3, 0.3]).trace(images)
    scoped = trace.view("integrated_gradients", target=1)["input"].values
    np.testing.assert_array_equal(given, scoped)
    assert np.abs(given - look(net, images, target=1).values).max() > 0
    itself = look(net, images, target=1, baseline=images)
    assert (itself.values == 0).all()
    assert itself.quality["steps"].tolist() == [7] * 5


def test_an_example_is_the_same_alone_to_the_last_bit():
    net, images = build("residual")
    together = look(net, images, target=1, tolerance=1e-3)
    alone = look(net, images[3:4], target=1, tolerance=1e-3)
    np.testing.assert_array_equal(together.values[3:4], alone.values)


@pytest.mark.parametrize("options", [{"steps": 0}, {"tolerance": -1.0}, {"baseline": [1.0, 2.0]}])
def test_what_makes_no_sense_is_refused(options):
    net, images = build("plain")
    with pytest.raises(Refused, match=next(iter(options))):
        look(net, images, **options)


@st.composite
def small_networks(draw):
    """Draw a network of one to three convolutions, with smooth or kinked units and pools."""
    torch.manual_seed(draw(st.integers(0, 10**6)))
    layers, planes = [], 2
    for _ in range(draw(st.integers(1, 3))):
        width = draw(st.integers(1, 5))
        layers.append(nn.Conv2d(planes, width, draw(st.sampled_from([1, 3])), padding=1))
        layers.append(draw(st.sampled_from([nn.ReLU, nn.SiLU, nn.GELU, nn.ELU]))())
        if draw(st.booleans()):
            layers.append(draw(st.sampled_from([nn.MaxPool2d, nn.AvgPool2d]))(2, ceil_mode=True))
        planes = width
    layers += [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(planes, 3)]
    return nn.Sequential(*layers), torch.randn(2, 2, 7, 6)


@settings(max_examples=12, deadline=None)
@given(small_networks())
def test_on_any_small_network_the_gap_is_small_or_all_steps_were_taken(drawn):
    net, images = drawn
    view = look(net, images, target=0, tolerance=0.01, steps=60)
    with torch.no_grad():
        difference = (net(images) - net(torch.zeros_like(images)))[:, 0].numpy()
    gap = view.values.reshape(2, -1).sum(1) - difference
    floor = 2e-6 * np.abs(view.values).reshape(2, -1).sum(1)
    close = np.abs(gap) <= 0.0101 * np.abs(difference) + floor
    assert (close | (view.quality["steps"] == 60)).all()
    np.testing.assert_allclose(view.quality["gap"], gap, rtol=0, atol=1e-5)
