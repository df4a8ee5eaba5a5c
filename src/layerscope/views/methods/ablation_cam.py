"""Ablation-CAM: maps weighted by what the score loses without each of them."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from layerscope.tape import Value
from layerscope.views.aims import Aim
from layerscope.views.cams import cam_view, refuse_after, scores, weighted_sum
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
    views = {}
    for layer, value in places.items():
        weights = _weights(trace, aim, value, f"Ablation-CAM of {layer}")
        cam = weighted_sum(weights, value.tensor.flatten(2)).unflatten(1, value.tensor.shape[2:])
        views[layer] = cam_view(trace, "ablation_cam", layer, value, cam, aim)
    return views


def _weights(trace: Trace, aim: Aim, value: Value, description: str) -> Tensor:
    """Return the share of the score `(B, C)` that each map holds."""
    maps = value.tensor
    rows, channels = (maps != 0).flatten(2).any(2).nonzero(as_tuple=True)

    def without(some: slice) -> Tensor:
        ablated = maps[rows[some]]
        ablated[torch.arange(len(ablated), device=maps.device), channels[some]] = 0
        return ablated

    whole = aim.score(aim.at.tensor)  # (B,)
    lost = maps.new_zeros(maps.shape[:2])
    lost[rows, channels] = whole[rows] - scores(trace, aim, value, without, rows, description)
    return lost / torch.where(whole == 0, 1, whole.abs())[:, None]
