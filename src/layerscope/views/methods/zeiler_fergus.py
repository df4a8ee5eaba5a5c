"""The figure of Zeiler and Fergus: every unit's strongest patches beside their projections.

>>> import torch, layerscope as ls
>>> trace = ls.Scope(ls.nets.study_mnist()).trace(torch.rand(4, 1, 28, 28), true=[0, 1, 0, 1])
>>> trace.view("zeiler_fergus", "conv2", unit=[3, 5], top=2)["conv2"].axes
('unit', 'rank', 'channel', 'y', 'x')
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor

from layerscope.errors import Refused
from layerscope.progress import bar
from layerscope.tape import Value, receptive_fields
from layerscope.tape.receptive import Field
from layerscope.views import scratch
from layerscope.views.legal import baseline_like
from layerscope.views.positions import projected, refuse_early
from layerscope.views.registry import method
from layerscope.views.stream import Part, read
from layerscope.views.strongest import Strongest
from layerscope.views.trace import Trace
from layerscope.views.units import unravel
from layerscope.views.view import View
from layerscope.views.windows import Seeds


@method(
    "zeiler_fergus",
    paper="Zeiler and Fergus 2014, arXiv:1311.2901, figure 2",
    needs=("layer", "data"),
    axes=("unit", "rank", "channel", "space"),
    signed=True,
    axioms=("silent unit", "homogeneous"),
)
def zeiler_fergus(
    trace: Trace,
    layers: str | Sequence[str] = "conv",
    *,
    data: Iterable[Any] | None = None,
    unit: Any = None,
    top: int = 9,
    raw: bool = False,
) -> dict[str, View]:
    """Project each unit's strongest positions, one of each of `top` examples of a data set.

    `"unit rank channel y x"`, each cut to the position's receptive field; where that is as large
    as the input or not known it is the whole input. What hangs out of the input is 0.

    `quality`: `patches`, the input cut alike, in the model's units, its outside filled with the
    scope's baseline; `activation` and `example` "unit rank"; `position` in the map and `start` of
    the patch in the input, "unit rank axis". A unit has fewer where it is silent: activation 0.
    Along time, of a scope with `sfreq`, also `start_ms` and `length_ms`, "unit rank".

    Args:
        trace: whose network is looked through.
        layers: which layers.
        data: batches, read once (see `views.stream.read`); None: the trace's own.
        unit: a channel, several, or `{layer: channels}`; None: all.
        top: how many examples.
        raw: at a convolution, read the map before its norm and rectifier.

    """
    if not isinstance(top, int) or isinstance(top, bool) or top < 1:
        raise Refused(f"top={top!r}: a whole number of examples, at least 1")
    places = {layer: trace.value(layer, raw=raw) for layer in trace.layer_names(layers)}
    for value in places.values():
        refuse_early(trace, value)
    none_yet = {
        layer: Strongest.none_yet(_units(value, layer, unit), top, value.tensor)
        for layer, value in places.items()
    }
    with ExitStack() as stack:
        shelf = None if data is None else stack.enter_context(closing(scratch.Shelf()))
        found = _searched(trace, none_yet, data, shelf, raw=raw)
        panels = _panels(trace, places, found.strongest)
        winners = sum(int((s.examples >= 0).sum()) for s in found.strongest.values())
        step = stack.enter_context(bar("zeiler_fergus: projecting", winners, "patches"))
        for part, rows in found.traced_again(trace):
            for layer, panel in panels.items():
                step(_fill(part, part.value(layer, raw=raw), panel, rows))
    return {layer: _view(trace, panel, found.ids) for layer, panel in panels.items()}


def _units(value: Value, layer: str, unit: Any) -> Tensor:
    """Return the channels of a layer that are looked at."""
    channels, device = value.tensor.shape[1], value.tensor.device
    given = unit.get(layer) if isinstance(unit, Mapping) else unit
    if given is None:
        return torch.arange(channels, device=device)
    units = np.atleast_1d(np.asarray(given))
    if units.ndim != 1 or not np.issubdtype(units.dtype, np.integer) or not units.size:
        raise Refused(f"unit={unit!r:.80}: a channel, a list of channels, or these by layer")
    if units.min() < 0 or units.max() >= channels:
        raise Refused(f"unit={unit!r:.80}: layer {layer!r} has the units 0 to {channels - 1}")
    return torch.as_tensor(units, device=device)


# -- reading the data --------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class _Found:
    """What one pass over the data gave: the strongest of each layer, and their examples."""

    strongest: dict[str, Strongest]
    shelf: scratch.Shelf | None
    ids: dict[int, str] = field(default_factory=dict)

    def keep(self, part: Part, first: int) -> None:
        """Keep the examples of a part that are among the strongest; forget those that were."""
        wanted = {n for s in self.strongest.values() for n in s.examples.unique().tolist()}
        for number in set(self.ids) - wanted:
            del self.ids[number]
            if self.shelf is not None:
                self.shelf.drop(number)
        for row, name in enumerate(part.trace.examples):
            if first + row in wanted:
                self.ids[first + row] = name
                if self.shelf is not None:
                    self.shelf.put(first + row, part.trace.tape.input.tensor[row])

    def traced_again(self, trace: Trace) -> Iterator[tuple[Trace, dict[int, int]]]:
        """Trace the strongest examples once more: each trace, and the row of each number in it."""
        if self.shelf is None:
            yield trace, {number: number for number in range(len(trace.examples))}
            return
        numbers, together = self.shelf.numbers(), max(1, trace.examples_at_once() // 2)
        for first in range(0, len(numbers), together):
            some = numbers[first : first + together]
            images = self.shelf.take(some).to(trace.tape.input.tensor.device)
            again = trace.again(images, torch.zeros(len(some), dtype=torch.long))
            yield again, {n: row for row, n in enumerate(some)}
            again.tape.release()


def _searched(
    trace: Trace,
    strongest: dict[str, Strongest],
    data: Iterable[Any] | None,
    shelf: scratch.Shelf | None,
    *,
    raw: bool,
) -> _Found:
    """Read the data once, from the state before it on."""
    found = _Found(strongest, shelf)
    seen = 0

    def visit(part: Part) -> None:
        nonlocal seen
        for layer, held in strongest.items():
            strongest[layer] = held.joined(part.trace.value(layer, raw=raw).tensor, seen)
        found.keep(part, seen)
        seen += len(part.trace.examples)

    read(trace, data, visit, "zeiler_fergus")
    return found


# -- cutting and projecting --------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class _Panel:
    """The figure of one layer: patches and projections `(U, K, C, *window)`, and where they lie."""

    layer: str
    strongest: Strongest
    position: np.ndarray  # (U, K, axes) in the map
    start: np.ndarray  # (U, K, axes) in the input
    patches: Tensor
    projections: Tensor


def _panels(
    trace: Trace, places: dict[str, Value], strongest: dict[str, Strongest]
) -> dict[str, _Panel]:
    """Make room for the figure; on disk where it needs more than half the scope's memory."""
    images, fields = trace.tape.input.tensor, receptive_fields(trace.tape)
    fill = baseline_like(images[:1], trace.scope.baseline)[0].flatten(1).double().mean(1)
    seen = {layer: _seen(images, value, fields.get(value)) for layer, value in places.items()}
    shapes = {
        layer: (*strongest[layer].values.shape, images.shape[1], *(axis.size for axis in axes))
        for layer, axes in seen.items()
    }
    on_disk = 8 * sum(torch.Size(shape).numel() for shape in shapes.values()) > (
        trace.scope.memory // 2
    )
    panels = {}
    for layer, value in places.items():
        position = unravel(strongest[layer].positions.clamp(min=0), value.tensor.shape[2:])
        starts = [
            position[..., axis] * one.stride + one.first
            if one.stride
            else np.zeros(position.shape[:-1], dtype=np.int64)
            for axis, one in enumerate(seen[layer])
        ]
        patches, projections = (scratch.zeros(shapes[layer], on_disk=on_disk) for _ in range(2))
        if bool(fill.any()):
            patches.copy_(fill.view(-1, *[1] * len(seen[layer])))
        panels[layer] = _Panel(
            layer, strongest[layer], position, np.stack(starts, -1), patches, projections
        )
    return panels


@dataclass(frozen=True)
class _Seen:
    """Along one axis: how long a patch is, and where it starts; a stride of 0: the whole input."""

    size: int
    stride: int = 0
    first: int = 0


def _seen(images: Tensor, value: Value, field: Field | None) -> list[_Seen]:
    """Return what a position sees along each axis of the input."""
    sizes = images.shape[2:]
    if field is None or value.tensor.dim() != images.dim():
        return [_Seen(size) for size in sizes]
    return [
        _Seen(int(one.size), one.stride, int(one.first)) if one.size < size else _Seen(size)
        for one, size in zip(field, sizes, strict=True)
    ]


def _fill(trace: Trace, value: Value, panel: _Panel, rows: dict[int, int]) -> int:
    """Fill in the patches whose examples are in a trace, and return how many these are."""
    known = torch.tensor(list(rows), device=panel.strongest.examples.device)
    units, ranks = torch.nonzero(torch.isin(panel.strongest.examples, known), as_tuple=True)
    numbers = panel.strongest.examples[units, ranks].tolist()
    where = torch.tensor([rows[number] for number in numbers], device=units.device)
    if not numbers:
        return 0
    seeds = Seeds(
        where,
        panel.strongest.units[units],
        torch.from_numpy(panel.position[units.cpu().numpy(), ranks.cpu().numpy()]).to(units.device),
        panel.strongest.values[units, ranks],
    )
    for number, projection in projected(trace, value, seeds):
        spot = int(units[number]), int(ranks[number])
        start = panel.start[spot]
        _cut(trace.tape.input.tensor[where[number]], start, panel.patches[spot])
        _cut(projection, start, panel.projections[spot])
    return len(numbers)


def _cut(picture: Tensor, start: np.ndarray, patch: Tensor) -> None:
    """Copy what a patch `(channel, *window)` that starts there shows of a picture."""
    for axis, first in enumerate(start.tolist(), start=1):
        low, high = max(first, 0), min(first + patch.shape[axis], picture.shape[axis])
        picture = picture.narrow(axis, low, high - low)
        patch = patch.narrow(axis, low - first, high - low)
    patch.copy_(picture)


def _view(trace: Trace, panel: _Panel, ids: dict[int, str]) -> View:
    found = panel.strongest
    names = np.array([[ids.get(n, "") for n in row] for row in found.examples.tolist()], dtype=str)
    axes = ("unit", "rank", "channel", *trace.spatial(trace.tape.input.tensor))
    return trace.make_view(
        *("zeiler_fergus", panel.layer, trace.tape.input, panel.projections, axes),
        unit=found.units,
        signed=True,
        quality={
            "patches": panel.patches.numpy(),
            "activation": found.values.float().cpu().numpy(),
            "example": names,
            "position": panel.position,
            "start": panel.start,
            **_milliseconds(trace, panel),
        },
    )


def _milliseconds(trace: Trace, panel: _Panel) -> dict[str, np.ndarray]:
    """Say when each patch starts and how long it is, `(U, K)`, where time is an axis of its own."""
    sfreq, last = trace.scope.sfreq, trace.spatial(trace.tape.input.tensor)[-1:]
    if not sfreq or last != ("time",):
        return {}
    start = panel.start[..., -1] * 1000 / sfreq
    return {
        "start_ms": start,
        "length_ms": np.full(start.shape, panel.patches.shape[-1] * 1000 / sfreq),
    }
