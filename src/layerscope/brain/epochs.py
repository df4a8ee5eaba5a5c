"""The epochs that are looked at: signals in the model's units, classes, recordings, ids."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from layerscope.errors import LayerscopeError


@dataclass(frozen=True, eq=False)
class Epochs:
    """Epochs of one set, held in memory.

    Attributes:
        signals: float32 `(N, channel, time)`, in the model's units.
        labels: the classes, int64 `(N,)`.
        groups: the recording of each; swaps and permutations stay within one.
        ids: an identifier for each.

    """

    signals: Tensor
    labels: np.ndarray
    groups: tuple[str, ...]
    ids: tuple[str, ...]

    def __post_init__(self) -> None:
        count = len(self.signals)
        if self.signals.dim() != 3:
            raise LayerscopeError(
                f"epochs of shape {tuple(self.signals.shape)}: expected (epoch, channel, time)"
            )
        for name in ("labels", "groups", "ids"):
            if len(getattr(self, name)) != count:
                raise LayerscopeError(
                    f"{len(getattr(self, name))} {name} for {count} epochs: one for each"
                )

    @staticmethod
    def of(
        signals: Tensor,
        labels: Sequence[int] | np.ndarray,
        groups: Sequence[str] | None = None,
        ids: Sequence[str] | None = None,
    ) -> "Epochs":
        """Name what is not named: one recording, and numbers as ids.

        >>> len(Epochs.of(torch.zeros(3, 4, 10), [0, 1, 1]))
        3
        """
        count = len(signals)
        return Epochs(
            signals,
            np.asarray(labels, dtype=np.int64),
            tuple(map(str, [""] * count if groups is None else groups)),
            tuple(map(str, range(count) if ids is None else ids)),
        )

    def __len__(self) -> int:
        return len(self.signals)

    def at(self, places: np.ndarray) -> "Epochs":
        """Take the epochs at some places."""
        return Epochs(
            self.signals[torch.from_numpy(places)],
            self.labels[places],
            tuple(self.groups[place] for place in places),
            tuple(self.ids[place] for place in places),
        )

    def some(self, per_class: int, seed: int = 0) -> "Epochs":
        """Take at most so many of each class, drawn evenly over the recordings."""
        random, chosen = np.random.default_rng(seed), []
        names = np.asarray(self.groups)
        for label in np.unique(self.labels):
            places = random.permutation(np.flatnonzero(self.labels == label))
            turn = np.zeros(len(places), dtype=np.int64)  # its number within its recording
            for name in np.unique(names[places]):
                own = names[places] == name
                turn[own] = np.arange(own.sum())
            chosen.append(places[np.argsort(turn, kind="stable")][:per_class])
        return self.at(np.sort(np.concatenate(chosen)))

    def parts(self, size: int) -> Iterator[np.ndarray]:
        """Cut into parts of at most so many: their places."""
        for start in range(0, len(self), size):
            yield np.arange(start, min(start + size, len(self)))
