"""What chance would show: labels permuted within recordings, p values, corrections, intervals."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from layerscope.errors import LayerscopeError


def permuted_labels(
    labels: np.ndarray, groups: Sequence[str] | None, permutations: int, seed: int
) -> np.ndarray:
    """Permute labels `(N,)` within each group (recording): int64 (permutation, N).

    Each row keeps every group's count of every class, so that what differs between recordings
    cannot pass for what differs between classes.

    >>> permuted_labels(np.array([0, 1, 5, 5]), ["a", "a", "b", "b"], 3, 0)[:, 2:].tolist()
    [[5, 5], [5, 5], [5, 5]]
    """
    labels = np.asarray(labels)
    names = np.zeros(len(labels), dtype=np.int64) if groups is None else np.asarray(groups)
    if len(names) != len(labels):
        raise LayerscopeError(f"{len(names)} groups for {len(labels)} labels: one for each")
    random, found = np.random.default_rng(seed), np.tile(labels, (permutations, 1))
    for name in np.unique(names):
        place = np.flatnonzero(names == name)
        found[:, place] = random.permuted(found[:, place], axis=1)
    return found


def p_value(value: np.ndarray | float, null: np.ndarray) -> np.ndarray:
    """Give the share of a null `(draw, ...)` that reaches the value, which is itself counted.

    One-sided; never 0 (Phipson and Smyth 2010, doi:10.2202/1544-6115.1585).

    >>> float(p_value(3.0, np.array([0.0, 1.0, 4.0])))
    0.5
    """
    reached = (null >= np.asarray(value) - 1e-12 * np.abs(value)).sum(axis=0)
    return (1 + reached) / (1 + len(null))


def corrected_p(value: np.ndarray, null: np.ndarray) -> np.ndarray:
    """Give p values `(...)` corrected for having looked at all of them.

    Value and null are standardised by the null's mean and deviation, cell by cell; the largest of
    a draw is what any cell has to beat (Westfall and Young 1993). A cell that never varies has 1.

    Args:
        value: `(...)`.
        null: `(draw, ...)`, drawn jointly.

    """
    middle, spread = null.mean(axis=0), null.std(axis=0)
    flat = spread <= 1e-12 * np.maximum(np.abs(middle), 1e-300)
    spread = np.where(flat, 1, spread)
    scores = np.where(flat, -np.inf, (null - middle) / spread)
    largest = scores.reshape(len(null), -1).max(axis=1)
    own = np.where(flat, -np.inf, (value - middle) / spread)
    cells = largest.reshape(-1, *[1] * np.ndim(value))
    return np.where(flat, 1.0, p_value(np.where(flat, 0.0, own), cells))


def mean_interval(
    values: np.ndarray, *, confidence: float = 0.95, draws: int = 1000, seed: int = 0
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Give the mean over examples `(N, ...)` and its bootstrap interval: mean, low, high."""
    count, random = len(values), np.random.default_rng(seed)
    if not count:
        raise LayerscopeError("no examples to average")
    flat = np.asarray(values, dtype=np.float64).reshape(count, -1)
    weights = random.multinomial(count, np.full(count, 1 / count), size=draws) / count
    tails = [(1 - confidence) / 2, (1 + confidence) / 2]
    step = max(1, 2**24 // draws)
    parts = [
        np.quantile(weights @ flat[:, at : at + step], tails, axis=0)
        for at in range(0, flat.shape[1], step)
    ]
    low, high = np.concatenate(parts, axis=1).reshape(2, *values.shape[1:])
    return flat.mean(axis=0).reshape(values.shape[1:]), low, high


@dataclass(frozen=True)
class Chance:
    """Whether a network tells the classes apart at all.

    Attributes:
        n: examples.
        accuracy: the share that is told rightly.
        majority: what always telling the training data's commonest class is expected to reach.
        binomial_p: of an accuracy this high, were each told rightly with that probability.
        balanced_accuracy: the mean recall.
        permutation_p: of a balanced accuracy this high, the labels permuted within recordings.
        alpha: both p values must be below it.

    """

    n: int
    accuracy: float
    majority: float
    binomial_p: float
    balanced_accuracy: float
    permutation_p: float
    permutations: int
    alpha: float = 0.05

    @property
    def above(self) -> bool:
        """Tell whether both tests say so."""
        return max(self.binomial_p, self.permutation_p) < self.alpha

    def sentence(self) -> str:
        """Say it."""
        told = (
            f"accuracy {self.accuracy:.3f} on {self.n:,} epochs against {self.majority:.3f} for "
            f"the training data's commonest class (binomial p = {self.binomial_p:.2g}); balanced "
            f"accuracy {self.balanced_accuracy:.3f} (labels permuted within recordings: "
            f"p = {self.permutation_p:.2g})"
        )
        return f"{'Above chance' if self.above else 'Not above chance'}: {told}."


def chance(
    true: np.ndarray,
    predicted: np.ndarray,
    groups: Sequence[str] | None,
    training_labels: np.ndarray,
    *,
    permutations: int = 2000,
    seed: int = 0,
    alpha: float = 0.05,
) -> Chance:
    """Test predictions of held-out examples against chance, in two ways.

    Args:
        true: the classes, `(N,)`.
        predicted: what was told, `(N,)`.
        groups: the recording of each; None: one.
        training_labels: the classes of the training data, whose commonest sets the level.
        permutations: of the labels, within recordings.
        seed: of the permutations.
        alpha: what a p value must be below.

    """
    from scipy.stats import binomtest

    true, predicted = np.asarray(true), np.asarray(predicted)
    majority = float(np.bincount(training_labels).max() / len(training_labels))
    right = int((true == predicted).sum())
    shuffled = permuted_labels(true, groups, permutations, seed)
    null = np.array([_balanced(row, predicted) for row in shuffled])
    balanced = _balanced(true, predicted)
    return Chance(
        n=len(true),
        accuracy=right / len(true),
        majority=majority,
        binomial_p=float(binomtest(right, len(true), majority, alternative="greater").pvalue),
        balanced_accuracy=balanced,
        permutation_p=float(p_value(balanced, null)),
        permutations=permutations,
        alpha=alpha,
    )


def _balanced(true: np.ndarray, predicted: np.ndarray) -> float:
    """Give the mean recall over the classes that there are."""
    right = np.bincount(true, true == predicted)
    count = np.bincount(true)
    return float((right[count > 0] / count[count > 0]).mean())
