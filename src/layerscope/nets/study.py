"""The study's family of networks: blocks of convolution, ReLU and ceil-mode max pooling."""

import math
from collections import OrderedDict

import torch
from torch import nn

from layerscope.errors import LayerscopeError


def study_2d(
    blocks: int = 6,
    channels: int = 32,
    *,
    classes: int = 6,
    dropout: float = 0.5,
    input_shape: tuple[int, ...] = (3, 172, 172),
) -> nn.Sequential:
    """Build the study's photograph network: 5x5 convolutions, 2x2 pools.

    Input `"batch channel y x"`, output logits `"batch class"`. Layers are named conv1, relu1,
    pool1, conv2, ... and, after the last block, flatten, dropout, fc.

    >>> net = study_2d(blocks=6, channels=32)
    >>> sum(p.numel() for p in net.parameters())
    803366
    """
    return _study(input_shape, classes, blocks, channels, kernel=5, pool=2, dropout=dropout)


def study_1d(
    blocks: int = 8,
    channels: int = 32,
    *,
    classes: int = 16,
    dropout: float = 0.5,
    input_shape: tuple[int, ...] = (1, 16000),
) -> nn.Sequential:
    """Build the study's waveform network: kernels of 5, pools of 3.

    Input `"batch channel time"`, output logits `"batch class"`.

    >>> sum(p.numel() for p in study_1d().parameters())
    663664
    """
    return _study(input_shape, classes, blocks, channels, kernel=5, pool=3, dropout=dropout)


def study_mnist(
    blocks: int = 3,
    channels: int = 32,
    *,
    classes: int = 10,
    dropout: float = 0.5,
    input_shape: tuple[int, ...] = (1, 28, 28),
) -> nn.Sequential:
    """Build the study's digit network: 3x3 convolutions, 2x2 pools.

    Input `"batch channel y x"`, output logits `"batch class"`.

    >>> sum(p.numel() for p in study_mnist().parameters())
    38314
    """
    return _study(input_shape, classes, blocks, channels, kernel=3, pool=2, dropout=dropout)


def _study(
    input_shape: tuple[int, ...],
    classes: int,
    blocks: int,
    channels: int,
    *,
    kernel: int,
    pool: int,
    dropout: float,
) -> nn.Sequential:
    """Build one member of the family; channels double every two blocks: C, C, 2C, 2C, 4C, ..."""
    for name, value in (("blocks", blocks), ("channels", channels), ("classes", classes)):
        if value < 1:
            raise LayerscopeError(f"{name} = {value}: at least 1 is needed")
    if not 0 <= dropout < 1:
        raise LayerscopeError(f"dropout = {dropout}: from 0 up to, but not including, 1")
    planes, *size = input_shape
    convolution, pooling = {
        1: (nn.Conv1d, nn.MaxPool1d),
        2: (nn.Conv2d, nn.MaxPool2d),
    }[len(size)]
    layers: OrderedDict[str, nn.Module] = OrderedDict()
    for block in range(1, blocks + 1):
        width = channels * 2 ** ((block - 1) // 2)
        layers[f"conv{block}"] = convolution(planes, width, kernel, padding=kernel // 2)
        layers[f"relu{block}"] = nn.ReLU()
        layers[f"pool{block}"] = pooling(pool, stride=pool, ceil_mode=True)
        planes = width
        size = [math.ceil(n / pool) for n in size]
    layers["flatten"] = nn.Flatten()
    layers["dropout"] = nn.Dropout(dropout)
    layers["fc"] = nn.Linear(planes * math.prod(size), classes)
    net = nn.Sequential(layers)
    net.apply(initialise)
    return net


def initialise(module: nn.Module) -> None:
    """Fill a layer with He's normal weights for rectifiers (He et al. 2015) and zero biases."""
    if isinstance(module, nn.Conv1d | nn.Conv2d):
        nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
    elif isinstance(module, nn.Linear):
        nn.init.kaiming_normal_(module.weight, nonlinearity="linear")
    else:
        return
    if module.bias is not None:
        with torch.no_grad():
            module.bias.zero_()
