"""Which modules are layers, and not containers of them."""

from torch import nn
from torch.nn.modules.batchnorm import _NormBase
from torch.nn.modules.conv import _ConvNd

_LAYERS = (_ConvNd, _NormBase, nn.Linear, nn.GroupNorm, nn.LayerNorm)


def is_leaf(module: nn.Module) -> bool:
    """Tell whether a module is a layer: it holds no others, or computes beside what it holds.

    A convolution may keep its padding as a module of its own.

    >>> is_leaf(nn.Conv2d(1, 1, 1)), is_leaf(nn.Sequential(nn.ReLU()))
    (True, False)
    """
    return isinstance(module, _LAYERS) or not any(True for _ in module.children())
