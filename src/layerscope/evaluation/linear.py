"""A regularised linear classifier of recordings on a network's own splits: what it must beat."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from layerscope.errors import LayerscopeError
from layerscope.evaluation.predictions import Predictions

if TYPE_CHECKING:
    from layerscope.data.dataset import Split

HERTZ = (32.0, 128.0)
"""To what epochs are brought down (means of neighbouring samples): slow responses, fast waves."""
STRENGTHS = tuple(float(c) for c in np.logspace(-5, 1, 7))
"""C of the logistic regression."""
METHODS = ("logistic", "lda")
Fold = tuple[np.ndarray, np.ndarray]


def linear_baseline(
    train: Sequence["Split"],
    test: "Split",
    classes: Sequence[str],
    sfreq: float,
    method: str = "logistic",
) -> Predictions:
    """Train on the epochs of some splits and predict another's.

    Features are the channels' means over windows of about 1/32 or 1/128 s, each standardised by the
    training set. "logistic": L2 logistic regression; "lda": linear discriminant analysis with
    Ledoit and Wolf's shrinkage; both are scikit-learn's. Window and strength are those of the least
    log loss in a cross-validation over the training set's groups.

    Raises:
        LayerscopeError: an unknown method, or a class of which there are no epochs to train on.

    """
    if method not in METHODS:
        raise LayerscopeError(f'method = "{method}": one of {", ".join(METHODS)}')
    y = np.concatenate([split.labels for split in train])
    groups = np.concatenate([np.array(split.groups) for split in train])
    missing = [name for label, name in enumerate(classes) if not (y == label).any()]
    if missing:
        raise LayerscopeError(f"no epoch of {', '.join(missing)} to train a linear classifier on")
    rates = [rate for rate in HERTZ if rate <= max(sfreq, HERTZ[0])]
    shown = {
        rate: np.concatenate([features(each, sfreq, rate) for each in train]) for rate in rates
    }
    choices = [(rate, c) for rate in rates for c in (STRENGTHS if method == "logistic" else (0.0,))]
    folds = _folds(y, groups)

    def loss(choice: tuple[float, float]) -> float:
        return _loss(_classifier(method, choice[1]), shown[choice[0]], y, folds)

    rate, strength = min(choices, key=loss) if folds else choices[0]
    classifier = _classifier(method, strength).fit(shown[rate], y)
    probabilities = classifier.predict_proba(features(test, sfreq, rate))
    return Predictions(tuple(test.ids), test.labels, probabilities, tuple(classes))


def features(split: "Split", sfreq: float, rate: float) -> np.ndarray:
    """Average a split's epochs over windows of about 1 / rate s: float64 (N, channel x window).

    What is left of the last window is left out.
    """
    x = split.batch(np.arange(len(split))).numpy().astype(np.float64)  # (N, channel, time)
    width = max(1, min(round(sfreq / rate), x.shape[2]))
    whole = x.shape[2] // width * width
    means = x[:, :, :whole].reshape(*x.shape[:2], -1, width).mean(axis=3)
    return means.reshape(len(x), -1)


def _classifier(method: str, strength: float) -> Any:
    """Make a classifier of standardised features; `strength` is of the logistic regression."""
    from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    if method == "lda":
        shrunk = LinearDiscriminantAnalysis(solver="lsqr", shrinkage="auto")
        return make_pipeline(StandardScaler(), shrunk)
    return make_pipeline(StandardScaler(), LogisticRegression(C=strength, max_iter=2000))


def _loss(classifier: Any, x: np.ndarray, y: np.ndarray, folds: Sequence[Fold]) -> float:
    """Give the mean log loss on what each fold leaves out."""
    from sklearn.metrics import log_loss

    told = [(classifier.fit(x[a], y[a]).predict_proba(x[b]), y[b]) for a, b in folds]
    return float(np.mean([log_loss(true, p, labels=np.unique(y)) for p, true in told]))


def _folds(y: np.ndarray, groups: np.ndarray) -> list[Fold]:
    """Leave out groups where there are several, else stratified parts; no class is left out."""
    from sklearn.model_selection import GroupKFold, StratifiedKFold

    number, (present, counts) = len(np.unique(groups)), np.unique(y, return_counts=True)
    folds: list[Fold] = []
    if number > 1:
        folds = list(GroupKFold(min(5, number)).split(y, y, groups))
    elif counts.min() > 1:
        folds = list(StratifiedKFold(int(min(5, counts.min()))).split(y, y))
    return [(a, b) for a, b in folds if len(np.unique(y[a])) == len(present)]
