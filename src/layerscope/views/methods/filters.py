"""Filters of the first convolution: what the network looks for in its input itself.

>>> import torch, layerscope as ls
>>> trace = ls.Scope(ls.nets.study_mnist()).trace(torch.rand(1, 1, 28, 28))
>>> trace.view("filters", "conv1")["conv1"].axes
('unit', 'channel', 'y', 'x')
"""

from collections.abc import Sequence

from torch import Tensor

from layerscope.errors import Refused
from layerscope.views.registry import method
from layerscope.views.trace import Trace
from layerscope.views.view import View


@method(
    "filters",
    paper="Krizhevsky et al. 2012, figure 3",
    needs=("layer",),
    axes=("unit", "channel", "space"),
    signed=True,
    axioms=("none claimed",),
)
def filters(trace: Trace, layers: str | Sequence[str] | None = None) -> dict[str, View]:
    """Return the weights of a convolution that reads the input: `"unit channel y x"`.

    Args:
        trace: the recorded batch; only the network matters.
        layers: convolutions that read the input itself; the first one where none is named.

    Raises:
        Refused: a deeper convolution, whose filters are not in the input's units: its
            projections (zeiler_fergus, deconvnet) are.

    """
    views = {}
    for name in readers_among(trace, layers):
        weight: Tensor = trace.module(name).weight  # type: ignore[assignment]
        axes = ("unit", "channel", *trace.spatial(weight))
        value = trace.value(name, raw=True)
        views[name] = trace.make_view("filters", name, value, weight.clone(), axes, signed=True)
    return views


def readers_among(trace: Trace, layers: str | Sequence[str] | None) -> list[str]:
    """Return the convolutions that are named, or the first, if they read the input itself."""
    readers = [name for name in trace.layer_names("conv") if _reads_input(trace, name)]
    if not readers:
        raise Refused("no convolution reads the input of this network")
    names = readers[:1] if layers is None else trace.layer_names(layers)
    for name in names:
        if name not in readers:
            raise Refused(
                f"the filters of layer {name!r} do not stand in the input's units; those of "
                f"{', '.join(readers)} do; see deeper filters through their projections: "
                "zeiler_fergus over a data set, deconvnet of single examples"
            )
    return names


def _reads_input(trace: Trace, name: str) -> bool:
    """Tell whether nothing but changes of shape lies between the input and a convolution."""
    operation = trace.tape.layers[name][0].producer
    while operation is not None and operation.kind in ("conv", "shape"):
        if operation.inputs[0] is trace.tape.input:
            return True
        operation = operation.inputs[0].producer
        if operation is not None and operation.kind == "conv":
            return False
    return False
