"""Forward again where a box of the input changed, computed only where the change can reach.

Through convolutions, pools, sums, concatenations and whatever acts on each position alone, a
change in a box of the input stays in a box, which grows from layer to layer. Only these boxes are
computed; what lies around them is read off the tape. Where a box comes to fill most of its map, or
an operation reads the whole of it, the network goes on with whole maps.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from layerscope.tape import Operation, Tape, Value
from layerscope.tape.resume import resume
from layerscope.views.local import Box, Needed, apply_locally, box_after, needed_for

#: The share of a map above which a box is no longer worth cutting out.
_MOST = 0.8


@dataclass(frozen=True)
class Route:
    """How P changed boxes of the input reach a value.

    Attributes:
        tape: the recorded pass.
        boxes: for each value that is computed in boxes, where they lie: P of one size.
        steps: the operations that are computed in boxes, in forward order.
        whole: the values that are needed as whole maps; from them the network is resumed.
        to: the value that is wanted.

    """

    tape: Tape
    boxes: dict[Value, Box]
    steps: list[Operation]
    whole: list[Value]
    to: Value


def route(tape: Tape, box: Box, to: Value) -> Route:
    """Find how far boxes of the input can be followed towards `to`."""
    boxes, changed = {tape.input: box}, {tape.input}
    followed: set[Operation] = set()
    for operation in tape.operations:
        read = changed.intersection(operation.inputs)
        if not read:
            continue
        changed.update(operation.outputs)
        if not all(value in boxes for value in read):
            continue
        after = box_after(operation, {value: boxes[value] for value in read})
        if after is not None and not _fills(after, operation.outputs[0]):
            boxes[operation.outputs[0]] = after
            followed.add(operation)
    needed, steps = {to}, []
    whole = {to} & set(boxes)
    for operation in reversed(tape.operations):
        if needed.isdisjoint(operation.outputs) or changed.isdisjoint(operation.inputs):
            continue
        needed.update(operation.inputs)
        if operation in followed:
            steps.append(operation)
        else:
            whole.update(value for value in operation.inputs if value in boxes)
    return Route(tape, boxes, steps[::-1], sorted(whole, key=lambda value: value.index), to)


def follow(
    way: Route, content: Tensor, rows: np.ndarray, which: np.ndarray, *, exact: bool = True
) -> Tensor:
    """Return what the value at the end of a route becomes, `(N, ...)`.

    Args:
        way: the route of P boxes.
        content: `(N, channel, *size of the box)`, what N boxes of the input hold.
        rows: `(N,)`, the example that each is put into.
        which: `(N,)`, which of the P boxes each is.
        exact: False computes whole maps in bfloat16 where torch's autocast does.

    """
    found = {way.tape.input: content}
    last = {value: operation for operation in way.steps for value in operation.inputs}
    for operation in way.steps:
        operation.refuse_if_changed()
        after = way.boxes[operation.outputs[0]]
        needed = needed_for(operation, after.at(which))
        tensors = [_part(way, value, found, rows, which, needed) for value in operation.inputs]
        found[operation.outputs[0]] = apply_locally(operation, tensors, needed)
        for value in operation.inputs:
            if last[value] is operation and value not in way.whole:
                found.pop(value, None)
    given = {}
    for value in way.whole:
        size = tuple(value.tensor.shape[2:])
        everywhere = Needed(np.zeros_like(way.boxes[value].start[which]), size)
        given[value] = _part(way, value, found, rows, which, everywhere)
    examples = torch.from_numpy(rows).to(content.device)
    return resume(way.tape, given, [way.to], examples, exact=exact)[0]


def bytes_of_one(way: Route) -> int:
    """Estimate the most that following one box holds: maps read and made, and what is live."""
    most = 0
    for operation in way.steps:
        out = operation.outputs[0]
        needed = needed_for(operation, way.boxes[out])
        read = sum(needed.numel * value.tensor.shape[1] for value in operation.inputs)
        made = way.boxes[out].numel * out.tensor.shape[1]
        most = max(most, 2 * read + 2 * made)
    kept = sum(value.tensor[0].numel() for value in way.whole)
    return way.tape.input.tensor.element_size() * (max(most, _live(way)) + 2 * kept)


def _live(way: Route) -> int:
    """Return the most numbers of one example that are live while whole maps are computed."""
    changed = set(way.whole)
    run = []
    for operation in way.tape.operations:
        if operation not in way.steps and not changed.isdisjoint(operation.inputs):
            changed.update(operation.outputs)
            run.append(operation)
    last = {value: operation for operation in run for value in operation.inputs}
    live, most = 0, 0
    for operation in run:
        live += sum(_numel(value) for value in operation.outputs)
        most = max(most, live + sum(_numel(value) for value in operation.inputs))
        live -= sum(_numel(v) for v in operation.inputs if v in changed and last[v] is operation)
    return max(most, 0)


def _numel(value: Value) -> int:
    return value.tensor[0].numel() if value.tensor.dim() else 1


def _fills(box: Box, value: Value) -> bool:
    return box.numel > _MOST * value.tensor.shape[2:].numel()


def _part(
    way: Route,
    value: Value,
    found: dict[Value, Tensor],
    rows: np.ndarray,
    which: np.ndarray,
    needed: Needed,
) -> Tensor:
    """Return the needed part of a value: what is new where it changed, else what was recorded."""
    if value not in found:
        return cut(value.tensor, rows, needed)
    content, box = found[value], way.boxes[value].at(which)
    if needed.size == box.size and np.array_equal(needed.start, box.start):
        return content
    return cut(value.tensor, rows, needed, content, box.start)


def cut(
    maps: Tensor,
    rows: np.ndarray,
    needed: Needed,
    content: Tensor | None = None,
    start: np.ndarray | None = None,
) -> Tensor:
    """Cut a part out of each row's map, with `content` (N boxes that begin at `start`) laid in.

    Args:
        maps: `(B, channel, ...)`.
        rows: `(N,)`.
        needed: N parts; what lies outside the map is `needed.fill`.
        content: `(N, channel, *size of a box)`, or None.
        start: `(N, axes)`, where these begin on the map.

    Returns:
        `(N, channel, *size of a part)`, its channels next to each other in memory.

    """
    first, end = int(rows.min()), int(rows.max()) + 1
    here = maps[first:end].movedim(1, -1)  # (b, *space, C)
    channels, space = here.shape[-1], here.shape[1:-1]
    sources = [here.new_full((1, channels), needed.fill), here.reshape(-1, channels)]
    index, inside = _flat(rows - first, needed, needed.start, space)
    index = np.where(inside, index + 1, 0)  # row 0 is what lies outside
    if content is not None and start is not None:
        count = np.arange(len(rows))
        within, inside = _flat(count, needed, needed.start - start, content.shape[2:])
        index = np.where(inside, within + (1 + len(sources[1])), index)
        sources.append(content.movedim(1, -1).reshape(-1, channels))
    chosen = torch.from_numpy(index.reshape(-1)).to(maps.device)
    taken = torch.cat(sources).index_select(0, chosen)
    return taken.view(*index.shape, channels).movedim(-1, 1)


def _flat(
    rows: np.ndarray, needed: Needed, start: np.ndarray, space: Sequence[int]
) -> tuple[np.ndarray, np.ndarray]:
    """Number the positions of each part in boxes of size `space`, and tell which lie inside.

    Both `(N, *size of a part)`; `start` is where a part begins in its box; boxes follow each other.
    """
    axes = len(space)
    index = rows.reshape(-1, *[1] * axes)
    inside = np.ones_like(index, dtype=bool)
    for axis, (length, whole) in enumerate(zip(needed.size, space, strict=True)):
        steps = start[:, axis, None] + np.arange(length)  # (N, length)
        shape = [1] * axes
        shape[axis] = length
        steps = steps.reshape(-1, *shape)
        index = index * whole + steps
        inside = inside & (steps >= 0) & (steps < whole)
    return index, inside
