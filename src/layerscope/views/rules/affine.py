"""Convolutions and dense layers as relevance sees them: a batch norm that follows is folded in."""

from dataclasses import dataclass, replace

import torch
from torch import Tensor
from torch.nn import functional as F

from layerscope.errors import Refused
from layerscope.tape import Operation
from layerscope.views.rules.arrived import is_plain
from layerscope.views.rules.transposed import transposed_conv


@dataclass(frozen=True)
class Affine:
    """A call that maps `seen` to `answer = weight * seen + bias`, with or without its batch norm.

    Attributes:
        operation: the call, of kind "conv" or "linear".
        weight: as the call takes it.
        bias: `(channels,)`.
        answer: what it answers, after the batch norm that is folded in.

    """

    operation: Operation
    weight: Tensor
    bias: Tensor
    answer: Tensor

    @property
    def seen(self) -> Tensor:
        """What the call reads."""
        return self.operation.inputs[0].tensor

    @property
    def axes(self) -> int:
        """How many spatial axes it has; none of a dense layer."""
        return self.weight.dim() - 2

    def without_bias(self) -> "Affine":
        """Leave the bias out of what it answers, so that it takes no share."""
        answer = self.answer - self.bias.view(-1, *[1] * self.axes)
        return replace(self, bias=torch.zeros_like(self.bias), answer=answer)

    def forward(self, seen: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
        """Run it on another input with other weights."""
        if not self.axes:
            return F.linear(seen, weight, bias)
        call = self.operation.parameters
        convolve = (F.conv1d, F.conv2d, F.conv3d)[self.axes - 1]
        return convolve(
            seen, weight, bias, call["stride"], call["padding"], call["dilation"], call["groups"]
        )

    def transposed(self, arrived: Tensor, weight: Tensor) -> Tensor:
        """Carry `(S, *shape of answer)` down through other weights: `(S, *shape of seen)`."""
        if not self.axes:
            return arrived @ weight
        return transposed_conv(self.operation, arrived, weight)

    def by_channel(self, arrived: Tensor) -> Tensor:
        """Sum `(S, B, ...)` over everything but the seed, the example and the channel."""
        if self.axes:
            return arrived.flatten(-self.axes).sum(-1)
        return arrived.flatten(2, -2).sum(2) if arrived.dim() > 3 else arrived


def affine(operation: Operation) -> Affine:
    """Return a call of kind "conv" or "linear" with the batch norm that alone reads it folded in.

    Raises:
        Refused: its weights depend on the input.

    """
    if not is_plain(operation):
        raise Refused(
            f"{operation.label} has weights that depend on the input; relevance has no rule for it"
        )
    weight, bias = operation.parameters["weight"], operation.parameters["bias"]
    if operation.kind == "conv" and operation.inputs[0].tensor.dim() != weight.dim():
        raise Refused(f"{operation.label} reads an input without a batch axis")
    if bias is None:
        bias = weight.new_zeros(len(weight))
    norm = folded_norm(operation)
    if norm is None:
        return Affine(operation, weight, bias, operation.outputs[0].tensor)
    scale, shift = scale_and_shift(norm)
    weight = weight * scale.view(-1, *[1] * (weight.dim() - 1))
    return Affine(operation, weight, bias * scale + shift, norm.outputs[0].tensor)


def folded_norm(operation: Operation) -> Operation | None:
    """Return the batch norm of constant statistics that alone reads a layer; else None."""
    readers = operation.outputs[0].consumers
    channels_second = operation.kind == "conv" or operation.outputs[0].tensor.dim() == 2
    if len(readers) != 1 or readers[0].kind != "batch_norm" or not channels_second:
        return None
    readers[0].refuse_if_changed()
    return readers[0]


def scale_and_shift(norm: Operation) -> tuple[Tensor, Tensor]:
    """Write a batch norm as `scale * x + shift`, each `(channels,)`."""
    call = norm.parameters
    if call.get("running_mean") is None or call.get("training"):
        raise Refused(
            f"{norm.label} has no statistics of its own; relevance needs track_running_stats=True"
        )
    scale = torch.rsqrt(call["running_var"] + call["eps"])
    if call["weight"] is not None:
        scale = scale * call["weight"]
    shift = -call["running_mean"] * scale
    return scale, shift if call["bias"] is None else shift + call["bias"]
