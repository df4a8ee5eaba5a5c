"""Means of each class over a data set, summed in float64 as the examples come by."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor

from layerscope.errors import Refused
from layerscope.views.stream import Label, Part, known_labels, read, responses
from layerscope.views.trace import Trace


@dataclass(frozen=True, eq=False)
class ClassSums:
    """Running sums and counts of each class that has come by.

    >>> sums = ClassSums()
    >>> sums.add(["cat", "dog", "cat"], torch.tensor([[1.0], [5.0], [3.0]]))
    >>> order = sums.order(None)
    >>> order, sums.means(order).tolist(), sums.counts(order).tolist()
    (['cat', 'dog'], [[2.0], [5.0]], [2, 1])
    """

    total: dict[Label, Tensor] = field(default_factory=dict)
    count: dict[Label, int] = field(default_factory=dict)

    def add(self, labels: Sequence[Label], values: Tensor) -> None:
        """Add examples: `values` is `(B, ...)`, `labels` one for each."""
        for label in dict.fromkeys(labels):
            rows = [row for row, other in enumerate(labels) if other == label]
            found = values[torch.tensor(rows, device=values.device)].double().sum(0)
            if label in self.total and self.total[label].shape != found.shape:
                raise Refused(
                    f"values of the shape {tuple(found.shape)} and "
                    f"{tuple(self.total[label].shape)} have no mean; give examples of one size"
                )
            self.total[label] = found + self.total.get(label, torch.zeros_like(found))
            self.count[label] = self.count.get(label, 0) + len(rows)

    def order(self, classes: Sequence[str] | None) -> list[Label]:
        """List the classes that have examples, in the order of their axis; see `class_order`."""
        return class_order(self.total, classes)

    def means(self, order: Sequence[Label]) -> Tensor:
        """Return the mean of each class, float64 `(classes, ...)`."""
        return torch.stack([self.total[label] / self.count[label] for label in order])

    def counts(self, order: Sequence[Label]) -> np.ndarray:
        """Return how many examples each class had, int64 `(classes,)`."""
        return np.array([self.count[label] for label in order], dtype=np.int64)


def summed_responses(
    trace: Trace,
    layers: Sequence[str],
    data: Iterable[Any] | None,
    method: str,
    *,
    pool: str,
    raw: bool,
    rectified: bool = False,
) -> dict[str, ClassSums]:
    """Read a data set once, and sum what every unit of each layer answers each class.

    See `views.stream.read` for `data` and `method`, `views.stream.responses` for the rest.
    """
    sums = {layer: ClassSums() for layer in layers}

    def visit(part: Part) -> None:
        labels = known_labels(part.labels, method)
        found = responses(part.trace, layers, pool, raw=raw, rectified=rectified)
        for layer, values in found.items():
            sums[layer].add(labels, values)

    read(trace, data, visit, method)
    return sums


def class_order(labels: Iterable[Label], classes: Sequence[str] | None) -> list[Label]:
    """List each class once: those of the scope in its order, other names in alphabetical order.

    Raises:
        Refused: some labels are indices and others names that are no class of the scope.

    """
    found = list(dict.fromkeys(labels))
    if len({isinstance(label, str) for label in found}) > 1:
        names = [label for label in found if isinstance(label, str)]
        raise Refused(
            f"the label {names[0]!r} is none of the scope's classes "
            f"({', '.join(classes or ()) or 'it knows none'}), and others are indices; "
            "give names or indices throughout"
        )
    return sorted(found)


def class_names(order: Sequence[Label], classes: Sequence[str] | None) -> np.ndarray:
    """Return the classes' names; an index is its own name where the scope knows none for it."""
    known = list(classes or ())
    return np.array(
        [known[x] if isinstance(x, int) and x < len(known) else str(x) for x in order], dtype=str
    )


def rest_means(means: Tensor) -> Tensor:
    """Return, for each class, the mean of the other classes' means, `(classes, ...)`.

    Classes weigh alike, however many examples they have.
    """
    return (means.sum(0, keepdim=True) - means) / (len(means) - 1)


def refuse_one_class(method: str, names: np.ndarray) -> None:
    """Refuse a comparison of classes where there is only one."""
    if len(names) < 2:
        raise Refused(
            f"{method} compares classes, and all labels of the data are {names[0]!r}; "
            "give examples of two classes at least"
        )
