"""Max-norm constraints (Srebro 2005): after each step of training no filter is longer than told."""

from typing import TypeVar, cast

import torch
from torch import nn

Layer = TypeVar("Layer", bound=nn.Module)
_NAME = "weight_max_norm"


def hold(layer: Layer, limit: float) -> Layer:
    """Mark a layer: the L2 norm of the weights of each of its outputs shall be at most `limit`.

    Nothing changes until `constrain` is called, as training does after every step.

    >>> limits(nn.Sequential(nn.Linear(2, 2), hold(nn.Linear(2, 2), 0.25)))
    {'1': 0.25}
    """
    vars(layer)[_NAME] = float(limit)
    return layer


def limits(net: nn.Module) -> dict[str, float]:
    """Give the limit of every layer that has one, by the layer's name."""
    return {name: vars(layer)[_NAME] for name, layer in net.named_modules() if _NAME in vars(layer)}


@torch.no_grad()
def constrain(net: nn.Module) -> None:
    """Shorten the filters that are longer than their layer allows; directions are kept.

    >>> net = hold(nn.Linear(2, 1), 0.5)
    >>> _ = net.weight.data.copy_(torch.tensor([[3.0, 4.0]]))
    >>> constrain(net)
    >>> net.weight.data
    tensor([[0.3000, 0.4000]])
    """
    for layer in net.modules():
        limit = vars(layer).get(_NAME)
        if limit is not None:
            weight = cast("torch.Tensor", layer.weight)
            lengths = weight.flatten(1).norm(dim=1)
            factors = (limit / lengths.clamp(min=limit)).view(-1, *[1] * (weight.dim() - 1))
            weight.mul_(factors)
