"""HiResCAM: what each position of a layer adds to the score.

>>> import torch, layerscope as ls
>>> trace = ls.Scope(ls.nets.study_mnist()).trace(torch.rand(1, 1, 28, 28))
>>> trace.view("hires_cam", "conv3")["conv3"].values.shape
(1, 7, 7)
"""

from collections.abc import Sequence
from typing import Any

from layerscope.views.cams import gradient_cams, product_sum
from layerscope.views.registry import method
from layerscope.views.trace import Trace
from layerscope.views.view import View


@method(
    "hires_cam",
    paper="Draelos and Carin 2020, arXiv:2011.08891",
    needs=("layer", "target"),
    axes=("batch", "space"),
    signed=False,
    axioms=("not negative", "shift equivariance", "silent unit", "sensitivity"),
)
def hires_cam(
    trace: Trace,
    layers: str | Sequence[str] = "conv",
    *,
    target: Any = "predicted",
    raw: bool = False,
    rectify: bool = True,
) -> dict[str, View]:
    """Return the sum over a layer's channels of activation times gradient, rectified.

    Where only linear operations follow the layer, the unrectified map sums to the score less what
    their biases add. Values `"batch y x"` at the layer's resolution, not normalised.

    Args:
        trace: the recorded batch.
        layers: layers whose answers have spatial axes.
        target: what is explained; see `Trace.aim`.
        raw: at a convolution, read the map before its norm and rectifier.
        rectify: False keeps what speaks against the target, below 0.

    """
    return gradient_cams(trace, "hires_cam", layers, target, raw, product_sum, rectify=rectify)
