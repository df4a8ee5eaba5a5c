"""How far contributions differ between classes, beside what permuted labels give."""

from dataclasses import dataclass

import numpy as np

from layerscope.brain.nulls import corrected_p, p_value, permuted_labels


@dataclass(frozen=True, eq=False)
class Contrast:
    """A contrast of classes in each of some cells, with its null.

    Attributes:
        value: `(...)`.
        null: the same of permuted labels, `(permutation, ...)`.
        p: of each cell on its own, one-sided.
        corrected: the same, corrected for all cells.

    """

    value: np.ndarray
    null: np.ndarray
    p: np.ndarray
    corrected: np.ndarray

    @staticmethod
    def of(value: np.ndarray, null: np.ndarray) -> "Contrast":
        """Compare a value with its null."""
        return Contrast(value, null, p_value(value, null), corrected_p(value, null))

    @property
    def expected(self) -> np.ndarray:
        """The null's mean."""
        return self.null.mean(axis=0)

    @property
    def limit(self) -> np.ndarray:
        """What 95 % of the null stays below."""
        return np.quantile(self.null, 0.95, axis=0)


def class_contrast(
    values: np.ndarray,
    labels: np.ndarray,
    groups: tuple[str, ...],
    *,
    permutations: int = 1000,
    seed: int = 0,
) -> tuple[np.ndarray, np.ndarray]:
    """Contrast each class's own epochs with the others: value and null.

    Of the margin of class k, `values[k]`: its mean over the epochs of class k less its mean over
    the others; then the mean over the classes. Above 0: what is explained is larger where it
    should be. Labels are permuted within recordings.

    Args:
        values: `(class, N, ...)`.
        labels: the classes, `(N,)`.
        groups: the recording of each.
        permutations: how many.
        seed: of the permutations.

    Returns:
        `(...)` and `(permutation, ...)`.

    """
    shuffled = permuted_labels(labels, groups, permutations, seed)
    rows = np.concatenate([np.asarray(labels)[None], shuffled])  # (1 + P, N)
    flat = np.asarray(values, dtype=np.float64).reshape(*values.shape[:2], -1)
    total, present = np.zeros((len(rows), flat.shape[2])), 0
    for number in range(len(flat)):
        own = rows == number
        count = own[0].sum()
        if not 0 < count < own.shape[1]:
            continue
        present += 1
        weights = np.where(own, 1 / count, -1 / (own.shape[1] - count))
        total += weights @ flat[number]
    total = total.reshape(len(rows), *values.shape[2:]) / max(1, present)
    return total[0], total[1:]


def layer_contrast(
    values: dict[str, np.ndarray],
    labels: np.ndarray,
    groups: tuple[str, ...],
    *,
    permutations: int = 1000,
    seed: int = 0,
) -> Contrast:
    """Contrast what passes through each layer: the units' contrasts, their sizes summed.

    Units that work against each other do not cancel. One permutation shuffles all layers alike, so
    that the correction is for all layers and bands together.

    Args:
        values: `{layer: (class, N, unit, band)}`.
        labels: the classes, `(N,)`.
        groups: the recording of each.
        permutations: how many.
        seed: of the permutations.

    Returns:
        A contrast of `(layer, band)`.

    """
    found = [
        class_contrast(each, labels, groups, permutations=permutations, seed=seed)
        for each in values.values()
    ]
    value = np.stack([np.abs(own).sum(axis=0) for own, _ in found])
    null = np.stack([np.abs(other).sum(axis=1) for _, other in found], axis=1)
    return Contrast.of(value, null)
