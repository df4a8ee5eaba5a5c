"""XGrad-CAM: maps weighted by their gradient where they are active.

>>> import torch, layerscope as ls
>>> trace = ls.Scope(ls.nets.study_mnist()).trace(torch.rand(1, 1, 28, 28))
>>> trace.view("xgrad_cam", "conv3")["conv3"].values.shape
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
    "xgrad_cam",
    paper="Fu et al. 2020, arXiv:2008.02312",
    needs=("layer", "target"),
    axes=("batch", "space"),
    signed=False,
    axioms=("not negative", "shift equivariance", "silent unit"),
)
def xgrad_cam(
    trace: Trace,
    layers: str | Sequence[str] = "conv",
    *,
    target: Any = "predicted",
    raw: bool = False,
) -> dict[str, View]:
    """Return the rectified sum of maps, weighted by `sum(map * gradient) / sum(map)`.

    A map that sums to 0 has the weight 0. Values `"batch y x"` at the layer's resolution, not
    normalised.

    Args:
        trace: the recorded batch.
        layers: layers whose answers have spatial axes.
        target: what is explained; see `Trace.aim`.
        raw: at a convolution, read the map before its norm and rectifier.

    """
    return gradient_cams(trace, "xgrad_cam", layers, target, raw, _reading)


def _reading(maps: Tensor, gradient: Tensor) -> Tensor:
    total = maps.sum(2)
    weights = (maps * gradient).sum(2) / total
    return weighted_sum(weights.masked_fill(total == 0, 0), maps)
