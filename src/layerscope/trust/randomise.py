"""Networks some of whose layers are drawn anew: cascading from either end, or one at a time."""

import copy
from collections.abc import Iterator
from typing import Literal

import torch
from torch import nn

from layerscope.errors import Refused

Order = Literal["top-down", "bottom-up", "independent"]
ORDERS: tuple[Order, ...] = ("top-down", "bottom-up", "independent")


def drawn_layers(net: nn.Module) -> list[str]:
    """Name the layers that can be drawn anew (`reset_parameters`), in their order.

    Raises:
        Refused: a module that holds weights of its own and cannot draw them.

    """
    names = []
    for name, module in net.named_modules():
        if callable(getattr(module, "reset_parameters", None)):
            names.append(name)
        elif any(True for _ in module.parameters(recurse=False)):
            raise Refused(
                f"{name or 'the network'} ({type(module).__name__}) holds weights and has no "
                "reset_parameters(), so that it cannot be drawn anew: give it that method"
            )
    if not names:
        raise Refused(f"{type(net).__name__} has no layer with weights to draw anew")
    return names


def randomised(net: nn.Module, order: Order, *, seed: int = 0) -> Iterator[tuple[str, nn.Module]]:
    """Yield a copy of the network with one more layer drawn anew each time, or that one alone.

    Adebayo et al. 2018, arXiv:1810.03292. Every layer is drawn from the same seed by its own
    `reset_parameters`, as Quantus does. The caller's network and random numbers stay as they are;
    what is yielded is changed by the next step.

    >>> net = nn.Sequential(nn.Linear(2, 2), nn.ReLU(), nn.Linear(2, 2))
    >>> [name for name, _ in randomised(net, "top-down")]
    ['2', '0']

    """
    if order not in ORDERS:
        raise Refused(f"order = {order!r}: one of {', '.join(ORDERS)}")
    names = drawn_layers(net)
    twin = copy.deepcopy(net).eval()
    modules = dict(twin.named_modules())
    for name in names[::-1] if order == "top-down" else names:
        before = copy.deepcopy(modules[name].state_dict())
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            modules[name].reset_parameters()
        yield name, twin
        if order == "independent":
            modules[name].load_state_dict(before)
