"""Evaluation: every table of a run, computed from its predictions and from nothing else."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from layerscope.evaluation import figures
from layerscope.evaluation.calibration import Bin, calibration
from layerscope.evaluation.figures import Estimate, Tally
from layerscope.evaluation.predictions import Predictions
from layerscope.evaluation.recordings import RecordingFigures
from layerscope.evaluation.robustness import Condition

CONFIDENCE = 0.95
DRAWS = 2000


@dataclass(frozen=True)
class ClassFigures:
    """The figures of one class: `correct` of `support` examples; it was predicted so many times."""

    name: str
    support: int
    predicted: int
    correct: int
    precision: Estimate
    recall: Estimate
    f1: Estimate
    precision_equal_prevalence: Estimate


@dataclass(frozen=True)
class Pair:
    """`count` of the `support` examples of class `true` were taken for class `predicted`."""

    true: str
    predicted: str
    count: int
    support: int
    rate: Estimate


@dataclass(frozen=True)
class Averages:
    """Averages over the classes in which each figure is defined."""

    precision: float | None
    recall: float | None
    f1: float | None


@dataclass(frozen=True)
class RefusedFile:
    """A file that is in no figure, and why; `label` is "" where it lies in no class's folder."""

    id: str
    label: str
    reason: str


@dataclass(frozen=True, eq=False)
class Evaluation:
    """All tables of one set of predictions; made by `evaluate`.

    `confusion` is int64 `(K, K)`, rows being the true class and columns the predicted one.
    `most_confused` is ordered by the lower end of the rate's interval, so that neither a large
    class nor a chance count leads. An undefined figure is None, never 0. `robustness`, of waveforms
    alone, is measured with the network and not computed from the predictions. `recordings` are the
    figures that only recordings have.
    """

    classes: tuple[str, ...]
    confusion: np.ndarray
    n: int
    refused: tuple[RefusedFile, ...]
    accuracy: Estimate
    balanced_accuracy: Estimate
    macro_f1: Estimate
    macro: Averages
    weighted: Averages
    per_class: tuple[ClassFigures, ...]
    most_confused: tuple[Pair, ...]
    calibration_error: float | None
    calibration: tuple[Bin, ...]
    seed: int
    robustness: tuple[Condition, ...] = ()
    recordings: RecordingFigures | None = None
    confidence: float = field(default=CONFIDENCE)
    draws: int = field(default=DRAWS)

    @property
    def skipped(self) -> int:
        """How many files are in no figure."""
        return len(self.refused)

    def as_dict(self) -> dict[str, Any]:
        """Give everything as a document for JSON: no NaN, undefined figures are null."""
        from layerscope.evaluation.sentences import findings, notes

        heard = [asdict(each) for each in self.robustness]
        return {
            "n": self.n,
            "skipped": self.skipped,
            "refused": [{"id": each.id, "reason": each.reason} for each in self.refused],
            **_flat("accuracy", self.accuracy),
            **_flat("balanced_accuracy", self.balanced_accuracy),
            **_flat("macro_f1", self.macro_f1),
            "macro": asdict(self.macro),
            "weighted": asdict(self.weighted),
            "classes": list(self.classes),
            "confusion": self.confusion.tolist(),
            "confusion_rows": "true class",
            "per_class": {each.name: _class_document(each) for each in self.per_class},
            "most_confused": [_pair_document(pair) for pair in self.most_confused],
            "calibration_error": self.calibration_error,
            "calibration": [asdict(part) for part in self.calibration],
            "findings": findings(self),
            "notes": notes(self),
            "intervals": {
                "confidence": self.confidence,
                "wilson": ["accuracy", "precision", "recall", "rate"],
                "fay_feuer": ["precision_equal_prevalence"],
                "bootstrap": ["f1", "macro_f1", "balanced_accuracy"],
                "draws": self.draws,
                "seed": self.seed,
            },
            **({"robustness": heard} if heard else {}),
            **(self.recordings.as_dict() if self.recordings else {}),
        }

    def text(self) -> str:
        """Give the tables as a person reads them in a terminal."""
        from layerscope.evaluation.text import as_text

        return as_text(self)


def evaluate(
    predictions: Predictions,
    *,
    refused: Sequence[RefusedFile] = (),
    robustness: Sequence[Condition] = (),
    recordings: RecordingFigures | None = None,
    seed: int = 0,
) -> Evaluation:
    """Compute every table from predictions; `refused` are the files that are in no figure.

    `robustness` and `recordings` are carried along, as they were measured.

    Accuracy, precision, recall and the rates of confusion carry Wilson's 95 % intervals (from
    these, precision at equal prevalence has its own); F1, macro F1 and balanced accuracy carry
    bootstrap intervals of 2000 seeded draws, which cannot see a confusion that never happened.

    >>> said = Predictions.from_confusion([[8, 2], [5, 85]], ["cat", "dog"])
    >>> result = evaluate(said)
    >>> round(result.accuracy.value, 2), round(result.balanced_accuracy.value, 3)
    (0.93, 0.872)
    """
    k = len(predictions.classes)
    cells = predictions.true * k + predictions.predicted
    confusion = np.bincount(cells, minlength=k * k).reshape(k, k)
    counts, draws = figures.tally(confusion), figures.resample(confusion, DRAWS, seed)
    error, bins = calibration(predictions)
    return Evaluation(
        classes=predictions.classes,
        confusion=confusion,
        n=len(predictions),
        refused=tuple(refused),
        accuracy=figures.wilson(int(counts.correct.sum()), len(predictions), CONFIDENCE),
        balanced_accuracy=_percentile(figures.mean(counts.recall), figures.mean(draws.recall)),
        macro_f1=_percentile(figures.mean(counts.f1), figures.mean(draws.f1)),
        macro=_averages(counts, None),
        weighted=_averages(counts, counts.support),
        per_class=_per_class(predictions.classes, confusion, draws),
        most_confused=_most_confused(predictions.classes, confusion),
        calibration_error=error,
        calibration=bins,
        seed=seed,
        robustness=tuple(robustness),
        recordings=recordings,
    )


def _percentile(value: np.ndarray, draws: np.ndarray) -> Estimate:
    return figures.percentile(float(value), draws, CONFIDENCE)


def _averages(counts: Tally, weights: np.ndarray | None) -> Averages:
    means = (figures.mean(x, weights) for x in (counts.precision, counts.recall, counts.f1))
    return Averages(*(None if np.isnan(value) else float(value) for value in means))


def _per_class(
    classes: tuple[str, ...], confusion: np.ndarray, draws: Tally
) -> tuple[ClassFigures, ...]:
    counts = figures.tally(confusion)
    f1, drawn = counts.f1, draws.f1
    equal = figures.equal_prevalence(confusion, CONFIDENCE)
    rows = []
    for i, name in enumerate(classes):
        correct, support = int(counts.correct[i]), int(counts.support[i])
        predicted = int(counts.predicted[i])
        rows.append(
            ClassFigures(
                name=name,
                support=support,
                predicted=predicted,
                correct=correct,
                precision=figures.wilson(correct, predicted, CONFIDENCE),
                recall=figures.wilson(correct, support, CONFIDENCE),
                f1=_percentile(f1[i], drawn[:, i]),
                precision_equal_prevalence=equal[i],
            )
        )
    return tuple(rows)


def _most_confused(classes: tuple[str, ...], confusion: np.ndarray) -> tuple[Pair, ...]:
    """List every directed confusion that happened, the surest first."""
    support = confusion.sum(axis=1)
    pairs = [
        Pair(
            true=classes[true],
            predicted=classes[predicted],
            count=int(confusion[true, predicted]),
            support=int(support[true]),
            rate=figures.wilson(int(confusion[true, predicted]), int(support[true]), CONFIDENCE),
        )
        for true, predicted in np.argwhere(confusion)
        if true != predicted
    ]
    return tuple(sorted(pairs, key=lambda pair: -(pair.rate.low or 0.0)))


def _flat(name: str, estimate: Estimate) -> dict[str, Any]:
    return {name: estimate.value, f"{name}_interval": estimate.interval}


def _class_document(each: ClassFigures) -> dict[str, Any]:
    return {
        "support": each.support,
        "predicted": each.predicted,
        "correct": each.correct,
        **_flat("precision", each.precision),
        **_flat("recall", each.recall),
        **_flat("f1", each.f1),
        **_flat("precision_equal_prevalence", each.precision_equal_prevalence),
    }


def _pair_document(pair: Pair) -> dict[str, Any]:
    return {
        "true": pair.true,
        "predicted": pair.predicted,
        "count": pair.count,
        "support": pair.support,
        **_flat("rate", pair.rate),
    }
