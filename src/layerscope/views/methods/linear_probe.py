"""Linear probe: how well each layer alone separates the classes.

>>> import torch, layerscope as ls
>>> trace = ls.Scope(ls.nets.study_mnist()).trace(torch.rand(4, 1, 28, 28), true=[0, 1, 0, 1])
>>> trace.view("linear_probe", "conv3", folds=2)["conv3"].axes
('class',)
"""

import warnings
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from layerscope.errors import Refused
from layerscope.progress import Step, bar
from layerscope.views.by_class import class_names, class_order, refuse_one_class
from layerscope.views.features import features
from layerscope.views.registry import method
from layerscope.views.stream import Label, known_labels
from layerscope.views.trace import Trace
from layerscope.views.view import View

#: Draws of the interval.
_DRAWS = 4000


@method(
    "linear_probe",
    paper="Alain and Bengio 2016, arXiv:1610.01644",
    needs=("layer", "data", "labels"),
    axes=("class",),
    signed=False,
    axioms=("not negative",),
)
def linear_probe(
    trace: Trace,
    layers: str | Sequence[str] = "conv",
    *,
    data: Iterable[Any] | None = None,
    held_out: Iterable[Any] | None = None,
    folds: int = 5,
    nulls: int = 1,
    seed: int = 0,
    pool: str = "mean",
    raw: bool = False,
) -> dict[str, View]:
    """Return each class's recall by a logistic regression on one layer's features: `"class"`.

    Features are standardised, classes weigh alike (C = 1); every example is told by a regression
    that has not seen it. `quality`: `balanced_accuracy` (the mean recall), its 95 % `interval`
    (low, high; each recall drawn from its Jeffreys posterior), `chance` (1 / classes), `null`:
    the balanced accuracies with labels shuffled, one for each of `nulls`; `confusion` "true
    predicted", `classes` and `count` "class", `converged` 0 or 1.

    Args:
        trace: whose network is looked through.
        layers: which layers.
        data: batches with labels, read once (see `views.stream.read`); None: the trace's own.
        held_out: more batches, on which the regression fitted to `data` is tried.
        folds: without them, stratified parts, each held out once.
        nulls: how often the labels are shuffled.
        seed: of the parts, the shuffles and the interval.
        pool: "mean" or "max" over a map, as a unit's feature.
        raw: at a convolution, read the map before its norm and rectifier.

    """
    _refuse_numbers(nulls, seed)
    names = trace.layer_names(layers)
    sources = [data] if held_out is None else [data, held_out]
    given = [features(trace, names, one, pool, raw, "linear_probe") for one in sources]
    labels = [known_labels(one.labels, "linear_probe") for one in given]
    order = class_order(labels[0], trace.scope.classes)
    classes = class_names(order, trace.scope.classes)
    refuse_one_class("linear_probe", classes)
    task = _task(labels, order, classes, folds)
    views = {}
    with bar("linear_probe", len(names) * (1 + nulls), "probes") as step:
        for layer in names:
            values = np.concatenate([one.layers[layer] for one in given]).astype(np.float64)
            quality = _probed(values, task, nulls, seed, step) | {"classes": classes}
            recall = torch.from_numpy(np.diag(quality["confusion"]) / quality["count"])
            about = ("linear_probe", layer, trace.value(layer, raw=raw), recall, ("class",))
            views[layer] = trace.make_view(*about, quality=quality)
    return views


@dataclass(frozen=True, eq=False)
class _Task:
    """The classes `(N,)` of all examples; the first `fitted` are fitted to, the rest held out.

    With `folds` above 0 all are fitted to, and each is held out once.
    """

    classes: np.ndarray
    fitted: int
    folds: int

    def parts(self, classes: np.ndarray, seed: int) -> list[tuple[np.ndarray, np.ndarray]]:
        """Return pairs of positions: those fitted to, and those told."""
        from sklearn.model_selection import StratifiedKFold

        if not self.folds:
            every = np.arange(len(classes))
            return [(every[: self.fitted], every[self.fitted :])]
        cut = StratifiedKFold(self.folds, shuffle=True, random_state=seed)
        return list(cut.split(classes[:, None], classes))

    def shuffled(self, seed: int) -> np.ndarray:
        """Return the classes with those that are fitted to in another order."""
        classes = self.classes.copy()
        classes[: self.fitted] = np.random.default_rng(seed).permutation(classes[: self.fitted])
        return classes


def _refuse_numbers(nulls: int, seed: int) -> None:
    if nulls < 0 or not 0 <= seed < 2**32:
        raise Refused(f"nulls={nulls}, seed={seed}: whole numbers of at least 0")


def _task(
    labels: list[tuple[Label, ...]],
    order: Sequence[Label],
    names: np.ndarray,
    folds: int,
) -> _Task:
    """Check that every class can be fitted to and held out."""
    place = {label: number for number, label in enumerate(order)}
    unknown = [label for some in labels for label in some if label not in place]
    if unknown:
        raise Refused(f"linear_probe: held_out= has the class {unknown[0]!r}, which data= has not")
    classes = [np.array([place[label] for label in some]) for some in labels]
    counts = np.bincount(classes[-1], minlength=len(order))
    rarest = int(counts.argmin())
    if len(labels) == 2:
        if counts[rarest] < 1:
            raise Refused(f"linear_probe: held_out= has no example of {str(names[rarest])!r}")
        return _Task(np.concatenate(classes), len(classes[0]), 0)
    if not isinstance(folds, int) or isinstance(folds, bool) or folds < 2:
        raise Refused(f"folds={folds!r}: a whole number of parts, at least 2")
    if counts[rarest] < folds:
        raise Refused(
            f"linear_probe: class {str(names[rarest])!r} has {counts[rarest]} examples, fewer "
            f"than the {folds} parts; give more data, held_out=, or folds="
        )
    return _Task(classes[0], len(classes[0]), folds)


def _probed(
    values: np.ndarray, task: _Task, nulls: int, seed: int, step: Step
) -> dict[str, np.ndarray]:
    """Probe one layer, with the true labels and with shuffled ones."""
    confusion, converged = _confusion(values, task, task.classes, seed)
    step()
    null = []
    for number in range(nulls):
        null.append(_balanced(_confusion(values, task, task.shuffled(seed + number), seed)[0]))
        step()
    right, count = np.diag(confusion), confusion.sum(1)
    draws = np.random.default_rng(seed).beta(right + 0.5, count - right + 0.5, (_DRAWS, len(right)))
    return {
        "balanced_accuracy": np.array(_balanced(confusion)),
        "interval": np.quantile(draws.mean(1), [0.025, 0.975]),
        "chance": np.array(1 / len(right)),
        "null": np.array(null),
        "confusion": confusion,
        "count": count,
        "converged": np.array(int(converged)),
    }


def _confusion(
    values: np.ndarray, task: _Task, classes: np.ndarray, seed: int
) -> tuple[np.ndarray, bool]:
    """Fit and tell each part: counts "true predicted", and whether every fit converged."""
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    number = int(task.classes.max()) + 1
    confusion, converged = np.zeros((number, number), dtype=np.int64), True
    for fitted, told in task.parts(classes, seed):
        probe = make_pipeline(
            StandardScaler(), LogisticRegression(class_weight="balanced", max_iter=2000)
        )
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always", ConvergenceWarning)
            probe.fit(values[fitted], classes[fitted])
        converged &= not any(w.category is ConvergenceWarning for w in caught)
        np.add.at(confusion, (classes[told], probe.predict(values[told])), 1)
    return confusion, converged


def _balanced(confusion: np.ndarray) -> float:
    return float((np.diag(confusion) / confusion.sum(1)).mean())
