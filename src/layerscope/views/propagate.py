"""One backward pass under a rule, from any recorded value down to any other."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from layerscope.errors import Refused
from layerscope.tape import Operation, Tape, Value

#: What comes down to an operation's results: one `(S, *shape)` per result, None where nothing.
Incoming = Sequence[Tensor | None]
#: A rule turns that into one `(S, *shape)` per input of the operation, None where nothing.
Rule = Callable[[Operation, Incoming], Sequence[Tensor | None]]
#: A composite chooses the rule of each operation.
Composite = Callable[[Operation], Rule]


def descend(
    tape: Tape, seeds: Tensor, at: Value, to: Sequence[Value], composite: Composite
) -> list[Tensor]:
    """Carry `seeds` from the value `at` down to each value of `to`, in one pass.

    What arrives at a value by several ways is summed. Nothing above `at` or below the lowest
    of `to` is computed, nor what no value of `to` can influence.

    Args:
        tape: the recorded forward pass.
        seeds: `(S, *shape of at)`, S independent seeds carried together.
        at: where they start.
        to: where they are wanted; each must lie below `at`, or be it.
        composite: the rule of each operation.

    Returns:
        One `(S, *shape)` tensor for each of `to`.

    """
    if seeds.shape[1:] != at.tensor.shape:
        raise Refused(
            f"seeds of shape {tuple(seeds.shape)} do not fit a layer of shape "
            f"{tuple(at.tensor.shape)}; expected (seeds, *that shape)"
        )
    if above := [value for value in to if value.index > at.index]:
        raise Refused(
            f"a layer of shape {tuple(above[0].tensor.shape)} comes after the one where the seeds "
            "start; seeds are carried down, towards the input"
        )
    with torch.inference_mode(False), torch.no_grad():
        return _descend(tape, seeds, at, to, composite)


def _descend(
    tape: Tape, seeds: Tensor, at: Value, to: Sequence[Value], composite: Composite
) -> list[Tensor]:
    """Do so, one operation after the other, from the last to the first."""
    alive = _influenced_by(tape, to)
    arrived: dict[Value, Tensor] = {at: seeds}
    wanted = set(to)
    start = -1 if at.producer is None else at.producer.index
    for operation in reversed(tape.operations[: start + 1]):
        incoming = [arrived.get(value) for value in operation.outputs]
        if all(x is None for x in incoming) or alive.isdisjoint(operation.inputs):
            continue
        operation.refuse_if_changed()
        outgoing = composite(operation)(operation, incoming)
        for value in operation.outputs:
            if value not in wanted:
                arrived.pop(value, None)
        for value, tensor in zip(operation.inputs, outgoing, strict=True):
            if tensor is not None and value in alive:
                tensor = tensor.to(value.tensor.dtype)
                arrived[value] = arrived[value] + tensor if value in arrived else tensor
    return [
        arrived[value] if value in arrived else seeds.new_zeros((len(seeds), *value.tensor.shape))
        for value in to
    ]


def _influenced_by(tape: Tape, sources: Sequence[Value]) -> set[Value]:
    """Return the values that depend on any of `sources`, and those themselves."""
    alive = set(sources)
    for operation in tape.operations:
        if not alive.isdisjoint(operation.inputs):
            alive.update(operation.outputs)
    return alive
