"""Strongest units: which units of a layer answer a class most.

>>> import torch, layerscope as ls
>>> trace = ls.Scope(ls.nets.study_mnist()).trace(torch.rand(4, 1, 28, 28), true=[0, 1, 0, 1])
>>> trace.view("strongest_units", "conv3")["conv3"].axes
('class', 'rank')
"""

from collections.abc import Iterable, Sequence
from typing import Any

from layerscope.errors import Refused
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
    "strongest_units",
    paper="Zhou et al. 2018, arXiv:1806.02891",
    needs=("layer", "data", "labels"),
    axes=("class", "rank"),
    signed=True,
    axioms=("none claimed",),
)
def strongest_units(
    trace: Trace,
    layers: str | Sequence[str] = "conv",
    *,
    data: Iterable[Any] | None = None,
    top: int = 9,
    by: str = "contrast",
    pool: str = "max",
    raw: bool = False,
) -> dict[str, View]:
    """Rank a layer's units for each class: `"class rank"`, the strongest first.

    The response is the class's mean of what a unit answers an example; its contrast is what is
    left after the mean of the other classes' responses, in which classes weigh alike. Of equal
    units the first goes before. `View.unit` names them, "class rank".

    `quality`: `response` and `contrast` "class unit", of all units; `classes`, `count` "class".

    Args:
        trace: whose network is looked through.
        layers: which layers.
        data: batches with labels, read once (see `views.stream.read`); None: the trace's own.
        top: how many units of a class; all where a layer has fewer.
        by: "contrast" or "response".
        pool: "mean" or "max" over a map, as what a unit answers an example.
        raw: at a convolution, read the map before its norm and rectifier.

    """
    if by not in ("contrast", "response"):
        raise Refused(f'by={by!r}: "contrast" or "response"')
    if not isinstance(top, int) or isinstance(top, bool) or top < 1:
        raise Refused(f"top={top!r}: a whole number of units, at least 1")
    names = trace.layer_names(layers)
    sums = summed_responses(trace, names, data, "strongest_units", pool=pool, raw=raw)
    return {layer: _view(trace, layer, sums[layer], top, by, raw) for layer in names}


def _view(trace: Trace, layer: str, sums: ClassSums, top: int, by: str, raw: bool) -> View:
    order = sums.order(trace.scope.classes)
    classes = class_names(order, trace.scope.classes)
    refuse_one_class("strongest_units", classes)
    response = sums.means(order)  # (classes, units)
    contrast = response - rest_means(response)
    score = contrast if by == "contrast" else response
    units = score.argsort(dim=1, descending=True, stable=True)[:, :top]
    return trace.make_view(
        *("strongest_units", layer, trace.value(layer, raw=raw)),
        *(score.gather(1, units), ("class", "rank")),
        unit=units,
        signed=True,
        quality={
            "response": response.cpu().numpy(),
            "contrast": contrast.cpu().numpy(),
            "classes": classes,
            "count": sums.counts(order),
        },
    )
