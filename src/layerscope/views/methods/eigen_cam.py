"""Eigen-CAM: the strongest common pattern of a layer's maps, whatever the class.

>>> import torch, layerscope as ls
>>> trace = ls.Scope(ls.nets.study_mnist()).trace(torch.rand(1, 1, 28, 28))
>>> trace.view("eigen_cam", "conv3")["conv3"].values.shape
(1, 7, 7)
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from layerscope.views.cams import cam_view, read
from layerscope.views.registry import method
from layerscope.views.trace import Trace
from layerscope.views.view import View


@method(
    "eigen_cam",
    paper="Muhammad and Yeasin 2020, arXiv:2008.00299",
    needs=("layer",),
    axes=("batch", "space"),
    signed=False,
    axioms=("not negative", "silent unit", "homogeneous"),
)
def eigen_cam(
    trace: Trace, layers: str | Sequence[str] = "conv", *, raw: bool = False
) -> dict[str, View]:
    """Return the layer's maps projected on their first principal direction, rectified.

    The direction is the first right singular vector of the maps as `(positions, channels)`, not
    centred, as in the paper. A singular vector has no sign of its own: taken is the one with
    which the projection's sum is not negative, so that of rectified maps nothing is lost. Values
    `"batch y x"` at the layer's resolution, not normalised.

    Args:
        trace: the recorded batch.
        layers: layers whose answers have spatial axes.
        raw: at a convolution, read the map before its norm and rectifier.

    """
    views = {}
    for layer, value in trace.maps(layers, raw=raw).items():
        cam = read(_reading, value.tensor, value.tensor)
        views[layer] = cam_view(trace, "eigen_cam", layer, value, cam, None)
    return views


def _reading(maps: Tensor, _same: Tensor) -> Tensor:
    """Project `(B, C, P)` on its first singular vector, through the smaller of its two grams."""
    exact = maps.float() if maps.dtype in (torch.bfloat16, torch.float16) else maps
    size = exact.abs().amax((1, 2), keepdim=True)  # its square, in a gram, may be no number
    exact = exact / torch.where(size == 0, 1, size)
    narrow = exact.shape[1] <= exact.shape[2]
    gram = exact @ exact.mT if narrow else exact.mT @ exact
    largest, vectors = torch.linalg.eigh(gram)
    first = vectors[..., -1:]
    if narrow:
        projection = (first.mT @ exact)[:, 0]  # (B, P)
    else:
        projection = first[..., 0] * largest[:, -1:].clamp(min=0).sqrt()
    negative = projection.sum(1, keepdim=True) < 0
    return (torch.where(negative, -projection, projection) * size[:, 0]).to(maps.dtype)
