"""Ablation-CAM: maps weighted by what the score loses without each of them.

>>> import torch, layerscope as ls
>>> trace = ls.Scope(ls.nets.study_mnist()).trace(torch.rand(1, 1, 28, 28))
>>> trace.view("ablation_cam", "conv3")["conv3"].values.shape
(1, 7, 7)
"""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from layerscope.tape import Value
from layerscope.views.aims import Aim
from layerscope.views.cams import cam_view, refuse_after, scores, weighted_sum
from layerscope.views.interrupted import each_layer
from layerscope.views.registry import method
from layerscope.views.trace import Trace
from layerscope.views.view import View


@method(
    "ablation_cam",
    paper="Desai and Ramaswamy 2020, WACV, doi:10.1109/WACV45572.2020.9093360",
    needs=("layer", "target"),
    axes=("batch", "space"),
    signed=False,
    axioms=("not negative", "silent unit"),
)
def ablation_cam(
    trace: Trace,
    layers: str | Sequence[str] = "conv",
    *,
    target: Any = "predicted",
    raw: bool = False,
) -> dict[str, View]:
    """Return the rectified sum of maps, each weighted by the share of the score lost without it.

    The weight is `(score - score with that map set to 0) / abs(score)`; the paper divides by the
    score, which it takes to be above 0. Only what lies above the layer is computed again, for
    each map that is not 0 already, in float32. Values `"batch y x"` at the layer's resolution.

    Args:
        trace: the recorded batch.
        layers: layers whose answers have spatial axes.
        target: what is explained; see `Trace.aim`.
        raw: at a convolution, read the map before its norm and rectifier.

    """
    aim = trace.aim(target)
    places = trace.maps(layers, raw=raw)
    refuse_after(aim, places)

    def one(layer: str) -> View:
        value = places[layer]
        weights = _weights(trace, aim, value, f"Ablation-CAM of {layer}")
        cam = weighted_sum(weights, value.tensor.flatten(2)).unflatten(1, value.tensor.shape[2:])
        return cam_view(trace, "ablation_cam", layer, value, cam, aim)

    return each_layer(places, one)


def _weights(trace: Trace, aim: Aim, value: Value, description: str) -> Tensor:
    """Return the share of the score `(B, C)` that each map holds.

    The score itself is computed beside those without a map, as variant 0: in their difference
    only what the map adds is left, and no rounding of another way of computing.
    """
    live = (value.tensor != 0).flatten(2).any(2)  # (B, C)

    def without(maps: Tensor, _row: int, which: Tensor) -> Tensor:
        ablated = maps.expand(len(which), *maps.shape).clone()
        some = which.nonzero()[:, 0]
        ablated[some, which[some] - 1] = 0
        return ablated

    wanted = torch.cat([torch.ones_like(live[:, :1]), live], 1)
    found = scores(trace, aim, value, without, wanted, description)
    whole, ablated = found[:, :1], found[:, 1:]
    lost = torch.where(live, whole - ablated, 0)
    return lost / torch.where(whole == 0, 1, whole.abs())
