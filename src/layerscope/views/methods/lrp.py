"""Layer-wise relevance propagation: the score, shared out down to every layer and the input.

>>> import torch, layerscope as ls
>>> trace = ls.Scope(ls.nets.study_mnist()).trace(torch.rand(1, 1, 28, 28))
>>> list(trace.view("lrp", target=3))
['input']
"""

from collections.abc import Sequence
from typing import Any

from layerscope.tape import Value
from layerscope.views.registry import method
from layerscope.views.relevance import carry, rules_named, strengths_for
from layerscope.views.rules.composites import RelevanceRules
from layerscope.views.trace import Trace
from layerscope.views.view import View


@method(
    "lrp",
    paper="Bach et al. 2015, doi:10.1371/journal.pone.0130140; Montavon et al. 2019",
    needs=("target",),
    axes=("batch", "channel", "space"),
    signed=True,
    axioms=("conservation",),
)
def lrp(
    trace: Trace,
    layers: str | Sequence[str] | None = None,
    *,
    target: Any = "predicted",
    composite: str | RelevanceRules = "epsilon_plus_flat",
    epsilon: float = 1e-6,
    gamma: float = 0.25,
    biases: bool = True,
) -> dict[str, View]:
    """Share the score among the parts of each layer and of the input, all in one backward pass.

    Batch norms are folded into the layer before them, sums share by contribution, a max pool's
    winner takes all, a gate's signal takes all. `quality` accounts for the score: the sum of the
    values + "bias" + "epsilon" + "elsewhere" (past the layer) = "score".

    Args:
        trace: the recorded batch.
        layers: None for the input; layers, among which "input" may be named.
        target: what is explained; see `Trace.aim`.
        composite: "epsilon", "epsilon_plus", "epsilon_plus_flat", "epsilon_plus_box",
            "epsilon_gamma_box" (boxes need the scope's bounds), "gamma", "z_plus", or
            `RelevanceRules`.
        epsilon: the stabiliser, in units of the answers.
        gamma: how much more agreeing contributions count.
        biases: whether layers' biases take their share; they can take all behind batch norms.

    """
    rules = rules_named(composite)
    strengths = strengths_for(trace, rules, epsilon=epsilon, gamma=gamma, biases=biases)
    aim = trace.aim(target)
    places = places_below(trace, layers, aim.at)
    values = list(dict.fromkeys(places.values()))
    found = carry(trace, (aim.seed * aim.at.tensor)[None], aim.at, values, rules, strengths)
    carried = dict(zip(values, found, strict=True))
    views = {}
    for layer, value in places.items():
        tensor, account = carried[value]
        axes = ("batch", "channel", *trace.spatial(value.tensor))
        quality = {name: sums[0] for name, sums in account.items()}
        views[layer] = trace.make_view(
            "lrp", layer, value, tensor[0], axes, aim=aim, signed=True, quality=quality
        )
    return views


def places_below(trace: Trace, layers: str | Sequence[str] | None, at: Value) -> dict[str, Value]:
    """Return the wanted layers' answers, in forward order, the input first where it is wanted.

    Of "all" and of a kind, layers after what is explained are left out.
    """
    names = ["input"] if layers is None else [layers] if isinstance(layers, str) else list(layers)
    takes_input = "input" in names and "input" not in trace.tape.layers
    places = {"input": trace.tape.input} if takes_input else {}
    others = [name for name in names if not (takes_input and name == "input")]
    if others or not names:
        wanted = others[0] if len(others) == 1 else others
        for layer in trace.layer_names(wanted):
            value = trace.value(layer)
            if value.index <= at.index or layer in others:
                places[layer] = value
    return places
