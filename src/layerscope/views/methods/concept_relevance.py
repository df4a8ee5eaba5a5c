"""Concept relevance: what single channels of a layer add to the score, and where they read it.

>>> import torch, layerscope as ls
>>> trace = ls.Scope(ls.nets.study_mnist()).trace(torch.rand(1, 1, 28, 28))
>>> trace.view("concept_relevance", "conv3", unit=5)["conv3"].values.shape
(1, 1, 28, 28)
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from layerscope.tape import Value
from layerscope.views.methods.lrp import places_below
from layerscope.views.projection import unit_view
from layerscope.views.registry import method
from layerscope.views.relevance import Carried, carry, rules_named, strengths_for
from layerscope.views.rules.composites import RelevanceRules
from layerscope.views.rules.lrp import Strengths
from layerscope.views.trace import Trace
from layerscope.views.units import choose_units
from layerscope.views.view import View


@method(
    "concept_relevance",
    paper="Achtibat et al. 2023, doi:10.1038/s42256-023-00711-8",
    needs=("layer", "unit", "target"),
    axes=("batch", "channel", "space"),
    signed=True,
    axioms=("silent unit",),
)
def concept_relevance(
    trace: Trace,
    layers: str | Sequence[str] = "conv",
    *,
    target: Any = "predicted",
    unit: Any = None,
    top: int | None = None,
    composite: str | RelevanceRules = "epsilon_plus_flat",
    epsilon: float = 1e-6,
    gamma: float = 0.25,
    biases: bool = True,
) -> dict[str, View]:
    """Carry the relevance of chosen channels of a layer, and no other, down to the input.

    The score comes down to the layer as in `lrp`, all but the channel is put to 0, and the rest
    goes on. `quality` holds its "score", the channel's relevance, and what was lost of it on the
    way: the values + "bias" + "epsilon" sum to it.

    Args:
        trace: the recorded batch.
        layers: which layers.
        target: what is explained; see `Trace.aim`.
        unit: a channel, or one per example; each example's most relevant where none is given.
        top: in the place of `unit`, this many most relevant ones: an axis "rank" comes first.
        composite: as in `lrp`, and so `epsilon` and `gamma`.
        epsilon: the stabiliser, in units of the answers.
        gamma: how much more agreeing contributions count.
        biases: whether layers' biases take their share; they can take all behind batch norms.

    """
    rules = rules_named(composite)
    strengths = strengths_for(trace, rules, epsilon=epsilon, gamma=gamma, biases=biases)
    aim = trace.aim(target)
    places = places_below(trace, layers, aim.at)
    seeds = (aim.seed * aim.at.tensor)[None]
    found = carry(trace, seeds, aim.at, list(places.values()), rules, strengths)
    views = {}
    for (layer, value), carried in zip(places.items(), found, strict=True):
        relevance = carried.relevance[0]  # (B, C, ...)
        total = relevance.flatten(2).sum(2) if relevance.dim() > 2 else relevance
        units = choose_units(total, layer, unit, top)  # (S, B)
        below = _below(trace, value, relevance, units, rules, strengths)
        views[layer] = unit_view(
            *(trace, "concept_relevance", layer, below.relevance, units),
            aim=aim,
            unit=unit,
            one=top is None,
            quality=below.account,
        )
    return views


def _below(
    trace: Trace,
    at: Value,
    relevance: Tensor,
    units: Tensor,
    rules: RelevanceRules,
    strengths: Strengths,
) -> Carried:
    """Carry the relevance of units `(S, B)` to the input, within the memory budget."""
    rows = torch.arange(len(relevance), device=relevance.device)
    together = trace.seeds_within_budget(at)
    parts = []
    for start in range(0, len(units), together):
        some = units[start : start + together]
        seeds = relevance.new_zeros((len(some), *relevance.shape))
        for seed, channels in zip(seeds, some, strict=True):
            seed[rows, channels] = relevance[rows, channels]
        parts += carry(trace, seeds, at, [trace.tape.input], rules, strengths)
    names = parts[0].account
    return Carried(
        torch.cat([part.relevance for part in parts]),
        {name: np.concatenate([part.account[name] for part in parts]) for name in names},
    )
