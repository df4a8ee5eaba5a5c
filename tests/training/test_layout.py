"""Convolutions and pools along time give the same as 2-D of height 1, gradients too."""

import copy

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from layerscope.nets import study_1d
from layerscope.training.layout import HeightOne, forward
from layerscope.training.precision import Precision, choose
from layerscope.training.settings import TrainingSettings


def chain():
    """Give a chain such as a user writes: strides, dilation, groups, averages, norms."""
    return nn.Sequential(
        nn.Conv1d(1, 8, 9, stride=4, bias=False),  # the norm takes a bias away
        nn.BatchNorm1d(8),
        nn.ReLU(inplace=True),
        nn.MaxPool1d(3, stride=2, padding=1),
        nn.Conv1d(8, 8, 4, padding="same", dilation=2, groups=4),
        nn.AvgPool1d(2),
        nn.GELU(),
        nn.Conv1d(8, 6, 3, padding=2, padding_mode="circular", bias=False),
        nn.MaxPool1d(2, ceil_mode=True),
        nn.Flatten(),
        nn.LazyLinear(5),
    )


NETS = {
    "study_1d": (study_1d, (3, 1, 16_000)),
    "a user's chain": (chain, (3, 1, 701)),
    "even kernel, same, one channel": (
        lambda: nn.Sequential(nn.Conv1d(1, 4, 6, padding="same"), nn.MaxPool1d(2)),
        (3, 1, 97),
    ),
    "valid, dilated, one channel": (
        lambda: nn.Sequential(nn.Conv1d(1, 4, 3, padding="valid", dilation=2), nn.ReLU()),
        (3, 1, 97),
    ),
    "several channels, long kernel": (lambda: nn.Conv1d(4, 4, 33, padding=16), (3, 4, 97)),
    "one channel, longer kernel than is written out": (lambda: nn.Conv1d(1, 4, 65), (3, 1, 97)),
}


def answers(net, sound, *, fast):
    """Give the output and all gradients, the input's among them."""
    net = copy.deepcopy(net).train().double()
    sound = sound.double().requires_grad_()
    torch.manual_seed(0)
    if fast:
        with HeightOne():
            out = net(sound)
    else:
        out = net(sound)
    out.square().sum().backward()
    return [out.detach(), sound.grad, *(weight.grad for weight in net.parameters())]


@pytest.mark.parametrize("name", NETS)
def test_answers_and_gradients_are_those_of_one_dimension(name):
    make, shape = NETS[name]
    torch.manual_seed(1)
    net, sound = make(), torch.randn(shape)
    net(sound)  # a lazy layer finds its size
    plain, fast = answers(net, sound, fast=False), answers(net, sound, fast=True)
    for ours, reference in zip(fast, plain, strict=True):
        assert ours.shape == reference.shape
        assert (ours - reference).abs().max() <= 1e-10 * reference.abs().max()


def test_it_runs_the_two_dimensional_kernels():
    sound = torch.randn(2, 1, 99)
    with HeightOne():
        out = nn.Conv1d(1, 8, 5)(sound)
        pooled = nn.MaxPool1d(3)(out)
    for values in (out, pooled):
        assert values.unsqueeze(2).is_contiguous(memory_format=torch.channels_last)
        assert not values.is_contiguous()


def test_pools_take_the_first_of_equal_values_alike():
    values = torch.tensor([[[1.0, 1.0, 0.0, 0.0, 0.0, 0.0, 2.0]]]).repeat(1, 4, 1)
    grads = []
    for fast in (False, True):
        leaf = values.clone().requires_grad_()
        if fast:
            with HeightOne():
                out = F.max_pool1d(leaf, 3, ceil_mode=True)
        else:
            out = F.max_pool1d(leaf, 3, ceil_mode=True)
        out.sum().backward()
        grads.append(leaf.grad)
    assert torch.equal(*grads)


def test_other_forms_of_the_calls_run_as_ever():
    values = torch.randn(4, 30)  # without a batch
    weight = torch.randn(6, 4, 3)
    with HeightOne():
        assert torch.equal(F.conv1d(values, weight), torch.conv1d(values, weight))
        pooled, places = F.max_pool1d(values[None], 3, return_indices=True)
    assert torch.equal(pooled, F.max_pool1d(values[None], 3))
    assert places.shape == pooled.shape


def test_the_network_its_hooks_and_its_state_are_untouched():
    net, seen = study_1d(), []
    before = {name: value.clone() for name, value in net.state_dict().items()}
    net.conv3.register_forward_hook(lambda m, x, y: seen.append((x[0].shape, y.shape)))
    fast = choose(net, (1, 16_000), TrainingSettings(precision="float32", threads=1))
    fast.forward(net, torch.randn(2, 1, 16_000))
    assert seen == [((2, 32, 1778), (2, 64, 1778))]
    assert sum(weight.numel() for weight in net.parameters()) == 663_664
    assert all(torch.equal(value, before[name]) for name, value in net.state_dict().items())


def test_bfloat16_gradients_are_as_near_to_float32_as_in_one_dimension():
    torch.manual_seed(0)
    net, sound = study_1d(dropout=0.0).train(), torch.randn(4, 1, 16_000)
    exact = gradients(net, sound, Precision("float32", False, 1, ""))
    plain = gradients(net, sound, Precision("bfloat16", False, 1, ""))
    fast = gradients(net, sound, Precision("bfloat16", False, 1, "", height_one=True))
    for key, reference in exact.items():
        near = [F.cosine_similarity(found[key], reference, dim=0) for found in (fast, plain)]
        assert near[0] > near[1] - 0.01, key
        assert near[0] > 0.9, key


def gradients(net, sound, precision):
    """Give the gradient of a loss for every weight, flat."""
    net.zero_grad()
    F.cross_entropy(precision.forward(net, sound).float(), torch.arange(len(sound))).backward()
    return {key: weight.grad.flatten().clone() for key, weight in net.named_parameters()}


def test_it_is_chosen_for_convolutions_along_time_on_the_processor():
    assert choose(study_1d(), (1, 16_000), TrainingSettings()).height_one
    assert not choose(nn.Linear(4, 2), (1, 4), TrainingSettings()).height_one


def test_rectifiers_after_pools_give_the_same_answers_and_gradients():
    torch.manual_seed(0)
    net = nn.Sequential(
        nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU(), nn.MaxPool2d(2, ceil_mode=True)),
        nn.Conv2d(8, 8, 3, padding=1),
        nn.ReLU(inplace=True),
        nn.MaxPool2d(3, stride=1, padding=1),
        nn.Conv2d(8, 8, 3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(3, stride=1, padding=1),
        nn.ReLU(inplace=True),
        nn.ReLU(),
        nn.Flatten(),
        nn.Linear(8 * 6 * 6, 4),
        nn.ReLU(),
    )
    images, found = torch.randn(2, 3, 13, 13), []
    for run in (net, lambda x: forward(net, x)):
        leaf = images.clone().requires_grad_()
        net.zero_grad()
        out = run(leaf)
        out.square().sum().backward()
        found.append([out.detach(), leaf.grad, *(p.grad.clone() for p in net.parameters())])
    assert found[0][0].any()
    assert all(torch.equal(plain, ours) for plain, ours in zip(*found, strict=True))


def test_it_rectifies_what_the_pool_has_left(monkeypatch):
    net = nn.Sequential(nn.ReLU(), nn.MaxPool1d(3), nn.Conv1d(1, 1, 1))
    sizes, relu = [], nn.ReLU.forward
    monkeypatch.setattr(nn.ReLU, "forward", lambda m, x: sizes.append(x.shape[2]) or relu(m, x))
    forward(net, torch.randn(1, 1, 9))
    net[0].register_forward_hook(lambda m, x, y: None)
    forward(net, torch.randn(1, 1, 9))  # as it stands, for whoever watches
    assert sizes == [3, 9]
