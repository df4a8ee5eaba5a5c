"""Which setting is chosen, by a stated rule; standard errors; what is not dominated (Pareto)."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from layerscope.evaluation.figures import mean, ratio

DRAWS = 2000

Metric = Literal["balanced_accuracy", "accuracy"]


@dataclass(frozen=True)
class Quality:
    """A setting's figure on val: the mean over its seeds, their range, its standard error.

    `seeds_error` is that of the mean over the seeds (None with one seed), `examples_error` comes
    from a bootstrap of the validation examples; `error` adds their squares.
    """

    mean: float
    low: float
    high: float
    seeds: int
    seeds_error: float | None
    examples_error: float

    @property
    def error(self) -> float:
        """One standard error of the mean."""
        return math.hypot(self.seeds_error or 0.0, self.examples_error)


@dataclass(frozen=True)
class Candidate:
    """A setting that may be chosen: its number, figure, size (as the sweep measures it), FLOPs."""

    number: int
    quality: Quality
    size: float
    flops: float


@dataclass(frozen=True)
class Choice:
    """What a rule chose: the chosen setting, the best one, and from where on it counts as equal."""

    chosen: int
    best: int
    threshold: float


def quality(true: np.ndarray, correct: np.ndarray, metric: Metric, *, seed: int = 0) -> Quality:
    """Compute a setting's figure from what its trials got right of the same examples.

    `true` int64 (N,) class indices, `correct` bool (seeds, N). All seeds are tried on the same
    draws of the examples, as they share them. Which examples a class is short of is part of the
    bootstrap: whole examples are drawn, not those of each class.

    >>> found = quality(np.array([0, 0, 1, 1]), np.array([[1, 1, 1, 0]], bool), "accuracy")
    >>> found.mean, found.seeds_error, round(found.examples_error, 2)
    (0.75, None, 0.22)
    """
    every = np.array([_figure(true, row, metric) for row in correct])
    spread = float(np.std(every, ddof=1) / math.sqrt(len(every))) if len(every) > 1 else None
    return Quality(
        float(every.mean()),
        float(every.min()),
        float(every.max()),
        len(every),
        spread,
        bootstrap_error(true, correct, metric, seed=seed),
    )


def bootstrap_error(
    true: np.ndarray, correct: np.ndarray, metric: Metric, *, draws: int = DRAWS, seed: int = 0
) -> float:
    """Give the standard error of the mean over seeds that the choice of examples brings (Efron).

    Examples of one class that as many seeds got right are alike, so counts of these are drawn.
    """
    hits = correct.sum(axis=0)  # (N,)
    cells, counts = np.unique(np.stack([true, hits]), axis=1, return_counts=True)
    label, hit = cells
    drawn = np.random.default_rng(seed).multinomial(len(true), counts / len(true), size=draws)
    share = hit / len(correct)
    if metric == "accuracy":
        return float(np.std(drawn @ share / len(true), ddof=1))
    member = label[None] == np.unique(true)[:, None]  # (K, cells)
    recalls = ratio((drawn * share) @ member.T, drawn @ member.T)  # (draws, K)
    return float(np.std(mean(recalls), ddof=1))


def choose(candidates: Sequence[Candidate], rule: str) -> Choice:
    """Choose by a rule: "best", or "one_standard_error": the smallest within one of the best.

    Of several that are equally small the one of fewest FLOPs, then the better one, then the first.

    >>> a = Candidate(0, Quality(0.90, 0.90, 0.90, 1, None, 0.01), size=100, flops=1)
    >>> b = Candidate(1, Quality(0.91, 0.91, 0.91, 1, None, 0.01), size=900, flops=1)
    >>> choose([a, b], "one_standard_error").chosen, choose([a, b], "best").chosen
    (0, 1)
    """
    best = min(candidates, key=lambda each: (-each.quality.mean, each.size, each.number))
    if rule == "best":
        return Choice(best.number, best.number, best.quality.mean)
    threshold = best.quality.mean - best.quality.error
    near = [each for each in candidates if each.quality.mean >= threshold]
    chosen = min(near, key=lambda each: (each.size, each.flops, -each.quality.mean, each.number))
    return Choice(chosen.number, best.number, threshold)


def pareto(costs: Sequence[float], values: Sequence[float]) -> list[bool]:
    """Tell for each whether no other costs as little or less and is worth as much or more.

    Of equals all are on the front.

    >>> pareto([1, 2, 2, 3], [0.5, 0.9, 0.7, 0.8])
    [True, True, False, False]
    """
    points = list(zip(costs, values, strict=True))
    return [
        not any(c <= cost and v >= value and (c, v) != (cost, value) for c, v in points)
        for cost, value in points
    ]


def _figure(true: np.ndarray, correct: np.ndarray, metric: Metric) -> float:
    if metric == "accuracy":
        return float(correct.mean())
    return float(np.mean([correct[true == label].mean() for label in np.unique(true)]))
