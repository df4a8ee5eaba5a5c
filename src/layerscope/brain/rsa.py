"""Representational similarity: models' RDMs against subjects', by one of two estimators.

"per-subject" is the mean over subjects of the similarity to each one's RDM, and has a noise
ceiling. "group-mean" is the similarity to the mean of the subjects' RDMs; it is larger, as the
mean is less noisy, and has none. The two are never to be put side by side.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np

from layerscope.brain.bootstrap import (
    Draws,
    Over,
    draw,
    interval,
    p_value,
    resampled,
    unit_ranks,
)
from layerscope.brain.compare import comparison
from layerscope.brain.rdm import stimuli_of
from layerscope.errors import Refused
from layerscope.progress import bar

Estimator = Literal["per-subject", "group-mean"]
ESTIMATORS: tuple[Estimator, ...] = ("per-subject", "group-mean")
#: Numbers of one array of ranks; draws are taken in parts that are no larger.
_AT_ONCE = 2**20


@dataclass(frozen=True, eq=False)
class Similarity:
    """How alike a model's RDM is to brains'.

    Attributes:
        value: by the estimator.
        low, high: the middle 95 % of the bootstrap.
        subjects: to each subject's own RDM, `(subject,)`.
        draws: in each draw of the bootstrap; paired: every model has the same draws.

    """

    value: float
    low: float
    high: float
    subjects: np.ndarray
    draws: np.ndarray


@dataclass(frozen=True)
class Difference:
    """One similarity less another: in full, the middle 95 % of the paired draws, two-sided p."""

    value: float
    low: float
    high: float
    p: float


def rsa(
    models: Mapping[str, np.ndarray],
    subjects: np.ndarray,
    *,
    estimator: Estimator = "per-subject",
    compare: str = "spearman",
    draws: int = 1000,
    over: Over = "both",
    seed: int = 0,
) -> dict[str, Similarity]:
    """Compare models' RDMs `(pair,)` with subjects' `(subject, pair)`.

    Args:
        models: by name.
        subjects: one RDM each.
        estimator: "per-subject" or "group-mean".
        compare: "spearman" or "tau-a" (each draw is compared anew: minutes).
        draws: of the bootstrap; 0: none.
        over: what is drawn: "stimuli", "subjects" or "both".
        seed: of the draws.

    >>> one = np.arange(6.0)
    >>> round(rsa({"itself": one}, one[None], draws=0)["itself"].value, 6)
    1.0

    """
    subjects = np.atleast_2d(np.asarray(subjects, dtype=np.float64))
    stimuli = stimuli_of(subjects.shape[1])
    for name, values in models.items():
        if values.shape != subjects.shape[1:]:
            raise Refused(
                f"the RDM of {name} has {values.shape[-1]} pairs, the subjects' have "
                f"{subjects.shape[1]}: they must be of the same stimuli, in the same order"
            )
    if estimator not in ESTIMATORS:
        raise Refused(f"estimator = {estimator!r}: one of {', '.join(ESTIMATORS)}")
    alike = comparison(compare)
    stacked = np.stack([np.asarray(values, dtype=np.float64) for values in models.values()])
    each = alike(stacked, subjects)  # (model, subject)
    taken = draw(stimuli, len(subjects), draws, seed, over)
    way = _spearman_in_draws if compare == "spearman" else _compared_in_draws
    once, which = np.unique(stacked, axis=0, return_inverse=True)  # a layer and its rectifier
    found = way(once, subjects, taken, estimator)[which]  # (model, 1 + draws)
    return {
        name: Similarity(float(row[0]), *interval(row[1:]), own, row[1:])
        for name, row, own in zip(models, found, each, strict=True)
    }


def difference(a: Similarity, b: Similarity) -> Difference:
    """Subtract b from a, draw by draw."""
    apart = a.draws - b.draws
    return Difference(a.value - b.value, *interval(apart), p_value(apart))


def _spearman_in_draws(
    models: np.ndarray, subjects: np.ndarray, draws: Draws, estimator: Estimator
) -> np.ndarray:
    """Correlate ranks in every draw, a part of the draws after the other: `(model, draw)`."""
    count, pairs = len(draws.stimuli), subjects.shape[1]
    found = np.empty((len(models), count))
    together = max(1, _AT_ONCE // pairs)
    with bar("bootstrap", total=count, unit="draws") as step:
        for start in range(0, count, together):
            some = slice(start, min(count, start + together))
            weights = draws.pairs(some)
            brains = _brains(subjects, weights, draws.subjects[some], estimator)
            for number, model in enumerate(models):
                found[number, some] = np.einsum("dp,dp->d", unit_ranks(model, weights), brains)
            step(some.stop - start)
    return found


def _brains(
    subjects: np.ndarray, weights: np.ndarray, taken: np.ndarray, estimator: Estimator
) -> np.ndarray:
    """Give what a model's unit ranks are multiplied with in each draw, `(draw, pair)`.

    Per subject the mean of their unit ranks (a correlation is linear in them), else the unit
    ranks of the mean RDM of those who were taken.
    """
    share = taken / taken.sum(1, keepdims=True)  # (draw, subject)
    if estimator == "per-subject":
        mean = np.zeros_like(weights)
        for number, own in enumerate(subjects):
            mean += share[:, number, None] * unit_ranks(own, weights)
        return mean
    means, which = np.unique(share, axis=0, return_inverse=True)
    ranked = np.empty_like(weights)
    for number, one in enumerate(means):
        those = np.flatnonzero(which == number)
        ranked[those] = unit_ranks(one @ subjects, weights[those])
    return ranked


def _compared_in_draws(
    models: np.ndarray, subjects: np.ndarray, draws: Draws, estimator: Estimator
) -> np.ndarray:
    """Compare by tau-a in every draw, written out: `(model, draw)`."""
    alike = comparison("tau-a")
    found = np.empty((len(models), len(draws.stimuli)))
    with bar("bootstrap", total=len(draws.stimuli), unit="draws") as step:
        for number, (stimuli, taken) in enumerate(zip(draws.stimuli, draws.subjects, strict=True)):
            share = taken / taken.sum()
            present = np.flatnonzero(share)
            own = subjects[present]
            brains = own if estimator == "per-subject" else (share @ subjects)[None]
            each = alike(resampled(models, stimuli), resampled(brains, stimuli))
            found[:, number] = each @ share[present] if estimator == "per-subject" else each[:, 0]
            step()
    return found
