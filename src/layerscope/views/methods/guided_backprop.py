"""Guided backpropagation: gradients of which rectifiers pass only the positive part.

>>> import torch, layerscope as ls
>>> trace = ls.Scope(ls.nets.study_mnist()).trace(torch.rand(1, 1, 28, 28))
>>> trace.view("guided_backprop", target=3)["input"].values.shape
(1, 1, 28, 28)
"""

from collections.abc import Sequence
from typing import Any

from layerscope.views.projection import (
    class_view,
    map_seeds,
    position_seeds,
    project,
    refuse_units_of_a_class,
    unit_view,
)
from layerscope.views.registry import method
from layerscope.views.rules.rectifiers import guided_backprop as way_down
from layerscope.views.trace import Trace
from layerscope.views.units import choose_units, strongest_positions, unravel
from layerscope.views.view import View


@method(
    "guided_backprop",
    paper="Springenberg et al. 2014, arXiv:1412.6806",
    needs=("target",),
    axes=("batch", "channel", "space"),
    signed=True,
    axioms=("silent unit", "homogeneous"),
)
def guided_backprop(
    trace: Trace,
    layers: str | Sequence[str] | None = None,
    *,
    target: Any = "predicted",
    unit: Any = None,
    top: int | None = None,
    whole: bool = False,
    raw: bool = False,
) -> dict[str, View]:
    """Carry a class, or where layers are named their units, down past rectifiers that rectify.

    A rectifier passes what is positive, and only where it was open. Of a class the seed is its
    logit, with 1; of a unit its strongest rectified activation, with its value.

    Args:
        trace: the recorded batch.
        layers: None for a class, `{"input": View}`; else the layers of the units.
        target: the class, or whatever `Trace.aim` takes.
        unit: a channel, or one per example; each example's strongest where none is given.
        top: in the place of `unit`, this many strongest ones: an axis "rank" comes first.
        whole: seed the unit's whole rectified map, not its strongest position.
        raw: at a convolution, seed before its norm and rectifier.

    """
    if layers is None:
        refuse_units_of_a_class(unit=unit, top=top, whole=whole)
        return class_view(trace, "guided_backprop", "guided_backprop", target)
    views = {}
    for layer in trace.layer_names(layers):
        value = trace.value(layer, raw=raw)
        units = choose_units(value.tensor, layer, unit, top)  # (S, B)
        activations, positions = strongest_positions(value.tensor, units)
        if whole:
            seeds = map_seeds(value, units)
        else:
            seeds = position_seeds(value, units, activations, positions)
        views[layer] = unit_view(
            *(trace, "guided_backprop", layer),
            *(project(trace, value, seeds, len(units), way_down), units),
            unit=unit,
            one=top is None,
            quality={
                "activation": activations.float().cpu().numpy(),
                "position": unravel(positions, value.tensor.shape[2:]),
            },
        )
    return views
