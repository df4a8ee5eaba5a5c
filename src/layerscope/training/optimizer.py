"""The step that changes the weights: parameter groups, optimizers, clipping, averaging."""

import copy
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from layerscope.nets.max_norm import constrain
from layerscope.training.muon import Muon
from layerscope.training.settings import TrainingSettings

_MOMENTUM = {"adamw": 0.9, "sgd": 0.9, "muon": 0.95}


def parameter_groups(
    parameters: Sequence[nn.Parameter],
    weight_decay: float,
    scale: Callable[[nn.Parameter], float] = lambda parameter: 1.0,
) -> list[dict[str, Any]]:
    """Split parameters in two: weights of layers decay, biases and norms do not.

    Each is split again by the factor `scale` of its learning rate.

    >>> groups = parameter_groups(list(nn.Linear(3, 5).parameters()), 0.1)
    >>> [(len(group["params"]), group["weight_decay"]) for group in groups]
    [(1, 0.1), (1, 0.0)]
    """
    groups: dict[tuple[bool, float], dict[str, Any]] = {}
    for parameter in sorted(parameters, key=lambda p: p.ndim <= 1):  # stable: weights, then biases
        decays = parameter.ndim > 1
        group = groups.setdefault(
            (decays, scale(parameter)),
            {"params": [], "weight_decay": weight_decay if decays else 0.0},
        )
        group["params"].append(parameter)
        group["scale"] = scale(parameter)
    return list(groups.values())


def make_optimizers(
    net: nn.Module, settings: TrainingSettings, rates: Mapping[str, float] | None = None
) -> list[torch.optim.Optimizer]:
    """Make the optimizers that share one learning rate, times each weight's factor in `rates`.

    adamw: AdamW (Loshchilov and Hutter 2019); sgd: SGD with Nesterov's momentum; muon: Muon for the
    convolutions and AdamW for the rest.
    """
    trained = [parameter for parameter in net.parameters() if parameter.requires_grad]
    factors = {weight: (rates or {}).get(name, 1.0) for name, weight in net.named_parameters()}
    scale = factors.__getitem__
    decay, rate = settings.weight_decay, settings.learning_rate
    momentum = settings.momentum
    if momentum is None:
        momentum = _MOMENTUM[settings.optimizer]
    if settings.optimizer == "sgd":
        groups = parameter_groups(trained, decay, scale)
        return [torch.optim.SGD(groups, lr=rate, momentum=momentum, nesterov=momentum > 0)]
    if settings.optimizer == "adamw":
        groups = parameter_groups(trained, decay, scale)
        return [torch.optim.AdamW(groups, lr=rate, betas=(momentum, 0.999))]
    convolved = [parameter for parameter in trained if parameter.ndim > 2]
    rest = parameter_groups([p for p in trained if p.ndim <= 2], decay, scale)
    optimizers: list[torch.optim.Optimizer] = []
    if convolved:
        optimizers.append(Muon(parameter_groups(convolved, decay, scale), rate, decay, momentum))
    if rest:
        optimizers.append(torch.optim.AdamW(rest, lr=rate))
    return optimizers


def descend(
    net: nn.Module,
    optimizers: Sequence[torch.optim.Optimizer],
    loss: Tensor,
    rate: float,
    clip: float,
) -> None:
    """Take one step down the loss at learning rate `rate`, its gradient's norm at most `clip`.

    Filters that a layer keeps short (`nets.max_norm`) are shortened after the step.
    """
    net.zero_grad(set_to_none=True)
    loss.backward()
    if clip:
        nn.utils.clip_grad_norm_(net.parameters(), clip)
    for optimizer in optimizers:
        for group in optimizer.param_groups:
            group["lr"] = rate * group["scale"]
        optimizer.step()
    constrain(net)


def averaged_twin(net: nn.Module) -> nn.Module:
    """Copy a network to hold the moving average of its weights, in evaluation mode."""
    return copy.deepcopy(net).requires_grad_(False).eval()


@torch.no_grad()
def average(twin: nn.Module, net: nn.Module, decay: float, step: int) -> None:
    """Move the twin's weights towards the network's; buffers are copied.

    The decay of step 1, 2, ... is at most (1 + step) / (10 + step), so that the average forgets
    the initial weights.
    """
    decay = min(decay, (1 + step) / (10 + step))
    torch._foreach_lerp_(list(twin.parameters()), list(net.parameters()), 1 - decay)
    for ours, theirs in zip(twin.buffers(), net.buffers(), strict=True):
        ours.copy_(theirs)
