"""Figures made of counts: precision, recall, F1, their averages and their intervals."""

from dataclasses import dataclass
from statistics import NormalDist

import numpy as np

CHUNK = 2**22  # numbers drawn at a time, so that a thousand classes need no more memory than six


@dataclass(frozen=True)
class Estimate:
    """A figure with its interval; all three are None where the figure is undefined."""

    value: float | None = None
    low: float | None = None
    high: float | None = None

    @property
    def interval(self) -> list[float] | None:
        """The pair low, high, or None."""
        return None if self.low is None or self.high is None else [self.low, self.high]


@dataclass(frozen=True, eq=False)
class Tally:
    """Counts of each class, arrays `(..., K)`; leading axes are draws of a bootstrap."""

    correct: np.ndarray
    support: np.ndarray
    predicted: np.ndarray

    @property
    def precision(self) -> np.ndarray:
        """Correct among those predicted; NaN where the class was never predicted."""
        return ratio(self.correct, self.predicted)

    @property
    def recall(self) -> np.ndarray:
        """Correct among those true; NaN where the class has no examples."""
        return ratio(self.correct, self.support)

    @property
    def f1(self) -> np.ndarray:
        """2 correct / (support + predicted); NaN only where both are 0."""
        return ratio(2 * self.correct, self.support + self.predicted)


def tally(confusion: np.ndarray) -> Tally:
    """Count a confusion matrix `(K, K)`, rows being the true class.

    >>> tally(np.array([[8, 2], [5, 5]])).precision.round(3).tolist()
    [0.615, 0.714]
    """
    return Tally(np.diag(confusion), confusion.sum(axis=1), confusion.sum(axis=0))


def resample(confusion: np.ndarray, draws: int, seed: int) -> Tally:
    """Count `draws` bootstrap samples of the examples behind a confusion matrix (Efron 1979).

    Drawing n examples with replacement is drawing the cells of the matrix from a multinomial, so
    no example is needed. Arrays are `(draws, K)`. A confusion that never happened is never drawn.

    >>> resample(np.array([[8, 2], [5, 5]]), draws=4, seed=0).support.sum(axis=1).tolist()
    [20, 20, 20, 20]
    """
    random, k, n = np.random.default_rng(seed), len(confusion), int(confusion.sum())
    if n == 0:
        return Tally(*np.zeros((3, draws, k), dtype=np.int64))
    row, column = np.nonzero(confusion)
    share, size = confusion[row, column] / n, max(1, CHUNK // len(row))
    parts = []
    for start in range(0, draws, size):
        counts = random.multinomial(n, share, size=min(size, draws - start))  # (draws, cells)
        hits = counts * (row == column)
        parts.append([_sum_by(row, hits, k), _sum_by(row, counts, k), _sum_by(column, counts, k)])
    return Tally(*(np.concatenate(arrays) for arrays in zip(*parts, strict=True)))


def _sum_by(group: np.ndarray, values: np.ndarray, groups: int) -> np.ndarray:
    """Sum the columns of `values` `(draws, cells)` that share a group into `(draws, groups)`."""
    total = np.zeros((len(values), groups), dtype=values.dtype)
    order = np.argsort(group, kind="stable")
    present, starts = np.unique(group[order], return_index=True)
    total[:, present] = np.add.reduceat(values[:, order], starts, axis=1)
    return total


def ratio(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    """Divide; NaN, without a warning, where the whole is 0 or undefined.

    >>> ratio(np.array([1, 0]), np.array([2, 0])).tolist()
    [0.5, nan]
    """
    part, whole = np.broadcast_arrays(np.asarray(part, float), np.asarray(whole, float))
    return np.divide(part, whole, out=np.full(part.shape, np.nan), where=whole > 0)


def mean(values: np.ndarray, weights: np.ndarray | None = None) -> np.ndarray:
    """Average over the last axis, of what is defined; NaN where nothing is.

    >>> float(mean(np.array([0.5, np.nan, 1.0])))
    0.75
    """
    weights = np.ones_like(values) if weights is None else np.asarray(weights, float)
    weights = np.where(np.isnan(values), 0, weights)
    return ratio((np.nan_to_num(values) * weights).sum(axis=-1), weights.sum(axis=-1))


def wilson(count: int, total: int, confidence: float = 0.95) -> Estimate:
    """Estimate a proportion with Wilson's score interval (Wilson 1927).

    >>> cat = wilson(62, 78)
    >>> f"{cat.value:.3f} from {cat.low:.3f} to {cat.high:.3f}"
    '0.795 from 0.692 to 0.870'
    >>> wilson(0, 0)
    Estimate(value=None, low=None, high=None)
    """
    if total == 0:
        return Estimate()
    low, high = _wilson_limits(np.array(count), np.array(total), confidence)
    return Estimate(count / total, float(low), float(high))


def _wilson_limits(
    count: np.ndarray, total: np.ndarray, confidence: float
) -> tuple[np.ndarray, np.ndarray]:
    """Give the lower and upper limits of proportions; NaN where the total is 0."""
    z = NormalDist().inv_cdf((1 + confidence) / 2)
    share, spread = ratio(count, total), ratio(np.full_like(total, z * z, dtype=float), total)
    middle = (share + spread / 2) / (1 + spread)
    half = np.sqrt(spread) / (1 + spread) * np.sqrt(share * (1 - share) + spread / 4)
    low = np.where(count == 0, 0 * middle, middle - half)  # exact at the ends, in spite of rounding
    high = np.where(count == total, 0 * middle + 1, middle + half)
    return low, high


def equal_prevalence(confusion: np.ndarray, confidence: float = 0.95) -> list[Estimate]:
    """Estimate what each class's precision would be with equally many examples of every class.

    That is recall / (recall + false), where `false` sums the rates at which the other classes are
    taken for this one, over the classes that have examples. The limits join Wilson's of recall
    with those of a standardised rate (Fay and Feuer 1997) of `false`, adding the squares of what
    each contributes (Zou and Donner 2008); unlike a bootstrap they allow for a confusion that
    has not happened yet. Undefined without examples of the class, and where it is never told.

    >>> round(equal_prevalence(np.array([[8, 2], [100, 900]]))[0].value, 3)
    0.889
    """
    support = confusion.sum(axis=1)
    recall = ratio(np.diag(confusion), support)
    least, most = _wilson_limits(np.diag(confusion), support, confidence)
    false, fewer, more = _false_rates(confusion, support, confidence)
    value = ratio(recall, recall + false)
    down = np.hypot(value - ratio(least, least + false), value - ratio(recall, recall + more))
    up = np.hypot(ratio(most, most + false) - value, ratio(recall, recall + fewer) - value)
    low, high = np.maximum(value - down, 0), np.minimum(value + up, 1)
    return [
        Estimate() if np.isnan(at) else Estimate(float(at), float(a), float(b))
        for at, a, b in zip(value, low, high, strict=True)
    ]


def _false_rates(
    confusion: np.ndarray, support: np.ndarray, confidence: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Sum, for each class, the rates at which others are taken for it; with lower and upper limit.

    The gamma limits of Fay and Feuer (1997) for a weighted sum of rare counts, with the quantiles
    of chi-square by the cube of Wilson and Hilferty (1931).
    """
    k = len(confusion)
    weight = np.nan_to_num(ratio(np.ones(k), support))[:, None] * ~np.eye(k, dtype=bool)
    total, spread = (weight * confusion).sum(axis=0), (weight**2 * confusion).sum(axis=0)
    largest = weight.max(axis=0)
    z = NormalDist().inv_cdf((1 + confidence) / 2)
    low = ratio(spread, 2 * total) * _chi_square(ratio(2 * total**2, spread), -z)
    total_up, spread_up = total + largest, spread + largest**2
    high = ratio(spread_up, 2 * total_up) * _chi_square(ratio(2 * total_up**2, spread_up), z)
    return total, np.nan_to_num(low), np.nan_to_num(high)


def _chi_square(freedom: np.ndarray, z: float) -> np.ndarray:
    """Give the quantile of chi-square at the normal deviate z."""
    part = ratio(np.full(freedom.shape, 2.0), 9 * freedom)
    return freedom * np.maximum(1 - part + z * np.sqrt(part), 0) ** 3


def percentile(value: float, draws: np.ndarray, confidence: float = 0.95) -> Estimate:
    """Estimate a figure with the percentile interval of its bootstrap draws (Efron 1979).

    Draws in which the figure is undefined (a class that was not drawn) are left out.

    >>> percentile(0.5, np.array([0.2, 0.4, np.nan, 0.6, 0.8]), confidence=1.0)
    Estimate(value=0.5, low=0.2, high=0.8)
    """
    defined = draws[~np.isnan(draws)]
    if np.isnan(value) or not len(defined):
        return Estimate(None if np.isnan(value) else float(value))
    low, high = np.quantile(defined, [(1 - confidence) / 2, (1 + confidence) / 2])
    return Estimate(float(value), float(low), float(high))
