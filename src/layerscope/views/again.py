"""Scores and gradients of other inputs that derive from one example of a trace."""

from collections.abc import Callable, Iterator

import torch
from torch import Tensor

from layerscope.views.aims import Aim
from layerscope.views.trace import Trace


def scores_of(trace: Trace, aim: Aim, row: int, inputs: Tensor) -> Tensor:
    """Return the score of each of `inputs`, `(N,)`, from a forward pass.

    Args:
        trace: the trace whose example they derive from.
        aim: what is explained.
        row: the example.
        inputs: `(N, channel, ...)`.

    """
    found = []
    for part in inputs.split(trace.examples_at_once()):
        rows = torch.full((len(part),), row)
        other = trace.again(part, rows)
        there = aim.on(other, rows)
        found.append(there.score(there.at.tensor))
        other.tape.release()
    return torch.cat(found)


def gradients_of(
    trace: Trace,
    aim: Aim,
    row: int,
    count: int,
    inputs: Callable[[slice], Tensor],
    *,
    exact: bool = True,
) -> Iterator[tuple[slice, Tensor, Tensor]]:
    """Yield the scores and the gradients of `count` inputs, as many at once as memory allows.

    The inputs of one example are never computed beside those of another, so that an example's
    numbers do not depend on the batch, not by a rounding.

    Args:
        trace: the trace whose example they derive from.
        aim: what is explained.
        row: the example.
        count: how many inputs there are.
        inputs: makes some of them, `(n, channel, ...)`.
        exact: False computes in bfloat16.

    Yields:
        Which inputs, their scores `(n,)` and the gradients there, `(n, channel, ...)`.

    """
    at_once = trace.examples_at_once()
    for first in range(0, count, at_once):
        some = slice(first, min(first + at_once, count))
        rows = torch.full((some.stop - some.start,), row)
        other = trace.again(inputs(some), rows, exact=exact)
        there = aim.on(other, rows)
        (gradient,) = other.gradients(there, [other.tape.input])
        yield some, there.score(there.at.tensor), gradient
        other.tape.release()
