"""What is asked of each method: at which layers, with which options, once or for every group."""

import re
from collections.abc import Iterable, Sequence, Set
from dataclasses import dataclass
from typing import Any

import torch

from layerscope.seeing.settings import ViewsSettings
from layerscope.views import Method, Scope, Trace, find_method

INPUT = "input"
"""The layer of views at the network's input."""

ONCE = "network"
"""The group of views that show the network, or a data set, not single examples."""

Place = tuple[str, str, str | None, str | None]
"""Group, method, layer and aim of a view: what tells it from every other."""


@dataclass(frozen=True)
class Ask:
    """A method, the layers it is to look at (empty: its own choice), and for what.

    `aim` is the settings' target where the method explains one, in words; else None. `sums` is
    true of a method that shares a score out over the input and the layers alike.
    """

    method: Method
    layers: tuple[str, ...] = ()
    aim: str | None = None
    sums: bool = False

    @property
    def once(self) -> bool:
        """Whether it shows the network or a data set rather than examples."""
        return "batch" not in self.method.axes


def asks(settings: ViewsSettings, layers: Sequence[str]) -> list[Ask]:
    """List what the settings ask of each method, for these layers.

    A method without layers looks at the input; one that looks at the input unless told otherwise,
    at both; filters at those layers that have any. One that looks at units unless it is given a
    target does both: units at the layers, and the target at the input.
    """
    found = []
    for name in settings.methods:
        method = find_method(name, {})
        of_batch, options = "batch" in method.axes, method.options
        aim = str(settings.target) if options.get("target") is not None else None
        if "layers" not in options:
            found.append(Ask(method, (INPUT,) if of_batch else (), aim))
        elif not of_batch and options["layers"] is None:
            found.append(Ask(method, (), aim))
        elif of_batch and "top" in options and _has_two_ways(method):
            found += [Ask(method, tuple(layers)), Ask(method, (INPUT,), str(settings.target))]
        else:
            own = (INPUT,) if options["layers"] is None else ()
            found.append(Ask(method, (*own, *layers), aim, sums=bool(own)))
    return found


def _has_two_ways(method: Method) -> bool:
    """Tell whether a method looks either at units of layers or at a target from the input."""
    options = method.options
    return "target" in options and (options["layers"] is None or options["target"] is None)


def chooses_units(method: Method) -> bool:
    """Tell whether a method's `top` says how many units of a layer it looks at."""
    return "top" in method.options and ("batch" in method.axes or "unit" in method.needs)


def missing(made: Set[Place], group: str, wanted: Iterable[Ask]) -> list[Ask]:
    """List what is still to be made of a group, and of what is made once."""
    work = []
    for ask in wanted:
        where = ONCE if ask.once else group
        here = {
            layer for g, m, layer, aim in made if (g, m, aim) == (where, ask.method.name, ask.aim)
        }
        if not ask.layers and not here:
            work.append(ask)
        elif left := tuple(layer for layer in ask.layers if layer not in here):
            work.append(Ask(ask.method, left, ask.aim, sums=ask.sums))
    return work


SLOW = ("embedding", "linear_probe")
"""Methods that compare all examples of a data set with all."""

CHOSEN: dict[str, dict[str, Any]] = {
    "class_means": {"of": "grad_cam", "options": {"target": "true"}},
}
"""Options in the place of a method's own defaults: what is told of a class is its evidence."""


@dataclass(frozen=True, eq=False)
class Beside:
    """What is at hand beside the batch.

    A data set as batches, a part of it for methods that compare all its examples with all, and
    a few other examples.
    """

    data: Iterable[Any] | None = None
    few: Iterable[Any] | None = None
    others: torch.Tensor | None = None


def options(ask: Ask, settings: ViewsSettings, beside: Beside, trace: Trace) -> dict[str, Any]:
    """Return the options that a method is called with, beside its layers."""
    given = dict(CHOSEN.get(ask.method.name, {}))
    if ask.aim is not None:
        given["target"] = settings.target
    data = beside.few if ask.method.name in SLOW else beside.data
    if "data" in ask.method.options and data is not None:
        given["data"] = data
    if "baselines" in ask.method.options and beside.others is not None:
        given["baselines"] = beside.others
    if "classes" in ask.method.options:
        given["classes"] = _classes(settings, trace)
    if "whole" in ask.method.options and ask.layers != (INPUT,) and trace.scope.kind == "waveform":
        given["whole"] = True  # one position of a layer in front is a click; a map can be heard
    return given


def _classes(settings: ViewsSettings, trace: Trace) -> list[Any] | None:
    """Name the classes that inputs are made for: all of a few, else those that are predicted."""
    if settings.classes is not None:
        return list(settings.classes)
    few = trace.logits.shape[1] <= settings.pictured
    return None if few else trace.predicted.unique().tolist()[: settings.pictured]


def aimed(settings: ViewsSettings, scope: Scope, shape: Sequence[int]) -> ViewsSettings:
    """Read a target that is a whole number as an index, unless a class bears that name.

    Raises:
        Refused: no such class, or none can be named.

    """
    target = settings.target
    if target in ("predicted", "true"):
        return settings
    if isinstance(target, str) and target not in (scope.classes or ()):
        target = int(target) if re.fullmatch(r"-?\d+", target) else target
    scope.trace(torch.zeros(1, *shape)).aim(target)
    return settings.model_copy(update={"target": target})
