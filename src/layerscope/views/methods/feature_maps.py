"""Feature maps: what each layer answers.

>>> import torch, layerscope as ls
>>> trace = ls.Scope(ls.nets.study_mnist()).trace(torch.rand(1, 1, 28, 28))
>>> trace.view("feature_maps", "conv2")["conv2"].values.shape
(1, 32, 14, 14)
"""

from collections.abc import Sequence

from layerscope.views.registry import method
from layerscope.views.trace import Trace
from layerscope.views.view import View


@method(
    "feature_maps",
    paper="Zeiler and Fergus 2014, arXiv:1311.2901, section 2",
    needs=("layer",),
    axes=("batch", "channel", "space"),
    signed=True,
    axioms=("shift equivariance",),
)
def feature_maps(
    trace: Trace, layers: str | Sequence[str] = "conv", *, raw: bool = False
) -> dict[str, View]:
    """Return the activations of each layer: `"batch channel y x"`, at its own resolution.

    Args:
        trace: the recorded batch.
        layers: which layers.
        raw: at a convolution, before the norm and rectifier that directly follow it.

    """
    views = {}
    for layer in trace.layer_names(layers):
        value = trace.value(layer, raw=raw)
        axes = ("batch", "channel", *trace.spatial(value.tensor))
        views[layer] = trace.make_view(
            *("feature_maps", layer, value, value.tensor.clone(), axes),
            signed=bool((value.tensor < 0).any()),
        )
    return views
