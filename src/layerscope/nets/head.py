"""The last layer of a network, which gives the logits: found by running it, and replaced."""

from typing import Any

import torch
from torch import Tensor, nn

from layerscope.errors import LayerscopeError
from layerscope.tape import evaluation_mode

SMALL = 0.1
"""Standard deviation of a new head's weights, beside that of the old one's."""

Weighted = nn.Linear | nn.Conv1d | nn.Conv2d | nn.Conv3d


def layers_in_order(net: nn.Module, input_shape: tuple[int, ...]) -> tuple[list[str], Tensor]:
    """Name the layers that hold weights of their own, as they first run; and give the output.

    `input_shape` is one example's, without the batch.

    >>> net = nn.Sequential(nn.Conv2d(1, 2, 3), nn.ReLU(), nn.Flatten(), nn.Linear(8, 5))
    >>> names, logits = layers_in_order(net, (1, 4, 4))
    >>> names, tuple(logits.shape)
    (['0', '3'], (1, 5))
    """
    ran: dict[str, None] = {}
    hooks = [
        module.register_forward_pre_hook(lambda *_, name=name: ran.setdefault(name))
        for name, module in net.named_modules()
        if any(True for _ in module.parameters(recurse=False))
    ]
    first = next(net.parameters())
    example = torch.zeros((1, *input_shape), dtype=first.dtype, device=first.device)
    try:
        with evaluation_mode(net), torch.no_grad():
            output = net(example)
    finally:
        for hook in hooks:
            hook.remove()
    return list(ran), output


def head_of(net: nn.Module, input_shape: tuple[int, ...]) -> str:
    """Name the layer that gives the logits: the last that holds weights.

    Raises:
        LayerscopeError: it is no linear layer nor a convolution with a unit for each output.

    >>> from layerscope.nets import study_mnist
    >>> head_of(study_mnist(), (1, 28, 28))
    'fc'

    """
    names, output = layers_in_order(net, input_shape)
    name = names[-1] if names else ""
    layer = net.get_submodule(name) if names else net
    if not isinstance(layer, Weighted) or output.ndim != 2 or _units(layer) != output.shape[1]:
        raise LayerscopeError(
            f"the network's last layer with weights, {name or 'none'} ({type(layer).__name__}), "
            f"does not give its {tuple(output.shape[1:])} outputs: a head that can be replaced is "
            'a linear layer or a convolution with a unit a class; or set head = "keep"'
        )
    return name


def replace_head(net: nn.Module, input_shape: tuple[int, ...], classes: int) -> str:
    """Put a new last layer, drawn from torch's generator, in the place of the old; give its name.

    >>> from layerscope.nets import study_mnist
    >>> net = study_mnist()
    >>> name = replace_head(net, (1, 28, 28), 3)
    >>> name, net.fc.out_features
    ('fc', 3)
    """
    name = head_of(net, input_shape)
    old: Any = net.get_submodule(name)
    bias = old.bias is not None
    if isinstance(old, nn.Linear):
        new: Any = nn.Linear(old.in_features, classes, bias)
    else:
        new = type(old)(
            old.in_channels,
            classes,
            old.kernel_size,
            old.stride,
            old.padding,
            old.dilation,
            bias=bias,
        )
    with torch.no_grad():  # small beside the old one, which is made for the features it meets
        new.weight.copy_(torch.randn_like(new.weight) * SMALL * old.weight.std())
        if bias:
            new.bias.zero_()
    new = new.to(old.weight.device, old.weight.dtype).train(old.training)
    owner, _, last = name.rpartition(".")
    setattr(net.get_submodule(owner), last, new)
    return name


def _units(layer: nn.Module) -> int:
    return layer.out_features if isinstance(layer, nn.Linear) else layer.out_channels  # type: ignore[return-value]
