"""Which units pictures are made for: channels or classes that are named, or the strongest."""

from typing import Any

import numpy as np
import torch
from torch import Tensor

from layerscope.errors import Refused
from layerscope.tape import Value
from layerscope.views.targets import resolve_target
from layerscope.views.trace import Trace


def chosen_units(trace: Trace, layer: str, value: Value, unit: Any, top: int) -> Tensor:
    """Return the channels of a value that pictures are made for, `(U,)`.

    Args:
        trace: the recorded batch.
        layer: the layer's name, for messages.
        value: what is climbed there.
        unit: a channel or several; at the logits also names of classes. None: the strongest.
        top: how many of the strongest, by the mean over the batch of their largest answers.

    """
    maps = value.tensor
    channels = maps.shape[1]
    if unit is None:
        if not isinstance(top, int) or not 1 <= top <= channels:
            raise Refused(f"top={top!r}: a whole number; layer {layer!r} has {channels} units")
        peaks = maps.flatten(2).amax(2) if maps.dim() > 2 else maps
        return peaks.float().mean(0).argsort(descending=True, stable=True)[:top]
    if value is trace.output:
        return chosen_classes(trace, unit, name="unit")
    given = np.atleast_1d(unit.cpu().numpy() if isinstance(unit, Tensor) else np.asarray(unit))
    if given.ndim != 1 or not len(given) or not np.issubdtype(given.dtype, np.integer):
        raise Refused(f"unit={unit!r}: give one channel of layer {layer!r}, or a list of them")
    if given.min() < 0 or given.max() >= channels:
        raise Refused(f"unit={unit!r}: layer {layer!r} has the units 0 to {channels - 1}")
    return torch.as_tensor(given, device=maps.device)


def chosen_classes(trace: Trace, classes: Any, *, name: str = "classes") -> Tensor:
    """Return class indices `(K,)`: of one class or several, by name or index; None: of all."""
    logits = trace.logits[:1]
    if classes is None:
        return torch.arange(logits.shape[1], device=logits.device)
    if isinstance(classes, Tensor | np.ndarray) and classes.ndim > 1:
        raise Refused(
            f"{name} is an array of the shape {tuple(classes.shape)}; give a class or a list of "
            "them, by name or index"
        )
    alone = isinstance(classes, str) or np.ndim(classes) == 0
    given = [classes] if alone else list(classes)
    if not given:
        raise Refused(f"{name}={classes!r} names no class")
    return resolve_target(
        given, logits.expand(len(given), -1), trace.scope.classes, None, name=name
    )
