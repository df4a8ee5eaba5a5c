"""The whole verdict on the methods of one network: which parts it has, and how they are read."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from torch import Tensor

from layerscope.errors import Refused
from layerscope.progress import bar
from layerscope.trust import ask
from layerscope.trust.baselines import BASELINES
from layerscope.trust.hiding import ways_for
from layerscope.trust.maps import Examples, maps_of
from layerscope.trust.parts import Arrays, Parts
from layerscope.trust.randomise import ORDERS, Order, drawn_layers
from layerscope.views import Scope


@dataclass(frozen=True)
class Amount:
    """How much is measured: examples of each question, samples of noise, mosaics.

    Fewer are taken where there are fewer examples.
    """

    examples: int = 32
    randomised: int = 10
    other_orders: int = 4
    inner: int = 16
    steady: int = 6
    samples: int = 3
    mosaics: int = 24
    imputed: int = 10


QUICK = Amount(examples=12, randomised=6, other_orders=0, inner=0, steady=4, samples=2, mosaics=12,
               imputed=6)  # fmt: skip


@dataclass(frozen=True, eq=False)
class Case:
    """A network, what it is shown, and the methods that are judged."""

    scope: Scope
    given: Examples
    names: tuple[str, ...]
    amount: Amount
    inner_layer: str = ""
    others: Mapping[str, Scope] | None = None

    @property
    def ways(self) -> tuple[str, ...]:
        """The ways of hiding that suit the input."""
        return ways_for(self.scope.kind)


def gather(case: Case, parts: Parts) -> dict[str, Arrays]:
    """Make every part that is not there yet, and give them all by name."""
    found: dict[str, Arrays] = {}
    found["maps"] = parts.made("maps", lambda: maps_of(case.scope, case.given, case.names))
    if not found["maps"]:
        raise Refused(f"none of {', '.join(case.names)} can look through this network")
    asked = ask.class_asked(case.scope, case.given)
    logits = asked.trace.logits.clone()
    work = _work(case, found["maps"], asked, logits)
    with bar("judging", total=len(work), unit="parts") as step:
        for name, make in work.items():
            found[name] = parts.made(name, make)
            step(1, name)
    return found


Make = Callable[[], Mapping[str, np.ndarray]]


def _work(case: Case, maps: Arrays, asked: ask.Asked, logits: Tensor) -> dict[str, Make]:
    """Name the parts and what makes each, the cheap and telling ones first."""
    scope, given, amount = case.scope, case.given, case.amount
    names, classes = tuple(maps), logits.argmax(1)
    every = ask.with_baselines(given, maps)
    work: dict[str, Make] = {
        "class": lambda: ask.another_class(scope, given, maps, logits),
        "located": lambda: _flat(_mosaics(case, names)),
        "steady": lambda: _flat(
            ask.steady(scope, given.first(amount.steady), names, classes, amount.samples)
        ),
    }
    for order in ORDERS:
        count = amount.randomised if order == "top-down" else amount.other_orders
        if count:
            work[f"weights-{order}"] = _randomised(case, maps, classes, order, count)
    for way in case.ways:
        count = amount.imputed if way == "imputation" else amount.examples
        for name, each in every.items():
            work[f"evidence-{way}-{name}"] = _faithful(asked, given, each, way, count)
    if case.inner_layer and amount.inner:
        for question in ("unit", "layer"):
            work[question] = _inner(case, names, question)
    for name, other in (case.others or {}).items():
        work[f"seed-{name}"] = lambda other=other: ask.beside(other, given, maps, classes)  # type: ignore[misc]
    return work


def _mosaics(case: Case, names: tuple[str, ...]) -> dict[str, Arrays]:
    if not case.amount.mosaics:
        return {}
    try:
        return ask.located(case.scope, case.given, names, case.amount.mosaics)
    except Refused:  # of one class there are none
        return {}


def _randomised(case: Case, maps: Arrays, classes: Tensor, order: Order, count: int) -> Make:
    def make() -> Arrays:
        layers = drawn_layers(case.scope.model)
        with bar(f"{order} randomisation", total=len(layers), unit="layers") as step:
            shown = {name: each[:count] for name, each in maps.items()}
            found = ask.randomisation(
                case.scope,
                case.given.first(count),
                shown,
                classes[:count],
                order,
                lambda layer: step(1, layer),
            )
        ordered = layers[::-1] if order == "top-down" else layers
        return {"layers": np.array(ordered), **_flat(found)}

    return make


def _faithful(asked: ask.Asked, given: Examples, each: np.ndarray, way: str, count: int) -> Make:
    def make() -> Arrays:
        some = given.first(count)
        found = ask.faithful(asked, some, {"it": each[:count]}, way)["it"]
        return {
            "fractions": found.fractions,
            "whole": found.whole,
            "morf": found.morf,
            "lerf": found.lerf,
        }

    return make


def _inner(case: Case, names: Sequence[str], question: str) -> Make:
    """Ask of a unit, or of a whole layer, whether maps show what moves it."""

    def make() -> Arrays:
        some = case.given.first(case.amount.inner)
        if question == "unit":
            asked = ask.unit_asked(case.scope, some, case.inner_layer)
        else:
            asked = ask.layer_asked(case.scope, some, case.inner_layer)
        maps = maps_of(case.scope, some, names, ask.aim_of(question, case.inner_layer))
        every = ask.with_baselines(some, maps, within=question == "unit")
        found = ask.faithful(asked, some, every, case.ways[0])
        return {name: each.gap for name, each in found.items()}

    return make


def _flat(measures: Mapping[str, Mapping[str, np.ndarray]]) -> Arrays:
    """Name arrays by method and measure: "lrp/energy"."""
    return {f"{name}/{kind}": x for name, kinds in measures.items() for kind, x in kinds.items()}


def measure(part: Arrays, name: str, kind: str) -> np.ndarray:
    """Read one measure of a method; empty where the method has none."""
    return part.get(f"{name}/{kind}", np.zeros(0))


def gaps(found: Mapping[str, Arrays], ways: Sequence[str], name: str) -> dict[str, np.ndarray]:
    """Give a method's gap for each example, by way of hiding."""
    result = {}
    for way in ways:
        part = found[f"evidence-{way}-{name}"]
        result[way] = (part["lerf"] - part["morf"]).mean(1)
    return result


def methods_of(found: Mapping[str, Arrays]) -> list[str]:
    """Name the methods that were judged, and the baselines after them."""
    return [*found["maps"], *BASELINES]
