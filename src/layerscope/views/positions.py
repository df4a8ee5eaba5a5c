"""Single positions of a layer carried down to the input, each for one example of a trace."""

from collections.abc import Iterator

import torch
from torch import Tensor

from layerscope.tape import Value
from layerscope.views.propagate import descend
from layerscope.views.rules import COMPOSITES
from layerscope.views.trace import Trace
from layerscope.views.units import one_hot_seeds
from layerscope.views.windows import Seeds, chain_below, deconvnet_in_windows

_WAY_DOWN = COMPOSITES["deconvnet"]


def refuse_early(trace: Trace, at: Value) -> None:
    """Refuse now, before a long pass over data, what the way down from `at` would refuse."""
    reached = {at}
    for operation in reversed(trace.tape.operations):
        if not reached.isdisjoint(operation.outputs):
            _WAY_DOWN(operation)
            reached.update(operation.inputs)


def projected(trace: Trace, at: Value, seeds: Seeds) -> Iterator[tuple[int, Tensor]]:
    """Project single positions by the deconvolution network.

    Args:
        trace: of the examples that `seeds.rows` name.
        at: the layer's value; of one without spatial axes the positions have no axes.
        seeds: N of them.

    Yields:
        the number of a seed, and its projection `(channel, ...)` in the input's size; all N, in
        any order. They may hold an eighth of the scope's memory at a time, and what is on its way
        down to them half.

    """
    chain = chain_below(trace.tape, at)
    if not chain or at.tensor.dim() < 3:
        yield from _whole(trace, at, seeds)
        return
    one = trace.tape.input.tensor[0]
    memory = trace.scope.memory
    together = max(1, memory // (8 * one.numel() * one.element_size()))
    for first in range(0, len(seeds), together):
        some = seeds[first : first + together]
        yield from enumerate(deconvnet_in_windows(chain, at, some, memory // 2), first)


def _whole(trace: Trace, at: Value, seeds: Seeds) -> Iterator[tuple[int, Tensor]]:
    """Carry whole maps down: one seed of each example together, then a second, ..."""
    space = at.tensor.shape[2:]
    flat = torch.zeros_like(seeds.rows)
    for axis, size in enumerate(space):
        flat = flat * size + seeds.positions[:, axis]
    rows = seeds.rows.tolist()
    turn = [rows[:number].count(row) for number, row in enumerate(rows)]  # which of its example's
    together = trace.seeds_within_budget(at)
    for first in range(0, max(turn, default=-1) + 1, together):
        some = [n for n, slot in enumerate(turn) if first <= slot < first + together]
        slots = torch.tensor([turn[n] - first for n in some], device=flat.device)
        count = int(slots.max()) + 1
        unit = flat.new_zeros((count, len(at.tensor)))
        place, value = unit.clone(), seeds.values.new_zeros(unit.shape)
        unit[slots, seeds.rows[some]] = seeds.channels[some]
        place[slots, seeds.rows[some]] = flat[some]
        value[slots, seeds.rows[some]] = seeds.values[some]
        planted = one_hot_seeds(at.tensor, unit, value, place)
        down = descend(trace.tape, planted, at, [trace.tape.input], _WAY_DOWN)[0]  # (S, B, C, ...)
        for number in some:
            yield number, down[turn[number] - first, rows[number]]
