"""The networks of a comparison: of a run, pretrained, or of the user; and their untrained twins."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import nn

from layerscope.brain.settings import NetworkSettings
from layerscope.data.inputs import InputSpec
from layerscope.errors import LayerscopeError
from layerscope.nets.pretrained import pretrained, pretrained_input, untrained
from layerscope.nets.untrained import untrained_twin
from layerscope.run import Run
from layerscope.seeing.module import load_module
from layerscope.views import Scope


@dataclass(frozen=True, eq=False)
class Network:
    """A network to compare: its name, what it takes, and how its untrained twin is made."""

    name: str
    scope: Scope
    spec: InputSpec
    twin: Callable[[], nn.Module]


def find_network(settings: NetworkSettings, seed: int) -> Network:
    """Build the network that is named; `seed` draws its untrained twin.

    A run's twin has the weights that its training started from (drawn anew where these were
    pretrained), a pretrained network's those that a training of it would start from here, a user's
    those that its modules draw when reset.

    Raises:
        LayerscopeError: no such network, or one that is not shown photographs.

    """
    if settings.run is not None:
        run = Run.open(settings.run)
        if run.spec.kind != "photo":
            raise LayerscopeError(
                f"{run.path} was trained on {run.spec.kind}s: stimuli are photographs here"
            )
        scope = run.scope()
        return Network(run.path.resolve().name, scope, run.spec, lambda: _start(run, seed))
    if settings.pretrained is not None:
        name = settings.pretrained
        spec = pretrained_input(name)
        scope = Scope(pretrained(name, weights=settings.weights), mean=spec.mean, std=spec.std)
        return Network(name, scope, spec, lambda: drawn(name, seed))
    net, channels = load_module(str(settings.model)), len(settings.mean)
    if channels not in (1, 3) or len(settings.std) != channels:
        raise LayerscopeError(
            f"mean has {channels} values and std {len(settings.std)}: one or three of each"
        )
    shape = (channels, settings.size, settings.size)
    spec = InputSpec("photo", shape, settings.mean, settings.std)
    scope = Scope(net, mean=spec.mean, std=spec.std, output=settings.output)
    name = str(settings.model).rpartition(":")[2]
    return Network(name, scope, spec, lambda: untrained_twin(net, seed))


def _start(run: Run, seed: int) -> nn.Module:
    """Give a run's network as it was before it had seen anything."""
    if run.study.model.pretrained is not None:
        return untrained_twin(run.net(), seed)
    return run.untrained_net().eval()


def drawn(name: str, seed: int) -> nn.Module:
    """Draw the weights that a training of a pretrained network's architecture would start from.

    >>> drawn("squeezenet1_0", 0).classifier[1].bias.abs().max().item()
    0.0
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return untrained(name).eval()
