"""One batch of examples through every method and layer that was asked for, into the index."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import torch

from layerscope.errors import Refused
from layerscope.seeing.ask import INPUT, ONCE, Ask, Beside, chooses_units, options
from layerscope.seeing.index import Index
from layerscope.seeing.kept import parts
from layerscope.seeing.settings import ViewsSettings
from layerscope.seeing.sounds import sounds_of
from layerscope.views import Scope, Trace, View

BUDGET = 400 * 2**20
"""Bytes that the activations of one batch may take."""


@dataclass(frozen=True)
class Group:
    """Examples that are looked at together: a part of a class."""

    name: str
    places: tuple[int, ...]


def batch_within_budget(scope: Scope, shape: Sequence[int], most: int) -> int:
    """Give how many examples may be traced together, at least one.

    >>> batch_within_budget(Scope(torch.nn.Conv2d(1, 2, 3)), (1, 8, 8), most=16)
    16
    """
    trace = scope.trace(torch.zeros(1, *shape))
    held = {
        value.tensor.data_ptr(): value.tensor.numel() * value.tensor.element_size()
        for operation in trace.tape.operations
        for value in operation.outputs
    }
    return max(1, min(most, BUDGET // max(1, sum(held.values()))))


def look(
    trace: Trace,
    group: Group,
    work: Iterable[Ask],
    settings: ViewsSettings,
    index: Index,
    beside: Beside | None = None,
) -> None:
    """Make the views of one traced batch and write them, then the index.

    Methods that read a data set read the one `beside` it; without it, the trace's batch.
    """
    classes = trace.scope.classes
    for ask in work:
        where, places = (ONCE, ()) if ask.once else (group.name, group.places)
        name, aim = ask.method.name, ask.aim
        for layer, found in _views(trace, ask, settings, beside or Beside()):
            if isinstance(found, Refused):
                index.add_refusal(where, name, layer, str(found), aim=aim)
                continue
            for view, more in parts(found, ask, settings, trace.scope):
                heard = sounds_of(view, ask, trace)
                index.add_view(view, where, places, classes, aim=aim, sounds=heard, **more)
        index.write()


def _views(
    trace: Trace, ask: Ask, settings: ViewsSettings, beside: Beside
) -> Iterator[tuple[str | None, View | Refused]]:
    """Look with one method, at all layers together or, where one is refused, at each alone."""
    name, given = ask.method.name, options(ask, settings, beside, trace)
    units = settings.pictured if ask.once else settings.units
    apart = chooses_units(ask.method)  # no more of them than each layer has
    if ask.layers in ((), (INPUT,)):
        try:
            yield from trace.view(name, **given).items()
        except Refused as refusal:
            yield (ask.layers[0] if ask.layers else None), refusal
        return
    if not apart:
        try:
            yield from trace.view(name, layers=list(ask.layers), **given).items()
            return
        except Refused as refusal:
            if len(ask.layers) == 1:
                yield ask.layers[0], refusal
                return
    for layer in ask.layers:
        try:
            if apart:
                given["top"] = min(units, trace.value(layer).tensor.shape[1])
            yield layer, trace.view(name, layers=[layer], **given)[layer]
        except Refused as refusal:
            yield layer, refusal
