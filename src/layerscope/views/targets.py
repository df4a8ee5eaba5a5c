"""Targets: which class of each example is looked at."""

import difflib
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from layerscope.errors import Refused


def resolve_target(
    target: Any, logits: Tensor, classes: Sequence[str] | None, true: Tensor | None
) -> Tensor:
    """Return one class index per example.

    Args:
        target: "predicted", "true", a class name, an index, or one of these two per example.
        logits: `(B, K)`.
        classes: the K class names, or None where they are not known.
        true: the labels that the trace was given, or None.

    """
    batch, count = logits.shape
    if isinstance(target, str) and target == "predicted" and target not in (classes or ()):
        return logits.argmax(1)
    if isinstance(target, str) and target == "true" and target not in (classes or ()):
        if true is None:
            raise Refused('target="true" needs the labels: scope.trace(images, true=labels)')
        return true
    if isinstance(target, str | int | np.integer):
        target = [target] * batch
    if isinstance(target, Tensor | np.ndarray):
        target = np.atleast_1d(np.asarray(torch.as_tensor(target).cpu())).tolist()
        target = target * batch if len(target) == 1 else target
    if not isinstance(target, Sequence) or len(target) != batch:
        raise Refused(
            f"target={target!r}: give 'predicted', 'true', a class name, an index, or one per "
            f"example ({batch} here)"
        )
    indices = [_index(one, count, classes) for one in target]
    return torch.tensor(indices, device=logits.device)


def _index(target: Any, count: int, classes: Sequence[str] | None) -> int:
    if isinstance(target, str):
        if classes is None:
            raise Refused(f"target {target!r}: the scope knows no class names; give classes=")
        if target not in classes:
            near = difflib.get_close_matches(target, classes, n=1, cutoff=0.3)
            hint = f"; did you mean {near[0]!r}?" if near else ""
            raise Refused(f"no class {target!r} among {', '.join(classes)}{hint}")
        return list(classes).index(target)
    if isinstance(target, bool) or int(target) != target:
        raise Refused(f"target {target!r} is neither a class name nor an index")
    if not 0 <= int(target) < count:
        raise Refused(f"class index {int(target)} is outside 0 to {count - 1}")
    return int(target)
