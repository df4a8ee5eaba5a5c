"""DeepLIFT: the change of the score from a reference, shared out among what changed.

>>> import torch, layerscope as ls
>>> trace = ls.Scope(ls.nets.study_mnist()).trace(torch.rand(1, 1, 28, 28))
>>> trace.view("deep_lift", target=3)["input"].values.shape
(1, 1, 28, 28)
"""

from collections.abc import Sequence
from typing import Any

import torch

from layerscope.views.legal import baseline_like
from layerscope.views.methods.lrp import places_below
from layerscope.views.propagate import descend
from layerscope.views.registry import method
from layerscope.views.rules.deep_lift import deep_lift as way_down
from layerscope.views.trace import Trace
from layerscope.views.view import View


@method(
    "deep_lift",
    paper="Shrikumar et al. 2017, arXiv:1704.02685",
    needs=("target",),
    axes=("batch", "channel", "space"),
    signed=True,
    axioms=("completeness",),
)
def deep_lift(
    trace: Trace,
    layers: str | Sequence[str] | None = None,
    *,
    target: Any = "predicted",
    baseline: Any = None,
) -> dict[str, View]:
    """Share the score's change from a baseline by the rescale rule, in one backward pass.

    `quality` holds the "difference" of the scores and the "gap", the sum of the values less it: but
    for rounding 0 at the input, and at a layer past which nothing goes.

    Args:
        trace: the recorded batch.
        layers: None for the input; layers, among which "input" may be named.
        target: what is explained; see `Trace.aim`.
        baseline: the input that means "nothing": a number, one per channel, or an input; the
            scope's where none is given, and 0 where that has none.

    """
    aim = trace.aim(target)
    images = trace.tape.input.tensor
    given = trace.scope.baseline if baseline is None else baseline
    references = baseline_like(images, given)
    rows = torch.arange(len(images), device=images.device)
    if torch.equal(references, references[:1].expand_as(references)):
        references, rows = references[:1], rows[:1]
    reference = trace.again(references, rows)
    places = places_below(trace, layers, aim.at)
    values = list(dict.fromkeys(places.values()))
    composite = way_down(reference.value_like)
    found = descend(trace.tape, aim.seed[None], aim.at, values, composite)
    multipliers = dict(zip(values, found, strict=True))
    difference = aim.score(aim.at.tensor - reference.value_like(aim.at).tensor)
    views = {}
    for layer, value in places.items():
        change = value.tensor - reference.value_like(value).tensor
        shares = multipliers[value][0] * change
        gap = shares.flatten(1).sum(1) - difference
        axes = ("batch", "channel", *trace.spatial(value.tensor))
        quality = {"difference": difference.float().cpu().numpy(), "gap": gap.float().cpu().numpy()}
        views[layer] = trace.make_view(
            "deep_lift", layer, value, shares, axes, aim=aim, signed=True, quality=quality
        )
    return views
