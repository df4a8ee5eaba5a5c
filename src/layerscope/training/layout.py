"""The same answers sooner: layouts and orders of work in which torch's CPU is fast.

Convolutions and pools along time are computed as of pictures one pixel high, channels last, and in
a chain rectifiers come after max pools. The network and its weights stay as they are.
"""

from collections.abc import Callable, Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.modules import module as torch_module
from torch.overrides import TorchFunctionMode

_LONGEST = 16
"""Windows that lie closer than this to a sample are written out side by side, not longer ones."""


def forward(net: nn.Module, images: Tensor) -> Tensor:
    """Run a network; where a chain rectifies, pools and convolves, pool first, then rectify.

    The largest of some rectified values is their largest rectified: answers and gradients are the
    same, and the rectifier has less to do. What has hooks is run as it stands.

    >>> net = nn.Sequential(nn.ReLU(), nn.MaxPool1d(3), nn.Conv1d(1, 4, 5))
    >>> sound = torch.rand(2, 1, 90)
    >>> bool(torch.equal(forward(net, sound), net(sound)))
    True
    """
    if type(net) is not nn.Sequential or _hooked(net):
        return net(images)
    values, layers = images, list(net)
    while layers:
        if _exchangeable(layers[:3]):
            rectifier, pool, *layers = layers
            values = rectifier(pool(values))
        else:
            layer, *layers = layers
            values = forward(layer, values)
    return values


def _exchangeable(layers: list[nn.Module]) -> bool:
    """Tell whether these are a rectifier, a max pool of values, and then a convolution.

    Convolutions do not write into what they are given: a layer that did would spoil what the
    rectifier keeps for its gradient.
    """
    kinds = [type(layer).__name__.rstrip("123d") for layer in layers]
    return (
        kinds == ["ReLU", "MaxPool", "Conv"]
        and all(type(layer).__module__.startswith("torch.nn.") for layer in layers)
        and not getattr(layers[1], "return_indices", False)
        and not any(map(_hooked, layers[:2]))
    )


def _hooked(module: nn.Module) -> bool:
    """Tell whether anybody watches the module run."""
    own = ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks", "_backward_pre_hooks")
    return torch_module._has_any_global_hook() or any(getattr(module, name) for name in own)


class HeightOne(TorchFunctionMode):
    """While it is active, `conv1d` and `max_pool1d` on the CPU run as 2-D of height 1.

    The answers and gradients are those of the 1-D functions up to float rounding. Values lie in
    memory as `"batch time channel"` from the first convolution on, under their usual shape
    `"batch channel time"`. Whatever else a network calls, and any call in another form than its
    module makes, runs as ever.

    >>> net, sound = torch.nn.Conv1d(1, 4, 5, padding=2), torch.rand(2, 1, 90)
    >>> with HeightOne():
    ...     fast = net(sound)
    >>> fast.shape, bool(torch.allclose(fast, net(sound), atol=1e-6))
    (torch.Size([2, 4, 90]), True)
    """

    def __torch_function__(
        self,
        function: Callable[..., Any],
        types: Sequence[type],
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        """Answer a call of torch."""
        kwargs = kwargs or {}
        if args and isinstance(args[0], Tensor) and args[0].ndim == 3 and args[0].is_cpu:
            if function is torch.conv1d and len(args) == 7 and not kwargs:
                return convolved(*args)
            if function is F.max_pool1d and len(args) == 2 and not kwargs.get("return_indices"):
                return pooled(*args, **kwargs)
        return function(*args, **kwargs)


def convolved(
    sound: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    stride: tuple[int],
    padding: tuple[int] | str,
    dilation: tuple[int],
    groups: int,
) -> Tensor:
    """Compute `conv1d` of `"batch channel time"`; the arguments are torch's."""
    length, step = weight.shape[2], stride[0]
    if weight.shape[1] == groups == 1 and dilation[0] == 1 and length <= _LONGEST * step:
        # With one channel the two layouts are the same memory, and torch would take the slow one:
        # each window becomes the channels of one position.
        before, after = _margins(padding, length)
        windows = F.pad(sound, (before, after)).unfold(2, length, step)  # (B, 1, T, length)
        image, kernel = windows.permute(0, 3, 1, 2), weight.permute(0, 2, 1)
        return torch.conv2d(_laid_out(image), kernel.unsqueeze(2), bias).squeeze(2)
    wide = padding if isinstance(padding, str) else (0, padding[0])
    image, kernel = _laid_out(sound.unsqueeze(2)), weight.unsqueeze(2)
    return torch.conv2d(image, kernel, bias, (1, step), wide, (1, dilation[0]), groups).squeeze(2)


def _margins(padding: tuple[int] | str, length: int) -> tuple[int, int]:
    """Count the zeros that a kernel of some length wants before and after the sound."""
    if isinstance(padding, str):
        total = length - 1 if padding == "same" else 0
        return total // 2, total - total // 2
    return padding[0], padding[0]


def pooled(
    sound: Tensor,
    kernel_size: int | tuple[int],
    stride: int | tuple[int] | None = None,
    padding: int | tuple[int] = 0,
    dilation: int | tuple[int] = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
) -> Tensor:
    """Compute `max_pool1d` of `"batch channel time"`; the arguments are torch's."""
    size = _one(kernel_size)
    return F.max_pool2d(
        _laid_out(sound.unsqueeze(2)),
        (1, size),
        (1, size if stride is None else _one(stride)),
        (0, _one(padding)),
        (1, _one(dilation)),
        ceil_mode,
    ).squeeze(2)


def _laid_out(image: Tensor) -> Tensor:
    """Bring `"batch channel 1 time"` into channels_last memory, where it does not lie so."""
    return image.contiguous(memory_format=torch.channels_last)


def _one(size: int | tuple[int]) -> int:
    return size if isinstance(size, int) else size[0]
