"""Grad-CAM: where each layer holds evidence for a class."""

from collections.abc import Sequence
from typing import Any

from layerscope.views.registry import method
from layerscope.views.trace import Trace
from layerscope.views.view import View


@method(
    "grad_cam",
    paper="Selvaraju et al. 2017, arXiv:1610.02391",
    needs=("layer", "target"),
    axes=("batch", "space"),
    signed=False,
    axioms=("not negative", "shift equivariance by the layer's stride"),
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
    aim = trace.aim(target)
    places = trace.maps(layers, raw=raw)
    gradients = trace.gradients(aim, list(places.values()))
    views = {}
    for (layer, value), gradient in zip(places.items(), gradients, strict=True):
        maps = value.tensor
        space = tuple(range(2, maps.dim()))
        weights = gradient.mean(space, keepdim=True)  # (B, C, 1, 1)
        cam = (weights * maps).sum(1).clamp(min=0)  # (B, y, x)
        axes = ("batch", *trace.spatial(maps))
        views[layer] = trace.make_view("grad_cam", layer, value, cam, axes, aim)
    return views
