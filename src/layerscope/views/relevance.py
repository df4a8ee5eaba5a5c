"""Relevance carried down a tape, and an account of where the score went at every layer."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from layerscope.errors import Refused
from layerscope.tape import Operation, Tape, Value
from layerscope.views.legal import bounds_like
from layerscope.views.propagate import descend
from layerscope.views.rules.composites import (
    RELEVANCE_RULES,
    RelevanceRules,
    input_bounds,
    relevance,
)
from layerscope.views.rules.lrp import Shared, Strengths, by_example
from layerscope.views.trace import Trace


class Carried(NamedTuple):
    """Relevance at a value, `(S, *shape)`, and the account of it: `(S, B)` arrays by name.

    score = sum of the relevance + bias + epsilon + elsewhere, but for rounding. `bias` is what
    biases and other constants took on the way, `epsilon` the stabiliser, `elsewhere` what goes
    past the layer through other branches.
    """

    relevance: Tensor
    account: dict[str, np.ndarray]


def rules_named(composite: str | RelevanceRules) -> RelevanceRules:
    """Return the rules of a composite's name, or those given."""
    if isinstance(composite, RelevanceRules):
        return composite
    if composite not in RELEVANCE_RULES:
        raise Refused(
            f"composite={composite!r}: it is one of {', '.join(map(repr, RELEVANCE_RULES))}, or "
            "RelevanceRules(conv=, dense=, first=)"
        )
    return RELEVANCE_RULES[composite]


def strengths_for(
    trace: Trace, rules: RelevanceRules, *, epsilon: float, gamma: float, biases: bool
) -> Strengths:
    """Check what rules are told; zB takes the scope's bounds."""
    if not epsilon > 0 or not gamma >= 0:
        raise Refused(f"epsilon={epsilon!r}, gamma={gamma!r}: epsilon is above 0, gamma not below")
    if rules.first != "z_box":
        return Strengths(epsilon, gamma, biases)
    bounds = bounds_like(trace.tape.input.tensor, trace.scope.bounds)
    if bounds is None:
        raise Refused(
            "the zB rule shares by how far an input lies within its bounds: give "
            "Scope(..., bounds=(low, high)), in the model's units"
        )
    return Strengths(epsilon, gamma, biases, input_bounds(*bounds))


def carry(
    trace: Trace,
    seeds: Tensor,
    at: Value,
    to: Sequence[Value],
    rules: RelevanceRules,
    strengths: Strengths,
) -> list[Carried]:
    """Carry relevance `(S, *shape of at)` down to each value of `to`, in one pass."""
    beside = {value: _beside(trace.tape, value, at, to) for value in to}
    ledger = _Ledger(set().union(*beside.values()) if beside else set())
    composite = relevance(rules, strengths, ledger.note)
    found = descend(trace.tape, seeds, at, to, composite)
    score = by_example(seeds)
    return [
        Carried(tensor, ledger.account(value, score, beside[value]))
        for value, tensor in zip(to, found, strict=True)
    ]


class _Ledger:
    """What each operation lost, and what it sent to values that account for other branches."""

    def __init__(self, watched: set[tuple[Operation, Value]]) -> None:
        self._watched = watched
        self._lost: dict[int, Shared] = {}
        self._sent: dict[tuple[Operation, Value], Tensor] = {}

    def note(self, operation: Operation, shared: Shared) -> None:
        self._lost[operation.index] = shared._replace(down=())
        for value, tensor in zip(operation.inputs, shared.down, strict=True):
            if tensor is not None and (operation, value) in self._watched:
                self._sent[operation, value] = by_example(tensor)

    def account(
        self, value: Value, score: Tensor, beside: set[tuple[Operation, Value]]
    ) -> dict[str, np.ndarray]:
        """Sum up what was lost above a value and what goes past it."""
        above = [lost for index, lost in self._lost.items() if index > _maker(value)]
        past = [self._sent[pair] for pair in beside if pair in self._sent]
        sums = {
            "score": score,
            "bias": sum((lost.bias for lost in above), torch.zeros_like(score)),
            "epsilon": sum((lost.epsilon for lost in above), torch.zeros_like(score)),
            "elsewhere": sum(past, torch.zeros_like(score)),
        }
        return {name: tensor.float().cpu().numpy() for name, tensor in sums.items()}


def _maker(value: Value) -> int:
    """Give the place of the operation that made a value; -1 of the input and of constants."""
    return -1 if value.producer is None else value.producer.index


def _beside(
    tape: Tape, value: Value, at: Value, to: Sequence[Value]
) -> set[tuple[Operation, Value]]:
    """Return what sends relevance past a value: operations after it, with what they read before."""
    alive = set(to)
    for operation in tape.operations:
        if not alive.isdisjoint(operation.inputs):
            alive.update(operation.outputs)
    return {
        (operation, read)
        for operation in tape.operations[_maker(value) + 1 : _maker(at) + 1]
        for read in operation.inputs
        if read is not value and (read not in alive or _maker(read) <= _maker(value))
    }
