"""Rules that read the way down by what rectifiers do to it: deconvnet, guided backprop."""

from collections.abc import Sequence

from torch import Tensor

from layerscope.errors import Refused
from layerscope.tape import Operation
from layerscope.tape.operations import LINEAR_KINDS
from layerscope.views.propagate import Incoming, Rule
from layerscope.views.rules.arrived import only
from layerscope.views.rules.gradient import gradient, relu_gradient


def deconvnet(operation: Operation) -> Rule:
    """Choose the deconvolution network's way down (Zeiler and Fergus 2014, arXiv:1311.2901).

    Rectifiers rectify what comes down, pools unpool through their switches, linear operations
    are transposed without their constant part. Anything else has no such reading.
    """
    if operation.kind == "relu":
        return rectify
    if operation.kind in LINEAR_KINDS or operation.kind == "max_pool":
        return gradient(operation)
    raise Refused(
        f"deconvnet has no reading of {operation.label}: it passes rectifiers, max pools and "
        "linear operations; use a gradient or a class activation map on this network"
    )


def guided_backprop(operation: Operation) -> Rule:
    """Choose guided backpropagation's way down (Springenberg et al. 2014, arXiv:1412.6806).

    It is deconvnet's, but rectifiers pass only what their forward pass let through as well.
    """
    if operation.kind == "relu":
        return rectify_where_open
    if operation.kind in LINEAR_KINDS or operation.kind == "max_pool":
        return gradient(operation)
    raise Refused(
        f"guided backpropagation has no reading of {operation.label}: it passes rectifiers, max "
        "pools and linear operations; use a gradient or a class activation map on this network"
    )


def rectify_where_open(operation: Operation, incoming: Incoming) -> Sequence[Tensor | None]:
    """Pass the positive part of what comes down, where the rectifier was open."""
    return [only(relu_gradient(operation, incoming)).clamp_(min=0)]  # a new tensor, so in place


def rectify(operation: Operation, incoming: Incoming) -> Sequence[Tensor | None]:
    """Pass the positive part of what comes down, wherever the forward pass was."""
    return [only(incoming).clamp(min=0)]
