"""Rules of layer-wise relevance propagation at convolutions and dense layers.

Each shares what arrived at a layer's answer, `(S, B, channel, ...)`, among what the layer read,
and says how much its bias and the stabiliser took. Papers: Bach et al. 2015 (epsilon, z+ as
alpha-beta with 1 and 0, w2 and zB after Montavon et al. 2017, gamma: Montavon et al. 2019;
flat: Lapuschkin et al. 2019). What negative inputs and answers take from gamma is that of
Andeol et al. 2021.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from layerscope.tape import Value
from layerscope.views.rules.affine import Affine


class Shared(NamedTuple):
    """What an operation passes to each of its inputs, and what was lost, `(S, B)` each."""

    down: Sequence[Tensor | None]
    bias: Tensor
    epsilon: Tensor


@dataclass(frozen=True)
class Strengths:
    """What rules are told: the stabiliser, gamma, and the bounds of what the first layer reads.

    Without `biases`, the biases of layers take no share.
    """

    epsilon: float = 1e-6
    gamma: float = 0.25
    biases: bool = True
    bounds: Callable[[Affine], tuple[Tensor, Tensor]] | None = None


LayerRule = Callable[[Affine, Tensor, Strengths], Shared]


def epsilon(layer: Affine, arrived: Tensor, strengths: Strengths) -> Shared:
    """Share by contribution to the answer, `x_i w_ij / (z_j + epsilon sign z_j)`."""
    quotient, taken = divided(arrived, layer.answer, strengths.epsilon)
    down = layer.transposed(quotient, layer.weight).mul_(layer.seen)
    return Shared([down], _of_bias(layer, quotient, layer.bias), taken)


def z_plus(layer: Affine, arrived: Tensor, strengths: Strengths) -> Shared:
    """Share by positive contribution alone; of negative inputs those through negative weights."""
    weight, bias, seen = layer.weight.clamp(min=0), layer.bias.clamp(min=0), layer.seen
    answer = _positive_part(layer, weight, bias)
    quotient = arrived / answer.add_(strengths.epsilon)  # (S, B, channel, ...)
    down = layer.transposed(quotient, weight)
    if _has_negative(seen):
        down.mul_(seen.clamp(min=0))
        down += layer.transposed(quotient, layer.weight.clamp(max=0)).mul_(seen.clamp(max=0))
    else:
        down.mul_(seen)
    by_channel = layer.by_channel(quotient)
    taken = strengths.epsilon * by_channel.sum(-1)
    return Shared([down], by_channel @ bias, taken)


def gamma(layer: Affine, arrived: Tensor, strengths: Strengths) -> Shared:
    """Share by contribution, those of the answer's own sign counted `1 + gamma` times."""
    up, down_weight = layer.weight.clamp(min=0), layer.weight.clamp(max=0)
    positive = _positive_part(layer, up, layer.bias.clamp(min=0))
    is_positive = layer.answer >= 0
    agreeing = positive.where(is_positive, layer.answer - positive)
    quotient, taken = divided(
        arrived, layer.answer + strengths.gamma * agreeing, strengths.epsilon, is_positive
    )
    above, below = quotient * is_positive, quotient * ~is_positive
    seen = layer.seen
    favoured = layer.weight + strengths.gamma * up, layer.weight + strengths.gamma * down_weight
    sides = [(seen.clamp(min=0), favoured)]
    if _has_negative(seen):
        sides.append((seen.clamp(max=0), favoured[::-1]))
    total = None
    for part, (for_above, for_below) in sides:
        down = layer.transposed(above, for_above)
        if below.any():
            down += layer.transposed(below, for_below)
        down.mul_(part)
        total = down if total is None else total.add_(down)
    extra = strengths.gamma * layer.bias
    bias = _of_bias(layer, quotient, layer.bias)
    bias = bias + _of_bias(layer, above, extra.clamp(min=0))
    return Shared([total], bias + _of_bias(layer, below, extra.clamp(max=0)), taken)


def z_box(layer: Affine, arrived: Tensor, strengths: Strengths) -> Shared:
    """Share by contribution above the least that an input within its bounds could contribute."""
    assert strengths.bounds is not None
    low, high = strengths.bounds(layer)
    weight, up = layer.weight, layer.weight.clamp(min=0)
    answer = layer.without_bias().answer - layer.forward(low, up)
    answer = answer - layer.forward(high, weight - up)
    quotient, taken = divided(arrived, answer, strengths.epsilon)
    whole, positive = layer.transposed(quotient, weight), layer.transposed(quotient, up)
    down = whole * (layer.seen - high) + positive * (high - low)
    return Shared([down], taken.new_zeros(taken.shape), taken)


def flat(layer: Affine, arrived: Tensor, strengths: Strengths) -> Shared:
    """Share equally among all that the layer reads."""
    call = layer.operation.parameters
    groups = call.get("groups", 1)
    ones = layer.weight.new_ones((groups, *layer.weight.shape[1:]))
    return _by_weight(layer, arrived, strengths, ones, groups)


def w_square(layer: Affine, arrived: Tensor, strengths: Strengths) -> Shared:
    """Share by squared weights, whatever was read."""
    return _by_weight(layer, arrived, strengths, layer.weight.square(), None)


LAYER_RULES: dict[str, LayerRule] = {
    "epsilon": epsilon,
    "z_plus": z_plus,
    "gamma": gamma,
    "z_box": z_box,
    "flat": flat,
    "w_square": w_square,
}


def divided(
    arrived: Tensor, answer: Tensor, stabiliser: float, is_positive: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    """Divide by the answer, moved from 0 by the stabiliser; and say what this took, `(S, B)`."""
    sign = ((answer >= 0) if is_positive is None else is_positive).to(answer.dtype).mul_(2).sub_(1)
    quotient = arrived / (answer + stabiliser * sign)
    return quotient, stabiliser * by_example(quotient * sign)


def by_example(arrived: Tensor) -> Tensor:
    """Sum `(S, B, ...)` over everything but the seed and the example."""
    return arrived.flatten(2).sum(2) if arrived.dim() > 2 else arrived


def _of_bias(layer: Affine, quotient: Tensor, bias: Tensor) -> Tensor:
    return layer.by_channel(quotient) @ bias


def _has_negative(seen: Tensor) -> bool:
    return bool(seen.numel()) and bool(seen.amin() < 0)


def _positive_part(layer: Affine, up: Tensor, bias: Tensor) -> Tensor:
    """Sum the positive contributions: inputs through weights of their own sign, and the bias."""
    seen = layer.seen
    if not _has_negative(seen):
        return layer.forward(seen, up, bias)
    answer = layer.forward(seen.clamp(min=0), up, bias)
    return answer.add_(layer.forward(seen.clamp(max=0), layer.weight.clamp(max=0)))


def _by_weight(
    layer: Affine, arrived: Tensor, strengths: Strengths, weight: Tensor, groups: int | None
) -> Shared:
    """Share by a weight alone; where all channels of a group have the same, once for a group."""
    if groups is not None:
        arrived = _summed_over_groups(layer, arrived, groups)
    counts = _counting(layer.operation.inputs[0])
    answer = layer.forward(counts, weight)
    quotient, taken = divided(arrived, answer, strengths.epsilon)
    down = layer.transposed(quotient, weight).mul_(counts)
    return Shared([down], taken.new_zeros(taken.shape), taken)


def _counting(read: Value) -> Tensor:
    """Give 1 where a value holds the network's own numbers, 0 where a padding put a constant."""
    operation = read.producer
    if (
        operation is None
        or operation.kind != "shape"
        or len(operation.inputs + operation.outputs) != 2
    ):
        return read.tensor.new_ones((1, *read.tensor.shape[1:]))
    below = _counting(operation.inputs[0]).expand(operation.inputs[0].tensor.shape)
    return operation.call([below]) - operation.call([torch.zeros_like(below)])


def _summed_over_groups(layer: Affine, arrived: Tensor, groups: int) -> Tensor:
    """Sum over the channels of each group: `(S, B, groups, ...)`."""
    axis = -layer.axes - 1
    split = arrived.unflatten(axis, (groups, -1))
    return split.sum(axis if layer.axes else -1)
