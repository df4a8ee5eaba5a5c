"""The methods, one file each; importing this registers them."""

from layerscope.views.methods import (
    deconvnet,
    feature_maps,
    filters,
    grad_cam,
    guided_backprop,
    input_x_gradient,
    lrp,
    saliency,
)

__all__ = [
    "deconvnet",
    "feature_maps",
    "filters",
    "grad_cam",
    "guided_backprop",
    "input_x_gradient",
    "lrp",
    "saliency",
]
