"""Grad-CAM: where each layer holds evidence for a class.

>>> import torch, layerscope as ls
>>> trace = ls.Scope(ls.nets.study_mnist()).trace(torch.rand(1, 1, 28, 28))
>>> trace.view("grad_cam", "conv3", target=3)["conv3"].values.shape
(1, 7, 7)
"""

from collections.abc import Sequence
from typing import Any

from torch import Tensor

from layerscope.views.cams import gradient_cams, weighted_sum
from layerscope.views.registry import method
from layerscope.views.trace import Trace
from layerscope.views.view import View


@method(
    "grad_cam",
    paper="Selvaraju et al. 2017, arXiv:1610.02391",
    needs=("layer", "target"),
    axes=("batch", "space"),
    signed=False,
    axioms=("not negative", "shift equivariance", "silent unit"),
)
def grad_cam(
    trace: Trace,
    layers: str | Sequence[str] = "conv",
    *,
    target: Any = "predicted",
    raw: bool = False,
) -> dict[str, View]:
    """Return the rectified sum of a layer's maps, each weighted by its mean gradient.

    All layers come from one backward pass. Values `"batch y x"` at the layer's resolution,
    rectified and not normalised.

    Args:
        trace: the recorded batch.
        layers: layers whose answers have spatial axes.
        target: what is explained; see `Trace.aim`.
        raw: at a convolution, read the map before its norm and rectifier.

    """
    return gradient_cams(trace, "grad_cam", layers, target, raw, weighted_by_mean_gradient)


def weighted_by_mean_gradient(maps: Tensor, gradient: Tensor) -> Tensor:
    """Sum the maps, each times the mean of its gradient: `(B, P)`."""
    return weighted_sum(gradient.mean(2), maps)
