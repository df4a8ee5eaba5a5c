"""Forward again from inside: what follows from other tensors in the place of recorded ones."""

import contextlib
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from layerscope.errors import Refused
from layerscope.tape.operations import Operation, Value, base_name, leaves_of, reduced
from layerscope.tape.record import Tape

_SIZED = frozenset({"view", "reshape", "expand", "broadcast_to"})


def resume(
    tape: Tape,
    given: Mapping[Value, Tensor],
    to: Sequence[Value],
    rows: Tensor,
    *,
    exact: bool = True,
) -> list[Tensor]:
    """Compute values again, with other tensors in the place of some that were recorded.

    Only what depends on `given` and leads to `to` is computed; the other values are the recorded
    ones. Gradients flow where they are enabled, to `given` and never to the weights.

    Args:
        tape: the recorded forward pass of a batch of B.
        given: values and what stands in their place, `(N, ...)`; N need not be B.
        to: the values that are wanted.
        rows: `(N,)`, the recorded example from which each derives.
        exact: False computes in bfloat16 where torch's autocast does.

    Returns:
        One `(N, ...)` tensor for each of `to`.

    Raises:
        Refused: operations that cannot be run again, or not on another number of examples.

    """
    wanted = leading_to(tape, given, to)
    last = {value: operation for operation in wanted for value in operation.inputs}
    found = dict(given)
    with torch.inference_mode(False), reduced(tape.input.tensor, enabled=not exact):
        for operation in wanted:
            tensors = [
                found[value] if value in found else _taken(tape, value, rows)
                for value in operation.inputs
            ]
            results = _run(tape, operation, tensors, len(rows))
            found.update(zip(operation.outputs, results, strict=True))
            for value in operation.inputs:
                if last[value] is operation and value not in to:
                    found.pop(value, None)
        return [found[v] if v in found else _taken(tape, v, rows) for v in to]


def leading_to(tape: Tape, given: Collection[Value], to: Sequence[Value]) -> list[Operation]:
    """List the operations that depend on `given` and lead to `to`, in forward order."""
    changed = set(given)
    for operation in tape.operations:
        if not changed.isdisjoint(operation.inputs):
            changed.update(operation.outputs)
    needed, found = set(to) - set(given), []
    for operation in reversed(tape.operations):
        outputs = needed.intersection(operation.outputs)
        if outputs and not changed.isdisjoint(operation.inputs):
            found.append(operation)
            needed.update(set(operation.inputs) - set(given))
    return found[::-1]


def _taken(tape: Tape, value: Value, rows: Tensor) -> Tensor:
    """Return a recorded value for each of `rows`."""
    tensor = value.tensor
    batched = tensor.dim() > 0 and len(tensor) == len(tape.input.tensor)
    return tensor[rows] if batched else tensor


def _run(tape: Tape, operation: Operation, tensors: list[Tensor], count: int) -> list[Tensor]:
    """Run one operation on other tensors, for `count` examples."""
    if operation.kind == "overwritten":
        raise Refused(
            f"{operation.label}: a tensor was written through a view of it, and the network "
            "cannot be run again from inside; write x = x + y in the place of x[...] += y"
        )
    operation.refuse_if_changed()
    if operation.in_place:
        tensors = [tensor.clone() for tensor in tensors]
    batch = len(tape.input.tensor)
    gradients = torch.no_grad() if operation.kind == "detach" else contextlib.nullcontext()
    try:
        with gradients:
            result: Any = _call(operation, tensors, batch, count)
    except (RuntimeError, ValueError) as error:
        raise Refused(
            f"{operation.label} cannot be run again on {count} examples ({batch} were traced): "
            f"{error}"
        ) from error
    if operation.in_place and not isinstance(result, Tensor):  # x[...] = y returns nothing
        result = tensors[operation.inputs.index(operation.args[0])]
    results = [x for x in leaves_of(result) if isinstance(x, Tensor)]
    for value, tensor in zip(operation.outputs, results, strict=False):
        before = value.tensor.shape
        if before and tensor.shape and before[0] * count != tensor.shape[0] * batch:
            raise Refused(
                f"{operation.label} gives {tuple(tensor.shape)} for {count} examples, and "
                f"{tuple(before)} for the {batch} that were traced; it holds a fixed batch size"
            )
    return results[: len(operation.outputs)]


def _call(operation: Operation, tensors: list[Tensor], batch: int, count: int) -> Any:
    """Call it; sizes that name the traced batch name the new one."""
    name = base_name(operation.function)
    if name not in _SIZED or not operation.args or isinstance(operation.args[-1], torch.dtype):
        return operation.call(tensors)
    sizes = operation.args[1:]
    if len(sizes) == 1 and isinstance(sizes[0], Sequence):
        sizes = tuple(sizes[0])
    if operation.kwargs or not sizes or not all(isinstance(n, int) for n in sizes):
        return operation.call(tensors)
    stretched = name in ("expand", "broadcast_to")
    if sizes[0] == batch or (not stretched and sizes[0] > 0 and sizes[0] % batch == 0):
        sizes = (sizes[0] // batch * count, *sizes[1:])
    return getattr(tensors[0], "reshape" if name == "view" else name)(sizes)
