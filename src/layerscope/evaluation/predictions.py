"""Predictions: what the network said of every example, and the table they are stored in."""

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np

from layerscope.errors import LayerscopeError
from layerscope.progress import bar
from layerscope.storage import write_csv

if TYPE_CHECKING:
    from torch import nn

    from layerscope.data.dataset import Split
    from layerscope.data.inputs import InputSpec

COLUMNS = ("id", "true", "predicted")
PREFIX = "p_"  # of a probability's column


@dataclass(frozen=True, eq=False)
class Predictions:
    """What a network said of N examples in K classes.

    `ids` are N names, `true` int64 class indices `(N,)`, `probabilities` float32 `(N, K)` with rows
    that sum to 1, `classes` K different names.

    Raises:
        LayerscopeError: lengths that do not fit, an index that is no class, or rows that are no
            probabilities.

    >>> said = Predictions(["a", "b"], [0, 1], [[0.9, 0.1], [0.6, 0.4]], ["cat", "dog"])
    >>> said.predicted.tolist()
    [0, 0]

    """

    ids: tuple[str, ...]
    true: np.ndarray
    probabilities: np.ndarray
    classes: tuple[str, ...]

    def __post_init__(self) -> None:
        classes = tuple(str(name) for name in self.classes)
        probabilities = np.asarray(self.probabilities, dtype=np.float32)
        fields = {
            "ids": tuple(str(name) for name in self.ids),
            "true": np.asarray(self.true, dtype=np.int64),
            "probabilities": probabilities
            if probabilities.size
            else probabilities.reshape(0, len(classes)),
            "classes": classes,
        }
        for name, value in fields.items():
            object.__setattr__(self, name, value)
        _check(self)

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def predicted(self) -> np.ndarray:
        """The most probable class of each example, int64 `(N,)`; the first one of a tie."""
        return self.probabilities.argmax(axis=1)

    @property
    def confidence(self) -> np.ndarray:
        """The probability of the predicted class, float32 `(N,)`."""
        return self.probabilities.max(axis=1) if len(self) else self.probabilities[:, 0]

    @classmethod
    def joined(cls, parts: Sequence["Predictions"]) -> "Predictions":
        """Join the predictions of several sets of examples, of the same classes."""
        return cls(
            tuple(name for part in parts for name in part.ids),
            np.concatenate([part.true for part in parts]),
            np.concatenate([part.probabilities for part in parts]),
            parts[0].classes,
        )

    def save(self, path: Path) -> None:
        """Write a CSV table with columns id, true, predicted and p_CLASS, exact to the last bit."""
        names = [PREFIX + name for name in self.classes]
        rows = (
            {"id": id, "true": self.classes[true], "predicted": self.classes[predicted]}
            | dict(zip(names, map(str, probabilities), strict=True))
            for id, true, predicted, probabilities in zip(
                self.ids, self.true, self.predicted, self.probabilities, strict=True
            )
        )
        write_csv(path, [*COLUMNS, *names], rows)

    @classmethod
    def load(cls, path: Path) -> "Predictions":
        """Read what `save` wrote; raises LayerscopeError that names the line it cannot use."""
        path = Path(path)
        try:
            with open(path, newline="", encoding="utf-8") as file:
                header, *rows = list(csv.reader(file)) or [[]]
        except (OSError, UnicodeDecodeError, csv.Error) as error:
            raise LayerscopeError(f"cannot read the predictions {path}: {error}") from error
        names = header[len(COLUMNS) :]
        if tuple(header[: len(COLUMNS)]) != COLUMNS or not all(n.startswith(PREFIX) for n in names):
            raise LayerscopeError(
                f"{path}: the columns are {', '.join(header) or '(none)'}; "
                f"a table of predictions has {', '.join(COLUMNS)} and {PREFIX}CLASS for each class"
            )
        return _parse(path, rows, [name.removeprefix(PREFIX) for name in names])

    @classmethod
    def from_confusion(
        cls, matrix: Sequence[Sequence[int]], classes: Sequence[str]
    ) -> "Predictions":
        """Make the predictions that a confusion matrix counts, rows being the true class.

        The probabilities are 0 and 1, so a calibration error made from them says nothing.

        >>> Predictions.from_confusion([[2, 1], [0, 3]], ["cat", "dog"]).predicted.tolist()
        [0, 0, 1, 1, 1, 1]
        """
        counts = np.asarray(matrix, dtype=np.int64)
        if counts.shape != (len(classes), len(classes)) or (counts < 0).any():
            raise LayerscopeError(
                f"a confusion matrix of shape {counts.shape} for {len(classes)} classes: "
                "one row and one column for each class, counts of 0 or more"
            )
        cells = np.repeat(np.arange(counts.size), counts.ravel())
        true, predicted = np.divmod(cells, len(classes))
        return cls(
            tuple(f"example {number}" for number in range(len(cells))),
            true,
            np.eye(len(classes), dtype=np.float32)[predicted],
            tuple(classes),
        )


def predict(
    net: "nn.Module",
    split: "Split",
    spec: "InputSpec",
    classes: Sequence[str],
    *,
    precision: Literal["float32", "bfloat16"] = "float32",
    batch_size: int = 32,
) -> Predictions:
    """Show a network every example of a split, in evaluation mode and without augmentation.

    The network takes `"batch channel y x"` (or `"batch channel time"`) and gives logits
    `"batch class"`; their softmax is taken in float32. The network's mode is restored afterwards.

    Raises:
        LayerscopeError: an unknown precision, outputs that do not fit the classes, or logits that
            are not finite.

    """
    import torch

    from layerscope.tape import evaluation_mode

    if precision not in ("float32", "bfloat16"):
        raise LayerscopeError(f'precision = "{precision}": "float32" or "bfloat16"')
    parameter = next(net.parameters(), None)
    device = torch.device("cpu") if parameter is None else parameter.device
    probabilities = np.empty((len(split), len(classes)), dtype=np.float32)
    with (
        evaluation_mode(net),
        torch.inference_mode(),
        torch.autocast(device.type, torch.bfloat16, enabled=precision == "bfloat16"),
        bar("evaluating", total=len(split), unit="examples") as step,
    ):
        for start in range(0, len(split), batch_size):
            positions = np.arange(start, min(start + batch_size, len(split)))
            logits = net(spec.to_model(split.batch(positions).to(device)))  # (B, K)
            _check_logits(logits, len(positions), classes, split.ids[start : start + batch_size])
            probabilities[positions] = logits.float().softmax(dim=1).cpu().numpy()
            step(len(positions))
    return Predictions(tuple(split.ids), split.labels, probabilities, tuple(classes))


def _check_logits(logits: object, batch: int, classes: Sequence[str], ids: Sequence[str]) -> None:
    import torch

    if not isinstance(logits, torch.Tensor) or logits.shape != (batch, len(classes)):
        given = tuple(logits.shape) if isinstance(logits, torch.Tensor) else type(logits).__name__
        raise LayerscopeError(
            f"the network gives {given} for {batch} examples and the {len(classes)} classes "
            f"{', '.join(classes)}; it must give logits ({batch}, {len(classes)})"
        )
    broken = (~logits.isfinite()).any(dim=1).nonzero().flatten().tolist()
    if broken:
        raise LayerscopeError(
            f"the network gives NaN or infinite logits, first for {ids[broken[0]]}; "
            'its weights are damaged, or precision = "float32" is needed'
        )


def _check(given: Predictions) -> None:
    """Refuse predictions that contradict themselves."""
    n, k = len(given.ids), len(given.classes)
    _check_classes(given.classes)
    if given.true.shape != (n,) or given.probabilities.shape != (n, k):
        raise LayerscopeError(
            f"{n} ids, {given.true.size} true classes and probabilities of shape "
            f"{given.probabilities.shape}: {n}, {n} and ({n}, {k}) belong together"
        )
    if n and not (given.true.min() >= 0 and given.true.max() < k):
        raise LayerscopeError(
            f"true classes from {given.true.min()} to {given.true.max()}: 0 to {k - 1}"
        )
    total = given.probabilities.sum(axis=1, dtype=np.float64)
    legal = (given.probabilities >= 0).all(axis=1) & (np.abs(total - 1) < 1e-3)  # a NaN is not
    if not legal.all():
        raise LayerscopeError(
            f"the probabilities of {given.ids[int(np.argmin(legal))]} are "
            f"{given.probabilities[int(np.argmin(legal))].tolist()}: each 0 or more, sum 1"
        )


def _check_classes(classes: Sequence[str]) -> None:
    if not classes or len(set(classes)) != len(classes):
        raise LayerscopeError(f"classes {list(classes)}: at least one, and no name twice")


def _parse(path: Path, rows: Sequence[Sequence[str]], classes: Sequence[str]) -> Predictions:
    """Turn the lines of the table into predictions."""
    _check_classes(classes)
    index = {name: position for position, name in enumerate(classes)}
    true, probabilities = np.empty(len(rows), np.int64), np.empty((len(rows), len(classes)))
    for position, row in enumerate(rows):
        try:
            _, true_class, predicted_class, *values = row
            true[position] = index[true_class]
            probabilities[position, :] = np.array(values, dtype=np.float32).reshape(len(classes))
            agrees = index[predicted_class] == np.argmax(probabilities[position])
        except (KeyError, ValueError) as error:
            raise LayerscopeError(
                f"{path}: example {position + 1} reads {', '.join(row)}; it must give an id, "
                f"two of the classes {', '.join(classes)} and {len(classes)} probabilities"
            ) from error
        if not agrees:
            raise LayerscopeError(
                f"{path}: {row[0]} is said to be predicted as {row[2]}, "
                "but another class has the highest probability; evaluate the run again"
            )
    return Predictions(tuple(row[0] for row in rows), true, probabilities, tuple(classes))
