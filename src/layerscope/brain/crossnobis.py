"""Crossnobis distances: unbiased, so that 0 means no difference; they need repeats.

Patterns of different folds (runs) are multiplied, whose noise is independent: what is the same in
both is signal. Walther et al. 2016, doi:10.1016/j.neuroimage.2015.12.012.
"""

from collections.abc import Sequence

import numpy as np

from layerscope.errors import Refused


def crossnobis(
    patterns: np.ndarray,
    conditions: Sequence[object] | np.ndarray,
    folds: Sequence[object] | np.ndarray,
    precision: np.ndarray | None = None,
) -> tuple[np.ndarray, list[object]]:
    """Compute the crossnobis RDM of conditions, and these in its order: `(pair,)`, names.

    Patterns are averaged over the trials of a condition in a fold; each fold is then compared with
    the mean of the others. Squared distances over the number of channels; they may be negative.

    Args:
        patterns: `(trial, channel)`.
        conditions: of each trial.
        folds: of each trial; their noise must be independent, as that of runs is.
        precision: inverse covariance of the noise, `(channel, channel)`; None: the identity.

    Raises:
        Refused: fewer than two folds, or a condition that a fold lacks.

    >>> trials = np.array([[0.0, 0], [2, 0], [0, 0], [2, 0], [0, 2], [0, 2]])
    >>> crossnobis(trials, list("ababcc"), [1, 1, 2, 2, 1, 2])[0]
    array([2., 2., 4.])

    """
    means, names = fold_means(patterns, conditions, folds)
    crossed = _crossed(means, precision)
    return _without_own(crossed).sum((1, 2)), names


def sign_flips(
    patterns: np.ndarray,
    conditions: Sequence[object] | np.ndarray,
    folds: Sequence[object] | np.ndarray,
    precision: np.ndarray | None = None,
    *,
    draws: int = 1000,
    seed: int = 0,
) -> np.ndarray:
    """Test each pair of conditions: one-sided p of its crossnobis distance, `(pair,)`.

    If two conditions had the same pattern, their difference in a fold could as well have had the
    other sign; the signs of the folds are drawn.
    """
    means, _ = fold_means(patterns, conditions, folds)
    apart = _without_own(_crossed(means, precision))
    signs = np.random.default_rng(seed).choice([-1.0, 1.0], size=(draws, len(means)))
    null = np.einsum("df,pfg,dg->pd", signs, apart, signs, optimize=True)
    value = apart.sum((1, 2))
    return (1 + (null >= value[:, None] - 1e-12 * np.abs(value[:, None])).sum(1)) / (1 + draws)


def _crossed(means: np.ndarray, precision: np.ndarray | None) -> np.ndarray:
    """Multiply each pair's difference in one fold with that in another: `(pair, fold, fold)`."""
    channels = means.shape[2]
    metric = np.eye(channels) if precision is None else np.asarray(precision, dtype=np.float64)
    if metric.shape != (channels, channels):
        raise Refused(f"precision {metric.shape} for {channels} channels: (channel, channel)")
    rows, columns = np.triu_indices(means.shape[1], 1)
    apart = np.moveaxis(means[:, rows] - means[:, columns], 0, 1)  # (pair, fold, channel)
    return (apart @ metric) @ np.moveaxis(apart, 1, 2) / channels


def _without_own(crossed: np.ndarray) -> np.ndarray:
    """Leave out a fold with itself, and average the others: they sum to the distance."""
    count = crossed.shape[1]
    return crossed * ~np.eye(count, dtype=bool) / (count * (count - 1))


def fold_means(
    patterns: np.ndarray,
    conditions: Sequence[object] | np.ndarray,
    folds: Sequence[object] | np.ndarray,
) -> tuple[np.ndarray, list[object]]:
    """Average trials: `(fold, condition, channel)`, and the conditions' names, sorted."""
    patterns = np.asarray(patterns, dtype=np.float64)
    of_condition, of_fold = np.asarray(conditions), np.asarray(folds)
    if patterns.ndim != 2 or not len(patterns) == len(of_condition) == len(of_fold):
        raise Refused(
            f"patterns {patterns.shape}, {len(of_condition)} conditions, {len(of_fold)} folds: "
            "expected (trial, channel), and a condition and a fold for each trial"
        )
    names, parts = np.unique(of_condition), np.unique(of_fold)
    if len(parts) < 2:
        raise Refused(
            "crossnobis distances multiply patterns of different folds, and there is one: take "
            "correlation or Euclidean distances"
        )
    means = np.empty((len(parts), len(names), patterns.shape[1]))
    for place, part in enumerate(parts):
        for number, name in enumerate(names):
            trials = patterns[(of_fold == part) & (of_condition == name)]
            if not len(trials):
                raise Refused(f"fold {part!s} has no trial of {name!s}: each needs every condition")
            means[place, number] = trials.mean(0)
    return means, names.tolist()


def noise_precision(residuals: np.ndarray, degrees: int | None = None) -> np.ndarray:
    """Invert the covariance of residuals `(row, channel)`, shrunk towards its diagonal.

    By as much as its own sampling error asks for. `degrees` of freedom: rows less one where not
    given; less what was fitted. Schäfer and Strimmer 2005, doi:10.2202/1544-6115.1175.
    """
    residuals = np.asarray(residuals, dtype=np.float64)
    rows = len(residuals)
    degrees = rows - 1 if degrees is None else degrees
    if degrees < 2:
        raise Refused(f"{rows} rows leave {degrees} degrees of freedom: too few for a covariance")
    residuals = residuals - residuals.mean(0)
    total = residuals.T @ residuals
    covariance = total / degrees
    deviation = np.sqrt(np.diag(covariance))
    if not (deviation > 0).all():
        dead = int(np.flatnonzero(~(deviation > 0))[0])
        raise Refused(f"channel {dead} (counted from 0) has no noise: leave it out")
    unit = residuals / deviation
    mean = unit.T @ unit / (rows - 1)
    squares = (unit**2).T @ unit**2 / (rows - 1)
    variance = rows / degrees**2 * (squares - mean**2)
    off = ~np.eye(len(mean), dtype=bool)
    shrinkage = np.clip(variance[off].sum() / max((mean[off] ** 2).sum(), 1e-300), 0, 1)
    return np.linalg.inv(np.where(off, (1 - shrinkage) * covariance, covariance))
