"""Ways of computing that a recording could miss: followed like autograd, or refused by name."""

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from layerscope import Refused
from layerscope.tape import record
from layerscope.views import COMPOSITES, Scope, descend


class Net(nn.Module):
    """A convolution, a function, a second convolution and a head."""

    def __init__(self, function):
        super().__init__()
        self.c = nn.Conv2d(3, 8, 3, padding=1)
        self.d = nn.Conv2d(8, 8, 3, padding=1)
        self.h = nn.Linear(8, 5)
        self.function = function

    def forward(self, x):
        y = self.function(self, self.c(x))
        return self.h(self.d(y).mean((2, 3)))


class Straight(torch.autograd.Function):
    """Rounds on the way up and passes twice the gradient on the way down."""

    @staticmethod
    def forward(ctx, x):
        return x.round()

    @staticmethod
    def backward(ctx, grad):
        return 2 * grad


def no_grad_gate(net, y):
    with torch.no_grad():
        gate = y.sigmoid()
    return y * gate


def written_through_reshape(net, y):
    y.reshape(len(y), -1).relu_()
    return y


def written_through_contiguous(net, y):
    y.contiguous().relu_()
    return y


def as_strided(net, y):
    return y.as_strided(y.shape, y.stride())


def asks_for_layout(net, y):
    return y * 2 if y.is_contiguous() else y * 3


def relu_by_overload(net, y):
    y = y * 1
    return torch.ops.aten.relu_.default(y)


def renormed(net, y):
    net.d.weight.data = torch.renorm(net.d.weight.data, 2, 0, 0.01)
    return y


def plain(function):
    """Wrap a function of the map alone."""
    return lambda net, y: function(y)


FOLLOWED = {
    "straight-through": plain(lambda y: Straight.apply(y)),
    "write through contiguous": written_through_contiguous,
    "no_grad gate": no_grad_gate,
    "relu by overload": relu_by_overload,
    "strides": as_strided,
    "layout": asks_for_layout,
    "concatenate by axis": plain(lambda y: torch.concatenate([y, y], axis=1)[:, ::2]),
    "cat with an empty one": plain(lambda y: torch.cat((torch.tensor([]), y), 1)),
    "bias of the input": plain(
        lambda y: F.conv2d(y, torch.ones(8, 8, 1, 1), bias=y.mean((0, 2, 3)))
    ),
    "where": plain(lambda y: torch.where(y > 0, y, 0.1 * y)),
    "inactive in-place dropout": plain(lambda y: F.dropout2d(y, 0.3, False, True)),
    "torch.dropout": plain(lambda y: torch.dropout(y, 0.5, False)),
}


def images():
    torch.manual_seed(3)
    return torch.randn(2, 3, 9, 7)


def gradient_of(tape):
    seed = torch.ones(1, *tape.output.tensor.shape)
    return descend(tape, seed, tape.output, [tape.input], COMPOSITES["gradient"])[0][0]


@pytest.mark.parametrize("name", FOLLOWED)
def test_the_answer_and_its_gradient_are_torch_s(name):
    net, batch = Net(FOLLOWED[name]).eval(), images()
    tape = record(net, batch)
    leaf = batch.clone().requires_grad_()
    output = net(leaf)
    torch.testing.assert_close(tape.output.tensor, output.detach())
    (expected,) = torch.autograd.grad(output.sum(), leaf)
    torch.testing.assert_close(gradient_of(tape), expected, rtol=1e-4, atol=1e-6)


def test_a_write_through_what_may_be_a_copy_gives_the_network_s_own_answer():
    net, batch = Net(written_through_reshape).eval(), images()
    tape = record(net, batch)
    with torch.no_grad():
        torch.testing.assert_close(tape.output.tensor, net(batch))
    with pytest.raises(Refused, match="through a view"):
        gradient_of(tape)


def test_a_constant_filled_through_a_slice_is_refused_on_the_way_back():
    def fill(net, y):
        out = torch.zeros_like(net.h.weight.new_zeros(y.shape))
        out[:, :4].copy_(y[:, :4])
        return y + out

    net, batch = Net(fill).eval(), images()
    tape = record(net, batch)
    with torch.no_grad():
        torch.testing.assert_close(tape.output.tensor, net(batch))
    with pytest.raises(Refused, match="through a view"):
        gradient_of(tape)


def test_an_autograd_function_that_was_bound_before_is_refused_by_name():
    apply = Straight.apply
    tape = record(Net(plain(lambda y: apply(y))).eval(), images())
    with pytest.raises(Refused, match="whose apply was bound before"):
        gradient_of(tape)
    assert (
        torch.autograd.Function.__dict__["apply"].__func__.__module__ == "torch.autograd.function"
    )


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")
def test_scripted_functions_and_vmap_are_refused_by_name():
    swish = torch.jit.script(_swish)
    for function in (lambda y: y + swish(y), lambda y: y + torch.vmap(torch.sin)(y)):
        with pytest.raises(Refused, match="where it cannot be seen"):
            record(Net(plain(function)), images())


def _swish(x: torch.Tensor) -> torch.Tensor:
    return x * x.sigmoid()


@pytest.mark.parametrize("draw", [torch.randn_like, lambda y: F.rrelu(y, training=True)])
def test_random_answers_are_refused_by_name(draw):
    with pytest.raises(Refused, match="draws random numbers in evaluation mode"):
        record(Net(plain(lambda y: y + draw(y))), images())


def test_a_lazy_layer_is_refused_by_name():
    net = nn.Sequential(nn.LazyConv2d(4, 3))
    with pytest.raises(Refused, match="layer '0' has no weights yet"):
        record(net, images())


def test_weights_that_a_forward_pass_changes_come_back():
    net = Net(renormed)
    before = net.d.weight.detach().clone()
    record(net, images())
    assert torch.equal(net.d.weight, before)


def test_batch_statistics_of_one_example_stay_as_they_were_also_after_a_view():
    norm = nn.BatchNorm2d(8)
    call = lambda y: F.batch_norm(y, norm.running_mean, norm.running_var, training=True)
    net = Net(lambda _net, y: call(y))
    net.norm = norm
    with torch.no_grad():
        Scope(net).trace(images()[:1]).view("grad_cam", layers=["c"])
    assert norm.running_mean.abs().max() == 0


def test_a_change_after_the_trace_is_refused():
    net = Net(plain(torch.relu)).eval()
    trace = Scope(net).trace(images())
    with torch.no_grad():
        net.d.weight.mul_(2)
    with pytest.raises(Refused, match="trace again"):
        trace.view("grad_cam", layers=["c"])


def test_inference_mode_around_it_changes_nothing():
    net, batch = Net(plain(F.gelu)).eval(), images()
    outside = Scope(net).trace(batch).view("grad_cam")
    with torch.inference_mode():
        inside = Scope(net).trace(batch).view("grad_cam")
    assert outside["c"].values.max() > 0
    np.testing.assert_array_equal(outside["c"].values, inside["c"].values)


def test_autocast_in_the_network_is_followed():
    def head(net, y):
        with torch.autocast("cpu", torch.bfloat16):
            return F.conv2d(y, net.d.weight, padding=1).float()

    net, batch = Net(head).eval(), images()
    ours = gradient_of(record(net, batch))
    leaf = batch.clone().requires_grad_()
    (expected,) = torch.autograd.grad(net(leaf).sum(), leaf)
    assert (ours - expected).norm() < 0.02 * expected.norm()
