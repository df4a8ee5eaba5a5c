"""Is it above chance: a binomial test, a permutation test within groups, figures of each group."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from layerscope.evaluation.auc import auc
from layerscope.evaluation.figures import Estimate, wilson
from layerscope.evaluation.predictions import Predictions

DRAWS = 9999
SIGNIFICANT = 0.01
CHUNK = 2**22  # labels drawn at a time


@dataclass(frozen=True)
class GroupFigures:
    """What is right in one group: a recording, session or subject. `auc` is of two classes."""

    name: str
    n: int
    correct: int
    accuracy: Estimate
    auc: Estimate


@dataclass(frozen=True)
class Chance:
    """How likely figures as good come by chance.

    `level` is the accuracy of always telling the largest class of training. `binomial_p`: of so
    many correct ones at that level, exactly. The others: the share of `draws` permutations of the
    labels within the groups that do as well or better, itself among them; `auc_p` is of two
    classes, else None. All are one-sided.
    """

    level: float
    binomial_p: float
    accuracy_p: float
    balanced_accuracy_p: float
    auc_p: float | None
    draws: int
    group_word: str

    @property
    def above(self) -> bool:
        """Whether accuracy is above chance by both tests at 1 %."""
        return max(self.binomial_p, self.accuracy_p) < SIGNIFICANT

    def as_dict(self) -> dict[str, Any]:
        """Give the figures as JSON takes them."""
        return asdict(self) | {"above": self.above, "significance": SIGNIFICANT}


def above_chance(
    predictions: Predictions,
    groups: Sequence[str],
    level: float,
    *,
    group_word: str = "recording",
    draws: int = DRAWS,
    seed: int = 0,
) -> Chance:
    """Test accuracy, balanced accuracy and (of two classes) the AUC against chance.

    Labels are permuted within each group, so that what a group has in common (its share of each
    class, its drift) is in the null too. `level` is told by the training set.

    >>> said = Predictions.from_confusion([[40, 10], [10, 40]], ["a", "b"])
    >>> above_chance(said, ["r"] * 100, 0.5, draws=99).accuracy_p
    0.01
    """
    from scipy.stats import binomtest  # here: it is slow to load

    true, predicted, k = predictions.true, predictions.predicted, len(predictions.classes)
    correct, n = int((true == predicted).sum()), len(predictions)
    drawn = (true[None], *_permuted(true, groups, draws, seed))
    found = [_statistics(labels, predictions, predicted, k) for labels in drawn]
    accuracy, balanced, area = (np.concatenate(part) for part in zip(*found, strict=True))
    return Chance(
        level=level,
        binomial_p=float(binomtest(correct, n, level, alternative="greater").pvalue) if n else 1.0,
        accuracy_p=_share(accuracy),
        balanced_accuracy_p=_share(balanced),
        auc_p=_share(area) if k == 2 and np.isfinite(area[0]) else None,
        draws=draws,
        group_word=group_word,
    )


def by_group(predictions: Predictions, groups: Sequence[str]) -> tuple[GroupFigures, ...]:
    """Count what is right in each group, in the order in which they come."""
    names, right = np.array(groups), predictions.true == predictions.predicted
    found = []
    for name in dict.fromkeys(groups):
        here = names == name
        correct, n = int(right[here].sum()), int(here.sum())
        area = two_class_auc(predictions, here)
        found.append(GroupFigures(name, n, correct, wilson(correct, n), area))
    return tuple(found)


def two_class_auc(predictions: Predictions, chosen: np.ndarray | None = None) -> Estimate:
    """Estimate the AUC of the second class against the first; undefined of more classes."""
    if len(predictions.classes) != 2:
        return Estimate()
    scores, positive = score(predictions), predictions.true == 1
    return auc(positive, scores) if chosen is None else auc(positive[chosen], scores[chosen])


def score(predictions: Predictions) -> np.ndarray:
    """Give the log odds of the second class of two, by which examples are ranked."""
    p = predictions.probabilities.astype(np.float64)
    return np.log(np.maximum(p[:, 1], 1e-300)) - np.log(np.maximum(p[:, 0], 1e-300))


def _permuted(
    true: np.ndarray, groups: Sequence[str], draws: int, seed: int
) -> Iterator[np.ndarray]:
    """Draw labels (chunk, N), permuted within each group."""
    random, names = np.random.default_rng(seed), np.array(groups)
    members = [np.flatnonzero(names == name) for name in dict.fromkeys(groups)]
    size = max(1, CHUNK // max(1, len(true)))
    for start in range(0, draws, size):
        number = min(size, draws - start)
        labels = np.empty((number, len(true)), dtype=true.dtype)
        for places in members:
            labels[:, places] = random.permuted(np.tile(true[places], (number, 1)), axis=1)
        yield labels


def _statistics(
    labels: np.ndarray, predictions: Predictions, predicted: np.ndarray, k: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Give accuracy, balanced accuracy and AUC (NaN unless of two classes) of each row."""
    from scipy.stats import rankdata

    right = labels == predicted
    present = [(label, n) for label in range(k) if (n := int((labels[0] == label).sum()))]
    recalls = [(right & (labels == label)).sum(axis=1) / n for label, n in present]
    area = np.full(len(labels), np.nan)
    count = int((labels[0] == 1).sum())
    if k == 2 and 0 < count < labels.shape[1]:
        ranks = rankdata(score(predictions))
        above = (labels == 1) @ ranks - count * (count + 1) / 2
        area = above / (count * (labels.shape[1] - count))
    return right.mean(axis=1), np.mean(recalls, axis=0), area


def _share(values: np.ndarray) -> float:
    """Give the share of values, the first among them, that are as large as the first."""
    return float((values >= values[0] - 1e-12).mean())
