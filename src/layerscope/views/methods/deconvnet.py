"""The deconvolution network: a unit's strongest activation, projected down to the input."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from layerscope.tape import Value
from layerscope.views.propagate import descend
from layerscope.views.registry import method
from layerscope.views.rules.rectifiers import deconvnet as way_down
from layerscope.views.trace import Trace
from layerscope.views.units import choose_units, one_hot_seeds, strongest_positions, unravel
from layerscope.views.view import View
from layerscope.views.windows import Seeds, chain_below, deconvnet_in_windows


@method(
    "deconvnet",
    paper="Zeiler and Fergus 2014, arXiv:1311.2901",
    needs=("layer", "unit"),
    axes=("batch", "channel", "space"),
    signed=True,
    axioms=("silent unit", "homogeneous"),
)
def deconvnet(
    trace: Trace,
    layers: str | Sequence[str] = "conv",
    *,
    unit: Any = None,
    top: int | None = None,
    raw: bool = False,
) -> dict[str, View]:
    """Project one strongest position of a unit per example down to the input.

    The seed is the rectified activation there, with its value. Each step down unpools with the
    switches, rectifies, and convolves transposed without bias; nothing rectifies after the last
    one, so values are signed. Where pools overlap, values that meet are summed (the adjoint).

    Args:
        trace: the recorded batch.
        layers: which layers.
        unit: a channel, or one per example; each example's strongest where none is given.
        top: in the place of `unit`, this many strongest ones: an axis "rank" comes first.
        raw: at a convolution, seed before its norm and rectifier.

    """
    views = {}
    for layer in trace.layer_names(layers):
        value = trace.value(layer, raw=raw)
        maps = value.tensor
        units = choose_units(maps, layer, unit, top)  # (S, B)
        activations, positions = strongest_positions(maps, units)
        projections = _project(trace, value, units, activations, positions)
        where = torch.from_numpy(unravel(positions, maps.shape[2:]))
        lead: tuple[str, ...] = ("rank",)
        if top is None:
            projections, units, lead = projections[0], units[0], ()
            activations, where = activations[0], where[0]
        axes = (*lead, "batch", "channel", *trace.spatial(trace.tape.input.tensor))
        views[layer] = trace.make_view(
            *("deconvnet", layer, trace.tape.input, projections, axes),
            unit=unit if isinstance(unit, int) else units,
            signed=True,
            quality={
                "activation": activations.float().cpu().numpy(),
                "position": where.numpy(),
            },
        )
    return views


def _project(
    trace: Trace, value: Value, units: Tensor, activations: Tensor, positions: Tensor
) -> Tensor:
    """Carry the seeds down: `(S, B, channel, ...)` in the input's size."""
    chain = chain_below(trace.tape, value)
    space = value.tensor.shape[2:]
    if chain and space:
        rows = torch.arange(units.shape[1], device=units.device).expand_as(units)
        seeds = Seeds(
            rows.flatten(),
            units.flatten(),
            torch.stack(torch.unravel_index(positions.flatten(), space), dim=1),
            activations.flatten(),
        )
        projections = deconvnet_in_windows(chain, value, seeds, trace.scope.memory)
        return projections.unflatten(0, units.shape)
    return _project_whole(trace, value, units, activations, positions)


def _project_whole(
    trace: Trace, value: Value, units: Tensor, activations: Tensor, positions: Tensor
) -> Tensor:
    """Carry whole maps down, as many at a time as the memory budget allows."""
    seeds_at_a_time = trace.seeds_within_budget(value)
    parts = []
    for start in range(0, len(units), seeds_at_a_time):
        some = slice(start, start + seeds_at_a_time)
        seeds = one_hot_seeds(value.tensor, units[some], activations[some], positions[some])
        parts += descend(trace.tape, seeds, value, [trace.tape.input], way_down)
    return torch.cat(parts)
