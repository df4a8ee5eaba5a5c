import pytest
import torch
from torch import nn

from layerscope import Refused
from layerscope.tape import record, resume
from zoo import NETWORKS, build


def last(tape):
    return tape.output


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("count", [1, 5, 8])
def test_the_whole_network_again_on_other_inputs(name, count):
    net, images = build(name)
    tape = record(net, images)
    torch.manual_seed(1)
    others = torch.randn(count, *images.shape[1:])
    rows = torch.arange(count) % 5
    (found,) = resume(tape, {tape.input: others}, [last(tape)], rows)
    with torch.no_grad():
        expected = net.eval()(others)
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", [n for n in NETWORKS if n not in ("in place",)])
def test_from_inside_nothing_below_is_computed(name):
    net, images = build(name)
    tape = record(net, images)
    inner = next(v for v in tape.values[1:] if v.producer.kind == "conv")
    rows = torch.tensor([3, 3, 0])
    changed = 2 * inner.tensor[rows]
    (found,) = resume(tape, {inner: changed}, [last(tape)], rows)
    convolution = net.get_submodule(inner.producer.module)
    handle = convolution.register_forward_hook(lambda *args: 2 * args[2])
    with torch.no_grad():
        expected = net.eval()(images[rows])
    handle.remove()
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)


def test_gradients_flow_to_what_is_given_and_not_to_the_weights():
    net, images = build("residual")
    tape = record(net, images)
    leaf = images[:2].clone().requires_grad_()
    (found,) = resume(tape, {tape.input: leaf}, [last(tape)], torch.tensor([0, 1]))
    found[:, 1].sum().backward()
    twin = images[:2].clone().requires_grad_()
    net.eval()(twin)[:, 1].sum().backward()
    torch.testing.assert_close(leaf.grad, twin.grad)
    net.zero_grad()
    assert all(p.grad is None for p in net.parameters())
    leaf.grad = None
    (found,) = resume(tape, {tape.input: leaf}, [last(tape)], torch.tensor([0, 1]))
    found.sum().backward()
    assert all(p.grad is None for p in net.parameters())


def test_recorded_values_are_not_written_to():
    net, images = build("in place")
    tape = record(net, images)
    kept = [value.tensor.clone() for value in tape.values]
    resume(tape, {tape.input: images.flip(0)}, [last(tape)], torch.arange(5))
    assert all(torch.equal(a, v.tensor) for a, v in zip(kept, tape.values, strict=True))


def test_a_value_that_is_not_reached_is_the_recorded_one():
    net, images = build("plain")
    tape = record(net, images)
    first = tape.layers["0"][0]
    rows = torch.tensor([4, 1])
    later = tape.layers["3"][0]
    (found,) = resume(tape, {later: later.tensor[rows]}, [first], rows)
    assert torch.equal(found, first.tensor[rows])


def test_bfloat16_is_near_and_not_the_same():
    net, images = build("plain")
    tape = record(net, images)
    (near,) = resume(tape, {tape.input: images}, [last(tape)], torch.arange(5), exact=False)
    assert near.dtype == torch.bfloat16
    difference = (near.float() - tape.output.tensor).abs().max()
    assert 0 < difference < 0.05 * tape.output.tensor.abs().max()


class Fixed(nn.Module):
    """Adds a constant that has the traced batch's size."""

    def forward(self, x):
        return (x + torch.ones(len(x), 1)).sum(1, keepdim=True)


def test_a_fixed_batch_size_is_refused_by_name():
    tape = record(Fixed(), torch.rand(2, 3))
    with pytest.raises(Refused, match=r"add.*3 examples \(2 were traced\)"):
        resume(tape, {tape.input: torch.rand(3, 3)}, [last(tape)], torch.tensor([0, 1, 1]))
    (same,) = resume(tape, {tape.input: torch.zeros(2, 3)}, [last(tape)], torch.arange(2))
    assert same.flatten().tolist() == [3, 3]


class Folded(nn.Module):
    """Reshapes with sizes that were computed from the batch."""

    def forward(self, x):
        groups = x.view(len(x) * 2, -1)
        return groups.mean(1).view(len(x), 2)


@pytest.mark.parametrize("traced", [1, 3])
def test_sizes_that_name_the_batch_follow_it(traced):
    tape = record(Folded(), torch.rand(traced, 4))
    others = torch.rand(6, 4)
    (found,) = resume(tape, {tape.input: others}, [last(tape)], torch.zeros(6, dtype=torch.long))
    torch.testing.assert_close(found, Folded()(others))
