"""The bootstrap over stimuli and subjects, and Spearman's correlation in every draw at once.

A draw takes stimuli with replacement. A stimulus that is taken twice is at distance 0 from itself:
such pairs are left out, as rsatoolbox does. A pair of two stimuli taken c and d times counts c d
times, so that a draw is a weighting of the pairs, and ranks in it need no sorting anew.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from layerscope.errors import Refused

Over = Literal["both", "stimuli", "subjects"]
OVER: tuple[Over, ...] = ("both", "stimuli", "subjects")


@dataclass(frozen=True, eq=False)
class Draws:
    """How often each draw takes each stimulus, `(draw, stimulus)`, and subject `(draw, subject)`.

    The first row is no draw: it takes everything once.
    """

    stimuli: np.ndarray
    subjects: np.ndarray

    def pairs(self, some: slice = slice(None)) -> np.ndarray:
        """Give how often some of the draws take each pair of different stimuli, `(draw, pair)`."""
        counts = self.stimuli[some]
        rows, columns = np.triu_indices(counts.shape[1], 1)
        return counts[:, rows] * counts[:, columns]


def draw(stimuli: int, subjects: int, count: int, seed: int, over: Over = "both") -> Draws:
    """Draw stimuli, subjects, or both with replacement, `count` times.

    >>> draws = draw(92, 4, 1000, seed=0)
    >>> draws.stimuli.shape, set(draws.stimuli.sum(1).tolist())
    ((1001, 92), {92.0})
    """
    if over not in OVER:
        raise Refused(f"over = {over!r}: one of {', '.join(OVER)}")
    if count < 0:
        raise Refused(f"draws = {count}: 0 or more")
    random = np.random.default_rng(seed)
    taken = []
    for what, number in (("stimuli", stimuli), ("subjects", subjects)):
        counts = np.ones((1 + count, number))
        if over in ("both", what):
            places = random.integers(number, size=(count, number))
            counts[1:] = 0
            np.add.at(counts, (1 + np.arange(count)[:, None], places), 1)
        taken.append(counts)
    return Draws(*taken)


def unit_ranks(values: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Rank one RDM `(pair,)` in every draw, centred and scaled: `(draw, pair)`.

    `weights` `(draw, pair)` says how often a draw takes each pair. The sum of the products of two
    RDMs' rows is Spearman's correlation in that draw, ties at their mean rank.
    """
    order = np.argsort(values, kind="stable")
    ordered = values[order]
    starts = np.flatnonzero(np.r_[True, ordered[1:] != ordered[:-1]])
    group = np.repeat(np.arange(len(starts)), np.diff(np.r_[starts, len(order)]))
    place = np.empty_like(order)
    place[order] = group  # of each pair, in its own order
    if len(starts) == len(order):
        each = weights[:, order]
    else:
        each = np.add.reduceat(weights[:, order], starts, axis=1)
    middle = np.cumsum(each, axis=1)
    middle -= each / 2
    middle -= middle_of(each, middle)
    scaled = middle[:, place]
    scaled *= np.sqrt(weights)
    return _unit(scaled)


def middle_of(weights: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Give the weighted mean of each row, `(draw, 1)`; of a row without weight, 0."""
    total = weights.sum(1, keepdims=True)
    weighted = np.einsum("dp,dp->d", weights, values)[:, None]
    return np.divide(weighted, total, out=np.zeros_like(total), where=total > 0)


def _unit(rows: np.ndarray) -> np.ndarray:
    """Scale rows to length 1, in place; a row of zeros stays."""
    length = np.sqrt(np.einsum("dp,dp->d", rows, rows))[:, None]
    return np.divide(rows, length, out=rows, where=length > 0)


def resampled(rdms: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Write one draw out: the RDMs `(..., pair)` with each pair as often as it is taken.

    `counts` `(stimulus,)` says how often each stimulus is.
    """
    rows, columns = np.triu_indices(len(counts), 1)
    times = (counts[rows] * counts[columns]).astype(int)
    return np.repeat(rdms, times, axis=-1)


def interval(draws: np.ndarray) -> tuple[float, float]:
    """Give the middle 95 % of the draws' values, or NaN where there are none."""
    if not len(draws):
        return float("nan"), float("nan")
    low, high = np.quantile(draws, [0.025, 0.975])
    return float(low), float(high)


def p_value(draws: np.ndarray) -> float:
    """Give the two-sided p of a value whose draws would be about 0 if there were nothing.

    Twice the smaller share of draws on either side of 0, with one draw more on each.
    """
    if not len(draws):
        return float("nan")
    tail = min(int((draws <= 0).sum()), int((draws >= 0).sum()))
    return min(1.0, 2 * (1 + tail) / (1 + len(draws)))
