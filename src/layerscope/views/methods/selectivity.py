"""Class selectivity: how much more a unit answers to one class than to the others.

>>> import torch, layerscope as ls
>>> trace = ls.Scope(ls.nets.study_mnist()).trace(torch.rand(4, 1, 28, 28), true=[0, 1, 0, 1])
>>> trace.view("selectivity", "conv3")["conv3"].axes
('unit',)
"""

from collections.abc import Iterable, Sequence
from typing import Any

import torch

from layerscope.views.by_class import (
    ClassSums,
    class_names,
    refuse_one_class,
    rest_means,
    summed_responses,
)
from layerscope.views.registry import method
from layerscope.views.trace import Trace
from layerscope.views.view import View


@method(
    "selectivity",
    paper="Morcos et al. 2018, arXiv:1803.06959, section 3.4",
    needs=("layer", "data", "labels"),
    axes=("unit",),
    signed=False,
    axioms=("not negative", "silent unit"),
)
def selectivity(
    trace: Trace,
    layers: str | Sequence[str] = "conv",
    *,
    data: Iterable[Any] | None = None,
    pool: str = "mean",
    raw: bool = False,
) -> dict[str, View]:
    """Return each unit's class selectivity index `"unit"`, from 0 (none) to 1 (one class only).

    (highest class mean - mean of the other classes' means) / (their sum), of activities above 0:
    what a unit answers below 0 counts as none. A silent unit has 0.

    `quality`: `means` "class unit", `classes` and `count` "class", `class` "unit": the position
    in `classes` of the class that the unit answers most.

    Args:
        trace: whose network is looked through.
        layers: which layers.
        data: batches with labels, read once (see `views.stream.read`); None: the trace's own.
        pool: "mean" or "max" over a map, as an example's activity.
        raw: at a convolution, read the map before its norm and rectifier.

    """
    names = trace.layer_names(layers)
    sums = summed_responses(trace, names, data, "selectivity", pool=pool, raw=raw, rectified=True)
    return {layer: _view(trace, layer, sums[layer], raw) for layer in names}


def _view(trace: Trace, layer: str, sums: ClassSums, raw: bool) -> View:
    order = sums.order(trace.scope.classes)
    classes = class_names(order, trace.scope.classes)
    refuse_one_class("selectivity", classes)
    means = sums.means(order)  # (classes, units)
    highest, best = means.max(0)
    rest = rest_means(means).gather(0, best[None])[0]
    index = torch.where(highest > 0, (highest - rest) / (highest + rest), 0)
    return trace.make_view(
        *("selectivity", layer, trace.value(layer, raw=raw), index, ("unit",)),
        quality={
            "means": means.cpu().numpy(),
            "classes": classes,
            "count": sums.counts(order),
            "class": best.cpu().numpy(),
        },
    )
