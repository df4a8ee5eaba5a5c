"""The deconvolution network: what a unit, a whole map or a class reads, projected to the input.

>>> import torch, layerscope as ls
>>> trace = ls.Scope(ls.nets.study_mnist()).trace(torch.rand(1, 1, 28, 28))
>>> trace.view("deconvnet", "conv2", unit=7)["conv2"].values.shape
(1, 1, 28, 28)
"""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from layerscope.tape import Value
from layerscope.views.projection import (
    class_view,
    map_seeds,
    position_seeds,
    project,
    refuse_units_of_a_class,
    unit_view,
)
from layerscope.views.registry import method
from layerscope.views.rules.rectifiers import deconvnet as way_down
from layerscope.views.trace import Trace
from layerscope.views.units import choose_units, strongest_positions, unravel
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
    whole: bool = False,
    target: Any = None,
    raw: bool = False,
) -> dict[str, View]:
    """Project one strongest position of a unit per example, its whole map, or a class.

    The seed is the rectified activation there, with its value; of a class its logit, with 1. Each
    step down unpools with the switches, rectifies, and convolves transposed without bias; nothing
    rectifies after the last one, so values are signed. Where pools overlap, values are summed.

    Args:
        trace: the recorded batch.
        layers: which layers.
        unit: a channel, or one per example; each example's strongest where none is given.
        top: in the place of `unit`, this many strongest ones: an axis "rank" comes first.
        whole: seed the unit's whole rectified map (the gradient of half its sum of squares).
        target: look at a class instead, or whatever `Trace.aim` takes: `{"input": View}`.
        raw: at a convolution, seed before its norm and rectifier.

    """
    if target is not None:
        refuse_units_of_a_class(unit=unit, top=top, whole=whole)
        return class_view(trace, "deconvnet", "deconvnet", target)
    views = {}
    for layer in trace.layer_names(layers):
        value = trace.value(layer, raw=raw)
        maps = value.tensor
        units = choose_units(maps, layer, unit, top)  # (S, B)
        activations, positions = strongest_positions(maps, units)
        if whole:
            projections = project(trace, value, map_seeds(value, units), len(units), way_down)
        else:
            projections = _project(trace, value, units, activations, positions)
        views[layer] = unit_view(
            *(trace, "deconvnet", layer, projections, units),
            unit=unit,
            one=top is None,
            quality={
                "activation": activations.float().cpu().numpy(),
                "position": unravel(positions, maps.shape[2:]),
            },
        )
    return views


def _project(
    trace: Trace, value: Value, units: Tensor, activations: Tensor, positions: Tensor
) -> Tensor:
    """Carry single positions down: `(S, B, channel, ...)` in the input's size."""
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
    planted = position_seeds(value, units, activations, positions)
    return project(trace, value, planted, len(units), way_down)
