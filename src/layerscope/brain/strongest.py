"""The epochs to which each unit of a layer answers most, and the moment at which it does."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from layerscope.brain.epochs import Epochs
from layerscope.errors import LayerscopeError
from layerscope.views import Scope, Trace
from layerscope.views.strongest import Strongest
from layerscope.views.units import unravel

#: Epochs traced together, at most.
TOGETHER = 32


@dataclass(frozen=True, eq=False)
class Answer:
    """One of a unit's strongest answers.

    `start` and `end` say what the position sees, in samples of the epoch, cut to it; they may be
    the whole epoch.
    """

    layer: str
    unit: int
    rank: int
    epoch: int
    activation: float
    start: int
    end: int


def strongest_epochs(
    scope: Scope,
    epochs: Epochs,
    units: dict[str, np.ndarray],
    *,
    top: int = 8,
) -> list[Answer]:
    """Find the epochs to which units answer most, one position of each epoch.

    Args:
        scope: whose network answers.
        epochs: what it is shown; read once.
        units: `{layer: (unit,)}`: which units; numbers below 0 are left out.
        top: how many epochs of each.

    """
    if top < 1:
        raise LayerscopeError(f"top = {top}: at least one epoch")
    held: dict[str, Strongest] = {}
    spans: dict[str, Any] = {}
    for part in epochs.parts(TOGETHER):
        trace = scope.trace(epochs.signals[part])
        for layer, given in units.items():
            value = trace.value(layer)
            if layer not in held:
                chosen = torch.from_numpy(np.asarray(given)[np.asarray(given) >= 0])
                held[layer] = Strongest.none_yet(chosen, top, value.tensor)
                spans[layer] = _spans(trace, layer)
            held[layer] = held[layer].joined(value.tensor, int(part[0]))
        trace.tape.release()
    return [answer for layer, found in held.items() for answer in _answers(layer, found, spans)]


def _answers(layer: str, found: Strongest, spans: dict[str, np.ndarray]) -> Sequence[Answer]:
    listed, span = [], spans[layer]
    for place, unit in enumerate(found.units.tolist()):
        for rank, number in enumerate(found.examples[place].tolist()):
            if number < 0:
                continue
            start, end = span[int(found.positions[place, rank])]
            activation = float(found.values[place, rank])
            listed.append(Answer(layer, unit, rank, number, activation, int(start), int(end)))
    return listed


def _spans(trace: Trace, layer: str) -> np.ndarray:
    """Say what each flat position of a layer's map sees in time: `(position, 2)` samples."""
    samples = trace.tape.input.tensor.shape[-1]
    value = trace.value(layer)
    space = tuple(value.tensor.shape[2:])
    field = trace.seen_in_time(value)
    if not space or field is None:
        return np.tile([0, samples], (int(np.prod(space, dtype=int)) or 1, 1))
    flat = torch.arange(int(np.prod(space)))
    at = unravel(flat, space)[..., -1]
    start = np.clip(at * field.stride + field.first, 0, samples)
    end = np.clip(at * field.stride + field.last + 1, 0, samples)
    return np.stack([start, end], axis=1).astype(np.int64)
