"""Maps of relevance over the input, of any method that explains something, one for each example."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from layerscope.errors import Refused
from layerscope.seeing.look import batch_within_budget
from layerscope.views import Aim, Method, Scope, Trace, View, find_method, methods

DEFAULTS = (
    "saliency",
    "input_x_gradient",
    "integrated_gradients",
    "smooth_grad",
    "guided_backprop",
    "deconvnet",
    "deep_lift",
    "lrp",
    "grad_cam",
    "guided_grad_cam",
)
"""The methods that are judged where none is named."""

OPTIONS: dict[str, dict[str, Any]] = {
    "integrated_gradients": {"steps": 10},
    "smooth_grad": {"samples": 8},
}
"""Options in the place of a method's own, so that many maps can be made."""

TOGETHER = 8
"""Examples that are traced at once, at most."""


@dataclass(frozen=True, eq=False)
class Examples:
    """What the network is shown.

    Attributes:
        images: `(B, channel, ...)`, in the model's units.
        ids: a name for each.
        labels: the true class of each, `(B,)`.

    """

    images: Tensor
    ids: tuple[str, ...]
    labels: np.ndarray

    def first(self, count: int) -> "Examples":
        """Give the first so many, or all."""
        return Examples(self.images[:count], self.ids[:count], self.labels[:count])


def judged() -> list[str]:
    """Name the methods that can be judged: those that explain a target of each example."""
    return [
        method.name
        for method in methods()
        if "batch" in method.axes and "space" in method.axes and "target" in method.options
    ]


def refuse_unjudged(names: Iterable[str]) -> None:
    """Refuse names of methods that make no map of a target."""
    known = judged()
    for name in names:
        find_method(name, {})
        if name not in known:
            raise Refused(f"{name} maps no target over the input; judged are {', '.join(known)}")


def maps_of(
    scope: Scope, given: Examples, names: Iterable[str], target: Any = "predicted"
) -> dict[str, np.ndarray]:
    """Map every example by every method; what a method cannot see is left out.

    Args:
        scope: the network.
        given: the examples.
        names: of methods.
        target: as `Trace.aim` takes it; classes one per example as a tensor; or a function that is
            given each trace.

    Returns:
        By method, `(B, *map)`: the map has the input's axes of space, of recordings its channels
        too; a method's channels are summed.

    """
    found: dict[str, list[np.ndarray]] = {name: [] for name in names}
    together = batch_within_budget(scope, given.images.shape[1:], TOGETHER)
    for first in range(0, len(given.images), together):
        part = slice(first, first + together)
        trace = scope.trace(given.images[part], examples=given.ids[part], true=given.labels[part])
        aim = target(trace) if callable(target) else target
        aim = aim[: len(given.ids)][part] if isinstance(aim, Tensor | np.ndarray) else aim
        aim = trace.aim(aim)
        for name in list(found):
            try:
                found[name].append(map_of(trace, name, aim))
            except Refused:
                del found[name]
        trace.tape.release()
    return {name: np.concatenate(parts) for name, parts in found.items()}


def map_of(trace: Trace, name: str, aim: Aim) -> np.ndarray:
    """Map what is aimed at over the input by one method, `(B, *map)`.

    A method of layers looks at the last convolution below the aim.
    """
    method = find_method(name, {})
    given = dict(OPTIONS.get(name, {})) | {"target": aim}
    if _takes_layer(method):
        maps = [layer for layer, value in trace.maps("conv").items() if value.index <= aim.at.index]
        if not maps:
            raise Refused(f"{name} has no convolution to look at below what is explained")
        given["layers"] = [maps[-1]]
    view = next(iter(trace.view(name, **given).values()))
    return over_map(trace, view)


def over_map(trace: Trace, view: View) -> np.ndarray:
    """Lay a view over its input and sum what the map has no axis for."""
    recording = trace.scope.kind == "recording"
    shape = trace.tape.input.tensor.shape
    if "sensor" in view.axes:
        values = view.over_input().values
        if "channel" in view.axes:
            values = values.sum(view.axes.index("channel"))
        turned = view.axes.index("sensor") > view.axes.index("time")
        return values.swapaxes(1, 2) if turned else values
    if view.values.shape[-(len(shape) - 2) :] != tuple(shape[2:]):
        view = view.over_input()
    if "channel" not in view.axes:
        wide = (len(view.values), *shape[1:])
        return np.broadcast_to(view.values[:, None], wide).copy() if recording else view.values
    return view.values if recording else view.values.sum(view.axes.index("channel"))


def whole_layer(trace: Trace, layer: str) -> Aim:
    """Aim at all that a layer answers: the gradient is that of half its sum of squares."""
    value = trace.value(layer)
    return Aim(value, value.tensor, (f"all of {layer}",) * len(value.tensor))


def on_another(scope: Scope, model: torch.nn.Module) -> Scope:
    """Look through another network in the same units."""
    return replace(scope, model=model)


def _takes_layer(method: Method) -> bool:
    options: Mapping[str, Any] = method.options
    return isinstance(options.get("layers"), str) and options["target"] is not None
