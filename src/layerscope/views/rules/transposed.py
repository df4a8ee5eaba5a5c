"""The transposed convolution: from what a convolution answers down to what it reads."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from layerscope.tape import Operation
from layerscope.views.rules.arrived import as_batch

aten = torch.ops.aten

VECTOR = 16
"""Channels that torch's convolutions compute at a time, at least, whether they are asked or not."""


def transposed_conv(operation: Operation, arrived: Tensor, weight: Tensor) -> Tensor:
    """Convolve `(S, *shape of its answer)` transposed with a weight: `(S, *shape it reads)`."""
    axes = weight.dim() - 2
    call, size = operation.parameters, operation.inputs[0].tensor.shape[-axes:]
    down = carried_down(as_batch(arrived, axes), weight, size, call, call["padding"])
    return down.unflatten(0, arrived.shape[: -axes - 1])


def carried_down(
    grad: Tensor,
    weight: Tensor,
    size: Sequence[int],
    call: dict[str, Any],
    padding: Sequence[int],
) -> Tensor:
    """Convolve transposed, without bias.

    Args:
        grad: `(N, out channel, ...)`, what arrives at a convolution's answer.
        weight: `(out channel, in channel / groups, *kernel)`.
        size: the spatial size of what the convolution reads.
        call: its stride, dilation and groups.
        padding: of each axis.

    Returns:
        `(N, in channel, *size)`.

    """
    blocks = _blocks(weight, call, padding)
    if grad.device.type == "cpu" and max(blocks) > 1:
        return _in_blocks(grad, weight, size, padding, blocks)
    axes = weight.dim() - 2
    like = torch.empty(
        (len(grad), weight.shape[1] * call["groups"], *size),
        dtype=grad.dtype,
        device=grad.device,
        memory_format=torch.channels_last if axes == 2 else torch.contiguous_format,
    )
    return aten.convolution_backward(
        *(grad, like, weight, None, call["stride"], padding, call["dilation"]),
        *(False, (0,) * axes, call["groups"], (True, False, False)),
    )[0]


def _blocks(weight: Tensor, call: dict[str, Any], padding: Sequence[int]) -> list[int]:
    """Return how many neighbouring positions are best computed as channels, along each axis.

    Where a photograph's 3 channels are wanted, 13 of 16 would be computed in vain. All ones: the
    convolution has enough channels below, or strides, which have no such form.
    """
    kernel, blocks = weight.shape[2:], [1] * (weight.dim() - 2)
    plain = {*call["stride"], *call["dilation"], call["groups"]} == {1}
    if not plain or any(p >= k for p, k in zip(padding, kernel, strict=True)):
        return blocks
    for _ in range(2):
        for axis, length in enumerate(kernel):
            if length > 1 and 2 * weight.shape[1] * torch.Size(blocks).numel() <= VECTOR:
                blocks[axis] *= 2
    return blocks


def _in_blocks(
    grad: Tensor,
    weight: Tensor,
    size: Sequence[int],
    padding: Sequence[int],
    blocks: Sequence[int],
) -> Tensor:
    """Do so a block of positions at a time: a convolution whose stride is the block.

    Its answer has the positions of a block as channels, which are then laid side by side.
    """
    axes, channels = len(blocks), weight.shape[1]
    spread = _spread(weight, blocks)
    if axes == 2:
        spread = spread.contiguous(memory_format=torch.channels_last)
    beyond = [-n % block for n, block in zip(size, blocks, strict=True)]
    if any(beyond):
        grad = F.pad(grad, [n for more in reversed(beyond) for n in (0, more)])
    around = [k - 1 - p for k, p in zip(weight.shape[2:], padding, strict=True)]
    convolve = (F.conv1d, F.conv2d, F.conv3d)[axes - 1]
    down = convolve(grad, spread, None, list(blocks), around)
    down = down.movedim(1, -1).unflatten(-1, (*blocks, channels))  # (N, *count, *blocks, C)
    side_by_side = [axis for k in range(axes) for axis in (1 + k, 1 + axes + k)]
    down = down.permute(0, *side_by_side, 1 + 2 * axes)  # (N, count, block, count, block, C)
    whole = [n + more for n, more in zip(size, beyond, strict=True)]
    down = down.reshape(len(grad), *whole, channels).movedim(-1, 1)
    for axis, length in enumerate(size):
        down = down.narrow(2 + axis, 0, length)
    return down


def _spread(weight: Tensor, blocks: Sequence[int]) -> Tensor:
    """Give every position of a block its own mirrored kernel: `(blocks * C, out channel, ...)`."""
    kernel = weight.shape[2:]
    mirrored = weight.flip(tuple(range(2, weight.dim()))).transpose(0, 1)
    longer = [k + block - 1 for k, block in zip(kernel, blocks, strict=True)]
    spread = weight.new_zeros((*blocks, *mirrored.shape[:2], *longer))
    for place in torch.cartesian_prod(*map(torch.arange, blocks)).view(-1, len(blocks)).tolist():
        own = spread[tuple(place)]
        for axis, (first, length) in enumerate(zip(place, kernel, strict=True)):
            own = own.narrow(2 + axis, first, length)
        own.copy_(mirrored)
    return spread.flatten(0, len(blocks))
