"""The verdict: from measures of each example to a reading in words, by one stated rule.

A question is answered "yes", "no" or "unclear", from 95 % intervals over examples (bootstrap):

weights   how alike are the absolute maps (Spearman) to those of the network with the upper half of
          its layers drawn anew? yes: surely below 0.5 (the map depends on what was learned); no:
          surely not below.
faithful  hide what the map calls relevant, then what it calls irrelevant: is the gap of the scores
          surely larger than that of each baseline (random, edges, centre)? yes: in three of four
          ways of hiding; no: in not one, or surely smaller than a baseline in half of them.
located   on mosaics of two classes, is the share of positive relevance on the target's half surely
          above half? no: surely not.
steady    is the map's largest change under small noise surely below the map's own norm?

Overall: "no" of weights reads "shows the input's structure, not the class", unless the map is both
faithful and located, which the input's structure alone is not: then it is to be taken with care.
"yes" of weights and faithful and no "no" of located reads "use it for: where is the evidence".
For a unit, or a whole layer, faithfulness is asked of its answer in the place of the class's.
Methods of layers are judged at the last convolution; classes are those that are predicted.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

DRAWS = 2000
ALIKE = 0.5
STRUCTURE = "shows the input's structure, not the class"
EVIDENCE = "where is the evidence"
USES = {
    "evidence": EVIDENCE,
    "unit": "what does this unit detect",
    "layer": "what does the layer keep",
}


@dataclass(frozen=True)
class Interval:
    """A mean over examples with its 95 % interval; NaN where there was nothing to measure."""

    mean: float
    low: float
    high: float

    def surely_above(self, bound: float) -> bool:
        """Tell whether the whole interval lies above."""
        return self.low > bound

    def surely_below(self, bound: float) -> bool:
        """Tell whether the whole interval lies below."""
        return self.high < bound


def interval(values: np.ndarray, seed: int = 0) -> Interval:
    """Give the mean over examples and its interval by the bootstrap's percentiles.

    Of fewer than three examples nothing is sure: the interval is without end.

    >>> interval(np.ones(8)).low
    1.0
    """
    values = np.asarray(values, float)
    values = values[np.isfinite(values)]
    if not len(values):
        return Interval(np.nan, -np.inf, np.inf)
    if len(values) < 3:
        return Interval(float(values.mean()), -np.inf, np.inf)
    places = np.random.default_rng(seed).integers(len(values), size=(DRAWS, len(values)))
    low, high = np.percentile(values[places].mean(1), [2.5, 97.5])
    return Interval(float(values.mean()), float(low), float(high))


def depends_on_weights(alike: np.ndarray) -> str:
    """Answer the question "weights" from each example's similarity."""
    found = interval(alike)
    return "yes" if found.surely_below(ALIKE) else "no" if found.low >= ALIKE else "unclear"


def is_faithful(
    gaps: Mapping[str, np.ndarray], others: Mapping[str, Mapping[str, np.ndarray]]
) -> str:
    """Answer the question "faithful".

    Args:
        gaps: by way of hiding, the method's gap for each example.
        others: by way of hiding, those of the baselines.

    """
    better = worse = 0
    for way, gap in gaps.items():
        against = [interval(gap - other) for other in others[way].values()]
        better += all(each.surely_above(0) for each in against)
        worse += any(each.surely_below(0) for each in against)
    if better >= 0.75 * len(gaps):
        return "yes"
    return "no" if not better or worse >= 0.5 * len(gaps) else "unclear"


def is_located(share: np.ndarray) -> str:
    """Answer the question "located" from the share of energy on the target's half."""
    found = interval(share)
    return "yes" if found.surely_above(0.5) else "no" if found.high <= 0.5 else "unclear"


def is_steady(change: np.ndarray) -> str:
    """Answer the question "steady" from the largest relative changes."""
    found = interval(change)
    return "yes" if found.surely_below(1) else "no" if found.low >= 1 else "unclear"


def reading(answers: Mapping[str, str]) -> tuple[str, str]:
    """Say overall what a method is good for, as `(level, words)`.

    `level` is "pass", "care" or "fail". `answers` holds those of "weights", "faithful", "located",
    "steady", and where they were asked "unit" and "layer".

    >>> reading({"weights": "no", "faithful": "yes"})
    ('fail', "shows the input's structure, not the class")
    >>> reading({"weights": "yes", "faithful": "yes", "located": "yes", "steady": "yes"})
    ('pass', 'use it for: where is the evidence')

    """
    inner = [USES[question] for question in ("unit", "layer") if answers.get(question) == "yes"]
    also = f"; use it for: {', '.join(inner)}" if inner else ""
    if answers.get("weights") == "no" and not _of_the_class(answers):
        return "fail", STRUCTURE
    if answers["faithful"] == "no":
        return "fail", f"no better than chance, edges or the middle at the evidence{also}"
    doubts = []
    if answers.get("weights", "unclear") == "no":
        doubts.append("it finds the evidence, yet much of it is the input's structure")
    elif answers.get("weights", "unclear") == "unclear":
        doubts.append("it may show the input's structure")
    if answers["faithful"] == "unclear":
        doubts.append("its faithfulness hangs on how the input is hidden")
    if answers.get("located") == "no":
        doubts.append("of two classes in one input it does not find the one that is asked for")
    if doubts:
        return "care", f"with care: {'; '.join(doubts)}{also}"
    restless = answers.get("steady") == "no"
    words = f"use it for: {', '.join([EVIDENCE, *inner])}"
    return "pass", words + ("; it moves much under small noise" if restless else "")


def _of_the_class(answers: Mapping[str, str]) -> bool:
    return answers["faithful"] == answers.get("located") == "yes"


def agreement_of_ways(gaps: Mapping[str, Mapping[str, float]]) -> dict[tuple[str, str], float]:
    """Correlate the ranking of methods (Spearman) between each two ways of hiding.

    Args:
        gaps: by way of hiding, by method, the mean gap.

    >>> agreement_of_ways({"mean": {"a": 1.0, "b": 2.0}, "blur": {"a": 3.0, "b": 1.0}})
    {('mean', 'blur'): -1.0}

    """
    from layerscope.trust.similarity import spearman

    found, ways = {}, list(gaps)
    for k, one in enumerate(ways):
        for other in ways[k + 1 :]:
            shared = [name for name in gaps[one] if name in gaps[other]]
            pair = [np.array([[gaps[way][name] for name in shared]]) for way in (one, other)]
            found[one, other] = round(float(spearman(*pair)[0]), 3)
    return found
