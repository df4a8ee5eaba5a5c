import pytest
import torch
from torch import nn

from layerscope.tape import record, untouched
from untouched import prepare, state_of
from zoo import NETWORKS, build


class Counting(nn.Module):
    """Writes to one buffer, replaces another, draws random numbers, and may raise."""

    def __init__(self, fails=False):
        super().__init__()
        self.register_buffer("calls", torch.zeros(1))
        self.register_buffer("last", torch.zeros(2, 3))
        self.fails = fails

    def forward(self, x):
        self.calls += 1
        self.last = x[:2, :3] * torch.rand(1)
        if self.fails:
            raise RuntimeError("planted")
        return x


@pytest.mark.parametrize("name", NETWORKS)
def test_a_recording_leaves_every_network_as_it_was(name):
    net, images = build(name)
    prepare(net)
    kept, state = images.clone(), state_of(net)
    record(net, images)
    assert state_of(net) == state
    assert torch.equal(images, kept)


@pytest.mark.parametrize("fails", [False, True])
def test_buffers_and_random_state_come_back_even_after_an_exception(fails):
    net = nn.Sequential(nn.Linear(3, 3), Counting(fails))
    prepare(net)
    state = state_of(net)
    if fails:
        with pytest.raises(RuntimeError, match="planted"):
            record(net, torch.randn(2, 3))
    else:
        record(net, torch.randn(2, 3))
    after = state_of(net)
    differing = [key for key in state if key != "random" and state[key] != after[key]]
    assert differing == []


def test_random_state_comes_back():
    net = nn.Sequential(nn.Linear(3, 3), Counting())
    images = torch.randn(2, 3)
    state = torch.get_rng_state()
    record(net, images)
    assert torch.equal(torch.get_rng_state(), state)


def test_evaluation_mode_inside_without_calling_the_model_s_own_train():
    class Stubborn(nn.Dropout):
        def train(self, mode=True):
            raise AssertionError("train() was called")

    net = nn.Sequential(nn.Linear(3, 3), Stubborn())
    with untouched(net):
        assert not net[1].training
        assert not torch.is_grad_enabled()
    assert net[1].training
