"""A model lent for a moment: evaluation mode inside, byte-identical outside."""

import random
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch
from torch import Tensor, nn


@contextmanager
def evaluation_mode(model: nn.Module) -> Iterator[None]:
    """Put a network into evaluation mode; every module has its own mode back afterwards.

    The flags are set, as `eval()` is a method that a module may have changed.
    """
    flags = [(module, module.training) for module in model.modules()]
    try:
        for module, _ in flags:
            module.training = False
        yield
    finally:
        for module, flag in flags:
            module.training = flag


@contextmanager
def untouched(model: nn.Module) -> Iterator[nn.Module]:
    """Put `model` into evaluation mode and give it back as it was, also after an exception.

    Restored are the `training` flag of every module, the identity and content of every buffer,
    the content of every parameter, and the states of the random generators. Gradients and hooks
    are never written. Gradients are off inside.

    >>> net = nn.Sequential(nn.Linear(2, 2), nn.Dropout()).train()
    >>> with untouched(net) as lent:
    ...     lent.training
    False
    >>> net.training
    True
    """
    modules = list(model.modules())
    buffers = [dict(module._buffers) for module in modules]
    contents = [{name: _copy(buffer) for name, buffer in held.items()} for held in buffers]
    weights = [(parameter, _copy(parameter)) for parameter in model.parameters()]
    random_state = random.getstate(), np.random.get_state(), torch.get_rng_state()
    devices = {p.device for p in model.parameters() if p.device.type == "cuda"}
    device_states = {device: torch.cuda.get_rng_state(device) for device in devices}
    try:
        with evaluation_mode(model), torch.inference_mode(False), torch.no_grad():
            yield model
    finally:
        for module, held, content in zip(modules, buffers, contents, strict=True):
            _restore_buffers(module, held, content)
        for parameter, weight in weights:
            _restore(parameter, weight)
        random.setstate(random_state[0])
        np.random.set_state(random_state[1])
        torch.set_rng_state(random_state[2])
        for device, state in device_states.items():
            torch.cuda.set_rng_state(state, device)


def _copy(buffer: Tensor | None) -> Tensor | None:
    return None if buffer is None else buffer.detach().clone()


def _restore_buffers(
    module: nn.Module, held: dict[str, Tensor | None], content: dict[str, Tensor | None]
) -> None:
    """Put the same buffer objects back, and their content where the forward pass wrote to it."""
    module._buffers.clear()
    module._buffers.update(held)
    for name, buffer in held.items():
        _restore(buffer, content[name])


def _restore(tensor: Tensor | None, saved: Tensor | None) -> None:
    """Write a tensor's content back, if it was changed: bit for bit, NaN included."""
    if tensor is None or saved is None or _same_bits(tensor, saved):
        return
    tensor.data.copy_(saved)


def _same_bits(one: Tensor, other: Tensor) -> bool:
    return torch.equal(one, other) or (
        bool(one.is_floating_point())
        and torch.equal(one.nan_to_num(), other.nan_to_num())
        and torch.equal(one.isnan(), other.isnan())
    )
