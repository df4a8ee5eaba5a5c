"""What comes down to an operation: the one tensor that matters, its seeds, its broadcast axes."""

import torch
from torch import Tensor

from layerscope.errors import Refused
from layerscope.tape import Operation, Value
from layerscope.views.propagate import Incoming


def is_plain(operation: Operation) -> bool:
    """Tell whether weight and bias are constants, read by one recorded tensor."""
    weight = operation.parameters["weight"]
    return len(operation.inputs) == 1 and isinstance(weight, Tensor)


def only(incoming: Incoming) -> Tensor:
    """Return what comes down to the first result of an operation that has one that matters."""
    first = incoming[0]
    if first is None:
        raise Refused("a seed was put on the switches of a pool; they have no gradient")
    return first


def as_batch(grad: Tensor, axes: int) -> Tensor:
    """Fold the seeds into the batch: `(S, B, C, ...)` to `(S*B, C, ...)`.

    Torch tells channels_last memory by the strides, also by that of a batch of one, which is
    arbitrary; it is set here, or every operation would copy its input into another layout.
    """
    grad = grad.flatten(0, grad.dim() - axes - 2) if grad.dim() > axes + 2 else grad
    if axes == 2 and len(grad) == 1 and grad.is_contiguous(memory_format=torch.channels_last):
        return grad.as_strided(grad.shape, (grad.numel(), *grad.stride()[1:]))
    return grad


def unbroadcast(grad: Tensor, value: Value) -> Tensor:
    """Sum `(S, ...)` over the axes along which the value was broadcast."""
    shape = value.tensor.shape
    extra = grad.dim() - 1 - len(shape)
    if extra:
        grad = grad.sum(tuple(range(1, 1 + extra)))
    stretched = [axis + 1 for axis, n in enumerate(shape) if n == 1 and grad.shape[axis + 1] != 1]
    return grad.sum(stretched, keepdim=True) if stretched else grad
