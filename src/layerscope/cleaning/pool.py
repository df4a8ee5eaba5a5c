"""All usable examples of a data set in one row: what a scan looks at, whatever their split."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from layerscope.data import Dataset


@dataclass(frozen=True, eq=False)
class Pool:
    """N usable examples: ids, splits, groups, digests, labels int64 (N,) and where values lie.

    `values`, which may be mapped from disk, has an example's at `rows` int64 (N,); it is asked only
    for `take(rows, axis=0)` and `shape`.
    """

    ids: Sequence[str]
    labels: np.ndarray
    splits: Sequence[str]
    groups: Sequence[str]
    sha256: Sequence[str]
    values: np.ndarray
    rows: np.ndarray
    classes: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.ids)

    def batch(self, positions: np.ndarray) -> np.ndarray:
        """Read values at positions, in the type and the axes that they are stored in."""
        return self.values.take(self.rows[positions], axis=0)


def pool_of(dataset: "Dataset") -> Pool:
    """Put the splits of a data set one after another.

    >>> from layerscope.data import DataSettings, prepare
    >>> pool = pool_of(prepare(DataSettings(kind="digits")))
    >>> len(pool), pool.batch(np.arange(2)).shape
    (1797, (2, 28, 28, 1))
    """
    parts = list(dataset.splits.values())
    digests = {example.id: example.sha256 for example in dataset.examples}
    ids = [name for part in parts for name in part.ids]
    return Pool(
        ids,
        np.concatenate([part.labels for part in parts]),
        [part.name for part in parts for _ in part.ids],
        [group for part in parts for group in part.groups],
        [digests[name] for name in ids],
        parts[0].values,
        np.concatenate([part.rows for part in parts]),
        dataset.classes,
    )
