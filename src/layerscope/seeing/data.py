"""A split of a run as batches in the model's units, for the methods that read a whole data set."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch

from layerscope.data import prepare
from layerscope.errors import LayerscopeError

if TYPE_CHECKING:
    from layerscope.data import Dataset, InputSpec, Split
    from layerscope.run import Run


@dataclass(frozen=True, eq=False)
class Batches:
    """Batches `(images, labels, ids)` of a split, read from the pack as they are asked for.

    Images are float32 in the model's units, labels int64 class indices. It can be read again and
    again, always in the same order; `len()` counts the batches.

    Attributes:
        split: which examples.
        spec: the model's input.
        batch_size: how many examples are read together.
        positions: which examples of the split, in this order; None: all.

    """

    split: "Split"
    spec: "InputSpec"
    batch_size: int = 32
    positions: np.ndarray | None = None

    def __len__(self) -> int:
        return -(-len(self._order()) // self.batch_size)

    def __iter__(self) -> Iterator[tuple[torch.Tensor, torch.Tensor, list[str]]]:
        order = self._order()
        for first in range(0, len(order), self.batch_size):
            some = order[first : first + self.batch_size]
            images = self.spec.to_model(self.split.batch(some))
            labels = torch.from_numpy(np.asarray(self.split.labels[some], dtype=np.int64))
            yield images, labels, [self.split.ids[place] for place in some]

    def _order(self) -> np.ndarray:
        return np.arange(len(self.split)) if self.positions is None else self.positions


def batches(
    run: "Run",
    split: str | None = None,
    *,
    batch_size: int = 32,
    per_class: int | None = None,
    dataset: "Dataset | None" = None,
) -> Batches:
    """Return the examples of a run's split as batches.

    Args:
        run: whose data and input units.
        split: "train", "val" or "test"; None: the split that the run's figures are told of.
        batch_size: how many examples are read together.
        per_class: of each class only so many, spread evenly over its examples; None: all.
        dataset: the run's data where they are open already.

    Raises:
        LayerscopeError: no such split, or the data have changed since the run was started.

    """
    for name, value in (("batch_size", batch_size), ("per_class", per_class)):
        if value is not None and (not isinstance(value, int) or value < 1):
            raise LayerscopeError(f"{name}={value!r}: a whole number of examples, at least 1")
    if dataset is None:
        dataset = prepare(run.study.data)
        run.check_data(dataset)
    chosen = dataset[run.evaluated_split() if split is None else split]
    positions = None if per_class is None else _spread(chosen.labels, per_class)
    return Batches(chosen, run.spec, batch_size, positions)


def _spread(labels: np.ndarray, per_class: int) -> np.ndarray:
    """Return positions of `per_class` examples of each class, in the split's order."""
    found = []
    for label in np.unique(labels):
        places = np.flatnonzero(labels == label)
        found.append(
            places[np.linspace(0, len(places) - 1, min(per_class, len(places))).astype(int)]
        )
    return np.sort(np.concatenate(found)) if found else np.arange(0)
