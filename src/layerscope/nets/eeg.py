"""The networks for brain recordings: Schirrmeister's shallow and deep ConvNets, Lawhern's EEGNet.

All take `"batch channel time"` and view it themselves as one plane of channel by time.
"""

from collections import OrderedDict

import torch
from torch import Tensor, nn

from layerscope.errors import LayerscopeError
from layerscope.nets.max_norm import hold


class Square(nn.Module):
    """Square every value: power, where the input is a band-passed signal."""

    def forward(self, values: Tensor) -> Tensor:
        """Give values times themselves.

        >>> Square()(torch.tensor([-3.0]))
        tensor([9.])
        """
        return torch.square(values)


class SafeLog(nn.Module):
    """Take the logarithm of values that are 0 or more; below 1e-6 they count as 1e-6."""

    def forward(self, values: Tensor) -> Tensor:
        """Give the natural logarithm.

        >>> SafeLog()(torch.tensor([1.0, 0.0]))
        tensor([  0.0000, -13.8155])
        """
        return torch.log(torch.clamp(values, min=1e-6))


def shallow_eeg(
    *, classes: int = 4, dropout: float = 0.5, input_shape: tuple[int, ...] = (22, 1125)
) -> nn.Sequential:
    """Build the Shallow ConvNet of Schirrmeister et al. (2017, Human Brain Mapping 38, fig. 2).

    Input `"batch channel time"`, made for 250 Hz; output logits `"batch class"`. 40 temporal
    filters of 25 samples, 40 spatial filters, square, mean over 75 samples every 15, logarithm:
    log band power, learned. As in the authors' code the norm of a filter is at most 2, of a
    class's weights 0.5 (`nets.max_norm`).

    >>> sum(p.numel() for p in shallow_eeg().parameters())
    47364
    """
    channels, times = _sizes("shallow_eeg", input_shape, classes, dropout, least=99)
    layers: OrderedDict[str, nn.Module] = OrderedDict()
    layers["plane"] = nn.Unflatten(1, (1, channels))  # (B, 1, C, T)
    layers["conv_time"] = hold(nn.Conv2d(1, 40, (1, 25)), 2.0)
    layers["conv_space"] = hold(nn.Conv2d(40, 40, (channels, 1), bias=False), 2.0)  # (B, 40, 1, T)
    layers["norm"] = nn.BatchNorm2d(40)
    layers["square"] = Square()
    layers["pool"] = nn.AvgPool2d((1, 75), stride=(1, 15))
    layers["log"] = SafeLog()
    layers["flatten"] = nn.Flatten()
    layers["dropout"] = nn.Dropout(dropout)
    layers["fc"] = hold(nn.Linear(40 * ((times - 24 - 75) // 15 + 1), classes), 0.5)
    return _started(layers)


def deep_eeg(
    *, classes: int = 4, dropout: float = 0.5, input_shape: tuple[int, ...] = (22, 1125)
) -> nn.Sequential:
    """Build the Deep ConvNet of Schirrmeister et al. (2017, Human Brain Mapping 38, fig. 1).

    Input `"batch channel time"`, made for 250 Hz, 441 samples or more; output logits
    `"batch class"`. Four blocks of convolution over 10 samples (the first in two steps, time then
    space), batch norm, ELU and max pooling by 3, with 25, 50, 100 and 200 filters. The norm of a
    filter is at most 2, of a class's weights 0.5, as in the authors' code.

    >>> sum(p.numel() for p in deep_eeg().parameters())
    284479
    """
    channels, times = _sizes("deep_eeg", input_shape, classes, dropout, least=441)
    layers: OrderedDict[str, nn.Module] = OrderedDict()
    layers["plane"] = nn.Unflatten(1, (1, channels))  # (B, 1, C, T)
    layers["conv_time"] = hold(nn.Conv2d(1, 25, (1, 10)), 2.0)
    layers["conv_space"] = hold(nn.Conv2d(25, 25, (channels, 1), bias=False), 2.0)  # (B, 25, 1, T)
    width = 25
    for block in range(1, 5):
        if block > 1:
            layers[f"dropout{block}"] = nn.Dropout(dropout)
            convolution = nn.Conv2d(width, 2 * width, (1, 10), bias=False)
            layers[f"conv{block}"] = hold(convolution, 2.0)
            width = 2 * width
        layers[f"norm{block}"] = nn.BatchNorm2d(width)
        layers[f"elu{block}"] = nn.ELU()
        layers[f"pool{block}"] = nn.MaxPool2d((1, 3), stride=(1, 3))
        times = (times - 9) // 3
    layers["flatten"] = nn.Flatten()
    layers["fc"] = hold(nn.Linear(width * times, classes), 0.5)
    return _started(layers)


def eegnet(
    filters: int = 8,
    depth: int = 2,
    *,
    classes: int = 4,
    dropout: float = 0.5,
    kernel: int = 64,
    input_shape: tuple[int, ...] = (64, 128),
) -> nn.Sequential:
    """Build EEGNet-8,2 of Lawhern et al. (2018, J. Neural Eng. 15, 056013, table 2).

    Input `"batch channel time"`, made for 128 Hz, 32 samples or more; output logits
    `"batch class"`. `filters` temporal filters of `kernel` samples (half a second), `depth` spatial
    filters of each (norm at most 1), a separable convolution over 16 samples; a class's weights
    have a norm of at most 0.25. The paper's dropout is 0.5 within and 0.25 across subjects.

    >>> sum(p.numel() for p in eegnet(classes=2).parameters())  # its P300 data
    2258
    """
    channels, times = _sizes("eegnet", input_shape, classes, dropout, least=32)
    for name, value in (("filters", filters), ("depth", depth), ("kernel", kernel)):
        if value < 1:
            raise LayerscopeError(f"{name} = {value}: at least 1 is needed")
    width = filters * depth
    layers: OrderedDict[str, nn.Module] = OrderedDict()
    layers["plane"] = nn.Unflatten(1, (1, channels))  # (B, 1, C, T)
    layers["pad_time"] = _same(kernel)
    layers["conv_time"] = nn.Conv2d(1, filters, (1, kernel), bias=False)
    layers["norm1"] = _keras_norm(filters)
    space = nn.Conv2d(filters, width, (channels, 1), groups=filters, bias=False)
    layers["conv_space"] = hold(space, 1.0)  # (B, F, 1, T)
    layers["norm2"] = _keras_norm(width)
    layers["elu2"] = nn.ELU()
    layers["pool2"] = nn.AvgPool2d((1, 4))
    layers["dropout2"] = nn.Dropout(dropout)
    layers["pad_depth"] = _same(16)
    layers["conv_depth"] = nn.Conv2d(width, width, (1, 16), groups=width, bias=False)
    layers["conv_point"] = nn.Conv2d(width, width, 1, bias=False)
    layers["norm3"] = _keras_norm(width)
    layers["elu3"] = nn.ELU()
    layers["pool3"] = nn.AvgPool2d((1, 8))
    layers["dropout3"] = nn.Dropout(dropout)
    layers["flatten"] = nn.Flatten()
    layers["fc"] = hold(nn.Linear(width * (times // 4 // 8), classes), 0.25)
    return _started(layers)


def _sizes(
    name: str, input_shape: tuple[int, ...], classes: int, dropout: float, *, least: int
) -> tuple[int, int]:
    """Give channels and times; refuse what the network cannot be built for."""
    if len(input_shape) != 2:
        raise LayerscopeError(f'{name} takes inputs "channel time", not of shape {input_shape}')
    channels, times = input_shape
    if times < least:
        raise LayerscopeError(
            f"{name} needs at least {least} samples, and its input has {times}: take longer "
            "epochs, a higher sampling rate or another network"
        )
    if min(channels, classes) < 1:
        raise LayerscopeError(f"channels = {channels}, classes = {classes}: at least 1 is needed")
    if not 0 <= dropout < 1:
        raise LayerscopeError(f"dropout = {dropout}: from 0 up to, but not including, 1")
    return channels, times


def _same(kernel: int) -> nn.ZeroPad2d:
    """Pad time so that a convolution keeps its length; the odd sample goes behind, as in Keras."""
    before = (kernel - 1) // 2
    return nn.ZeroPad2d((before, kernel - 1 - before, 0, 0))


def _keras_norm(width: int) -> nn.BatchNorm2d:
    """Make a batch norm with the constants of Keras, in which EEGNet was published."""
    return nn.BatchNorm2d(width, eps=1e-3, momentum=0.01)


def _started(layers: OrderedDict[str, nn.Module]) -> nn.Sequential:
    """Start from Glorot's uniform weights and zero biases, as both papers do."""
    for layer in layers.values():
        if isinstance(layer, nn.Conv2d | nn.Linear):
            nn.init.xavier_uniform_(layer.weight)
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)
    return nn.Sequential(layers)
