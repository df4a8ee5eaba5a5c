"""Is a model byte for byte what it was? Weights, buffers, gradients, flags, hooks, identities."""

import random

import numpy as np
import torch


def state_of(net):
    """Return all of a model's state that a visitor could change, in comparable form."""
    state = {}
    for name, module in net.named_modules():
        state[name, "identity"] = id(module)
        state[name, "training"] = module.training
        state[name, "attributes"] = sorted(vars(module))
        for kind in ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks"):
            state[name, kind] = tuple(getattr(module, kind))
        for kind, held in (("p", module._parameters), ("b", module._buffers)):
            for key, tensor in held.items():
                state[name, kind, key] = None if tensor is None else _bytes(tensor)
    state["random"] = (
        random.getstate(),
        str(np.random.get_state()),
        torch.get_rng_state().numpy().tobytes(),
    )
    state["global hooks"] = (
        len(torch.nn.modules.module._global_forward_hooks),
        len(torch.nn.modules.module._global_forward_pre_hooks),
    )
    state["grad mode"] = torch.is_grad_enabled()
    return state


def _bytes(tensor):
    grad = tensor.grad if tensor.is_leaf else None
    return (
        id(tensor),
        tensor.detach().cpu().numpy().tobytes(),
        tensor.requires_grad,
        None if grad is None else (id(grad), grad.numpy().tobytes()),
        tensor._version if tensor.requires_grad else None,
    )


def prepare(net):
    """Give a model gradients, mixed flags, a frozen parameter and a hook of its owner's."""
    net.train()
    for number, parameter in enumerate(net.parameters()):
        parameter.grad = torch.full_like(parameter, 0.5) if number % 2 else None
        parameter.requires_grad_(number % 3 != 2)
    list(net.modules())[-1].training = False
    net.register_forward_hook(lambda *_: None)
