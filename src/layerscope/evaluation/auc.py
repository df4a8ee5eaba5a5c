"""Area under the ROC curve with DeLong's interval, and the difference of two of them."""

from statistics import NormalDist

import numpy as np

from layerscope.errors import LayerscopeError
from layerscope.evaluation.figures import Estimate


def auc(positive: np.ndarray, scores: np.ndarray, confidence: float = 0.95) -> Estimate:
    """Estimate the area under the ROC curve: how often a positive scores above a negative.

    `positive` bool (N,), `scores` (N,); a tie counts as half. The interval is DeLong's on the logit
    scale (DeLong et al. 1988; Pepe 2003), so that it stays within 0..1; where the classes are
    apart or one area is 0 or 1, it is none. Undefined without both kinds.

    >>> found = auc(np.array([False, False, True, True]), np.array([0.1, 0.4, 0.35, 0.8]))
    >>> found.value
    0.75
    """
    positive = np.asarray(positive, dtype=bool)
    if not positive.any() or positive.all():
        return Estimate()
    values, covariance = delong(positive, np.asarray(scores)[None])
    value, spread = float(values[0]), float(np.sqrt(covariance[0, 0]))
    if not 0 < value < 1 or not spread:
        return Estimate(value)
    z = NormalDist().inv_cdf((1 + confidence) / 2)
    logit, half = np.log(value / (1 - value)), z * spread / (value * (1 - value))
    low, high = 1 / (1 + np.exp(-(logit + np.array([-half, half]))))
    return Estimate(value, float(low), float(high))


def auc_difference(
    positive: np.ndarray, ours: np.ndarray, theirs: np.ndarray, confidence: float = 0.95
) -> Estimate:
    """Estimate by how much our area exceeds theirs on the same examples (DeLong et al. 1988).

    >>> positive = np.array([False, False, True, True])
    >>> auc_difference(positive, np.array([1, 2, 3, 4]), np.array([1, 3, 2, 4])).value
    0.25
    """
    positive = np.asarray(positive, dtype=bool)
    if not positive.any() or positive.all():
        return Estimate()
    values, covariance = delong(positive, np.stack([ours, theirs]))
    value = float(values[0] - values[1])
    variance = covariance[0, 0] + covariance[1, 1] - 2 * covariance[0, 1]
    half = NormalDist().inv_cdf((1 + confidence) / 2) * float(np.sqrt(max(variance, 0.0)))
    return Estimate(value, value - half, value + half)


def delong(positive: np.ndarray, scores: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Give the areas (M,) of M scores (M, N) of the same examples, and their covariance (M, M).

    By ranks (Sun and Xu 2014), in N log N.

    Raises:
        LayerscopeError: only positives, or none.

    """
    from scipy.stats import rankdata  # here: it is slow to load

    positive = np.asarray(positive, dtype=bool)
    count, others = int(positive.sum()), int((~positive).sum())
    if not count or not others:
        raise LayerscopeError("an area under the ROC curve needs positives and negatives")
    above, below = scores[:, positive], scores[:, ~positive]
    ranks = rankdata(np.concatenate([above, below], axis=1), axis=1)  # (M, N)
    beaten = (ranks[:, :count] - rankdata(above, axis=1)) / others  # negatives below each positive
    beating = 1 - (ranks[:, count:] - rankdata(below, axis=1)) / count
    covariance = _covariance(beaten) / count + _covariance(beating) / others
    return beaten.mean(axis=1), covariance


def _covariance(values: np.ndarray) -> np.ndarray:
    """Give the covariance (M, M) of rows; 0 of a single column."""
    if values.shape[1] < 2:
        return np.zeros((len(values),) * 2)
    return np.atleast_2d(np.cov(values))
