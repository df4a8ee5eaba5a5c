"""Features: what every unit of a layer answers each example of a data set, pooled over its map."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from layerscope.errors import Refused
from layerscope.views.stream import Label, Part, read, responses
from layerscope.views.trace import Trace

#: Bytes that features may always take.
_ALWAYS = 2**26


@dataclass(frozen=True, eq=False)
class Features:
    """Features of N examples.

    Attributes:
        layers: `(N, units)` float32 for each layer.
        ids: N names.
        labels: N labels, or None where they are not known.

    """

    layers: dict[str, np.ndarray]
    ids: tuple[str, ...]
    labels: tuple[Label, ...] | None


def features(
    trace: Trace, layers: Sequence[str], data: Iterable[Any] | None, pool: str, raw: bool, name: str
) -> Features:
    """Read a data set once and keep its features.

    Args:
        trace: whose network answers.
        layers: full names.
        data: as `views.stream.read` takes it.
        pool: "mean" or "max" over a map.
        raw: at a convolution, before its norm and rectifier.
        name: the method that asks, for messages.

    Raises:
        Refused: some examples have labels and others none, or the features need more than the
            scope's memory.

    """
    kept: dict[str, list[np.ndarray]] = {layer: [] for layer in layers}
    ids: list[str] = []
    labels: list[tuple[Label, ...] | None] = []
    units = sum(trace.value(layer, raw=raw).tensor.shape[1] for layer in layers)

    def visit(part: Part) -> None:
        for layer, found in responses(part.trace, layers, pool, raw=raw).items():
            kept[layer].append(found.float().cpu().numpy())
        ids.extend(part.trace.examples)
        labels.append(part.labels)
        if 4 * units * len(ids) > max(trace.scope.memory, _ALWAYS):
            raise Refused(
                f"{name} keeps {units} numbers of each example, and {len(ids)} examples fill the "
                f"scope's memory ({trace.scope.memory:,} bytes); give a share of the data, "
                "fewer layers, or Scope(..., memory=)"
            )

    read(trace, data, visit, name)
    if None in labels and any(some is not None for some in labels):
        raise Refused(f"{name}: some batches of data= have labels and others have none")
    known = None if None in labels else tuple(label for some in labels for label in some or ())
    return Features({x: np.concatenate(some) for x, some in kept.items()}, tuple(ids), known)
