"""Aims: what is explained, always a weighted sum of one recorded value for each example."""

import operator
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from layerscope.errors import Refused
from layerscope.tape import Value
from layerscope.views.targets import resolve_target
from layerscope.views.units import choose_units, one_hot_seeds, strongest_positions, unravel

if TYPE_CHECKING:
    from layerscope.views.trace import Trace


@dataclass(frozen=True)
class Difference:
    """The logit of one class less that of another: why cat and not dog.

    Each may be anything that names a class: "predicted", "true", a name, an index, or a list.
    """

    one: Any
    other: Any


@dataclass(frozen=True)
class Unit:
    """One position of one channel of a layer.

    `unit` is a channel, one per example, or None for each example's strongest; `position` its
    coordinates on the layer's map, or None for where it is strongest.
    """

    layer: str
    unit: Any = None
    position: Sequence[int] | None = None


@dataclass(frozen=True)
class Channel:
    """The mean of one channel of a layer over its map; `unit` as in `Unit`."""

    layer: str
    unit: Any = None


@dataclass(frozen=True)
class Region:
    """The mean of a layer over a box of its cells: of one channel, or of all where none is named.

    `box` holds `(first, end)` for each spatial axis, the end excluded.
    """

    layer: str
    box: Sequence[tuple[int, int]]
    unit: Any = None


@dataclass(frozen=True, eq=False)
class Aim:
    """What is explained of each example: `sum(seed * value)` over everything but the batch.

    Attributes:
        at: the recorded value that is read: the logits, or a layer's answer.
        seed: the weights, of the shape of `at`; also the gradient of the score there.
        about: what is read, in words, one for each example.
        classes: the class of each example where the aim is a class, else None.

    """

    at: Value
    seed: Tensor
    about: tuple[str, ...]
    classes: Tensor | None = None

    def score(self, answers: Tensor) -> Tensor:
        """Return the score of each example, `(B,)`, from answers of the shape of `at`."""
        return (self.seed * answers).flatten(1).sum(1)

    def on(self, other: "Trace", rows: Tensor) -> "Aim":
        """Return the same aim on a trace of other inputs, of which `rows` names the examples."""
        at = other.value_like(self.at)
        seed = self.seed[rows].to(at.tensor.dtype)
        if seed.shape != at.tensor.shape:
            raise Refused(
                f"what is explained has the shape {tuple(at.tensor.shape)} on other inputs and "
                f"{tuple(seed.shape)} here; an aim needs a layer whose size stays"
            )
        about = tuple(self.about[row] for row in rows.tolist())
        classes = None if self.classes is None else self.classes[rows]
        return Aim(at, seed, about, classes)


def resolve_aim(trace: "Trace", target: Any) -> Aim:
    """Return the aim for all that `target=` may be; see `Trace.aim`."""
    if isinstance(target, Aim):
        return target
    if isinstance(target, Unit | Channel | Region):
        return _inner(trace, target)
    classes = trace.scope.classes or ()
    if isinstance(target, str) and target not in classes and " - " in target:
        target = _difference(target, classes)
    if isinstance(target, Difference):
        one, other = (_classes(trace, side) for side in (target.one, target.other))
        seed = _one_hot(trace, one) - _one_hot(trace, other)
        names = zip(_names(trace, one), _names(trace, other), strict=True)
        return Aim(trace.output, seed, tuple(f"{a} − {b}" for a, b in names))
    chosen = _classes(trace, target)
    return Aim(trace.output, _one_hot(trace, chosen), _names(trace, chosen), chosen)


def _difference(target: str, classes: Sequence[str]) -> Difference:
    """Read "cat - dog"; the names themselves may hold " - "."""
    parts = target.split(" - ")
    for cut in range(1, len(parts)):
        one, other = " - ".join(parts[:cut]), " - ".join(parts[cut:])
        if one in classes and other in classes:
            return Difference(one, other)
    return Difference(parts[0], " - ".join(parts[1:]))


def _classes(trace: "Trace", target: Any) -> Tensor:
    return resolve_target(target, trace.logits, trace.scope.classes, trace.true)


def _one_hot(trace: "Trace", classes: Tensor) -> Tensor:
    seed = torch.zeros_like(trace.logits)
    seed[torch.arange(len(seed), device=seed.device), classes] = 1
    return seed


def _names(trace: "Trace", classes: Tensor) -> tuple[str, ...]:
    names = trace.scope.classes
    return tuple(names[k] if names else f"class {k}" for k in classes.tolist())


def _inner(trace: "Trace", target: Unit | Channel | Region) -> Aim:
    """Aim inside the network: at a unit, a channel or a region of a layer."""
    layer = trace.layer_names([target.layer])[0]
    at = trace.value(layer)
    maps = at.tensor
    seed = torch.zeros_like(maps)
    if isinstance(target, Region):
        cells = seed[(slice(None), slice(None), *_box(target.box, maps, layer))]
        if target.unit is None:
            cells.fill_(1 / max(1, cells[0].numel()))
            return Aim(at, seed, (f"a region of {layer}",) * len(maps))
    else:
        cells = seed
    units = choose_units(maps, layer, target.unit, None)  # (1, B)
    names = [f"unit {unit} of {layer}" for unit in units[0].tolist()]
    if isinstance(target, Unit):
        return _at_position(at, layer, target.position, units, names)
    rows = torch.arange(len(maps), device=maps.device)
    cells[rows, units[0]] = 1 / max(1, cells[0, 0].numel())
    where = "a region of " if isinstance(target, Region) else ""
    return Aim(at, seed, tuple(where + name for name in names))


def _at_position(at: Value, layer: str, position: Any, units: Tensor, names: Sequence[str]) -> Aim:
    space = at.tensor.shape[2:]
    if position is None:
        flat = strongest_positions(at.tensor, units)[1]
    else:
        given = _whole_numbers(position)
        if len(given) != len(space) or any(
            not 0 <= p < n for p, n in zip(given, space, strict=True)
        ):
            raise Refused(
                f"position={position!r}: layer {layer!r} has maps of {tuple(space)}; give one "
                "coordinate for each axis, within it"
            )
        index = 0
        for place, size in zip(given, space, strict=True):
            index = index * size + place
        flat = torch.full_like(units, index)
    ones = torch.ones(units.shape, dtype=at.tensor.dtype, device=units.device)
    seed = one_hot_seeds(at.tensor, units, ones, flat)[0]
    places = [tuple(map(int, place)) for place in unravel(flat[0], space)]
    about = tuple(f"{n} at {p}" if space else n for n, p in zip(names, places, strict=True))
    return Aim(at, seed, about)


def _whole_numbers(given: Any) -> tuple[int, ...]:
    """Return whole numbers as Python has them; none where something else is given."""
    try:
        numbers = tuple(operator.index(one) for one in given)
    except TypeError:
        return ()
    return numbers


def _box(box: Any, maps: Tensor, layer: str) -> tuple[slice, ...]:
    space = maps.shape[2:]
    sides = [_whole_numbers(side) for side in box] if isinstance(box, Iterable) else [()]
    fits = len(sides) == len(space) and all(
        len(side) == 2 and 0 <= side[0] < side[1] <= size
        for side, size in zip(sides, space, strict=False)
    )
    if not fits:
        raise Refused(
            f"box={box!r}: layer {layer!r} has maps of {tuple(space)}; give (first, end) for each "
            "axis, within it"
        )
    return tuple(slice(*side) for side in sides)
