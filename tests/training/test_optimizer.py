"""Steps against slow twins from the papers and against torch's optimizers."""

import copy
import math

import pytest
import torch
from torch import nn

from layerscope.nets import study_2d
from layerscope.training.muon import Muon, orthogonalised
from layerscope.training.optimizer import (
    average,
    averaged_twin,
    descend,
    make_optimizers,
    parameter_groups,
)
from layerscope.training.settings import TrainingSettings


def small_net():
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(2, 3, 3), nn.BatchNorm2d(3), nn.ReLU(), nn.Flatten(), nn.Linear(12, 4)
    )


def gradients(net, steps):
    """Give each step's gradients, the same for whoever asks."""
    source = torch.Generator().manual_seed(3)
    return [
        [torch.randn(p.shape, generator=source) for p in net.parameters()] for _ in range(steps)
    ]


def trained(net, optimizers, steps=4):
    for step in gradients(net, steps):
        for parameter, gradient in zip(net.parameters(), step, strict=True):
            parameter.grad = gradient.clone()
        for optimizer in optimizers:
            optimizer.step()
    return [parameter.detach() for parameter in net.parameters()]


def slow_adamw(start, steps, rate, decay, beta1):
    """Loshchilov and Hutter's algorithm 2, in float64."""
    weight, first, second = start.double(), 0.0, 0.0
    for number, gradient in enumerate(steps, start=1):
        gradient = gradient.double()
        first = beta1 * first + (1 - beta1) * gradient
        second = 0.999 * second + 0.001 * gradient**2
        ahead = first / (1 - beta1**number) / ((second / (1 - 0.999**number)).sqrt() + 1e-8)
        weight = weight - rate * ahead - rate * decay * weight
    return weight


def test_weights_decay_and_biases_and_norms_do_not():
    net = study_2d(blocks=3, channels=4, input_shape=(3, 20, 20))
    decaying, resting = parameter_groups(list(net.parameters()), 0.1)
    names = {id(parameter): name for name, parameter in net.named_parameters()}
    assert [names[id(p)] for p in decaying["params"]] == [
        "conv1.weight",
        "conv2.weight",
        "conv3.weight",
        "fc.weight",
    ]
    assert [names[id(p)] for p in resting["params"]] == [
        "conv1.bias",
        "conv2.bias",
        "conv3.bias",
        "fc.bias",
    ]
    assert (decaying["weight_decay"], resting["weight_decay"]) == (0.1, 0.0)
    norms = parameter_groups(list(small_net().parameters()), 0.1)[1]["params"]
    assert len(norms) == 4


def test_frozen_weights_are_left_out():
    net = small_net()
    net[0].requires_grad_(False)
    for name in ("adamw", "sgd", "muon"):
        optimizers = make_optimizers(net, TrainingSettings(optimizer=name))
        held = [p for o in optimizers for group in o.param_groups for p in group["params"]]
        assert {id(p) for p in held} == {id(p) for p in net.parameters() if p.requires_grad}


@pytest.mark.parametrize("momentum", [None, 0.8])
def test_adamw_is_the_papers(momentum):
    net = small_net()
    start = [parameter.detach().clone() for parameter in net.parameters()]
    settings = TrainingSettings(
        optimizer="adamw", learning_rate=0.01, weight_decay=0.1, momentum=momentum
    )
    found = trained(net, make_optimizers(net, settings))
    steps = gradients(net, 4)
    for place, weight in enumerate(found):
        decay = 0.1 if weight.ndim > 1 else 0.0
        own = [step[place] for step in steps]
        slow = slow_adamw(start[place], own, 0.01, decay, momentum or 0.9)
        assert torch.allclose(weight.double(), slow, atol=1e-6)


def test_sgd_is_nesterovs():
    net = small_net()
    start = [parameter.detach().clone() for parameter in net.parameters()]
    settings = TrainingSettings(optimizer="sgd", learning_rate=0.1, weight_decay=0.01)
    found = trained(net, make_optimizers(net, settings))
    steps = gradients(net, 4)
    for place, weight in enumerate(found):
        slow, velocity = start[place].double(), 0.0
        for step in steps:
            gradient = step[place].double() + (0.01 if weight.ndim > 1 else 0) * slow
            velocity = 0.9 * velocity + gradient
            slow = slow - 0.1 * (gradient + 0.9 * velocity)
        assert torch.allclose(weight.double(), slow, atol=1e-5)


def slow_muon(start, steps, rate, decay, momentum):
    """Jordan's Muon by singular values, in float64: the quintic acts on each of them."""
    weight, velocity = start.double(), 0.0
    for gradient in steps:
        gradient = gradient.double()
        velocity = momentum * velocity + (1 - momentum) * gradient
        ahead = (1 - momentum) * gradient + momentum * velocity
        u, s, v = torch.linalg.svd(ahead.flatten(1), full_matrices=False)
        s = s / s.square().sum().sqrt()
        for _ in range(5):
            s = 3.4445 * s - 4.7750 * s**3 + 2.0315 * s**5
        step = ((u * s) @ v).view_as(weight)
        scale = 0.2 * math.sqrt(max(u.shape[0], v.shape[1]))
        weight = weight * (1 - rate * decay) - rate * scale * step
    return weight


@pytest.mark.parametrize("shape", [(3, 2, 3, 3), (20, 2, 3, 3), (4, 3, 5)])
def test_muon_is_the_svd_twin(shape):
    torch.manual_seed(0)
    weight = nn.Parameter(torch.randn(shape))
    start = weight.detach().clone()
    steps = [torch.randn(shape) for _ in range(4)]
    optimizer = Muon([weight], lr=0.02, weight_decay=0.1)
    for gradient in steps:
        weight.grad = gradient.clone()
        optimizer.step()
    assert torch.allclose(weight.double(), slow_muon(start, steps, 0.02, 0.1, 0.95), atol=1e-4)


@pytest.mark.skipif(not hasattr(torch.optim, "Muon"), reason="this torch has no Muon")
def test_muon_is_torchs_on_matrices():
    torch.manual_seed(0)
    start, steps = torch.randn(6, 9), [torch.randn(6, 9) for _ in range(3)]
    ours, theirs = nn.Parameter(start.clone()), nn.Parameter(start.clone())
    optimizers = (
        Muon([ours], lr=0.02, weight_decay=0.1),
        torch.optim.Muon([theirs], lr=0.02, weight_decay=0.1, adjust_lr_fn="match_rms_adamw"),
    )
    for gradient in steps:
        ours.grad, theirs.grad = gradient.clone(), gradient.clone()
        for optimizer in optimizers:
            optimizer.step()
    assert torch.allclose(ours, theirs, atol=2e-3)
    assert (ours - start).abs().max() > 0.01


def test_muon_reads_a_convolution_the_same_in_any_memory_format():
    torch.manual_seed(0)
    gradient = torch.randn(4, 3, 3, 3)
    weights = []
    for layout in (torch.contiguous_format, torch.channels_last):
        weight = nn.Parameter(torch.ones(4, 3, 3, 3).to(memory_format=layout))
        weight.grad = gradient.to(memory_format=layout)
        Muon([weight], lr=0.1, weight_decay=0.0).step()
        weights.append(weight.detach())
    assert torch.allclose(*weights, atol=1e-6)


def test_muon_is_for_convolutions_and_adamw_for_the_rest():
    muon, adamw = make_optimizers(small_net(), TrainingSettings(optimizer="muon"))
    assert [p.ndim for group in muon.param_groups for p in group["params"]] == [4]
    assert sorted(p.ndim for group in adamw.param_groups for p in group["params"]) == [
        1,
        1,
        1,
        1,
        2,
    ]
    (only,) = make_optimizers(nn.Linear(2, 2), TrainingSettings(optimizer="muon"))
    assert isinstance(only, torch.optim.AdamW)


def test_zero_gradients_are_no_trouble():
    assert orthogonalised(torch.zeros(3, 4)).equal(torch.zeros(3, 4))


def test_clipping_is_torchs():
    nets = [small_net(), small_net()]
    settings = TrainingSettings(optimizer="sgd", momentum=0, weight_decay=0)
    images = torch.randn(8, 2, 4, 4)
    for net, clip in zip(nets, (0.0, 0.05), strict=True):
        loss = 100 * net(images).square().mean()
        descend(net, make_optimizers(net, settings), loss, 1.0, clip)
    fresh = small_net()
    moved = [
        math.sqrt(
            sum(
                (p - q).square().sum().item()
                for p, q in zip(net.parameters(), fresh.parameters(), strict=True)
            )
        )
        for net in nets
    ]
    assert moved[0] > 1
    assert moved[1] == pytest.approx(0.05, rel=1e-3)


def test_the_average_is_the_slow_twins():
    net = small_net()
    twin = averaged_twin(net)
    slow = {name: p.detach().double() for name, p in net.named_parameters()}
    for step in range(1, 31):
        with torch.no_grad():
            for parameter in net.parameters():
                parameter.add_(torch.randn_like(parameter))
        net(torch.randn(4, 2, 4, 4))  # moves the norm's running mean
        average(twin, net, 0.7, step)
        decay = min(0.7, (1 + step) / (10 + step))
        for name, parameter in net.named_parameters():
            slow[name] = decay * slow[name] + (1 - decay) * parameter.detach().double()
    for name, parameter in twin.named_parameters():
        assert torch.allclose(parameter.double(), slow[name], atol=1e-5)
        assert not parameter.requires_grad
    assert twin[1].running_mean.equal(net[1].running_mean)
    assert not twin.training


def test_the_learning_rate_of_the_step_is_used_by_every_optimizer():
    settings = TrainingSettings(optimizer="muon", learning_rate=1.0, weight_decay=0)
    net = small_net()
    before = copy.deepcopy(net.state_dict())
    descend(net, make_optimizers(net, settings), net(torch.randn(8, 2, 4, 4)).sum(), 0.0, 0.0)
    for name, parameter in net.named_parameters():
        assert parameter.equal(before[name])
