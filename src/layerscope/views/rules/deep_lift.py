"""DeepLIFT's multipliers: how much an answer differs from its reference, for what it read.

The rescale rule of Shrikumar et al. 2017 (arXiv:1704.02685), with max pools after Lundberg and
Lee's DeepSHAP. Every rule is exact: multipliers times differences sum to the difference.
"""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from layerscope.errors import Refused
from layerscope.tape import Operation, Value
from layerscope.tape.operations import LINEAR_KINDS, base_name
from layerscope.views.propagate import Composite, Incoming, Rule
from layerscope.views.rules.affine import scale_and_shift
from layerscope.views.rules.arrived import is_plain, only, unbroadcast
from layerscope.views.rules.gradient import gradient, unpool
from layerscope.views.rules.relevance import (
    GATED,
    MATRIX_PRODUCTS,
    MONOTONE,
    PRODUCTS,
    WITHOUT_CENTRE,
    is_read_once,
    norm_parts,
)

_OF_ONE_NUMBER = (MONOTONE | GATED) - {"glu"} | {
    *("abs", "exp", "log", "log1p", "sqrt", "rsqrt", "square", "pow", "reciprocal"),
}
#: Differences of what is read below this stand for none: the gradient takes their place.
_NONE = 1e-10
#: Values of the reference that differ by less, as a share, are equally large.
_TIE = 1e-5


def deep_lift(like: Callable[[Value], Value]) -> Composite:
    """Make the composite of the rescale rule; `like` gives a value's counterpart on the reference.

    Linear operations keep their gradient, functions of one number the slope from the reference,
    products of two recorded tensors the mean of both orders; a norm is a product of what is
    centred and of a function of its variance.
    """

    def choose(operation: Operation) -> Rule:
        kind, name = operation.kind, base_name(operation.function)
        if kind == "max_pool":
            return _of(_max_pool, like)
        if kind == "relu" or (name in _OF_ONE_NUMBER and len(operation.inputs) == 1):
            return _of(_slope, like)
        if name in PRODUCTS and not is_read_once(operation):
            return _of(_product, like)
        if kind == "norm" and name not in WITHOUT_CENTRE:
            return _of(_norm, like)
        if _is_linear(operation):
            return gradient(operation)
        gradient(operation)  # which knows what has no way back at all
        raise Refused(
            f"{operation.label} has no rule of DeepLIFT: it passes linear operations, functions "
            "of one number, products, norms and max pools; use integrated gradients"
        )

    return choose


def _is_linear(operation: Operation) -> bool:
    kind = operation.kind
    if kind in ("conv", "linear"):
        return is_plain(operation)
    if kind == "batch_norm":
        scale_and_shift(operation)  # which refuses statistics of the batch
    if base_name(operation.function) in MATRIX_PRODUCTS:
        return is_read_once(operation)
    return kind in LINEAR_KINDS or kind in ("dropout", "detach")


_Like = Callable[[Value], Value]


def _of(rule: Callable[[Operation, Tensor, _Like], Sequence[Tensor | None]], like: _Like) -> Rule:
    def apply(operation: Operation, incoming: Incoming) -> Sequence[Tensor | None]:
        return rule(operation, only(incoming), like)

    return apply


def _slope(operation: Operation, arrived: Tensor, like: _Like) -> Sequence[Tensor | None]:
    """Multiply by the slope between the reference and the input, as the rescale rule says."""
    read, answer = operation.inputs[0], operation.outputs[0]
    change = read.tensor - like(read).tensor
    slope = (answer.tensor - like(answer).tensor).div_(change)
    still = change.abs_() < _NONE
    return [_or_gradient(operation, arrived, arrived * slope, still)]


def _or_gradient(operation: Operation, arrived: Tensor, down: Tensor, still: Tensor) -> Tensor:
    """Put the gradient where the reference does not differ, into what was found elsewhere."""
    if not still.any():
        return down
    (by_gradient,) = gradient(operation)(operation, [arrived])
    assert by_gradient is not None
    return torch.where(still, by_gradient, down, out=down)


def _max_pool(operation: Operation, arrived: Tensor, like: _Like) -> Sequence[Tensor | None]:
    """Share the change of a maximum between where it is now and where it was on the reference.

    A reference that is the same all over has no one place of its maximum; where it is now counts.
    """
    read, answer = operation.inputs[0], operation.outputs[0]
    reference = like(answer)
    assert reference.producer is not None
    change = read.tensor - like(read).tensor
    larger = torch.maximum(answer.tensor, reference.tensor)
    now, before = operation.saved["switches"], reference.producer.saved["switches"]
    before = torch.where(_is_tied(like(read).tensor, reference.tensor, now), now, before)
    down = unpool(operation, arrived * (larger - reference.tensor), now)  # where it rose
    down += unpool(operation, arrived * (answer.tensor - larger), before)  # where it fell
    still = change.abs() < _NONE
    down /= change.masked_fill_(still, 1)
    if still.any():
        torch.where(still, unpool(operation, arrived, now), down, out=down)
    return [down]


def _is_tied(read: Tensor, largest: Tensor, places: Tensor) -> Tensor:
    """Tell where a pool's reference is as large at given places as anywhere, but for rounding."""
    axes = places.dim() - 2
    flat = read.expand(len(places), *read.shape[1:]).flatten(-axes)
    found = flat.gather(-1, places.flatten(-axes)).view(places.shape)
    return found >= largest - _TIE * largest.abs()


def _product(operation: Operation, arrived: Tensor, like: _Like) -> Sequence[Tensor | None]:
    """Give each factor the mean of the other over input and reference: exact, in either order."""
    one, other = operation.args[:2]
    down: dict[Value, Tensor] = {}
    for factor, beside in ((one, other), (other, one)):
        mean = (beside.tensor + like(beside).tensor) / 2
        share = unbroadcast(arrived * mean, factor)
        down[factor] = down[factor] + share if factor in down else share
    return [down[value] for value in operation.inputs]


def _norm(operation: Operation, arrived: Tensor, like: _Like) -> Sequence[Tensor | None]:
    """Take a group, layer or instance norm apart into centring, variance, slope and product."""
    reference = like(operation.outputs[0]).producer
    assert reference is not None
    members, weight, _, smallest = norm_parts(operation)
    now, before = _centred(members), _centred(norm_parts(reference)[0])  # (B, groups, members)
    mean = (now + before) / 2
    variances = [x.square().mean(-1, keepdim=True) + smallest for x in (now, before)]
    inverse = [v.rsqrt() for v in variances]
    change = variances[0] - variances[1]
    still = change.abs() < _NONE
    slope = (inverse[0] - inverse[1]) / change.masked_fill(still, 1)
    slope = torch.where(still, -(inverse[0] ** 3) / 2, slope)
    weighted = (arrived * weight).reshape(len(arrived), *now.shape)
    through_scale = slope * (weighted * mean).sum(-1, keepdim=True) * 2 * mean / now.shape[-1]
    down = _centred(weighted * (inverse[0] + inverse[1]) / 2 + through_scale)
    return [down.reshape(len(arrived), *operation.inputs[0].tensor.shape)]


def _centred(members: Tensor) -> Tensor:
    return members - members.mean(-1, keepdim=True)
