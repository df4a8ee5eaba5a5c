"""CAM: the last maps of a network, weighted as its only linear layer weighs their means.

>>> import torch, layerscope as ls
>>> from torch.nn import AdaptiveAvgPool2d, Conv2d, Flatten, Linear, Sequential
>>> net = Sequential(Conv2d(3, 4, 3), AdaptiveAvgPool2d(1), Flatten(), Linear(4, 2))
>>> ls.Scope(net).trace(torch.rand(1, 3, 9, 9)).view("cam")["0"].values.shape
(1, 7, 7)
"""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from layerscope.errors import Refused
from layerscope.tape import Value, leading_to
from layerscope.tape.operations import LINEAR_KINDS
from layerscope.views.aims import Aim
from layerscope.views.cams import cam_view, read, weighted_sum
from layerscope.views.registry import method
from layerscope.views.trace import Trace
from layerscope.views.view import View


@method(
    "cam",
    paper="Zhou et al. 2016, arXiv:1512.04150",
    needs=("layer", "target"),
    axes=("batch", "space"),
    signed=False,
    axioms=("not negative",),
)
def cam(
    trace: Trace,
    layers: str | Sequence[str] = "conv",
    *,
    target: Any = "predicted",
    raw: bool = False,
    rectify: bool = True,
) -> dict[str, View]:
    """Return the rectified sum of the maps that a mean and one linear layer turn into the score.

    The weights are those of the linear layer; the mean of the unrectified map is the score less
    the bias. Values `"batch y x"` at the layer's resolution, not normalised.

    Args:
        trace: the recorded batch.
        layers: which layers; of "all" or a kind, those that have nothing but such a mean and
            linear operations above them.
        target: what is explained; see `Trace.aim`.
        raw: at a convolution, read the map before its norm and rectifier.
        rectify: False keeps what speaks against the target, below 0.

    Raises:
        Refused: something else follows a layer that was named, or all layers.

    """
    aim = trace.aim(target)
    places = trace.maps(layers, raw=raw)
    reasons = {layer: _not_linear(trace, aim, value) for layer, value in places.items()}
    linear = [layer for layer, reason in reasons.items() if not reason]
    found = trace.gradients(aim, [places[layer] for layer in linear])
    gradients = dict(zip(linear, found, strict=True))
    reasons |= {layer: _not_a_mean(gradient) for layer, gradient in gradients.items()}
    refused = [layer for layer, reason in reasons.items() if reason]
    if refused and (len(refused) == len(places) or not isinstance(layers, str) or layers in places):
        raise Refused(
            f"layer {refused[-1]!r} has no class activation map (CAM): {reasons[refused[-1]]}; it "
            "needs global average pooling and one linear layer there, grad_cam does not"
        )
    views = {}
    for layer in places:
        if not reasons[layer]:
            value = places[layer]
            map_ = read(_reading, value.tensor, gradients[layer])
            views[layer] = cam_view(trace, "cam", layer, value, map_, aim, rectify=rectify)
    return views


def _reading(maps: Tensor, gradient: Tensor) -> Tensor:
    """Weigh by the score's derivative to the mean of each map: the linear layer's weight."""
    return weighted_sum(gradient.sum(2), maps)


def _not_linear(trace: Trace, aim: Aim, value: Value) -> str:
    """Say what stands between a map and the score that is not linear; "" where nothing does."""
    if value.index > aim.at.index:
        return "it comes after what is explained"
    for operation in leading_to(trace.tape, [value], [aim.at]):
        if operation.kind not in _PASSED:
            return f"{operation.label} follows it"
    return ""


def _not_a_mean(gradient: Tensor) -> str:
    """Say so where the positions of a map do not weigh alike; "" where they do."""
    positions = gradient.flatten(2)
    alike = positions.mean(2, keepdim=True).expand_as(positions)
    tolerance = 1e-5 if gradient.dtype in (torch.float32, torch.float64) else 1e-2
    if torch.allclose(positions, alike, rtol=tolerance, atol=0):
        return ""
    return "what follows it does not weigh all its positions alike"


_PASSED = (LINEAR_KINDS - {"resample"}) | {"dropout"}
