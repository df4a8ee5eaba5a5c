"""What is told of recordings beside the usual tables: AUC, chance, each group, a linear twin."""

import io
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from statistics import NormalDist
from typing import Any

import numpy as np
from rich import box
from rich.console import Console
from rich.table import Table

from layerscope.errors import LayerscopeError
from layerscope.evaluation.auc import auc_difference
from layerscope.evaluation.chance import (
    SIGNIFICANT,
    Chance,
    GroupFigures,
    above_chance,
    by_group,
    score,
    two_class_auc,
)
from layerscope.evaluation.figures import Estimate, wilson
from layerscope.evaluation.predictions import Predictions


@dataclass(frozen=True)
class Comparison:
    """A linear classifier on the same examples, and by how much the network exceeds it.

    Both differences are paired, with 95 % intervals; the areas are of two classes.
    """

    method: str
    accuracy: Estimate
    auc: Estimate
    accuracy_difference: Estimate
    auc_difference: Estimate

    def told(self) -> str:
        """Say whether the network is worse, by the AUC where there is one, else by accuracy."""
        of_area = self.auc_difference.value is not None
        name, difference = (
            ("AUC", self.auc_difference) if of_area else ("accuracy", self.accuracy_difference)
        )
        value, low, high = difference.value or 0.0, difference.low or 0.0, difference.high or 0.0
        by = f"its {name} is {abs(value):.3f} {{}} (95 % interval {low:+.3f} to {high:+.3f})"
        known = {"logistic": "logistic regression", "lda": "shrunken LDA"}
        linear = f"a linear classifier ({known.get(self.method, self.method)})"
        if high < 0:
            return f"The network is worse than {linear}: {by.format('lower')}."
        if value < 0:
            return (
                f"The network is not better than {linear}: {by.format('lower')}, which cannot be "
                "told from no difference."
            )
        verdict = "better" if low > 0 else "no worse"
        return f"The network is {verdict} than {linear}: {by.format('higher')}."


@dataclass(frozen=True)
class RecordingFigures:
    """The figures of one set of predictions of epochs; `auc` is of two classes, of all epochs."""

    auc: Estimate
    chance: Chance
    by_group: tuple[GroupFigures, ...]
    linear: tuple[Comparison, ...]

    def as_dict(self) -> dict[str, Any]:
        """Give the figures as JSON takes them."""
        return {
            "auc": self.auc.value,
            "auc_interval": self.auc.interval,
            "chance": self.chance.as_dict(),
            "by_group": [asdict(each) for each in self.by_group],
            "linear": [asdict(each) | {"told": each.told()} for each in self.linear],
        }

    def sentences(self) -> list[str]:
        """Say whether accuracy is above chance, and how a linear classifier does."""
        chance = self.chance
        tested = (
            f"chance {chance.level:.3f} (the training set's largest class): binomial p = "
            f"{p_text(chance.binomial_p)}, permutation within each {chance.group_word} p = "
            f"{p_text(chance.accuracy_p)}"
        )
        if chance.above:
            said = [f"Accuracy is above {tested}."]
        else:
            said = [f"Accuracy is not above {tested}; {SIGNIFICANT:g} is asked of both."]
        others = {"Balanced accuracy": chance.balanced_accuracy_p, "The AUC": chance.auc_p}
        for name, p in others.items():
            if p is not None:
                told = "is" if p < SIGNIFICANT else "is not"
                said.append(f"{name} {told} above chance: permutation p = {p_text(p)}.")
        return said + [each.told() for each in self.linear]

    def text(self) -> str:
        """Give the table of groups as a person reads it in a terminal."""
        table = Table(box=box.SIMPLE_HEAD)
        for number, name in enumerate((self.chance.group_word, "accuracy", "AUC", "epochs")):
            table.add_column(name, justify="right" if number else "left", overflow="fold")
        for each in self.by_group:
            table.add_row(each.name, _figure(each.accuracy), _figure(each.auc), f"{each.n:,}")
        table.add_section()
        table.add_row("all", "", _figure(self.auc), f"{sum(g.n for g in self.by_group):,}")
        for twin in self.linear:
            table.add_row(f"all, {twin.method}", _figure(twin.accuracy), _figure(twin.auc), "")
        out = io.StringIO()
        Console(file=out, width=10_000, color_system=None, markup=False, highlight=False).print(
            table
        )
        lines = [line.rstrip() for line in out.getvalue().splitlines()]
        return "\n".join(line for line in lines if line)


def recording_figures(
    predictions: Predictions,
    groups: Sequence[str],
    level: float,
    *,
    group_word: str = "recording",
    linear: Mapping[str, Predictions] | None = None,
    seed: int = 0,
) -> RecordingFigures:
    """Compute what is told of epochs: `groups` are the recording (or session, subject) of each.

    `level` is the training set's majority share; `linear` are predictions of linear classifiers.
    Epochs count as independent in the intervals, which they are not quite.

    Raises:
        LayerscopeError: a linear classifier's predictions are of other epochs.

    """
    others = (linear or {}).items()
    return RecordingFigures(
        two_class_auc(predictions),
        above_chance(predictions, groups, level, group_word=group_word, seed=seed),
        by_group(predictions, groups),
        tuple(_compared(predictions, theirs, method) for method, theirs in others),
    )


def _compared(ours: Predictions, theirs: Predictions, method: str) -> Comparison:
    if theirs.ids != ours.ids or not np.array_equal(theirs.true, ours.true):
        place = {name: k for k, name in enumerate(theirs.ids)}
        if not set(ours.ids) <= set(place):
            raise LayerscopeError(f"the predictions of {method} are of other epochs")
        rows = [place[name] for name in ours.ids]
        theirs = Predictions(ours.ids, ours.true, theirs.probabilities[rows], theirs.classes)
    right = [(said.true == said.predicted).astype(float) for said in (ours, theirs)]
    two = len(ours.classes) == 2
    return Comparison(
        method,
        wilson(int(right[1].sum()), len(theirs)),
        two_class_auc(theirs),
        _paired(right[0] - right[1]),
        auc_difference(ours.true == 1, score(ours), score(theirs)) if two else Estimate(),
    )


def _paired(differences: np.ndarray) -> Estimate:
    """Estimate the mean of paired differences with the normal interval."""
    if len(differences) < 2:
        return Estimate()
    value = float(differences.mean())
    half = NormalDist().inv_cdf(0.975) * float(differences.std(ddof=1)) / len(differences) ** 0.5
    return Estimate(value, value - half, value + half)


def p_text(p: float) -> str:
    """Write a p-value with two digits.

    >>> p_text(0.0001), p_text(0.034), p_text(3e-25)
    ('0.0001', '0.034', '3e-25')
    """
    return f"{p:.2g}"


def _figure(estimate: Estimate) -> str:
    from layerscope.evaluation.text import figure

    return figure(estimate)
