"""What a network answers when boxes of its recorded inputs hold something else."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from layerscope.views.aims import Aim
from layerscope.views.local import Box, Needed
from layerscope.views.regions import bytes_of_one, cut, follow, route
from layerscope.views.trace import Trace


@dataclass(frozen=True)
class Covered:
    """A way to answers on changed inputs.

    Attributes:
        answers: `(content, rows, which)` to `(N, ...)`, the value that the aim reads: the boxes'
            content `(N, channel, *size)`, the example of each `(N,)`, which box each is `(N,)`.
        bytes_of_one: what one of them holds at most.

    """

    answers: Callable[[Tensor, np.ndarray, np.ndarray], Tensor]
    bytes_of_one: int


def covered(trace: Trace, aim: Aim, box: Box, *, exact: bool = True) -> Covered:
    """Find how the aim's value is computed when boxes of the input change.

    Only what a box can change is computed; a network that writes through views of its tensors,
    which cannot be resumed from inside, is run again as a whole.
    """
    if all(operation.kind != "overwritten" for operation in trace.tape.operations):
        way = route(trace.tape, box, aim.at)
        return Covered(lambda *boxes: follow(way, *boxes, exact=exact), max(1, bytes_of_one(way)))
    images = trace.tape.input.tensor

    def run_again(content: Tensor, rows: np.ndarray, which: np.ndarray) -> Tensor:
        start = box.start[which]
        everywhere = Needed(np.zeros_like(start), tuple(images.shape[2:]))
        whole = cut(images, rows, everywhere, content, start)
        other = trace.again(whole, torch.from_numpy(rows), exact=exact)
        return other.value_like(aim.at).tensor

    return Covered(run_again, math.ceil(trace.scope.memory / trace.examples_at_once()))
