"""What a network answers when boxes of its recorded inputs hold something else."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from layerscope.errors import Refused
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

    Only what a box can change is computed. A network that cannot be resumed from inside (it writes
    through views of its tensors, or holds a fixed batch size) is run again as a whole.
    """
    way = route(trace.tape, box, aim.at)
    images = trace.tape.input.tensor

    def answers(content: Tensor, rows: np.ndarray, which: np.ndarray) -> Tensor:
        for operation in trace.tape.operations:
            operation.refuse_if_changed()
        try:
            return follow(way, content, rows, which, exact=exact)
        except Refused:
            pieces = range(0, len(rows), trace.examples_at_once())
            some = [slice(first, first + pieces.step) for first in pieces]
            return torch.cat([run_again(content[s], rows[s], box.start[which[s]]) for s in some])

    def run_again(content: Tensor, rows: np.ndarray, start: np.ndarray) -> Tensor:
        everywhere = Needed(np.zeros_like(start), tuple(images.shape[2:]))
        whole = cut(images, rows, everywhere, content, start)
        other = trace.again(whole, torch.from_numpy(rows), exact=exact)
        return other.value_like(aim.at).tensor

    return Covered(answers, max(1, bytes_of_one(way)))
