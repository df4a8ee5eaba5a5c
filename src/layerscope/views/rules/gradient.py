"""The gradient of every operation, by hand where it is quicker, else by autograd."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from layerscope.errors import Refused
from layerscope.tape import Operation, Value
from layerscope.tape.operations import base_name, leaves_of
from layerscope.views.propagate import Incoming, Rule
from layerscope.views.rules.arrived import as_batch, is_plain, only, unbroadcast
from layerscope.views.rules.transposed import transposed_conv

aten = torch.ops.aten


def gradient(operation: Operation) -> Rule:
    """Choose the gradient everywhere; a rectifier passes nothing at 0, nor where it clips."""
    if operation.kind == "overwritten":
        raise Refused(
            f"{operation.label}: a tensor was written through a view of it, and what it held "
            "before cannot be told apart; write x = x + y in the place of x[...] += y"
        )
    if operation.kind == "by hand":
        raise Refused(
            f"{operation.label} runs inside a torch.autograd.Function whose apply was bound before "
            "the trace; call it as Name.apply(x) in the network, so that its gradient is seen"
        )
    return _GRADIENTS.get(operation.kind, gradient_by_autograd)


def relu_gradient(operation: Operation, incoming: Incoming) -> Sequence[Tensor | None]:
    """Pass where the rectifier was open: above 0 and below where it clips."""
    result = operation.outputs[0].tensor
    upper, grad = operation.parameters["upper"], only(incoming)
    if upper == float("inf") and grad.dtype == result.dtype:
        return [aten.threshold_backward(grad, result, 0)]  # a comparison and a product in one
    is_open = result > 0 if upper == float("inf") else (result > 0) & (result < upper)
    return [grad * is_open]


def conv_gradient(operation: Operation, incoming: Incoming) -> Sequence[Tensor | None]:
    """Convolve transposed, without the bias."""
    if not is_plain(operation):
        return gradient_by_autograd(operation, incoming)
    grad = only(incoming)
    return [transposed_conv(operation, grad, operation.parameters["weight"].to(grad.dtype))]


def linear_gradient(operation: Operation, incoming: Incoming) -> Sequence[Tensor | None]:
    """Multiply by the weight, without the bias."""
    if not is_plain(operation):
        return gradient_by_autograd(operation, incoming)
    grad = only(incoming)
    return [grad @ operation.parameters["weight"].to(grad.dtype)]


def max_pool_gradient(operation: Operation, incoming: Incoming) -> Sequence[Tensor | None]:
    """Unpool: put each value back where the maximum was; where pools overlap, sum."""
    return [unpool(operation, only(incoming), operation.saved["switches"])]


def unpool(operation: Operation, arrived: Tensor, switches: Tensor) -> Tensor:
    """Put `(S, *shape of a max pool's answer)` where switches `(B or 1, ...)` tell, and sum."""
    axes = int(base_name(operation.function).removesuffix("_with_indices")[-2])
    seen = operation.inputs[0].tensor
    grad = as_batch(arrived, axes)  # (S*B, C, ...)
    switches = as_batch(switches.expand(arrived.shape), axes)
    shape = (*grad.shape[:-axes], *seen.shape[-axes:])
    if axes == 2 and "kernel_size" in operation.parameters:
        down = _unpool_2d(operation, grad, switches, shape)
    else:
        flat = grad.new_zeros((*grad.shape[:-axes], seen.shape[-axes:].numel()))
        flat.scatter_add_(-1, switches.flatten(-axes), grad.flatten(-axes))
        down = flat.view(shape)
    return down.unflatten(0, arrived.shape[: -axes - 1])


def _unpool_2d(
    operation: Operation, grad: Tensor, switches: Tensor, shape: tuple[int, ...]
) -> Tensor:
    """Do the same as the scatter, in channels_last memory."""
    call = operation.parameters
    like = torch.empty(
        shape, dtype=grad.dtype, device=grad.device, memory_format=torch.channels_last
    )
    return aten.max_pool2d_with_indices_backward(
        *(grad, like, call["kernel_size"], call["stride"], call["padding"]),
        *(call["dilation"], call["ceil_mode"], switches),
    )


def add_gradient(operation: Operation, incoming: Incoming) -> Sequence[Tensor | None]:
    """Pass to every summand, summed over the axes along which it was broadcast."""
    plain = base_name(operation.function) in ("add", "radd", "iadd")
    if not plain or "alpha" in operation.kwargs or len(operation.args) != 2:
        return gradient_by_autograd(operation, incoming)
    grad = only(incoming)
    return [unbroadcast(grad, value) * operation.args.count(value) for value in operation.inputs]


def cat_gradient(operation: Operation, incoming: Incoming) -> Sequence[Tensor | None]:
    """Give each part its own piece."""
    parts = operation.args[0] if operation.args else operation.kwargs.get("tensors", ())
    named = operation.kwargs.get("dim", operation.kwargs.get("axis", 0))
    dim = operation.args[1] if len(operation.args) > 1 else named
    tensors = [part.tensor if isinstance(part, Value) else part for part in parts]
    alike = len({tensor.dim() for tensor in tensors}) == 1
    if base_name(operation.function) == "stack" or not isinstance(dim, int) or not alike:
        return gradient_by_autograd(operation, incoming)
    axis = dim if dim < 0 else dim - tensors[0].dim()
    pieces = only(incoming).split([t.shape[axis] for t in tensors], dim=axis)
    return [
        sum(piece for piece, part in zip(pieces, parts, strict=True) if part is value)
        for value in operation.inputs
    ]


def shape_gradient(operation: Operation, incoming: Incoming) -> Sequence[Tensor | None]:
    """Undo a change of shape."""
    if base_name(operation.function) in ("view", "reshape", "flatten", "squeeze", "unsqueeze"):
        value = operation.inputs[0]
        grad = only(incoming)
        if grad[0].numel() == value.tensor.numel() and len(operation.inputs) == 1:
            return [grad.reshape(len(grad), *value.tensor.shape)]
    return gradient_by_autograd(operation, incoming)


def detach_gradient(operation: Operation, incoming: Incoming) -> Sequence[Tensor | None]:
    """Pass nothing, as the network's author asked."""
    return [None] * len(operation.inputs)


def gradient_by_autograd(operation: Operation, incoming: Incoming) -> Sequence[Tensor | None]:
    """Run the operation again under autograd and take its gradient, one seed after the other."""
    with torch.enable_grad():
        leaves = [_leaf(value.tensor) for value in operation.inputs]
        tensors = [leaf.clone() if operation.in_place else leaf for leaf in leaves]
        result = operation.call(tensors)
        if operation.in_place:
            position = operation.inputs.index(_written(operation))
            result = tensors[position] if not isinstance(result, Tensor) else result
    outputs = [x for x in leaves_of(result) if isinstance(x, Tensor)]
    pairs = [
        (output, grad)
        for output, grad in zip(outputs, incoming, strict=True)
        if grad is not None and output.requires_grad
    ]
    sources = [leaf for leaf in leaves if leaf.requires_grad]
    if not pairs or not sources:
        return [None] * len(leaves)
    rows = [
        torch.autograd.grad(
            [output for output, _ in pairs],
            sources,
            [grad[seed].to(output.dtype) for output, grad in pairs],
            retain_graph=True,
            allow_unused=True,
        )
        for seed in range(len(pairs[0][1]))
    ]
    found = iter(_stacked(column) for column in zip(*rows, strict=True))
    return [next(found) if leaf.requires_grad else None for leaf in leaves]


_GRADIENTS: dict[str, Rule] = {
    "relu": relu_gradient,
    "conv": conv_gradient,
    "linear": linear_gradient,
    "max_pool": max_pool_gradient,
    "add": add_gradient,
    "cat": cat_gradient,
    "shape": shape_gradient,
    "detach": detach_gradient,
}


def _leaf(tensor: Tensor) -> Tensor:
    return tensor.detach().requires_grad_(tensor.is_floating_point() or tensor.is_complex())


def _written(operation: Operation) -> Any:
    return operation.args[0] if operation.args else operation.kwargs["input"]


def _stacked(column: Sequence[Tensor | None]) -> Tensor | None:
    return None if column[0] is None else torch.stack([x for x in column if x is not None])
