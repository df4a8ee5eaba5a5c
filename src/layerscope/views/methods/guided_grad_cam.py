"""Guided Grad-CAM: guided backpropagation where Grad-CAM sees evidence.

>>> import torch, layerscope as ls
>>> trace = ls.Scope(ls.nets.study_mnist()).trace(torch.rand(1, 1, 28, 28))
>>> trace.view("guided_grad_cam", "conv3")["conv3"].values.shape
(1, 1, 28, 28)
"""

from collections.abc import Sequence
from typing import Any

from layerscope.views.cams import lay_over_input, read
from layerscope.views.methods.grad_cam import weighted_by_mean_gradient
from layerscope.views.registry import method
from layerscope.views.trace import Trace
from layerscope.views.view import View


@method(
    "guided_grad_cam",
    paper="Selvaraju et al. 2017, arXiv:1610.02391, section 3.2",
    needs=("layer", "target"),
    axes=("batch", "channel", "space"),
    signed=True,
    axioms=("silent unit",),
)
def guided_grad_cam(
    trace: Trace,
    layers: str | Sequence[str] = "conv",
    *,
    target: Any = "predicted",
    raw: bool = False,
) -> dict[str, View]:
    """Return guided backpropagation to the input times each layer's Grad-CAM, laid over it.

    Grad-CAM is resized linearly between the points at which the layer's positions look, as
    `View.over_input` does. All layers share one guided pass. Values `"batch channel y x"` in the
    input's size, signed.

    Args:
        trace: the recorded batch.
        layers: layers whose answers have spatial axes.
        target: what is explained; see `Trace.aim`.
        raw: at a convolution, read the map before its norm and rectifier.

    Raises:
        Refused: operations that guided backpropagation does not pass, by name; layers behind an
            operation that moved positions (a flip, a roll, swapped axes).

    """
    aim = trace.aim(target)
    places = trace.maps(layers, raw=raw)
    gradients = trace.gradients(aim, list(places.values()))
    image = trace.tape.input
    (guided,) = trace.gradients(aim, [image], "guided_backprop")
    axes = ("batch", "channel", *trace.spatial(image.tensor))
    views = {}
    for (layer, value), gradient in zip(places.items(), gradients, strict=True):
        cam = read(weighted_by_mean_gradient, value.tensor, gradient).clamp(min=0)
        laid = lay_over_input(trace, layer, value, cam)[:, None]
        views[layer] = trace.make_view(
            "guided_grad_cam", layer, image, guided * laid, axes, aim, signed=True
        )
    return views
