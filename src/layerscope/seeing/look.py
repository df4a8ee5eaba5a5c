"""One batch of examples through every method and layer that was asked for, into the index."""

from collections.abc import Iterable, Iterator, Sequence, Set
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch

from layerscope.errors import Refused
from layerscope.seeing.index import Index
from layerscope.seeing.settings import ViewsSettings
from layerscope.views import Method, Scope, Trace, View, find_method

BUDGET = 400 * 2**20
"""Bytes that the activations of one batch may take."""

ONCE = "network"
"""The group of views that show the network alone, not examples."""


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


def missing(
    made: Set[tuple[str, str, str | None]],
    group: str,
    settings: ViewsSettings,
    layers: Sequence[str],
) -> list[tuple[Method, list[str]]]:
    """List what is still to be made of a group: each method with its layers."""
    work: list[tuple[Method, list[str]]] = []
    once = {method for where, method, _ in made if where == ONCE}
    for name in settings.methods:
        method = find_method(name, {})
        if "batch" not in method.axes:
            if name not in once:
                work.append((method, []))
            continue
        wanted = [layer for layer in layers if (group, name, layer) not in made]
        if wanted:
            work.append((method, wanted))
    return work


def look(
    trace: Trace,
    group: Group,
    work: Iterable[tuple[Method, list[str]]],
    settings: ViewsSettings,
    index: Index,
) -> None:
    """Make the views of one traced batch and write them, then the index."""
    classes = trace.scope.classes
    for method, layers in work:
        if "batch" not in method.axes:
            try:
                for view in trace.view(method.name).values():
                    index.add_view(view, ONCE, (), classes)
            except Refused as refusal:
                index.add_refusal(ONCE, method.name, None, str(refusal))
            continue
        for layer, found in _views(trace, method, layers, settings):
            if isinstance(found, Refused):
                index.add_refusal(group.name, method.name, layer, str(found))
                continue
            for view, more in _parts(found, settings):
                index.add_view(view, group.name, group.places, classes, **more)
    index.write()


def _views(
    trace: Trace, method: Method, layers: list[str], settings: ViewsSettings
) -> Iterator[tuple[str, View | Refused]]:
    """Look with one method, at all layers together or, where one is refused, at each alone."""
    options: dict[str, Any] = {}
    if "target" in method.options:
        options["target"] = settings.target
    if "top" not in method.options:
        try:
            yield from trace.view(method.name, layers=layers, **options).items()
            return
        except Refused as refusal:
            if len(layers) == 1:
                yield layers[0], refusal
                return
    for layer in layers:
        try:
            if "top" in method.options:
                options["top"] = min(settings.units, trace.value(layer).tensor.shape[1])
            yield layer, trace.view(method.name, layers=[layer], **options)[layer]
        except Refused as refusal:
            yield layer, refusal


def _parts(view: View, settings: ViewsSettings) -> Iterator[tuple[View, dict[str, Any]]]:
    """Cut a view into what is stored: one part a rank; of feature maps the strongest channels."""
    if view.axes[0] == "rank":
        for rank, values in enumerate(view.values):
            quality = {name: array[rank] for name, array in view.quality.items()}
            unit = np.asarray(view.unit)[rank]
            part = replace(view, values=values, axes=view.axes[1:], unit=unit, quality=quality)
            yield part, {"rank": rank, "activation": quality["activation"].tolist()}
    elif view.method == "feature_maps":
        chosen = _strongest_channels(view.values, settings.channels)
        rows = np.arange(len(chosen))[:, None]
        part = replace(view, values=view.values[rows, chosen], quality={"channels": chosen})
        yield part, {"channels": chosen.tolist()}
    else:
        yield view, {}


def _strongest_channels(maps: np.ndarray, count: int) -> np.ndarray:
    """Give the channels with the highest peaks, int64 `(B, count)`, the highest first."""
    peaks = maps.reshape(*maps.shape[:2], -1).max(axis=2)
    return np.argsort(-peaks, axis=1, kind="stable")[:, :count]
