"""From a network and stimuli to the Gram matrix of every layer, in bounded memory.

Patterns of some stimuli are held while the others pass by, so that layers of millions of numbers
need not be kept: the larger `memory`, the fewer passes.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from layerscope.brain.gram import Gram, centre, products
from layerscope.errors import Refused
from layerscope.progress import bar
from layerscope.tape import Value
from layerscope.views import Scope, Trace

MEMORY = 2**30
"""Bytes of patterns held at once."""

#: Gives the stimuli from one position to another, as the network takes them.
Read = Callable[[int, int], Tensor]


@dataclass(frozen=True, eq=False)
class _Block:
    """Patterns of neighbouring stimuli, less their means: `(stimulus, D)` for each layer."""

    start: int
    rows: dict[str, Tensor]
    means: dict[str, Tensor]

    @property
    def count(self) -> int:
        """How many stimuli there are."""
        return len(next(iter(self.means.values())))


def default_layers(scope: Scope, shape: Sequence[int]) -> list[str]:
    """Name every convolution and fully connected layer, in forward order."""
    every = scope.layers("all", shape)
    found = set()
    for kind in ("conv", "linear"):
        try:
            found.update(scope.layers(kind, shape))
        except Refused:
            continue  # the network has none of that kind
    return [name for name in every if name in found] or every


def layer_grams(
    scope: Scope, read: Read, count: int, layers: Sequence[str], *, memory: int = MEMORY
) -> dict[str, Gram]:
    """Compute the Gram matrix of each layer's answers to `count` stimuli.

    At a convolution, the map after the norm and rectifier that directly follow it, as every view
    reads it; all positions are features. Layers that answer with the same values share a matrix.

    Args:
        scope: the network.
        read: gives stimuli `start` to `stop`, `"batch channel ..."`, in the model's units.
        count: how many there are.
        layers: full names.
        memory: bytes of patterns held at once.

    """
    first = scope.trace(read(0, 1))
    values, same = _distinct(first, layers)
    features = {name: value.tensor[0].numel() for name, value in values.items()}
    held = max(1, min(count, memory // (4 * sum(features.values()))))
    passed = max(1, min(held, first.examples_at_once()))
    first.tape.release()
    grams = {name: np.empty((count, count)) for name in features}
    means = {name: np.empty(count) for name in features}
    blocks = range(0, count, held)
    passes = sum(count - start for start in blocks)
    with bar("patterns of layers", total=passes, unit="stimuli") as step:
        for start in blocks:
            kept = _block(scope, read, start, min(count, start + held), passed, features)
            step(kept.count)
            _multiply(kept, kept, grams)
            for name, mean in kept.means.items():
                means[name][start : start + kept.count] = mean.numpy()
            for other in range(start + kept.count, count, passed):
                part = _block(scope, read, other, min(count, other + passed), passed, features)
                _multiply(kept, part, grams)
                step(part.count)
            del kept  # before the next block is made: two are never held
    made = {name: Gram(grams[name], means[name], size) for name, size in features.items()}
    return {layer: made[same[layer]] for layer in layers}


def _distinct(trace: Trace, layers: Sequence[str]) -> tuple[dict[str, Value], dict[str, str]]:
    """Find the first layer of each value, and for each layer the one whose value it shares."""
    first: dict[int, str] = {}
    values: dict[str, Value] = {}
    same: dict[str, str] = {}
    for layer in layers:
        value = trace.value(layer)
        same[layer] = first.setdefault(value.index, layer)
        values.setdefault(same[layer], value)
    return values, same


def _block(
    scope: Scope, read: Read, start: int, stop: int, together: int, features: dict[str, int]
) -> _Block:
    """Show some stimuli, a few together, and keep the patterns of layers."""
    count = stop - start
    rows = {name: torch.empty(count, size) for name, size in features.items()}
    means = {name: torch.empty(count, dtype=torch.float64) for name in features}
    for place in range(start, stop, together):
        trace = scope.trace(read(place, min(stop, place + together)))
        here = slice(place - start, place - start + len(trace.examples))
        for name in features:
            try:
                rows[name][here], means[name][here] = centre(trace.value(name).tensor.float())
            except Refused as error:
                raise Refused(f"layer {name}: {error}") from None
        trace.tape.release()
    return _Block(start, rows, means)


def _multiply(a: _Block, b: _Block, grams: dict[str, np.ndarray]) -> None:
    """Fill in the products of two blocks, on both sides of the diagonal."""
    here, there = slice(a.start, a.start + a.count), slice(b.start, b.start + b.count)
    for name, matrix in grams.items():
        found = products(a.rows[name], b.rows[name]).numpy()
        matrix[here, there] = found
        matrix[there, here] = found.T
