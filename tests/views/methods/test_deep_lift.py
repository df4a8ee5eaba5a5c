import copy

import numpy as np
import pytest
import torch
from captum.attr import DeepLift
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from layerscope import Refused
from layerscope.nets import study_2d
from layerscope.views import Scope
from views.methods.small_networks import drawn
from zoo import build


def trace_of(net, images, **more):
    kind = "waveform" if images.dim() == 3 else "photo"
    return Scope(net, kind=kind, **more).trace(images)


def assert_close(found, expected, tolerance):
    scale = np.abs(expected).max()
    assert scale > 0
    np.testing.assert_allclose(found, expected, rtol=0, atol=tolerance * scale)


def averaging(axes):
    """A network of rectifiers and average pools over one or two spatial axes, and a batch."""
    conv, pool = ((nn.Conv1d, nn.AvgPool1d), (nn.Conv2d, nn.AvgPool2d))[axes - 1]
    torch.manual_seed(0)
    net = nn.Sequential(
        *(conv(3, 6, 3, padding=1), nn.ReLU(), pool(3, 2, 1), conv(6, 8, 3), nn.ReLU()),
        *(nn.Flatten(), nn.Linear(8 * 8**axes, 12), nn.ReLU(), nn.Linear(12, 4)),
    )
    return net.eval(), torch.randn(3, 3, *[19] * axes)


@pytest.mark.filterwarnings("ignore")  # the peer's own
@pytest.mark.parametrize("axes", [1, 2])
def test_equals_captum_on_rectifiers(axes):
    """Its max pools leave a gap of tens of percent to the score, so that they are no oracle."""
    net, images = averaging(axes)
    baseline = 0.3 * torch.randn_like(images)
    view = trace_of(net, images).view("deep_lift", target=2, baseline=baseline)["input"]
    theirs = DeepLift(net).attribute(images, baseline, target=2).detach().numpy()
    assert_close(view.values, theirs, 1e-4)


@settings(max_examples=30, deadline=None)
@given(data=st.data())
def test_it_is_complete_in_any_small_network(data):
    net, images = drawn(data)
    trace = trace_of(net, images)
    baseline = data.draw(st.sampled_from([0.0, [0.2, -0.1, 0.4], 0.3 * torch.randn(images.shape)]))
    view = trace.view("deep_lift", target="predicted", baseline=baseline)["input"]
    given_baseline = torch.as_tensor(baseline)
    if given_baseline.dim() == 1:
        given_baseline = given_baseline.view(-1, *[1] * (images.dim() - 2))
    with torch.no_grad():
        net.eval()
        scores = [
            net(x)[torch.arange(2), view.target]
            for x in (images, torch.zeros_like(images) + given_baseline)
        ]
    difference = (scores[0] - scores[1]).numpy()
    total = view.values.reshape(2, -1).sum(1)
    scale = np.abs(view.values).reshape(2, -1).sum(1)
    assert (np.abs(total - difference) <= 1e-4 * scale).all()
    np.testing.assert_allclose(view.quality["difference"], difference, atol=1e-5)


def test_products_and_smooth_functions_are_complete_too():
    class Gate(nn.Module):
        def __init__(self):
            super().__init__()
            self.one, self.two, self.fc = nn.Conv1d(2, 3, 1), nn.Conv1d(2, 3, 1), nn.Linear(3, 2)

        def forward(self, x):
            y = nn.functional.silu(self.one(x)) * self.two(x).sigmoid()
            return self.fc((y * y).sum(-1).sqrt())

    torch.manual_seed(0)
    trace = trace_of(Gate(), torch.randn(4, 2, 5))
    view = trace.view("deep_lift", target=1, baseline=0.5)["input"]
    assert np.abs(view.quality["difference"]).min() > 0.01
    assert np.abs(view.quality["gap"]).max() < 1e-5


def test_a_product_gives_each_factor_the_mean_of_the_other():
    class Product(nn.Module):
        def forward(self, x):
            return x[:, :1] * x[:, 1:]

    trace = trace_of(Product(), torch.tensor([[3.0, 5.0]]))
    view = trace.view("deep_lift", target=0, baseline=[1.0, 1.0])["input"]
    assert view.values.tolist() == [[2 * 3.0, 4 * 2.0]]  # changes times means of 5, 1 and 3, 1


def test_the_scope_s_baseline_is_taken_where_none_is_given():
    net, images = nn.Sequential(nn.Flatten(), nn.Linear(4, 2)), torch.ones(1, 1, 2, 2)
    weight = net[1].weight[0].view(1, 1, 2, 2).detach().numpy()
    for more, option, change in (({"baseline": 3.0}, None, -2), ({"baseline": 3.0}, 0.0, 1)):
        view = trace_of(net, images, **more).view("deep_lift", target=0, baseline=option)["input"]
        np.testing.assert_allclose(view.values, change * weight, rtol=1e-5)


def test_every_layer_that_all_must_pass_is_complete():
    torch.manual_seed(0)
    net = study_2d(2, 4, input_shape=(3, 21, 21))
    views = trace_of(net, torch.randn(2, 3, 21, 21)).view("deep_lift", layers=["input", "all"])
    assert list(views) == ["input", *(name for name, _ in net.named_children())]
    for view in views.values():
        scale = np.abs(view.values).reshape(2, -1).sum(1)
        total = view.values.reshape(2, -1).sum(1)
        assert (np.abs(total - view.quality["difference"]) <= 1e-5 * scale).all()


def test_a_uniform_baseline_has_no_ties_that_rounding_decides():
    net, images = build("plain")
    double = copy.deepcopy(net).double()
    one = trace_of(net, images).view("deep_lift", target=1, baseline=0.1)["input"]
    other = trace_of(double, images.double()).view("deep_lift", target=1, baseline=0.1)["input"]
    assert_close(one.values, other.values, 1e-4)
    scale = np.abs(one.values).reshape(5, -1).sum(1)
    assert (np.abs(one.quality["gap"]) <= 1e-5 * scale).all()


def norms():
    torch.manual_seed(0)
    found = {
        "group": nn.GroupNorm(2, 4),
        "instance": nn.InstanceNorm1d(4, affine=True),
        "layer": nn.LayerNorm([4, 9]),
        "layer over the last axis": nn.LayerNorm(9),
    }
    for norm in found.values():
        nn.init.normal_(norm.weight)
        nn.init.normal_(norm.bias)
    return found


@pytest.mark.parametrize("name", norms())
def test_a_norm_is_complete_and_near_the_input_the_gradient(name):
    net = nn.Sequential(nn.Conv1d(2, 4, 1), norms()[name], nn.Flatten(), nn.Linear(36, 2)).double()
    images = torch.randn(3, 2, 9, dtype=torch.float64)
    far, near = torch.randn_like(images), images - 1e-4 * torch.rand_like(images)
    trace = trace_of(net, images)
    view = trace.view("deep_lift", target=1, baseline=far)["input"]
    with torch.no_grad():
        difference = (net(images) - net(far))[:, 1].numpy()
    np.testing.assert_allclose(view.values.sum((1, 2)), difference, rtol=1e-5)
    view = trace.view("deep_lift", target=1, baseline=near)["input"]
    leaf = images.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(net(leaf)[:, 1].sum(), leaf)
    assert_close(view.values, ((images - near) * gradient).numpy(), 1e-3)


def test_a_network_of_gates_and_norms_is_complete():
    net, images = build("gated")
    view = trace_of(net, images).view("deep_lift", target=1, baseline=0.5)["input"]
    assert np.abs(view.quality["difference"]).max() > 0.01
    assert np.abs(view.quality["gap"]).max() < 1e-6


def test_what_has_no_rule_is_refused_by_name():
    class Net(nn.Module):
        def forward(self, x):
            return x.flatten(1).softmax(1) @ torch.ones(192, 2)

    with pytest.raises(Refused, match=r"softmax.*no rule of DeepLIFT"):
        trace_of(Net(), torch.randn(2, 3, 8, 8)).view("deep_lift")
