"""Grad-CAM++: maps weighted so that several objects of a class count alike.

>>> import torch, layerscope as ls
>>> trace = ls.Scope(ls.nets.study_mnist()).trace(torch.rand(1, 1, 28, 28))
>>> trace.view("grad_cam_plus_plus", "conv3")["conv3"].values.shape
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
    "grad_cam_plus_plus",
    paper="Chattopadhay et al. 2018, arXiv:1710.11063",
    needs=("layer", "target"),
    axes=("batch", "space"),
    signed=False,
    axioms=("not negative", "shift equivariance", "silent unit"),
)
def grad_cam_plus_plus(
    trace: Trace,
    layers: str | Sequence[str] = "conv",
    *,
    target: Any = "predicted",
    raw: bool = False,
) -> dict[str, View]:
    """Return the rectified sum of a layer's maps, weighted by `sum(alpha * relu(gradient))`.

    Equation 19 of the paper, for the exponential of the score. The factor exp(score), one number
    for an example, is left out of the weights: it only scales the map, and can overflow. Values
    `"batch y x"` at the layer's resolution, not normalised.

    Args:
        trace: the recorded batch.
        layers: layers whose answers have spatial axes.
        target: what is explained; see `Trace.aim`.
        raw: at a convolution, read the map before its norm and rectifier.

    """
    return gradient_cams(trace, "grad_cam_plus_plus", layers, target, raw, _reading)


def _reading(maps: Tensor, gradient: Tensor) -> Tensor:
    """Weigh by the paper's alpha, `g^2 / (2 g^2 + sum(A) g^3)`, which is `1 / (2 + sum(A) g)`."""
    positive = gradient.clamp(min=0)
    total = maps.sum(2, keepdim=True)  # (B, C, 1)
    terms = (positive * total).add_(2).reciprocal_().mul_(positive)  # alpha * relu(gradient)
    return weighted_sum(terms.nan_to_num_(0, 0, 0).sum(2), maps)
