"""Methods that are one backward pass under a rule: relevance, guided backprop, DeepLIFT."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import torch

from benchmarks.pairs import ratio
from benchmarks.peers import peer
from benchmarks.rows import row
from benchmarks.views.common import Subject, subject

#: Every layer and the input: 20 maps of each example.
EVERYWHERE = ("input", "all")


def rows() -> list[dict[str, Any]]:
    """Measure each, and the peer that gives the input's values alone, in units of FI."""
    seen = subject()
    boxed = replace(seen, scope=replace(seen.scope, bounds=(0, 1)))
    flat = {"composite": "epsilon_plus_flat", "layers": EVERYWHERE}
    box = {"composite": "epsilon_gamma_box", "layers": EVERYWHERE}
    ours: list[tuple[str, Callable[[], None], float | None]] = [
        ("LRP EpsilonPlusFlat at all layers", partial(seen.look, "lrp", **flat), 1.7),
        ("LRP EpsilonGammaBox at all layers", partial(boxed.look, "lrp", **box), None),
        ("guided backprop of a class", partial(seen.look, "guided_backprop"), None),
        ("DeepLIFT", partial(seen.look, "deep_lift"), None),
    ]
    theirs = [
        ("zennit's EpsilonPlusFlat at the input", partial(zennit, seen, "EpsilonPlusFlat")),
        ("zennit's EpsilonGammaBox at the input", partial(zennit, seen, "EpsilonGammaBox")),
        ("captum's guided backprop", partial(captum, seen, "GuidedBackprop")),
        ("captum's DeepLIFT", partial(captum, seen, "DeepLift")),
    ]
    found = [
        row(name, ratio(work, seen.forward_backward), "FI", target) for name, work, target in ours
    ]
    for name, work in theirs:
        try:
            found.append(row(name, ratio(work, seen.forward_backward, rounds=3), "FI", None))
        except ModuleNotFoundError:
            continue
    return found


def zennit(seen: Subject, composite: str) -> None:
    """Do what zennit does, relevance at the input alone."""
    box = composite.endswith("Box")
    low, high = torch.zeros_like(seen.images), torch.ones_like(seen.images)
    rules = getattr(peer("zennit.composites"), composite)(
        **{"low": low, "high": high} if box else {}
    )
    leaf = seen.images.clone().requires_grad_()
    with rules.context(seen.net) as changed:
        scores = changed(leaf)
        best = scores.detach().amax(1, keepdim=True)
        torch.autograd.grad(scores, leaf, scores.detach() * (scores.detach() == best))


def captum(seen: Subject, method: str) -> None:
    """Do what captum does, for the predicted class."""
    predicted = seen.net(seen.images).argmax(1)
    getattr(peer("captum.attr"), method)(seen.net).attribute(seen.images, target=predicted)
