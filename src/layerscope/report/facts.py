"""A run's facts as the page tells them: study, data, training, provenance."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from layerscope.data.balance import class_weights, epoch_order

if TYPE_CHECKING:
    from layerscope.run import Run

BALANCES = {
    "none": "as it is",
    "undersample": "undersampled to the smallest class, one draw",
    "undersample_each_epoch": "undersampled to the smallest class, a new draw each epoch",
    "oversample": "oversampled to the largest class",
    "weighted": "as it is, with a loss that weighs classes",
}


@dataclass(frozen=True)
class Count:
    """One class's examples: in each split, in one epoch of training, and refused."""

    name: str
    splits: tuple[int, ...]
    epoch: int
    weight: float
    refused: int
    bar: float
    """Of train, as a share of the largest class."""
    epoch_bar: float


@dataclass(frozen=True)
class Counts:
    """The table of counts; `reasons` says why examples were refused, and how many."""

    splits: tuple[str, ...]
    rows: tuple[Count, ...]
    totals: tuple[int, ...]
    epoch: int
    refused: int
    balance: str
    weighted: bool
    reasons: tuple[tuple[str, int], ...]
    imbalance: float | None
    """Largest over smallest class of train."""


def counts(run: "Run") -> Counts:
    """Count the rows of data.csv by class and split, before and after balance."""
    rows, classes = run.data(), run.classes
    used = Counter((row["label"], row["split"]) for row in rows if not row["reason"])
    refused = [row for row in rows if row["reason"]]
    names = [name for name in ("train", "val", "test") if any(s == name for _, s in used)]
    by_label = Counter(row["label"] for row in refused)
    balance = run.study.data.balance
    train = np.repeat(np.arange(len(classes)), [used[name, "train"] for name in classes])
    order = epoch_order(train, balance, run.study.data.seed, 0)
    epoch = np.bincount(train[order], minlength=len(classes))
    weights = class_weights(train, balance, len(classes))
    sizes = np.bincount(train, minlength=len(classes))
    most = max(int(sizes.max(initial=0)), int(epoch.max(initial=0)), 1)
    return Counts(
        splits=tuple(names),
        rows=tuple(
            Count(
                name=name,
                splits=tuple(used[name, split] for split in names),
                epoch=int(epoch[i]),
                weight=float(weights[i]),
                refused=by_label[name],
                bar=float(sizes[i] / most),
                epoch_bar=float(epoch[i] / most),
            )
            for i, name in enumerate(classes)
        ),
        totals=tuple(sum(used[name, split] for name in classes) for split in names),
        epoch=int(epoch.sum()),
        refused=len(refused),
        balance=BALANCES.get(balance, balance),
        weighted=balance == "weighted",
        reasons=tuple(Counter(row["reason"] for row in refused).most_common(12)),
        imbalance=float(sizes.max() / sizes.min()) if sizes.size and sizes.min() else None,
    )


@dataclass(frozen=True)
class History:
    """The curves of a training: each a list of (epoch, value)."""

    loss: dict[str, list[tuple[int, float]]]
    accuracy: dict[str, list[tuple[int, float]]]
    best: int | None
    metric: str
    epochs: int
    images: int
    seconds: float


def history(run: "Run") -> History:
    """Read history.csv; the best epoch is the first with the best value of the study's metric."""
    rows = run.history()
    metric = run.study.training.metric
    measured = _series(rows, metric)
    sign = -1 if metric.endswith("loss") else 1
    best = max(measured, key=lambda point: sign * point[1])[0] if measured else None
    loss = {"training": _series(rows, "train_loss"), "validation": _series(rows, "val_loss")}
    accuracy = {
        "training": _series(rows, "train_accuracy"),
        "validation": _series(rows, "val_accuracy"),
        "validation, balanced": _series(rows, "val_balanced_accuracy"),
    }
    return History(
        loss={name: points for name, points in loss.items() if points},
        accuracy={name: points for name, points in accuracy.items() if points},
        best=best,
        metric=metric.removeprefix("val_").replace("_", " "),
        epochs=len(rows),
        images=round(_at_the_end(rows, "images")),
        seconds=_at_the_end(rows, "seconds"),
    )


def _at_the_end(rows: Sequence[Mapping[str, str]], column: str) -> float:
    """Give the last value of a column that counts from the beginning of the training."""
    return max((value for _, value in _series(rows, column)), default=0.0)


def _series(rows: Sequence[Mapping[str, str]], column: str) -> list[tuple[int, float]]:
    """Give the (epoch, value) of a column, where there is one."""
    return [(int(row["epoch"]), float(row[column])) for row in rows if row.get(column)]


@dataclass(frozen=True)
class Section:
    """A titled list of names and values."""

    title: str
    entries: tuple[tuple[str, str], ...]


def sections(document: Mapping[str, Any], rest: str) -> list[Section]:
    """Lay out a nested document: a section for each table in it; `rest` titles what is in none.

    >>> sections({"seed": 0, "data": {"size": 172, "augment": {"flip": 0.5}}}, "study")
    [Section(title='study', entries=(('seed', '0'),)),
     Section(title='data', entries=(('size', '172'), ('augment, flip', '0.5')))]
    """
    loose = {key: value for key, value in document.items() if not isinstance(value, Mapping)}
    tables = {key: value for key, value in document.items() if isinstance(value, Mapping)}
    found = [Section(rest, tuple(_entries(loose)))] if loose else []
    return found + [
        Section(_plain(key), tuple(_entries(table))) for key, table in tables.items() if table
    ]


def _entries(table: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    for key, value in table.items():
        if isinstance(value, Mapping):
            yield from _entries(value, f"{prefix}{_plain(key)}, ")
        else:
            yield prefix + _plain(key), told(value)


def _plain(key: str) -> str:
    return str(key).replace("_", " ")


def told(value: Any) -> str:
    """Write a setting's value for a person.

    >>> told(None), told(True), told((0.35, 1.0)), told(0.001), told(9666)
    ('–', 'yes', '0.35, 1', '0.001', '9666')
    """
    if value is None:
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:g}"
    if isinstance(value, list | tuple):
        return ", ".join(told(each) for each in value) or "none"
    return str(value)
