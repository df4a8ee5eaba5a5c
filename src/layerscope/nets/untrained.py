"""The untrained twin: the same network with weights drawn anew, beside which figures stand."""

import copy

import torch
from torch import nn

from layerscope.errors import Refused


def untrained_twin(net: nn.Module, seed: int = 0) -> nn.Module:
    """Copy a network and draw its weights as torch's modules do when they are made.

    Every module that holds weights or running statistics must know how to draw them
    (`reset_parameters`); the random numbers of the caller are left as they are.

    Raises:
        Refused: a module of the user's that holds parameters and has no `reset_parameters`.

    >>> net = nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2))
    >>> torch.equal(untrained_twin(net)[0].weight, net[0].weight)
    False

    """
    twin = copy.deepcopy(net)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        for name, module in twin.named_modules():
            own = [*module.parameters(recurse=False), *module.buffers(recurse=False)]
            draw = getattr(module, "reset_parameters", None)
            if callable(draw):
                draw()
            elif own:
                raise Refused(
                    f"{name or 'the network'} ({type(module).__name__}) holds weights and has no "
                    "reset_parameters(), so that it cannot be drawn anew for an untrained twin: "
                    "give it that method, as torch's modules have it"
                )
    return twin.eval()
