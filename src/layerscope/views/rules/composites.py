"""Composites by name: each chooses the rule of every operation."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from layerscope.errors import Refused
from layerscope.tape import Operation, Value
from layerscope.views.propagate import Composite, Incoming, Rule
from layerscope.views.rules.affine import Affine, affine
from layerscope.views.rules.arrived import only
from layerscope.views.rules.gradient import gradient
from layerscope.views.rules.lrp import LAYER_RULES, Shared, Strengths
from layerscope.views.rules.rectifiers import deconvnet, guided_backprop
from layerscope.views.rules.relevance import sharing_of

COMPOSITES: dict[str, Composite] = {
    "gradient": gradient,
    "deconvnet": deconvnet,
    "guided_backprop": guided_backprop,
}


@dataclass(frozen=True)
class RelevanceRules:
    """Which rule of relevance stands where.

    Each is "epsilon", "gamma", "z_plus", "z_box", "flat" or "w_square".

    Attributes:
        conv: at convolutions.
        dense: at dense layers.
        first: at convolutions and dense layers that read the input itself; None: as elsewhere.

    """

    conv: str = "epsilon"
    dense: str = "epsilon"
    first: str | None = None

    def __post_init__(self) -> None:
        for name in (self.conv, self.dense, self.first):
            if name is not None and name not in LAYER_RULES:
                raise Refused(f"no rule {name!r}; the rules are {', '.join(LAYER_RULES)}")
        if "z_box" in (self.conv, self.dense):
            raise Refused("z_box needs bounds of what is read: it stands at the first layer only")

    def at(self, operation: Operation, *, is_first: bool) -> str:
        """Name the rule of a layer."""
        if is_first and self.first is not None:
            return self.first
        return self.conv if operation.kind == "conv" else self.dense

    @property
    def gates_pass(self) -> bool:
        """Whether activations that are gates can be passed."""
        return {"z_plus", "gamma"}.isdisjoint((self.conv, self.dense))


#: After Montavon et al. 2019 and Kohlbrenner et al. 2020, arXiv:1910.09840.
RELEVANCE_RULES = {
    "epsilon": RelevanceRules(),
    "epsilon_plus": RelevanceRules(conv="z_plus"),
    "epsilon_plus_flat": RelevanceRules(conv="z_plus", first="flat"),
    "epsilon_plus_box": RelevanceRules(conv="z_plus", first="z_box"),
    "epsilon_gamma_box": RelevanceRules(conv="gamma", first="z_box"),
    "gamma": RelevanceRules(conv="gamma", dense="gamma"),
    "z_plus": RelevanceRules(conv="z_plus", dense="z_plus"),
}


def relevance(
    rules: RelevanceRules, strengths: Strengths, note: Callable[[Operation, Shared], None]
) -> Composite:
    """Make a composite of relevance rules; `note` is told what each operation shared and lost."""
    bare: dict[Value, bool] = {}

    def choose(operation: Operation) -> Rule:
        _refuse_other_batch(operation)
        is_bare = all(_is_bare(value, bare) for value in operation.inputs)

        def share(operation: Operation, incoming: Incoming) -> Sequence[Tensor | None]:
            if operation.kind in ("conv", "linear"):
                rule = LAYER_RULES[rules.at(operation, is_first=is_bare)]
                layer = affine(operation)
                layer = layer if strengths.biases else layer.without_bias()
                shared = rule(layer, only(incoming), strengths)
            else:
                sharing = sharing_of(operation, is_bare=is_bare, gates_pass=rules.gates_pass)
                shared = sharing(operation, incoming, strengths)
            note(operation, shared)
            return shared.down

        return share

    return choose


def input_bounds(low: Tensor, high: Tensor) -> Callable[[Affine], tuple[Tensor, Tensor]]:
    """Make what tells the zB rule the bounds of what a first layer reads, from the input's own."""

    def of_layer(layer: Affine) -> tuple[Tensor, Tensor]:
        return _bounds_of(layer.operation.inputs[0], low, high)

    return of_layer


def _bounds_of(value: Value, low: Tensor, high: Tensor) -> tuple[Tensor, Tensor]:
    """Carry the input's bounds up to a value through what moves each number one way."""
    operation = value.producer
    if operation is None:
        return low, high
    if operation.kind not in _ONE_WAY or len(operation.inputs + operation.outputs) != 2:
        raise Refused(
            f"the zB rule needs the bounds of what the first layer reads, and {operation.label} "
            'lies between it and the input; use "flat" at the first layer'
        )
    ends = [operation.call([x]) for x in _bounds_of(operation.inputs[0], low, high)]
    return torch.minimum(*ends), torch.maximum(*ends)


_ONE_WAY = ("shape", "scale", "add", "batch_norm", "avg_pool", "max_pool", "relu")


def _is_bare(value: Value, known: dict[Value, bool]) -> bool:
    """Tell whether no layer lies between a value and the input."""
    if value not in known:
        operation = value.producer
        known[value] = operation is None or (
            operation.kind not in ("conv", "linear")
            and all(_is_bare(one, known) for one in operation.inputs)
        )
    return known[value]


def _refuse_other_batch(operation: Operation) -> None:
    """Refuse what does not keep the examples along the first axis."""
    sizes = {value.tensor.shape[:1] for value in (*operation.inputs, *operation.outputs)}
    if len(sizes) > 1:
        shapes = [tuple(v.tensor.shape) for v in (*operation.inputs[:1], *operation.outputs[:1])]
        raise Refused(
            f"{operation.label} makes {shapes[1]} of {shapes[0]}; relevance needs the examples "
            "along the first axis everywhere"
        )
