"""Relevance through everything between the layers: sums, pools, activations, gates, norms.

Each operation shares what arrives at its answer among what it read, in proportion to the
contributions where these are known (sums, averages, norms), and passes it on where there is but
one way (activations, shapes, winners of a max pool).
"""

import inspect
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from layerscope.errors import Refused
from layerscope.tape import Operation, Value
from layerscope.tape.operations import base_name, leaves_of
from layerscope.views.propagate import Incoming
from layerscope.views.rules.affine import folded_norm, scale_and_shift
from layerscope.views.rules.arrived import only, unbroadcast
from layerscope.views.rules.gradient import gradient
from layerscope.views.rules.lrp import Shared, Strengths, by_example, divided

#: How an operation that is no layer shares relevance.
Sharing = Callable[[Operation, Incoming, Strengths], Shared]

#: Of one input, and growing with it: what arrives passes unchanged.
MONOTONE = frozenset(
    {"leaky_relu", "rrelu", "prelu", "elu", "celu", "selu", "tanh", "softsign", "softplus"}
    | {"sigmoid", "hardsigmoid", "hardtanh", "logsigmoid", "clamp", "clip", "clamp_min"}
    | {"clamp_max", "threshold", "hardshrink", "softshrink", "tanhshrink"}
)
#: A signal times a gate of its own: the signal takes all.
GATED = frozenset({"silu", "gelu", "mish", "hardswish", "glu"})
_GATES = frozenset({"sigmoid", "hardsigmoid", "softmax", "tanh"})
PRODUCTS = frozenset({"mul", "rmul", "imul", "multiply"})
MATRIX_PRODUCTS = frozenset({"matmul", "mm", "bmm", "einsum"})


def passed(operation: Operation, incoming: Incoming, strengths: Strengths) -> Shared:
    """Pass everything to the one input, where it was broadcast as a sum."""
    arrived = only(incoming)
    return _lossless([unbroadcast(arrived, operation.inputs[0])], arrived)


def moved(operation: Operation, incoming: Incoming, strengths: Strengths) -> Shared:
    """Follow what was only moved: shapes, pieces, a pool's winners; padding is a constant."""
    arrived = next(x for x in incoming if x is not None)
    down = gradient(operation)(operation, incoming)
    if base_name(operation.function) != "pad":
        return _lossless(down, arrived)
    kept = by_example(arrived) - sum(by_example(x) for x in down if x is not None)
    return Shared(down, kept, torch.zeros_like(kept))


def kept_by_constants(operation: Operation, incoming: Incoming, strengths: Strengths) -> Shared:
    """Pass nothing below a detached tensor, which is a constant: counted with the biases."""
    arrived = only(incoming)
    taken = by_example(arrived)
    return Shared([None] * len(operation.inputs), taken, torch.zeros_like(taken))


def summed(operation: Operation, incoming: Incoming, strengths: Strengths) -> Shared:
    """Share a sum or difference by what each summand contributed; constants keep their share."""
    quotient, taken = divided(only(incoming), operation.outputs[0].tensor, strengths.epsilon)
    down: dict[Value, Tensor] = {}
    constants = torch.zeros_like(taken)
    for operand, factor in _summands(operation):
        if isinstance(operand, Value):
            shares = unbroadcast(quotient * (factor * operand.tensor), operand)
            down[operand] = down[operand] + shares if operand in down else shares
        else:
            constants = constants + by_example(quotient * (factor * operand))
    return Shared([down[value] for value in operation.inputs], constants, taken)


def averaged(operation: Operation, incoming: Incoming, strengths: Strengths) -> Shared:
    """Share an operation that is linear in its input, without constants, by contribution."""
    quotient, taken = divided(only(incoming), operation.outputs[0].tensor, strengths.epsilon)
    (down,) = gradient(operation)(operation, [quotient])
    assert down is not None
    return Shared([down * operation.inputs[0].tensor], torch.zeros_like(taken), taken)


def averaged_flat(operation: Operation, incoming: Incoming, strengths: Strengths) -> Shared:
    """Share the same by weight alone: below the first layer, where relevance follows no value."""
    ones = operation.call([torch.ones_like(operation.inputs[0].tensor)])
    quotient, taken = divided(only(incoming), ones, strengths.epsilon)
    return Shared(gradient(operation)(operation, [quotient]), torch.zeros_like(taken), taken)


def normalised_by_batch(operation: Operation, incoming: Incoming, strengths: Strengths) -> Shared:
    """Share a batch norm that follows no layer: a scale and a bias for each channel."""
    scale, shift = scale_and_shift(operation)
    seen = operation.inputs[0].tensor
    shape = (-1, *[1] * (seen.dim() - 2))
    quotient, taken = divided(only(incoming), operation.outputs[0].tensor, strengths.epsilon)
    down = quotient * (seen * scale.view(shape))
    return Shared([down], by_example(quotient * shift.view(shape)), taken)


def normalised(operation: Operation, incoming: Incoming, strengths: Strengths) -> Shared:
    """Share a group, layer or instance norm by contribution, its deviations taken as constants.

    Centring is linear and shares by contribution as well (Ali et al. 2022, arXiv:2202.07304).
    """
    seen, answer = operation.inputs[0].tensor, operation.outputs[0].tensor
    members, weight, bias, smallest = norm_parts(operation)
    quotient, taken = divided(only(incoming), answer, strengths.epsilon)
    deviation = members.var(-1, correction=0, keepdim=True).add(smallest).sqrt()
    scaled = (quotient * weight).reshape(len(quotient), *members.shape) / deviation
    centred = scaled - scaled.mean(-1, keepdim=True)
    down = centred.reshape(len(quotient), *seen.shape) * seen
    return Shared([down], by_example(quotient * bias), taken)


def gated(operation: Operation, incoming: Incoming, strengths: Strengths) -> Shared:
    """Give a product's relevance to the signal and none to its gate (Arras et al. 2017).

    A gate is what comes from a sigmoid, softmax or the like. Where neither factor is one, or both
    are, each takes half (Achtibat et al. 2024, arXiv:2402.05602).
    """
    arrived = only(incoming)
    gates = [_is_gate(value) for value in operation.inputs]
    if sum(gates) != 1:
        halves = [unbroadcast(arrived / 2, value) for value in operation.inputs]
        return _lossless(halves, arrived)
    pairs = zip(operation.inputs, gates, strict=True)
    shares = [None if is_gate else unbroadcast(arrived, value) for value, is_gate in pairs]
    return _lossless(shares, arrived)


def gated_half(operation: Operation, incoming: Incoming, strengths: Strengths) -> Shared:
    """Give the relevance of a gated linear unit to the half that is its signal."""
    arrived = only(incoming)
    dim = operation.args[1] if len(operation.args) > 1 else operation.kwargs.get("dim", -1)
    axis = dim if dim < 0 else dim - operation.inputs[0].tensor.dim()
    return _lossless([torch.cat([arrived, torch.zeros_like(arrived)], axis)], arrived)


def sharing_of(operation: Operation, *, is_bare: bool, gates_pass: bool) -> Sharing:
    """Choose how an operation that is no layer shares relevance.

    Args:
        operation: the operation.
        is_bare: whether no layer lies between it and the input. What stands there only changes the
            input's units: shifts, scales and norms pass relevance unchanged.
        gates_pass: whether the rules at the layers allow activations that are gates.

    Raises:
        Refused: there is no rule for it; the message names it.

    """
    kind, name = operation.kind, base_name(operation.function)
    if kind in _BY_KIND:
        return _BY_KIND[kind]
    if kind in _BARE and is_bare and len(operation.inputs) == 1:
        return _BARE[kind]
    if kind == "batch_norm":
        before = operation.inputs[0].producer
        if before is not None and before.kind in ("conv", "linear"):
            return passed if folded_norm(before) is operation else normalised_by_batch
        return normalised_by_batch
    if kind == "add":
        return summed
    if kind in ("avg_pool", "resample"):
        return averaged
    if kind == "norm":
        return passed if name in WITHOUT_CENTRE else normalised
    if name in MONOTONE and len(operation.inputs) == 1:
        return passed
    if name in GATED or (name in PRODUCTS and len(operation.inputs) == 2):
        return _gate(operation, name, gates_pass)
    if name in MATRIX_PRODUCTS and is_read_once(operation):
        return averaged
    gradient(operation)  # which knows what has no way back at all
    raise Refused(
        f"{operation.label} has no rule of relevance; use gradients, paths or class activation "
        "maps on this network"
    )


def _gate(operation: Operation, name: str, gates_pass: bool) -> Sharing:
    if not gates_pass:
        raise Refused(
            f"{operation.label}: z+ and gamma share what rectifiers let through, and have no "
            'reading of a gate; use composite="epsilon" on this network'
        )
    if name == "glu":
        return gated_half
    return passed if len(operation.inputs) == 1 else gated


def _lossless(down: Sequence[Tensor | None], arrived: Tensor) -> Shared:
    nothing = arrived.new_zeros(arrived.shape[:2])
    return Shared(down, nothing, nothing)


def _summands(operation: Operation) -> list[tuple[Any, float]]:
    """List what a sum adds, each with its factor."""
    if len(operation.args) != 2 or set(operation.kwargs) - {"alpha"}:
        raise Refused(f"{operation.label} is called in a way that relevance has no reading of")
    minus = base_name(operation.function) in ("sub", "isub", "subtract")
    factor = operation.kwargs.get("alpha", 1) * (-1 if minus else 1)
    return [(operation.args[0], 1), (operation.args[1], factor)]


def _is_gate(value: Value) -> bool:
    """Tell whether a factor comes from a function that opens and closes, its scale aside."""
    operation = value.producer
    while operation is not None and operation.kind in ("shape", "dropout", "scale"):
        operation = operation.inputs[0].producer
    if operation is None:
        return False
    clipped = operation.kind == "relu" and operation.parameters["upper"] < float("inf")
    return clipped or base_name(operation.function) in _GATES


def is_read_once(operation: Operation) -> bool:
    """Tell whether one recorded tensor is read, in one place: a product linear in it."""
    leaves = leaves_of((operation.args, operation.kwargs))
    return sum(isinstance(leaf, Value) for leaf in leaves) == 1


def norm_parts(operation: Operation) -> tuple[Tensor, Tensor | float, Tensor | float, float]:
    """Return what a norm reads, `(B, groups, members)`, its weight, bias and epsilon.

    Weight and bias are shaped so that they multiply what the norm answers.
    """
    name, seen = base_name(operation.function), operation.inputs[0].tensor
    try:
        call = inspect.signature(operation.function).bind(*operation.args, **operation.kwargs)
    except (TypeError, ValueError):
        raise Refused(f"{operation.label}: use torch.nn.functional.{name} instead") from None
    call.apply_defaults()
    known = call.arguments
    if known.get("use_input_stats") is False:
        raise Refused(f"{operation.label} with running statistics has no rule of relevance")
    weight, bias = known["weight"], known["bias"]
    if name == "layer_norm":
        groups = seen.shape[1 : seen.dim() - len(known["normalized_shape"])].numel()
        shape: tuple[int, ...] = tuple(known["normalized_shape"])
    else:
        groups = known["num_groups"] if name == "group_norm" else seen.shape[1]
        shape = (-1, *[1] * (seen.dim() - 2))
    members = seen.reshape(len(seen), groups, -1)
    weight, bias = (x.view(shape) if isinstance(x, Tensor) else x for x in (weight, bias))
    return members, 1.0 if weight is None else weight, 0.0 if bias is None else bias, known["eps"]


_BY_KIND: dict[str, Sharing] = {
    "relu": passed,
    "dropout": passed,
    "scale": passed,
    "max_pool": moved,
    "shape": moved,
    "cat": moved,
    "detach": kept_by_constants,
}
_BARE: dict[str, Sharing] = {
    "add": passed,
    "batch_norm": passed,
    "norm": passed,
    "avg_pool": averaged_flat,
    "resample": averaged_flat,
}
#: Norms that only divide: their answer is the input times what is taken as a constant.
WITHOUT_CENTRE = frozenset({"local_response_norm", "rms_norm"})
