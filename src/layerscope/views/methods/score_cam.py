"""Score-CAM: maps weighted by the score of the input that each of them lets through.

>>> import torch, layerscope as ls
>>> trace = ls.Scope(ls.nets.study_mnist()).trace(torch.rand(1, 1, 28, 28))
>>> trace.view("score_cam", "conv3")["conv3"].values.shape
(1, 7, 7)
"""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from layerscope.tape import Value
from layerscope.views.aims import Aim
from layerscope.views.cams import cam_view, lay_over_input, refuse_after, scores, weighted_sum
from layerscope.views.interrupted import each_layer
from layerscope.views.registry import method
from layerscope.views.trace import Trace
from layerscope.views.view import View


@method(
    "score_cam",
    paper="Wang et al. 2020, arXiv:1910.01279",
    needs=("layer", "target"),
    axes=("batch", "space"),
    signed=False,
    axioms=("not negative", "silent unit"),
)
def score_cam(
    trace: Trace,
    layers: str | Sequence[str] = "conv",
    *,
    target: Any = "predicted",
    raw: bool = False,
) -> dict[str, View]:
    """Return the rectified sum of maps, weighted by the softmax of their increase of the score.

    Algorithm 1 of the paper: each map, laid over the input and scaled from 0 to 1, multiplies the
    input (in the model's units), and the score of that input less the score of an input of zeros
    is its increase of confidence. A constant map (also one of a single position) cannot be
    scaled: it has the weight 0. One forward pass for each map, in float32. Values `"batch y x"`.

    Args:
        trace: the recorded batch.
        layers: layers whose answers have spatial axes.
        target: what is explained; see `Trace.aim`.
        raw: at a convolution, read the map before its norm and rectifier.

    Raises:
        Refused: layers behind an operation that moved positions (a flip, a roll, swapped axes).

    """
    aim = trace.aim(target)
    places = trace.maps(layers, raw=raw)
    refuse_after(aim, places)

    def one(layer: str) -> View:
        value = places[layer]
        weights = _weights(trace, aim, layer, value)
        cam = weighted_sum(weights, value.tensor.flatten(2)).unflatten(1, value.tensor.shape[2:])
        return cam_view(trace, "score_cam", layer, value, cam, aim)

    return each_layer(places, one)


def _weights(trace: Trace, aim: Aim, layer: str, value: Value) -> Tensor:
    """Return the softmax `(B, C)` over the maps that vary; the score of zeros cancels in it."""
    maps = value.tensor
    flat = maps.flatten(2)
    varies = flat.amax(2) > flat.amin(2)

    def masked(image: Tensor, row: int, which: Tensor) -> Tensor:
        masks = lay_over_input(trace, layer, value, maps[row, which])
        low = masks.flatten(1).amin(1).view(-1, *[1] * (masks.dim() - 1))
        masks = masks - low
        high = masks.flatten(1).amax(1).view_as(low)
        masks = masks / torch.where(high > 0, high, 1)
        return image * masks[:, None]

    found = scores(trace, aim, trace.tape.input, masked, varies, f"Score-CAM of {layer}")
    return found.masked_fill(~varies, -torch.inf).softmax(1).nan_to_num(0)
