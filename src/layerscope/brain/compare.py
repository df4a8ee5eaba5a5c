"""How alike two RDMs are: Spearman's rank correlation, and Kendall's tau-a for models with ties."""

import math
from collections.abc import Callable

import numpy as np
from scipy import stats

from layerscope.errors import Refused

Comparison = Callable[[np.ndarray, np.ndarray], np.ndarray]


def spearman(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Correlate the ranks of RDMs `(A, pair)` and `(B, pair)`, ties at their mean: `(A, B)`.

    >>> spearman(np.array([[1, 2, 3]]), np.array([[10, 30, 20]]))
    array([[0.5]])
    """
    return _unit_ranks(a) @ _unit_ranks(b).T


def tau_a(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Give Kendall's tau-a of RDMs `(A, pair)` and `(B, pair)`: `(A, B)`.

    Concordant less discordant pairs of values over all of them; a tie counts as neither, so that
    a model that predicts ties is not favoured. Nili et al. 2014, doi:10.1371/journal.pcbi.1003553.

    >>> tau_a(np.array([[1, 2, 3]]), np.array([[1, 1, 2]])).round(3)
    array([[0.667]])
    """
    return np.array([[_tau_a(x, y) for y in b] for x in a])


COMPARISONS: dict[str, Comparison] = {"spearman": spearman, "tau-a": tau_a}


def comparison(name: str) -> Comparison:
    """Find a comparison by its name."""
    if name not in COMPARISONS:
        raise Refused(f"comparison = {name!r}: one of {', '.join(COMPARISONS)}")
    return COMPARISONS[name]


def ranks(rdms: np.ndarray) -> np.ndarray:
    """Rank the values of each RDM `(..., pair)` from 1, ties at their mean."""
    return stats.rankdata(rdms, axis=-1)


def _unit_ranks(rdms: np.ndarray) -> np.ndarray:
    """Rank, centre and scale to length 1; an RDM of one value only is 0 throughout."""
    ranked = ranks(np.atleast_2d(rdms))
    ranked -= ranked.mean(-1, keepdims=True)
    length = np.linalg.norm(ranked, axis=-1, keepdims=True)
    return np.divide(ranked, length, out=np.zeros_like(ranked), where=length > 0)


def _tau_a(x: np.ndarray, y: np.ndarray) -> float:
    """Turn SciPy's tau-b, which is quick, into tau-a."""
    total = len(x) * (len(x) - 1) / 2
    untied = [total - _tied(values) for values in (x, y)]
    if min(untied) == 0:
        return 0.0
    tau_b = stats.kendalltau(x, y, method="asymptotic").statistic
    return float(tau_b * math.sqrt(untied[0]) * math.sqrt(untied[1]) / total)


def _tied(values: np.ndarray) -> float:
    """Count the pairs of equal values."""
    counts = np.unique(values, return_counts=True)[1].astype(np.float64)
    return float((counts * (counts - 1) / 2).sum())
