"""Class means: the mean view of the examples of each class, by any method, or their mean input.

>>> import torch, layerscope as ls
>>> trace = ls.Scope(ls.nets.study_mnist()).trace(torch.rand(4, 1, 28, 28), true=[0, 1, 0, 1])
>>> trace.view("class_means", "conv3", of="grad_cam")["conv3"].axes
('class', 'y', 'x')
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch

from layerscope.errors import Refused
from layerscope.views.by_class import ClassSums, class_names
from layerscope.views.registry import find_method, method
from layerscope.views.stream import Part, known_labels, read
from layerscope.views.trace import Trace
from layerscope.views.view import View


@method(
    "class_means",
    paper="Zhou et al. 2016, arXiv:1512.04150",
    needs=("layer", "data", "labels"),
    axes=("class", "channel", "space"),
    signed=True,
    axioms=("none claimed",),
)
def class_means(
    trace: Trace,
    layers: str | Sequence[str] = "conv",
    *,
    of: str = "feature_maps",
    options: Mapping[str, Any] | None = None,
    data: Iterable[Any] | None = None,
) -> dict[str, View]:
    """Return the mean over each class of a method's views: its axes, "class" in place of "batch".

    Feature maps have `"class channel y x"`, Grad-CAM `"class y x"`. Of methods that choose a
    unit for each example the mean runs over different units.

    `quality`: `classes` and `count` "class", and `of`, the method.

    Args:
        trace: whose network is looked through.
        layers: which layers; not used for what has none.
        of: a registered method whose views have an axis "batch", or "input": the mean input,
            `"class channel y x"`, under the name "input".
        options: the method's own: `{"target": "true"}`.
        data: batches with labels, read once (see `views.stream.read`); None: the trace's own.

    """
    sums: dict[str, ClassSums] = {}
    views: dict[str, View] = {}

    def visit(part: Part) -> None:
        labels = known_labels(part.labels, "class_means")
        for layer, view in _looked(part.trace, layers, of, options or {}).items():
            axis = view.axes.index("batch")
            values = torch.from_numpy(np.moveaxis(view.values, axis, 0))
            sums.setdefault(layer, ClassSums()).add(labels, values)
            views.setdefault(layer, replace(view, values=view.values[:0]))

    read(trace, data, visit, "class_means")
    return {layer: _mean(trace, view, sums[layer], of) for layer, view in views.items()}


def _looked(
    trace: Trace, layers: str | Sequence[str], of: str, options: Mapping[str, Any]
) -> dict[str, View]:
    """Look at some examples with the method."""
    if of == "input":
        inputs = trace.tape.input
        axes = ("batch", "channel", *trace.spatial(inputs.tensor))
        return {"input": trace.make_view(of, of, inputs, inputs.tensor, axes, signed=True)}
    known = find_method(of, dict(options))
    if "batch" not in known.axes:
        raise Refused(
            f"{of} shows the network or a data set, not examples (its axes are "
            f"{' '.join(known.axes)}), so that no mean over a class is to be had"
        )
    chosen = {"layers": layers} if "layers" in known.options else {}
    return trace.view(of, **chosen, **options)


def _mean(trace: Trace, view: View, sums: ClassSums, of: str) -> View:
    """Put the means in the place of one part's view."""
    order = sums.order(trace.scope.classes)
    means = np.moveaxis(sums.means(order).float().numpy(), 0, view.axes.index("batch"))
    return replace(
        view,
        values=np.ascontiguousarray(means),
        axes=tuple("class" if word == "batch" else word for word in view.axes),
        method="class_means",
        signed=view.signed or bool((means < 0).any()),
        unit=None,
        target=None,
        about=(),
        examples=(),
        quality={
            "classes": class_names(order, trace.scope.classes),
            "count": sums.counts(order),
            "of": np.array(of),
        },
    )
