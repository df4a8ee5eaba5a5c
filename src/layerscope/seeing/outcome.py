"""What came of the views asked for: how many are there, what was refused, what gave nothing."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from layerscope.seeing.ask import ONCE, asks
from layerscope.seeing.index import Index
from layerscope.seeing.settings import ViewsSettings
from layerscope.views import Scope


@dataclass(frozen=True)
class Outcome:
    """What an index holds of the views asked for; it may hold others besides.

    `refused` gives method, layer and reason, once for each method and layer; `nothing` the
    methods and layers, in the words in which they were asked for, of which there is no view.
    """

    views: int
    refused: tuple[tuple[str, str | None, str], ...]
    nothing: tuple[str, ...]


def outcome(
    index: Index,
    groups: Collection[str],
    settings: ViewsSettings,
    layers: dict[str, list[str]],
) -> Outcome:
    """Tell what came of the settings for these groups; `layers` gives the layers of each word."""
    names = {name for found in layers.values() for name in found}
    wanted = {(ask.method.name, ask.aim): ask for ask in asks(settings, sorted(names))}

    def asked(entry: dict[str, Any]) -> bool:
        ask = wanted.get((entry["method"], entry.get("aim")))
        here = entry["group"] in (ONCE, *groups)
        return here and ask is not None and (not ask.layers or entry["layer"] in ask.layers)

    views = list(filter(asked, index.document["views"]))
    reasons: dict[tuple[str, str | None], str] = {}
    for entry in filter(asked, index.document["refused"]):
        reasons.setdefault((entry["method"], entry["layer"]), entry["reason"])
    methods = {entry["method"] for entry in views}
    nothing = [name for name in settings.methods if name not in methods]
    if any(names.intersection(ask.layers) for ask in wanted.values()):
        seen = {entry["layer"] for entry in views}
        nothing += [word for word, found in layers.items() if not seen.intersection(found)]
    refused = tuple((method, layer, reason) for (method, layer), reason in reasons.items())
    return Outcome(len(views), refused, tuple(dict.fromkeys(nothing)))


def layers_of_words(
    scope: Scope, wanted: str | Sequence[str], shape: Sequence[int]
) -> dict[str, list[str]]:
    """Find the layers of each word: a name, or a kind such as "conv".

    >>> from torch import nn
    >>> scope = Scope(nn.Sequential(nn.Conv2d(1, 2, 3), nn.ReLU(), nn.Conv2d(2, 2, 3)))
    >>> layers_of_words(scope, "conv", (1, 8, 8))
    {'conv': ['0', '2']}
    """
    words = [wanted] if isinstance(wanted, str) else wanted
    return {word: scope.layers(word, shape) for word in words}
