"""LayerCAM: every position weighted by its own positive gradient.

>>> import torch, layerscope as ls
>>> trace = ls.Scope(ls.nets.study_mnist()).trace(torch.rand(1, 1, 28, 28))
>>> trace.view("layer_cam", "conv3")["conv3"].values.shape
(1, 7, 7)
"""

from collections.abc import Sequence
from typing import Any

from torch import Tensor

from layerscope.views.cams import gradient_cams, product_sum
from layerscope.views.registry import method
from layerscope.views.trace import Trace
from layerscope.views.view import View


@method(
    "layer_cam",
    paper="Jiang et al. 2021, IEEE TIP 30, doi:10.1109/TIP.2021.3089943",
    needs=("layer", "target"),
    axes=("batch", "space"),
    signed=False,
    axioms=("not negative", "shift equivariance", "silent unit", "sensitivity"),
)
def layer_cam(
    trace: Trace,
    layers: str | Sequence[str] = "conv",
    *,
    target: Any = "predicted",
    raw: bool = False,
) -> dict[str, View]:
    """Return the rectified sum over channels of `relu(gradient) * activation`.

    Values `"batch y x"` at the layer's resolution; the paper's tanh, which makes shallow layers
    comparable before they are fused, is not applied, as nothing is normalised.

    Args:
        trace: the recorded batch.
        layers: layers whose answers have spatial axes.
        target: what is explained; see `Trace.aim`.
        raw: at a convolution, read the map before its norm and rectifier.

    """
    return gradient_cams(trace, "layer_cam", layers, target, raw, _reading)


def _reading(maps: Tensor, gradient: Tensor) -> Tensor:
    return product_sum(gradient.clamp(min=0), maps)
