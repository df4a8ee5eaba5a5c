"""Targets: which class of each example is looked at."""

import difflib
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from layerscope.errors import Refused


def resolve_target(
    target: Any,
    logits: Tensor,
    classes: Sequence[str] | None,
    true: Tensor | None,
    *,
    name: str = "target",
) -> Tensor:
    """Return one class index per example.

    Args:
        target: "predicted", "true", a class name, an index, or one of these two per example.
        logits: `(B, K)`.
        classes: the K class names, or None where they are not known.
        true: the labels that the trace was given, or None.
        name: what messages call it.

    """
    batch, count = logits.shape
    if isinstance(target, str) and target not in (classes or ()):
        if target == "predicted":
            return logits.argmax(1)
        if target == "true":
            if true is None:
                raise Refused('target="true" needs the labels: scope.trace(images, true=labels)')
            return true
    given = _listed(target)
    if (len(given) == 1 and not isinstance(target, Sequence)) or isinstance(target, str):
        given = given * batch
    if len(given) != batch:
        raise Refused(
            f"{name}={target!r}: give 'predicted', 'true', a class name, an index, or one per "
            f"example ({batch} here)"
        )
    return torch.tensor([_index(one, count, classes, name) for one in given], device=logits.device)


def _listed(target: Any) -> list[Any]:
    """List what is given for the examples; nothing where it is no list of one axis."""
    if isinstance(target, str):
        return [target]
    if isinstance(target, list | tuple):
        return [one.item() if hasattr(one, "item") else one for one in target]
    values = target.detach().cpu().numpy() if isinstance(target, Tensor) else np.asarray(target)
    return values.reshape(-1).tolist() if values.ndim < 2 else []


def _index(target: Any, count: int, classes: Sequence[str] | None, name: str) -> int:
    if isinstance(target, str):
        if classes is None:
            raise Refused(f"{name} {target!r}: the scope knows no class names; give classes=")
        if target not in classes:
            near = difflib.get_close_matches(target, classes, n=1, cutoff=0.3)
            hint = f"; did you mean {near[0]!r}?" if near else ""
            raise Refused(f"no class {target!r} among {', '.join(classes)}{hint}")
        return list(classes).index(target)
    whole = isinstance(target, int | float) and not isinstance(target, bool) and target % 1 == 0
    if not whole:
        raise Refused(f"{name} {target!r} is neither a class name nor an index")
    if not 0 <= int(target) < count:
        raise Refused(f"{name} {int(target)}: class indices run from 0 to {count - 1}")
    return int(target)
