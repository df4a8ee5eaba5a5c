"""Projections of units and whole maps down to the input, under a rule of the way down."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from layerscope.errors import Refused
from layerscope.tape import Value
from layerscope.views.aims import Aim
from layerscope.views.propagate import Composite, descend
from layerscope.views.trace import Trace
from layerscope.views.units import one_hot_seeds
from layerscope.views.view import View


def project(
    trace: Trace, at: Value, seeds: Callable[[slice], Tensor], count: int, way_down: Composite
) -> Tensor:
    """Carry `count` seeds down to the input, as many at a time as the memory budget allows.

    Args:
        trace: the recorded batch.
        at: where they start.
        seeds: makes those of a slice, `(some, *shape of at)`.
        count: how many there are.
        way_down: the composite of rules.

    Returns:
        `(count, B, channel, ...)` in the input's size.

    """
    together = trace.seeds_within_budget(at)
    parts = []
    for start in range(0, count, together):
        some = seeds(slice(start, start + together))
        parts += descend(trace.tape, some, at, [trace.tape.input], way_down)
    return torch.cat(parts)


def position_seeds(
    at: Value, units: Tensor, activations: Tensor, positions: Tensor
) -> Callable[[slice], Tensor]:
    """Make seeds that hold each activation `(S, B)` at its unit's position, else 0."""
    return lambda some: one_hot_seeds(at.tensor, units[some], activations[some], positions[some])


def map_seeds(at: Value, units: Tensor) -> Callable[[slice], Tensor]:
    """Make seeds that hold the whole rectified map of each unit `(S, B)`, else 0."""
    rows = torch.arange(units.shape[1], device=units.device)

    def make(some: slice) -> Tensor:
        seeds = at.tensor.new_zeros((len(units[some]), *at.tensor.shape))
        for seed, channels in zip(seeds, units[some], strict=True):
            seed[rows, channels] = at.tensor[rows, channels].clamp(min=0)
        return seeds

    return make


def class_view(trace: Trace, method: str, rule: str, target: Any) -> dict[str, View]:
    """View the way down from the score of a target under a rule of `COMPOSITES`."""
    aim = trace.aim(target)
    source = trace.tape.input
    (projection,) = trace.gradients(aim, [source], rule)
    axes = ("batch", "channel", *trace.spatial(source.tensor))
    own = projection.clone()  # the trace keeps the other
    view = trace.make_view(method, "input", source, own, axes, aim=aim, signed=True)
    return {"input": view}


def unit_view(
    trace: Trace,
    method: str,
    layer: str,
    projections: Tensor,
    units: Tensor,
    *,
    unit: Any,
    one: bool,
    quality: dict[str, np.ndarray],
    aim: Aim | None = None,
) -> View:
    """View projections `(S, B, channel, ...)` of units `(S, B)`; the axis "rank" is S, if kept.

    Args:
        trace: the recorded batch.
        method: the method's name.
        layer: the layer of the units.
        projections: what came down.
        units: which channels they are of.
        unit: what was asked for; a number is said as it is.
        one: whether there is one for each example, so that there are no ranks.
        aim: what is explained, where the units serve that.
        quality: what is known of each, `(S, B, ...)`.

    """
    source = trace.tape.input
    axes: Sequence[str] = ("batch", "channel", *trace.spatial(source.tensor))
    if one:
        projections, units = projections[0], units[0]
        quality = {name: known[0] for name, known in quality.items()}
    else:
        axes = ("rank", *axes)
    return trace.make_view(
        *(method, layer, source, projections, axes),
        aim=aim,
        unit=unit if isinstance(unit, int) else units,
        signed=True,
        quality=quality,
    )


def refuse_units_of_a_class(**given: Any) -> None:
    """Refuse options of units where a class is looked at."""
    named = [
        f"{name}=" for name, value in given.items() if value is not None and value is not False
    ]
    if named:
        raise Refused(
            f"{' and '.join(named)} {'choose' if len(named) > 1 else 'chooses'} units of a layer, "
            "and target= a class: name layers= and leave target= out, or the other way round"
        )
